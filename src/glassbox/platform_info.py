"""Facts about the platform: results are reproducible byte by byte on the same platform only."""

import os
import platform
import sys
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from shutil import which

# The instruction sets that select the kernels of linear algebra, and with them the last digits of results.
_INSTRUCTION_SETS = ("avx", "avx2", "fma", "avx512f", "asimd", "sve")


@lru_cache(maxsize=1)
def _instruction_sets() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
    line = next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), "")
    return " ".join(name for name in _INSTRUCTION_SETS if name in line.split())


def compiles() -> bool:
    """Return whether GPU kernels can be compiled on this machine."""
    return find_spec("triton") is not None and bool(which("cc") or which("gcc"))


@lru_cache(maxsize=1)
def _device() -> str:
    """Return the GPU models that NVIDIA's driver reports, and whether kernels are compiled; ``cpu`` without a usable GPU."""
    models = set[str]()
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all") not in ("", "-1"):
        with suppress(OSError):  # a GPU that the driver does not report is not used
            for path in Path("/proc/driver/nvidia/gpus").glob("*/information"):
                lines = path.read_text(encoding="utf-8").splitlines()
                models |= {line.partition(":")[2].strip() for line in lines if line.startswith("Model:")}
    return ", ".join([*sorted(models), *([] if compiles() else ["not compiled for"])]) if models else "cpu"


def platform_facts(threads: int) -> dict[str, str]:
    """Return the platform facts that results depend on, besides the request, the data, the code and the lock file."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "instructions": _instruction_sets(),
        "kernels": os.environ.get("OPENBLAS_CORETYPE", ""),
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "device": _device(),
        "threads": str(threads),
    }


def thread_limits(threads: int) -> dict[str, str]:
    """Return the environment variables that limit one fit to `threads` threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    return dict.fromkeys(names, str(threads))

"""The platform that a result holds for: the same request gives the same bytes on the same platform."""

import os
import platform
import sys
from contextlib import suppress
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from shutil import which

# The instruction sets by which linear algebra chooses its kernels, and so its last digits.
_SETS = ("avx", "avx2", "fma", "avx512f", "asimd", "sve")


@lru_cache(maxsize=1)
def _instruction_sets() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
    line = next((line for line in text.splitlines() if line.startswith(("flags", "Features"))), "")
    return " ".join(name for name in _SETS if name in line.split())


def compiles() -> bool:
    """Whether what a GPU is to do can be compiled here."""
    return find_spec("triton") is not None and bool(which("cc") or which("gcc"))


@lru_cache(maxsize=1)
def _device() -> str:
    """The kinds of GPU, as NVIDIA's driver tells them, and whether they are compiled for; ``cpu`` where there are none to be used."""
    models = set[str]()
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all") not in ("", "-1"):
        with suppress(OSError):  # what the driver does not tell is no GPU to us
            for path in Path("/proc/driver/nvidia/gpus").glob("*/information"):
                told = path.read_text(encoding="utf-8").splitlines()
                models |= {line.partition(":")[2].strip() for line in told if line.startswith("Model:")}
    return ", ".join([*sorted(models), *([] if compiles() else ["not compiled for"])]) if models else "cpu"


def platform_facts(threads: int) -> dict[str, str]:
    """What the bytes depend on beside the request, the data, the code and the lock."""
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
    """Environment variables that hold one fit to `threads` threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    return dict.fromkeys(names, str(threads))

"""The platform that a result holds for: the same request gives the same bytes on the same platform."""

import os
import platform
import sys
from functools import lru_cache
from pathlib import Path

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


@lru_cache(maxsize=1)
def _device() -> str:
    """The GPUs by name, as NVIDIA's driver tells them; ``cpu`` where there are none."""
    told = sorted(Path("/proc/driver/nvidia/gpus").glob("*/information"))
    models = [line for path in told for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("Model:")]
    return ", ".join(line.partition(":")[2].strip() for line in models) or "cpu"


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

"""The device that networks are trained on, the lock around random draws, and thread pools for prediction."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import torch

from glassbox.runtime.worker_pool import WorkerPool

# torch has one random number generator for all threads, so code that draws from it runs one at a time: the creation of networks, and
# a whole training with dropout.
DRAWING = threading.RLock()
_ON_GPU = threading.RLock()


def device() -> torch.device:
    """Return the GPU where there is one, else the CPU; computations are deterministic, and without autocast equal on both."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def exclusive_gpu() -> Iterator[None]:
    """Run one training at a time on a GPU: compiled code there depends on what was compiled before."""
    with _ON_GPU if device().type == "cuda" else nullcontext():
        yield


def autocast() -> Any:
    """Compute in bfloat16 on a GPU, and in full precision on a CPU."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if device().type == "cuda" else nullcontext()


def predict_pool(workers: int | None = None) -> WorkerPool:
    """Return a pool of threads that each predict one row; by default, as many as there are cores.

    Each uses one torch thread, as in a service, so that predictions have the same digits.
    """
    return WorkerPool(workers or len(os.sched_getaffinity(0)), initializer=partial(torch.set_num_threads, 1))

"""The torch device for training, the lock around random draws, and thread pools for prediction."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import torch

from glassbox.runtime.worker_pool import WorkerPool

# torch has one random number generator for all threads, so code that draws from it holds this lock: the creation of networks, and
# whole trainings with dropout.
DRAWING = threading.RLock()
_ON_GPU = threading.RLock()


def device() -> torch.device:
    """Return the GPU if there is one, else the CPU, and enable deterministic algorithms."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def exclusive_gpu() -> Iterator[None]:
    """Hold a lock on the GPU, if there is one: compiled code depends on earlier compilations, so trainings run one at a time."""
    with _ON_GPU if device().type == "cuda" else nullcontext():
        yield


def autocast() -> Any:
    """Return a context that computes in bfloat16 on a GPU and in full precision on a CPU."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if device().type == "cuda" else nullcontext()


def predict_pool(workers: int | None = None) -> WorkerPool:
    """Return a pool of threads that each predict one row at a time; by default, one thread per core.

    Each thread limits torch to one thread, as in the service, so that predictions have the same digits.
    """
    return WorkerPool(workers or len(os.sched_getaffinity(0)), initializer=partial(torch.set_num_threads, 1))

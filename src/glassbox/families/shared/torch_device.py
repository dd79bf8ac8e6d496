"""What networks of every family share: where they learn, what draws at random for them, and how they are asked."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import torch

from glassbox.runtime.worker_pool import WorkerPool

# torch has one source of random numbers for all threads: what draws from it goes one after the other. That is the making of networks,
# and all of a training in which units are left out at random.
DRAWING = threading.RLock()
_ON_GPU = threading.RLock()


def device() -> torch.device:
    """A GPU where there is one. Sums come out the same at each run, and where nothing is narrow as they would on the other."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.allow_tf32 = False
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def alone() -> Iterator[None]:
    """A block that one training at a time is in, on a GPU: what is compiled there hangs on what was compiled before."""
    with _ON_GPU if device().type == "cuda" else nullcontext():
        yield


def autocast() -> Any:
    """A block in which a GPU computes in bfloat16, and a processor as it always does."""
    return torch.autocast("cuda", dtype=torch.bfloat16) if device().type == "cuda" else nullcontext()


def predict_pool(workers: int | None = None) -> WorkerPool:
    """Threads that ask a network of one row each, as many as there are cores when nobody says.

    One thread of torch for each, as in a service, so that digits are the same.
    """
    return WorkerPool(workers or len(os.sched_getaffinity(0)), initializer=partial(torch.set_num_threads, 1))

"""Resources of a stage run: threads, parallel workers, caches and the progress callback."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from glassbox.runtime.result_cache import Cache, NullCache

Progress = Callable[[int, int, str], None]  # steps done, steps in total, description of the last step


def ignore_progress(done: int, total: int, what: str = "") -> None:
    """Report nothing."""


@dataclass(frozen=True)
class Resources:
    """Settings and resources that a stage passes to every fit. Results depend on `seed` and `threads` alone.

    Attributes
    ----------
    seed
        The seed of the request.
    threads
        Threads of one fit.
    workers
        Fits that run side by side.
    max_threads
        Threads of the whole run, for work that needs one thread per item, such as decoding images.
    cache
        Results of fits, by everything that they depend on.
    vector_cache_dir
        Folder of cached embeddings and training checkpoints; None caches none.
    root
        The project folder, in which paths to pretrained weights are looked up.
    progress
        Called after each fit.
    """

    seed: int = 0
    threads: int = 1
    workers: int = 1
    max_threads: int = 1
    cache: Cache = field(default_factory=NullCache)
    vector_cache_dir: Path | None = None
    root: Path = Path()
    progress: Progress = ignore_progress

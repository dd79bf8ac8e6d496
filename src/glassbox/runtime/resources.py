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
        The number of threads of one fit.
    workers
        The maximum number of parallel fits.
    max_threads
        The number of threads of the whole run, for single-threaded tasks such as decoding images.
    cache
        The cache of fits, keyed by their inputs.
    vector_cache_dir
        The folder of cached embeddings and training checkpoints; None disables both.
    root
        The project folder, against which paths to pretrained weights are resolved.
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

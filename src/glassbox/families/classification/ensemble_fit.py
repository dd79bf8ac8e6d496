"""Fits the members of an ensemble in parallel; not part of a served package of tables, which fits its members one by one."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from glassbox.runtime.worker_pool import WorkerPool


def fit_members(
    members: Sequence[Mapping[str, Any]],
    fit_member: Callable[[int, Mapping[str, Any]], Any],
    *,
    workers: int = 1,
    threads: int = 1,
    initializer: Callable[[], object] | None = None,
) -> list[Any]:
    """Fit members (``kind``, ``params``, ``weight``) by `fit_member` in parallel; `initializer` runs once in each thread."""
    with WorkerPool(workers, threads=threads, initializer=initializer) if workers > 1 else nullcontext() as pool:
        return list((pool.map if pool else map)(fit_member, range(len(members)), members))

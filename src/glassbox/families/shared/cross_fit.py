"""What fits of every family share: results that are remembered, threads that are held to, progress that is told."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from threadpoolctl import threadpool_limits

from glassbox.errors import GlassboxError
from glassbox.families.shared.suppress_warnings import quiet
from glassbox.runtime.worker_pool import WorkerPool

Progress = Callable[[int, int, str], None]


class Cache(Protocol):
    """`glassbox.runtime.result_cache.Memo`, or anything that remembers as it does."""

    def get_or_compute(self, parts: Mapping[str, Any], compute: Any, code: Sequence[Any] = ()) -> dict[str, Any]: ...


@dataclass(frozen=True)
class NullCache:
    """Remembers nothing."""

    def get_or_compute(self, parts: Mapping[str, Any], compute: Any, code: Sequence[Any] = ()) -> dict[str, Any]:
        return cast(dict[str, Any], compute())


M = TypeVar("M")


def cache_key(
    what: str, data: Any, fold: int, kind: str, params: Mapping[str, Any], *, seed: int, threads: int, **more: Any
) -> dict[str, Any]:
    """All that one fit hangs on, by name: what it is, the data it sees, the fold or origin, kind, hyperparameters, seed, threads."""
    return {
        "what": what,
        "data": data,
        "fold": fold,
        "kind": kind,
        "params": dict(params),
        "seed": seed,
        "threads": threads,
        **more,
    }


def fit_and_predict_cached(
    parts: Mapping[str, Any], fit: Callable[[], M], ask: Callable[[M], Mapping[str, Any]], *, memo: Cache | None, code: str
) -> dict[str, Any]:
    """What a model says of rows that it did not see, remembered by `parts` and by the module `code` with all that it imports.

    Parameters
    ----------
    parts
        As `parts_of` gives them.
    fit, ask
        Makes the model; gives what it says.

    Returns
    -------
    dict
        What `ask` gave, and ``fit_s``, ``predict_s``: the seconds that it took when it was computed.
    """

    def compute() -> dict[str, Any]:
        started = time.perf_counter()
        model = fit()
        between = time.perf_counter()
        said = ask(model)
        return {**said, "fit_s": between - started, "predict_s": time.perf_counter() - between}

    return (memo or NullCache()).get_or_compute(parts, compute, code=[code])


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Linear algebra on `threads` threads within this block: sums in another order are other bytes.

    Enter it once around fits that run side by side: the limit is the process's, and the first to leave would lift it for all.
    """
    with threadpool_limits(limits=threads):
        yield


def run_side_by_side(
    tried: Sequence[Any],
    places: Sequence[int],
    fit: Callable[[Any, int], dict[str, Any]],
    *,
    place: str,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[list[dict[str, Any]]]:
    """Every candidate at every place (a fold, an origin), several side by side.

    Parameters
    ----------
    fit
        Fits a candidate at a place.
    place
        What a place is called when progress is told.

    Returns
    -------
    list of list of dict
        For each candidate what `fit` gave at each place; where it failed, ``reason``, and the others go on.

    Raises
    ------
    GlassboxError
        When two candidates have one name.
    """
    names = [candidate.name for candidate in tried]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise GlassboxError(f"Candidates need names of their own; {', '.join(map(repr, twice))} is used more than once.")
    jobs = [(candidate, i) for candidate in tried for i in range(len(places))]

    def one(job: tuple[Any, int]) -> dict[str, Any]:
        candidate, i = job
        try:
            return fit(candidate, places[i])
        except Exception as error:  # a candidate that fails is a row with its reason; it is not remembered
            said = str(error).strip().splitlines()
            return {"reason": f"{type(error).__name__}: {said[0] if said else 'no message'}"}

    results: list[dict[str, Any]] = []
    # What libraries warn of is kept off the page around all fits: kept off by each, it would be seen as they happen to overlap.
    with limited(threads), quiet(), WorkerPool(workers, threads=threads) as pool:
        for done, (job, result) in enumerate(zip(jobs, pool.map(one, jobs), strict=True), start=1):
            results.append(result)
            if progress:
                progress(done, len(jobs), f"{job[0].name}, {place} {job[1] + 1} of {len(places)}")
    return [results[i * len(places) : (i + 1) * len(places)] for i in range(len(tried))]

"""Cross-fitting of candidates over folds: fits run in parallel and are cached by their inputs."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

from glassbox.errors import DataError, GlassboxError
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.suppress_warnings import suppress_warnings
from glassbox.runtime.resources import Resources
from glassbox.runtime.worker_pool import WorkerPool

M = TypeVar("M")
P = TypeVar("P")
FoldFit = Callable[[Candidate, int], dict[str, Any]]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CandidateRun(Generic[P]):
    """The result of cross-fitting one candidate.

    Attributes
    ----------
    predictions
        The out-of-fold predictions; None if a fit failed.
    reason
        The reason for the failure; empty if no fit failed.
    fit_s, predict_s
        Seconds to fit and to predict, summed over folds.
    """

    candidate: Candidate
    predictions: P | None = None
    reason: str = ""
    fit_s: float = 0.0
    predict_s: float = 0.0

    @property
    def oof(self) -> P:
        """The out-of-fold predictions of a run that did not fail."""
        assert self.predictions is not None, f"{self.candidate.name} failed: {self.reason}"
        return self.predictions


def align_folds(row_ids: Sequence[str], folds: pd.DataFrame | None) -> Ints:
    """Return the fold of each row, in the order of `row_ids`.

    Parameters
    ----------
    folds
        ``row_id`` and ``fold``; None puts all rows into one fold.

    Raises
    ------
    DataError
        When a row has no fold.
    """
    if folds is None:
        return np.zeros(len(row_ids), dtype=np.int64)
    fold = folds.set_index("row_id")["fold"].reindex(list(row_ids)).to_numpy(dtype=np.float64)
    if missing := int(np.isnan(fold).sum()):
        raise DataError(f"{missing} rows of train have no fold; folds and train are from different runs. Run `features` again.")
    return fold.astype(np.int64)


def cache_key(
    step: str, data: Any, fold: int, kind: str, params: Mapping[str, Any], resources: Resources, **more: Any
) -> dict[str, Any]:
    """Return the cache key of one fit: step, training data, fold or origin, kind, hyperparameters, seed and threads."""
    return {
        "what": step,
        "data": data,
        "fold": fold,
        "kind": kind,
        "params": dict(params),
        "seed": resources.seed,
        "threads": resources.threads,
        **more,
    }


def fit_and_predict_cached(
    key: Mapping[str, Any],
    fit: Callable[[], M],
    predict: Callable[[M], Mapping[str, Any]],
    *,
    resources: Resources,
    code: str,
) -> dict[str, Any]:
    """Fit a model and predict unseen rows, or return the cached result.

    Parameters
    ----------
    key
        From `cache_key`.
    code
        The module whose code, with all that it imports, is part of the key.

    Returns
    -------
    dict
        The values of `predict`, and ``fit_s`` and ``predict_s``: the measured seconds of the original computation.
    """

    def compute() -> dict[str, Any]:
        started = time.perf_counter()
        model = fit()
        fitted = time.perf_counter()
        predictions = predict(model)
        return {**predictions, "fit_s": fitted - started, "predict_s": time.perf_counter() - fitted}

    return resources.cache.get_or_compute(key, compute, code=[code])


@contextmanager
def limit_threads(threads: int) -> Iterator[None]:
    """Limit linear algebra to `threads` threads in this block, since the number of threads affects the order of summation.

    Enter it once around all parallel fits: the limit applies to the whole process and ends when any block exits.
    """
    with threadpool_limits(limits=threads):
        yield


def cross_fit(
    candidates: Sequence[Candidate],
    folds: Sequence[int],
    fit: FoldFit,
    assemble: Callable[[Sequence[Mapping[str, Any]]], P],
    resources: Resources,
) -> list[CandidateRun[P]]:
    """Fit every candidate on every fold in parallel.

    Parameters
    ----------
    folds
        The numbers of the folds, or the origins of a backtest.
    fit
        Fits a candidate on all folds but one; returns predictions for that fold, ``fit_s`` and ``predict_s``.
    assemble
        Combines the predictions of all folds in row order; raises ValueError when they are incomplete or invalid.

    Returns
    -------
    list of CandidateRun
        One per candidate, in order. A candidate that fails is recorded with its reason, and the others continue.

    Raises
    ------
    GlassboxError
        When two candidates share a name.
    """
    names = [candidate.name for candidate in candidates]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise GlassboxError(f"Candidates need unique names; {', '.join(map(repr, repeated))} is used more than once.")
    jobs = [(candidate, i) for candidate in candidates for i in range(len(folds))]

    def run(job: tuple[Candidate, int]) -> dict[str, Any]:
        candidate, i = job
        try:
            return fit(candidate, folds[i])
        except Exception as error:  # a candidate that fails becomes a row with its reason; failures are not cached
            return {"reason": _reason(error)}

    results: list[dict[str, Any]] = []
    # Warnings are suppressed around all fits together: suppressed by each fit, they would show depending on how fits overlap.
    with (
        limit_threads(resources.threads),
        suppress_warnings(),
        WorkerPool(resources.workers, threads=resources.threads) as pool,
    ):
        for done, (job, result) in enumerate(zip(jobs, pool.map(run, jobs), strict=True), start=1):
            results.append(result)
            resources.progress(done, len(jobs), f"{job[0].name}, fold {job[1] + 1} of {len(folds)}")
    per_candidate = [results[i * len(folds) : (i + 1) * len(folds)] for i in range(len(candidates))]
    return [_assembled(c, folds_of, assemble) for c, folds_of in zip(candidates, per_candidate, strict=True)]


def _assembled(
    candidate: Candidate, folds: Sequence[Mapping[str, Any]], assemble: Callable[[Sequence[Mapping[str, Any]]], P]
) -> CandidateRun[P]:
    if failed := next((fold for fold in folds if "reason" in fold), None):
        return CandidateRun(candidate, reason=str(failed["reason"]))
    try:
        predictions = assemble(folds)
    except ValueError as error:
        return CandidateRun(candidate, reason=str(error))
    fit_s, predict_s = (sum(float(fold[name]) for fold in folds) for name in ("fit_s", "predict_s"))
    return CandidateRun(candidate, predictions, "", fit_s, predict_s)


def _reason(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"

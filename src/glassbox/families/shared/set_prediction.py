"""Comparison and tuning of candidates that find things, none or several in a row: entities in a text, objects on a picture."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.errors import DataError, GlassboxError
from glassbox.families.classification.folds import rank
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import Progress, run_side_by_side
from glassbox.families.shared.leaderboard import Ranked, ranked, timing_frame
from glassbox.families.shared.tuning import Space, Tuning, search
from glassbox.findings.model import Estimate

T = TypeVar("T")
FitFold = Callable[[Candidate, int], dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Run(Generic[T]):
    """One candidate on all folds: what it found in each row, or why there is nothing."""

    candidate: Candidate
    found: list[list[T]] | None = None
    reason: str = ""
    fit_s: float = 0.0
    predict_s: float = 0.0


class Judge(Protocol[T]):
    """The rows that candidates are run on, and how what they find there is read, written and judged."""

    @property
    def row_ids(self) -> list[str]: ...

    @property
    def fold(self) -> npt.NDArray[np.int64]:
        """The fold of each row."""
        ...

    @property
    def folds(self) -> range: ...

    def of_fold(self, said: Mapping[str, Any]) -> list[list[T]]:
        """What a fitted candidate found in the rows of a fold, of what was remembered of it."""
        ...

    def written(self, found: Sequence[T]) -> str:
        """What was found in a row, as a cell."""
        ...

    def read(self, cell: str, row: int) -> list[T]:
        """What `written` wrote, of a row by its place."""
        ...

    def values(self, run: Run[T]) -> Mapping[str, float]:
        """Every metric of a run that did not fail."""
        ...

    def estimates(self, run: Run[T], *, resamples: int, seed: int) -> dict[str, Estimate]:
        """The same with intervals."""
        ...

    def gain(self, better: Run[T], worse: Run[T], metric: str, *, resamples: int, seed: int) -> Estimate:
        """By how much one run is better than another on the same rows."""
        ...


@dataclass(frozen=True)
class Comparison:
    """What came out: the leaderboard as it is saved, what each candidate found out of fold, and seconds (measured)."""

    leaderboard: dict[str, Any]
    oof: pd.DataFrame
    timing: pd.DataFrame


def run_candidates(
    tried: Sequence[Candidate],
    judge: Judge[T],
    fit: FitFold,
    *,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Run[T]]:
    """Every candidate on every fold, several side by side; what fails is told with its reason, and the others go on."""
    found = run_side_by_side(tried, judge.folds, fit, place="fold", threads=threads, workers=workers, progress=progress)
    return [_run(candidate, results, judge) for candidate, results in zip(tried, found, strict=True)]


def _run(candidate: Candidate, folds: Sequence[Mapping[str, Any]], judge: Judge[T]) -> Run[T]:
    reasons = [str(fold["reason"]) for fold in folds if "reason" in fold]
    if reasons:
        return Run(candidate, reason=reasons[0])
    found: list[list[T]] = [[] for _ in judge.row_ids]
    for fold, said in zip(judge.folds, folds, strict=True):
        for row, things in zip(np.flatnonzero(judge.fold == fold), judge.of_fold(said), strict=True):
            found[row] = things
    return Run(candidate, found, "", sum(float(f["fit_s"]) for f in folds), sum(float(f["predict_s"]) for f in folds))


def compare(
    tried: Sequence[Candidate],
    judge: Judge[T],
    fit: FitFold,
    kinds: Mapping[str, Ranked],
    *,
    metric: str,
    seed: int = 0,
    resamples: int = 500,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> Comparison:
    """Compare candidates on the same folds.

    Parameters
    ----------
    judge, fit
        The family's: how what is found is judged, and how a candidate is fitted on all folds but one.
    kinds
        What each kind is among the others.
    metric
        What decides, over all out-of-fold rows together.

    Raises
    ------
    GlassboxError
        When no candidate could be fitted.
    """
    runs = run_candidates(tried, judge, fit, threads=threads, workers=workers, progress=progress)
    if not any(run.found is not None for run in runs):
        raise GlassboxError("No candidate could be fitted: " + "; ".join(f"{run.candidate.name}: {run.reason}" for run in runs))

    def scores(run: Run[T]) -> dict[str, Estimate]:
        return judge.estimates(run, resamples=resamples, seed=seed) if run.found is not None else {}

    def gain(leader: Run[T], run: Run[T]) -> Estimate:
        return judge.gain(leader, run, metric, resamples=resamples, seed=seed)

    leaderboard = ranked(runs, kinds, metric, scores, gain)
    return Comparison(leaderboard, oof_frame(runs, judge), timing_frame(runs, len(judge.row_ids)))


def oof_frame(runs: Sequence[Run[T]], judge: Judge[T]) -> pd.DataFrame:
    """``candidate``, ``row_id``, ``y_pred`` (what was found, as a cell), one block of rows a candidate."""
    blocks = [
        pd.DataFrame(
            {"candidate": run.candidate.name, "row_id": judge.row_ids, "y_pred": [judge.written(row) for row in run.found]}
        )
        for run in runs
        if run.found is not None
    ]
    return pd.concat(blocks, ignore_index=True)


def read_oof(oof: pd.DataFrame, judge: Judge[T]) -> list[list[T]]:
    """What was found in each row, in the order of the judge's.

    Raises
    ------
    GlassboxError
        When a row has no prediction.
    """
    cells = oof.set_index("row_id")["y_pred"].reindex(judge.row_ids)
    if cells.isna().any():
        raise GlassboxError("Rows of train have no out-of-fold prediction; stages are of different runs.")
    return [judge.read(cell, row) for row, cell in enumerate(cells)]


def leader_run(leaderboard: Mapping[str, Any], oof: pd.DataFrame, judge: Judge[T]) -> Run[T]:
    """The leader of the comparison: what tuning has to beat to be taken."""
    row = next(row for row in leaderboard["rows"] if row["candidate"] == leaderboard["leader"])
    found = read_oof(oof[oof["candidate"] == row["candidate"]], judge)
    return Run(Candidate(name=row["candidate"], kind=row["kind"], params=row["params"]), found)


# ------------------------------------------------------------------------------------------------------------- tuning


@dataclass(frozen=True)
class _Trier(Generic[T]):
    """How a candidate is run on its folds and judged; implements `glassbox.families.shared.tuning.Trier`."""

    judge: Judge[T]
    fit: FitFold
    metric: str
    seed: int
    resamples: int
    threads: int
    workers: int

    @property
    def judged(self) -> int:
        return len(self.judge.row_ids)

    def run(self, candidate: Candidate) -> Run[T]:
        [found] = run_candidates([candidate], self.judge, self.fit, threads=self.threads, workers=self.workers)
        return found

    def value(self, run: Run[T]) -> float:
        return self.judge.values(run)[self.metric]

    def gain(self, better: Run[T], worse: Run[T]) -> Estimate:
        return self.judge.gain(better, worse, self.metric, resamples=self.resamples, seed=self.seed)

    def oof(self, run: Run[T]) -> pd.DataFrame:
        return oof_frame([run], self.judge).drop(columns="candidate")


def tune(
    candidate: Candidate,
    space: Space,
    judge: Judge[T],
    fit: FitFold,
    *,
    recipe: Mapping[str, Any],
    trials: int,
    strongest: Run[T],
    metric: str,
    seed: int = 0,
    resamples: int = 500,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> Tuning:
    """Search better hyperparameters for a candidate, as `glassbox.families.shared.tuning.search` says.

    Parameters
    ----------
    recipe
        What the models see, as it is saved.
    strongest
        The leader of the comparison: it is taken unless what came out of tuning beats it.
    """
    trier = _Trier(judge, fit, metric, seed, resamples, threads, workers)
    rival = "the leader of the comparison"
    return search(
        candidate, space, trier, recipe=recipe, trials=trials, simplest=strongest, rival=rival, seed=seed, progress=progress
    )


# -------------------------------------------------------------------------------------------------------------- folds


def make_folds(row_ids: Sequence[str], groups: Sequence[str], k: int, *, seed: int = 0, units: str = "rows") -> pd.DataFrame:
    """``row_id`` and ``fold``, sorted by ``row_id``: groups by the rank of a hash, each to the next fold.

    Parameters
    ----------
    groups
        What stays together, of each row.
    units
        What a group is, in words.

    Raises
    ------
    DataError
        When there are fewer groups than folds.
    """
    names = sorted(set(groups), key=lambda name: (rank(name, seed), name))
    if len(names) < k:
        raise DataError(f"{k} folds need {k} {units} or more; there are {len(names)}. Ask for fewer folds, or bring more data.")
    place = {name: i % k for i, name in enumerate(names)}
    frame = pd.DataFrame({"row_id": list(row_ids), "fold": [place[name] for name in groups]})
    return frame.astype({"fold": "int64"}).sort_values("row_id", kind="stable", ignore_index=True)

"""The comparison: every candidate on every fold, the leaderboard, and which candidate deserves to be tuned."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glassbox.errors import GlassboxError
from glassbox.families.classification.dataset import Problem
from glassbox.families.classification.metrics import NAMES, Floats, Sample, more_is_better, over_folds, paired_gain
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import Progress, run_side_by_side
from glassbox.families.shared.leaderboard import Ranked, ranked, timing_frame
from glassbox.findings.model import Estimate

FitFold = Callable[[Candidate, int], dict[str, Any]]


@dataclass(frozen=True)
class Comparison:
    """What came out of a comparison.

    leaderboard
        As it is saved: ``metric``, ``rows`` (best first), ``leader``, ``tied`` (not told apart from the leader), and of
        those, whole with kind and hyperparameters, ``simplest`` and ``chosen``: the most flexible, which tuning can gain most on,
        and which will have to beat the simplest to be taken.
    oof
        Out-of-fold predictions: ``candidate``, ``row_id``, ``proba_<class>``.
    timing
        Measured: seconds to fit and to predict, a row a candidate.
    """

    leaderboard: dict[str, Any]
    oof: pd.DataFrame
    timing: pd.DataFrame


@dataclass(frozen=True)
class Run:
    """One candidate on all folds: its out-of-fold probabilities, or why there are none."""

    candidate: Candidate
    proba: Floats | None = None
    reason: str = ""
    fit_s: float = 0.0
    predict_s: float = 0.0

    def by_fold(self, problem: Problem) -> list[tuple[np.ndarray, Floats]]:
        """Truth and probabilities, a pair a fold."""
        assert self.proba is not None
        return [(problem.y[problem.fold == fold], self.proba[problem.fold == fold]) for fold in problem.folds]

    def samples(self, problem: Problem) -> list[Sample]:
        return [Sample.of(y, proba, positive=problem.positive) for y, proba in self.by_fold(problem)]


def run_candidates(
    tried: Sequence[Candidate],
    problem: Problem,
    fit: FitFold,
    *,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Run]:
    """Every candidate on every fold, several side by side; what fails is told with its reason, and the others go on.

    Parameters
    ----------
    fit
        The family's: fits a candidate on all folds but one, and gives ``proba`` of shape (rows of that fold, classes) with
        the seconds ``fit_s`` and ``predict_s``.
    """
    found = run_side_by_side(tried, problem.folds, fit, place="fold", threads=threads, workers=workers, progress=progress)
    return [_run(candidate, results, problem) for candidate, results in zip(tried, found, strict=True)]


def _run(candidate: Candidate, folds: Sequence[Mapping[str, Any]], problem: Problem) -> Run:
    reasons = [str(fold["reason"]) for fold in folds if "reason" in fold]
    if reasons:
        return Run(candidate, reason=reasons[0])
    proba = np.empty((len(problem.y), len(problem.classes)))
    for fold, result in zip(problem.folds, folds, strict=True):
        proba[problem.fold == fold] = result["proba"]
    if not np.isfinite(proba).all():
        return Run(candidate, reason=f"{int((~np.isfinite(proba)).any(axis=1).sum())} rows got no probability")
    return Run(candidate, proba, "", sum(float(f["fit_s"]) for f in folds), sum(float(f["predict_s"]) for f in folds))


def compare(
    runs: Sequence[Run],
    problem: Problem,
    kinds: Mapping[str, Ranked],
    *,
    metric: str = "roc_auc",
    seed: int = 0,
    resamples: int = 1000,
) -> Comparison:
    """Rank candidates that were run on the same folds.

    Parameters
    ----------
    runs
        As `run_candidates` gives them.
    kinds
        What each kind is among the others.
    metric
        What decides: the mean over folds. Metrics of labels are at a probability of a half, or the most probable class.

    Raises
    ------
    GlassboxError
        When no candidate could be fitted.
    """
    if not any(run.proba is not None for run in runs):
        raise GlassboxError("No candidate could be fitted: " + "; ".join(f"{run.candidate.name}: {run.reason}" for run in runs))
    by_name = {run.candidate.name: run for run in runs}

    def scores(run: Run) -> dict[str, Estimate]:
        return over_folds(run.samples(problem), NAMES, resamples=resamples, seed=seed) if run.proba is not None else {}

    def gain(leader: Run, run: Run) -> Estimate:
        pair = leader.by_fold(problem), run.by_fold(problem)
        return paired_gain(*pair, metric, positive=problem.positive, resamples=resamples, seed=seed)

    leaderboard = ranked(runs, kinds, metric, scores, gain, more_is_better=more_is_better(metric))
    runs = [by_name[row["candidate"]] for row in leaderboard["rows"]]
    return Comparison(leaderboard, oof_frame(runs, problem), timing_frame(runs, len(problem.y)))


def oof_frame(runs: Sequence[Run], problem: Problem) -> pd.DataFrame:
    """Out-of-fold probabilities, one block of rows a candidate."""
    blocks = []
    for run in runs:
        if run.proba is not None:
            block = pd.DataFrame(run.proba, columns=[f"proba_{name}" for name in problem.classes])
            block.insert(0, "row_id", problem.row_ids)
            block.insert(0, "candidate", run.candidate.name)
            blocks.append(block)
    return pd.concat(blocks, ignore_index=True)


def run_of(candidate: Candidate, oof: pd.DataFrame, problem: Problem) -> Run:
    """A candidate's run as saved among the out-of-fold predictions."""
    block = oof[oof["candidate"] == candidate.name].set_index("row_id")
    return Run(candidate, block.loc[problem.row_ids, [f"proba_{name}" for name in problem.classes]].to_numpy(dtype=np.float64))

"""The comparison of pictures: every candidate on every fold, and the weighted ensemble of the best of them."""

from collections.abc import Sequence
from typing import Any

from glassbox.families.candidates import Candidate
from glassbox.families.classes import compare as classes
from glassbox.families.classes.compare import Comparison, FitFold
from glassbox.families.classes.ensemble import ensemble_of, leader_run
from glassbox.families.fitting import Progress, Remembers
from glassbox.families.leaderboard import candidate_in, choice, leaderboard_frame, leaderboard_table, timing_table
from glassbox.families.vision.fit import Pictures, fit_fold
from glassbox.families.vision.models import KINDS


def fitter(pictures: Pictures, *, seed: int, threads: int = 1, memo: Remembers | None = None) -> FitFold:
    """Fits a candidate on all folds but one."""

    def fit(candidate: Candidate, fold: int) -> dict[str, Any]:
        return fit_fold(pictures, fold, candidate.kind, candidate.params, seed=seed, threads=threads, memo=memo)

    return fit


def compare(
    tried: Sequence[Candidate],
    pictures: Pictures,
    *,
    metric: str = "roc_auc",
    seed: int = 0,
    resamples: int = 1000,
    memo: Remembers | None = None,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> Comparison:
    """Compare candidates on the same folds; the ensemble of them is one more.

    Parameters
    ----------
    tried
        Candidates, each with a name of its own.
    pictures
        What the models see, the target and the folds.
    metric
        What decides: the mean over folds.

    Raises
    ------
    GlassboxError
        When no candidate could be fitted.
    """
    fit = fitter(pictures, seed=seed, threads=threads, memo=memo)
    problem = pictures.problem
    runs = classes.run_candidates(tried, problem, fit, threads=threads, workers=workers, progress=progress)
    together = ensemble_of(runs, problem, KINDS)
    every = [*runs, *([together] if together else [])]
    return classes.compare(every, problem, KINDS, metric=metric, seed=seed, resamples=resamples)


__all__ = [
    "candidate_in", "choice", "compare", "fitter", "leader_run", "leaderboard_frame", "leaderboard_table", "timing_table",
]  # fmt: skip

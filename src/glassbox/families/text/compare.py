"""The comparison of texts: every candidate on every fold, and the weighted ensemble of the best of them."""

from collections.abc import Sequence
from typing import Any

from glassbox.families.candidates import Candidate
from glassbox.families.classes import compare as classes
from glassbox.families.classes.compare import Comparison, FitFold, Run, oof_frame, run_of
from glassbox.families.classes.ensemble import ENSEMBLE, ensemble_of, leader_run, weights_of
from glassbox.families.fitting import Progress, Remembers
from glassbox.families.leaderboard import candidate_in, choice, leaderboard_frame, leaderboard_table, timing_table
from glassbox.families.text.fit import Texts, fit_fold
from glassbox.families.text.models import KINDS


def fitter(texts: Texts, *, seed: int, threads: int = 1, memo: Remembers | None = None) -> FitFold:
    """Fits a candidate on all folds but one."""

    def fit(candidate: Candidate, fold: int) -> dict[str, Any]:
        return fit_fold(texts, fold, candidate.kind, candidate.params, seed=seed, threads=threads, memo=memo)

    return fit


def compare(
    tried: Sequence[Candidate],
    texts: Texts,
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
    texts
        What the models see, the target and the folds.
    metric
        What decides: the mean over folds.

    Raises
    ------
    GlassboxError
        When no candidate could be fitted.
    """
    fit = fitter(texts, seed=seed, threads=threads, memo=memo)
    runs = classes.run_candidates(tried, texts.problem, fit, threads=threads, workers=workers, progress=progress)
    together = ensemble_of(runs, texts.problem, KINDS)
    every = [*runs, *([together] if together else [])]
    return classes.compare(every, texts.problem, KINDS, metric=metric, seed=seed, resamples=resamples)


__all__ = [
    "ENSEMBLE", "Comparison", "Run", "candidate_in", "choice", "compare", "ensemble_of", "fitter", "leader_run", "leaderboard_frame",
    "leaderboard_table", "oof_frame", "run_of", "timing_table", "weights_of",
]  # fmt: skip

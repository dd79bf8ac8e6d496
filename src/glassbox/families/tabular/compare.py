"""The comparison of tables: every candidate on every fold, as `glassbox.families.classification.compare` ranks them."""

from collections.abc import Sequence
from typing import Any

from glassbox.families.classification import compare as classes
from glassbox.families.classification.compare import Comparison, FitFold, Run
from glassbox.families.classification.dataset import Problem
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import Cache, Progress
from glassbox.families.tabular.fit import fit_fold
from glassbox.families.tabular.models import KINDS
from glassbox.families.tabular.recipe import Recipe


def fitter(recipe: Recipe, problem: Problem, *, seed: int, threads: int = 1, memo: Cache | None = None) -> FitFold:
    """Fits a candidate on all folds but one."""

    def fit(candidate: Candidate, fold: int) -> dict[str, Any]:
        return fit_fold(problem, fold, candidate.kind, candidate.params, recipe, seed=seed, threads=threads, memo=memo)

    return fit


def run_candidates(
    tried: Sequence[Candidate],
    recipe: Recipe,
    problem: Problem,
    *,
    seed: int,
    memo: Cache | None = None,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Run]:
    """Every candidate on every fold, several side by side; what fails is told with its reason, and the others go on."""
    fit = fitter(recipe, problem, seed=seed, threads=threads, memo=memo)
    return classes.run_candidates(tried, problem, fit, threads=threads, workers=workers, progress=progress)


def compare(
    tried: Sequence[Candidate],
    recipe: Recipe,
    problem: Problem,
    *,
    metric: str = "roc_auc",
    seed: int = 0,
    resamples: int = 1000,
    memo: Cache | None = None,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> Comparison:
    """Compare candidates on the same folds.

    Parameters
    ----------
    tried
        Candidates, each with a name of its own.
    recipe, problem
        What the models see; rows, target and folds.
    metric
        What decides: the mean over folds. Metrics of labels are at a probability of a half, or the most probable class.
    memo
        Remembers each candidate on each fold.
    threads, workers
        Threads of one fit; fits side by side (left out: as many as the machine has room for). The result depends on
        `threads` alone.

    Raises
    ------
    GlassboxError
        When no candidate could be fitted.
    """
    runs = run_candidates(tried, recipe, problem, seed=seed, memo=memo, threads=threads, workers=workers, progress=progress)
    return classes.compare(runs, problem, KINDS, metric=metric, seed=seed, resamples=resamples)

"""Tuning of tables: trials are run on the folds of the comparison, and judged by a paired bootstrap over the same rows."""

from glassbox.families.classification import tune as classes
from glassbox.families.classification.compare import Run
from glassbox.families.classification.dataset import Problem
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import Cache, Progress
from glassbox.families.shared.tuning import Space, Tuning
from glassbox.families.tabular.compare import fitter
from glassbox.families.tabular.recipe import Recipe


def tune(
    candidate: Candidate,
    space: Space,
    recipe: Recipe,
    problem: Problem,
    *,
    trials: int,
    simplest: Run | None = None,
    metric: str = "roc_auc",
    seed: int = 0,
    resamples: int = 1000,
    memo: Cache | None = None,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> Tuning:
    """Search better hyperparameters for a candidate, as `glassbox.families.shared.tuning.search` says.

    Parameters
    ----------
    candidate, space, trials, simplest
        As there; `simplest` is a run as `compare.run_of` reads it.
    recipe, problem
        What the models see; rows, target and folds.
    metric
        What decides: the mean over folds.

    Raises
    ------
    GlassboxError
        When the space cannot be read, or the default itself cannot be fitted.
    """
    fit = fitter(recipe, problem, seed=seed, threads=threads, memo=memo)
    return classes.tune(
        candidate,
        space,
        problem,
        fit,
        recipe=recipe.model_dump(),
        trials=trials,
        simplest=simplest,
        metric=metric,
        seed=seed,
        resamples=resamples,
        threads=threads,
        workers=workers,
        progress=progress,
    )

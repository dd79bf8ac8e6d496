"""Tuning of texts: trials are run on the folds of the comparison, and judged by a paired bootstrap over the same rows."""

from typing import Any

from glassbox.families.candidates import Candidate
from glassbox.families.classes.compare import Run
from glassbox.families.classes.tune import ClassTrier
from glassbox.families.fitting import Progress, Remembers
from glassbox.families.search import Space, Tuning, best_table, gain_estimates, search, search_note
from glassbox.families.text.compare import fitter
from glassbox.families.text.fit import Texts
from glassbox.families.text.recipe import Recipe


def tune(
    candidate: Candidate,
    space: Space,
    recipe: Recipe,
    texts: Texts,
    *,
    trials: int,
    strongest: Run,
    metric: str = "roc_auc",
    seed: int = 0,
    resamples: int = 1000,
    memo: Remembers | None = None,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> Tuning:
    """Search better hyperparameters for a candidate, as `glassbox.families.search.search` says.

    Parameters
    ----------
    strongest
        The leader of the comparison, as `compare.leader_run` reads it: it is taken unless what came out of tuning beats it.
    """
    fit = fitter(texts, seed=seed, threads=threads, memo=memo)
    trier = ClassTrier(texts.problem, fit, metric, seed, resamples, threads, workers)
    told: dict[str, Any] = recipe.model_dump()
    rival = "the leader of the comparison"
    return search(
        candidate, space, trier, recipe=told, trials=trials, simplest=strongest, rival=rival, seed=seed, progress=progress
    )


__all__ = ["Space", "Tuning", "best_table", "gain_estimates", "search_note", "tune"]

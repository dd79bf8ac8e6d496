"""Tuning of tables: trials are run on the folds of the comparison, and judged by a paired bootstrap over the same rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from glassbox.families.candidates import Candidate
from glassbox.families.fitting import Progress, Remembers
from glassbox.families.search import Space, Tuning, best_table, distributions, gain_estimates, search, search_note
from glassbox.families.tabular.compare import Run, oof_frame, run_candidates
from glassbox.families.tabular.fit import Problem
from glassbox.families.tabular.metrics import paired_gain, score
from glassbox.families.tabular.recipe import Recipe
from glassbox.findings import Estimate


@dataclass(frozen=True)
class _Trier:
    recipe: Recipe
    problem: Problem
    metric: str
    seed: int
    resamples: int
    memo: Remembers | None
    threads: int
    workers: int

    @property
    def judged(self) -> int:
        return len(self.problem.y)

    def run(self, candidate: Candidate) -> Run:
        [found] = run_candidates(
            [candidate], self.recipe, self.problem, seed=self.seed, memo=self.memo, threads=self.threads, workers=self.workers
        )
        return found

    def value(self, run: Run) -> float:
        return float(np.mean([score(sample, [self.metric])[self.metric] for sample in run.samples(self.problem)]))

    def gain(self, better: Run, worse: Run) -> Estimate:
        pair = better.by_fold(self.problem), worse.by_fold(self.problem)
        return paired_gain(*pair, self.metric, positive=self.problem.positive, resamples=self.resamples, seed=self.seed)

    def oof(self, run: Run) -> pd.DataFrame:
        return oof_frame([run], self.problem).drop(columns="candidate")


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
    memo: Remembers | None = None,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> Tuning:
    """Search better hyperparameters for a candidate, as `glassbox.families.search.search` says.

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
    trier = _Trier(recipe, problem, metric, seed, resamples, memo, threads, workers)
    return search(
        candidate, space, trier, recipe=recipe.model_dump(), trials=trials, simplest=simplest, seed=seed, progress=progress
    )


__all__ = ["Space", "Tuning", "best_table", "distributions", "gain_estimates", "search_note", "tune"]

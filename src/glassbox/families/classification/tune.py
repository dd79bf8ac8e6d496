"""Tuning where the answer is a class: trials are run on the folds of the comparison, and judged by a paired bootstrap."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.classification.compare import FitFold, Run, oof_frame, run_candidates
from glassbox.families.classification.dataset import Problem
from glassbox.families.classification.metrics import paired_gain, score
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import Progress
from glassbox.families.shared.tuning import SIMPLEST, Space, Tuning, search
from glassbox.findings.model import Estimate


@dataclass(frozen=True)
class _Trier:
    """How a candidate is run on its folds and judged; implements `glassbox.families.shared.tuning.Trier`."""

    problem: Problem
    fit: FitFold
    metric: str
    seed: int
    resamples: int
    threads: int
    workers: int

    @property
    def judged(self) -> int:
        return len(self.problem.y)

    def run(self, candidate: Candidate) -> Run:
        [found] = run_candidates([candidate], self.problem, self.fit, threads=self.threads, workers=self.workers)
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
    problem: Problem,
    fit: FitFold,
    *,
    recipe: Mapping[str, Any],
    trials: int,
    simplest: Run | None = None,
    rival: str = SIMPLEST,
    metric: str = "roc_auc",
    seed: int = 0,
    resamples: int = 1000,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> Tuning:
    """Search better hyperparameters for a candidate, as `glassbox.families.shared.tuning.search` says.

    Parameters
    ----------
    problem, fit
        Rows, target and folds; how the family fits a candidate on all folds but one.
    recipe
        What the models see, as it is saved.
    simplest, rival
        A run that has to be beaten, and what it is called.
    metric
        What decides: the mean over folds.

    Raises
    ------
    GlassboxError
        When the space cannot be read, or the default itself cannot be fitted.
    """
    trier = _Trier(problem, fit, metric, seed, resamples, threads, workers)
    return search(
        candidate, space, trier, recipe=recipe, trials=trials, simplest=simplest, rival=rival, seed=seed, progress=progress
    )

"""Tuning where the answer is a class: trials are run on the folds of the comparison, and judged by a paired bootstrap."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from glassbox.families.candidates import Candidate
from glassbox.families.classes.compare import FitFold, Run, oof_frame, run_candidates
from glassbox.families.classes.metrics import paired_gain, score
from glassbox.families.classes.problem import Problem
from glassbox.findings import Estimate


@dataclass(frozen=True)
class ClassTrier:
    """How a candidate is run on its folds and judged; implements `glassbox.families.search.Trier`."""

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

"""Tuning of forecasters: trials are run from the origins of the comparison, and judged on the same windows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from glassbox.families.forecasting.backtest import Problem, oof_frame
from glassbox.families.forecasting.compare import Run, run_candidates
from glassbox.families.forecasting.metrics import paired_gain, score
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import Cache, Progress
from glassbox.families.shared.tuning import Space, Tuning, search
from glassbox.findings.model import Estimate


@dataclass(frozen=True)
class _Trier:
    problem: Problem
    metric: str
    seed: int
    resamples: int
    memo: Cache | None
    threads: int
    workers: int

    @property
    def judged(self) -> int:
        return self.problem.judged

    def run(self, candidate: Candidate) -> Run:
        [found] = run_candidates(
            [candidate], self.problem, seed=self.seed, memo=self.memo, threads=self.threads, workers=self.workers
        )
        return found

    def value(self, run: Run) -> float:
        assert run.found is not None
        return score(run.found, self.metric)

    def gain(self, better: Run, worse: Run) -> Estimate:
        assert better.found is not None
        assert worse.found is not None
        return paired_gain(better.found, worse.found, self.metric, resamples=self.resamples, seed=self.seed)

    def oof(self, run: Run) -> pd.DataFrame:
        assert run.found is not None
        return oof_frame(run.found, self.problem)


def tune(
    candidate: Candidate,
    space: Space,
    problem: Problem,
    *,
    trials: int,
    strongest: Run,
    metric: str = "mase",
    seed: int = 0,
    resamples: int = 500,
    memo: Cache | None = None,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> Tuning:
    """Search better hyperparameters for a candidate, as `glassbox.families.shared.tuning.search` says.

    Parameters
    ----------
    strongest
        The leader of the comparison, as `compare.strongest` reads it: it is taken unless what came out of tuning beats it.
    """
    trier = _Trier(problem, metric, seed, resamples, memo, threads, workers)
    recipe: Mapping[str, Any] = problem.recipe.model_dump()
    return search(
        candidate,
        space,
        trier,
        recipe=recipe,
        trials=trials,
        simplest=strongest,
        rival="the leader of the comparison",
        seed=seed,
        progress=progress,
    )

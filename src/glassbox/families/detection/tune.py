"""Tuning of detectors: trials are run on the folds of the comparison, and judged by a paired bootstrap over the same pictures."""

from dataclasses import dataclass

import pandas as pd

from glassbox.families.candidates import Candidate
from glassbox.families.detection.compare import FitFold, Run, fitter, gain_of, oof_frame, run_candidates
from glassbox.families.detection.metrics import score
from glassbox.families.detection.scenes import Scenes
from glassbox.families.fitting import Progress, Remembers
from glassbox.families.search import Space, Tuning, best_table, gain_estimates, search, search_note
from glassbox.findings import Estimate


@dataclass(frozen=True)
class _Trier:
    scenes: Scenes
    fit: FitFold
    metric: str
    seed: int
    resamples: int
    threads: int
    workers: int

    @property
    def judged(self) -> int:
        return len(self.scenes)

    def run(self, candidate: Candidate) -> Run:
        [found] = run_candidates([candidate], self.scenes, self.fit, threads=self.threads, workers=self.workers)
        return found

    def value(self, run: Run) -> float:
        return score(run.matches, run.threshold)[self.metric]

    def gain(self, better: Run, worse: Run) -> Estimate:
        return gain_of(better, worse, self.metric, resamples=self.resamples, seed=self.seed)

    def oof(self, run: Run) -> pd.DataFrame:
        return oof_frame([run]).drop(columns="candidate")


def tune(
    candidate: Candidate,
    space: Space,
    scenes: Scenes,
    *,
    recipe: dict[str, object],
    trials: int,
    strongest: Run,
    metric: str = "map",
    seed: int = 0,
    resamples: int = 500,
    memo: Remembers | None = None,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> Tuning:
    """Search better hyperparameters for a candidate, as `glassbox.families.search.search` says.

    Parameters
    ----------
    strongest
        The leader of the comparison: it is taken unless what came out of tuning beats it.
    """
    trier = _Trier(scenes, fitter(scenes, seed=seed, threads=threads, memo=memo), metric, seed, resamples, threads, workers)
    rival = "the leader of the comparison"
    return search(
        candidate, space, trier, recipe=recipe, trials=trials, simplest=strongest, rival=rival, seed=seed, progress=progress
    )


__all__ = ["Space", "Tuning", "best_table", "gain_estimates", "search_note", "tune"]

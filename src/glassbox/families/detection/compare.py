"""The comparison of detectors: every candidate on every fold, the leaderboard, and which one deserves to be tuned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from glassbox.errors import GlassboxError
from glassbox.families.candidates import Candidate
from glassbox.families.detection.boxes import Box, read_boxes, written
from glassbox.families.detection.choose import USUAL, best_threshold, curve_of, thinned
from glassbox.families.detection.fit import fit_fold
from glassbox.families.detection.metrics import Matches, estimates, paired_gain
from glassbox.families.detection.models import KINDS
from glassbox.families.detection.scenes import Scenes
from glassbox.families.fitting import Progress, Remembers, run_side_by_side
from glassbox.families.leaderboard import (
    candidate_in,
    choice,
    leaderboard_frame,
    leaderboard_table,
    ranked,
    timing_frame,
    timing_table,
)
from glassbox.findings import Estimate

OVER_PICTURES = (
    "Over all out-of-fold pictures together; intervals are 95 % bootstrap over pictures. F1 is at each candidate's best score."
)


@dataclass(frozen=True)
class Run:
    """One candidate on all folds: the boxes that it found on each picture, or why there are none."""

    candidate: Candidate
    scenes: Scenes
    found: list[list[Box]] | None = None
    reason: str = ""
    fit_s: float = 0.0
    predict_s: float = 0.0

    @cached_property
    def matches(self) -> Matches:
        assert self.found is not None
        return Matches.of(self.scenes.boxes, thinned(self.found, USUAL), self.scenes.labels)

    @cached_property
    def threshold(self) -> float:
        """The score from which on boxes count for F1."""
        return best_threshold(curve_of(self.matches))[0]


@dataclass(frozen=True)
class Comparison:
    """What came out: the leaderboard as it is saved, what each candidate found out of fold, and seconds (measured)."""

    leaderboard: dict[str, Any]
    oof: pd.DataFrame
    timing: pd.DataFrame


FitFold = Callable[[Candidate, int], dict[str, Any]]


def fitter(scenes: Scenes, *, seed: int, threads: int = 1, memo: Remembers | None = None) -> FitFold:
    """Fits a candidate on all folds but one."""

    def fit(candidate: Candidate, fold: int) -> dict[str, Any]:
        return fit_fold(scenes, fold, candidate.kind, candidate.params, seed=seed, threads=threads, memo=memo)

    return fit


def run_candidates(
    tried: Sequence[Candidate],
    scenes: Scenes,
    fit: FitFold,
    *,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Run]:
    """Every candidate on every fold, several side by side; what fails is told with its reason, and the others go on."""
    found = run_side_by_side(tried, scenes.folds, fit, place="fold", threads=threads, workers=workers, progress=progress)
    return [_run(candidate, results, scenes) for candidate, results in zip(tried, found, strict=True)]


def _run(candidate: Candidate, folds: Sequence[dict[str, Any]], scenes: Scenes) -> Run:
    reasons = [str(fold["reason"]) for fold in folds if "reason" in fold]
    if reasons:
        return Run(candidate, scenes, reason=reasons[0])
    found: list[list[Box]] = [[] for _ in scenes.row_ids]
    for fold, result in zip(scenes.folds, folds, strict=True):
        rows = (scenes.fold == fold).nonzero()[0]
        for row, cell in zip(rows, result["boxes"], strict=True):
            found[row] = read_boxes(cell)
    seconds = (sum(float(fold[key]) for fold in folds) for key in ("fit_s", "predict_s"))
    return Run(candidate, scenes, found, "", *seconds)


def compare(
    tried: Sequence[Candidate],
    scenes: Scenes,
    *,
    metric: str = "map",
    seed: int = 0,
    resamples: int = 500,
    memo: Remembers | None = None,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> Comparison:
    """Compare detectors on the same folds.

    Raises
    ------
    GlassboxError
        When no candidate could be fitted.
    """
    fit = fitter(scenes, seed=seed, threads=threads, memo=memo)
    runs = run_candidates(tried, scenes, fit, threads=threads, workers=workers, progress=progress)
    if not any(run.found is not None for run in runs):
        raise GlassboxError("No candidate could be fitted: " + "; ".join(f"{run.candidate.name}: {run.reason}" for run in runs))

    def scores(run: Run) -> dict[str, Estimate]:
        if run.found is None:
            return {}
        return estimates(run.matches, run.threshold, resamples=resamples, seed=seed)

    def gain(leader: Run, run: Run) -> Estimate:
        return gain_of(leader, run, metric, resamples=resamples, seed=seed)

    leaderboard = ranked(runs, KINDS, metric, scores, gain)
    return Comparison(leaderboard, oof_frame(runs), timing_frame(runs, len(scenes)))


def gain_of(better: Run, worse: Run, metric: str, *, resamples: int, seed: int) -> Estimate:
    """By how much one run is better than another on the same pictures."""
    pair = (better.threshold, worse.threshold)
    return paired_gain(better.matches, worse.matches, metric, pair, resamples=resamples, seed=seed)


def oof_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """``candidate``, ``row_id``, ``y_pred`` (boxes as JSON, with scores), one block of rows a candidate."""
    blocks = [
        pd.DataFrame(
            {"candidate": run.candidate.name, "row_id": run.scenes.row_ids, "y_pred": [written(boxes) for boxes in run.found]}
        )
        for run in runs
        if run.found is not None
    ]
    return pd.concat(blocks, ignore_index=True)


def read_oof(oof: pd.DataFrame, scenes: Scenes) -> list[list[Box]]:
    """What was found on each picture, in the order of the scenes.

    Raises
    ------
    GlassboxError
        When a picture has none.
    """
    cells = oof.set_index("row_id")["y_pred"].reindex(scenes.row_ids)
    if cells.isna().any():
        raise GlassboxError("Pictures of train have no out-of-fold prediction; stages are of different runs.")
    return [read_boxes(cell) for cell in cells]


def leader_run(leaderboard: dict[str, Any], oof: pd.DataFrame, scenes: Scenes) -> Run:
    """The leader of the comparison: what tuning has to beat to be taken."""
    row = next(row for row in leaderboard["rows"] if row["candidate"] == leaderboard["leader"])
    found = read_oof(oof[oof["candidate"] == row["candidate"]], scenes)
    return Run(Candidate(name=row["candidate"], kind=row["kind"], params=row["params"]), scenes, found)


__all__ = [
    "OVER_PICTURES", "Comparison", "Run", "candidate_in", "choice", "compare", "fitter", "gain_of", "leader_run", "leaderboard_frame",
    "leaderboard_table", "oof_frame", "read_oof", "run_candidates", "timing_table",
]  # fmt: skip

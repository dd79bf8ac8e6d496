"""The comparison of recognisers: every candidate on every fold, the leaderboard, and which one deserves to be tuned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from glassbox.errors import GlassboxError
from glassbox.families.candidates import Candidate
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
from glassbox.families.spans.estimates import estimates, paired_gain
from glassbox.families.spans.fit import fit_fold
from glassbox.families.spans.metrics import Counts
from glassbox.families.spans.models import KINDS
from glassbox.families.spans.sentences import Sentences
from glassbox.families.spans.spans import Span, read_spans, written
from glassbox.findings import Estimate

OVER_TEXTS = "Over all out-of-fold texts together; intervals are 95 % bootstrap over documents, or texts where there are none."


@dataclass(frozen=True)
class Run:
    """One candidate on all folds: the spans that it found in each text, or why there are none."""

    candidate: Candidate
    found: list[list[Span]] | None = None
    reason: str = ""
    fit_s: float = 0.0
    predict_s: float = 0.0

    def counts(self, sentences: Sentences) -> Counts:
        assert self.found is not None
        return Counts.of(sentences.spans, self.found, sentences.types, sentences.documents)


@dataclass(frozen=True)
class Comparison:
    """What came out: the leaderboard as it is saved, what each candidate found out of fold, and seconds (measured)."""

    leaderboard: dict[str, Any]
    oof: pd.DataFrame
    timing: pd.DataFrame


FitFold = Callable[[Candidate, int], dict[str, Any]]


def fitter(sentences: Sentences, *, seed: int, threads: int = 1, memo: Remembers | None = None) -> FitFold:
    """Fits a candidate on all folds but one."""

    def fit(candidate: Candidate, fold: int) -> dict[str, Any]:
        return fit_fold(sentences, fold, candidate.kind, candidate.params, seed=seed, threads=threads, memo=memo)

    return fit


def run_candidates(
    tried: Sequence[Candidate],
    sentences: Sentences,
    fit: FitFold,
    *,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Run]:
    """Every candidate on every fold, several side by side; what fails is told with its reason, and the others go on."""
    found = run_side_by_side(tried, sentences.folds, fit, place="fold", threads=threads, workers=workers, progress=progress)
    return [_run(candidate, results, sentences) for candidate, results in zip(tried, found, strict=True)]


def _run(candidate: Candidate, folds: Sequence[dict[str, Any]], sentences: Sentences) -> Run:
    reasons = [str(fold["reason"]) for fold in folds if "reason" in fold]
    if reasons:
        return Run(candidate, reason=reasons[0])
    found: list[list[Span]] = [[] for _ in sentences.texts]
    for fold, result in zip(sentences.folds, folds, strict=True):
        rows = (sentences.fold == fold).nonzero()[0]
        for row, spans in zip(rows, result["spans"], strict=True):
            found[row] = [Span(*span) for span in spans]
    return Run(candidate, found, "", sum(float(f["fit_s"]) for f in folds), sum(float(f["predict_s"]) for f in folds))


def compare(
    tried: Sequence[Candidate],
    sentences: Sentences,
    *,
    metric: str = "f1",
    seed: int = 0,
    resamples: int = 500,
    memo: Remembers | None = None,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> Comparison:
    """Compare recognisers on the same folds.

    Raises
    ------
    GlassboxError
        When no candidate could be fitted.
    """
    fit = fitter(sentences, seed=seed, threads=threads, memo=memo)
    runs = run_candidates(tried, sentences, fit, threads=threads, workers=workers, progress=progress)
    if not any(run.found is not None for run in runs):
        raise GlassboxError("No candidate could be fitted: " + "; ".join(f"{run.candidate.name}: {run.reason}" for run in runs))

    def scores(run: Run) -> dict[str, Estimate]:
        return estimates(run.counts(sentences), resamples=resamples, seed=seed) if run.found is not None else {}

    def gain(leader: Run, run: Run) -> Estimate:
        return paired_gain(leader.counts(sentences), run.counts(sentences), metric, resamples=resamples, seed=seed)

    leaderboard = ranked(runs, KINDS, metric, scores, gain)
    return Comparison(leaderboard, oof_frame(runs, sentences), timing_frame(runs, len(sentences.texts)))


def oof_frame(runs: Sequence[Run], sentences: Sentences) -> pd.DataFrame:
    """``candidate``, ``row_id``, ``y_pred`` (spans as JSON), one block of rows a candidate."""
    blocks = [
        pd.DataFrame(
            {"candidate": run.candidate.name, "row_id": sentences.row_ids, "y_pred": [written(spans) for spans in run.found]}
        )
        for run in runs
        if run.found is not None
    ]
    return pd.concat(blocks, ignore_index=True)


def read_oof(oof: pd.DataFrame, sentences: Sentences) -> list[list[Span]]:
    """What was found in each text, in the order of the sentences."""
    cells = oof.set_index("row_id")["y_pred"].reindex(sentences.row_ids)
    if cells.isna().any():
        raise GlassboxError("Texts of train have no out-of-fold prediction; stages are of different runs.")
    found = [read_spans(cell, text) for cell, text in zip(cells, sentences.texts, strict=True)]
    return [[] if isinstance(spans, str) else spans for spans in found]


def leader_run(leaderboard: dict[str, Any], oof: pd.DataFrame, sentences: Sentences) -> Run:
    """The leader of the comparison: what tuning has to beat to be taken."""
    row = next(row for row in leaderboard["rows"] if row["candidate"] == leaderboard["leader"])
    found = read_oof(oof[oof["candidate"] == row["candidate"]], sentences)
    return Run(Candidate(name=row["candidate"], kind=row["kind"], params=row["params"]), found)


__all__ = [
    "OVER_TEXTS", "Comparison", "Run", "candidate_in", "choice", "compare", "fitter", "leader_run", "leaderboard_frame", "leaderboard_table",
    "oof_frame", "read_oof", "run_candidates", "timing_table",
]  # fmt: skip

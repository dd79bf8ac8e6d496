"""Scoring of out-of-fold spans over all texts together; a span is correct when both ends and the type match."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glassbox.errors import GlassboxError
from glassbox.families.entities.dataset import EntityDataset
from glassbox.families.entities.metrics import Counts, estimates, paired_gain, score
from glassbox.families.entities.spans import Span, read_spans, write_spans
from glassbox.findings.model import Estimate

Predictions = list[list[Span]]


@dataclass(frozen=True)
class SpanScorer:
    """Scorer of the spans of each text; implements `glassbox.families.protocol.Scorer`."""

    dataset: EntityDataset
    metric: str
    resamples: int
    seed: int

    @property
    def units(self) -> int:
        return len(self.dataset.row_ids)

    @property
    def n(self) -> int:
        return len(self.dataset.row_ids)

    def assemble(self, folds: Sequence[Mapping[str, Any]]) -> Predictions:
        spans: Predictions = [[] for _ in self.dataset.row_ids]
        for fold, result in zip(self.dataset.folds, folds, strict=True):
            for row, predicted in zip(np.flatnonzero(self.dataset.fold == fold), result["spans"], strict=True):
                spans[row] = [Span(*span) for span in predicted]
        return spans

    def counts(self, spans: Predictions) -> Counts:
        """Correct, predicted and true spans of each document."""
        return Counts.of(self.dataset.spans, spans, self.dataset.types, self.dataset.documents)

    def value(self, spans: Predictions) -> float:
        return score(self.counts(spans))[self.metric]

    def estimates(self, spans: Predictions) -> dict[str, Estimate]:
        return estimates(self.counts(spans), resamples=self.resamples, seed=self.seed)

    def gain(self, better: Predictions, worse: Predictions) -> Estimate:
        return paired_gain(self.counts(better), self.counts(worse), self.metric, resamples=self.resamples, seed=self.seed)

    def to_frame(self, spans: Predictions) -> pd.DataFrame:
        """Return ``row_id`` and ``y_pred``, the spans of a text as JSON."""
        return pd.DataFrame({"row_id": self.dataset.row_ids, "y_pred": [write_spans(row) for row in spans]})

    def from_frame(self, frame: pd.DataFrame) -> Predictions:
        return read_oof(frame, self.dataset)


def read_oof(oof: pd.DataFrame, dataset: EntityDataset) -> Predictions:
    """Return the out-of-fold spans of each text, in the order of the dataset.

    Raises
    ------
    GlassboxError
        When a text has no prediction.
    """
    cells = oof.set_index("row_id")["y_pred"].reindex(dataset.row_ids)
    if cells.isna().any():
        raise GlassboxError("Rows of train have no out-of-fold prediction; the stages are from different runs.")
    rows = [read_spans(cell, text) for cell, text in zip(cells, dataset.texts, strict=True)]
    return [[] if isinstance(spans, str) else spans for spans in rows]

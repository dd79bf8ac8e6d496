"""Scoring of out-of-fold boxes over all images together: COCO's average precision, and F1 at the best score threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from glassbox.errors import GlassboxError
from glassbox.families.detection.boxes import Box, read_boxes, write_boxes
from glassbox.families.detection.dataset import DetectionDataset
from glassbox.families.detection.metrics import Matches, estimates, paired_gain, score
from glassbox.families.detection.score_threshold import DEFAULT_NMS_IOU, best_threshold, curve_of, nms_all
from glassbox.findings.model import Estimate

Predictions = list[list[Box]]


@dataclass(frozen=True)
class BoxScorer:
    """Scorer of the boxes on each image; implements `glassbox.families.protocol.Scorer`. Boxes are matched once per run."""

    dataset: DetectionDataset
    metric: str
    resamples: int
    seed: int
    _matched: dict[int, tuple[Predictions, Matches, float]] = field(default_factory=dict, repr=False)

    @property
    def units(self) -> int:
        return len(self.dataset.row_ids)

    @property
    def n(self) -> int:
        return len(self.dataset.row_ids)

    def assemble(self, folds: Sequence[Mapping[str, Any]]) -> Predictions:
        boxes: Predictions = [[] for _ in self.dataset.row_ids]
        for fold, result in zip(self.dataset.folds, folds, strict=True):
            for row, cell in zip(np.flatnonzero(self.dataset.fold == fold), result["boxes"], strict=True):
                boxes[row] = read_boxes(cell)
        return boxes

    def matched(self, boxes: Predictions) -> tuple[Matches, float]:
        """The matches of predicted with true boxes, and the score threshold with the best F1."""
        if id(boxes) not in self._matched:  # the boxes are stored as well, so that their id is not used again
            matches = Matches.of(self.dataset.boxes, nms_all(boxes, DEFAULT_NMS_IOU), self.dataset.labels)
            self._matched[id(boxes)] = boxes, matches, best_threshold(curve_of(matches))[0]
        return self._matched[id(boxes)][1:]

    def value(self, boxes: Predictions) -> float:
        return score(*self.matched(boxes))[self.metric]

    def estimates(self, boxes: Predictions) -> dict[str, Estimate]:
        return estimates(*self.matched(boxes), resamples=self.resamples, seed=self.seed)

    def gain(self, better: Predictions, worse: Predictions) -> Estimate:
        (ours, our_threshold), (theirs, their_threshold) = self.matched(better), self.matched(worse)
        thresholds = (our_threshold, their_threshold)
        return paired_gain(ours, theirs, self.metric, thresholds, resamples=self.resamples, seed=self.seed)

    def to_frame(self, boxes: Predictions) -> pd.DataFrame:
        """Return ``row_id`` and ``y_pred``, the boxes on an image as JSON."""
        return pd.DataFrame({"row_id": self.dataset.row_ids, "y_pred": [write_boxes(row) for row in boxes]})

    def from_frame(self, frame: pd.DataFrame) -> Predictions:
        return read_oof(frame, self.dataset)


def read_oof(oof: pd.DataFrame, dataset: DetectionDataset) -> Predictions:
    """Return the out-of-fold boxes on each image, in the order of the dataset.

    Raises
    ------
    GlassboxError
        When an image has no prediction.
    """
    cells = oof.set_index("row_id")["y_pred"].reindex(dataset.row_ids)
    if cells.isna().any():
        raise GlassboxError("Rows of train have no out-of-fold prediction; the stages are from different runs.")
    return [read_boxes(cell) for cell in cells]

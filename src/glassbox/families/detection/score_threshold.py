"""Score threshold and NMS threshold of a detector, chosen by F1 on out-of-fold boxes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from glassbox.families.detection.boxes import Box, Floats, nms
from glassbox.families.detection.metrics import Matches
from glassbox.families.shared.micro_scores import micro_scores
from glassbox.findings.model import Table
from glassbox.findings.wording import number

NMS_IOUS = (0.3, 0.4, 0.5, 0.6, 0.7)
DEFAULT_NMS_IOU = 0.5  # before a threshold is chosen; it is preferred among equal F1 scores


@dataclass(frozen=True)
class Thresholds:
    """The chosen thresholds.

    Attributes
    ----------
    score
        The smallest score of a predicted box.
    nms_iou
        The IoU above which non-maximum suppression removes the box with the lower score.
    curve
        ``threshold``, ``f1``, ``precision``, ``recall`` at this NMS threshold, by descending score threshold.
    candidates
        ``NMS IoU``, ``score``, ``f1``: one row per NMS threshold.
    """

    score: float
    nms_iou: float
    curve: pd.DataFrame
    candidates: pd.DataFrame


def nms_all(predicted: Sequence[Sequence[Box]], threshold: float) -> list[list[Box]]:
    """Apply non-maximum suppression to the boxes of each image."""
    return [nms(boxes, threshold) for boxes in predicted]


def curve_of(matches: Matches) -> pd.DataFrame:
    """Return F1, precision and recall at the score of each box, at IoU 0.5, over all labels."""
    score = np.concatenate([ranked.score for ranked in matches.ranked])
    correct = np.concatenate([ranked.right[0] for ranked in matches.ranked])
    order = np.argsort(-score, kind="mergesort")
    score, hits = score[order], np.cumsum(correct[order]).astype(np.float64)
    last = np.append(score[1:] != score[:-1], True) if len(score) else np.zeros(0, dtype=bool)
    counts: Floats = np.column_stack([hits, np.arange(1, len(score) + 1), np.full(len(score), matches.true.sum())])[last]
    return pd.DataFrame({"threshold": score[last], **micro_scores(counts)})


def best_threshold(curve: pd.DataFrame) -> tuple[float, float]:
    """Return the highest score threshold with the best F1, and that F1; 0.5 and 0 for an empty curve."""
    if not len(curve):
        return 0.5, 0.0
    best = int(curve["f1"].to_numpy().argmax())
    return float(curve["threshold"].iloc[best]), float(curve["f1"].iloc[best])


def choose_thresholds(truth: Sequence[Sequence[Box]], predicted: Sequence[Sequence[Box]], labels: Sequence[str]) -> Thresholds:
    """Choose the NMS threshold and its best score threshold by F1; ties go to the default NMS threshold.

    Parameters
    ----------
    truth, predicted
        The true and the out-of-fold boxes of each training image.
    """
    curves = {nms_iou: curve_of(Matches.of(truth, nms_all(predicted, nms_iou), labels)) for nms_iou in NMS_IOUS}
    best = {nms_iou: best_threshold(curve) for nms_iou, curve in curves.items()}
    chosen = max(NMS_IOUS, key=lambda v: (round(best[v][1], 6), v == DEFAULT_NMS_IOU, -abs(v - DEFAULT_NMS_IOU), v))
    score = float(np.floor(best[chosen][0] * 1e6) / 1e6)
    rows = [{"NMS IoU": nms_iou, "score": best[nms_iou][0], "f1": best[nms_iou][1]} for nms_iou in NMS_IOUS]
    return Thresholds(score, chosen, curves[chosen], pd.DataFrame(rows))


def thresholds_table(thresholds: Thresholds) -> Table:
    """Return the comparison of NMS thresholds."""
    frame = thresholds.candidates
    best = int((frame["NMS IoU"] == thresholds.nms_iou).to_numpy().argmax())
    say = (
        f"Boxes with a score of {number(thresholds.score, '.2f')} or more are predicted, and non-maximum suppression removes boxes above an "
        f"IoU of {number(thresholds.nms_iou, '.1f')}: the best out-of-fold F1, {number(float(frame['f1'].iloc[best]))}."
    )
    return Table.of(frame, "Score threshold", say=say, best=best, formats={"NMS IoU": ".1f", "score": ".3f", "f1": ".4f"})

"""From which score on a box is answered, and how far two answers may cover one another: chosen on out-of-fold boxes, for F1."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from glassbox.families.detection.boxes import Box, Floats, nms
from glassbox.families.detection.metrics import Matches
from glassbox.families.entities.metrics import scores
from glassbox.findings.model import Table
from glassbox.findings.wording import number

NMS_IOUS = (0.3, 0.4, 0.5, 0.6, 0.7)
DEFAULT_NMS_IOU = 0.5  # of the overlap, while nothing is chosen; it wins where others are no better
DRAWN = 200  # points of a curve


@dataclass(frozen=True)
class Thresholds:
    """What was chosen.

    Attributes
    ----------
    threshold, overlap
        The least score of a box that is answered, and the IoU above which a worse one of the same label is taken away.
    curve
        ``threshold``, ``f1``, ``precision``, ``recall`` at this overlap, by descending threshold.
    tried
        A row an overlap: ``overlap``, ``threshold``, ``f1``.
    """

    threshold: float
    overlap: float
    curve: pd.DataFrame
    tried: pd.DataFrame


def nms_all(found: Sequence[Sequence[Box]], overlap: float) -> list[list[Box]]:
    """The boxes of each picture that stay, best first."""
    return [nms(boxes, overlap) for boxes in found]


def curve_of(matches: Matches) -> pd.DataFrame:
    """F1, precision and recall at each score that a box has, at IoU 0.5, over all labels."""
    found = np.concatenate([ranked.score for ranked in matches.ranked])
    right = np.concatenate([ranked.right[0] for ranked in matches.ranked])
    order = np.argsort(-found, kind="mergesort")
    found, hits = found[order], np.cumsum(right[order]).astype(np.float64)
    last = np.append(found[1:] != found[:-1], True) if len(found) else np.zeros(0, dtype=bool)
    sums: Floats = np.column_stack([hits, np.arange(1, len(found) + 1), np.full(len(found), matches.true.sum())])[last]
    return pd.DataFrame({"threshold": found[last], **scores(sums)})


def best_threshold(curve: pd.DataFrame) -> tuple[float, float]:
    """The score with the best F1 and that F1; of equal ones the highest; a half where there is no box."""
    if not len(curve):
        return 0.5, 0.0
    best = int(curve["f1"].to_numpy().argmax())
    return float(curve["threshold"].iloc[best]), float(curve["f1"].iloc[best])


def choose_thresholds(truth: Sequence[Sequence[Box]], found: Sequence[Sequence[Box]], labels: Sequence[str]) -> Thresholds:
    """Try each overlap with its best threshold; the usual one is taken where no other has a better F1.

    Parameters
    ----------
    truth, found
        What is on each picture of train, and what was found out of fold.
    """
    curves = {overlap: curve_of(Matches.of(truth, nms_all(found, overlap), labels)) for overlap in NMS_IOUS}
    best = {overlap: best_threshold(curve) for overlap, curve in curves.items()}
    overlap = max(NMS_IOUS, key=lambda one: (round(best[one][1], 6), one == DEFAULT_NMS_IOU, -abs(one - DEFAULT_NMS_IOU), one))
    threshold = float(np.floor(best[overlap][0] * 1e6) / 1e6)
    rows = [{"overlap": one, "threshold": best[one][0], "f1": best[one][1]} for one in NMS_IOUS]
    return Thresholds(threshold, overlap, curves[overlap], pd.DataFrame(rows))


def thresholds_table(chosen: Thresholds) -> Table:
    """Each overlap that was tried."""
    frame = chosen.tried
    best = int((frame["overlap"] == chosen.overlap).to_numpy().argmax())
    say = (
        f"A box is answered from a score of {number(chosen.threshold, '.2f')} on, unless a better one of its label covers it by more than "
        f"{number(chosen.overlap, '.1f')}: out of fold that gives the best F1, {number(float(frame['f1'].iloc[best]))}."
    )
    return Table.of(
        frame, "Which boxes are answered", say=say, best=best, formats={"overlap": ".1f", "threshold": ".3f", "f1": ".4f"}
    )

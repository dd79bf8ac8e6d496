"""What kinds of mistakes a detector makes, at IoU 0.5, after Hoiem et al. (2012) and Bolya et al. (2020, TIDE), in plain words.

A predicted box is the first of these that fits:

- ``right``: it takes an object of its label, as in the metrics;
- ``double``: it covers an object of its label with IoU 0.5 or more that a better box has taken;
- ``loose``: right label, but IoU 0.1 to 0.5 only;
- ``wrong class``: IoU 0.5 or more with an object of another label;
- ``loose and wrong class``: IoU 0.1 to 0.5 with an object of another label;
- ``background``: IoU below 0.1 with all objects.

An object is ``found`` or ``missed``: no box is right about it, whatever was wrong with those that are near. So those that are right
and missed add up to the objects, and (unlike in TIDE) an object with a loose box on it is missed too.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glassbox.families.detection.boxes import Box, Floats, iou, xywh, scores_of
from glassbox.families.detection.metrics import best_first, match_boxes

SAID = ("right", "double", "loose", "wrong class", "loose and wrong class", "background")
KINDS = (*SAID, "missed")
ENOUGH, LEAST = 0.5, 0.1


@dataclass(frozen=True)
class BoxOutcome:
    """A predicted box: its kind, the place of the object that the kind speaks of (None: background), and its IoU with that."""

    kind: str
    object: int | None = None
    iou: float = 0.0


@dataclass(frozen=True)
class ErrorAnalysis:
    """Of each kind how many, and for each picture the kinds of its boxes.

    Attributes
    ----------
    counts
        How many boxes of each of `KINDS`, in that order.
    found
        For each picture and predicted box, in their order, what it is; None where its score is below the threshold (or more than
        a hundred of its label on the picture are better).
    true
        For each picture and true box, ``found`` or ``missed``.
    """

    counts: dict[str, int]
    found: list[list[BoxOutcome | None]]
    true: list[list[str]]


def analyse_errors(truth: Sequence[Sequence[Box]], found: Sequence[Sequence[Box]], threshold: float) -> ErrorAnalysis:
    """The kinds of all boxes with at least the score `threshold`, and of all objects.

    Examples
    --------
    >>> own = [[Box(0, 0, 10, 10, "Pear"), Box(50, 50, 10, 10, "Apple")]]
    >>> made = mistakes(own, [[Box(0, 0, 10, 10, "Pear", 0.9), Box(0, 0, 10, 9, "Pear", 0.8)]], 0.5)
    >>> {kind: count for kind, count in made.counts.items() if count}
    {'right': 1, 'double': 1, 'missed': 1}
    """
    pictures = [_picture(own, other, threshold) for own, other in zip(truth, found, strict=True)]
    tally = Counter(judged.kind for said, _ in pictures for judged in said if judged is not None)
    tally["missed"] = sum(kind == "missed" for _, true in pictures for kind in true)
    return ErrorAnalysis({kind: tally[kind] for kind in KINDS}, [said for said, _ in pictures], [true for _, true in pictures])


def _picture(own: Sequence[Box], other: Sequence[Box], threshold: float) -> tuple[list[BoxOutcome | None], list[str]]:
    covered = iou(xywh(other), xywh(own))
    takes = _taken(own, other)
    high = scores_of(other) >= threshold
    labels = [box.label for box in own]
    said: list[BoxOutcome | None] = []
    for i, box in enumerate(other):
        same = np.array([label == box.label for label in labels], dtype=bool)
        said.append(_kind(covered[i], same, takes[i]) if i in takes and high[i] else None)
    right = {judged.object for judged in said if judged is not None and judged.kind == "right"}
    return said, ["found" if i in right else "missed" for i in range(len(own))]


def _taken(own: Sequence[Box], other: Sequence[Box]) -> dict[int, int]:
    """The object that each ranked box takes, or -1, by the places of both."""
    made: dict[int, int] = {}
    for label in {box.label for box in other}:
        said = [i for i, box in enumerate(other) if box.label == label]
        true = [i for i, box in enumerate(own) if box.label == label]
        said = [said[j] for j in best_first([other[i] for i in said])]
        [takes] = match_boxes([other[i] for i in said], [own[i] for i in true], np.array([ENOUGH]))
        made.update({i: true[j] if j >= 0 else -1 for i, j in zip(said, takes, strict=True)})
    return made


def _kind(covered: Floats, same: npt.NDArray[np.bool_], takes: int) -> BoxOutcome:
    """What a box is that covers the objects of its picture so far; `same`: which have its label; `takes`: which it took, or -1."""
    if takes >= 0:
        return BoxOutcome("right", takes, float(covered[takes]))
    for kind, among, least in (
        ("double", same, ENOUGH),
        ("loose", same, LEAST),
        ("wrong class", ~same, ENOUGH),
        ("loose and wrong class", ~same, LEAST),
    ):
        fits = np.where(among, covered, -1.0)
        if fits.max(initial=-1.0) >= least:
            return BoxOutcome(kind, int(fits.argmax()), float(fits.max()))
    return BoxOutcome("background")

"""Bounding boxes: JSON format, intersection over union and non-maximum suppression."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from glassbox.errors import DataError

Floats = npt.NDArray[np.float64]
_DIGITS, _SCORE_DIGITS = 2, 6  # scores have more digits, since boxes are ranked by them


@dataclass(frozen=True)
class Box:
    """A labelled rectangle in pixels from the upper left corner of an image; predictions also have a score from 0 to 1."""

    x: float
    y: float
    width: float
    height: float
    label: str
    score: float | None = None


def read_boxes(text: str) -> list[Box]:
    """Read the boxes of a cell, in its order.

    A cell is JSON: a list of ``[x, y, width, height, label]``, with the score as a sixth element for predictions. An empty list is an
    image without objects.

    Raises
    ------
    DataError
        When the cell is not in this format.

    Examples
    --------
    >>> read_boxes('[[4, 2.5, 10, 8, "Pear"]]')
    [Box(x=4.0, y=2.5, width=10.0, height=8.0, label='Pear', score=None)]
    """
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError("boxes that are not JSON") from error
    if not isinstance(value, list):
        raise DataError("boxes that are not a list")
    return [_box(item) for item in value]


def _box(item: Any) -> Box:
    if not isinstance(item, list) or len(item) not in (5, 6):
        raise DataError("a box that is not [x, y, width, height, label]")
    numbers = [number for value in item[:4] if (number := _number(value)) is not None]
    if len(numbers) < 4:
        raise DataError("a box with a position or size that is not a number")
    x, y, width, height = numbers
    if width <= 0 or height <= 0:
        raise DataError(f"a box of {width:g} × {height:g} pixels")
    if not isinstance(item[4], str) or not item[4].strip():
        raise DataError("a box without a label")
    if len(item) == 5:
        return Box(x, y, width, height, item[4])
    score = _number(item[5])
    if score is None or not 0 <= score <= 1:
        raise DataError("a box with a score that is not between 0 and 1")
    return Box(x, y, width, height, item[4], score)


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def write_boxes(boxes: Iterable[Box]) -> str:
    """Write boxes as a cell: sorted, positions and sizes rounded to 0.01 pixels (the smallest size), scores to six digits.

    >>> write_boxes([Box(4.001, 2.5, 10, 8, "Pear", 0.5), Box(0, 0, 3, 3, "Apple", 0.25)])
    '[[0.0, 0.0, 3.0, 3.0, "Apple", 0.25], [4.0, 2.5, 10.0, 8.0, "Pear", 0.5]]'
    """
    rows = sorted((_row(box) for box in boxes), key=lambda row: (*row[:5], len(row), *row[5:]))
    return json.dumps(rows, ensure_ascii=False)


def _row(box: Box) -> list[float | str]:
    least = 10.0**-_DIGITS
    position = [round(float(value), _DIGITS) + 0.0 for value in (box.x, box.y)]  # + 0.0 avoids -0.0
    size = [max(round(float(value), _DIGITS), least) for value in (box.width, box.height)]
    return [*position, *size, box.label, *([] if box.score is None else [round(float(box.score), _SCORE_DIGITS)])]


def xywh(boxes: Sequence[Box]) -> Floats:
    """Return the boxes as an array (n, 4) of x, y, width and height."""
    return np.array([[box.x, box.y, box.width, box.height] for box in boxes], dtype=np.float64).reshape(-1, 4)


def scores_of(boxes: Sequence[Box]) -> Floats:
    """Return the scores as an array (n,).

    Raises
    ------
    ValueError
        When a box has no score.
    """
    scores = [box.score for box in boxes]
    if any(score is None for score in scores):
        raise ValueError("a predicted box has no score")
    return np.array(scores, dtype=np.float64)


def iou(a: Floats, b: Floats) -> Floats:
    """Compute the intersection over union (Jaccard 1912) of each pair of boxes.

    Parameters
    ----------
    a, b
        (n, 4) and (m, 4) x, y, width and height in pixels; a box ends at x + width, as in pycocotools.

    Returns
    -------
    array of shape (n, m)
        From 0 (disjoint) to 1 (identical).

    Examples
    --------
    >>> iou(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 2, 2], [2, 0, 2, 2]])).round(3).tolist()
    [[0.333, 0.0]]
    """
    starts = np.maximum(a[:, None, :2], b[None, :, :2])
    ends = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    intersection = np.clip(ends - starts, 0, None).prod(axis=2)
    union = a[:, 2:].prod(axis=1)[:, None] + b[:, 2:].prod(axis=1)[None, :] - intersection
    return np.asarray(np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0))


def nms(boxes: Sequence[Box], threshold: float) -> list[Box]:
    """Apply greedy non-maximum suppression by label; return the remaining boxes by descending score.

    From the highest score down, a box remains if its IoU with every remaining box of its label is at most `threshold`. Equal scores are
    ordered by position, size and label, so the result does not depend on the order of the boxes.

    Examples
    --------
    >>> boxes = [Box(0, 0, 10, 10, "Pear", 0.4), Box(1, 0, 10, 10, "Pear", 0.9), Box(0, 0, 10, 10, "Apple", 0.5)]
    >>> [(box.label, box.score) for box in nms(boxes, 0.5)]
    [('Pear', 0.9), ('Apple', 0.5)]
    """
    scores = scores_of(boxes)
    order = sorted(range(len(boxes)), key=lambda i: (-scores[i], *xywh([boxes[i]])[0].tolist(), boxes[i].label))
    ranked = [boxes[i] for i in order]
    coordinates = xywh(ranked)
    labels = np.array([box.label for box in ranked], dtype=object)
    candidate = np.ones(len(ranked), dtype=bool)
    remaining = []
    for i, box in enumerate(ranked):
        if candidate[i]:
            remaining.append(box)
            candidate &= ~((labels == box.label) & (iou(coordinates[i : i + 1], coordinates)[0] > threshold))
    return remaining

"""Boxes: where on a picture something stands. How they are written, read, compared and nms_all out."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from glassbox.errors import DataError

Floats = npt.NDArray[np.float64]
_DIGITS, _SCORE_DIGITS = 2, 6  # scores are ranked by: what tells two of them apart is kept


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels from the upper left of a picture, what stands in it, and, of a prediction, how sure that is (0 to 1)."""

    x: float
    y: float
    width: float
    height: float
    label: str
    score: float | None = None


def read_boxes(text: str) -> list[Box]:
    """The boxes that a cell says, in its order.

    A cell is JSON: a list of ``[x, y, width, height, label]``, with the score as a sixth for predictions. An empty list is a picture
    with nothing on it.

    Raises
    ------
    DataError
        When it cannot be read, in words.

    Examples
    --------
    >>> read_boxes('[[4, 2.5, 10, 8, "Pear"]]')
    [Box(x=4.0, y=2.5, width=10.0, height=8.0, label='Pear', score=None)]
    """
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError("boxes that are no JSON") from error
    if not isinstance(value, list):
        raise DataError("boxes that are no list")
    return [_box(item) for item in value]


def _box(item: Any) -> Box:
    if not isinstance(item, list) or len(item) not in (5, 6):
        raise DataError("a box that is no [x, y, width, height, label]")
    numbers = [number for value in item[:4] if (number := _number(value)) is not None]
    if len(numbers) < 4:
        raise DataError("a box with a place or size that is no number")
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
    """Boxes as a cell: sorted, places and sizes to a hundredth of a pixel (no size below that), scores to six digits.

    >>> write_boxes([Box(4.001, 2.5, 10, 8, "Pear", 0.5), Box(0, 0, 3, 3, "Apple", 0.25)])
    '[[0.0, 0.0, 3.0, 3.0, "Apple", 0.25], [4.0, 2.5, 10.0, 8.0, "Pear", 0.5]]'
    """
    rows = sorted((_row(box) for box in boxes), key=lambda row: (*row[:5], len(row), *row[5:]))
    return json.dumps(rows, ensure_ascii=False)


def _row(box: Box) -> list[float | str]:
    least = 10.0**-_DIGITS
    place = [round(float(value), _DIGITS) + 0.0 for value in (box.x, box.y)]  # + 0.0: no minus before nought
    size = [max(round(float(value), _DIGITS), least) for value in (box.width, box.height)]
    return [*place, *size, box.label, *([] if box.score is None else [round(float(box.score), _SCORE_DIGITS)])]


def xywh(boxes: Sequence[Box]) -> Floats:
    """(n, 4) x, y, width and height."""
    return np.array([[box.x, box.y, box.width, box.height] for box in boxes], dtype=np.float64).reshape(-1, 4)


def scores_of(boxes: Sequence[Box]) -> Floats:
    """(n,) scores.

    Raises
    ------
    ValueError
        When a box has none.
    """
    found = [box.score for box in boxes]
    if any(score is None for score in found):
        raise ValueError("a predicted box has no score")
    return np.array(found, dtype=np.float64)


def iou(a: Floats, b: Floats) -> Floats:
    """How far boxes cover one another: their intersection over their union (Jaccard 1912).

    Parameters
    ----------
    a, b
        (n, 4) and (m, 4) x, y, width and height in pixels; a box ends at x + width, as pycocotools has it.

    Returns
    -------
    array of shape (n, m)
        From 0, apart, to 1, the same.

    Examples
    --------
    >>> iou(np.array([[0.0, 0, 2, 2]]), np.array([[1.0, 0, 2, 2], [2, 0, 2, 2]])).round(3).tolist()
    [[0.333, 0.0]]
    """
    starts = np.maximum(a[:, None, :2], b[None, :, :2])
    ends = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    shared = np.clip(ends - starts, 0, None).prod(axis=2)
    together = a[:, 2:].prod(axis=1)[:, None] + b[:, 2:].prod(axis=1)[None, :] - shared
    return np.asarray(np.divide(shared, together, out=np.zeros_like(shared), where=together > 0))


def nms(boxes: Sequence[Box], threshold: float) -> list[Box]:
    """The boxes that stay when those that cover a better one of the same label are taken away, best first.

    Greedy non-maximum suppression: from the highest score down, a box stays if its IoU with every one of its label that stayed is at
    most `threshold`. Equal scores go by place, size and label, whatever order the boxes come in.

    Examples
    --------
    >>> found = [Box(0, 0, 10, 10, "Pear", 0.4), Box(1, 0, 10, 10, "Pear", 0.9), Box(0, 0, 10, 10, "Apple", 0.5)]
    >>> [(box.label, box.score) for box in suppressed(found, 0.5)]
    [('Pear', 0.9), ('Apple', 0.5)]
    """
    ranks = scores_of(boxes)
    by = sorted(range(len(boxes)), key=lambda i: (-ranks[i], *xywh([boxes[i]])[0].tolist(), boxes[i].label))
    ordered = [boxes[i] for i in by]
    where = xywh(ordered)
    labels = np.array([box.label for box in ordered], dtype=object)
    left = np.ones(len(ordered), dtype=bool)
    kept = []
    for i, box in enumerate(ordered):
        if left[i]:
            kept.append(box)
            left &= ~((labels == box.label) & (iou(where[i : i + 1], where)[0] > threshold))
    return kept

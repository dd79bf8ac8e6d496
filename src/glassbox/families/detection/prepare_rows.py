"""Preparation of detection rows: one row per image, with its boxes in a canonical form; unreadable rows are quarantined."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from glassbox.data.raw_table import text_column
from glassbox.data.sources import RawData
from glassbox.data.target_checks import is_missing
from glassbox.errors import DataError
from glassbox.families.detection.boxes import Box, read_boxes, write_boxes
from glassbox.families.detection.dataset import labels_of, sizes_of
from glassbox.families.vision.prepare_rows import find_picture_column
from glassbox.findings.model import Cell, Facts, Finding, Note

if TYPE_CHECKING:
    from glassbox.request.model import Request

MIN_SIDE = 1.0  # pixels of a box after clipping
WORKERS = 2


@dataclass(frozen=True)
class _Annotation:
    """The boxes of an image, clipped to it, or the reason why they cannot be read.

    Attributes
    ----------
    clipped, outside, scored
        The number of boxes that were clipped, that were removed as outside of the image, and that had a score.
    """

    boxes: list[Box]
    error: str = ""
    clipped: int = 0
    outside: int = 0
    scored: int = 0


def prepare_rows(arrival: RawData, request: "Request") -> tuple[RawData, dict[str, Finding]]:
    """Write the boxes of each image as ``[[x, y, width, height, label], ...]`` in pixels, clipped to the image."""
    target = request.data.target
    if not len(arrival.cells) or target is None or target not in arrival.cells:
        return arrival, {}
    column = find_picture_column(arrival.cells.drop(columns=target), request)
    arrival = arrival.exclude(is_missing(arrival.cells[column]), "there is no picture")
    arrival = arrival.exclude(is_missing(arrival.cells[target]), "the target is missing")
    images, cells = arrival.cells[column].tolist(), arrival.cells[target].tolist()
    sizes = sizes_of(images, WORKERS)
    annotations = [_read(str(cell), size) for cell, size in zip(cells, sizes, strict=True)]
    canonical = text_column([write_boxes(annotation.boxes) for annotation in annotations])
    arranged = replace(arrival, cells=arrival.cells.assign(**{target: canonical}))
    valid = annotations
    for reason in sorted({annotation.error for annotation in annotations if annotation.error}):
        arranged = arranged.exclude(np.array([annotation.error == reason for annotation in valid], dtype=bool), reason)
        valid = [annotation for annotation in valid if annotation.error != reason]
    if annotations and not valid:
        raise DataError(
            f"data.target: {target!r} cannot be read for any of {len(cells):,} pictures: {annotations[0].error}. "
            'Expected [[4, 2, 10, 8, "Pear"], ...], in pixels: x, y, width, height and label.'
        )
    labels = labels_of(annotation.boxes for annotation in valid)
    if valid and not labels:
        raise DataError(
            f"data.target: {target!r} holds no box for any of {len(valid):,} pictures; expected at least one box to train on."
        )
    valid_sizes = [size for size, annotation in zip(sizes, annotations, strict=True) if not annotation.error]
    return arranged, {"unit": _facts(valid, valid_sizes, labels, column), "unit_rules": _rules(valid)}


def _read(cell: str, size: tuple[int, int]) -> _Annotation:
    try:
        boxes = read_boxes(cell)
    except DataError as error:
        return _Annotation([], str(error))
    clipped = [_clip(box, size) for box in boxes]
    inside = [box for box in clipped if box is not None]
    cut = sum(
        after is not None and (after.width < 0.99 * box.width or after.height < 0.99 * box.height)
        for after, box in zip(clipped, boxes, strict=True)
    )
    return _Annotation(inside, "", cut, len(boxes) - len(inside), sum(box.score is not None for box in boxes))


def _clip(box: Box, size: tuple[int, int]) -> Box | None:
    left, top = max(0.0, box.x), max(0.0, box.y)
    right, bottom = min(float(size[0]), box.x + box.width), min(float(size[1]), box.y + box.height)
    if right - left < MIN_SIDE or bottom - top < MIN_SIDE:
        return None
    return Box(left, top, right - left, bottom - top, box.label)


def _facts(annotations: Sequence[_Annotation], sizes: Sequence[tuple[int, int]], labels: Sequence[str], column: str) -> Facts:
    counts = Counter(box.label for annotation in annotations for box in annotation.boxes)
    total, with_objects = sum(counts.values()), sum(bool(annotation.boxes) for annotation in annotations)
    median = np.median(np.array(sizes), axis=0) if sizes else (0, 0)
    facts: dict[str, Cell] = {
        "column": column,
        "pictures": len(annotations),
        "pictures with an object": with_objects,
        "width, median": f"{median[0]:.0f} pixels",
        "height, median": f"{median[1]:.0f} pixels",
        "objects": total,
        **{f"objects labelled {name}": counts[name] for name in labels},
    }
    say = (
        f"Each row is one picture with its boxes: {len(annotations):,} pictures, {with_objects:,} of them with objects; "
        f"{total:,} objects of {len(labels)} labels."
    )
    return Facts(title="Images and boxes", say=say, facts=facts)


def _rules(annotations: Sequence[_Annotation]) -> Note:
    clipped, outside, scored = (
        sum(getattr(annotation, name) for annotation in annotations) for name in ("clipped", "outside", "scored")
    )
    lines = []
    if clipped:
        lines.append(f"{clipped:,} boxes extended beyond the picture and were clipped.")
    if outside:
        lines.append(f"{outside:,} boxes had less than a pixel inside the picture and were removed.")
    if scored:
        lines.append(f"{scored:,} boxes had a score, which was removed.")
    if not lines:
        return Note(title="Box checks", say="All boxes lie within their pictures.", tone="good")
    return Note(title="Box checks", say="", lines=lines, tone="look")

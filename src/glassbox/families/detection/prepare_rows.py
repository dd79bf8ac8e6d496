"""The unit of detection: a picture with the boxes on it. Rows whose boxes cannot be read are set aside."""

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

LEAST = 1.0  # pixels of a side of a box that are left on its picture
WORKERS = 2


@dataclass(frozen=True)
class _Found:
    """What a cell holds, as far as it lies on its picture: boxes, or why it cannot be read; how many were cut, and how many left out."""

    boxes: list[Box]
    wrong: str = ""
    cut: int = 0
    outside: int = 0
    scored: int = 0


def arrange(arrival: RawData, request: "Request") -> tuple[RawData, dict[str, Finding]]:
    """One row a picture, its boxes written in one way: ``[[x, y, width, height, label], ...]`` in pixels, cut at the picture's edges."""
    target = request.data.target
    if not len(arrival.cells) or target is None or target not in arrival.cells:
        return arrival, {}
    column = find_picture_column(arrival.cells.drop(columns=target), request)
    arrival = arrival.set_aside(is_missing(arrival.cells[column]), "there is no picture")
    arrival = arrival.set_aside(is_missing(arrival.cells[target]), "the target is missing")
    pictures, cells = arrival.cells[column].tolist(), arrival.cells[target].tolist()
    sizes = sizes_of(pictures, WORKERS)
    found = [_read(str(cell), size) for cell, size in zip(cells, sizes, strict=True)]
    arranged = replace(arrival, cells=arrival.cells.assign(**{target: text_column([write_boxes(one.boxes) for one in found])}))
    kept = found
    for reason in sorted({one.wrong for one in found if one.wrong}):
        arranged = arranged.set_aside(np.array([one.wrong == reason for one in kept], dtype=bool), reason)
        kept = [one for one in kept if one.wrong != reason]
    if found and not kept:
        raise DataError(
            f"data.target: {target!r} cannot be read for any of {len(cells):,} pictures: {found[0].wrong}. "
            'Expected [[4, 2, 10, 8, "Pear"], ...], in pixels: x, y, width, height and label.'
        )
    labels = labels_of(one.boxes for one in kept)
    if kept and not labels:
        raise DataError(f"data.target: {target!r} holds no box on any of {len(kept):,} pictures; there is nothing to learn.")
    left = [size for size, one in zip(sizes, found, strict=True) if not one.wrong]
    return arranged, {"unit": _facts(kept, left, labels, column), "unit_rules": _rules(kept)}


def _read(cell: str, size: tuple[int, int]) -> _Found:
    try:
        boxes = read_boxes(cell)
    except DataError as error:
        return _Found([], str(error))
    within = [_cut(box, size) for box in boxes]
    kept = [box for box in within if box is not None]
    cut = sum(
        one is not None and (one.width < 0.99 * box.width or one.height < 0.99 * box.height)
        for one, box in zip(within, boxes, strict=True)
    )
    return _Found(kept, "", cut, len(boxes) - len(kept), sum(box.score is not None for box in boxes))


def _cut(box: Box, size: tuple[int, int]) -> Box | None:
    left, top = max(0.0, box.x), max(0.0, box.y)
    right, bottom = min(float(size[0]), box.x + box.width), min(float(size[1]), box.y + box.height)
    if right - left < LEAST or bottom - top < LEAST:
        return None
    return Box(left, top, right - left, bottom - top, box.label)


def _facts(found: Sequence[_Found], sizes: Sequence[tuple[int, int]], labels: Sequence[str], column: str) -> Facts:
    counts = Counter(box.label for one in found for box in one.boxes)
    total, with_any = sum(counts.values()), sum(bool(one.boxes) for one in found)
    middle = np.median(np.array(sizes), axis=0) if sizes else (0, 0)
    facts: dict[str, Cell] = {
        "read from": column,
        "pictures": len(found),
        "pictures with an object": with_any,
        "width, median": f"{middle[0]:.0f} pixels",
        "height, median": f"{middle[1]:.0f} pixels",
        "objects": total,
        **{f"objects labelled {name}": counts[name] for name in labels},
    }
    say = f"Each picture is a case: {len(found):,} of them, with {total:,} objects of {len(labels)} labels on {with_any:,}."
    return Facts(title="A picture with its boxes is a case", say=say, facts=facts)


def _rules(found: Sequence[_Found]) -> Note:
    cut, outside, scored = (sum(getattr(one, name) for one in found) for name in ("cut", "outside", "scored"))
    lines = []
    if cut:
        lines.append(f"{cut:,} reached over the edge of the picture: cut there.")
    if outside:
        lines.append(f"{outside:,} lay beside the picture, or less than a pixel on it: left out.")
    if scored:
        lines.append(f"{scored:,} came with a score: taken as true, and the score left out.")
    if not lines:
        return Note(title="Boxes are where they say.", say="All lie on their pictures, and nothing had to be cut.", tone="good")
    return Note(title="What was found in the boxes", say="", lines=lines, tone="look")

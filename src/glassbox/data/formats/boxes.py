"""Tables of pictures with bounding boxes, shared by the COCO and YOLO formats."""

import json
from collections.abc import Iterable, Sequence

import numpy as np

from glassbox.data.images.rows import (
    BOXES,
    FILE,
    PART,
    PICTURE,
    ROTATED_BOXES,
    NamedTable,
    PictureFile,
    common_folder,
    counted,
    describe_formats,
    picture_notes,
    was,
)
from glassbox.data.raw_table import BadRow, FileTable, bad_row, text_frame

Box = tuple[float, float, float, float, str]  # left, top, width and height in pixels; label
BoxRow = tuple[int, list[Box] | str, str | None]  # position of the picture, its boxes or the reason why there are none, its part

_TOLERANCE_PX = 0.01  # of rounding, beyond the edge of a picture


def boxes_table(
    pictures: Sequence[PictureFile],
    rows: Iterable[BoxRow],
    *,
    bad: Sequence[BadRow],
    notes: Sequence[str],
    label_bytes: int,
    label_files: int,
    form: str,
) -> NamedTable:
    """Make the table of pictures with boxes, in the order of the pictures.

    The columns are ``picture``, ``boxes`` (JSON, ``[[x, y, width, height, label], ...]`` in pixels from the upper left), ``file``
    and, when folders or file names state it, ``part``.

    Parameters
    ----------
    pictures
        All picture files.
    rows
        The annotated pictures, in any order.
    bad, notes
        Bad rows and notes from reading the annotations.
    label_bytes, label_files
        Total size and number of the annotation files.
    form
        Name of the annotation format.
    """
    good: list[tuple[PictureFile, int, str, str | None]] = []
    all_bad, clipped, dropped = list(bad), 0, 0
    for at, boxes, part in sorted(rows, key=lambda row: row[0]):
        file = pictures[at]
        reason = file.picture.problem or (boxes if isinstance(boxes, str) else "")
        if not reason and file.picture.orientation > 1:
            reason = ROTATED_BOXES
        if reason or isinstance(boxes, str):
            all_bad.append(bad_row(at + 1, reason, file.name))
            continue
        inside = [_clip(box, file.picture.width, file.picture.height) for box in boxes]
        dropped += sum(box is None for box, _ in inside)
        clipped += sum(overflows for box, overflows in inside if box is not None)
        text = json.dumps([_rounded(box) for box in sorted(box for box, _ in inside if box is not None)], ensure_ascii=False)
        good.append((file, at + 1, text, part))
    readable = [file.picture for file, *_ in good]
    columns: dict[str, list[str | None]] = {
        PICTURE: [picture.cell for picture in readable],
        BOXES: [text for _, _, text, _ in good],
        FILE: [file.name.rpartition("/")[2] for file, *_ in good],
    }
    if any(part for *_, part in good):
        columns[PART] = [part for *_, part in good]
    all_notes = [*notes, *picture_notes(readable)]
    all_notes += [f"{counted(clipped, 'box')} extended beyond the picture and {was(clipped)} clipped."] if clipped else []
    all_notes += [f"{counted(dropped, 'box')} without area {was(dropped)} dropped."] if dropped else []
    lines = np.array([line for _, line, _, _ in good], dtype="int64")
    frame = text_frame(list(columns), list(columns.values()))
    table = FileTable(frame, lines, all_bad, all_notes, f"{describe_formats(readable)} with {form} boxes")
    size = label_bytes + sum(file.size_bytes for file in pictures)
    return NamedTable(common_folder([file.name for file in pictures]), size, len(pictures) + label_files, table)


def _clip(box: Box, width: int, height: int) -> tuple[Box | None, bool]:
    """Clip a box to the picture; return None when no area is left, and whether the box extended beyond the picture."""
    left, top, box_width, box_height, label = box
    right, bottom = min(left + box_width, width), min(top + box_height, height)
    overflows = (
        min(left, top) < -_TOLERANCE_PX or left + box_width > width + _TOLERANCE_PX or top + box_height > height + _TOLERANCE_PX
    )
    left, top = max(left, 0.0), max(top, 0.0)
    if not (right - left > _TOLERANCE_PX and bottom - top > _TOLERANCE_PX):
        return None, overflows
    return (left, top, right - left, bottom - top, label), overflows


def _rounded(box: Box) -> list[float | int | str]:
    """Round to a hundredth of a pixel; write whole numbers without a fraction."""
    rounded = [round(value, 2) for value in box[:4]]
    return [*(int(value) if value.is_integer() else value for value in rounded), box[4]]

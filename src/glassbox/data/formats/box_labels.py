"""Boxes beside picture files: COCO's one list for all of them, or YOLO's file of labels for each.

Lin and others 2014 (COCO) measure a box from the picture's upper left corner to the box's, in pixels; YOLO's files say the
box's middle and size as shares of the picture's.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import yaml

from glassbox.data.images.rows import (
    BOXES,
    FILE,
    PART,
    PICTURE,
    TURNED_BOXES,
    Finder,
    NamedTable,
    PictureFile,
    common_name,
    counted,
    notes_of,
    part_of,
    part_told,
    written_as,
)
from glassbox.data.raw_table import BadRow, FileTable, bad_row, text_frame
from glassbox.errors import DataError

Box = tuple[float, float, float, float, str]  # left, top, width and height in pixels; what it holds

NOT_THERE = "the picture is not among the files that arrived"
OTHER_SIZE = "the picture is of another size than the list of boxes says"
_LEAVES = 0.01  # pixels beyond the edge come from rounding
_SHARES = 1e-3  # beyond 0 and 1, likewise
_Row = tuple[int, list[Box] | str, str | None]  # the picture, its boxes or why there are none, its part


def _gathered(
    pictures: Sequence[PictureFile],
    rows: Iterable[_Row],
    bad: Sequence[BadRow],
    notes: Sequence[str],
    size: int,
    files: int,
    how: str,
) -> NamedTable:
    """The table of pictures with boxes, in the order of the pictures."""
    kept: list[tuple[int, str, str | None]] = []
    bad, clipped, dropped = list(bad), 0, 0
    for at, boxes, part in sorted(rows, key=lambda row: row[0]):
        one = pictures[at]
        reason = one.picture.problem or (boxes if isinstance(boxes, str) else "")
        if not reason and one.picture.orientation > 1:
            reason = TURNED_BOXES
        if reason or isinstance(boxes, str):
            bad.append(bad_row(at + 1, reason, one.name))
            continue
        inside = [_inside(box, one.picture.width, one.picture.height) for box in boxes]
        dropped += sum(box is None for box, _ in inside)
        clipped += sum(leaves for box, leaves in inside if box is not None)
        text = json.dumps([_tidy(box) for box in sorted(box for box, _ in inside if box is not None)], ensure_ascii=False)
        kept.append((at, text, part))
    told = [pictures[at].picture for at, _, _ in kept]
    parted = any(part for _, _, part in kept)
    columns: dict[str, list[str | None]] = {
        PICTURE: [one.cell for one in told],
        BOXES: [text for _, text, _ in kept],
        FILE: [pictures[at].name.rpartition("/")[2] for at, _, _ in kept],
        **({PART: [part for _, _, part in kept]} if parted else {}),
    }
    said = [*notes, *notes_of(told)]
    said += [f"{counted(clipped, 'box')} left the picture and {_was(clipped)} clipped to it."] if clipped else []
    said += [f"{counted(dropped, 'box')} of no area {_was(dropped)} left out."] if dropped else []
    lines = np.array([at + 1 for at, _, _ in kept], dtype="int64")
    table = FileTable(
        text_frame(list(columns), list(columns.values())), lines, bad, said, f"{written_as(told)}, boxes as {how} has them"
    )
    size += sum(one.size_bytes for one in pictures)
    return NamedTable(common_name([one.name for one in pictures]), size, len(pictures) + files, table)


def _was(n: int) -> str:
    return "was" if n == 1 else "were"


def _inside(box: Box, width: int, height: int) -> tuple[Box | None, bool]:
    """The part of a box that lies in the picture, None when there is none, and whether it left the picture."""
    left, top, wide, high, label = box
    right, bottom = min(left + wide, width), min(top + high, height)
    leaves = min(left, top) < -_LEAVES or left + wide > width + _LEAVES or top + high > height + _LEAVES
    left, top = max(left, 0.0), max(top, 0.0)
    if not (right - left > _LEAVES and bottom - top > _LEAVES):
        return None, leaves
    return (left, top, right - left, bottom - top, label), leaves


def _tidy(box: Box) -> list[float | int | str]:
    """Numbers to a hundredth of a pixel, whole ones without a fraction."""
    rounded = [round(value, 2) for value in box[:4]]
    return [*(int(value) if value.is_integer() else value for value in rounded), box[4]]


# ------------------------------------------------------------------------------------------------------------- COCO


_LISTS = ("images", "annotations", "categories")


def coco_of(content: bytes, name: str) -> dict[str, Any] | None:
    """COCO's object in a file; None when it holds none.

    Raises
    ------
    DataError
        When it begins as one and is no valid JSON.
    """
    if not content[:100].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return None
    if not all(f'"{key}"'.encode() in content for key in _LISTS):
        return None
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # one object a line
            return None
        raise DataError(f"{name}: this looks like COCO's list of boxes, and is no valid JSON: {error}.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name}: this looks like COCO's list of boxes, and cannot be read: {error}.") from error
    return found if isinstance(found, dict) and all(isinstance(found.get(key), list) for key in _LISTS) else None


def read_coco(lists: Mapping[str, tuple[dict[str, Any], int]], pictures: Sequence[PictureFile]) -> NamedTable:
    """Pictures with the boxes that COCO's lists (object and size in bytes, by file) give them.

    The columns are ``picture``, ``boxes`` (JSON, ``[[x, y, width, height, label], ...]`` in pixels from the upper left), ``file`` and,
    where folders or the lists' names tell, ``part``.

    Raises
    ------
    DataError
        When a list is not as COCO has it, when two name the same picture, or no picture came along.
    """
    finder = Finder(pictures)
    rows: dict[int, _Row] = {}
    named: dict[int, str] = {}
    bad: list[BadRow] = []
    left_out: Counter[str] = Counter()
    for name, (found, _) in sorted(lists.items()):
        images, boxes, odd = _coco_boxes(found, name)
        left_out.update(odd)
        part = part_told(name)
        positions = finder.find([str(image["file_name"]) for image in images], name.rpartition("/")[0])
        for number, (image, at) in enumerate(zip(images, positions, strict=True), start=1):
            if at is None:
                bad.append(bad_row(number, NOT_THERE, str(image["file_name"])))
                continue
            if at in rows:
                lists_named = " and ".join(dict.fromkeys((named[at], name)))
                raise DataError(f"{lists_named}: {pictures[at].name} is named twice; let data.path name one of the lists.")
            one = pictures[at].picture
            said = [image.get("width") or one.width, image.get("height") or one.height]
            other = not one.problem and one.orientation < 2 and said != [one.width, one.height]
            rows[at] = (at, OTHER_SIZE if other else boxes[image["id"]], part_of(pictures[at].name) or part)
            named[at] = name
    if not rows:
        raise DataError(f"{', '.join(lists)}: none of the pictures in COCO's list is among the files that arrived.")
    return _gathered(
        pictures,
        rows.values(),
        bad,
        _coco_notes(left_out, len(pictures) - len(rows)),
        sum(n for _, n in lists.values()),
        len(lists),
        "COCO",
    )


def _coco_boxes(found: Mapping[str, Any], name: str) -> tuple[list[dict[str, Any]], dict[Any, list[Box]], Counter[str]]:
    """The images of a list, the boxes of each by its id, and how many annotations were left out, by kind."""
    try:
        labels = {one["id"]: str(one["name"]) for one in found["categories"]}
        images = [{**one, "id": one["id"], "file_name": one["file_name"]} for one in found["images"]]
        boxes: dict[Any, list[Box]] = {image["id"]: [] for image in images}
        left_out: Counter[str] = Counter()
        for one in found["annotations"]:
            if one.get("iscrowd"):
                left_out["crowd"] += 1
                continue
            box = _numbers(one.get("bbox"))
            if box is None:
                left_out["no box"] += 1
                continue
            boxes[one["image_id"]].append((*box, labels[one["category_id"]]))
    except (KeyError, TypeError, AttributeError) as error:
        what = f"{error} is not there" if isinstance(error, KeyError) else "an entry is of another kind"
        raise DataError(f"{name}: this list of boxes is not as COCO has it: {what}.") from error
    return images, boxes, left_out


def _numbers(found: object) -> tuple[float, float, float, float] | None:
    if not isinstance(found, list) or len(found) != 4 or not all(isinstance(value, (int, float)) for value in found):
        return None
    left, top, wide, high = (float(value) for value in found)
    return (left, top, wide, high) if all(map(math.isfinite, (left, top, wide, high))) else None


def _coco_notes(left_out: Mapping[str, int], unnamed: int) -> list[str]:
    crowds, boxless = left_out.get("crowd", 0), left_out.get("no box", 0)
    notes = [f"{counted(crowds, 'box')} around a crowd {_was(crowds)} left out."] if crowds else []
    notes += [f"{counted(boxless, 'annotation')} without a box of four numbers {_was(boxless)} left out."] if boxless else []
    notes += [f"{counted(unnamed)} that no list of boxes names {_was(unnamed)} left out."] if unnamed else []
    return notes


# ------------------------------------------------------------------------------------------------------------- YOLO


def yolo_labels(texts: Mapping[str, bytes], pictures: Sequence[PictureFile]) -> dict[int, str]:
    """The file of labels of each picture, by the picture's position, where files beside them are YOLO's; else nothing."""
    found = {at: name for at, one in enumerate(pictures) for name in _label_names(one.name) if name in texts}
    if any(texts[name].split() and isinstance(_shares(texts[name]), list) for name in found.values()):
        return found
    return {}


def _label_names(picture: str) -> list[str]:
    """Where the labels of a picture may stand: beside it, or in `labels` where it is in `images`; the last that is there counts.

    >>> _label_names("a/images/train/1.jpg")
    ['a/images/train/1.txt', 'a/labels/train/1.txt']
    """
    beside = f"{picture.rpartition('.')[0]}.txt"
    folders = beside.split("/")
    at = next((i for i in range(len(folders) - 2, -1, -1) if folders[i] == "images"), None)
    return [beside] if at is None else [beside, "/".join([*folders[:at], "labels", *folders[at + 1 :]])]


def read_yolo(
    labels: Mapping[int, str],
    texts: Mapping[str, bytes],
    pictures: Sequence[PictureFile],
    names: tuple[str, dict[int, str]] | None,
) -> NamedTable:
    """Pictures with the boxes of their files of labels; the columns are those of `read_coco`.

    `names` is the file that names the classes, and their names; without it, a class is called by its number. A picture without
    a file of labels has no boxes.
    """
    rows: list[_Row] = []
    for at, one in enumerate(pictures):
        boxes: list[Box] | str = []
        if at in labels:
            shares = _shares(texts[labels[at]])
            boxes = shares if isinstance(shares, str) else _in_pixels(shares, one.picture.width, one.picture.height, names)
        rows.append((at, boxes, part_of(one.name)))
    without = len(pictures) - len(labels)
    notes = [f"{counted(without)} without a file of labels: taken as without boxes."] if without else []
    size = sum(len(texts[name]) for name in labels.values())
    return _gathered(pictures, rows, [], notes, size, len(labels), "YOLO")


def _shares(content: bytes) -> list[tuple[int, float, float, float, float]] | str:
    """The lines of a file of labels, or why they cannot be read."""
    found = []
    for line in content.decode("utf-8-sig", "replace").splitlines():
        words = line.split()
        if not words:
            continue
        try:
            kind, *numbers = [float(word) for word in words]
            middle_x, middle_y, wide, high = numbers
        except ValueError:
            return "a line of its labels that is not a class and four numbers"
        if not kind.is_integer() or kind < 0:
            return "a line of its labels whose class is no whole number"
        if not all(-_SHARES <= number <= 1 + _SHARES for number in numbers):  # true of no NaN
            return "a line of its labels that is not in shares of the picture's size, 0 to 1"
        found.append((int(kind), middle_x, middle_y, wide, high))
    return found


def _in_pixels(
    shares: Iterable[tuple[int, float, float, float, float]],
    width: int,
    height: int,
    names: tuple[str, dict[int, str]] | None,
) -> list[Box] | str:
    boxes: list[Box] = []
    for kind, middle_x, middle_y, wide, high in shares:
        if names is not None and kind not in names[1]:
            return f"a class that {names[0].rpartition('/')[2]} does not name"
        label = str(kind) if names is None else names[1][kind]
        boxes.append(((middle_x - wide / 2) * width, (middle_y - high / 2) * height, wide * width, high * height, label))
    return boxes


def class_names(files: Mapping[str, bytes]) -> tuple[str, dict[int, str]] | None:
    """The names of classes in ``data.yaml`` (under `names`) or ``classes.txt`` (one a line), and the file that holds them.

    Raises
    ------
    DataError
        When two files name them differently.
    """
    found: dict[str, dict[int, str]] = {}
    for name, content in sorted(files.items()):
        last = name.rpartition("/")[2].lower()
        if last.endswith((".yaml", ".yml")):
            told = _yaml_names(content)
        elif last == "classes.txt":
            told = dict(enumerate(line.strip() for line in content.decode("utf-8-sig", "replace").splitlines() if line.strip()))
        else:
            continue
        if told:
            found[name] = told
    if len({json.dumps(told, sort_keys=True) for told in found.values()}) > 1:
        raise DataError(f"{' and '.join(found)}: they name the classes differently; let data.path name one of them.")
    return next(iter(found.items()), None)


def _yaml_names(content: bytes) -> dict[int, str]:
    try:
        found = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError):
        return {}
    names = found.get("names") if isinstance(found, dict) else None
    if isinstance(names, list):
        return {i: str(name) for i, name in enumerate(names)}
    if isinstance(names, dict):
        return {int(key): str(name) for key, name in names.items() if str(key).isdigit()}
    return {}

"""YOLO label files: one text file of boxes beside each picture.

A line is a class number, then the box's centre, width and height as fractions of the picture's size; or the corners of a polygon,
which is read as the smallest box around it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence

import yaml

from glassbox.data.formats.boxes import Box, BoxRow, boxes_table
from glassbox.data.images.rows import NamedTable, PictureFile, counted, part_from_folder
from glassbox.errors import DataError

_TOLERANCE = 1e-3  # of rounding, beyond 0 and 1
_RelativeBox = tuple[int, float, float, float, float]  # class number; centre x and y, width and height as fractions


def label_files(texts: Mapping[str, bytes], pictures: Sequence[PictureFile]) -> dict[int, str]:
    """Return the label file of each picture, by the picture's position; empty when the text files are not YOLO labels."""
    files = {at: name for at, file in enumerate(pictures) for name in _label_names(file.name) if name in texts}
    if any(texts[name].split() and isinstance(_parse_labels(texts[name]), list) for name in files.values()):
        return files
    return {}


def _label_names(picture: str) -> list[str]:
    """Return the possible label files of a picture: beside it, or under `labels` instead of `images`. The last that exists is used.

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
    """Make a table of pictures with the boxes of their label files; the columns are those of `boxes_table`.

    `names` is the file that names the classes, and their names by number; without it, a class is named by its number. A picture
    without a label file has no boxes.
    """
    rows: list[BoxRow] = []
    for at, file in enumerate(pictures):
        boxes: list[Box] | str = []
        if at in labels:
            relative = _parse_labels(texts[labels[at]])
            size = file.picture.width, file.picture.height
            boxes = relative if isinstance(relative, str) else _to_pixels(relative, *size, names)
        rows.append((at, boxes, part_from_folder(file.name)))
    unlabelled = len(pictures) - len(labels)
    return boxes_table(
        pictures,
        rows,
        bad=[],
        notes=[f"{counted(unlabelled)} without a label file: read as without boxes."] if unlabelled else [],
        label_bytes=sum(len(texts[name]) for name in labels.values()),
        label_files=len(labels),
        form="YOLO",
    )


def _parse_labels(content: bytes) -> list[_RelativeBox] | str:
    """Parse the lines of a label file, or return the reason why they cannot be read."""
    boxes: list[_RelativeBox] = []
    for line in content.decode("utf-8-sig", "replace").splitlines():
        words = line.split()
        if not words:
            continue
        try:
            number, *numbers = [float(word) for word in words]
        except ValueError:
            return "a label line with a word that is not a number"
        if len(numbers) != 4 and (len(numbers) < 6 or len(numbers) % 2):
            return "a label line that is neither a class and four numbers nor a class and the corners of a polygon"
        if not number.is_integer() or number < 0:
            return "a label line whose class is not a whole number"
        if not all(-_TOLERANCE <= value <= 1 + _TOLERANCE for value in numbers):  # also rejects NaN
            return "a label line whose numbers are not fractions of the picture's size, 0 to 1"
        boxes.append((int(number), *(numbers if len(numbers) == 4 else _around(numbers))))
    return boxes


def _around(corners: Sequence[float]) -> tuple[float, float, float, float]:
    """Return the smallest box around a polygon, x and y of each corner: the centre, width and height.

    >>> _around([0.25, 0.25, 0.75, 0.25, 0.5, 0.75])
    (0.5, 0.5, 0.5, 0.5)
    """
    left, right, top, bottom = min(corners[::2]), max(corners[::2]), min(corners[1::2]), max(corners[1::2])
    return (left + right) / 2, (top + bottom) / 2, right - left, bottom - top


def _to_pixels(
    relative: Iterable[_RelativeBox], picture_width: int, picture_height: int, names: tuple[str, dict[int, str]] | None
) -> list[Box] | str:
    boxes: list[Box] = []
    for number, x, y, width, height in relative:
        if names is not None and number not in names[1]:
            return f"a class that {names[0].rpartition('/')[2]} does not name"
        label = str(number) if names is None else names[1][number]
        left, top = (x - width / 2) * picture_width, (y - height / 2) * picture_height
        boxes.append((left, top, width * picture_width, height * picture_height, label))
    return boxes


def class_names(files: Mapping[str, bytes]) -> tuple[str, dict[int, str]] | None:
    """Read the names of classes from ``data.yaml`` (under `names`) or ``classes.txt`` (one per line); return the file and its names.

    Raises
    ------
    DataError
        When two files give different names.
    """
    by_file: dict[str, dict[int, str]] = {}
    for name, content in sorted(files.items()):
        last = name.rpartition("/")[2].lower()
        if last.endswith((".yaml", ".yml")):
            names = _yaml_names(content)
        elif last == "classes.txt":
            names = dict(enumerate(line.strip() for line in content.decode("utf-8-sig", "replace").splitlines() if line.strip()))
        else:
            continue
        if names:
            by_file[name] = names
    if len({json.dumps(names, sort_keys=True) for names in by_file.values()}) > 1:
        raise DataError(f"{' and '.join(by_file)}: these files name the classes differently; let data.path include one of them.")
    return next(iter(by_file.items()), None)


def _yaml_names(content: bytes) -> dict[int, str]:
    try:
        parsed = yaml.safe_load(content)
    except (yaml.YAMLError, UnicodeDecodeError, ValueError):
        return {}
    names = parsed.get("names") if isinstance(parsed, dict) else None
    if isinstance(names, list):
        return {i: str(name) for i, name in enumerate(names)}
    if isinstance(names, dict):
        return {int(key): str(name) for key, name in names.items() if str(key).isdigit()}
    return {}

"""COCO annotation files: one JSON object with the boxes of all pictures.

Lin and others (2014) give a box as its upper left corner, width and height, in pixels from the picture's upper left corner.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from glassbox.data.formats.boxes import Box, BoxRow, boxes_table
from glassbox.data.images.rows import NamedTable, PictureFile, PictureIndex, counted, part_from_folder, part_from_path, was
from glassbox.data.raw_table import BadRow, bad_row
from glassbox.errors import DataError

NOT_FOUND = "the picture is not among the files of data.path"
WRONG_SIZE = "the size of the picture differs from the size in the annotations"
_KEYS = ("images", "annotations", "categories")


def parse_coco(content: bytes, name: str) -> dict[str, Any] | None:
    """Parse a COCO annotation file; return None for any other file.

    Raises
    ------
    DataError
        When the file begins like a COCO file but is not valid JSON.
    """
    if not content[:100].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return None
    if not all(f'"{key}"'.encode() in content for key in _KEYS):
        return None
    try:
        coco = json.loads(content.decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":  # JSON lines
            return None
        raise DataError(f"{name}: this looks like a COCO annotation file but is not valid JSON: {error}.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name}: this looks like a COCO annotation file but cannot be read: {error}.") from error
    return coco if isinstance(coco, dict) and all(isinstance(coco.get(key), list) for key in _KEYS) else None


def read_coco(files: Mapping[str, tuple[dict[str, Any], int]], pictures: Sequence[PictureFile]) -> NamedTable:
    """Make a table of pictures with the boxes of COCO annotation files (parsed content and size in bytes, by file name).

    The columns are those of `boxes_table`; ``part`` is read from folders, or else from the names of the annotation files.

    Raises
    ------
    DataError
        When a file does not follow the COCO format, two entries name the same picture, or none of the pictures is present.
    """
    index = PictureIndex(pictures)
    rows: dict[int, BoxRow] = {}
    annotated_in: dict[int, str] = {}
    bad: list[BadRow] = []
    skipped: Counter[str] = Counter()
    for name, (coco, _) in sorted(files.items()):
        images, boxes, skipped_here = _parse_boxes(coco, name)
        skipped.update(skipped_here)
        part = part_from_path(name)
        positions = index.lookup([str(image["file_name"]) for image in images], name.rpartition("/")[0])
        for number, (image, at) in enumerate(zip(images, positions, strict=True), start=1):
            if at is None:
                bad.append(bad_row(number, NOT_FOUND, str(image["file_name"])))
                continue
            if at in rows:
                names = " and ".join(dict.fromkeys((annotated_in[at], name)))
                raise DataError(
                    f"{names}: {pictures[at].name} is annotated twice; let data.path include one of the annotation files."
                )
            picture = pictures[at].picture
            size = [image.get("width") or picture.width, image.get("height") or picture.height]
            wrong_size = not picture.problem and picture.orientation < 2 and size != [picture.width, picture.height]
            rows[at] = (at, WRONG_SIZE if wrong_size else boxes[image["id"]], part_from_folder(pictures[at].name) or part)
            annotated_in[at] = name
    if not rows:
        raise DataError(f"{', '.join(files)}: none of the annotated pictures is among the files of data.path.")
    return boxes_table(
        pictures,
        rows.values(),
        bad=bad,
        notes=_notes(skipped, len(pictures) - len(rows)),
        label_bytes=sum(size for _, size in files.values()),
        label_files=len(files),
        form="COCO",
    )


def _parse_boxes(coco: Mapping[str, Any], name: str) -> tuple[list[dict[str, Any]], dict[Any, list[Box]], Counter[str]]:
    """Return the images of a file, the boxes of each image by image id, and the number of skipped annotations by reason."""
    try:
        labels = {category["id"]: str(category["name"]) for category in coco["categories"]}
        images = [{**image, "id": image["id"], "file_name": image["file_name"]} for image in coco["images"]]
        boxes: dict[Any, list[Box]] = {image["id"]: [] for image in images}
        skipped: Counter[str] = Counter()
        for annotation in coco["annotations"]:
            if annotation.get("iscrowd"):
                skipped["crowd"] += 1
                continue
            bbox = _four_numbers(annotation.get("bbox"))
            if bbox is None:
                skipped["no box"] += 1
                continue
            if annotation["image_id"] not in boxes:
                skipped["no picture"] += 1
            elif annotation["category_id"] not in labels:
                skipped["no category"] += 1
            else:
                boxes[annotation["image_id"]].append((*bbox, labels[annotation["category_id"]]))
    except (KeyError, TypeError, AttributeError) as error:
        problem = f"{error} is missing" if isinstance(error, KeyError) else "an entry has the wrong type"
        raise DataError(f"{name}: this annotation file does not follow the COCO format: {problem}.") from error
    return images, boxes, skipped


def _four_numbers(bbox: object) -> tuple[float, float, float, float] | None:
    if not isinstance(bbox, list) or len(bbox) != 4 or not all(isinstance(value, (int, float)) for value in bbox):
        return None
    left, top, width, height = (float(value) for value in bbox)
    return (left, top, width, height) if all(map(math.isfinite, (left, top, width, height))) else None


def _notes(skipped: Mapping[str, int], unannotated: int) -> list[str]:
    crowds, without_box = skipped.get("crowd", 0), skipped.get("no box", 0)
    notes = [f"{counted(crowds, 'crowd box')} {was(crowds)} skipped."] if crowds else []
    notes += (
        [f"{counted(without_box, 'annotation')} without a box of four numbers {was(without_box)} skipped."] if without_box else []
    )
    for reason, what in (
        ("no picture", "a picture that the file does not list"),
        ("no category", "a category that it does not list"),
    ):
        if n := skipped.get(reason, 0):
            notes.append(f"{counted(n, 'annotation')} of {what} {was(n)} skipped.")
    notes += [f"{counted(unannotated)} without an entry in the annotations {was(unannotated)} skipped."] if unannotated else []
    return notes

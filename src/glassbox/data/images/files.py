"""Where pictures come from: picture files in folders, tables with pictures in them or beside them, MNIST's files, lists of boxes.

What arrived is found by content. Every picture is decoded once here, in full; one that cannot be is set aside with its reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from glassbox.data.formats.box_labels import class_names, coco_of, read_coco, read_yolo, yolo_labels
from glassbox.data.formats.idx import looks_like_idx, read_idx
from glassbox.data.formats.json_and_parquet import PARQUET
from glassbox.data.images.cells import looks_like_picture
from glassbox.data.images.rows import (
    FILE,
    FOLDER,
    PART,
    PICTURE,
    Finder,
    NamedTable,
    PictureFile,
    called_picture,
    checked,
    common_name,
    counted,
    notes_of,
    part_of,
    written_as,
)
from glassbox.data.images.tables import PictureTable, ReadTable, read_picture_table
from glassbox.data.locations import FileRef
from glassbox.data.raw_table import FileTable, bad_row, text_frame
from glassbox.errors import DataError

_TABLES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".parquet")
_PERHAPS_TABLES = (".json", ".txt")  # beside pictures; they may be anything else as well
_SHOWN = 5


def read_pictures(places: Sequence[FileRef], read_table: ReadTable) -> list[NamedTable]:
    """The tables of pictures in the files at `places`.

    Parameters
    ----------
    places : sequence of Place
        Sorted by name.
    read_table : callable
        Reads the bytes of a file, and its name, as a table (`sources.read_file`).

    Returns
    -------
    list of Gathered
        Picture files are one table together: ``picture``, ``folder``, ``file`` and, where a folder says it, ``part``; with
        boxes beside them, ``picture``, ``boxes``, ``file``, ``part``. Every table with pictures in it, or with the names of picture
        files, is one, with the columns it has; files that it names are no rows of their own. Every pair of idx files is
        one: ``picture``, ``label``, ``part``.

    Raises
    ------
    DataError
        When there is no picture in any of the files, or one of them is not as it should be.
    """
    pictures, others = _sorted_out(places)
    idx = {name: content for name, content in others.items() if looks_like_idx(content, name)}
    others = {name: content for name, content in others.items() if name not in idx}
    boxed, used = _boxes(pictures, others)
    if boxed is not None:
        return _with_left_out([*read_idx(idx), boxed], [name for name in others if name not in used])
    tables, left_out = _tables(others, read_table, pictures)
    found = [*read_idx(idx), *(NamedTable(name, len(others[name]), 1, one.table) for name, one in tables.items())]
    named = {at for one in tables.values() for at in one.named}
    if not named and pictures:
        found.append(_files(pictures))
    elif named:
        used_pictures = [pictures[at] for at in sorted(named)]
        found[-1] = _with_files(found[-1], used_pictures, len(pictures) - len(named))
    if not found:
        raise DataError(
            f"{_listed(list(others))}: there is no picture in what arrived: no picture file, and no table with pictures."
        )
    return _with_left_out(found, left_out)


def _sorted_out(places: Sequence[FileRef]) -> tuple[list[PictureFile], dict[str, bytes]]:
    """Picture files, each decoded and let go, and the contents of all other files, by name."""
    pictures: list[PictureFile] = []
    others: dict[str, bytes] = {}
    for place in places:
        if PurePosixPath(place.name).name.startswith("."):
            continue  # what systems and programs leave in folders
        content = place.read()
        if looks_like_picture(content) or called_picture(place.name):
            pictures.append(PictureFile(place.name, len(content), checked(content)))
        else:
            others[place.name] = content
    return pictures, others


def _files(pictures: Sequence[PictureFile]) -> NamedTable:
    """A row for each picture file."""
    good = [(line, one) for line, one in enumerate(pictures, start=1) if not one.picture.problem]
    bad = [bad_row(line, one.picture.problem, one.name) for line, one in enumerate(pictures, start=1) if one.picture.problem]
    paths = [PurePosixPath(one.name) for _, one in good]
    columns: dict[str, list[str | None]] = {
        PICTURE: [one.picture.cell for _, one in good],
        FOLDER: [path.parent.name for path in paths],
        FILE: [path.name for path in paths],
    }
    parts = [part_of(one.name) for _, one in good]
    if any(parts):
        columns[PART] = parts
    told = [one.picture for _, one in good]
    lines = np.array([line for line, _ in good], dtype="int64")
    table = FileTable(text_frame(list(columns), list(columns.values())), lines, bad, notes_of(told), written_as(told))
    return NamedTable(common_name([one.name for one in pictures]), sum(one.size_bytes for one in pictures), len(pictures), table)


def _boxes(pictures: Sequence[PictureFile], others: Mapping[str, bytes]) -> tuple[NamedTable | None, set[str]]:
    """The table of pictures with boxes, where a list of them or files of labels came along, and the files that it was made of."""
    lists = {name: (found, len(content)) for name, content in others.items() if (found := coco_of(content, name)) is not None}
    if lists and not pictures:
        raise DataError(
            f"{_listed(list(lists))}: this is COCO's list of boxes, and no picture file came along; let data.path name both, as a "
            "folder or with '**'."
        )
    if lists:
        return read_coco(lists, pictures), set(lists)
    texts = {name: content for name, content in others.items() if name.lower().endswith(".txt")}
    labels = yolo_labels(texts, pictures)
    if not labels:
        return None, set()
    names = class_names(others)
    return read_yolo(labels, texts, pictures, names), {*labels.values(), *([names[0]] if names else [])}


def _tables(
    others: Mapping[str, bytes], read_table: ReadTable, pictures: Sequence[PictureFile]
) -> tuple[dict[str, PictureTable], list[str]]:
    """The tables with pictures, by file, and the files that are none."""
    tables: dict[str, PictureTable] = {}
    left_out: list[str] = []
    finder = Finder(pictures)
    for name, content in others.items():
        surely = (
            content.startswith(PARQUET) or name.lower().removesuffix(".gz").endswith(_TABLES) or len(others) == 1 > len(pictures)
        )
        if not surely and pictures and not name.lower().removesuffix(".gz").endswith(_PERHAPS_TABLES):
            left_out.append(name)
            continue
        try:
            found = read_picture_table(content, name, read_table, pictures, finder)
        except DataError:
            if surely:
                raise
            left_out.append(name)  # and said to be
            continue
        if found.holds:
            tables[name] = found
        else:
            left_out.append(name)
    return tables, left_out


def _with_files(found: NamedTable, pictures: Sequence[PictureFile], unnamed: int) -> NamedTable:
    """A table with the picture files that tables name counted to it."""
    notes = [f"{counted(unnamed)} that no table names {'was' if unnamed == 1 else 'were'} left out."] if unnamed else []
    size = found.size_bytes + sum(one.size_bytes for one in pictures)
    table = replace(found.table, notes=[*found.table.notes, *notes])
    return replace(found, size_bytes=size, files=found.files + len(pictures), table=table)


def _with_left_out(found: list[NamedTable], left_out: Sequence[str]) -> list[NamedTable]:
    """The files that are neither pictures nor tables of them, said at the first table."""
    if not left_out:
        return found
    note = f"{counted(len(left_out), 'file')} without pictures {'was' if len(left_out) == 1 else 'were'} left out: {_listed(left_out)}."
    first = replace(found[0], table=replace(found[0].table, notes=[*found[0].table.notes, note]))
    return [first, *found[1:]]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more

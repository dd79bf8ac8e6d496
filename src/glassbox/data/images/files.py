"""Reading pictures: picture files in folders, tables that contain or name pictures, IDX files, and COCO or YOLO annotations.

The format of each file is detected by its content. Every picture is decoded once, in full; one that cannot be decoded becomes a
bad row with its reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np

from glassbox.data.formats.coco import parse_coco, read_coco
from glassbox.data.formats.idx import looks_like_idx, read_idx
from glassbox.data.formats.signatures import PARQUET
from glassbox.data.formats.yolo import class_names, label_files, read_yolo
from glassbox.data.images.cells import looks_like_picture
from glassbox.data.images.rows import (
    FILE,
    FOLDER,
    PART,
    PICTURE,
    NamedTable,
    PictureFile,
    PictureIndex,
    check_picture,
    common_folder,
    counted,
    describe_formats,
    has_picture_extension,
    part_from_folder,
    picture_notes,
    was,
)
from glassbox.data.images.tables import PictureTable, ReadTable, read_picture_table
from glassbox.data.locations import FileRef
from glassbox.data.raw_table import FileTable, bad_row, text_frame
from glassbox.errors import DataError
from glassbox.findings.wording import join_names

_TABLES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".parquet")
_POSSIBLE_TABLES = (".json", ".txt")  # beside pictures, these may be anything else as well
_LISTED = 5


def read_pictures(files: Sequence[FileRef], read_table: ReadTable) -> list[NamedTable]:
    """Read files as tables of pictures.

    Parameters
    ----------
    files : sequence of FileRef
        Sorted by name.
    read_table : callable
        Reads the bytes of a file, and its name, as a table (`sources.read_file`).

    Returns
    -------
    list of NamedTable
        All picture files form one table: ``picture``, ``folder``, ``file`` and, when a folder names it, ``part``. With box
        annotations beside them, it is ``picture``, ``boxes``, ``file``, ``part``. Every table that contains pictures, or the
        names of picture files, is a table with its own columns; the files that it names are not rows of their own. Every
        pair of IDX files is a table: ``picture``, ``label``, ``part``.

    Raises
    ------
    DataError
        When none of the files contains a picture, or one of them is invalid.
    """
    pictures, others = _separate(files)
    idx = {name: content for name, content in others.items() if looks_like_idx(content, name)}
    others = {name: content for name, content in others.items() if name not in idx}
    with_boxes, used = _boxes(pictures, others)
    if with_boxes is not None:
        return _note_skipped([*read_idx(idx), with_boxes], [name for name in others if name not in used])
    by_file, skipped = _tables(others, read_table, pictures)
    tables = [*read_idx(idx), *(NamedTable(name, len(others[name]), 1, read.table) for name, read in by_file.items())]
    named = {at for read in by_file.values() for at in read.named}
    if not named and pictures:
        tables.append(_files(pictures))
    elif named:
        used_pictures = [pictures[at] for at in sorted(named)]
        tables[-1] = _with_files(tables[-1], used_pictures, len(pictures) - len(named))
    if not tables:
        raise DataError(
            f"{join_names(list(others), _LISTED)}: there is no picture in the data; expected picture files, or a table that contains "
            "or names pictures."
        )
    return _note_skipped(tables, skipped)


def _separate(files: Sequence[FileRef]) -> tuple[list[PictureFile], dict[str, bytes]]:
    """Separate picture files, each decoded once, from the contents of all other files, by name."""
    pictures: list[PictureFile] = []
    others: dict[str, bytes] = {}
    for file in files:
        if PurePosixPath(file.name).name.startswith("."):
            continue  # hidden files of the operating system and of other programs
        content = file.read()
        if looks_like_picture(content) or has_picture_extension(file.name):
            pictures.append(PictureFile(file.name, len(content), check_picture(content)))
        else:
            others[file.name] = content
    return pictures, others


def _files(pictures: Sequence[PictureFile]) -> NamedTable:
    """Make a table with one row for each picture file."""
    good = [(line, file) for line, file in enumerate(pictures, start=1) if not file.picture.problem]
    bad = [bad_row(line, file.picture.problem, file.name) for line, file in enumerate(pictures, start=1) if file.picture.problem]
    paths = [PurePosixPath(file.name) for _, file in good]
    columns: dict[str, list[str | None]] = {
        PICTURE: [file.picture.cell for _, file in good],
        FOLDER: [path.parent.name for path in paths],
        FILE: [path.name for path in paths],
    }
    parts = [part_from_folder(file.name) for _, file in good]
    if any(parts):
        columns[PART] = parts
    readable = [file.picture for _, file in good]
    lines = np.array([line for line, _ in good], dtype="int64")
    frame = text_frame(list(columns), list(columns.values()))
    table = FileTable(frame, lines, bad, picture_notes(readable), describe_formats(readable))
    size = sum(file.size_bytes for file in pictures)
    return NamedTable(common_folder([file.name for file in pictures]), size, len(pictures), table)


def _boxes(pictures: Sequence[PictureFile], others: Mapping[str, bytes]) -> tuple[NamedTable | None, set[str]]:
    """Read the table of pictures with COCO or YOLO boxes, if there are any, and return it with the annotation files used."""
    coco = {name: (parsed, len(content)) for name, content in others.items() if (parsed := parse_coco(content, name)) is not None}
    if coco and not pictures:
        raise DataError(
            f"{join_names(list(coco), _LISTED)}: this is a COCO annotation file, but data.path includes no picture file; let data.path "
            "include both, as a folder or with '**'."
        )
    if coco:
        return read_coco(coco, pictures), set(coco)
    texts = {name: content for name, content in others.items() if name.lower().endswith(".txt")}
    labels = label_files(texts, pictures)
    if not labels:
        return None, set()
    names = class_names(others)
    return read_yolo(labels, texts, pictures, names), {*labels.values(), *([names[0]] if names else [])}


def _tables(
    others: Mapping[str, bytes], read_table: ReadTable, pictures: Sequence[PictureFile]
) -> tuple[dict[str, PictureTable], list[str]]:
    """Read the tables with pictures, by file, and name the files that contain none."""
    tables: dict[str, PictureTable] = {}
    skipped: list[str] = []
    index = PictureIndex(pictures)
    for name, content in others.items():
        ending = name.lower().removesuffix(".gz")
        must_be_table = content.startswith(PARQUET) or ending.endswith(_TABLES) or len(others) == 1 > len(pictures)
        if not must_be_table and pictures and not ending.endswith(_POSSIBLE_TABLES):
            skipped.append(name)
            continue
        try:
            table = read_picture_table(content, name, read_table, pictures, index)
        except DataError:
            if must_be_table:
                raise
            skipped.append(name)  # reported in a note
            continue
        if table.has_pictures:
            tables[name] = table
        else:
            skipped.append(name)
    return tables, skipped


def _with_files(named_table: NamedTable, pictures: Sequence[PictureFile], unnamed: int) -> NamedTable:
    """Add the picture files that tables name to the size and file count of a table."""
    notes = [f"{counted(unnamed)} that no table names {was(unnamed)} skipped."] if unnamed else []
    size = named_table.size_bytes + sum(file.size_bytes for file in pictures)
    table = replace(named_table.table, notes=[*named_table.table.notes, *notes])
    return replace(named_table, size_bytes=size, files=named_table.files + len(pictures), table=table)


def _note_skipped(tables: list[NamedTable], skipped: Sequence[str]) -> list[NamedTable]:
    """Add a note to the first table about files that are neither pictures nor tables of pictures."""
    if not skipped:
        return tables
    n = len(skipped)
    note = f"{counted(n, 'file')} without pictures {was(n)} skipped: {join_names(skipped, _LISTED)}."
    first = replace(tables[0], table=replace(tables[0].table, notes=[*tables[0].table.notes, note]))
    return [first, *tables[1:]]

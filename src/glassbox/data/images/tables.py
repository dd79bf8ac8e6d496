"""Tables that contain pictures: as bytes, as base64, or as the names of picture files."""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from glassbox.data.formats.signatures import PARQUET
from glassbox.data.images.cells import PictureError, content_of, looks_like_picture
from glassbox.data.images.rows import (
    ENDINGS,
    MIN_PICTURE_SHARE,
    PICTURE,
    CheckedPicture,
    PictureFile,
    PictureIndex,
    check_picture,
    counted,
    picture_notes,
)
from glassbox.data.raw_table import FileTable, bad_row, text_column
from glassbox.errors import DataError

ReadTable = Callable[[bytes, str], FileTable]
MISSING = "there is no picture"
NOT_FOUND = "its picture is not among the files of data.path, or several files have this name"
_SAMPLED = 200  # values of a column, to decide whether it holds pictures
_BASE64 = re.compile(r"(?:data:[\w/.+;-]{0,60},)?[A-Za-z0-9+/]{80,}=*")
_HEAD = re.compile(r"\s*(?:data:image/[\w.+-]+(?:;[\w=.-]+)*;base64,)?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class PictureTable:
    """A table with its pictures as cells, and the positions of the picture files that it names."""

    table: FileTable
    named: frozenset[int] = frozenset()
    has_pictures: bool = True


@dataclass
class _Column:
    """The pictures of a column, one per row, and the text that identifies a row whose picture is bad."""

    pictures: list[CheckedPicture]
    texts: list[str | None] = field(default_factory=list)


def read_picture_table(
    content: bytes, name: str, read_table: ReadTable, pictures: Sequence[PictureFile], index: PictureIndex
) -> PictureTable:
    """Read a file as a table, with picture cells in place of bytes, base64 or file names.

    When no column holds file names with extensions, a column may hold names without: the pictures then form a new column, `picture`.

    Raises
    ------
    DataError
        When the file cannot be read, or too many of the pictures that it names are absent.
    """
    table, columns = _with_bytes(content, name, read_table)
    table = replace(table, bad=[replace(row, text=_BASE64.sub("…", row.text)) for row in table.bad])
    named: set[int] = set()
    folder = name.rpartition("/")[0]
    texts = {column: _texts(table.cells[column]) for column in table.cells.columns if column not in columns}
    for column, values in texts.items():
        if _is_base64(values):
            columns[column] = _Column([_decode_base64(value) for value in values])
        elif (positions := _positions(values, folder, index, name, column)) is not None:
            columns[column] = _column_of(positions, values, pictures)
            named.update(i for i in positions if i is not None)
    if not columns and (stems := _by_stem(texts, index)) is not None:
        key, positions = stems
        columns[_unused_name(PICTURE, texts)] = _column_of(positions, texts[key], pictures)
        named.update(i for i in positions if i is not None)
    return PictureTable(_fill(table, columns), frozenset(named)) if columns else PictureTable(table, has_pictures=False)


def _texts(series: Any) -> list[str | None]:
    values: list[str | None] = series.array.__arrow_array__().to_pylist()
    return values


def _unused_name(name: str, taken: dict[str, Any]) -> str:
    suffix = 2
    unused = name
    while unused in taken:
        unused, suffix = f"{name}.{suffix}", suffix + 1
    return unused


def _fill(table: FileTable, columns: dict[str, _Column]) -> FileTable:
    """Insert the pictures into the table; rows without a readable picture become bad rows."""
    problems: list[str] = [""] * len(table.lines)
    texts: list[str | None] = [None] * len(table.lines)
    for column in columns.values():
        for i, picture in enumerate(column.pictures):
            if picture.problem and not problems[i]:
                problems[i], texts[i] = picture.problem, column.texts[i] if column.texts else None
    good = np.array([not problem for problem in problems], dtype=bool)
    cells = table.cells[good].reset_index(drop=True)
    for name, column in columns.items():
        cells[name] = text_column([picture.cell for picture, keep in zip(column.pictures, good, strict=True) if keep])
    bad = [
        bad_row(int(line), problem, text or f"row {line}")
        for line, problem, text in zip(table.lines, problems, texts, strict=True)
        if problem
    ]
    pictures = [picture for column in columns.values() for picture, keep in zip(column.pictures, good, strict=True) if keep]
    return replace(
        table,
        cells=cells,
        lines=table.lines[good],
        bad=[*table.bad, *bad],
        notes=[*table.notes, *picture_notes(pictures)],
        written=f"{table.written}, with pictures",
    )


# ------------------------------------------------------------------------------------------------------------- bytes


def _with_bytes(content: bytes, name: str, read_table: ReadTable) -> tuple[FileTable, dict[str, _Column]]:
    """Read the table and its binary columns of pictures. In the table, these columns are empty or hold Hugging Face's paths."""
    if not content.startswith(PARQUET):
        return read_table(content, name), {}
    try:
        arrow = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError):
        return read_table(content, name), {}  # reports the damage
    binary = {i: values for i in range(arrow.num_columns) if (values := _bytes_in(arrow.column(i))) is not None}
    if not binary:
        return read_table(content, name), {}
    for i, values in binary.items():  # the other columns are read like those of any table
        stand_in = pa.array([value if isinstance(value, str) else None for value in values], type=pa.large_string())
        arrow = arrow.set_column(i, arrow.schema.field(i).name, stand_in)
    sink = pa.BufferOutputStream()
    pq.write_table(arrow, sink)
    table = read_table(sink.getvalue().to_pybytes(), name)
    columns = {
        str(table.cells.columns[i]): _Column(
            [CheckedPicture(problem=MISSING) if value is None else check_picture(value) for value in values]
        )
        for i, values in binary.items()
        if not any(isinstance(value, str) for value in values)
    }
    return table, columns


def _bytes_in(column: Any) -> list[Any] | None:
    """Return the bytes in a column of pictures, or the paths when Hugging Face's struct holds only paths; None for other columns."""
    kind = column.type
    if pa.types.is_struct(kind) and {field.name for field in kind} >= {"bytes", "path"}:
        rows = [value or {} for value in column.to_pylist()]
        values = [row.get("bytes") for row in rows]
        return values if any(value is not None for value in values) else [row.get("path") for row in rows]
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        values = column.to_pylist()
        sample = [value for value in values if value is not None][:_SAMPLED]
        return values if sample and sum(map(looks_like_picture, sample)) >= MIN_PICTURE_SHARE * len(sample) else None
    return None


# ------------------------------------------------------------------------------------------------------------ base64


def _is_base64(values: Sequence[str | None]) -> bool:
    filled = [value for value in values if value and value.strip()]
    sample = filled[:: max(1, len(filled) // _SAMPLED)]
    return bool(sample) and sum(map(_starts_with_picture, sample)) >= MIN_PICTURE_SHARE * len(sample)


def _starts_with_picture(text: str) -> bool:
    """Return whether a text is the data URI of a picture, or base64 that begins with a picture's signature."""
    head = _HEAD.match(text[:200])
    start = head.end() if head else 0
    if text[:start].strip():
        return True
    encoded = "".join(text[start : start + 100].split())[:44]
    try:
        return len(encoded) == 44 and looks_like_picture(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        return False


def _decode_base64(text: str | None) -> CheckedPicture:
    if text is None or not text.strip():
        return CheckedPicture(problem=MISSING)
    try:
        return check_picture(content_of(text))
    except PictureError as error:
        return CheckedPicture(problem=str(error))


# ------------------------------------------------------------------------------------------------------------- names


def _column_of(positions: Sequence[int | None], values: Sequence[str | None], pictures: Sequence[PictureFile]) -> _Column:
    missing = [CheckedPicture(problem=NOT_FOUND if value else MISSING) for value in values]
    column = [gap if at is None else pictures[at].picture for at, gap in zip(positions, missing, strict=True)]
    return _Column(column, list(values))


def _positions(values: Sequence[str | None], folder: str, index: PictureIndex, name: str, column: str) -> list[int | None] | None:
    """Return the positions of the pictures that a column names; None when it does not name pictures."""
    filled = [value for value in values if value and value.strip()]
    sample = filled[:: max(1, len(filled) // _SAMPLED)]
    with_extension = sum(value.strip().lower().endswith(ENDINGS) for value in sample)
    if not filled or (with_extension < MIN_PICTURE_SHARE * len(sample) and not index.contains_any(sample)):
        return None
    positions = index.lookup(values, folder)
    matched = sum(at is not None for at in positions)
    if matched >= MIN_PICTURE_SHARE * len(filled):
        return positions
    if with_extension < MIN_PICTURE_SHARE * len(sample):
        return None
    absent = next(value for value, at in zip(values, positions, strict=True) if value and at is None)
    raise DataError(
        f"{name}: column {column!r} names pictures, but {len(filled) - matched:,} of {counted(len(filled))} are not among the files "
        f"of data.path, such as {bad_row(0, '', absent).text!r}; let data.path include both the table and the folder of pictures."
    )


def _by_stem(texts: dict[str, list[str | None]], index: PictureIndex) -> tuple[str, list[int | None]] | None:
    """Return the first column that names pictures without extensions, with the positions of its pictures."""
    for column, values in texts.items():
        if (positions := index.lookup_stems(values)) is not None:
            return column, positions
    return None

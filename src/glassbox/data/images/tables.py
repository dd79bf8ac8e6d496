"""Tables with pictures in them: as bytes, in base64, or as the names of files that came along."""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from glassbox.data.formats.json_and_parquet import PARQUET
from glassbox.data.images.cells import PictureError, content_of, looks_like_picture
from glassbox.data.images.rows import (
    ENDINGS,
    ENOUGH,
    PICTURE,
    Checked,
    Finder,
    PictureFile,
    checked,
    counted,
    notes_of,
)
from glassbox.data.raw_table import FileTable, bad_row, text_column
from glassbox.errors import DataError

ReadTable = Callable[[bytes, str], FileTable]
NOTHING = "there is no picture"
NOT_THERE = "its picture is not among the files that arrived, or several are called so"
_LOOKED_AT = 200  # values of a column, to tell what it holds
_BASE64 = re.compile(r"(?:data:[\w/.+;-]{0,60},)?[A-Za-z0-9+/]{80,}=*")
_HEAD = re.compile(r"\s*(?:data:image/[\w.+-]+(?:;[\w=.-]+)*;base64,)?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class PictureTable:
    """A table with its pictures as cells, and the positions of the files that it names."""

    table: FileTable
    named: frozenset[int] = frozenset()
    holds: bool = True  # whether there is a picture in it at all


@dataclass
class _Column:
    """The pictures of a column, a row each, and the text by which a row is known when its picture is bad."""

    pictures: list[Checked]
    shown: list[str | None] = field(default_factory=list)


def read_picture_table(
    content: bytes, name: str, read_table: ReadTable, pictures: Sequence[PictureFile], finder: Finder
) -> PictureTable:
    """The table in a file, with pictures in place of bytes, base64 or names of files.

    Where no column names files with their endings, one may without: then the pictures stand in a column of their own, `picture`.

    Raises
    ------
    DataError
        When it cannot be read, or names pictures of which too many did not come along.
    """
    table, found = _with_bytes(content, name, read_table)
    table = replace(table, bad=[replace(row, text=_BASE64.sub("…", row.text)) for row in table.bad])
    named: set[int] = set()
    folder = name.rpartition("/")[0]
    texts = {column: _texts(table.cells[column]) for column in table.cells.columns if column not in found}
    for column, values in texts.items():
        if _holds_base64(values):
            found[column] = _Column([_unpacked(value) for value in values])
        elif (positions := _positions(values, folder, finder, name, column)) is not None:
            found[column] = _column_of(positions, values, pictures)
            named.update(i for i in positions if i is not None)
    if not found and (stems := _by_stem(texts, finder)) is not None:
        key, positions = stems
        found[_free(PICTURE, texts)] = _column_of(positions, texts[key], pictures)
        named.update(i for i in positions if i is not None)
    return PictureTable(_filled(table, found), frozenset(named)) if found else PictureTable(table, holds=False)


def _texts(series: Any) -> list[str | None]:
    values: list[str | None] = series.array.__arrow_array__().to_pylist()
    return values


def _free(name: str, taken: dict[str, Any]) -> str:
    turn = 2
    free = name
    while free in taken:
        free, turn = f"{name}.{turn}", turn + 1
    return free


def _filled(table: FileTable, found: dict[str, _Column]) -> FileTable:
    """The table with its pictures; rows that lack one are set aside."""
    problems: list[str] = [""] * len(table.lines)
    shown: list[str | None] = [None] * len(table.lines)
    for column in found.values():
        for i, one in enumerate(column.pictures):
            if one.problem and not problems[i]:
                problems[i], shown[i] = one.problem, column.shown[i] if column.shown else None
    good = np.array([not problem for problem in problems], dtype=bool)
    cells = table.cells[good].reset_index(drop=True)
    for name, column in found.items():
        cells[name] = text_column([one.cell for one, keep in zip(column.pictures, good, strict=True) if keep])
    bad = [
        bad_row(int(line), why, text or f"row {line}")
        for line, why, text in zip(table.lines, problems, shown, strict=True)
        if why
    ]
    told = [one for column in found.values() for one, keep in zip(column.pictures, good, strict=True) if keep]
    return replace(
        table,
        cells=cells,
        lines=table.lines[good],
        bad=[*table.bad, *bad],
        notes=[*table.notes, *notes_of(told)],
        written=f"{table.written}, with pictures",
    )


# ------------------------------------------------------------------------------------------------------------- bytes


def _with_bytes(content: bytes, name: str, read_table: ReadTable) -> tuple[FileTable, dict[str, _Column]]:
    """The table, and its columns of bytes that are pictures; in it, numbers stand in their place."""
    if not content.startswith(PARQUET):
        return read_table(content, name), {}
    try:
        arrow = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError):
        return read_table(content, name), {}  # which says what is wrong with it
    held = {i: values for i in range(arrow.num_columns) if (values := _bytes_in(arrow.column(i))) is not None}
    if not held:
        return read_table(content, name), {}
    for i, values in held.items():  # the other columns are read as those of any table are
        stand_in = pa.array([value if isinstance(value, str) else None for value in values], type=pa.large_string())
        arrow = arrow.set_column(i, arrow.schema.field(i).name, stand_in)
    sink = pa.BufferOutputStream()
    pq.write_table(arrow, sink)
    table = read_table(sink.getvalue().to_pybytes(), name)
    found = {
        str(table.cells.columns[i]): _Column([Checked(problem=NOTHING) if value is None else checked(value) for value in values])
        for i, values in held.items()
        if not any(isinstance(value, str) for value in values)
    }
    return table, found


def _bytes_in(column: Any) -> list[Any] | None:
    """The bytes in a column of pictures, or the paths where Hugging Face's struct holds those alone; None of any other column."""
    kind = column.type
    if pa.types.is_struct(kind) and {field.name for field in kind} >= {"bytes", "path"}:
        rows = [value or {} for value in column.to_pylist()]
        values = [row.get("bytes") for row in rows]
        return values if any(value is not None for value in values) else [row.get("path") for row in rows]
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        values = column.to_pylist()
        there = [value for value in values if value is not None][:_LOOKED_AT]
        return values if there and sum(looks_like_picture(value) for value in there) >= ENOUGH * len(there) else None
    return None


# ------------------------------------------------------------------------------------------------------------ base64


def _holds_base64(values: Sequence[str | None]) -> bool:
    there = [value for value in values if value and value.strip()]
    looked = there[:: max(1, len(there) // _LOOKED_AT)]
    return bool(looked) and sum(map(_begins_picture, looked)) >= ENOUGH * len(looked)


def _begins_picture(text: str) -> bool:
    """Whether a text is a data URI of a picture, or the base64 of bytes that begin as one."""
    head = _HEAD.match(text[:200])
    begins = head.end() if head else 0
    if text[:begins].strip():
        return True
    packed = "".join(text[begins : begins + 100].split())[:44]
    try:
        return len(packed) == 44 and looks_like_picture(base64.b64decode(packed, validate=True))
    except (binascii.Error, ValueError):
        return False


def _unpacked(text: str | None) -> Checked:
    if text is None or not text.strip():
        return Checked(problem=NOTHING)
    try:
        return checked(content_of(text))
    except PictureError as error:
        return Checked(problem=str(error))


# ------------------------------------------------------------------------------------------------------------- names


def _column_of(positions: Sequence[int | None], values: Sequence[str | None], pictures: Sequence[PictureFile]) -> _Column:
    missing = [Checked(problem=NOT_THERE if value else NOTHING) for value in values]
    found = [gap if at is None else pictures[at].picture for at, gap in zip(positions, missing, strict=True)]
    return _Column(found, list(values))


def _positions(values: Sequence[str | None], folder: str, finder: Finder, name: str, column: str) -> list[int | None] | None:
    """The positions of the pictures that a column names; None when it names none."""
    there = [value for value in values if value and value.strip()]
    looked = there[:: max(1, len(there) // _LOOKED_AT)]
    called = sum(value.strip().lower().endswith(ENDINGS) for value in looked)
    if not there or (called < ENOUGH * len(looked) and not finder.may_hold(looked)):
        return None
    positions = finder.find(values, folder)
    found = sum(at is not None for at in positions)
    if found >= ENOUGH * len(there):
        return positions
    if called < ENOUGH * len(looked):
        return None
    lost = next(value for value, at in zip(values, positions, strict=True) if value and at is None)
    raise DataError(
        f"{name}: {column!r} names pictures, and {len(there) - found:,} of {counted(len(there))} are not among the files that arrived, "
        f"such as {bad_row(0, '', lost).text!r}; let data.path name the table and the pictures' folder."
    )


def _by_stem(texts: dict[str, list[str | None]], finder: Finder) -> tuple[str, list[int | None]] | None:
    """The first column that names pictures without their endings."""
    for column, values in texts.items():
        if (positions := finder.find_stems(values)) is not None:
            return column, positions
    return None

"""The formats beside separated values: JSON lines and Parquet, both brought to the same text cells."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from glassbox.data.raw_table import BadRow, FileTable, bad_row, no_lines, repair_names, text_frame
from glassbox.data.value_parsing import to_text
from glassbox.errors import DataError

PARQUET = b"PAR1"
GZIP = b"\x1f\x8b"
# What people hand over by mistake, by its first bytes, and what they can do.
_OTHERS = {
    b"PK\x03\x04": "a zip archive or an Excel workbook; unpack it, or save the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; save the sheet as CSV",
    b"SQLite format 3": "an SQLite database; write the table to CSV",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"BZh": "compressed by bzip2; decompress it, or use gzip",
    b"\xfd7zXZ": "compressed by xz; decompress it, or use gzip",
    b"\x28\xb5\x2f\xfd": "compressed by zstd; decompress it, or use gzip",
    b"\x89HDF": "an HDF5 file; write the table to Parquet",
    b"ARROW1": "an Arrow file; write the table to Parquet",
}


def foreign(content: bytes) -> str:
    """What a file is that cannot be read as a table, in words; nothing when it may be one.

    >>> foreign(b"a,b"), foreign(b"%PDF-1.7")
    ('', 'a PDF')
    """
    for mark, words in _OTHERS.items():
        if content.startswith(mark):
            return words
    return "a pickle, which is never opened: it could run any code; write the table to Parquet" if _is_pickle(content) else ""


def _is_pickle(content: bytes) -> bool:
    # Protocols 2 to 5 begin so. The two bytes are no text in any encoding that has letters.
    return len(content) > 2 and content[0] == 0x80 and 2 <= content[1] <= 5


def read_json_lines(content: bytes, name: str) -> FileTable:
    """The table in a file with one JSON object a line; nested values are kept as JSON text.

    Raises
    ------
    DataError
        When the file is one JSON array.
    """
    if content.lstrip()[:1] == b"[":
        raise DataError(f"{name}: this is one JSON array; write one object a line, without brackets and commas around them.")
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    bad: list[BadRow] = []
    orders: dict[tuple[str, ...], None] = {}
    for line, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not raw.strip():
            continue
        found = _read_object(raw)
        if isinstance(found, str):
            bad.append(bad_row(line, found, raw[:2000].decode("utf-8", "replace").strip()))
            continue
        rows.append(found)
        lines.append(line)
        orders.setdefault(tuple(found))
    # Where rows name their fields in different orders, the columns are sorted: the order of rows must not matter.
    keys = list(next(iter(orders))) if len(orders) == 1 else sorted({key for order in orders for key in order})
    names, notes = repair_names(keys)
    frame = text_frame(names, [[row.get(key) for row in rows] for key in keys], len(rows))
    return FileTable(frame, np.array(lines, dtype="int64"), bad, notes, "JSON lines")


def _read_object(raw: bytes) -> dict[str, str | None] | str:
    """The fields of one line as text, or why there are none."""
    try:
        value = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return "bytes that are not UTF-8"
    except RecursionError:
        return "JSON that is nested too deeply"
    except ValueError:  # no JSON, or a whole number of thousands of digits
        return "no valid JSON"
    if not isinstance(value, dict):
        return "JSON that is not an object"
    fields = {key: to_text(item) for key, item in value.items()}
    if any(_half_sign(text) for pair in fields.items() for text in pair):
        return "half of a two-part sign (a lone surrogate)"
    return fields


def _half_sign(text: str | None) -> bool:
    return text is not None and not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text)


def read_parquet_table(content: bytes, name: str) -> FileTable:
    """The table in a Parquet file; its values as text, exactly, so that one set of rules types every source.

    Raises
    ------
    DataError
        When the file is damaged.
    """
    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{name}: this Parquet file is damaged: {str(error).splitlines()[0]}") from error
    names, notes = repair_names(table.column_names)
    frame = text_frame(names, [_as_text(table.column(i)) for i in range(table.num_columns)])
    lines = np.arange(1, table.num_rows + 1, dtype="int64") if table.num_columns else no_lines()
    return FileTable(frame, lines, notes=notes, written="Parquet")


def _as_text(column: Any) -> Any:
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column
    if pa.types.is_integer(kind):
        return column.cast(pa.large_string())
    if pa.types.is_dictionary(kind):
        return _as_text(column.cast(kind.value_type))
    if pa.types.is_nested(kind) or pa.types.is_null(kind):
        return pa.chunked_array([pa.array([to_text(value) for value in column.to_pylist()], type=pa.large_string())])
    encoded = column.dictionary_encode().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):  # of no rows
        return pa.chunked_array([], type=pa.large_string())
    texts = pa.array([to_text(_exact(value)) for value in encoded.dictionary], type=pa.large_string())
    return pa.chunked_array([texts.take(encoded.indices)])


def _exact(scalar: Any) -> Any:
    """A scalar as a Python value; a float of 32 bits as the short number that it was written as; moments to the microsecond."""
    if pa.types.is_float32(scalar.type) or pa.types.is_float16(scalar.type):
        return float(str(np.float32(scalar.as_py()))) if scalar.as_py() is not None else None
    if pa.types.is_timestamp(scalar.type):
        return scalar.cast(pa.timestamp("us", scalar.type.tz), safe=False).as_py()
    return scalar.as_py()


# The second line of Orange's tables says what each column is, the third what it is for.
_ORANGE_KINDS = frozenset({"c", "d", "s", "t", "continuous", "discrete", "string", "time"})
_ORANGE_ROLES = frozenset({"", "class", "c", "meta", "m", "i", "ignore", "w", "weight"})


def without_orange_heads(table: FileTable) -> FileTable:
    """A table without the two lines below the column names that Orange's files have; any other table as it is."""
    if len(table.lines) < 2:
        return table
    kinds, roles = ([(value or "").strip() for value in table.cells.iloc[i].tolist()] for i in (0, 1))
    if not (set(kinds) <= _ORANGE_KINDS and set(roles) <= _ORANGE_ROLES and "class" in roles):
        return table
    cells = table.cells.iloc[2:].reset_index(drop=True)
    note = "The two lines below the names of the columns say what they are, as Orange has it; they are no rows."
    return replace(table, cells=cells, lines=table.lines[2:], notes=[*table.notes, note])

"""JSON lines as tables of text cells."""

import json
from typing import Any

import numpy as np

from glassbox.data.raw_table import BadRow, FileTable, bad_row, repair_names, text_frame
from glassbox.data.value_parsing import to_text
from glassbox.errors import DataError


def read_json_lines(content: bytes, name: str) -> FileTable:
    """Read a file with one JSON object per line as text cells; nested values stay JSON text.

    Raises
    ------
    DataError
        When the file is one JSON array.
    """
    if content.lstrip()[:1] == b"[":
        raise DataError(f"{name}: this is one JSON array; write one object per line, without brackets and commas around them.")
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    bad: list[BadRow] = []
    orders: dict[tuple[str, ...], None] = {}
    for line, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not raw.strip():
            continue
        row = _read_object(raw)
        if isinstance(row, str):
            bad.append(bad_row(line, row, raw[:2000].decode("utf-8", "replace").strip()))
            continue
        rows.append(row)
        lines.append(line)
        orders.setdefault(tuple(row))
    # When rows name their fields in different orders, the columns are sorted: the order of rows must not matter.
    keys = list(next(iter(orders))) if len(orders) == 1 else sorted({key for order in orders for key in order})
    names, notes = repair_names(keys)
    frame = text_frame(names, [[row.get(key) for row in rows] for key in keys], len(rows))
    return FileTable(frame, np.array(lines, dtype="int64"), bad, notes, "JSON lines")


def _read_object(raw: bytes) -> dict[str, str | None] | str:
    """Return the fields of one line as text, or the reason why the line cannot be read."""
    try:
        value = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        return "bytes that are not UTF-8"
    except RecursionError:
        return "JSON that is nested too deeply"
    except ValueError:  # invalid JSON, or an integer of thousands of digits
        return "invalid JSON"
    if not isinstance(value, dict):
        return "JSON that is not an object"
    fields = {key: to_text(item) for key, item in value.items()}
    if any(_has_surrogate(text) for pair in fields.items() for text in pair):
        return "a lone surrogate (half of a UTF-16 pair)"
    return fields


def _has_surrogate(text: str | None) -> bool:
    return text is not None and not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)

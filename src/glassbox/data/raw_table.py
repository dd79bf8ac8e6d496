"""A file as it was read: text cells, the line of each row, the rows that could not be read, and what was repaired."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

TEXT = pd.ArrowDtype(pa.large_string())
CLIP = 300  # characters of a row that could not be read are kept
RESERVED = "row_id"  # the name of a row in every product


@dataclass(frozen=True)
class BadRow:
    """A row that could not be read: its line (or, in files without lines, its number), why, and how it begins."""

    line: int
    reason: str
    text: str


@dataclass(frozen=True)
class FileTable:
    """What one file held. `cells` are text, a missing cell is None or blank; `lines` has one number a row."""

    cells: pd.DataFrame
    lines: Any
    bad: list[BadRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    written: str = ""  # format, separator and encoding, in words


def bad_row(line: int, reason: str, text: str) -> BadRow:
    """A `BadRow` whose text is clipped, and safe to save and to show."""
    text = text[:CLIP].encode("utf-8", "replace").decode("utf-8")
    return BadRow(line, reason, "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text))


def text_frame(names: Sequence[str], columns: Sequence[Any], rows: int | None = None) -> pd.DataFrame:
    """Columns of text (arrow arrays or lists of str and None) as a frame; `rows` counts them where there is no column."""
    made = {name: pd.array(_large(column), dtype=TEXT) for name, column in zip(names, columns, strict=True)}
    return pd.DataFrame(made, index=None if made else pd.RangeIndex(rows or 0))


def text_column(values: Any) -> Any:
    """Text cells (str and None) as a column of a frame."""
    return pd.array(_large(values), dtype=TEXT)


def _large(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        return column.cast(pa.large_string())
    return pa.array(column, type=pa.large_string())


def no_lines() -> Any:
    """The lines of no rows."""
    return np.empty(0, dtype="int64")


def repair_names(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Column names that are all there, all different and printable, and what was changed.

    Examples
    --------
    >>> repair_names(["a", " a", ""])[0]
    ['a', 'a.2', 'column_3']
    """
    repaired: list[str] = []
    notes: list[str] = []
    tidied = [_tidy(name) for name in names]
    taken = {name for name in tidied if name}
    for position, (name, written) in enumerate(zip(tidied, names, strict=True), start=1):
        base = name or f"column_{position}"
        new, turn = base, 1
        while new in repaired or (new in taken and new != name) or new == RESERVED:
            turn += 1
            new = f"{base}.{turn}"
        if not name:
            notes.append(f"Column {position} has no name; it is called {new!r} here.")
        elif new != name and base == RESERVED:
            notes.append(f"Column {position} is called {RESERVED!r}, which names rows here; it is called {new!r}.")
        elif new != name:
            notes.append(f"Column {position} is called {name!r} like one before it; it is called {new!r} here.")
        elif name != written.strip():
            notes.append(f"The name of column {position} holds signs that cannot be printed; it is called {new!r} here.")
        repaired.append(new)
    return repaired, notes


def _tidy(name: str) -> str:
    """A name in one Unicode form, without control signs (which could hide what a name is) and space around it."""
    composed = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    kept = (" " if c in "\t\r\n" else c for c in composed if c in "\t\r\n" or unicodedata.category(c) not in {"Cc", "Cs"})
    return "".join(kept).strip().lstrip("\ufeff").strip()

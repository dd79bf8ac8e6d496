"""Raw tables: the text cells of a file, the line of each row, the rows that could not be read, and notes on repairs."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

TEXT = pd.ArrowDtype(pa.large_string())
MAX_TEXT = 300  # characters stored of a row that could not be read
RESERVED = "row_id"  # the column that identifies a row in every product


@dataclass(frozen=True)
class BadRow:
    """A row that could not be read: its line (in files without lines, its number), the reason, and the beginning of its text."""

    line: int
    reason: str
    text: str


@dataclass(frozen=True)
class FileTable:
    """The content of one file. `cells` are text, a missing cell is None or blank; `lines` has one number per row."""

    cells: pd.DataFrame
    lines: Any
    bad: list[BadRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    written: str = ""  # format, separator and encoding, for people
    separator: str = ""  # of a delimited text file


def bad_row(line: int, reason: str, text: str) -> BadRow:
    """Make a `BadRow` whose text is clipped and safe to save and show."""
    text = text[:MAX_TEXT].encode("utf-8", "replace").decode("utf-8")
    return BadRow(line, reason, "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text))


def text_frame(names: Sequence[str], columns: Sequence[Any], rows: int | None = None) -> pd.DataFrame:
    """Make a frame of text columns (Arrow arrays, or lists of str and None). `rows` is the number of rows when there is no column."""
    arrays = {name: pd.array(_large(column), dtype=TEXT) for name, column in zip(names, columns, strict=True)}
    return pd.DataFrame(arrays, index=None if arrays else pd.RangeIndex(rows or 0))


def text_column(values: Any) -> Any:
    """Make a text column of a frame from str and None."""
    return pd.array(_large(values), dtype=TEXT)


def _large(column: Any) -> Any:
    if isinstance(column, pa.ChunkedArray):
        return column.cast(pa.large_string())
    return pa.array(column, type=pa.large_string())


def no_lines() -> Any:
    """Return the line numbers of an empty table."""
    return np.empty(0, dtype="int64")


def repair_names(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """Make column names non-empty, unique and printable; return them with notes on the changes.

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
        new, suffix = base, 1
        while new in repaired or (new in taken and new != name) or new == RESERVED:
            suffix += 1
            new = f"{base}.{suffix}"
        if not name:
            notes.append(f"Column {position} has no name; renamed {new!r}.")
        elif new != name and base == RESERVED:
            notes.append(f"Column {position} is named {RESERVED!r}, which is reserved; renamed {new!r}.")
        elif new != name:
            notes.append(f"Column {position} repeats the name {name!r}; renamed {new!r}.")
        elif name != written.strip():
            notes.append(f"The name of column {position} contains characters that cannot be printed; renamed {new!r}.")
        repaired.append(new)
    return repaired, notes


def _tidy(name: str) -> str:
    """Normalise a name: Unicode NFC, no control characters (which could disguise it), no surrounding white space."""
    composed = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    characters = (" " if c in "\t\r\n" else c for c in composed if c in "\t\r\n" or unicodedata.category(c) not in {"Cc", "Cs"})
    return "".join(characters).strip().lstrip("\ufeff").strip()

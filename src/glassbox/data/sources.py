"""Reading what a request names: every format into one frame of text cells, with unreadable rows in quarantine."""

import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from glassbox.data.formats.conll import looks_like_conll, read_conll
from glassbox.data.formats.delimited import read_delimited
from glassbox.data.formats.json_and_parquet import (
    GZIP,
    PARQUET,
    foreign,
    read_json_lines,
    read_parquet_table,
    without_orange_heads,
)
from glassbox.data.formats.text_files import read_document
from glassbox.data.images.cells import in_words
from glassbox.data.images.files import read_pictures
from glassbox.data.locations import FileRef, find_places
from glassbox.data.raw_table import TEXT, FileTable
from glassbox.errors import DataError
from glassbox.findings.model import Finding

if TYPE_CHECKING:
    from glassbox.request.model import Request

DOCUMENTS = (".txt", ".text", ".md", ".eml", ".html", ".htm")
MOST_UNREADABLE = 0.05  # of the rows may be; with more, what is left is no fair sample of the file
QUARANTINE = ["source", "line", "reason", "text"]


Arrange = Callable[["RawData", "Request"], tuple["RawData", dict[str, Finding]]]


@dataclass(frozen=True)
class FileFacts:
    """One file that arrived, or many that are one table, as pictures are: `files` counts them."""

    name: str
    size_bytes: int
    rows: int
    unreadable: int
    written: str
    files: int = 1


@dataclass(frozen=True)
class RawData:
    """What arrived: text cells, the file and line of each row, and the rows that were set aside with their reasons."""

    cells: pd.DataFrame
    sources: Any  # position in `files`, one a row
    lines: Any
    quarantine: pd.DataFrame
    files: list[FileFacts]
    notes: list[str] = field(default_factory=list)

    def take(self, keep: Any) -> "RawData":
        """The rows for which `keep` is true; the quarantine as it is."""
        cells = self.cells[keep].reset_index(drop=True)
        return replace(self, cells=cells, sources=self.sources[keep], lines=self.lines[keep])

    def set_aside(self, away: Any, reason: str) -> "RawData":
        """The rows for which `away` is true go to quarantine, for one reason."""
        if not away.any():
            return self
        texts = [" | ".join("" if value is None else in_words(value) for value in row) for row in _rows(self.cells[away])]
        moved = pd.DataFrame(
            {
                "source": [self.files[i].name for i in self.sources[away]],
                "line": self.lines[away],
                "reason": reason,
                "text": [text[:300] for text in texts],
            }
        )
        return replace(self.take(~away), quarantine=_sorted(pd.concat([self.quarantine, moved], ignore_index=True)))


def _rows(cells: pd.DataFrame) -> list[tuple[str | None, ...]]:
    columns = [cells[name].array.__arrow_array__().to_pylist() for name in cells.columns]
    return list(zip(*columns, strict=True))


def _sorted(quarantine: pd.DataFrame) -> pd.DataFrame:
    typed = quarantine.astype({"source": object, "line": "int64", "reason": object, "text": object})
    return typed.sort_values(["source", "line", "reason"], ignore_index=True)


def read_source(request: "Request", root: Path) -> RawData:
    """Read all files that a request names.

    Parameters
    ----------
    request : Request
        Its `data` says where.
    root : Path
        The project.

    Returns
    -------
    Arrival
        Columns in the order of the first file; those that a file has not are missing in its rows.

    Raises
    ------
    DataError
        When there are no rows, or more than 5 % of them cannot be read.
    """
    facts, tables = _READERS[request.task_spec.reads](find_places(request, root))
    quarantine = _sorted(
        pd.DataFrame(
            [(fact.name, row.line, row.reason, row.text) for fact, table in zip(facts, tables, strict=True) for row in table.bad],
            columns=QUARANTINE,
        )
    )
    _refuse_unreadable(facts, quarantine)
    cells, notes = _stack(facts, tables)
    if not cells.shape[1]:
        raise DataError(f"{', '.join(fact.name for fact in facts)}: there are rows, but no column in any of them.")
    return RawData(
        cells=cells,
        sources=np.repeat(np.arange(len(tables)), [len(table.lines) for table in tables]),
        lines=np.concatenate([table.lines for table in tables]),
        quarantine=quarantine,
        files=facts,
        notes=notes,
    )


def _read_tables(places: Sequence[FileRef], *, documents: bool = False) -> tuple[list[FileFacts], list[FileTable]]:
    facts: list[FileFacts] = []
    tables: list[FileTable] = []
    for place in places:
        content = place.read()
        table = read_file(content, place.name, documents=documents)
        tables.append(table)
        facts.append(FileFacts(place.name, len(content), len(table.lines), len(table.bad), table.written))
    return facts, tables


def _read_pictures(places: Sequence[FileRef]) -> tuple[list[FileFacts], list[FileTable]]:
    read = read_pictures(places, read_file)
    facts = [
        FileFacts(one.name, one.size_bytes, len(one.table.lines), len(one.table.bad), one.table.written, one.files)
        for one in read
    ]
    return facts, [one.table for one in read]


# By what a task reads (`request.Task.reads`).
_READERS: dict[str, Callable[[Sequence[FileRef]], tuple[list[FileFacts], list[FileTable]]]] = {
    "tables": _read_tables,
    "documents": partial(_read_tables, documents=True),
    "pictures": _read_pictures,
}


def read_file(content: bytes, name: str, *, documents: bool = False) -> FileTable:
    """The table in one file, whatever its format: found by content first, by the name's ending second.

    With `documents`, a file of plain text is one row: ``text``, and the ``folder`` and ``file`` that it lies in.

    Raises
    ------
    DataError
        When there is nothing in it, or it is no table.
    """
    if content.startswith(GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{name}: this gzip file is damaged or cut off: {error}") from error
        table = read_file(content, name.removesuffix(".gz"), documents=documents)
        return replace(table, written=f"{table.written}, gzip")
    if not content.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        raise DataError(f"{name}: the file is empty.")
    if content.startswith(PARQUET):
        return read_parquet_table(content, name)
    other = foreign(content)
    if other:
        raise DataError(f"{name}: this is {other}.")
    if name.lower().endswith((".jsonl", ".ndjson", ".json")) or content.lstrip(b"\xef\xbb\xbf \t\r\n")[:2] in (b'{"', b"{}"):
        return read_json_lines(content, name)
    if looks_like_conll(content):
        return read_conll(content, name)
    if documents and name.lower().endswith(DOCUMENTS):
        return read_document(content, name)
    return without_orange_heads(read_delimited(content, name))


def _refuse_unreadable(facts: Sequence[FileFacts], quarantine: pd.DataFrame) -> None:
    rows, bad = sum(fact.rows for fact in facts), len(quarantine)
    if bad > MOST_UNREADABLE * (rows + bad):
        share = f"{bad / (rows + bad):.1%}, more than {MOST_UNREADABLE:.0%}"
        lines = [f"{bad:,} of {rows + bad:,} rows cannot be read ({share}):"]
        for reason, count in sorted(Counter(quarantine["reason"]).items(), key=lambda item: (-item[1], item[0]))[:8]:
            first = quarantine[quarantine["reason"] == reason].iloc[0]
            shown = first["text"] if len(first["text"]) <= 80 else first["text"][:79] + "…"
            lines.append(f"  {count:,} × {reason}; the first is {first['source']}:{first['line']}: {shown}")
        raise DataError("\n".join(lines))
    if rows == 0:
        named = ", ".join(fact.name for fact in facts)
        raise DataError(f"{named}: there is a header, but no row below it.")


def _stack(facts: Sequence[FileFacts], tables: Sequence[FileTable]) -> tuple[pd.DataFrame, list[str]]:
    """The rows of all files below one another, and what was repaired, each said once with its file."""
    alone = len(tables) == 1
    notes = [note if alone else f"{fact.name}: {note}" for fact, table in zip(facts, tables, strict=True) for note in table.notes]
    if alone:
        return tables[0].cells, notes
    names = list(dict.fromkeys(name for table in tables if len(table.lines) for name in table.cells.columns))
    for fact, table in zip(facts, tables, strict=True):
        lacking = [name for name in names if name not in table.cells.columns]
        if lacking:
            notes.append(f"{fact.name}: it has no {', '.join(repr(name) for name in lacking)}; missing in its rows.")
    frames = [table.cells.reindex(columns=names).astype(TEXT) for table in tables if len(table.lines)]
    return pd.concat(frames, ignore_index=True), notes

"""Reading the raw data of a request: files of any supported format as one frame of text cells, with unreadable rows in quarantine."""

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
from glassbox.data.formats.json_lines import read_json_lines
from glassbox.data.formats.orange import drop_orange_header
from glassbox.data.formats.parquet import read_parquet_table
from glassbox.data.formats.signatures import GZIP, PARQUET, unsupported_format
from glassbox.data.formats.text_files import read_text_file
from glassbox.data.images.cells import describe_cell
from glassbox.data.images.files import read_pictures
from glassbox.data.locations import FileRef, find_files
from glassbox.data.raw_table import MAX_TEXT, TEXT, FileTable
from glassbox.data.reading import DEFAULT, Reading, choose_reading
from glassbox.errors import DataError
from glassbox.findings.model import Finding
from glassbox.findings.wording import join_names

if TYPE_CHECKING:
    from glassbox.request.model import Request

TEXT_EXTENSIONS = (".txt", ".text", ".md", ".eml", ".html", ".htm")
MAX_UNREADABLE_SHARE = 0.05  # with more, the readable rows are not a fair sample of the file
QUARANTINE = ["source", "line", "reason", "text"]


Arrange = Callable[["RawData", "Request"], tuple["RawData", dict[str, Finding]]]


@dataclass(frozen=True)
class FileFacts:
    """Facts about one file, or about the `files` files that form one table, such as pictures."""

    name: str
    size_bytes: int
    rows: int
    unreadable: int
    written: str
    files: int = 1


@dataclass(frozen=True)
class RawData:
    """The raw data: text cells, the file and line of each row, and the quarantined rows with their reasons."""

    cells: pd.DataFrame
    sources: Any  # each row's position in `files`
    lines: Any
    quarantine: pd.DataFrame
    files: list[FileFacts]
    notes: list[str] = field(default_factory=list)
    reading: Reading = DEFAULT

    def select(self, mask: Any) -> "RawData":
        """Return the rows for which `mask` is true, with the quarantine unchanged."""
        cells = self.cells[mask].reset_index(drop=True)
        return replace(self, cells=cells, sources=self.sources[mask], lines=self.lines[mask])

    def exclude(self, mask: Any, reason: str) -> "RawData":
        """Move the rows for which `mask` is true to quarantine, with one reason."""
        if not mask.any():
            return self
        texts = [" | ".join("" if value is None else describe_cell(value) for value in row) for row in _rows(self.cells[mask])]
        excluded = pd.DataFrame(
            {
                "source": [self.files[i].name for i in self.sources[mask]],
                "line": self.lines[mask],
                "reason": reason,
                "text": [text[:MAX_TEXT] for text in texts],
            }
        )
        return replace(self.select(~mask), quarantine=_sorted(pd.concat([self.quarantine, excluded], ignore_index=True)))


def _rows(cells: pd.DataFrame) -> list[tuple[str | None, ...]]:
    columns = [cells[name].array.__arrow_array__().to_pylist() for name in cells.columns]
    return list(zip(*columns, strict=True))


def _sorted(quarantine: pd.DataFrame) -> pd.DataFrame:
    typed = quarantine.astype({"source": object, "line": "int64", "reason": object, "text": object})
    return typed.sort_values(["source", "line", "reason"], ignore_index=True)


def read_source(request: "Request", root: Path) -> RawData:
    """Read all files of a request.

    Parameters
    ----------
    request : Request
        Its `data` names the files.
    root : Path
        The folder of the project.

    Returns
    -------
    RawData
        Columns are in the order of the first file; columns that a file lacks are missing in its rows.

    Raises
    ------
    DataError
        When there are no rows, or more than 5 % of them cannot be read.
    """
    facts, tables = _READERS[request.task_spec.reads](find_files(request, root))
    quarantine = _sorted(
        pd.DataFrame(
            [(fact.name, row.line, row.reason, row.text) for fact, table in zip(facts, tables, strict=True) for row in table.bad],
            columns=QUARANTINE,
        )
    )
    _check_readable(facts, quarantine)
    cells, notes = _stack(facts, tables)
    if not cells.shape[1]:
        raise DataError(f"{', '.join(fact.name for fact in facts)}: there are rows, but none of them has a column.")
    reading, reading_notes = choose_reading(cells, {table.separator for table in tables}, request)
    return RawData(
        cells=cells,
        sources=np.repeat(np.arange(len(tables)), [len(table.lines) for table in tables]),
        lines=np.concatenate([table.lines for table in tables]),
        quarantine=quarantine,
        files=facts,
        notes=[*notes, *reading_notes],
        reading=reading,
    )


def _read_tables(refs: Sequence[FileRef], *, documents: bool = False) -> tuple[list[FileFacts], list[FileTable]]:
    facts: list[FileFacts] = []
    tables: list[FileTable] = []
    for ref in refs:
        content = ref.read()
        table = read_file(content, ref.name, documents=documents)
        tables.append(table)
        facts.append(FileFacts(ref.name, len(content), len(table.lines), len(table.bad), table.written))
    return facts, tables


def _read_pictures(refs: Sequence[FileRef]) -> tuple[list[FileFacts], list[FileTable]]:
    named_tables = read_pictures(refs, read_file)
    facts = [
        FileFacts(named.name, named.size_bytes, len(named.table.lines), len(named.table.bad), named.table.written, named.files)
        for named in named_tables
    ]
    return facts, [named.table for named in named_tables]


# By the kind of data that a task reads (`request.Task.reads`).
_READERS: dict[str, Callable[[Sequence[FileRef]], tuple[list[FileFacts], list[FileTable]]]] = {
    "tables": _read_tables,
    "documents": partial(_read_tables, documents=True),
    "pictures": _read_pictures,
}


def read_file(content: bytes, name: str, *, documents: bool = False) -> FileTable:
    """Read one file as a table. The format is detected by content first, then by the extension.

    With `documents`, a plain text file is one row: its ``text``, ``folder`` and ``file`` name.

    Raises
    ------
    DataError
        When the file is empty, damaged or in a format that cannot be read as a table.
    """
    if content.startswith(GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{name}: this gzip file is damaged or truncated: {error}") from error
        table = read_file(content, name.removesuffix(".gz"), documents=documents)
        return replace(table, written=f"{table.written}, gzip")
    if not content.strip(b" \t\r\n\0\xef\xbb\xbf\xff\xfe"):
        raise DataError(f"{name}: the file is empty.")
    if content.startswith(PARQUET):
        return read_parquet_table(content, name)
    unsupported = unsupported_format(content)
    if unsupported:
        raise DataError(f"{name}: this is {unsupported}.")
    if name.lower().endswith((".jsonl", ".ndjson", ".json")) or content.lstrip(b"\xef\xbb\xbf \t\r\n")[:2] in (b'{"', b"{}"):
        return read_json_lines(content, name)
    if looks_like_conll(content):
        return read_conll(content, name)
    if documents and name.lower().endswith(TEXT_EXTENSIONS):
        return read_text_file(content, name)
    return drop_orange_header(read_delimited(content, name))


def _check_readable(facts: Sequence[FileFacts], quarantine: pd.DataFrame) -> None:
    rows, bad = sum(fact.rows for fact in facts), len(quarantine)
    if bad > MAX_UNREADABLE_SHARE * (rows + bad):
        share = f"{bad / (rows + bad):.1%}, more than {MAX_UNREADABLE_SHARE:.0%}"
        lines = [f"{bad:,} of {rows + bad:,} rows cannot be read ({share}):"]
        for reason, count in sorted(Counter(quarantine["reason"]).items(), key=lambda item: (-item[1], item[0]))[:8]:
            first = quarantine[quarantine["reason"] == reason].iloc[0]
            shown = first["text"] if len(first["text"]) <= 80 else first["text"][:79] + "…"
            lines.append(f"  {count:,} × {reason}; the first is {first['source']}:{first['line']}: {shown}")
        raise DataError("\n".join(lines))
    if rows == 0:
        names = ", ".join(fact.name for fact in facts)
        raise DataError(f"{names}: there is a header, but no row below it.")


def _stack(facts: Sequence[FileFacts], tables: Sequence[FileTable]) -> tuple[pd.DataFrame, list[str]]:
    """Concatenate the rows of all files, and collect the notes with the names of their files."""
    single = len(tables) == 1
    notes = [
        note if single else f"{fact.name}: {note}" for fact, table in zip(facts, tables, strict=True) for note in table.notes
    ]
    if single:
        return tables[0].cells, notes
    names = list(dict.fromkeys(name for table in tables if len(table.lines) for name in table.cells.columns))
    for fact, table in zip(facts, tables, strict=True):
        absent = [name for name in names if name not in table.cells.columns]
        if absent:
            columns = f"column{'' if len(absent) == 1 else 's'} {join_names([repr(name) for name in absent], len(absent))}"
            notes.append(f"{fact.name}: it has no {columns}; the values are missing in its rows.")
    frames = [table.cells.reindex(columns=names).astype(TEXT) for table in tables if len(table.lines)]
    return pd.concat(frames, ignore_index=True), notes

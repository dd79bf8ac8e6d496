"""Delimited text files (CSV, TSV, ...): encoding and dialect are detected; rows that cannot be read become bad rows.

A clean file is read by Arrow at once. Any other file is read line by line, so that a malformed line costs one row.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from charset_normalizer import from_bytes

from glassbox.data.raw_table import BadRow, FileTable, bad_row, repair_names, text_frame
from glassbox.errors import DataError

Row = tuple[int, list[str]]  # the line and its cells

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
MAX_FIELD = 131_072  # characters: the limit of the csv module
MAX_RECORD_LINES = 500  # a quote that is not closed within this many lines is stray
MAX_RECORD = 1_000_000
_CHUNK_ROWS = 50_000
_SAMPLE_LINES = 200
_SAMPLE_BYTES = 1 << 18
# Encodings that spreadsheets write. The detected encoding is one of these; Windows-1252 is the fallback.
_LEGACY = ["cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "shift_jis", "gb18030", "big5", "euc_kr"]
_FALLBACK = "cp1252"
_MIXED = "mixed encodings"
_BOMS = [
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
]


@dataclass(frozen=True)
class Dialect:
    """The separator, the quote character, and whether a backslash escapes a quote."""

    separator: str = ","
    quote: str = '"'
    escape: bool = False

    def reader(self, lines: Sequence[str], strict: bool = False) -> Iterator[list[str]]:
        """Return a reader of the csv module for this dialect."""
        escape = "\\" if self.escape else None
        return csv.reader(lines, delimiter=self.separator, quotechar=self.quote, escapechar=escape, strict=strict)


def read_delimited(content: bytes, name: str = "") -> FileTable:
    """Read a delimited text file as text cells.

    Parameters
    ----------
    content : bytes
        The decompressed file.
    name : str
        The name of the file; the extension `.tsv` decides when the content is ambiguous.

    Returns
    -------
    FileTable
        The text cells, and the rows that could not be read.

    Raises
    ------
    DataError
        When the header cannot be read.
    """
    content, encoding, notes = to_utf8(content)
    content, declared = _declared_separator(content)
    sample = _decode(content[:_SAMPLE_BYTES], _FALLBACK)[:_SAMPLE_LINES]
    dialect = detect_dialect([line for line, _ in sample if line], name)
    if declared:
        dialect = replace(dialect, separator=declared)
    table = None
    if b"\0" not in content and encoding != _MIXED:
        table = _read_clean(content, dialect)
    if table is None:
        table = _read_line_by_line(content, dialect, name)
    written = f"{encoding}, separated by {SEPARATORS.get(dialect.separator, repr(dialect.separator))}"
    written += f", quoted by {dialect.quote}" if dialect.quote != '"' else ""
    return replace(table, notes=notes + table.notes, written=written, separator=dialect.separator)


# --------------------------------------------------------------------------------------------------------- encoding


def to_utf8(content: bytes) -> tuple[bytes, str, list[str]]:
    """Convert content to UTF-8 without a byte order mark; return it with its original encoding and notes."""
    for mark, encoding in _BOMS:
        if content.startswith(mark):
            content = content[len(mark) :]
            if encoding == "utf-8":
                break
            return content.decode(encoding, "replace").encode("utf-8"), encoding[:6].upper(), []
    else:
        encoding = _utf16_without_mark(content[:_SAMPLE_BYTES])
        if encoding:
            return content.decode(encoding, "replace").encode("utf-8"), encoding[:6].upper(), []
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return _from_legacy(content)
    return content, "UTF-8", []


def _utf16_without_mark(sample: bytes) -> str:
    """Detect UTF-16 without a byte order mark: in Latin text, every second byte is zero."""
    if len(sample) < 4:
        return ""
    even, odd = sample[0::2].count(0) * 2 / len(sample), sample[1::2].count(0) * 2 / len(sample)
    return "utf-16-le" if odd > 0.4 and even < 0.1 else "utf-16-be" if even > 0.4 and odd < 0.1 else ""


def _from_legacy(content: bytes) -> tuple[bytes, str, list[str]]:
    """Decode the lines that are not UTF-8 in a legacy encoding. Lines that fit neither keep their bytes."""
    lines = content.split(b"\n")
    not_utf8 = [i for i, line in enumerate(lines) if not _is_utf8(line)]
    legacy = _detect_legacy(b"\n".join(lines[i] for i in not_utf8)[:_SAMPLE_BYTES])
    also_utf8 = sum(not line.isascii() for line in lines) > len(not_utf8)
    changed = 0
    for i in not_utf8:
        try:
            lines[i] = lines[i].decode(legacy).encode("utf-8")
            changed += 1
        except UnicodeDecodeError:
            continue  # `_read_line_by_line` reports this line
    label = {"cp1252": "Windows-1252", "shift_jis": "Shift JIS", "gb18030": "GB 18030"}.get(legacy, legacy)
    content = b"\n".join(lines)
    if not also_utf8 and changed == len(not_utf8):
        return content, label, []
    count = "1 line is" if changed == 1 else f"{changed:,} lines are"
    notes = [f"Mixed encodings: {count} not UTF-8 like the others; decoded as {label}."] if changed else []
    return content, _MIXED if changed < len(not_utf8) else f"UTF-8 and {label}", notes


def _is_utf8(line: bytes) -> bool:
    if line.isascii():
        return True
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _detect_legacy(sample: bytes) -> str:
    best = from_bytes(sample, cp_isolation=_LEGACY).best() if len(sample) >= 64 else None
    return str(best.encoding) if best is not None and best.encoding in _LEGACY else _FALLBACK


def _decode(content: bytes, legacy: str = "") -> list[tuple[str, bool]]:
    """Decode the lines of the content; return for each line its text and whether it could be decoded."""
    content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        return [(line, True) for line in content.decode("utf-8").split("\n")]
    except UnicodeDecodeError:
        return [_decode_line(line) for line in content.split(b"\n")]


def _decode_line(line: bytes) -> tuple[str, bool]:
    try:
        return line.decode("utf-8"), True
    except UnicodeDecodeError:
        return line.decode("utf-8", "replace"), False


# ---------------------------------------------------------------------------------------------------------- dialect


def _declared_separator(content: bytes) -> tuple[bytes, str]:
    """Read the separator from Excel's optional first line, ``sep=;``. The line is blanked, so that line numbers stay correct."""
    match = re.match(rb'"?sep=([,;|\t])"?(?=\r?\n)', content)
    return (content[match.end() :], match[1].decode()) if match else (content, "")


def detect_dialect(lines: Sequence[str], name: str = "") -> Dialect:
    """Detect the dialect in which most lines have as many cells as the first line.

    Examples
    --------
    >>> detect_dialect(["a;b", "1,5;2,5"]).separator, detect_dialect(["a,b", "'x, y',2", "'z',3"]).quote
    (';', "'")
    """
    text = "\n".join(lines)
    quote = '"' if '"' in text or not re.search(r"(?m)(?:^|[,;\t|])'[^'\n]*'(?:[,;\t|]|$)", text) else "'"
    escape = "\\" + quote in text
    order = ["\t", ",", ";", "|"] if name.lower().removesuffix(".gz").endswith((".tsv", ".tab")) else list(SEPARATORS)
    best, best_score = order[0], (0.0, 0)
    for separator in order:
        dialect = Dialect(separator, quote, escape)
        widths = [len(cells) for line in lines if (cells := _split_line(dialect, line)) is not None]
        if not widths or widths[0] < 2:
            continue
        score = (round(sum(width == widths[0] for width in widths) / len(widths), 1), widths[0])
        if score > best_score:
            best, best_score = separator, score
    return Dialect(best, quote, escape)


def _split_line(dialect: Dialect, line: str) -> list[str] | None:
    try:
        return next(iter(dialect.reader([line])), None)
    except csv.Error:
        return None


# ------------------------------------------------------------------------------------------------------- clean files


def _read_clean(content: bytes, dialect: Dialect) -> FileTable | None:
    """Read a file in which every line is one row with as many cells as the first; return None for any other file."""
    if not content or content[:1] in b"\r\n" or content.count(b"\r") != content.count(b"\r\n"):
        return None
    lines = content.count(b"\n") + (not content.endswith(b"\n"))
    header = _split_line(dialect, content.partition(b"\n")[0].decode("utf-8").rstrip("\r"))
    last = content.rstrip(b"\r\n").rpartition(b"\n")[2].decode("utf-8")
    if not header or _parse(last, dialect)[0] != "complete":  # Arrow closes a quote that is open at the file's end
        return None
    fields = [f"f{i}" for i in range(len(header))]
    try:
        table = pacsv.read_csv(
            pa.BufferReader(content),
            read_options=pacsv.ReadOptions(autogenerate_column_names=True, block_size=1 << 23),
            parse_options=pacsv.ParseOptions(
                delimiter=dialect.separator,
                quote_char=dialect.quote,
                escape_char="\\" if dialect.escape else False,
            ),
            convert_options=pacsv.ConvertOptions(
                column_types={field: pa.large_string() for field in fields},
                strings_can_be_null=False,
                check_utf8=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != lines or table.column_names != fields or _needs_line_by_line(table):
        return None
    names, notes = repair_names([table[field][0].as_py() for field in fields])
    frame = text_frame(names, [table[field].slice(1) for field in fields])
    return FileTable(frame, np.arange(2, lines + 1, dtype="int64"), notes=notes)


def _needs_line_by_line(table: Any) -> bool:
    """Return whether a cell is too long or contains a newline (perhaps after a stray quote), or a row is blank."""
    for column in table.columns:
        if (pc.max(pc.binary_length(column)).as_py() or 0) > MAX_FIELD or pc.any(pc.match_substring(column, "\n")).as_py():
            return True
    single_column = len(table.columns) == 1
    return single_column and bool(pc.any(pc.equal(pc.utf8_trim_whitespace(table.columns[0]), "")).as_py())


# ------------------------------------------------------------------------------------------------------- other files


def _read_line_by_line(content: bytes, dialect: Dialect, name: str = "") -> FileTable:
    """Read a file line by line. Lines are numbered from 1; a row that spans several lines has the number of its first."""
    lines = _decode(content)
    records = _records(lines, dialect)
    first = next(records, None)
    if first is None:
        raise DataError(f"{name}: there is no header; expected a first line with the column names.")
    if isinstance(first, BadRow):
        raise DataError(f"{name}:{first.line}: the header cannot be read: {first.reason}.")
    header = first[1]
    bad: list[BadRow] = []
    width = len(header)
    names, notes = repair_names(header)
    line_numbers: list[int] = []
    chunks: list[list[Any]] = []
    trimmed = 0
    while batch := list(islice(records, _CHUNK_ROWS)):
        good, malformed, n_trimmed = _check_width(batch, width, lines)
        line_numbers += [line for line, _ in good]
        bad += malformed
        trimmed += n_trimmed
        columns = zip(*(cells for _, cells in good), strict=True)
        chunks.append([pa.array(column, type=pa.large_string()) for column in columns])
    arrays = [pa.chunked_array([chunk[i] for chunk in chunks if chunk], type=pa.large_string()) for i in range(width)]
    if trimmed:
        rows_have = "1 row has" if trimmed == 1 else f"{trimmed:,} rows have"
        notes.append(f"{rows_have} empty cells beyond the last column; these were dropped.")
    return FileTable(text_frame(names, arrays), np.array(line_numbers, dtype="int64"), bad, notes)


def _check_width(
    batch: Sequence[Row | BadRow], width: int, lines: Sequence[tuple[str, bool]]
) -> tuple[list[Row], list[BadRow], int]:
    """Return the rows of `width` cells, the bad rows, and the number of rows from which extra empty cells were trimmed."""
    good: list[Row] = []
    bad: list[BadRow] = []
    trimmed = 0
    for record in batch:
        if isinstance(record, BadRow):
            bad.append(record)
            continue
        line, cells = record
        if len(cells) > width and not any(cell.strip() for cell in cells[width:]):
            cells, trimmed = cells[:width], trimmed + 1
        if len(cells) == width:
            good.append((line, cells))
        else:
            count = "1 cell" if len(cells) == 1 else f"{len(cells):,} cells"
            bad.append(bad_row(line, f"{count}, where the header has {width:,}", lines[line - 1][0]))
    return good, bad, trimmed


def _records(lines: Sequence[tuple[str, bool]], dialect: Dialect) -> Iterator[Row | BadRow]:
    """Yield the rows in the lines. Quotes may span lines; an unclosed quote invalidates only its own line."""
    i = width = 0
    while i < len(lines):
        text, decoded = lines[i]
        i += 1
        if not text.strip(" \t\ufeff") and (dialect.separator != "\t" or not text.strip(" \ufeff")):
            continue
        if not decoded:
            yield bad_row(i, "bytes that cannot be decoded in the encoding of the file", text)
        elif "\0" in text:
            yield bad_row(i, "NUL bytes", text)
        elif dialect.quote not in text and not dialect.escape and len(text) <= MAX_FIELD:
            cells = text.split(dialect.separator)
            width = width or len(cells)
            yield i, cells
        else:
            record, used = _quoted(lines, i - 1, dialect, width)
            width = width or (0 if isinstance(record, BadRow) else len(record[1]))
            yield record
            i += used - 1


def _quoted(lines: Sequence[tuple[str, bool]], first: int, dialect: Dialect, width: int) -> tuple[Row | BadRow, int]:
    """Return the row that begins in line `first`, and its number of lines: several only if this gives `width` cells."""
    text = lines[first][0]
    state, cells = _parse(text, dialect)
    if state == "complete":
        return (first + 1, cells), 1
    if state == "too long":
        return bad_row(first + 1, f"a cell of more than {MAX_FIELD:,} characters", text), 1
    parts, size = [text], len(text)
    for used, (more, decoded) in enumerate(lines[first + 1 : first + MAX_RECORD_LINES], start=2):
        parts.append(more)
        size += len(more) + 1
        if size > MAX_RECORD or not decoded or "\0" in more:
            break
        if dialect.quote not in more:
            continue
        try:
            cells = next(iter(dialect.reader(["\n".join(parts)], strict=True)))
        except csv.Error as error:
            if "unexpected end" in str(error):
                continue
            break
        if width in (0, len(cells)):
            return (first + 1, cells), used
        break
    return bad_row(first + 1, "an unclosed quote", text), 1


def _parse(text: str, dialect: Dialect) -> tuple[str, list[str]]:
    """Parse one line; return "complete", "open" (within a quote) or "too long" (a cell), and the cells if complete."""
    try:
        return "complete", next(iter(dialect.reader([text], strict=True)))
    except csv.Error as error:
        if "field limit" in str(error):
            return "too long", []
        if "unexpected end" in str(error):
            return "open", []
    try:  # text after a closing quote: read as spreadsheets do
        return "complete", next(iter(dialect.reader([text])))
    except csv.Error:
        return "too long", []

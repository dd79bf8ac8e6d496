"""Row preparation for text classification: one text per row, with checks for markup, encoding errors and empty texts.

The checks only count and report; the recipe repairs the texts.
"""

from typing import TYPE_CHECKING, Any

import ftfy.badness
import numpy as np
import pandas as pd

from glassbox.data.sources import RawData
from glassbox.data.value_parsing import clean
from glassbox.errors import DataError
from glassbox.families.text.near_duplicates import group_near_duplicates
from glassbox.families.text.recipe import TAG
from glassbox.findings.model import Cell, Facts, Finding, Note
from glassbox.findings.wording import counted, number

if TYPE_CHECKING:
    from glassbox.request.model import Request

LONG = 20_000  # characters: longer texts are truncated
PROSE, FEWEST = 3.0, 1.5  # words per value, on average: of prose, and of any column that may hold texts
QUALITY = "Text quality"
SAMPLE = 2_000  # texts that are checked for encoding errors


def prepare_rows(raw: RawData, request: "Request") -> tuple[RawData, dict[str, Finding]]:
    """Quarantine rows without text, and leave the others unchanged."""
    columns = prose(raw.cells, request)
    if not columns or not len(raw.cells):
        return raw, {}
    empty = np.ones(len(raw.cells), dtype=bool)
    for name in columns:
        empty &= np.array([clean(value) is None for value in raw.cells[name].tolist()], dtype=bool)
    raw = raw.exclude(empty, "there is no text")
    texts = joined(raw.cells, columns)
    return raw, {"unit": _facts(texts, columns), "unit_rules": _quality_note(texts, int(empty.sum()))}


def prose(cells: pd.DataFrame, request: "Request") -> list[str]:
    """Return the text columns of raw data, before a schema is inferred: those in the request, else all that average three words or more.

    Raises
    ------
    DataError
        When no column holds texts.
    """
    excluded = {request.data.target, request.data.id, request.split.column}
    if request.data.features:
        return [name for name in request.data.features if name in cells.columns]
    names = [str(name) for name in cells.columns if name not in excluded]
    mean_words = {name: _words(cells[name]) for name in names}
    if long := [name for name in names if mean_words[name] >= PROSE]:
        return long
    if names and max(mean_words.values()) < FEWEST:
        raise DataError(
            f"data.features: no column holds texts; name the columns to read. The columns are {', '.join(map(repr, names))}."
        )
    return sorted(names, key=lambda name: -mean_words[name])[:1]


def _words(column: pd.Series) -> float:
    values = [value for value in column.head(SAMPLE).tolist() if isinstance(value, str)]
    return float(np.mean([len(value.split()) for value in values])) if values else 0.0


def joined(cells: pd.DataFrame, columns: list[str]) -> list[str]:
    """Join the text columns of each row by line breaks."""
    rows = zip(*(cells[name].tolist() for name in columns), strict=True)
    return ["\n".join(value for value in row if isinstance(value, str)) for row in rows]


def _facts(texts: list[str], columns: list[str]) -> Facts:
    sizes = np.array([len(text) for text in texts]) if texts else np.zeros(1, dtype=int)
    facts: dict[str, Cell] = {
        "read from": ", ".join(columns),
        "texts": len(texts),
        "characters, shortest": int(sizes.min()),
        "characters, median": float(np.median(sizes)),
        "characters, longest": int(sizes.max()),
    }
    say = f"Each row is one text. There are {len(texts):,} texts with a median of {number(float(np.median(sizes)), ',.0f')} characters."
    return Facts(title="Unit of analysis", say=say, facts=facts)


def _quality_note(texts: list[str], empty: int) -> Note:
    """Count texts with markup, encoding errors, control characters and excessive length, and report their handling."""
    step = max(1, len(texts) // SAMPLE)
    sampled = sorted(texts)[::step]
    lines = []
    tagged = sum(TAG.search(text) is not None for text in texts)
    if tagged:
        lines.append(f"{counted(tagged, 'text')} with markup, such as <br />; the recipe removes it.")
    bad = sum(ftfy.badness.is_bad(text) for text in sampled)
    if bad:
        share = number(bad / len(sampled), ".1%")
        lines.append(f"{share} of the texts have encoding errors (Ã© for é); the recipe repairs those that can be repaired.")
    replaced = sum("\N{REPLACEMENT CHARACTER}" in text for text in texts)
    if replaced:
        lines.append(f"{counted(replaced, 'text')} with the Unicode replacement character: the original characters are lost.")
    control = sum(any(ord(character) < 32 and character not in "\t\r\n" for character in text) for text in texts)
    if control:
        lines.append(f"{counted(control, 'text')} with control characters, which models ignore.")
    huge = sum(len(text) > LONG for text in texts)
    if huge:
        lines.append(f"{counted(huge, 'text')} longer than {LONG:,} characters, which are truncated to that length.")
    if empty:
        lines.append(f"{counted(empty, 'row')} without text, quarantined.")
    if not lines:
        return Note(title=QUALITY, say="No text has markup or encoding errors, and none is empty or too long.", tone="good")
    return Note(
        title=QUALITY,
        say="Rows are stored unchanged; the recipe repairs the texts when they are read.",
        lines=lines,
        tone="look",
    )


def near_duplicate_groups(cells: pd.DataFrame, request: "Request") -> Any:
    """Return the near-duplicate group of each row."""
    return group_near_duplicates(joined(cells, prose(cells, request)))

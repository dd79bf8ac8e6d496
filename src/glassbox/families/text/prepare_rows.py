"""The unit of texts: each text is a case of its own. What is wrong with texts is found, counted and said; the recipe mends it."""

from typing import TYPE_CHECKING, Any

import ftfy.badness
import numpy as np
import pandas as pd

from glassbox.data.sources import RawData
from glassbox.data.value_parsing import clean
from glassbox.errors import DataError
from glassbox.families.text.near_duplicates import alike
from glassbox.families.text.recipe import TAG
from glassbox.findings.model import Cell, Facts, Finding, Note
from glassbox.findings.wording import counted, number

if TYPE_CHECKING:
    from glassbox.request.model import Request

LONG = 20_000  # characters: what is beyond is not read
PROSE, FEWEST = 3.0, 1.5  # words a value, on average: of prose, and of anything that may be a text
SAMPLE = 2_000  # texts in which wrong decoding is looked for


def prepare_rows(arrival: RawData, request: "Request") -> tuple[RawData, dict[str, Finding]]:
    """Rows without any text are set aside; the others stay as they are."""
    columns = prose(arrival.cells, request)
    if not columns or not len(arrival.cells):
        return arrival, {}
    empty = np.ones(len(arrival.cells), dtype=bool)
    for name in columns:
        empty &= np.array([clean(value) is None for value in arrival.cells[name].tolist()], dtype=bool)
    arrival = arrival.exclude(empty, "there is no text")
    texts = joined(arrival.cells, columns)
    return arrival, {"unit": _facts(texts, columns), "unit_rules": _found(texts, int(empty.sum()))}


def prose(cells: pd.DataFrame, request: "Request") -> list[str]:
    """The columns that hold texts, before there is a schema: those named, else all whose values have three words or more.

    Raises
    ------
    DataError
        When no column looks like one.
    """
    hidden = {request.data.target, request.data.id, request.split.column}
    if request.data.features:
        return [name for name in request.data.features if name in cells.columns]
    names = [str(name) for name in cells.columns if name not in hidden]
    lengths = {name: _words(cells[name]) for name in names}
    if long := [name for name in names if lengths[name] >= PROSE]:
        return long
    if names and max(lengths.values()) < FEWEST:
        raise DataError(f"data.features: no column holds texts; name the one that does. Columns: {', '.join(map(repr, names))}.")
    return sorted(names, key=lambda name: -lengths[name])[:1]


def _words(column: pd.Series) -> float:
    values = [value for value in column.head(SAMPLE).tolist() if isinstance(value, str)]
    return float(np.mean([len(value.split()) for value in values])) if values else 0.0


def joined(cells: pd.DataFrame, columns: list[str]) -> list[str]:
    """The texts of each row, below one another."""
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
    say = f"Each text is a case of its own: {len(texts):,} of them, {number(float(np.median(sizes)), ',.0f')} characters long at the median."
    return Facts(title="A text is a case", say=say, facts=facts)


def _found(texts: list[str], empty: int) -> Note:
    """Markup, wrong decoding, signs that cannot be printed, huge texts: how many texts have them, and what becomes of them."""
    step = max(1, len(texts) // SAMPLE)
    sampled = sorted(texts)[::step]
    lines = []
    tagged = sum(TAG.search(text) is not None for text in texts)
    if tagged:
        lines.append(f"{counted(tagged, 'text')} with markup, such as <br />: the recipe takes it out.")
    bad = sum(ftfy.badness.is_bad(text) for text in sampled)
    if bad:
        share = number(bad / len(sampled), ".1%")
        lines.append(f"{share} of the texts look wrongly decoded (Ã© for é); the recipe mends what can be mended.")
    replaced = sum("\N{REPLACEMENT CHARACTER}" in text for text in texts)
    if replaced:
        lines.append(f"{counted(replaced, 'text')} with the sign that stands for lost ones: what was lost cannot be had back.")
    control = sum(any(ord(sign) < 32 and sign not in "\t\r\n" for sign in text) for text in texts)
    if control:
        lines.append(f"{counted(control, 'text')} with signs that cannot be printed: no model counts them.")
    huge = sum(len(text) > LONG for text in texts)
    if huge:
        lines.append(f"{counted(huge, 'text')} longer than {LONG:,} characters: read so far and no further.")
    if empty:
        lines.append(f"{counted(empty, 'row')} without any text: set aside.")
    if not lines:
        return Note(title="The texts are clean.", say="No markup, no wrong decoding, none empty, none huge.", tone="good")
    return Note(
        title="What was found in the texts",
        say="Rows stay as they were written; the recipe says what is mended.",
        lines=lines,
        tone="look",
    )


def near_duplicate_groups(cells: pd.DataFrame, request: "Request") -> Any:
    """A name for each row, the same for texts that are alike in nearly all their words."""
    return alike(joined(cells, prose(cells, request)))

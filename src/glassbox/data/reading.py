"""How the cells of a table are read: words for missing values, the decimal mark, and the order of day and month.

Each is chosen once, from the whole table and the request, and then holds for every stage and for the service.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import pyarrow.compute as pc

from glassbox.data.value_parsing import (
    AMBIGUOUS_FORMATS,
    DATE_FORMATS,
    MISSING_WORDS,
    NUMERIC_FORMATS,
    PLACEHOLDERS,
    Decimal_,
    clean,
    read_date,
    read_number,
)
from glassbox.errors import DataError

if TYPE_CHECKING:
    from glassbox.request.model import Request

Counts = Mapping[str | None, int]  # cleaned text -> number of rows; the key None counts missing values
_SAMPLE = 200  # distinct values that every date format is tried on
_COMMA = r"[0-9],[0-9]"
_SLASHED = re.compile(r"[0-9]{1,2}[/-][0-9]{1,2}[/-][0-9]{2,4}\b.*")


@dataclass(frozen=True)
class Reading:
    """The decimal mark of the table, and whether dates such as 01/02/2020 have the day first (None: not known).

    `time_format` is the format that the timestamps of a forecast are written in, and so may be sent in to a service.
    """

    decimal: Decimal_ = "."
    dayfirst: bool | None = None
    time_format: str | None = None


DEFAULT = Reading()


class DateFormat(NamedTuple):
    """The format that most values of a column are written in.

    `share` is the share of the values that it reads; `ambiguous` is true when day and month can be swapped in all of them, and
    nothing shows which reading is right.
    """

    form: str | None
    share: float = 0.0
    ambiguous: bool = False


def missing_words(request: "Request", column: str | None) -> Collection[str]:
    """Return the words that mean a missing value in a column, besides blank cells.

    In the target of a classifier, in the columns that name a series, a group or a part, and in the id, every word is a value unless
    the request lists it in `data.missing`.
    """
    if request.data.missing is not None:
        return frozenset(request.data.missing)
    split = request.split.column if request.split.by in ("group", "column") else None
    names = {request.data.id, split, *(request.data.series or []), *request.task_spec.unit[:1]}
    if request.task_spec.target == "classes":
        names.add(request.data.target)
    return () if column in names else MISSING_WORDS


# ---------------------------------------------------------------------------------------------------------- numbers


def decimal_of(values: Iterable[str]) -> Decimal_ | None:
    """Return the decimal mark if the values determine it: ``1,5`` does, ``1,500`` does not."""
    point = comma = 0
    for text in values:
        if "," in text or "." in text:
            with_point, with_comma = read_number(text, "."), read_number(text, ",")
            point += with_point is not None and with_comma is None
            comma += with_comma is not None and with_point is None
    return None if point == comma else "." if point > comma else ","


def choose_reading(cells: pd.DataFrame, separators: Collection[str], request: "Request") -> tuple[Reading, list[str]]:
    """Choose how to read a table, with a note on each choice that the values alone do not determine.

    Parameters
    ----------
    cells : DataFrame
        Text cells.
    separators : collection of str
        The separators of the files, where they have one: a file with semicolons usually has decimal commas.
    """
    commas = {name: _texts(cells[name], _COMMA) for name in cells.columns}
    slashed = {name: _texts(cells[name], r"^\s*[0-9]{1,2}[/-][0-9]{1,2}[/-][0-9]{2,4}") for name in cells.columns}
    dotted = any(_texts(cells[name], r"^\s*[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{2,4}") for name in cells.columns)
    notes: list[str] = []
    decimal = request.data.decimal or _decimal(commas, ";" in separators, dotted, notes)
    dayfirst = None if request.data.dates is None else request.data.dates == "dayfirst"
    if dayfirst is None:
        orders = {order for texts in slashed.values() if (order := _order_of(texts)) is not None}
        dayfirst = orders.pop() if len(orders) == 1 else True if not orders and (dotted or decimal == ",") else None
    return Reading(decimal, dayfirst), notes


def _texts(column: pd.Series, pattern: str) -> list[str]:
    """Return the distinct cells of a column that match a pattern."""
    array = column.array.__arrow_array__()
    matching = array.filter(pc.fill_null(pc.match_substring_regex(array, pattern), False))
    return sorted(text.strip() for text in pc.unique(matching).to_pylist())


def _decimal(commas: Mapping[str, list[str]], semicolons: bool, dotted: bool, notes: list[str]) -> Decimal_:
    numeric = {name: [text for text in texts if read_number(text, ",")] for name, texts in commas.items()}
    numeric = {name: texts for name, texts in numeric.items() if texts}
    if not numeric:
        return "."
    marks = [decimal_of(texts) for texts in numeric.values()]
    if marks.count(",") != marks.count("."):
        return "," if marks.count(",") > marks.count(".") else "."
    reason = "the cells are separated by semicolons" if semicolons else "dates are written with dots" if dotted else ""
    name, texts = next(iter(numeric.items()))
    example = texts[0]
    chosen: Decimal_ = "," if reason else "."
    value = read_number(example, chosen)
    number = "" if value is None else f" ({value.value:,.10g})"
    because = f"because {reason}" if reason else "because nothing in the file indicates a decimal comma"
    notes.append(
        f"{name}: {example!r} is read with a decimal {'comma' if chosen == ',' else 'point'}{number}, {because}. "
        "Set data.decimal to read it the other way."
    )
    return chosen


# ------------------------------------------------------------------------------------------------------------ dates


def _order_of(texts: Iterable[str]) -> bool | None:
    """Return whether dates have the day first, if the values determine it: ``31/12/2020`` does, ``01/02/2020`` does not."""
    for month_first, day_first in AMBIGUOUS_FORMATS.items():
        sample = [text for text in texts if _SLASHED.fullmatch(text)]
        month = sum(read_date(text, month_first) is not None for text in sample)
        day = sum(read_date(text, day_first) is not None for text in sample)
        if max(month, day) >= 0.99 * len(sample) > 0 and month != day:
            return day > month
    return None


def date_format(values: Mapping[str, int], reading: Reading = DEFAULT, formats: Iterable[str] = DATE_FORMATS) -> DateFormat:
    """Return the format that reads the most rows, the first of several in the order of `formats`.

    Examples
    --------
    >>> date_format({"31/12/2020": 1}).form, date_format({"01/02/2020": 1}), date_format({"01/02/2020": 1}, Reading(dayfirst=True)).form
    ('%d/%m/%Y', DateFormat(form='%m/%d/%Y', share=1.0, ambiguous=True), '%d/%m/%Y')
    """
    relevant = {text: n for text, n in values.items() if text not in PLACEHOLDERS}
    total = sum(relevant.values())
    if not total:
        return DateFormat(None)
    ordered = sorted(relevant)  # so that the order of rows does not matter
    sample = ordered[:: max(1, len(ordered) // _SAMPLE)]
    likely = [form for form in formats if 2 * sum(read_date(text, form) is not None for text in sample) >= len(sample)]
    shares = {form: sum(n for text, n in relevant.items() if read_date(text, form) is not None) / total for form in likely}
    best = max(likely, key=lambda form: shares[form], default=None)
    if best is None:
        return DateFormat(None)
    swapped = AMBIGUOUS_FORMATS.get(best)
    if swapped is None or shares.get(swapped, 0.0) < shares[best]:
        return DateFormat(best, shares[best])
    if reading.dayfirst is not None:
        return DateFormat(swapped if reading.dayfirst else best, shares[best])
    differ = any(read_date(text, best) != read_date(text, swapped) for text in relevant)
    return DateFormat(best, shares[best], ambiguous=differ)


class AmbiguousDatesError(DataError):
    """A column of dates in which day and month can be swapped; `column` and `example` name it and one of its dates."""

    def __init__(self, column: str, values: Iterable[str]) -> None:
        self.column = column
        self.example = next((text for text in sorted(values) if _SLASHED.fullmatch(text)), "01/02/2020")
        super().__init__(
            f"data.dates: {column!r} has dates such as {self.example!r}, in which the month or the day may be first, and nothing in "
            "the file shows which; expected dayfirst or monthfirst."
        )


def time_formats(values: Collection[str]) -> tuple[str, ...]:
    """Return the formats to try on a column that is known to hold dates, also those that are numbers: years, months, seconds."""
    return (*NUMERIC_FORMATS, *DATE_FORMATS) if all(text.isdigit() for text in values) else DATE_FORMATS


def counted_texts(values: Iterable[Any], counts: Iterable[int], missing: Collection[str]) -> dict[str | None, int]:
    """Return the number of rows of each cleaned text; the key None counts missing values."""
    counted: dict[str | None, int] = {}
    for value, n in zip(values, counts, strict=True):
        text = clean(value, missing)
        counted[text] = counted.get(text, 0) + int(n)
    return counted

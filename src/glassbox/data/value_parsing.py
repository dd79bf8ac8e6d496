"""Parsing of single cells: values as text, missing values, numbers and dates."""

import json
import math
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

Writing = Literal["plain", "text", "money", "percent"]
Decimal_ = Literal[".", ","]
PICTURE = "data:image/"  # the beginning of a picture cell

# Missing values as pandas, R and spreadsheets write them, and the question mark of older data sets.
MISSING_WORDS = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "1.#IND", "1.#QNAN", "<NA>", "N/A", "n/a", "NA"}
    | {"NULL", "null", "NaN", "nan", "-NaN", "-nan", "NaT", "None", "?"}
)
# Missing only where numbers or dates are expected; elsewhere these may be categories.
PLACEHOLDERS = frozenset({"-", "--", ".", "\u2013", "\u2014"})
TRUE_FALSE = (("yes", "no"), ("true", "false"), ("y", "n"), ("t", "f"), ("on", "off"), ("1", "0"), ("1.0", "0.0"))
TRUE_WORDS = frozenset(pair[0] for pair in TRUE_FALSE)
FALSE_WORDS = frozenset(pair[1] for pair in TRUE_FALSE)

_CURRENCY = r"(?:US\$|R\$|[$€£¥₹₽₩₺₪฿]|USD|EUR|GBP|CHF|JPY|INR|CAD|AUD|NZD|CNY|SEK|NOK|DKK|PLN|BRL|MXN|ZAR|kr|zł)"
_WRITTEN = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[-+\u2212]?)\s*(?P<money>{_CURRENCY})?\s*(?P<inner>[-+\u2212]?)"
    rf"(?P<body>[0-9.,](?:[0-9.,'\u2019 \u00a0\u202f]*[0-9.,])?(?:[eE][-+]?[0-9]+)?)"
    rf"\s*(?P<after>%|{_CURRENCY})?\s*(?P<close>\))?",
)
_PLAIN = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_GROUPED = {
    ".": re.compile(
        r"(?:[1-9][0-9]{0,2}(?P<sep>[,'\u2019 \u00a0\u202f])[0-9]{3}(?:(?P=sep)[0-9]{3})*"
        r"|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3})(?:\.[0-9]*)?"  # lakhs and crores
    ),
    ",": re.compile(r"(?:[1-9][0-9]{0,2}(?P<sep>[.'\u2019 \u00a0\u202f])[0-9]{3}(?:(?P=sep)[0-9]{3})*)(?:,[0-9]*)?"),
}
_PLAIN_COMMA = re.compile(r"(?:[0-9]+,?[0-9]*|,[0-9]+)(?:[eE][-+]?[0-9]+)?")
_SEPARATORS = re.compile(r"[,.'\u2019 \u00a0\u202f]")
_INFINITY = re.compile(r"[-+]?inf(?:inity)?", re.IGNORECASE)
_CODE = re.compile(r"0[0-9]+")


class Number(NamedTuple):
    """A parsed number with its notation; infinite when it exceeds the range of a float."""

    value: float
    writing: Writing


def to_text(value: Any) -> str | None:
    """Convert a scalar to text, the same for a CSV cell, a Parquet value and a JSON value; missing values are None.

    Examples
    --------
    >>> to_text(5.0), to_text(0.1), to_text(True), to_text(float("nan")), to_text(date(2020, 1, 2))
    ('5', '0.1', 'True', None, '2020-01-02')
    """
    if isinstance(value, str):
        return value
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, np.generic):
        value = pd.Timestamp(value).to_pydatetime() if isinstance(value, np.datetime64) else value.item()
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, float):
        return None if math.isnan(value) else str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, datetime):
        at_midnight = value.time() == datetime.min.time() and value.tzinfo is None
        return value.date().isoformat() if at_midnight else value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return None if value.is_nan() else format(value, "f") if value.is_finite() else str(value)
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
    return value.hex() if isinstance(value, bytes) else str(value)


def clean(text: str | None) -> str | None:
    """Strip surrounding white space; return None for blanks and for words that mean a missing value.

    >>> clean("  a "), clean(" "), clean("N/A")
    ('a', None, None)
    """
    if text is None:
        return None
    text = text.strip()
    return None if text in MISSING_WORDS else text


def is_code(text: str) -> bool:
    """Return whether a text is a code with leading zeros, such as a postcode, rather than a number.

    >>> is_code("02134"), is_code("0"), is_code("0.5")
    (True, False, False)
    """
    return _CODE.fullmatch(text) is not None


def read_number(text: str, decimal: Decimal_ = ".") -> Number | None:
    """Parse a number and its notation; return None for any other text.

    Percentages are read as percentage points, so that "12 %" and "12" agree.

    Parameters
    ----------
    text : str
        Without surrounding white space.
    decimal : {".", ","}
        The decimal mark; the other one may group thousands, as may a space or an apostrophe.

    Examples
    --------
    >>> read_number("$1,000.50").value, read_number("1.234,5", ",").value, read_number("(12 %)")
    (1000.5, 1234.5, Number(value=-12.0, writing='percent'))
    >>> read_number("1e999").value, read_number("1_000") is None
    (inf, True)
    """
    if decimal == "." and _PLAIN.fullmatch(text):
        return Number(float(text), "plain")
    if _INFINITY.fullmatch(text):
        return Number(-math.inf if text.startswith("-") else math.inf, "plain")
    match = _WRITTEN.fullmatch(text)
    if match is None or bool(match["open"]) != bool(match["close"]) or (match["sign"] and match["inner"]):
        return None
    if match["money"] and match["after"]:
        return None
    value = _read_body(match["body"], decimal)
    if value is None:
        return None
    negative = (match["sign"] or match["inner"]) in {"-", "\u2212"}
    money = bool(match["money"]) or (match["after"] or "%") != "%"
    writing: Writing = "money" if money else "percent" if match["after"] else "plain" if match["body"].isdigit() else "text"
    return Number(-value if negative != bool(match["open"]) else value, writing)


def _read_body(body: str, decimal: Decimal_) -> float | None:
    plain = _PLAIN if decimal == "." else _PLAIN_COMMA
    if plain.fullmatch(body):
        return float(body.replace(",", "."))
    match = _GROUPED[decimal].fullmatch(body)
    if match is None:
        return None
    whole, _, fraction = body.partition(decimal)
    return float(f"{_SEPARATORS.sub('', whole)}.{fraction}")


# In order of preference when values match several formats: with a slash, the month comes first.
DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%y",
    "%d-%b-%y",
    "%d-%b-%Y",
    "%d %b %Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%b %d %Y",
    "%B %d %Y",
    "%Y-%m",
    "%b %Y",
    "%B %Y",
)
ISO = "%Y-%m-%d"
_MONTHS = ["January", "February", "March", "April", "May", "June"]
_MONTHS += ["July", "August", "September", "October", "November", "December"]
_MONTH_OF = {name.lower()[:size]: i + 1 for i, name in enumerate(_MONTHS) for size in (3, len(name))}
_TOKENS = {
    "%Y": r"(?P<Y>[0-9]{4})",
    "%y": r"(?P<y>[0-9]{2})",
    "%m": r"(?P<m>[0-9]{1,2})",
    "%d": r"(?P<d>[0-9]{1,2})",
    "%b": f"(?P<b>{'|'.join(name[:3] for name in _MONTHS)})",
    "%B": f"(?P<b>{'|'.join(_MONTHS)})",
}
_TIME = (
    r"(?:[T ]\s*(?P<H>[0-9]{1,2}):(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:[.,](?P<f>[0-9]{1,9}))?)?"
    r"\s*(?P<p>[AaPp]\.?[Mm]\.?)?\s*(?P<z>Z|UTC|[-+][0-9]{2}:?[0-9]{2})?)?"
)


@cache
def _date_pattern(form: str) -> re.Pattern[str]:
    source = re.escape(form).replace(r"\ ", r"\s+")
    for token, pattern in _TOKENS.items():
        source = source.replace(re.escape(token), pattern)
    if form == "%Y%m%d":
        source = r"(?P<Y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})"
    return re.compile(source + _TIME, re.IGNORECASE | re.ASCII)


def read_date(text: str, form: str = ISO) -> datetime | None:
    """Parse a date in the format `form`, with or without a time of day; return None for any other text.

    Years from 1 to 9999 are accepted. Years of two digits are 1969 to 2068, as in POSIX. Times with an offset are converted to
    UTC, so that all values of a column can be compared.

    Examples
    --------
    >>> read_date("28-Feb-97", "%d-%b-%y"), read_date("1512-03-04"), read_date("31/02/2020", "%d/%m/%Y") is None
    (datetime.datetime(1997, 2, 28, 0, 0), datetime.datetime(1512, 3, 4, 0, 0), True)
    >>> read_date("2020-01-02T03:04:05+01:00")
    datetime.datetime(2020, 1, 2, 2, 4, 5)
    """
    match = _date_pattern(form).fullmatch(text)
    if match is None:
        return None
    part = match.groupdict()
    month = _MONTH_OF[part["b"].lower()] if part.get("b") else int(part["m"])
    short = int(part.get("y") or 0)
    year = short + (1900 if short >= 69 else 2000) if part.get("y") else int(part["Y"])
    try:
        return datetime(year, month, int(part.get("d") or 1)) + _time_of(part)
    except (ValueError, OverflowError):
        return None


def _time_of(part: dict[str, str | None]) -> timedelta:
    """Return the time of day of a match minus its offset from UTC; raise ValueError for an invalid time."""
    hour, minute, second = (int(part[key] or 0) for key in "HMS")
    half = (part["p"] or "").lower().replace(".", "")
    if (half and not 1 <= hour <= 12) or hour > 23 or minute > 59 or second > 60:
        raise ValueError("invalid time of day")
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    zone = part["z"] or ""
    offset = timedelta(0)
    if zone[:1] in {"+", "-"}:
        digits = zone[1:].replace(":", "")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:])) * (-1 if zone[0] == "-" else 1)
    microseconds = int((part["f"] or "0").ljust(6, "0")[:6])
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=microseconds) - offset


def canonical(text: str | None) -> str:
    """Normalise a text so that equal values have equal texts, independently of a schema. Used to find duplicate rows.

    Numbers are equal when their values are equal; all missing values are equal.

    >>> canonical(" 1.50"), canonical("$1.5 "), canonical("N/A"), canonical(" a ")
    ('1.5', '1.5', '', 'a')
    """
    text = clean(text)
    if text is None:
        return ""
    if text[0] in _NUMBER_START or text[-1].isdigit():
        number = read_number(text)
        if number is not None:
            return to_text(number.value + 0.0) or ""  # -0.0 is 0.0
    return text


_NUMBER_START = frozenset("0123456789+-\u2212.($€£¥₹₽₩₺₪฿")


def date_reader(form: str | None) -> Callable[[str], datetime | None]:
    """Return a parser for a date column: in the column's format, or else ISO 8601, which is unambiguous."""

    def read(text: str) -> datetime | None:
        parsed = read_date(text, form) if form else None
        return read_date(text, ISO) if parsed is None and form != ISO else parsed

    return read

"""Parsing of single cells: values as text, missing values, numbers and dates."""

import json
import math
import re
from collections.abc import Callable, Collection, Container
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


def clean(value: Any, missing: Container[str] = MISSING_WORDS) -> str | None:
    """Return a scalar as text without surrounding white space; None for blanks, nulls and words that mean a missing value.

    >>> clean("  a "), clean(" "), clean("N/A"), clean("N/A", missing=()), clean(math.nan), clean(5.0)
    ('a', None, None, 'N/A', None, '5')
    """
    text = value if isinstance(value, str) else to_text(value)
    if text is None:
        return None
    text = text.strip()
    return None if not text or text in missing else text


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
    "%Y/%m",
    "%m/%Y",
    "%b %Y",
    "%B %Y",
    "%b-%Y",
    "%b-%y",
    "%Y-%b",
    "%YQ%q",
    "%Y-Q%q",
    "%Y Q%q",
    "Q%q %Y",
    "Q%q-%Y",
    "Q%q/%Y",
    "%G-W%V",
    "%GW%V",
    "%G-W%V-%u",
)
# Numbers that are dates where a column is known to hold them, as the time column of a forecast.
NUMERIC_FORMATS = ("%Y", "%Y%m", "%s", "%s ms")
# Pairs of formats that read the same text as different days; the first is month first.
AMBIGUOUS_FORMATS = {
    "%m/%d/%Y": "%d/%m/%Y",
    "%m-%d-%Y": "%d-%m-%Y",
    "%m/%d/%y": "%d/%m/%y",
}
ISO = "%Y-%m-%d"
_MONTHS = ["January", "February", "March", "April", "May", "June"]
_MONTHS += ["July", "August", "September", "October", "November", "December"]
_MONTH_OF = {name.lower()[:size]: i + 1 for i, name in enumerate(_MONTHS) for size in (3, len(name))}
# Hours ahead of UTC. Abbreviations that several countries use for different zones (IST, CST of China) are not read.
_ZONES = {
    "z": 0,
    "utc": 0,
    "gmt": 0,
    "wet": 0,
    "west": 1,
    "bst": 1,
    "cet": 1,
    "mez": 1,
    "cest": 2,
    "mesz": 2,
    "eet": 2,
    "eest": 3,
}
_ZONES |= {"msk": 3, "jst": 9, "aest": 10, "aedt": 11, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6}
_ZONES |= {"pst": -8, "pdt": -7, "akst": -9, "akdt": -8, "hst": -10}
_TOKENS = {
    "%Y": r"(?P<Y>[0-9]{4})",
    "%G": r"(?P<G>[0-9]{4})",
    "%y": r"(?P<y>[0-9]{2})",
    "%m": r"(?P<m>[0-9]{1,2})",
    "%d": r"(?P<d>[0-9]{1,2})",
    "%q": r"(?P<q>[1-4])",
    "%V": r"(?P<V>[0-9]{1,2})",
    "%u": r"(?P<u>[1-7])",
    "%b": f"(?P<b>{'|'.join(name[:3] for name in _MONTHS)})",
    "%B": f"(?P<b>{'|'.join(_MONTHS)})",
}
_TIME = (
    r"(?:[T ]\s*(?P<H>[0-9]{1,2}):(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:[.,](?P<f>[0-9]{1,9}))?)?"
    r"\s*(?P<p>[AaPp]\.?[Mm]\.?)?\s*(?P<z>(?:UTC|GMT)?[-+][0-9]{2}(?::?[0-9]{2})?|"
    + "|".join(sorted(_ZONES, key=len, reverse=True))
    + r")?)?"
)
_DIGITS = {"%Y%m%d": r"(?P<Y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})", "%Y%m": r"(?P<Y>[0-9]{4})(?P<m>0[1-9]|1[0-2])"}
_UNIX = {"%s": (re.compile(r"[0-9]{9,10}"), 1), "%s ms": (re.compile(r"[0-9]{12,13}"), 1000)}


@cache
def _date_pattern(form: str) -> re.Pattern[str]:
    source = re.escape(form).replace(r"\ ", r"\s+")
    for token, pattern in _TOKENS.items():
        source = source.replace(re.escape(token), pattern)
    source = _DIGITS.get(form, source)
    return re.compile(source + _TIME, re.IGNORECASE | re.ASCII)


def read_date(text: str, form: str = ISO) -> datetime | None:
    """Parse a date in the format `form`, with or without a time of day; return None for any other text.

    Years from 1 to 9999 are accepted. Years of two digits are 1969 to 2068, as in POSIX. Times with an offset are converted to
    UTC, so that all values of a column can be compared.

    Examples
    --------
    >>> read_date("28-Feb-97", "%d-%b-%y"), read_date("1512-03-04"), read_date("31/02/2020", "%d/%m/%Y") is None
    (datetime.datetime(1997, 2, 28, 0, 0), datetime.datetime(1512, 3, 4, 0, 0), True)
    >>> read_date("2020-01-02T03:04:05+01:00"), read_date("2020-01-02 03:04 CET")
    (datetime.datetime(2020, 1, 2, 2, 4, 5), datetime.datetime(2020, 1, 2, 2, 4))
    >>> read_date("2010Q2", "%YQ%q"), read_date("2020-W01", "%G-W%V"), read_date("1577836800", "%s")
    (datetime.datetime(2010, 4, 1, 0, 0), datetime.datetime(2019, 12, 30, 0, 0), datetime.datetime(2020, 1, 1, 0, 0))
    """
    if form in _UNIX:
        pattern, per_second = _UNIX[form]
        return datetime(1970, 1, 1) + timedelta(seconds=int(text) / per_second) if pattern.fullmatch(text) else None
    match = _date_pattern(form).fullmatch(text)
    if match is None:
        return None
    part = match.groupdict()
    try:
        return _day_of(part) + _time_of(part)
    except (ValueError, OverflowError):
        return None


def _day_of(part: dict[str, str | None]) -> datetime:
    """Return the day of a match; raise ValueError for one that does not exist."""
    if part.get("G"):  # weeks begin on Monday (ISO 8601)
        return datetime.fromisocalendar(int(part["G"] or 0), int(part["V"] or 0), int(part.get("u") or 1))
    month = _MONTH_OF[str(part["b"]).lower()] if part.get("b") else int(part.get("m") or 1)
    month = 3 * int(part["q"] or 0) - 2 if part.get("q") else month
    short = int(part.get("y") or 0)
    year = short + (1900 if short >= 69 else 2000) if part.get("y") else int(part["Y"] or 0)
    return datetime(year, month, int(part.get("d") or 1))


def write_date(date: datetime, form: str = ISO) -> str:
    """Write a date in the format `form`, without its time of day: the inverse of `read_date`.

    >>> write_date(datetime(2010, 4, 1), "%YQ%q"), write_date(datetime(2020, 1, 1), "%s")
    ('2010Q2', '1577836800')
    """
    if form in _UNIX:
        return str(int((date - datetime(1970, 1, 1)).total_seconds() * _UNIX[form][1]))
    return date.strftime(form.replace("%q", str((date.month + 2) // 3)))


def _time_of(part: dict[str, str | None]) -> timedelta:
    """Return the time of day of a match minus its offset from UTC; raise ValueError for an invalid time."""
    hour, minute, second = (int(part[key] or 0) for key in "HMS")
    half = (part["p"] or "").lower().replace(".", "")
    if (half and not 1 <= hour <= 12) or hour > 23 or minute > 59 or second > 60:
        raise ValueError("invalid time of day")
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    zone = (part["z"] or "").lower()
    offset = timedelta(hours=_ZONES.get(zone, 0))
    if zone not in _ZONES and zone:
        sign, digits = zone.removeprefix("utc").removeprefix("gmt")[0], re.sub(r"[^0-9]", "", zone)
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0)) * (-1 if sign == "-" else 1)
    microseconds = int((part["f"] or "0").ljust(6, "0")[:6])
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=microseconds) - offset


def canonical(value: Any, missing: Container[str] = MISSING_WORDS, decimal: Decimal_ = ".") -> str:
    """Normalise a value so that equal values have equal texts, independently of a schema. Used to find duplicate rows.

    Numbers are equal when their values are equal; all missing values are equal.

    >>> canonical(" 1.50"), canonical("$1.5 "), canonical("N/A"), canonical(" a "), canonical("1,5", decimal=",")
    ('1.5', '1.5', '', 'a', '1.5')
    """
    text = clean(value, missing)
    if text is None:
        return ""
    if text[0] in _NUMBER_START or text[-1].isdigit():
        number = read_number(text, decimal)
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


def matching_label(named: str, labels: Collection[str]) -> str | None:
    """Return the label that a request names, in any writing that YAML has for it; None when there is no single one.

    >>> matching_label("true", ["False", "True"]), matching_label("1.0", ["0", "1"]), matching_label("yes", ["Yes", "YES"])
    ('True', '1', None)
    """
    if named in labels:
        return named
    same = [label for label in labels if canonical(label, ()) == canonical(named, ())]
    similar = [label for label in labels if canonical(label, ()).casefold() == canonical(named, ()).casefold()]
    return same[0] if len(same) == 1 else similar[0] if len(similar) == 1 else None

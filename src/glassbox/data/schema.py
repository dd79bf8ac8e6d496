"""The schema of a table: inferred once, on train, and enforced on all later data, including requests to a service."""

import difflib
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from glassbox.data import value_parsing
from glassbox.data.reading import (
    AmbiguousDatesError,
    Counts,
    Reading,
    counted_texts,
    date_format,
    decimal_of,
    missing_words,
    time_formats,
)
from glassbox.data.value_parsing import MISSING_WORDS, Decimal_, Writing

if TYPE_CHECKING:
    from glassbox.request.model import Request

Kind = Literal["number", "boolean", "category", "date", "text", "identifier", "constant", "empty", "picture"]

MIN_READABLE_SHARE = 0.99  # of a column's values are readable as numbers (dates), the rest are errors
MAX_WORDS = 10  # different words, such as *unknown* and *n.d.*, among the numbers (dates) of a column
MIN_DISTINCT_VALUES = 20  # different numbers (dates) beside which words are not categories
NEARLY_UNIQUE = 0.98
MOSTLY_DISTINCT = 0.5
FEW_ROWS = 50  # with fewer rows, the share of distinct values is no evidence of a column's kind
MAX_CATEGORIES = 1000  # with more, a column's categories are not listed in the schema
MIN_WORDS_OF_TEXT = 4  # on average, for values to be text rather than categories
_WRITTEN_FORMATS = tuple(form for form in value_parsing.DATE_FORMATS if form != "%Y%m%d")
_ID_NAME = re.compile(r"id|ids|uid|uuid|guid|key|nr|no|num|number|code|index|idx|row|serial|ssn|isbn|ean")


class ColumnSchema(BaseModel):
    """The schema of one column.

    `missing` is the share of missing values in train; `low` and `high` (`low_date` and `high_date`, as ISO 8601) are the range
    in train; `categories` are those of train, sorted, unless there are more than `MAX_CATEGORIES`. `decimal` is the decimal
    mark of numbers that are written as text. `whole` is true when all numbers are whole. `missing_words` mean a missing value; by default, the
    usual ones do. Percentages are in percentage points.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    kind: Kind
    written_as: Writing = "plain"
    decimal: Decimal_ = "."
    whole: bool = False
    missing_words: list[str] | None = None
    missing: float = 0.0
    distinct: int = 0
    low: float | None = None
    high: float | None = None
    categories: list[str] | None = None
    date_format: str | None = None
    with_time: bool = False
    low_date: str | None = None
    high_date: str | None = None
    range_of: Literal["training data", "forecast"] = "training data"  # the period that the range of dates covers


class Schema(BaseModel):
    """The columns of a table, and the roles of target, id and split column."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: list[ColumnSchema]
    target: str | None = None
    target_kind: Literal["classes", "number"] | None = None
    classes: list[str] | None = None
    id: str | None = None
    excluded: list[str] = []  # columns that define the split or are not used by the model
    optional: list[str] = []  # columns that a request to a service may omit

    @property
    def features(self) -> list[ColumnSchema]:
        """The columns that a model may use."""
        hidden = {self.target, self.id, *self.excluded}
        return [column for column in self.columns if column.name not in hidden]

    def column(self, name: str) -> ColumnSchema:
        """Return the column with this name.

        Raises
        ------
        KeyError
            When no column has this name; the message suggests the nearest one.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"no column {name!r} in the schema{_perhaps(name, [c.name for c in self.columns])}")


@dataclass(frozen=True)
class FieldProblem:
    """A value that does not fit the schema: its row in the frame (-1: the whole frame), its field, the value and what was expected."""

    row: int
    field: str
    found: str
    expected: str


@dataclass(frozen=True)
class Conformed:
    """A frame in the schema's types, with problems (values that did not fit, now missing) and warnings (categories unseen in train)."""

    frame: pd.DataFrame
    problems: list[FieldProblem] = field(default_factory=list)
    warnings: list[FieldProblem] = field(default_factory=list)


# ---------------------------------------------------------------------------------------------------------- conform


def conform(frame: pd.DataFrame, schema: Schema, *, require_all: bool = True, pictures_read: bool = False) -> Conformed:
    """Convert a frame of text cells, JSON values or typed columns to the schema's types.

    Parameters
    ----------
    frame : DataFrame
        Any column types. A column `row_id` is passed through unchanged, as the first column.
    schema : Schema
        The schema inferred on train by `infer_schema`.
    require_all : bool
        Whether every feature is required. The target and the id never are.
    pictures_read : bool
        Whether every picture that is a data URI has already been decoded, so that it is not decoded again.

    Returns
    -------
    Conformed
        Its frame has those columns of the schema that `frame` has, in the schema's order: numbers as float64 (missing: NaN),
        dates as datetime64[us] in UTC (missing: NaT), pictures as data URIs, everything else as text (missing: None). Values that
        do not fit become missing and are listed in `problems`; categories unseen in train are preserved and listed in `warnings`.

    Examples
    --------
    >>> schema = Schema(columns=[ColumnSchema(name="paid", kind="number", written_as="money")])
    >>> conform(pd.DataFrame({"paid": ["$1,000.00", "much"]}), schema).problems
    [FieldProblem(row=1, field='paid', found="'much'", expected='a number')]
    """
    known = {column.name: column for column in schema.columns}
    features = {column.name for column in schema.features}
    problems = [
        FieldProblem(-1, str(name), "a field that is not in the schema", f"a field of the schema{_perhaps(str(name), known)}")
        for name in frame.columns
        if name not in known and name != "row_id"
    ]
    warnings: list[FieldProblem] = []
    typed: dict[str, Any] = {"row_id": frame["row_id"].to_numpy()} if "row_id" in frame and "row_id" not in known else {}
    for name, column in known.items():
        if name in frame:
            values, bad, unseen = _conform_column(frame[name], column, pictures_read)
            typed[name] = values
            problems += bad
            warnings += unseen
        elif require_all and name in features:
            problems.append(FieldProblem(-1, name, "nothing", f"a field {name!r}"))
    return Conformed(pd.DataFrame(typed, index=frame.index), problems, warnings)


def _conform_column(
    series: pd.Series, column: ColumnSchema, pictures_read: bool = False
) -> tuple[Any, list[FieldProblem], list[FieldProblem]]:
    """Return the typed values of one column, its problems and its warnings."""
    if column.kind == "number" and pd.api.types.is_float_dtype(series.dtype) and isinstance(series.dtype, np.dtype):
        numbers = series.to_numpy(dtype="float64", copy=True)
        infinite = np.flatnonzero(np.isinf(numbers))
        numbers[infinite] = np.nan
        return numbers, [FieldProblem(int(i), column.name, repr(float(series.iloc[i])), _FINITE) for i in infinite], []
    if column.kind == "date" and isinstance(series.dtype, np.dtype) and series.dtype.kind == "M":
        return series.to_numpy().astype("datetime64[us]"), [], []
    codes, values = distinct(series)
    read = _picture_reader(pictures_read) if column.kind == "picture" else _READERS.get(column.kind, _text_reader)(column)
    results = [read(value) for value in values]
    typed = _array_of(column.kind, [result.value for result in results])[codes]
    shown = {i: result.found or clip(repr(values[i])) for i, result in enumerate(results) if result.problem or result.warning}
    problems = _located(column.name, codes, shown, [result.problem for result in results])
    warnings = _located(column.name, codes, shown, [result.warning for result in results])
    return typed, problems, warnings


@dataclass(frozen=True)
class _Read:
    value: Any = None
    problem: str = ""  # what was expected instead
    warning: str = ""
    found: str = ""  # a description, when the value itself should not be shown


_FINITE = "a finite number in the range of a float"


def _missing_words(column: ColumnSchema) -> Collection[str]:
    return value_parsing.MISSING_WORDS if column.missing_words is None else frozenset(column.missing_words)


def _number_reader(column: ColumnSchema) -> Callable[[Any], _Read]:
    missing = _missing_words(column)

    def read(value: Any) -> _Read:
        if isinstance(value, (bool, np.bool_)):
            return _Read(float(value))
        if isinstance(value, (int, float, np.integer, np.floating)):
            parsed: float | None = _as_float(value)
        else:
            text = value_parsing.clean(value_parsing.to_text(value), missing)
            if text is None or text in value_parsing.PLACEHOLDERS:
                return _Read(math.nan)
            number = value_parsing.read_number(text, column.decimal)
            parsed = None if number is None else number.value
        if parsed is None:
            return _Read(math.nan, problem="a number")
        return _Read(math.nan, problem=_FINITE) if math.isinf(parsed) else _Read(parsed + 0.0)

    return read


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf


def _date_reader(column: ColumnSchema) -> Callable[[Any], _Read]:
    read_text = value_parsing.date_reader(column.date_format)
    missing = _missing_words(column)

    def read(value: Any) -> _Read:
        text = value_parsing.clean(value_parsing.to_text(value), missing)
        if text is None or text in value_parsing.PLACEHOLDERS:
            return _Read()
        parsed = read_text(text)
        return _Read(parsed, problem="" if parsed else f"a date such as {_example(column)!r}")

    return read


def _example(column: ColumnSchema) -> str:
    example = datetime.fromisoformat(column.high_date) if column.high_date else datetime(2020, 12, 31)
    return value_parsing.write_date(example, column.date_format or value_parsing.ISO)


def _category_reader(column: ColumnSchema) -> Callable[[Any], _Read]:
    categories, missing = set(column.categories or []), _missing_words(column)
    by_number = {
        n.value: c
        for c in reversed(column.categories or [])
        if (n := value_parsing.read_number(c)) and not value_parsing.is_code(c)
    }
    by_truth = (
        {c.lower() in value_parsing.TRUE_WORDS: c for c in categories}
        if column.kind == "boolean" and len(categories) == 2
        else {}
    )

    def read(value: Any) -> _Read:
        if by_truth and isinstance(value, (bool, np.bool_)):
            return _Read(by_truth[bool(value)])
        text = value_parsing.clean(value_parsing.to_text(value), missing)
        if text is None or text in categories or not column.categories:
            return _Read(text)
        if by_truth and text.lower() in value_parsing.TRUE_WORDS | value_parsing.FALSE_WORDS:
            return _Read(by_truth[text.lower() in value_parsing.TRUE_WORDS])
        number = value_parsing.read_number(text) if by_number else None
        if number is not None and number.value in by_number:
            return _Read(by_number[number.value])
        return _Read(text, warning="a category in train")

    return read


def _text_reader(column: ColumnSchema) -> Callable[[Any], _Read]:
    missing = _missing_words(column)
    return lambda value: _Read(value_parsing.clean(value_parsing.to_text(value), missing))


def _picture_reader(already_decoded: bool) -> Callable[[Any], _Read]:
    # No import statement: a served package contains every imported module, and only services for pictures need Pillow.
    pictures = import_module("glassbox.data.images.cells")

    def read(value: Any) -> _Read:
        text = value_parsing.clean(value_parsing.to_text(value))
        if text is None or (already_decoded and text.startswith(value_parsing.PICTURE)):
            return _Read(text)
        try:
            content = pictures.content_of(text)
            pictures.decoded(content)
        except pictures.PictureError as error:
            return _Read(problem=f"a picture ({pictures.FORMATS}) in base64", found=f"{error} ({len(text):,} characters)")
        return _Read(pictures.cell_of(content))

    return read


_READERS: dict[str, Callable[[ColumnSchema], Callable[[Any], _Read]]] = {
    "number": _number_reader,
    "date": _date_reader,
    "boolean": _category_reader,
    "category": _category_reader,
}


def _array_of(kind: str, values: list[Any]) -> Any:
    if kind == "number":
        return np.array(values, dtype="float64")
    if kind == "date":
        return np.array([np.datetime64("NaT") if value is None else value for value in values], dtype="datetime64[us]")
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _located(name: str, codes: Any, shown: Mapping[int, str], expected: Sequence[str]) -> list[FieldProblem]:
    """Make one problem for each row whose distinct value has an entry in `expected`."""
    wrong = [i for i, text in enumerate(expected) if text]
    if not wrong:
        return []
    rows = np.flatnonzero(np.isin(codes, wrong))
    return [FieldProblem(int(row), name, shown[int(codes[row])], expected[codes[row]]) for row in rows]


def distinct(series: pd.Series) -> tuple[Any, list[Any]]:
    """Factorise a column: return for each row the index of its value, and the distinct values, including missing."""
    if isinstance(series.dtype, (pd.ArrowDtype, pd.StringDtype)):
        column = pa.chunked_array([pa.array(series)]) if not isinstance(series.dtype, pd.ArrowDtype) else _arrow(series)
        encoded = pc.dictionary_encode(column, null_encoding="encode").combine_chunks()
        if isinstance(encoded, pa.ChunkedArray):  # no rows
            return np.empty(0, dtype="int64"), []
        return encoded.indices.to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()
    index: dict[Any, int] = {}
    codes = np.empty(len(series), dtype="int64")
    values: list[Any] = []
    for i, value in enumerate(series.tolist()):
        if isinstance(value, (list, dict)):
            value = value_parsing.to_text(value)
        key = (value.__class__, value)  # 1, 1.0 and True are equal but distinct values
        if key not in index:
            index[key] = len(values)
            values.append(value)
        codes[i] = index[key]
    return codes, values


def _arrow(series: pd.Series) -> Any:
    return pa.chunked_array(series.array.__arrow_array__())


def clip(text: str, most: int = 60) -> str:
    """Shorten a text for a message."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _perhaps(name: str, known: Iterable[str]) -> str:
    matches = difflib.get_close_matches(name, list(known), n=1)
    return f", perhaps {matches[0]!r}" if matches else ""


# ------------------------------------------------------------------------------------------------------------ infer


def infer_schema(frame: pd.DataFrame, request: "Request", reading: Reading | None = None) -> Schema:
    """Infer the schema of `frame`. Pass train only: ranges and categories are those of the given rows.

    The result does not depend on the order of the rows.

    Parameters
    ----------
    frame : DataFrame
        Text cells or typed columns. The column `row_id` is not part of the schema.
    request : Request
        Names the target, the id and the features (by default, all other columns).
    reading : Reading, optional
        How the whole table is read. By default, it is chosen from `frame`.

    Returns
    -------
    Schema
        The columns that the request uses, in the order of `frame`.

    Examples
    --------
    >>> from glassbox.request.model import Data, Request
    >>> request = Request(name="a", task="classification", data=Data(target="y"))
    >>> schema = infer_schema(pd.DataFrame({"x": ["1,5", "2,5"], "y": ["a", "b"]}), request)
    >>> schema.column("x").kind, schema.column("x").high, schema.classes
    ('number', 2.5, ['a', 'b'])
    """
    target, id_column = request.data.target, request.data.id
    excluded = [request.split.column] if request.split.by in ("group", "column") and request.split.column else []
    features = request.data.features
    unit, series, time = request.task_spec.unit, request.data.series or [], request.data.time
    reserved = {target, id_column, request.split.column, request.data.time, *series, *request.data.known, *unit}
    used = None if features is None else {*features, *reserved}
    names = [str(name) for name in frame.columns if name != "row_id" and (used is None or name in used)]
    missing = {name: missing_words(request, name) for name in names}
    counted = {name: _count(frame[name], missing[name]) for name in names}
    if reading is None:
        reading = Reading(
            _default_decimal(counted.values()), None if request.data.dates is None else request.data.dates == "dayfirst"
        )
    columns = []
    for name in names:
        forced: Kind | None = "identifier" if name == id_column else "category" if name in (*series, *unit[:1]) else None
        if name == target and request.task_spec.target == "classes":
            columns.append(_label_column(name, counted[name], reading))
        elif request.task_spec.reads == "pictures" and _is_picture(counted[name]):
            columns.append(_picture_column(name, counted[name]))
        elif (name == target and request.task_spec.target == "number") or name in request.data.known:
            columns.append(_number_column(name, counted[name], reading))
        elif name == time and request.task_spec.unit:
            columns.append(_time_column(name, counted[name], reading))
        else:
            columns.append(_infer_column(name, counted[name], reading, forced))
    columns = [_with_words(column, missing[column.name]) for column in columns]
    by_name = {column.name: column for column in columns}
    label = by_name.get(target) if target else None
    classes = label.categories if label is not None and request.task_spec.target == "classes" else None
    return Schema(
        columns=columns,
        target=label.name if label else None,
        target_kind=None if label is None else "classes" if classes is not None else "number" if label.kind == "number" else None,
        classes=classes,
        id=id_column if id_column in by_name else None,
        excluded=[name for name in excluded if name in by_name and name not in (features or [])],
    )


def _with_words(column: ColumnSchema, missing: Collection[str]) -> ColumnSchema:
    """Return the column with all words that mean a missing value in it, unless they are the usual ones."""
    if column.missing_words is None and missing is MISSING_WORDS:
        return column
    return column.model_copy(update={"missing_words": sorted({*missing, *(column.missing_words or ())} - {""})})


def _count(series: pd.Series, missing: Collection[str]) -> dict[str | None, int]:
    codes, values = distinct(series)
    return counted_texts(map(value_parsing.to_text, values), np.bincount(codes, minlength=len(values)), missing)


def _label_column(name: str, counted: Counts, reading: Reading) -> ColumnSchema:
    """Infer the target of a classification, with numbers as classes in one notation."""
    column = _infer_column(name, counted, reading, "category")
    classes = sorted(text for text in counted if text is not None)
    if all(value_parsing.read_number(text) and not value_parsing.is_code(text) for text in classes):
        numbers = {number.value for text in classes if (number := value_parsing.read_number(text))}
        classes = [value_parsing.to_text(number) or "" for number in sorted(numbers)]
    kind: Kind = "boolean" if _is_boolean(classes) else "category"
    return column.model_copy(update={"kind": kind, "categories": classes, "distinct": len(classes)})


def _is_picture(counted: Counts) -> bool:
    """Return whether every non-missing value is a picture."""
    texts = [text for text in counted if text is not None]
    return bool(texts) and all(text.startswith(value_parsing.PICTURE) for text in texts)


def _picture_column(name: str, counted: Counts) -> ColumnSchema:
    rows, distinct = sum(counted.values()), sum(text is not None for text in counted)
    return ColumnSchema(name=name, kind="picture", missing=counted.get(None, 0) / rows, distinct=distinct)


def _time_column(name: str, counted: Counts, reading: Reading) -> ColumnSchema:
    """Infer the time column of a forecast, in which numbers are dates: years, months or seconds."""
    values = {text: n for text, n in counted.items() if text is not None}
    typed = _as_date(name, values, sum(counted.values()), reading, time_formats(values))
    column = _infer_column(name, counted, reading)
    if typed is None:
        return column
    form = reading.time_format or typed["date_format"]
    return column.model_copy(update={"decimal": ".", "written_as": "plain", **typed, "date_format": form})


def _number_column(name: str, counted: Counts, reading: Reading) -> ColumnSchema:
    """Infer a column that must be numeric, however few of its values are numbers; other values are missing."""
    column = _infer_column(name, counted, reading)
    if column.kind == "number":
        return column
    rows, read = (
        sum(counted.values()),
        [(value_parsing.read_number(text, reading.decimal), n) for text, n in counted.items() if text is not None],
    )
    finite = [(number.value, n) for number, n in read if number is not None and math.isfinite(number.value)]
    limits = {"low": min((v for v, _ in finite), default=None), "high": max((v for v, _ in finite), default=None)}
    missing = (rows - sum(n for _, n in finite)) / rows if rows else 0.0
    return ColumnSchema(name=name, kind="number", missing=missing, distinct=column.distinct, **limits)


def _is_boolean(values: Iterable[str]) -> bool:
    return {value.lower() for value in values} in [set(pair) for pair in value_parsing.TRUE_FALSE]


def _infer_column(name: str, counted: Counts, reading: Reading, forced: Kind | None = None) -> ColumnSchema:
    values = {text: n for text, n in counted.items() if text is not None}
    rows, filled = sum(counted.values()), sum(values.values())
    facts = ColumnSchema(name=name, kind=forced or "text", missing=(rows - filled) / rows if rows else 0.0, distinct=len(values))
    if forced == "identifier":
        return facts
    if not values:
        return facts.model_copy(update={"kind": "empty", "missing": 1.0})
    categories = sorted(values) if len(values) <= MAX_CATEGORIES else None
    if forced is not None:
        return facts.model_copy(update={"categories": categories})
    if len(values) == 1:
        return facts.model_copy(update={"kind": "constant" if filled == rows else "category", "categories": categories})
    if len(values) == 2 and _is_boolean(values):
        return facts.model_copy(update={"kind": "boolean", "categories": categories})
    typed = (
        _as_date(name, values, rows, reading, ("%Y%m%d",))
        or _as_number(name, values, rows, reading.decimal)
        or _as_date(name, values, rows, reading, _WRITTEN_FORMATS)
    )
    if typed is not None:
        return facts.model_copy(update=typed)
    kind = _kind_of_text(values, filled)
    return facts.model_copy(update={"kind": kind, "categories": categories if kind == "category" else None})


def _as_number(name: str, values: Mapping[str, int], rows: int, default_decimal: Decimal_) -> dict[str, Any] | None:
    """Return the schema fields of a column of numbers; None when it is not numeric."""
    if any(value_parsing.is_code(text) for text in values):
        return None
    decimal = decimal_of(values) or default_decimal
    relevant = {text: n for text, n in values.items() if text not in value_parsing.PLACEHOLDERS}
    read = [(value_parsing.read_number(text, decimal), n) for text, n in relevant.items()]
    words = [text for text, (number, _) in zip(relevant, read, strict=True) if number is None]
    readable = sum(n for number, n in read if number is not None)
    if not _mostly_readable(readable, sum(relevant.values()), words, len(relevant) - len(words)):
        return None
    writings = {number.writing for number, _ in read if number is not None}
    finite = [(number.value, n) for number, n in read if number is not None and math.isfinite(number.value)]
    numbers, filled = [value for value, _ in finite], sum(n for _, n in finite)
    if not numbers:
        return None
    written: Writing = next((w for w in ("money", "percent", "text") if w in writings), "plain")
    kind = "identifier" if written == "plain" and _identifies_rows(name, numbers, sum(values.values())) else "number"
    fields: dict[str, Any] = {"kind": kind, "written_as": written, "decimal": decimal}
    if words and readable < MIN_READABLE_SHARE * sum(relevant.values()):
        fields["missing_words"] = words
    if kind == "identifier":
        return fields
    whole = all(value.is_integer() for value in numbers)
    return {**fields, "whole": whole, "low": min(numbers), "high": max(numbers), "missing": (rows - filled) / rows}


def _mostly_readable(readable: int, rows: int, words: Sequence[str], distinct_values: int) -> bool:
    """Return whether a column is one of numbers (dates): nearly all are, or the rest are a few words such as *unknown*.

    Words are few when there are at most `MAX_WORDS` of them among many different numbers (dates), which are the majority.
    """
    if not rows or readable >= MIN_READABLE_SHARE * rows:
        return rows > 0
    few = len(words) <= MAX_WORDS and distinct_values >= max(MIN_DISTINCT_VALUES, 5 * len(words))
    return few and readable >= MOSTLY_DISTINCT * rows


def _identifies_rows(name: str, numbers: Sequence[float], filled: int) -> bool:
    """Return whether distinct whole numbers identify rows: by the name of the column, or because they number the rows."""
    distinct = len(set(numbers))
    if filled < FEW_ROWS or distinct < NEARLY_UNIQUE * filled or not all(number.is_integer() for number in numbers):
        return False
    has_id_name = any(_ID_NAME.fullmatch(word) for word in _words_of_name(name))
    return has_id_name or distinct >= MOSTLY_DISTINCT * (max(numbers) - min(numbers) + 1)


def _words_of_name(name: str) -> list[str]:
    """Split the name of a column into words: ``LoanNr_ChkDgt`` -> loan, nr, chk, dgt."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def _default_decimal(columns: Iterable[Counts]) -> Decimal_:
    """Return the most frequent decimal mark of the table, for columns that do not determine their own."""
    marks = [decimal_of([text for text in counted if text is not None and text[-1:].isdigit()]) for counted in columns]
    return "," if marks.count(",") > marks.count(".") else "."


def _as_date(name: str, values: Mapping[str, int], rows: int, reading: Reading, formats: Sequence[str]) -> dict[str, Any] | None:
    """Return the schema fields of a column of dates; None when it is not.

    Raises
    ------
    DataError
        When the month and the day can be swapped in all dates, and nothing shows which is first.
    """
    relevant = {text: n for text, n in values.items() if text not in value_parsing.PLACEHOLDERS}
    best = date_format(relevant, reading, formats)
    if best.form is None:
        return None
    dates = {text: date for text in relevant if (date := value_parsing.read_date(text, best.form)) is not None}
    words = [text for text in relevant if text not in dates]
    filled = sum(relevant[text] for text in dates)
    if not _mostly_readable(filled, sum(relevant.values()), words, len(dates)):
        return None
    if best.ambiguous:
        raise AmbiguousDatesError(name, relevant)
    low, high = min(dates.values()), max(dates.values())
    if best.form == "%Y%m%d" and not (low.year >= 1800 and high.year < 2100):
        return None
    fields: dict[str, Any] = {
        "kind": "date",
        "date_format": best.form,
        "with_time": any(date.time() != datetime.min.time() for date in dates.values()),
        "low_date": low.isoformat(),
        "high_date": high.isoformat(),
    }
    if words and filled < MIN_READABLE_SHARE * sum(relevant.values()):
        fields["missing_words"] = words
    return {**fields, "missing": (rows - filled) / rows}


def _kind_of_text(values: Mapping[str, int], filled: int) -> Kind:
    words = sum(len(text.split()) * n for text, n in values.items()) / filled
    length = max(map(len, values))
    many = filled >= FEW_ROWS and len(values) > MOSTLY_DISTINCT * filled and words >= 1.5
    if words < 1.5 and filled >= FEW_ROWS and len(values) >= NEARLY_UNIQUE * filled and length <= 128:
        return "identifier"
    return "text" if many or (words >= MIN_WORDS_OF_TEXT and len(values) > max(20, 0.05 * filled)) else "category"

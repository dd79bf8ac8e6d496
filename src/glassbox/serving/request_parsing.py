"""The door of the service: from the bytes of a request to rows that fit the schema, or to an answer that says what does not."""

import base64
import difflib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from glassbox.data.schema import ColumnSchema, Schema, conform

MAX_BODY_BYTES = 1_048_576
MAX_PICTURE_BYTES = 16 * MAX_BODY_BYTES  # of a request where a row holds a picture
MAX_ROWS = 1_000
MAX_UNFOLDED = 100_000  # rows that one question in short form may stand for
MAX_PROBLEMS = 50
MAX_DIGITS = 300  # of a whole number: more are beyond a float anyway


Unfold = Callable[[Mapping[str, Any]], list[dict[str, Any]] | None]


class RefusedError(Exception):
    """A request that gets no prediction: its HTTP status, a sentence, and the fields that do not fit."""

    def __init__(self, status: int, detail: str, problems: Sequence["FieldError"] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.problems = list(problems)[:MAX_PROBLEMS]


@dataclass(frozen=True)
class FieldError:
    """One field of one row: what was found there and what was expected. `row` counts from 0."""

    row: int
    field: str
    found: str
    expected: str


def parse_rows(body: bytes, expand_query: Unfold | None = None) -> list[dict[str, Any]]:
    """The rows of a JSON body: one row as an object, or several as ``{"rows": [...]}``.

    `unfold` is the model's way of reading a question in short form: it gives the rows that the question stands for.

    >>> parse_rows(b'{"tenure": 3}')
    [{'tenure': 3}]

    Raises
    ------
    RefusedError
        400 when the body is not JSON, 413 for more than `MAX_ROWS` rows, 422 when it is JSON but holds no rows.
    """
    value = parse_json(body)
    if isinstance(value, dict) and set(value) == {"rows"} and isinstance(value["rows"], list):
        rows = value["rows"]
        if len(rows) > MAX_ROWS:
            raise RefusedError(413, f"{len(rows):,} rows are too many for one request; send at most {MAX_ROWS:,}.")
        if not rows:
            raise RefusedError(422, "There are no rows in this request.")
        misfits = [FieldError(i, "", describe(r), "an object of fields") for i, r in enumerate(rows) if not isinstance(r, dict)]
        if misfits:
            raise RefusedError(422, _summary(misfits), misfits)
        return rows
    if isinstance(value, dict):
        return _unfolded(value, expand_query) or [value]
    raise RefusedError(422, f'Expected one row as a JSON object, or {{"rows": [...]}}; found {describe(value)}.')


def body_limit(schema: Schema) -> int:
    """How many bytes a request may have: more where a row holds a picture."""
    return MAX_PICTURE_BYTES if any(field.kind == "picture" for field in schema.features) else MAX_BODY_BYTES


def picture_field(schema: Schema) -> str | None:
    """The one field of a row, where that is a picture: its bytes may be sent as they are. None where a row is more than that."""
    fields = schema.features
    return fields[0].name if len(fields) == 1 and fields[0].kind == "picture" else None


def picture_row(body: bytes, field: str) -> list[dict[str, Any]]:
    """The row that the bytes of a picture stand for.

    Raises
    ------
    RefusedError
        400 when there are none.
    """
    if not body:
        raise RefusedError(400, "The request is empty; send the bytes of a picture.")
    return [{field: base64.b64encode(body).decode()}]


def _unfolded(question: dict[str, Any], expand_query: Unfold | None) -> list[dict[str, Any]] | None:
    try:
        rows = expand_query(question) if expand_query else None
    except ValueError as error:
        raise RefusedError(422, f"The question cannot be read: {short(str(error), 400)}.") from error
    if rows is not None and len(rows) > MAX_UNFOLDED:
        raise RefusedError(413, f"The question stands for {len(rows):,} rows; ask for at most {MAX_UNFOLDED:,} at a time.")
    return rows


def parse_json(body: bytes) -> Any:
    """The value of a JSON text, read strictly: no NaN or Infinity, no field twice, nothing nested without end."""
    if not body.strip():
        raise RefusedError(400, "The request is empty; send a row as a JSON object.")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedError(400, f"The request is not UTF-8: byte {error.start} cannot be read.") from error
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise RefusedError(400, f"The request is not JSON: {error.msg}, line {error.lineno}, column {error.colno}.") from error
    except RecursionError as error:
        raise RefusedError(400, "The request is nested too deeply; a row is a flat object.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise RefusedError(400, f"The field {short(name)} stands twice in one object.")
        found[name] = value
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise RefusedError(400, f"{name} is not JSON; send null for a value that is not known.")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else math.copysign(math.inf, -1 if digits.startswith("-") else 1)


def admit(rows: Sequence[Mapping[str, Any]], schema: Schema) -> tuple[pd.DataFrame, list[FieldError]]:
    """Rows as the typed frame that the model takes, and what stands out in it.

    Every field of the model has to be there; one that is not known is sent as null. Columns of the training data that
    the model does not use may be sent too, and are left aside.

    Parameters
    ----------
    rows : sequence of mappings
        Field to JSON value.
    schema : Schema
        What the model was trained on.

    Returns
    -------
    frame : DataFrame
        One row a row, in order, with the model's fields in the schema's order.
    warnings : list of Misfit
        Values that are answered although the training data held none like them.

    Raises
    ------
    RefusedError
        422 with every field that does not fit.
    """
    fields = [*schema.features, *(schema.column(name) for name in schema.optional)]
    aside = {column.name for column in schema.columns} - {field.name for field in fields}
    # What is wrong is counted no further than it is told: a huge body cannot keep the service busy.
    misfits = list(
        islice(_field_misfits(rows, {field.name: field for field in fields}, aside, schema.optional), MAX_PROBLEMS + 1)
    )
    if not misfits:
        raw = np.empty((len(rows), len(fields)), dtype=object)  # one block of values: a frame of it is made at once
        for i, row in enumerate(rows):
            raw[i] = [row.get(field.name) for field in fields]
        conformed = conform(pd.DataFrame(raw, columns=[field.name for field in fields]), schema)
        misfits = [FieldError(p.row, p.field, short(p.found), p.expected) for p in conformed.problems]
    if misfits:
        raise RefusedError(422, _summary(misfits), misfits)
    return conformed.frame, warnings_of(conformed.frame, schema.features)


def _field_misfits(
    rows: Sequence[Mapping[str, Any]], fields: Mapping[str, ColumnSchema], aside: set[str], optional: Sequence[str]
) -> Iterator[FieldError]:
    for i, row in enumerate(rows):
        for name, field in fields.items():
            if name not in row:
                if name in optional:
                    continue
                yield FieldError(i, name, "no such field", f"{expectation(field)}, or null when it is not known")
            elif not _is_scalar(row[name]):
                yield FieldError(i, name, describe(row[name]), expectation(field))
        for name in row:
            if name not in fields and name not in aside:
                near = difflib.get_close_matches(name[:100], fields, n=1)
                hint = f"a field of the schema, perhaps {near[0]}" if near else "a field of the schema"
                yield FieldError(i, short(name), "a field that is not known", hint)


def _is_scalar(value: Any) -> bool:
    if isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, (bool, int))


def warnings_of(frame: pd.DataFrame, fields: Sequence[ColumnSchema]) -> list[FieldError]:
    """Values unlike any in the training data: beyond its range, a category it had not, missing where it had none missing.

    Sorted by row, then by the order of `fields`.
    """
    found: list[tuple[int, int, FieldError]] = []
    for position, field in enumerate(fields):
        values = frame[field.name].tolist()
        for row, value in enumerate(values):
            expected = _unlike(value, field)
            if expected:
                shown = "nothing" if pd.isna(value) else short(_written(value))
                found.append((row, position, FieldError(row, field.name, shown, expected)))
    return [misfit for _, _, misfit in sorted(found, key=lambda item: item[:2])]


def _unlike(value: Any, field: ColumnSchema) -> str:
    """What the training data held instead, or nothing when it held such values too."""
    if pd.isna(value):
        return "never missing in the training data" if field.missing == 0 and field.kind != "empty" else ""
    if field.kind == "number" and field.low is not None and field.high is not None:
        return "" if field.low <= value <= field.high else f"{field.low:g} to {field.high:g} in the training data"
    if field.kind == "date" and field.low_date is not None and field.high_date is not None:
        inside = pd.Timestamp(field.low_date) <= value <= pd.Timestamp(field.high_date)
        return "" if inside else f"{field.low_date} to {field.high_date} in the {field.range_of}"
    if field.categories and field.kind in ("category", "boolean", "constant"):
        return "" if value in field.categories else f"{choices(field.categories)} in the training data"
    return ""


def expectation(field: ColumnSchema) -> str:
    """In words, what a field takes: ``a number``, ``one of "No", "Yes"``."""
    if field.kind == "number":
        return "a number"
    if field.kind == "date":
        return f"a date written as {field.date_format or '%Y-%m-%d'}"
    if field.kind in ("category", "boolean") and field.categories:
        return choices(field.categories)
    return "a picture in base64 (JPEG, PNG, WebP, GIF, BMP or TIFF)" if field.kind == "picture" else "text"


def choices(categories: Sequence[str], most: int = 6) -> str:
    """Categories as a list that stays short.

    >>> choices(["No", "Yes"])
    'one of "No", "Yes"'
    """
    shown = ", ".join(f'"{short(category, 40)}"' for category in categories[:most])
    rest = len(categories) - most
    return f"one of {shown}" + (f" and {rest:,} more" if rest > 0 else "")


def describe(value: Any) -> str:
    """A JSON value in words for an error: its kind, and its content while that is short."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f"the text {short(value)}"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "a number beyond every float" if not math.isfinite(value) else f"the number {short(_written(value))}"


def short(text: str, most: int = 80) -> str:
    """Text fit for a message: cut when long, and sure to be writable as UTF-8."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _written(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _summary(misfits: Sequence[FieldError]) -> str:
    first = misfits[0]
    where = f"Row {first.row}, field {first.field}" if first.field else f"Row {first.row}"
    more = " There is more below." if len(misfits) > 1 else ""
    return f"{where}: found {first.found}; expected {first.expected}.{more}"

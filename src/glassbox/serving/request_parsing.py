"""Parsing and validation of requests: from the bytes of a body to rows that match the schema, or to a rejection with its reasons."""

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
MAX_PICTURE_BYTES = 16 * MAX_BODY_BYTES  # body size limit for schemas with a picture field
MAX_ROWS = 1_000
MAX_EXPANDED_ROWS = 100_000  # rows that one query may expand to
MAX_PROBLEMS = 50
MAX_DIGITS = 300  # digits of an integer; longer integers exceed the range of a float anyway


ExpandQuery = Callable[[Mapping[str, Any]], list[dict[str, Any]] | None]


class RequestRejectedError(Exception):
    """A request without a prediction: its HTTP status, the reason, and the invalid fields."""

    def __init__(self, status: int, detail: str, problems: Sequence["FieldError"] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.problems = list(problems)[:MAX_PROBLEMS]


@dataclass(frozen=True)
class FieldError:
    """An invalid field of one row: the value found and the value expected. `row` is counted from 0."""

    row: int
    field: str
    found: str
    expected: str


def parse_rows(body: bytes, expand_query: ExpandQuery | None = None) -> list[dict[str, Any]]:
    """Parse the rows of a JSON body: one row as an object, or several as ``{"rows": [...]}``.

    `expand_query` is the model's function that expands a query in short form into rows; it returns None for any other object.

    >>> parse_rows(b'{"tenure": 3}')
    [{'tenure': 3}]

    Raises
    ------
    RequestRejectedError
        Status 400 if the body is not JSON, 413 for too many rows, 422 if the JSON contains no rows.
    """
    value = parse_json(body)
    if isinstance(value, dict) and set(value) == {"rows"} and isinstance(value["rows"], list):
        rows = value["rows"]
        if len(rows) > MAX_ROWS:
            raise RequestRejectedError(413, f"The request has {len(rows):,} rows; send at most {MAX_ROWS:,} rows per request.")
        if not rows:
            raise RequestRejectedError(422, "The request has no rows; send at least one row.")
        errors = [FieldError(i, "", describe(r), "an object of fields") for i, r in enumerate(rows) if not isinstance(r, dict)]
        if errors:
            raise RequestRejectedError(422, _summary(errors), errors)
        return rows
    if isinstance(value, dict):
        return _expand(value, expand_query) or [value]
    raise RequestRejectedError(422, f'Expected one row as a JSON object, or {{"rows": [...]}}; found {describe(value)}.')


def body_limit(schema: Schema) -> int:
    """Return the maximum size of a request body in bytes; it is larger for schemas with a picture field."""
    return MAX_PICTURE_BYTES if any(field.kind == "picture" for field in schema.features) else MAX_BODY_BYTES


def picture_field(schema: Schema) -> str | None:
    """Return the name of the only field if it is a picture, so that its bytes may be sent as the body; None for any other schema."""
    fields = schema.features
    return fields[0].name if len(fields) == 1 and fields[0].kind == "picture" else None


def picture_row(body: bytes, field: str) -> list[dict[str, Any]]:
    """Return the row for the bytes of a picture.

    Raises
    ------
    RequestRejectedError
        Status 400 if the body is empty.
    """
    if not body:
        raise RequestRejectedError(400, "The request is empty; send the bytes of a picture.")
    return [{field: base64.b64encode(body).decode()}]


def _expand(query: dict[str, Any], expand_query: ExpandQuery | None) -> list[dict[str, Any]] | None:
    try:
        rows = expand_query(query) if expand_query else None
    except ValueError as error:
        raise RequestRejectedError(422, f"The query is invalid: {truncate(str(error), 400)}.") from error
    if rows is not None and len(rows) > MAX_EXPANDED_ROWS:
        raise RequestRejectedError(
            413, f"The query expands to {len(rows):,} rows; request at most {MAX_EXPANDED_ROWS:,} at a time."
        )
    return rows


def parse_json(body: bytes) -> Any:
    """Parse a JSON text strictly: NaN, Infinity, duplicate fields and deep nesting are rejected.

    Raises
    ------
    RequestRejectedError
        Status 400 with the reason.
    """
    if not body.strip():
        raise RequestRejectedError(400, "The request is empty; send a row as a JSON object.")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestRejectedError(400, f"The request is not UTF-8: byte {error.start} cannot be decoded.") from error
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_reject_constant, parse_int=_integer)
    except json.JSONDecodeError as error:
        raise RequestRejectedError(
            400, f"The request is not valid JSON: {error.msg}, line {error.lineno}, column {error.colno}."
        ) from error
    except RecursionError as error:
        raise RequestRejectedError(400, "The request is nested too deeply; send each row as a flat object.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise RequestRejectedError(400, f"The field {truncate(name)} occurs twice in one object; send every field once.")
        fields[name] = value
    return fields


def _reject_constant(name: str) -> NoReturn:
    raise RequestRejectedError(400, f"{name} is not valid JSON; send null for an unknown value.")


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= MAX_DIGITS else math.copysign(math.inf, -1 if digits.startswith("-") else 1)


def validate_rows(rows: Sequence[Mapping[str, Any]], schema: Schema) -> tuple[pd.DataFrame, list[FieldError]]:
    """Validate rows against the schema and convert them to the typed frame that the model expects.

    Every field of the model is required; an unknown value is sent as null. Columns of the training data that the model does not use
    are accepted and ignored.

    Parameters
    ----------
    rows : sequence of mappings
        JSON values by field.
    schema : Schema
        The schema of the model.

    Returns
    -------
    frame : DataFrame
        One row per input row, in order, with the fields of the model in the order of the schema.
    warnings : list of FieldError
        Valid values that do not occur in the training data.

    Raises
    ------
    RequestRejectedError
        Status 422 with every invalid field.
    """
    fields = [*schema.features, *(schema.column(name) for name in schema.optional)]
    ignored = {column.name for column in schema.columns} - {field.name for field in fields}
    # Only as many errors as are reported are collected, so that a huge body cannot keep the service busy.
    errors = list(
        islice(_field_errors(rows, {field.name: field for field in fields}, ignored, schema.optional), MAX_PROBLEMS + 1)
    )
    if not errors:
        raw = np.empty((len(rows), len(fields)), dtype=object)  # a single block is the fastest way to build the frame
        for i, row in enumerate(rows):
            raw[i] = [row.get(field.name) for field in fields]
        conformed = conform(pd.DataFrame(raw, columns=[field.name for field in fields]), schema)
        errors = [FieldError(p.row, p.field, truncate(p.found), p.expected) for p in conformed.problems]
    if errors:
        raise RequestRejectedError(422, _summary(errors), errors)
    return conformed.frame, unseen_values(conformed.frame, schema.features)


def _field_errors(
    rows: Sequence[Mapping[str, Any]], fields: Mapping[str, ColumnSchema], ignored: set[str], optional: Sequence[str]
) -> Iterator[FieldError]:
    for i, row in enumerate(rows):
        for name, field in fields.items():
            if name not in row:
                if name in optional:
                    continue
                yield FieldError(i, name, "no such field", f"{expectation(field)}, or null if unknown")
            elif not _is_scalar(row[name]):
                yield FieldError(i, name, describe(row[name]), expectation(field))
        for name in row:
            if name not in fields and name not in ignored:
                matches = difflib.get_close_matches(name[:100], fields, n=1)
                hint = f"a field of the schema, perhaps {matches[0]}" if matches else "a field of the schema"
                yield FieldError(i, truncate(name), "an unknown field", hint)


def _is_scalar(value: Any) -> bool:
    if isinstance(value, str):
        return not any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, (bool, int))


def unseen_values(frame: pd.DataFrame, fields: Sequence[ColumnSchema]) -> list[FieldError]:
    """Return the values that do not occur in the training data: out of range, a new category, or unexpectedly missing.

    The values are sorted by row, then by the order of `fields`.
    """
    warnings: list[tuple[int, int, FieldError]] = []
    for position, field in enumerate(fields):
        values = frame[field.name].tolist()
        for row, value in enumerate(values):
            expected = _training_values(value, field)
            if expected:
                text = "nothing" if pd.isna(value) else truncate(_format(value))
                warnings.append((row, position, FieldError(row, field.name, text, expected)))
    return [warning for _, _, warning in sorted(warnings, key=lambda item: item[:2])]


def _training_values(value: Any, field: ColumnSchema) -> str:
    """Describe the values of the training data if they do not include `value`; otherwise return an empty string."""
    if pd.isna(value):
        return "never missing in the training data" if field.missing == 0 and field.kind != "empty" else ""
    if field.kind == "number" and field.low is not None and field.high is not None:
        return "" if field.low <= value <= field.high else f"{field.low:g} to {field.high:g} in the training data"
    if field.kind == "date" and field.low_date is not None and field.high_date is not None:
        inside = pd.Timestamp(field.low_date) <= value <= pd.Timestamp(field.high_date)
        return "" if inside else f"{field.low_date} to {field.high_date} in the {field.range_of}"
    if field.categories and field.kind in ("category", "boolean", "constant"):
        return "" if value in field.categories else f"{format_choices(field.categories)} in the training data"
    return ""


def expectation(field: ColumnSchema) -> str:
    """Describe the expected values of a field in words: ``a number``, ``one of "No", "Yes"``."""
    if field.kind == "number":
        return "a number"
    if field.kind == "date":
        return f"a date in the format {field.date_format or '%Y-%m-%d'}"
    if field.kind in ("category", "boolean") and field.categories:
        return format_choices(field.categories)
    return "a picture in base64 (JPEG, PNG, WebP, GIF, BMP or TIFF)" if field.kind == "picture" else "text"


def format_choices(categories: Sequence[str], most: int = 6) -> str:
    """Format categories as a list of at most `most` names.

    >>> format_choices(["No", "Yes"])
    'one of "No", "Yes"'
    """
    names = ", ".join(f'"{truncate(category, 40)}"' for category in categories[:most])
    rest = len(categories) - most
    return f"one of {names}" + (f" and {rest:,} more" if rest > 0 else "")


def describe(value: Any) -> str:
    """Describe a JSON value in an error message: its type and, if scalar, its truncated content."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f"the text {truncate(value)}"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "a number out of range" if not math.isfinite(value) else f"the number {truncate(_format(value))}"


def truncate(text: str, most: int = 80) -> str:
    """Shorten a text for a message, and escape characters that cannot be encoded as UTF-8."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _format(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _summary(errors: Sequence[FieldError]) -> str:
    first = errors[0]
    where = f"Row {first.row}, field {first.field}" if first.field else f"Row {first.row}"
    more = " All problems are listed in `problems`." if len(errors) > 1 else ""
    return f"{where}: found {first.found}; expected {first.expected}.{more}"

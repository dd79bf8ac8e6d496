"""OpenAPI description of the service: fields with kinds, ranges and categories, and the possible responses."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.serving.request_parsing import MAX_PROBLEMS, MAX_ROWS, body_limit, expectation, picture_field

HEALTH = "The status of the service and the model that it serves."
SCHEMA = "The fields of a row with their expected values, the columns of a prediction, and an example row."
PREDICT = (
    "Predict one row, or several rows sent as `rows`. Rows that do not match the schema are rejected, with an error per field."
)


class FieldProblem(BaseModel):
    """A problem with one field of one row; `row` is counted from 0."""

    row: int
    field: str
    found: str
    expected: str


class ErrorResponse(BaseModel):
    """The body of an error response."""

    detail: str
    problems: list[FieldProblem]


class Health(BaseModel):
    """The status of the service and the model that it serves."""

    status: str
    name: str
    model: str
    version: str
    code: str


def fields(schema: Schema) -> list[dict[str, Any]]:
    """Describe the fields of a row, in order: the expected values, and the values in the training data."""
    return [
        {
            "name": field.name,
            "kind": field.kind,
            "expected": expectation(field),
            "missing_in_training": field.missing,
            **{
                key: value
                for key, value in (
                    ("low", field.low),
                    ("high", field.high),
                    ("low_date", field.low_date),
                    ("high_date", field.high_date),
                    ("date_format", field.date_format),
                    ("categories", field.categories),
                )
                if value is not None
            },
        }
        for field in (*schema.features, *(schema.column(name) for name in schema.optional))
    ]


def row_schema(schema: Schema) -> dict[str, Any]:
    """Return the JSON Schema of a row. Ranges and categories are described but not enforced: other values cause a warning."""
    used = {f.name: _property(f) for f in (*schema.features, *(schema.column(name) for name in schema.optional))}
    ignored = {f.name: {"description": "Ignored: the model does not use it."} for f in schema.columns if f.name not in used}
    return {
        "title": "Row",
        "type": "object",
        "required": [field.name for field in schema.features],
        "properties": {**used, **ignored},
        "additionalProperties": False,
    }


def _property(field: ColumnSchema) -> dict[str, Any]:
    kinds = {"number": ["number", "string", "null"], "boolean": ["string", "boolean", "null"], "picture": ["string", "null"]}
    training_range = ""
    if field.low is not None and field.high is not None:
        training_range = f"; {field.low:g} to {field.high:g} in the training data"
    if field.low_date and field.high_date:
        training_range = f"; {field.low_date} to {field.high_date} in the {field.range_of}"
    missing = f"; {field.missing:.1%} missing in the training data" if field.missing else ""
    schema: dict[str, Any] = {
        "type": kinds.get(field.kind, ["string", "number", "null"]),
        "description": f"{field.kind}: {expectation(field)}{training_range}{missing}",
    }
    if field.categories:
        schema["examples"] = field.categories[:20]
    return schema


def predict_body(schema: Schema, example: Mapping[str, Any]) -> dict[str, Any]:
    """Describe the request body of ``POST /predict``: one row, or several rows."""
    row = row_schema(schema)
    rows = {
        "title": "Rows",
        "type": "object",
        "required": ["rows"],
        "properties": {"rows": {"type": "array", "minItems": 1, "maxItems": MAX_ROWS, "items": row}},
        "additionalProperties": False,
    }
    bare: dict[str, Any] = {"schema": {"type": "string", "contentMediaType": "image/*"}}
    return {
        "required": True,
        "description": f"At most {body_limit(schema):,} bytes: JSON in UTF-8{', or a picture' if picture_field(schema) else ''}.",
        "content": {
            **({kind: bare for kind in ("image/jpeg", "image/png", "application/octet-stream")} if picture_field(schema) else {}),
            "application/json": {
                "schema": {"oneOf": [row, rows]},
                "examples": {
                    "row": {"summary": "One row", "value": dict(example)},
                    "rows": {"summary": "Several rows", "value": {"rows": [dict(example), dict(example)]}},
                },
            },
        },
    }


def predict_responses(returns: Mapping[str, str], limit: int) -> dict[int | str, dict[str, Any]]:
    """Describe the responses of ``POST /predict``, by status."""
    kinds: dict[str, dict[str, Any]] = {
        "text": {"type": ["string", "null"]},
        "number": {"type": ["number", "null"]},
        "list": {"type": "array", "items": {"type": "object"}},
    }
    prediction = {
        "type": "object",
        "required": list(returns),
        "properties": {name: kinds[kind] for name, kind in returns.items()},
    }
    content = {
        "title": "Predictions",
        "type": "object",
        "required": ["model", "predictions", "warnings"],
        "properties": {
            "model": {"type": "string", "description": "SHA-256 of the model"},
            "predictions": {"type": "array", "items": prediction, "description": "One prediction per row, in order"},
            "warnings": {
                "type": "array",
                "items": FieldProblem.model_json_schema(),
                "description": "Values that do not occur in the training data",
            },
            "warnings_left_out": {"type": "integer", "description": "The number of warnings that are not listed"},
        },
    }
    errors = {
        400: "The body is not JSON in UTF-8",
        408: "The request did not arrive in time",
        413: f"The request has more than {limit:,} bytes or more than {MAX_ROWS:,} rows",
        415: "The content type is not supported",
        422: f"Rows do not match the schema, or have unknown fields; the first {MAX_PROBLEMS} problems are listed",
        500: "The model failed",
        503: "Too many requests are in progress; the header retry-after states when to try again, in seconds",
    }
    return {
        200: {"description": "Predictions", "content": {"application/json": {"schema": content}}},
        **{status: {"model": ErrorResponse, "description": text} for status, text in errors.items()},
    }


def health() -> dict[int | str, dict[str, Any]]:
    """Describe the response of ``GET /health``."""
    return {200: {"model": Health, "description": "The service is running"}}

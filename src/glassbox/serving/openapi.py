"""The service in the words of OpenAPI: fields with their kinds, ranges and categories, and what can come back."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.serving.request_parsing import MAX_PROBLEMS, MAX_ROWS, body_limit, expectation, picture_field

HEALTH = "Whether the service stands, and which model it serves."
SCHEMA = "The fields of a row, what each takes, what comes back, and a row to try."
PREDICT = "Predictions for one row, or for several sent as rows. Rows that do not fit the schema are refused, field by field."


class FieldProblem(BaseModel):
    """One field of one row; `row` counts from 0."""

    row: int
    field: str
    found: str
    expected: str


class RequestRejected(BaseModel):
    """Why there is no prediction."""

    detail: str
    problems: list[FieldProblem]


class Health(BaseModel):
    """That the service stands, and what it serves."""

    status: str
    name: str
    model: str
    version: str
    code: str


def fields(schema: Schema) -> list[dict[str, Any]]:
    """The fields of a row, in order: what each takes, and what the training data held."""
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
    """A row as JSON Schema. Ranges and categories are described, not enforced: values beyond them get a warning."""
    return {
        "title": "Row",
        "type": "object",
        "required": [field.name for field in schema.features],
        "properties": {f.name: _property(f) for f in (*schema.features, *(schema.column(name) for name in schema.optional))},
    }


def _property(field: ColumnSchema) -> dict[str, Any]:
    kinds = {"number": ["number", "string", "null"], "boolean": ["string", "boolean", "null"], "picture": ["string", "null"]}
    seen = ""
    if field.low is not None and field.high is not None:
        seen = f"; {field.low:g} to {field.high:g} in the training data"
    if field.low_date and field.high_date:
        seen = f"; {field.low_date} to {field.high_date} in the {field.range_of}"
    missing = f"; {field.missing:.1%} missing there" if field.missing else ""
    described: dict[str, Any] = {
        "type": kinds.get(field.kind, ["string", "number", "null"]),
        "description": f"{field.kind}: {expectation(field)}{seen}{missing}",
    }
    if field.categories:
        described["examples"] = field.categories[:20]
    return described


def predict_body(schema: Schema, example: Mapping[str, Any]) -> dict[str, Any]:
    """The body of ``POST /predict``: a row, or several."""
    row = row_schema(schema)
    rows = {
        "title": "Rows",
        "type": "object",
        "required": ["rows"],
        "properties": {"rows": {"type": "array", "minItems": 1, "maxItems": MAX_ROWS, "items": row}},
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
    """What ``POST /predict`` answers, by status."""
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
            "predictions": {"type": "array", "items": prediction, "description": "One a row, in order"},
            "warnings": {
                "type": "array",
                "items": FieldProblem.model_json_schema(),
                "description": "Values unlike any that the model was trained on",
            },
            "warnings_left_out": {"type": "integer", "description": "How many warnings more there were"},
        },
    }
    refusals = {
        400: "Not JSON, or not UTF-8",
        408: "The request did not arrive in time",
        413: f"More than {limit:,} bytes, or more than {MAX_ROWS:,} rows",
        415: "Another content type than the ones above",
        422: f"Rows that do not fit the schema; the first {MAX_PROBLEMS} problems are named",
        500: "The model failed",
    }
    return {
        200: {"description": "Predictions", "content": {"application/json": {"schema": content}}},
        **{status: {"model": RequestRejected, "description": text} for status, text in refusals.items()},
    }


def health() -> dict[int | str, dict[str, Any]]:
    """What ``GET /health`` answers."""
    return {200: {"model": Health, "description": "It stands"}}

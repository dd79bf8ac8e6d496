"""Rows that fit a schema, made from the schema alone: for the page, the parity check and the measurement of latency."""

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from glassbox.data.schema import ColumnSchema, Schema


def example_rows(schema: Schema, n: int = 1) -> list[dict[str, Any]]:
    """`n` rows that the service takes, without any row of the data being copied.

    Numbers and dates go through the range that the training data had, categories through those it had; the steps
    differ from field to field, so that the rows are not all low or all high. The first row stands in the middle.

    Parameters
    ----------
    schema : Schema
        What the model was trained on.
    n : int
        How many rows.

    Returns
    -------
    list of dict
        Field to JSON value; the same schema and `n` give the same rows.
    """
    return [{field.name: _value(field, i, place) for place, field in enumerate(schema.features)} for i in range(n)]


def _value(field: ColumnSchema, row: int, place: int) -> Any:
    # Steps of the golden ratio fill [0, 1) evenly whatever their number; the field's place sets them apart.
    position = (0.5 + row * (place + 1) * 0.6180339887498949) % 1.0
    if field.kind == "number":
        return _between(field, position)
    if field.kind == "date":
        return _day(field, position)
    if field.kind == "picture":
        return _picture(position)
    if field.categories:
        return field.categories[int(position * len(field.categories))]
    return None if field.kind == "empty" else "example"


def _picture(position: float) -> str:
    """A small picture in base64, of a colour that runs into another."""
    # No import statement: only a service that looks at pictures carries along what reads and writes them.
    pictures = import_module("glassbox.data.images.cells")
    size = 32
    steps = [[[int(255 * part) for part in (position, x / size, y / size)] for x in range(size)] for y in range(size)]
    return base64.b64encode(pictures.png_of(steps)).decode()


def _between(field: ColumnSchema, position: float) -> float | int:
    low, high = field.low or 0.0, field.high if field.high is not None else 1.0
    value = low + position * (high - low)
    if low.is_integer() and high.is_integer() and high - low >= 2:
        return round(value)
    return float(f"{value:.4g}") if low <= float(f"{value:.4g}") <= high else value


def _day(field: ColumnSchema, position: float) -> str:
    low, high = datetime.fromisoformat(field.low_date or "2000-01-01"), datetime.fromisoformat(field.high_date or "2000-12-31")
    day = low + timedelta(days=int(position * (high - low).days))
    return day.strftime(field.date_format) if field.date_format else day.date().isoformat()


def broken_row(row: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """`row` with one field that cannot be read: the first number as a word, or else the first field as a list."""
    numbers: Sequence[str] = [field.name for field in schema.features if field.kind == "number"]
    if numbers:
        return {**row, numbers[0]: "many"}
    return {**row, next(iter(row)): ["many"]}

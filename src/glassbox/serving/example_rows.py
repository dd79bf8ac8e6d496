"""Example rows generated from a schema, for the documentation, the parity check and the latency measurement."""

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.data.value_parsing import ISO, write_date


def example_rows(schema: Schema, n: int = 1) -> list[dict[str, Any]]:
    """Generate `n` valid rows without copying any row of the data.

    Numbers and dates cover the range of the training data, and categories its categories. The steps differ between fields, so that
    the fields of a row are not all low or all high. The first row has the middle of every range.

    Parameters
    ----------
    schema : Schema
        The schema of the rows.
    n : int
        The number of rows.

    Returns
    -------
    list of dict
        JSON values by field. The same schema and `n` give the same rows.
    """
    return [{field.name: _value(field, i, index) for index, field in enumerate(schema.features)} for i in range(n)]


def _value(field: ColumnSchema, row: int, index: int) -> Any:
    # Steps of the golden ratio fill [0, 1) evenly for any number of rows; the index makes the steps differ between fields.
    position = (0.5 + row * (index + 1) * 0.6180339887498949) % 1.0
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
    """Return a small base64-encoded picture with a colour gradient."""
    # Not an import statement, so that only packages of picture models contain the image code.
    pictures = import_module("glassbox.data.images.cells")
    size = 32
    steps = [[[int(255 * part) for part in (position, x / size, y / size)] for x in range(size)] for y in range(size)]
    return base64.b64encode(pictures.png_of(steps)).decode()


def _between(field: ColumnSchema, position: float) -> float | int:
    low, high = field.low or 0.0, field.high if field.high is not None else 1.0
    value = low + position * (high - low)
    if field.whole:
        return round(value)
    return float(f"{value:.4g}") if low <= float(f"{value:.4g}") <= high else value


def _day(field: ColumnSchema, position: float) -> str:
    low, high = datetime.fromisoformat(field.low_date or "2000-01-01"), datetime.fromisoformat(field.high_date or "2000-12-31")
    if field.range_of == "forecast":  # days between the first and the last step need not be steps
        day = low if position <= 0.5 else high
        return write_date(day, field.date_format or ISO) + (f" {day.time()}" if day.time() != datetime.min.time() else "")
    return write_date(low + timedelta(days=int(position * (high - low).days)), field.date_format or ISO)


def broken_row(row: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """Return `row` with one invalid value: a word for the first number, or a list for the first field if there is no number."""
    numbers: Sequence[str] = [field.name for field in schema.features if field.kind == "number"]
    if numbers:
        return {**row, numbers[0]: "many"}
    return {**row, next(iter(row)): ["many"]}

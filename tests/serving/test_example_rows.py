"""Tests of example rows: they are valid for their schema."""

import pytest

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.serving.example_rows import broken_row, example_rows
from glassbox.serving.request_parsing import RequestRejectedError, validate_rows


def test_examples_are_valid_and_cause_no_warnings(served: Schema) -> None:
    rows = example_rows(served, 50)
    frame, warnings = validate_rows(rows, served)
    assert len(frame) == 50
    assert warnings == []


def test_examples_cover_all_categories_and_most_of_the_range(served: Schema) -> None:
    rows = example_rows(served, 50)
    assert {row["contract"] for row in rows} == {"month", "two years", "year"}
    assert min(row["tenure"] for row in rows) < 8
    assert max(row["tenure"] for row in rows) > 64


def test_the_first_example_is_in_the_middle_of_the_range(served: Schema) -> None:
    assert example_rows(served)[0]["tenure"] == 36


def test_examples_do_not_depend_on_their_number(served: Schema) -> None:
    assert example_rows(served, 9)[:3] == example_rows(served, 3)


def test_columns_without_range_or_categories_get_a_value() -> None:
    kinds = ("number", "text", "date", "category", "empty", "constant")
    bare = Schema(columns=[ColumnSchema(name=kind, kind=kind) for kind in kinds])
    assert len(validate_rows(example_rows(bare, 3), bare)[0]) == 3


def test_examples_stay_within_a_narrow_range() -> None:
    narrow = Schema(columns=[ColumnSchema(name="x", kind="number", low=1.00000001, high=1.00000002)])
    assert validate_rows(example_rows(narrow, 20), narrow)[1] == []


def test_the_broken_row_is_rejected(served: Schema) -> None:
    with pytest.raises(RequestRejectedError, match="tenure"):
        validate_rows([broken_row(example_rows(served)[0], served)], served)


def test_the_broken_row_is_rejected_without_numeric_fields() -> None:
    words = Schema(columns=[ColumnSchema(name="a", kind="text")])
    with pytest.raises(RequestRejectedError, match="field a"):
        validate_rows([broken_row({"a": "x"}, words)], words)

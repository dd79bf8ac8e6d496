"""Rows made from a schema fit that schema."""

import pytest

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.serving.example_rows import broken_row, example_rows
from glassbox.serving.request_parsing import RequestRejectedError, validate_rows


def test_every_example_is_let_in_without_a_warning(served: Schema) -> None:
    rows = example_rows(served, 50)
    frame, warnings = validate_rows(rows, served)
    assert len(frame) == 50
    assert warnings == []


def test_examples_go_through_every_category_and_most_of_the_range(served: Schema) -> None:
    rows = example_rows(served, 50)
    assert {row["contract"] for row in rows} == {"month", "two years", "year"}
    assert min(row["tenure"] for row in rows) < 8
    assert max(row["tenure"] for row in rows) > 64


def test_the_first_example_stands_in_the_middle(served: Schema) -> None:
    assert example_rows(served)[0]["tenure"] == 36


def test_more_examples_begin_with_the_same_ones(served: Schema) -> None:
    assert example_rows(served, 9)[:3] == example_rows(served, 3)


def test_columns_without_range_or_categories_get_a_value_too() -> None:
    kinds = ("number", "text", "date", "category", "empty", "constant")
    bare = Schema(columns=[ColumnSchema(name=kind, kind=kind) for kind in kinds])
    assert len(validate_rows(example_rows(bare, 3), bare)[0]) == 3


def test_a_narrow_range_is_kept() -> None:
    autocast = Schema(columns=[ColumnSchema(name="x", kind="number", low=1.00000001, high=1.00000002)])
    assert validate_rows(example_rows(autocast, 20), autocast)[1] == []


def test_the_broken_row_is_refused(served: Schema) -> None:
    with pytest.raises(RequestRejectedError, match="tenure"):
        validate_rows([broken_row(example_rows(served)[0], served)], served)


def test_the_broken_row_is_refused_where_there_are_no_numbers() -> None:
    words = Schema(columns=[ColumnSchema(name="a", kind="text")])
    with pytest.raises(RequestRejectedError, match="field a"):
        validate_rows([broken_row({"a": "x"}, words)], words)

"""Tests of request parsing and validation."""

import json
import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.serving import request_parsing
from glassbox.serving.request_parsing import RequestRejectedError, parse_json, parse_rows, validate_rows


def rejected(body: bytes) -> RequestRejectedError:
    with pytest.raises(RequestRejectedError) as caught:
        parse_rows(body)
    return caught.value


def test_an_object_is_a_single_row() -> None:
    assert parse_rows(b'{"a": 1}') == [{"a": 1}]


def test_rows_are_parsed_in_order() -> None:
    assert parse_rows(b'{"rows": [{"a": 1}, {"a": 2}]}') == [{"a": 1}, {"a": 2}]


def test_a_field_called_rows_that_holds_a_value_is_a_field() -> None:
    assert parse_rows(b'{"rows": 3}') == [{"rows": 3}]


def test_a_byte_order_mark_is_ignored() -> None:
    assert parse_rows('\ufeff{"a": 1}'.encode()) == [{"a": 1}]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "empty"),
        (b" \n", 400, "empty"),
        (b"{", 400, "line 1, column 2"),
        (b"\xff\xfe{}", 400, "byte 0"),
        (b'{"a": NaN}', 400, "NaN is not valid JSON"),
        (b'{"a": -Infinity}', 400, "-Infinity is not valid JSON"),
        (b'{"a": 1, "a": 2}', 400, "field a occurs twice"),
        (b"[" * 200_000, 400, "nested too deeply"),
        (b'{"a":' * 100_000, 400, "nested too deeply"),
        (b"[]", 422, "found a list"),
        (b"null", 422, "found null"),
        (b'{"rows": []}', 422, "no rows"),
        (b'{"rows": [{}, 3]}', 422, "Row 1: found the number 3"),
    ],
)
def test_a_body_without_rows_is_rejected_with_a_message(body: bytes, status: int, message: str) -> None:
    error = rejected(body)
    assert (error.status, message in error.detail) == (status, True), error.detail


def test_too_many_rows_are_rejected_as_too_large() -> None:
    body = json.dumps({"rows": [{}] * (request_parsing.MAX_ROWS + 1)}).encode()
    assert rejected(body).status == 413


@pytest.mark.parametrize("digits", ["9" * 301, "-" + "9" * 5000])
def test_a_huge_integer_is_parsed_as_infinite(digits: str) -> None:
    assert abs(parse_json(digits.encode())) == float("inf")


json_values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(st.characters(codec="utf-8")),
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(string.ascii_letters), inner, max_size=3),
    max_leaves=8,
)


@given(value=json_values)
def test_json_values_are_parsed_unchanged(value: object) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(body=st.binary(max_size=60))
def test_arbitrary_bytes_are_rows_or_are_rejected(body: bytes) -> None:
    with suppress(RequestRejectedError):
        assert all(isinstance(row, dict) for row in parse_rows(body))


# ---------------------------------------------------------------------------------------------------- validate_rows


def problems(row: dict[str, object], served: Schema) -> list[tuple[int, str, str]]:
    with pytest.raises(RequestRejectedError) as caught:
        validate_rows([row], served)
    assert caught.value.status == 422
    return [(p.row, p.field, p.expected) for p in caught.value.problems]


def test_a_valid_row_becomes_typed_columns_without_warnings(row: dict[str, object], served: Schema) -> None:
    frame, warnings = validate_rows([row], served)
    assert list(frame.columns) == ["tenure", "charges", "contract", "since"]
    assert [str(t) for t in frame.dtypes] == ["float64", "float64", "object", "datetime64[us]"]
    assert frame["since"][0].isoformat() == "2019-02-01T00:00:00"
    assert warnings == []


def test_the_order_of_the_fields_does_not_matter(row: dict[str, object], served: Schema) -> None:
    reversed_row = dict(reversed(row.items()))
    assert validate_rows([reversed_row], served)[0].equals(validate_rows([row], served)[0])


def test_money_is_parsed_as_in_the_training_data(row: dict[str, object], served: Schema) -> None:
    assert validate_rows([{**row, "charges": "$20.50"}], served)[0]["charges"][0] == 20.5


def test_an_invalid_number_is_named(row: dict[str, object], served: Schema) -> None:
    assert problems({**row, "tenure": "many"}, served) == [(0, "tenure", "a number")]


def test_a_missing_field_is_named(row: dict[str, object], served: Schema) -> None:
    del row["contract"]
    ((_, field, expected),) = problems(row, served)
    assert field == "contract"
    assert '"month"' in expected
    assert "null" in expected


def test_an_unknown_field_is_named_with_the_nearest_valid_name(row: dict[str, object], served: Schema) -> None:
    assert problems({**row, "tenur": 1}, served) == [(0, "tenur", "a field of the schema, perhaps tenure")]


@pytest.mark.parametrize("value", [[1], {"a": 1}, float("inf"), "\ud800"])
def test_invalid_values_are_named(value: object, row: dict[str, object], served: Schema) -> None:
    assert [p[:2] for p in problems({**row, "tenure": value}, served)] == [(0, "tenure")]


def test_an_infinite_number_is_not_a_category(row: dict[str, object], served: Schema) -> None:
    assert [p[1] for p in problems({**row, "contract": float("inf")}, served)] == ["contract"]


def test_problems_name_the_row(row: dict[str, object], served: Schema) -> None:
    with pytest.raises(RequestRejectedError) as caught:
        validate_rows([row, {**row, "tenure": "x"}], served)
    assert [p.row for p in caught.value.problems] == [1]


def test_the_number_of_reported_problems_is_limited(row: dict[str, object], served: Schema) -> None:
    with pytest.raises(RequestRejectedError) as caught:
        validate_rows([{f"unknown {i}": 1 for i in range(100_000)}], served)
    assert len(caught.value.problems) == request_parsing.MAX_PROBLEMS


def test_unused_columns_are_accepted_and_ignored(row: dict[str, object], served: Schema) -> None:
    frame, _ = validate_rows([{**row, "customer": "c1", "churned": "Yes"}], served)
    assert "customer" not in frame
    assert "churned" not in frame


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"tenure": 73}, "0 to 72 in the training data"),
        ({"contract": "week"}, 'one of "month", "two years", "year" in the training data'),
        ({"since": "01.01.2031"}, "2015-01-01 to 2020-12-31 in the training data"),
        ({"tenure": None}, "never missing in the training data"),
    ],
)
def test_values_outside_the_training_data_cause_a_warning(
    change: dict[str, object], expected: str, row: dict[str, object], served: Schema
) -> None:
    _, warnings = validate_rows([{**row, **change}], served)
    assert [(w.field, w.expected) for w in warnings] == [(next(iter(change)), expected)]


@pytest.mark.parametrize("change", [{"tenure": 0}, {"tenure": 72}, {"charges": None}, {"since": "31.12.2020"}])
def test_values_within_the_training_data_cause_no_warning(
    change: dict[str, object], row: dict[str, object], served: Schema
) -> None:
    assert validate_rows([{**row, **change}], served)[1] == []


def test_warnings_are_sorted_by_row_then_by_field(row: dict[str, object], served: Schema) -> None:
    odd = {**row, "tenure": 99, "contract": "week"}
    _, warnings = validate_rows([{**row, "contract": "week"}, odd], served)
    assert [(w.row, w.field) for w in warnings] == [(0, "contract"), (1, "tenure"), (1, "contract")]


def test_rows_are_not_changed(row: dict[str, object], served: Schema) -> None:
    before = dict(row)
    validate_rows([row], served)
    assert row == before


def test_long_values_are_truncated_in_messages(row: dict[str, object], served: Schema) -> None:
    with pytest.raises(RequestRejectedError) as caught:
        validate_rows([{**row, "tenure": "x" * 10_000}], served)
    assert len(caught.value.detail) < 300


@pytest.mark.parametrize("value", [False, "false", "False", "no", "No", 0, "0"])
def test_a_boolean_may_be_sent_in_every_writing(value: object) -> None:
    schema = Schema(columns=[ColumnSchema(name="member", kind="boolean", categories=["False", "True"])])
    frame, warnings = validate_rows([{"member": value}], schema)
    assert (frame["member"][0], warnings) == ("False", [])

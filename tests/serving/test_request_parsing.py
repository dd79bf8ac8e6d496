"""What the door lets in, what it refuses, and in which words."""

import json
import string
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.data.schema import Schema
from glassbox.serving import request_parsing
from glassbox.serving.request_parsing import RequestRejectedError, parse_json, parse_rows, validate_rows


def refused(body: bytes) -> RequestRejectedError:
    with pytest.raises(RequestRejectedError) as caught:
        parse_rows(body)
    return caught.value


def test_one_object_is_one_row() -> None:
    assert parse_rows(b'{"a": 1}') == [{"a": 1}]


def test_rows_are_several_rows_in_order() -> None:
    assert parse_rows(b'{"rows": [{"a": 1}, {"a": 2}]}') == [{"a": 1}, {"a": 2}]


def test_a_field_called_rows_that_holds_a_value_is_a_field() -> None:
    assert parse_rows(b'{"rows": 3}') == [{"rows": 3}]


def test_a_byte_order_mark_is_no_part_of_the_row() -> None:
    assert parse_rows('\ufeff{"a": 1}'.encode()) == [{"a": 1}]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 400, "empty"),
        (b" \n", 400, "empty"),
        (b"{", 400, "line 1, column 2"),
        (b"\xff\xfe{}", 400, "byte 0"),
        (b'{"a": NaN}', 400, "NaN is not JSON"),
        (b'{"a": -Infinity}', 400, "-Infinity is not JSON"),
        (b'{"a": 1, "a": 2}', 400, "field a stands twice"),
        (b"[" * 200_000, 400, "nested too deeply"),
        (b'{"a":' * 100_000, 400, "nested too deeply"),
        (b"[]", 422, "found a list"),
        (b"null", 422, "found null"),
        (b'{"rows": []}', 422, "no rows"),
        (b'{"rows": [{}, 3]}', 422, "Row 1: found the number 3"),
    ],
)
def test_a_body_that_holds_no_rows_is_refused_in_words(body: bytes, status: int, says: str) -> None:
    error = refused(body)
    assert (error.status, says in error.detail) == (status, True), error.detail


def test_more_rows_than_a_batch_holds_are_refused_as_too_large() -> None:
    body = json.dumps({"rows": [{}] * (request_parsing.MAX_ROWS + 1)}).encode()
    assert refused(body).status == 413


@pytest.mark.parametrize("digits", ["9" * 301, "-" + "9" * 5000])
def test_a_whole_number_beyond_every_float_is_read_as_infinite(digits: str) -> None:
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
def test_what_json_says_is_what_is_read(value: object) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(body=st.binary(max_size=60))
def test_any_bytes_are_rows_or_are_refused(body: bytes) -> None:
    with suppress(RequestRejectedError):
        assert all(isinstance(row, dict) for row in parse_rows(body))


# ------------------------------------------------------------------------------------------------------------- admit


def problems(row: dict[str, object], served: Schema) -> list[tuple[int, str, str]]:
    with pytest.raises(RequestRejectedError) as caught:
        validate_rows([row], served)
    assert caught.value.status == 422
    return [(p.row, p.field, p.expected) for p in caught.value.problems]


def test_a_row_that_fits_becomes_typed_columns_without_warnings(row: dict[str, object], served: Schema) -> None:
    frame, warnings = validate_rows([row], served)
    assert list(frame.columns) == ["tenure", "charges", "contract", "since"]
    assert [str(t) for t in frame.dtypes] == ["float64", "float64", "object", "datetime64[us]"]
    assert frame["since"][0].isoformat() == "2019-02-01T00:00:00"
    assert warnings == []


def test_the_order_of_the_fields_does_not_matter(row: dict[str, object], served: Schema) -> None:
    turned = dict(reversed(row.items()))
    assert validate_rows([turned], served)[0].equals(validate_rows([row], served)[0])


def test_money_is_read_as_in_the_training_data(row: dict[str, object], served: Schema) -> None:
    assert validate_rows([{**row, "charges": "$20.50"}], served)[0]["charges"][0] == 20.5


def test_a_number_that_cannot_be_read_is_named(row: dict[str, object], served: Schema) -> None:
    assert problems({**row, "tenure": "many"}, served) == [(0, "tenure", "a number")]


def test_a_field_left_out_is_named(row: dict[str, object], served: Schema) -> None:
    del row["contract"]
    ((_, field, expected),) = problems(row, served)
    assert field == "contract"
    assert '"month"' in expected
    assert "null" in expected


def test_an_unknown_field_is_named_with_the_nearest_valid_name(row: dict[str, object], served: Schema) -> None:
    assert problems({**row, "tenur": 1}, served) == [(0, "tenur", "a field of the schema, perhaps tenure")]


@pytest.mark.parametrize("value", [[1], {"a": 1}, float("inf"), "\ud800"])
def test_what_is_no_value_is_named(value: object, row: dict[str, object], served: Schema) -> None:
    assert [p[:2] for p in problems({**row, "tenure": value}, served)] == [(0, "tenure")]


def test_a_number_beyond_every_float_is_no_category_either(row: dict[str, object], served: Schema) -> None:
    assert [p[1] for p in problems({**row, "contract": float("inf")}, served)] == ["contract"]


def test_problems_name_the_row(row: dict[str, object], served: Schema) -> None:
    with pytest.raises(RequestRejectedError) as caught:
        validate_rows([row, {**row, "tenure": "x"}], served)
    assert [p.row for p in caught.value.problems] == [1]


def test_a_thousand_problems_are_told_as_the_first_few(row: dict[str, object], served: Schema) -> None:
    with pytest.raises(RequestRejectedError) as caught:
        validate_rows([{f"unknown {i}": 1 for i in range(100_000)}], served)
    assert len(caught.value.problems) == request_parsing.MAX_PROBLEMS


def test_what_the_model_does_not_use_may_be_sent_along(row: dict[str, object], served: Schema) -> None:
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
def test_what_the_training_data_had_not_is_answered_with_a_warning(
    change: dict[str, object], expected: str, row: dict[str, object], served: Schema
) -> None:
    _, warnings = validate_rows([{**row, **change}], served)
    assert [(w.field, w.expected) for w in warnings] == [(next(iter(change)), expected)]


@pytest.mark.parametrize("change", [{"tenure": 0}, {"tenure": 72}, {"charges": None}, {"since": "31.12.2020"}])
def test_what_the_training_data_had_gets_no_warning(change: dict[str, object], row: dict[str, object], served: Schema) -> None:
    assert validate_rows([{**row, **change}], served)[1] == []


def test_warnings_come_by_row_then_by_field(row: dict[str, object], served: Schema) -> None:
    odd = {**row, "tenure": 99, "contract": "week"}
    _, warnings = validate_rows([{**row, "contract": "week"}, odd], served)
    assert [(w.row, w.field) for w in warnings] == [(0, "contract"), (1, "tenure"), (1, "contract")]


def test_rows_are_not_changed(row: dict[str, object], served: Schema) -> None:
    before = dict(row)
    validate_rows([row], served)
    assert row == before


def test_long_values_are_cut_in_messages(row: dict[str, object], served: Schema) -> None:
    with pytest.raises(RequestRejectedError) as caught:
        validate_rows([{**row, "tenure": "x" * 10_000}], served)
    assert len(caught.value.detail) < 300

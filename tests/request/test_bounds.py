"""Bounds on metrics and expected numbers of rows are parsed from text."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from glassbox.request.bounds import Bound, parse_size, size_matches

NUMBERS = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("text", "op", "value", "unit"),
    [
        (">95%", ">", 0.95, ""),
        (">=0.9", ">=", 0.9, ""),
        ("<100ms", "<", 100.0, "ms"),
        ("<0.2s", "<", 200.0, "ms"),
        ("<3.5", "<", 3.5, ""),
        (" <= 12.5 % ", "<=", 0.125, ""),
        ("≥ 0.5", ">=", 0.5, ""),
        ("≤1e-3", "<=", 0.001, ""),
    ],
)
def test_a_bound_is_parsed(text: str, op: str, value: float, unit: str) -> None:
    bound = Bound.parse(text)
    assert (bound.op, bound.value, bound.unit, bound.text) == (op, value, unit, text.strip())


@pytest.mark.parametrize("text", [">99.9%", ">99.99%", ">33.3%", ">0.7%"])
def test_a_percentage_becomes_the_exact_decimal_share(text: str) -> None:
    # 99.99 / 100 in floating point is 0.9998999999999999
    digits = text[1:-1]
    assert Bound.parse(text).value == float(f"0.{digits.replace('.', '').rjust(len(digits.split('.')[1]) + 2, '0')}")


@pytest.mark.parametrize(
    "text", ["", ">", "95", "0.9", ">abc", ">9,5", ">5kg", "=5", "==5", ">>5", ">nan", "<inf", ">1e999", "> 1 0"]
)
def test_an_invalid_bound_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="expected a bound"):
        Bound.parse(text)


def test_a_number_without_an_operator_is_rejected_with_an_example() -> None:
    with pytest.raises(ValueError, match=r"begins with >, >=, < or <=, such as '>=0\.9'"):
        Bound.parse("0.9")


@pytest.mark.parametrize(("op", "met"), [(">", False), (">=", True), ("<", False), ("<=", True)])
def test_the_bound_itself_meets_only_operators_with_equality(op: str, met: bool) -> None:
    assert Bound.parse(f"{op}0.9").holds(0.9) is met


@pytest.mark.parametrize(
    ("text", "low", "high", "verdict"),
    [
        (">0.8", 0.81, 0.9, "met"),
        (">0.8", 0.8, 0.9, "not proven"),
        (">=0.8", 0.8, 0.9, "met"),
        (">0.8", 0.7, 0.8, "not met"),
        (">=0.8", 0.7, 0.8, "not proven"),
        (">0.8", 0.75, 0.85, "not proven"),
        ("<100ms", 20, 99.9, "met"),
        ("<100ms", 20, 100, "not proven"),
        ("<100ms", 100, 120, "not met"),
    ],
)
def test_the_verdict_is_decided_by_the_interval(text: str, low: float, high: float, verdict: str) -> None:
    assert Bound.parse(text).verdict((low + high) / 2, low, high) == verdict


@pytest.mark.parametrize(("value", "verdict"), [(0.9, "met"), (0.7, "not met"), (None, "not proven"), (math.nan, "not proven")])
def test_without_an_interval_the_value_decides(value: float | None, verdict: str) -> None:
    assert Bound.parse(">0.8").verdict(value) == verdict


def test_a_nan_end_of_the_interval_is_unknown() -> None:
    assert Bound.parse(">0.8").verdict(0.9, math.nan, math.nan) == "met"


@given(st.sampled_from([">", ">=", "<", "<="]), NUMBERS, st.tuples(NUMBERS, NUMBERS, NUMBERS).map(sorted))
def test_a_verdict_never_contradicts_a_value_inside_the_interval(op: str, value: float, ends: list[float]) -> None:
    bound = Bound(op=op, value=value)
    low, middle, high = ends
    verdict = bound.verdict(middle, low, high)
    assert verdict == "not proven" or bound.holds(middle) is (verdict == "met")


@given(st.sampled_from([">", ">=", "<", "<="]), st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["", "ms"]))
def test_the_text_of_a_bound_parses_to_the_same_bound(op: str, value: float, unit: str) -> None:
    bound = Bound(op=op, value=value, unit=unit)
    assert Bound.parse(bound.text) == bound


def test_a_bound_must_be_finite() -> None:
    with pytest.raises(ValidationError):
        Bound(op=">", value=math.inf)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("7K rows", 7_000),
        ("100k ROWS", 100_000),
        ("1.2M", 1_200_000),
        ("7043", 7_043),
        ("7,043 rows", 7_043),
        ("1 row", 1),
        ("2B records", 2_000_000_000),
        (" 5 ", 5),
        ("0.0015M", 1_500),
    ],
)
def test_a_size_is_parsed(text: str, rows: int) -> None:
    assert parse_size(text) == rows


@pytest.mark.parametrize("text", ["", "many", "7 GB", "-5", "0 rows", "0.2", "7,04", "1e6", "nan", "9" * 400, "٣"])
def test_an_invalid_size_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_size(text)


@pytest.mark.parametrize(
    ("expected", "actual", "matches"), [(7000, 3500, True), (7000, 3499, False), (7000, 14000, True), (7000, 14001, False)]
)
def test_a_size_matches_within_a_factor_of_two(expected: int, actual: int, matches: bool) -> None:
    assert size_matches(expected, actual) is matches

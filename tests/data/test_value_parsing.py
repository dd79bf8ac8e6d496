"""Parsing of single cells."""

from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.data import value_parsing


@pytest.mark.parametrize(
    ("text", "decimal", "value", "writing"),
    [
        ("1234.5", ".", 1234.5, "plain"),
        ("-.5e3", ".", -500.0, "plain"),
        ("1,234.5", ".", 1234.5, "text"),
        ("1,234,567", ".", 1234567.0, "text"),
        ("12,34,567.5", ".", 1234567.5, "text"),
        ("1 234", ".", 1234.0, "text"),
        ("1\u202f234,5", ",", 1234.5, "text"),
        ("1'234.5", ".", 1234.5, "text"),
        ("1.234,56", ",", 1234.56, "text"),
        ("3,14", ",", 3.14, "text"),
        ("1.234", ",", 1234.0, "text"),
        ("$1,000.00", ".", 1000.0, "money"),
        ("($5.00)", ".", -5.0, "money"),
        ("-$5", ".", -5.0, "money"),
        ("$-5", ".", -5.0, "money"),
        ("1.000,50 €", ",", 1000.5, "money"),
        ("EUR 12", ".", 12.0, "money"),
        ("12 %", ".", 12.0, "percent"),
        ("12,5%", ",", 12.5, "percent"),
        ("\u22125", ".", -5.0, "plain"),
    ],
)
def test_numbers_are_parsed_in_common_notations(text, decimal, value, writing):
    assert value_parsing.read_number(text, decimal) == (value, writing)


@pytest.mark.parametrize(
    "text",
    ["", "abc", "1_000", "1,23", "12,3456", "1,234.5,6", "٣", "nan", "0x10", "$", "%", "1-2", "--1", "(1", "1e", "$1 €", "1.2.3"],
)
def test_other_texts_are_not_numbers(text):
    assert value_parsing.read_number(text) is None


@pytest.mark.parametrize("text", ["inf", "-Infinity", "1e999", "-1e999"])
def test_numbers_beyond_the_range_of_floats_are_infinite(text):
    number = value_parsing.read_number(text)
    assert number is not None
    assert number.value == (float("-inf") if text.startswith("-") else float("inf"))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_round_trip_through_text(value):
    text = value_parsing.to_text(value)
    assert text is not None
    assert value_parsing.read_number(text) == (value, "plain")


@pytest.mark.parametrize(
    ("text", "form", "moment"),
    [
        ("2020-02-29", "%Y-%m-%d", datetime(2020, 2, 29)),
        ("2020-02-03T04:05:06.5Z", "%Y-%m-%d", datetime(2020, 2, 3, 4, 5, 6, 500_000)),
        ("2020-02-03 23:00 -02:00", "%Y-%m-%d", datetime(2020, 2, 4, 1, 0)),
        ("3.2.2020", "%d.%m.%Y", datetime(2020, 2, 3)),
        ("02/03/2020 1:05 PM", "%m/%d/%Y", datetime(2020, 2, 3, 13, 5)),
        ("02/03/2020 12:05 am", "%m/%d/%Y", datetime(2020, 2, 3, 0, 5)),
        ("28-Feb-68", "%d-%b-%y", datetime(2068, 2, 28)),
        ("28-FEB-69", "%d-%b-%y", datetime(1969, 2, 28)),
        ("March 4, 1512", "%B %d, %Y", datetime(1512, 3, 4)),
        ("20200203", "%Y%m%d", datetime(2020, 2, 3)),
        ("2020-02", "%Y-%m", datetime(2020, 2, 1)),
        ("0001-01-01", "%Y-%m-%d", datetime(1, 1, 1)),
    ],
)
def test_dates_are_parsed_in_their_format(text, form, moment):
    assert value_parsing.read_date(text, form) == moment


@pytest.mark.parametrize(
    "text", ["2020-02-30", "0000-01-01", "2020-01-01 25:00", "2020-01-01 13:00 PM", "2020-01-01x", "0001-01-01 00:00+01:00"]
)
def test_invalid_dates_are_not_parsed(text):
    assert value_parsing.read_date(text) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (None, None),
        (float("nan"), None),
        (pd.NaT, None),
        (pd.NA, None),
        (5, "5"),
        (5.0, "5"),
        (np.float64(0.1), "0.1"),
        (np.int8(3), "3"),
        (True, "True"),
        (Decimal("1.50"), "1.50"),
        (date(2020, 1, 2), "2020-01-02"),
        (pd.Timestamp("2020-01-02"), "2020-01-02"),
        (np.datetime64("2020-01-02T03:04"), "2020-01-02 03:04:00"),
        ([1, {"a": None}], '[1, {"a": null}]'),
        (b"\x01", "01"),
    ],
)
def test_values_of_all_sources_have_the_same_text(value, text):
    assert value_parsing.to_text(value) == text


def test_only_words_for_missing_values_are_missing():
    assert [value_parsing.clean(text) for text in ["", " ", "NA", "#N/A", "null", "nan", "0", "-", "no"]] == [None] * 6 + [
        "0",
        "-",
        "no",
    ]


def test_equal_values_have_equal_canonical_texts():
    assert len({value_parsing.canonical(text) for text in ["1000", "1000.0", " $1,000.00 ", "1e3"]}) == 1
    assert value_parsing.canonical("-0") == value_parsing.canonical("0")
    assert value_parsing.canonical("a") != value_parsing.canonical("A")


@given(st.text(max_size=20))
def test_parsers_accept_any_text(text):
    value_parsing.canonical(text)
    for form in value_parsing.DATE_FORMATS:
        value_parsing.read_date(text, form)
    value_parsing.read_number(text, ",")

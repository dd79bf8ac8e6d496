"""Tests of binning."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.monitoring.bins import MAX_BINS, MAX_CATEGORIES, Bins, bin_codes, bin_counts, make_bins


def test_a_hundred_numbers_are_binned_by_deciles() -> None:
    column = pd.Series(np.arange(100.0))
    bins = make_bins(column, "number")
    assert bins.edges == [10, 20, 30, 40, 50, 60, 70, 80, 90]
    assert bin_counts(column, bins).tolist() == [11, 10, 10, 10, 10, 10, 10, 10, 10, 9, 0]


def test_a_column_with_few_distinct_values_gets_a_bin_per_value() -> None:
    column = pd.Series([1.0, 1.0, 2.0, 5.0])
    bins = make_bins(column, "number")
    assert bins.edges == [1, 2]
    assert bin_counts(column, bins).tolist() == [2, 1, 1, 0]


def test_a_mostly_zero_column_has_a_bin_for_zero() -> None:
    column = pd.Series([0.0] * 80 + list(range(1, 21)))
    counts = bin_counts(column, make_bins(column, "number"))
    assert counts[0] == 80
    assert (counts[:-1] > 0).all()


def test_missing_values_have_their_own_bin() -> None:
    assert bin_counts(pd.Series([1.0, None, np.nan]), Bins(scale="number", edges=[3.0])).tolist() == [1, 0, 2]


def test_infinite_values_fall_into_the_outer_bins() -> None:
    assert bin_counts(pd.Series([-np.inf, np.inf]), Bins(scale="number", edges=[0.0])).tolist() == [1, 1, 0]


def test_an_edge_belongs_to_the_bin_below() -> None:
    assert bin_codes(pd.Series([2.0, 2.1]), Bins(scale="number", edges=[2.0])).tolist() == [0, 1]


def test_an_empty_column_has_one_bin_besides_the_missing_bin() -> None:
    bins = make_bins(pd.Series([np.nan, np.nan]), "number")
    assert bins.labels == ["any", "missing"]
    assert bin_counts(pd.Series([np.nan, 1.0]), bins).tolist() == [1, 1]


def test_categories_are_ordered_by_frequency_then_by_name() -> None:
    bins = make_bins(pd.Series(["b", "c", "a", "b"]), "category")
    assert bins.categories == ["b", "a", "c"]


def test_an_unseen_category_falls_into_the_other_bin() -> None:
    bins = make_bins(pd.Series(["a", "b"]), "category")
    assert bin_counts(pd.Series(["z", "a", None]), bins).tolist() == [1, 0, 1, 1]


def test_rare_categories_share_a_bin() -> None:
    column = pd.Series([f"c{i:02d}" for i in range(30)] + ["c07"])
    bins = make_bins(column, "category")
    assert len(bins.categories) == MAX_CATEGORIES
    assert bins.categories[0] == "c07"
    assert bin_counts(column, bins)[-2] == 31 - 1 - MAX_CATEGORIES


def test_dates_of_any_century_are_binned_by_day() -> None:
    column = pd.Series(np.array(["1512-03-04", "1969-12-31", "2020-01-01", "NaT"], dtype="datetime64[us]"))
    bins = make_bins(column, "days")
    assert bins.edges[1] == -1
    assert bin_counts(column, bins).tolist() == [1, 1, 1, 1]


def test_text_is_binned_by_length() -> None:
    assert bin_counts(pd.Series(["", "abc", None]), Bins(scale="length", edges=[2.0])).tolist() == [1, 1, 1]


def test_labels_describe_the_bins() -> None:
    assert Bins(scale="number", edges=[1.0, 2.5]).labels == ["up to 1", "1 to 2.5", "over 2.5", "missing"]
    assert Bins(scale="category", categories=["a"]).labels == ["a", "other", "missing"]


numbers = st.lists(st.none() | st.floats(allow_nan=False, width=32), min_size=1, max_size=60)


@given(values=numbers)
def test_every_value_falls_into_exactly_one_bin(values: list[float | None]) -> None:
    column = pd.Series(values, dtype="float64")
    bins = make_bins(column, "number")
    counts = bin_counts(column, bins)
    assert counts.sum() == len(values)
    assert len(counts) == bins.size == len(bins.labels) <= MAX_BINS + 1


@given(values=numbers, seed=st.integers(0, 9))
def test_bins_do_not_depend_on_the_order_of_the_rows(values: list[float | None], seed: int) -> None:
    column = pd.Series(values, dtype="float64")
    assert make_bins(column.sample(frac=1, random_state=seed), "number") == make_bins(column, "number")


@pytest.mark.parametrize("scale", ["number", "category"])
def test_a_column_is_not_changed(scale: str) -> None:
    column = pd.Series([2.0, 1.0]) if scale == "number" else pd.Series(["b", "a"])
    before = column.copy()
    bin_counts(column, make_bins(column, scale))  # type: ignore[arg-type]
    pd.testing.assert_series_equal(column, before)

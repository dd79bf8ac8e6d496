"""Tests of drift statistics, their simulated limits, and the comparison of a batch."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2

from glassbox.errors import GlassboxError
from glassbox.monitoring.bins import Bins
from glassbox.monitoring.drift import MATERIAL_PSI, chance_index, drift, drift_limits, jensen_shannon, stability_index
from glassbox.monitoring.profile import ColumnProfile, Profile


def column(counts: list[int], name: str = "a") -> ColumnProfile:
    return ColumnProfile(name=name, role="field", bins=Bins(scale="number", edges=list(range(len(counts) - 2))), counts=counts)


def test_the_index_equals_a_manual_calculation() -> None:
    # With half a row added: p = (0.5, 0.5), q = (0.75, 0.25); (0.25 ln 1.5) + (-0.25 ln 0.5) = 0.25 ln 3.
    assert float(stability_index([3, 3], [2.5, 0.5])) == pytest.approx(0.25 * math.log(3))


def test_the_index_of_an_empty_bin_is_finite() -> None:
    assert np.isfinite(stability_index([100, 0], [0, 100]))


counts = st.lists(st.integers(0, 50), min_size=3, max_size=3).filter(any)


@given(a=counts, b=counts)
def test_the_jensen_shannon_distance_equals_scipys(a: list[int], b: list[int]) -> None:
    assert float(jensen_shannon(a, b)) == pytest.approx(float(jensenshannon(a, b, base=2)), abs=1e-7)


@given(a=counts, b=counts)
def test_both_statistics_are_symmetric_and_non_negative(a: list[int], b: list[int]) -> None:
    for statistic in (stability_index, jensen_shannon):
        assert float(statistic(a, b)) == pytest.approx(float(statistic(b, a)), abs=1e-12)
        assert float(statistic(a, b)) >= 0


def test_statistics_are_vectorised_over_batches() -> None:
    batches = np.array([[5, 5], [9, 1]])
    assert stability_index([5, 5], batches).tolist() == [float(stability_index([5, 5], b)) for b in batches]


def test_the_chance_limit_is_close_to_the_chi_squared_approximation() -> None:
    # Yurdakul (2018): PSI is about (1/n + 1/N) chi-squared with one degree fewer than bins.
    reference = column([1000, 1000, 1000, 1000])
    expected = (1 / 800 + 1 / 4000) * chi2.isf(0.05, 3)
    assert chance_index(reference, 800, 0.05) == pytest.approx(expected, rel=0.05)


def test_the_limit_is_extrapolated_beyond_the_simulated_range() -> None:
    reference = column([1000, 1000, 1000])
    levels = [chance_index(reference, 500, level) for level in (1e-2, 1e-3, 1e-4, 1e-5)]
    assert levels == sorted(levels)
    assert levels[-1] / levels[1] == pytest.approx(chi2.isf(1e-5, 2) / chi2.isf(1e-3, 2))


def test_smaller_batches_have_larger_limits() -> None:
    reference = column([500, 300, 200])
    assert chance_index(reference, 50, 0.01) > chance_index(reference, 500, 0.01) > chance_index(reference, 5000, 0.01)


def test_the_limit_is_reproducible_and_independent_of_the_column_order() -> None:
    a, b = column([50, 30, 20], "a"), column([50, 30, 20], "b")
    limits = drift_limits(Profile(rows=100, model="m", columns=[a, b]), 50, 0.1)
    swapped = drift_limits(Profile(rows=100, model="m", columns=[b, a]), 50, 0.1)
    assert limits == swapped[::-1]


def test_the_allowed_false_alarm_rate_is_divided_among_the_columns() -> None:
    columns = [column([50, 30, 20], name) for name in "abcd"]
    single = drift_limits(Profile(rows=100, model="m", columns=columns[:1]), 50, 0.04)[0]
    several = drift_limits(Profile(rows=100, model="m", columns=columns), 50, 0.04)[0]
    assert several > single
    assert several == chance_index(columns[0], 50, 0.01)


def test_a_small_shift_is_ignored_for_any_number_of_rows() -> None:
    big = Profile(rows=10**6, model="m", columns=[column([500_000, 500_000, 0])])
    assert drift_limits(big, 10**6, 0.01) == [MATERIAL_PSI]


@pytest.mark.parametrize(("rows", "share"), [(0, 0.01), (10, 0.0), (10, 1.0)])
def test_invalid_rows_or_false_alarm_rates_are_rejected(rows: int, share: float, profile: Profile) -> None:
    with pytest.raises(ValueError, match="false_alarms"):
        drift_limits(profile, rows, share)


def drift_table(profile: Profile, batch: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    return drift(profile, batch, predictions, drift_limits(profile, len(batch), 0.01)).set_index("column")


def test_the_training_data_do_not_drift_from_the_profile(
    profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame
) -> None:
    table = drift_table(profile, train, predictions)
    assert table["psi"].tolist() == [0] * len(profile.columns)
    assert not table["drifted"].any()


def test_only_the_changed_field_drifts(profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame) -> None:
    batch = train.iloc[:500].assign(charges=train["charges"].iloc[:500] * 100)
    table = drift_table(profile, batch, predictions.iloc[:500])
    assert table.index[table["drifted"]].tolist() == ["charges"]
    assert table.index[0] == "charges"
    assert table.loc["charges", "most changed"].startswith("over")


def test_a_field_that_stops_arriving_drifts(profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame) -> None:
    table = drift_table(profile, train.iloc[:500].assign(contract=None), predictions.iloc[:500])
    assert (table.loc["contract", "most changed"], table.loc["contract", "now"]) == ("missing", 1)
    assert table.loc["contract", "drifted"]


def test_unseen_categories_drift(profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame) -> None:
    table = drift_table(profile, train.iloc[:500].assign(contract="week"), predictions.iloc[:500])
    assert table.loc["contract", "most changed"] == "other"


def test_changed_predictions_drift(profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame) -> None:
    table = drift_table(profile, train.iloc[:500], predictions.iloc[:500] ** 3)
    assert table.index[table["drifted"]].tolist() == ["proba_Yes"]


def test_an_empty_batch_is_rejected(profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame) -> None:
    with pytest.raises(GlassboxError, match="no rows"):
        drift(profile, train.iloc[:0], predictions.iloc[:0], [1.0] * len(profile.columns))


def test_a_batch_without_a_column_is_rejected_with_the_column_name(
    profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame
) -> None:
    with pytest.raises(GlassboxError, match="field named 'note'"):
        drift(profile, train.drop(columns="note"), predictions, [1.0] * len(profile.columns))

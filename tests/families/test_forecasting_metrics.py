"""Forecast metrics: values computed by hand, and agreement with utilsforecast on random series."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.families.forecasting.metrics import (
    QUANTILES,
    Forecasts,
    by_step,
    by_window,
    estimate,
    leading_metric,
    paired_gain,
    pinball_errors,
    score,
    symmetric_errors,
)
from glassbox.families.forecasting.panel import scales
from glassbox.request.bounds import Bound


def forecasts(actual: list[list[float]], point: list[list[float]], scale: float = 1.0, scale2: float = 1.0) -> Forecasts:
    windows = len(actual)
    ones = np.ones(windows)
    return Forecasts(np.arange(windows), np.full(windows, 10), np.array(actual), np.array(point), scale * ones, scale2 * ones)


def test_mase_matches_a_calculation_by_hand() -> None:
    # Hyndman and Koehler (2006): past 1 3 6 10, naive errors 2 3 4, their mean 3; errors ahead 1 and 5, their mean 3.
    past = np.array([[1.0, 3.0, 6.0, 10.0]])
    assert scales(past, 1).tolist() == [3.0]
    assert score(forecasts([[11.0, 15.0]], [[10.0, 10.0]], scale=3.0), "mase") == 1.0


def test_rmsse_matches_a_calculation_by_hand() -> None:
    # Squares of the naive errors 2 3 4: mean 29 / 3; squares ahead 1 and 25: mean 13.
    scale2 = float(scales(np.array([[1.0, 3.0, 6.0, 10.0]]), 1, power=2)[0])
    assert scale2 == pytest.approx(29 / 3)
    assert score(forecasts([[11.0, 15.0]], [[10.0, 10.0]], scale2=scale2), "rmsse") == pytest.approx((13 * 3 / 29) ** 0.5)


def test_scale_starts_at_the_first_non_zero_value() -> None:
    assert scales(np.array([[0.0, 0.0, 0.0, 4.0, 2.0, 6.0]]), 1).tolist() == [3.0]


def test_scale_of_a_constant_series_is_positive() -> None:
    assert scales(np.array([[5.0, 5.0, 5.0], [0.0, 0.0, 0.0]]), 1).tolist() == [5.0, 1.0]


def test_smape_matches_a_calculation_by_hand() -> None:
    assert symmetric_errors(np.array([100.0, 0.0, 50.0]), np.array([50.0, 0.0, -50.0])).tolist() == pytest.approx(
        [2 / 3, 0.0, 2.0]
    )


def test_pinball_loss_matches_a_calculation_by_hand() -> None:
    # Actual value 10, level 0.9: a quantile of 8 is 2 too low and costs 0.9 x 2; one of 13 is 3 too high and costs 0.1 x 3.
    errors = pinball_errors(np.array([[10.0, 10.0]]), np.array([[[8.0], [13.0]]]), [0.9])
    assert errors.tolist() == [pytest.approx([1.8, 0.3])]


def test_scaled_pinball_loss_at_the_median_equals_mase() -> None:
    windows = forecasts([[11.0, 15.0]], [[10.0, 10.0]], scale=3.0)
    quantiles = np.repeat(windows.point[:, :, None], len(QUANTILES), axis=2)
    symmetric = Forecasts(windows.series, windows.origin, windows.actual, windows.point, windows.scale, windows.scale2, quantiles)
    assert score(symmetric, "pinball") == pytest.approx(score(windows, "mase"))


def test_coverage_is_the_share_of_steps_inside_the_outer_interval() -> None:
    windows = forecasts([[1.0, 5.0, 9.0, np.nan]], [[5.0, 5.0, 5.0, 5.0]])
    quantiles = np.broadcast_to(np.array([2.0, 4.0, 5.0, 6.0, 9.0]), (1, 4, 5))
    inside = Forecasts(windows.series, windows.origin, windows.actual, windows.point, windows.scale, windows.scale2, quantiles)
    assert score(inside, "coverage") == pytest.approx(2 / 3)


def test_steps_without_an_actual_value_are_not_scored() -> None:
    assert score(forecasts([[np.nan, 3.0]], [[100.0, 1.0]]), "mae") == 2.0
    assert by_step(forecasts([[np.nan, 3.0]], [[100.0, 1.0]]), "mae").tolist() == [pytest.approx(np.nan, nan_ok=True), 2.0]


@pytest.mark.filterwarnings("ignore:invalid escape sequence")  # in utilsforecast, when it is first compiled
@given(st.integers(0, 2**31))
def test_metrics_agree_with_utilsforecast(seed: int) -> None:
    from utilsforecast import losses

    rng = np.random.default_rng(seed)
    past, actual, point = rng.gamma(2, 10, (3, 40)), rng.gamma(2, 10, (3, 7)), rng.gamma(2, 10, (3, 7))
    names = np.array(["a", "b", "c"])

    def long(values: np.ndarray, **more: np.ndarray) -> pd.DataFrame:
        steps = values.shape[1]
        parts = {"unique_id": np.repeat(names, steps), "ds": np.tile(np.arange(steps), 3), "y": values.ravel()}
        return pd.DataFrame({**parts, **{name: matrix.ravel() for name, matrix in more.items()}})

    frame, train = long(actual, model=point), long(past)
    windows = Forecasts(np.arange(3), np.full(3, 40), actual, point, scales(past, 7), scales(past, 1, power=2))
    assert by_window(windows, "mase") == pytest.approx(losses.mase(frame, ["model"], 7, train_df=train)["model"].to_numpy())
    assert by_window(windows, "rmsse") == pytest.approx(losses.rmsse(frame, ["model"], 1, train_df=train)["model"].to_numpy())
    assert by_window(windows, "mae") == pytest.approx(losses.mae(frame, ["model"])["model"].to_numpy())
    # utilsforecast divides sMAPE by two.
    assert by_window(windows, "smape") == pytest.approx(2 * losses.smape(frame, ["model"])["model"].to_numpy())
    expected = losses.quantile_loss(frame, {"model": "model"}, q=0.9)["model"].to_numpy()
    assert pinball_errors(actual, point[:, :, None], [0.9]).mean(axis=1) == pytest.approx(expected)


def test_a_metric_does_not_depend_on_the_order_of_the_windows() -> None:
    rng = np.random.default_rng(0)
    windows = forecasts(rng.random((9, 4)).tolist(), rng.random((9, 4)).tolist())
    shuffled = windows.take(rng.permutation(9))
    assert score(windows, "rmsse") == pytest.approx(score(shuffled, "rmsse"), abs=1e-15)


def test_an_interval_contains_the_value_and_needs_three_clusters() -> None:
    rng = np.random.default_rng(0)
    many = forecasts(rng.random((30, 4)).tolist(), rng.random((30, 4)).tolist())
    interval = estimate(many, "mae", resamples=200, seed=0)
    assert interval.low is not None
    assert interval.high is not None
    assert interval.low < score(many, "mae") < interval.high
    assert estimate(many.take(slice(0, 2)), "mae", resamples=200, seed=0).low is None


def test_gain_is_positive_for_the_better_forecast() -> None:
    worse, better = forecasts([[1.0]] * 12, [[3.0]] * 12), forecasts([[1.0]] * 12, [[2.0]] * 12)
    assert paired_gain(better, worse, "mae", resamples=50, seed=0).low == 1.0


def test_the_first_required_point_metric_is_the_leading_metric() -> None:
    assert leading_metric({"coverage": Bound.parse(">=0.8"), "smape": Bound.parse("<0.1"), "mase": Bound.parse("<1")}) == "smape"
    assert leading_metric({}) == "mase"

"""Metrics of forecasts: worked by hand, and held against another library's on random series."""

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


def test_mase_by_hand() -> None:
    # Hyndman and Koehler (2006): past 1 3 6 10, naive errors 2 3 4, their mean 3; errors ahead 1 and 5, their mean 3.
    past = np.array([[1.0, 3.0, 6.0, 10.0]])
    assert scales(past, 1).tolist() == [3.0]
    assert score(forecasts([[11.0, 15.0]], [[10.0, 10.0]], scale=3.0), "mase") == 1.0


def test_rmsse_by_hand() -> None:
    # Squares of the naive errors 2 3 4: mean 29 / 3; squares ahead 1 and 25: mean 13.
    scale2 = float(scales(np.array([[1.0, 3.0, 6.0, 10.0]]), 1, power=2)[0])
    assert scale2 == pytest.approx(29 / 3)
    assert score(forecasts([[11.0, 15.0]], [[10.0, 10.0]], scale2=scale2), "rmsse") == pytest.approx((13 * 3 / 29) ** 0.5)


def test_the_scale_begins_at_the_first_value_that_is_not_zero() -> None:
    assert scales(np.array([[0.0, 0.0, 0.0, 4.0, 2.0, 6.0]]), 1).tolist() == [3.0]


def test_a_series_that_repeats_itself_has_a_scale_above_zero() -> None:
    assert scales(np.array([[5.0, 5.0, 5.0], [0.0, 0.0, 0.0]]), 1).tolist() == [5.0, 1.0]


def test_smape_by_hand() -> None:
    assert symmetric_errors(np.array([100.0, 0.0, 50.0]), np.array([50.0, 0.0, -50.0])).tolist() == pytest.approx(
        [2 / 3, 0.0, 2.0]
    )


def test_pinball_by_hand() -> None:
    # Ten came. Said to be exceeded in one of ten cases: 8, missed by 2 upwards, costs 0.9 x 2; 13, by 3 downwards, 0.1 x 3.
    found = pinball_errors(np.array([[10.0, 10.0]]), np.array([[[8.0], [13.0]]]), [0.9])
    assert found.tolist() == [pytest.approx([1.8, 0.3])]


def test_the_scaled_pinball_loss_at_the_median_is_the_mase() -> None:
    found = forecasts([[11.0, 15.0]], [[10.0, 10.0]], scale=3.0)
    quantiles = np.repeat(found.point[:, :, None], len(QUANTILES), axis=2)
    symmetric = Forecasts(found.series, found.origin, found.actual, found.point, found.scale, found.scale2, quantiles)
    assert score(symmetric, "pinball") == pytest.approx(score(found, "mase"))


def test_coverage_counts_the_steps_inside_the_outer_interval() -> None:
    found = forecasts([[1.0, 5.0, 9.0, np.nan]], [[5.0, 5.0, 5.0, 5.0]])
    quantiles = np.broadcast_to(np.array([2.0, 4.0, 5.0, 6.0, 9.0]), (1, 4, 5))
    inside = Forecasts(found.series, found.origin, found.actual, found.point, found.scale, found.scale2, quantiles)
    assert score(inside, "coverage") == pytest.approx(2 / 3)


def test_steps_without_a_value_are_not_judged() -> None:
    assert score(forecasts([[np.nan, 3.0]], [[100.0, 1.0]]), "mae") == 2.0
    assert by_step(forecasts([[np.nan, 3.0]], [[100.0, 1.0]]), "mae").tolist() == [pytest.approx(np.nan, nan_ok=True), 2.0]


@pytest.mark.filterwarnings("ignore:invalid escape sequence")  # in that library, when it is first compiled
@given(st.integers(0, 2**31))
def test_as_another_library_has_it(seed: int) -> None:
    from utilsforecast import losses

    rng = np.random.default_rng(seed)
    past, actual, point = rng.gamma(2, 10, (3, 40)), rng.gamma(2, 10, (3, 7)), rng.gamma(2, 10, (3, 7))
    names = np.array(["a", "b", "c"])

    def long(values: np.ndarray, **more: np.ndarray) -> pd.DataFrame:
        steps = values.shape[1]
        parts = {"unique_id": np.repeat(names, steps), "ds": np.tile(np.arange(steps), 3), "y": values.ravel()}
        return pd.DataFrame({**parts, **{name: matrix.ravel() for name, matrix in more.items()}})

    frame, train = long(actual, model=point), long(past)
    found = Forecasts(np.arange(3), np.full(3, 40), actual, point, scales(past, 7), scales(past, 1, power=2))
    assert by_window(found, "mase") == pytest.approx(losses.mase(frame, ["model"], 7, train_df=train)["model"].to_numpy())
    assert by_window(found, "rmsse") == pytest.approx(losses.rmsse(frame, ["model"], 1, train_df=train)["model"].to_numpy())
    assert by_window(found, "mae") == pytest.approx(losses.mae(frame, ["model"])["model"].to_numpy())
    # Theirs is divided by two: from 0 to 1.
    assert by_window(found, "smape") == pytest.approx(2 * losses.smape(frame, ["model"])["model"].to_numpy())
    theirs = losses.quantile_loss(frame, {"model": "model"}, q=0.9)["model"].to_numpy()
    assert pinball_errors(actual, point[:, :, None], [0.9]).mean(axis=1) == pytest.approx(theirs)


def test_a_metric_does_not_mind_the_order_of_the_windows() -> None:
    rng = np.random.default_rng(0)
    found = forecasts(rng.random((9, 4)).tolist(), rng.random((9, 4)).tolist())
    turned = found.take(rng.permutation(9))
    assert score(found, "rmsse") == pytest.approx(score(turned, "rmsse"), abs=1e-15)


def test_an_interval_holds_the_value_and_needs_three_clusters() -> None:
    rng = np.random.default_rng(0)
    many = forecasts(rng.random((30, 4)).tolist(), rng.random((30, 4)).tolist())
    found = estimate(many, "mae", resamples=200, seed=0)
    assert found.low is not None
    assert found.high is not None
    assert found.low < score(many, "mae") < found.high
    assert estimate(many.take(slice(0, 2)), "mae", resamples=200, seed=0).low is None


def test_a_gain_above_zero_is_a_better_forecast() -> None:
    worse, better = forecasts([[1.0]] * 12, [[3.0]] * 12), forecasts([[1.0]] * 12, [[2.0]] * 12)
    assert paired_gain(better, worse, "mae", resamples=50, seed=0).low == 1.0


def test_the_first_requirement_on_points_leads() -> None:
    assert leading_metric({"coverage": Bound.parse(">=0.8"), "smape": Bound.parse("<0.1"), "mase": Bound.parse("<1")}) == "smape"
    assert leading_metric({}) == "mase"

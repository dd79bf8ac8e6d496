"""The choice of a forecaster: baseline, candidates, ensembles and weights by series; its intervals, and forecasts of odd series."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from glassbox.families.forecasting import evaluate, plots
from glassbox.families.forecasting.backtest import BacktestDataset
from glassbox.families.forecasting.candidates import candidates, search_space, simple_candidates
from glassbox.families.forecasting.conformal import Offsets, fit_offsets
from glassbox.families.forecasting.dataset import make_folds
from glassbox.families.forecasting.effort import EFFORT
from glassbox.families.forecasting.ensemble import ensembles, weights_of
from glassbox.families.forecasting.family import FAMILY
from glassbox.families.forecasting.frequency import Step
from glassbox.families.forecasting.metrics import Forecasts, covered, score
from glassbox.families.forecasting.models import KINDS
from glassbox.families.forecasting.panel import Panel, filled
from glassbox.families.forecasting.predictor import Columns, ForecastPredictor
from glassbox.families.forecasting.protocols import Fitting
from glassbox.families.forecasting.recipe import Recipe, features, future_of, time_features
from glassbox.families.protocol import Effort
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.compare import compare
from glassbox.families.shared.cross_fit import CandidateRun
from glassbox.findings.model import Table
from glassbox.runtime.resources import Resources
from toy_series import DAY, panel, recipe, schema, shops

SMALL = Effort("For tests.", trials=2, resamples=20)
MONTH = Step(months=1)


def days(values: np.ndarray) -> Panel:
    rows = np.atleast_2d(values)
    return Panel(DAY, [f"s{i}" for i in range(len(rows))], pd.date_range("2021-01-04", periods=rows.shape[1]).as_unit("us"), rows)


def plain(panel: Panel, horizon: int = 7) -> Recipe:
    return Recipe(horizon=horizon, step=panel.step, seasons=panel.step.seasons, calendar=["weekday"])


def leaderboard(values: np.ndarray, tried: list[Candidate]) -> dict:  # type: ignore[type-arg]
    of = days(values)
    backtest = BacktestDataset.of(of, plain(of), make_folds(of, plain(of), 3)["origin"].tolist())
    return compare(FAMILY, backtest, tried, "mase", SMALL, Resources()).leaderboard


def forecasts_of(point: np.ndarray, actual: np.ndarray, series: int, scale: float = 1.0) -> Forecasts:
    windows = len(point)
    rows, origin = np.tile(np.arange(series), windows // series), np.repeat(np.arange(windows // series) * 100, series)
    return Forecasts(rows, origin, actual, point, np.full(windows, scale), np.full(windows, scale))


def run(name: str, forecasts: Forecasts, kind: str = "theta") -> CandidateRun[Forecasts]:
    return CandidateRun(Candidate(name=name, kind=kind), forecasts)


# ----------------------------------------------------------------------------------------------- baseline and candidates


@pytest.mark.parametrize(("season", "walk", "best"), [(0.0, 1.0, "last value"), (5.0, 0.0, "mean week")])
def test_the_best_simple_forecast_of_the_backtest_is_the_baseline(season: float, walk: float, best: str) -> None:
    rng = np.random.default_rng(1)
    values = 100 + walk * 3 * rng.normal(size=(4, 140)).cumsum(axis=1) + season * np.sin(np.arange(140) / 7 * 2 * np.pi)
    values += rng.normal(0, season / 5, values.shape)
    board = leaderboard(values, simple_candidates(plain(days(values))))
    assert board["baseline_candidate"]["name"] == board["leader"] == best


def test_last_value_each_season_and_their_means_are_simple_candidates() -> None:
    hourly = Recipe(horizon=24, step=Step(seconds=3600), seasons=[24, 168])
    names = ["last value", "last day", "last week", "mean of last value and seasons", "mean day", "mean week"]
    assert [c.name for c in simple_candidates(hourly)] == names
    assert not any(KINDS[c.kind].learns for c in simple_candidates(hourly))


def test_slow_candidates_are_left_out_by_their_cost_and_not_by_a_list() -> None:
    kinds = {n: {c.kind for c in candidates("low", EFFORT["low"], recipe(), n, steps=800)} for n in (1, 400, 100_000)}
    assert {"ets", "arima", "mstl", "prophet", "ces", "flair"} <= kinds[1]
    assert kinds[100_000] < kinds[400] < kinds[1]
    assert "ces" in kinds[400]
    assert "arima" not in kinds[400]
    assert {"naive", "seasonal_naive", "boosting"} <= kinds[100_000]
    assert search_space("ets", "low", EFFORT["low"], recipe(), 8)
    assert search_space("ets", "low", EFFORT["low"], recipe(), 100_000) == {}


def test_the_leading_candidate_is_tuned() -> None:
    rng = np.random.default_rng(0)
    trend = 50 + np.arange(140) + rng.normal(0, 0.5, (3, 140))
    behind = Candidate(name="boosting", kind="boosting", params={"n_estimators": 1, "rows": 500})
    tried = [*simple_candidates(plain(days(trend))), Candidate(name="Theta", kind="theta"), behind]
    assert leaderboard(trend, tried)["chosen"]["name"] == "Theta"


@pytest.mark.parametrize("kind", ["ets", "theta", "dynamic_theta", "ces", "arima", "mstl"])
def test_a_series_shorter_than_two_seasons_gets_the_model_without_a_season(kind: str) -> None:
    times = pd.date_range("2020-01-01", periods=20, freq="MS").as_unit("us")
    short = Panel(MONTH, ["a"], times, (100.0 + 5 * np.arange(20) + np.cos(np.arange(20)))[None])
    settings = Fitting({}, Recipe(horizon=6, step=MONTH, seasons=[12]))
    point = KINDS[kind].fit(short, settings).forecast(short, {})[0]
    assert point[-1] > 195  # the seasonal naive forecast would repeat values of a year ago, at most 170
    assert np.isfinite(point).all()


def test_a_history_of_fewer_than_two_seasons_before_the_last_origin_is_backtested() -> None:
    times = pd.date_range("2020-01-01", periods=24, freq="MS").as_unit("us")
    of = Recipe(horizon=6, step=MONTH, seasons=[12])
    assert make_folds(Panel(MONTH, ["a"], times, np.ones((1, 24))), of, 3)["origin"].tolist() == [18]


def test_features_are_differences_to_the_reference_and_see_the_last_value() -> None:
    known, of = panel(), recipe()
    history, calendar = known.until(120), time_features(known.times[120:127], of)
    values = filled(known.values, 7)[:, :120]
    matrix, base, size = features(history, values, of, future_of(known, 120, of), calendar, "season")
    assert base.tolist() == values[:, 113:].tolist()
    at = {name: i for i, name in enumerate(of.names())}
    assert matrix.shape[2] == len(at)
    assert matrix[:, :, at["lag 1"]] == pytest.approx((values[:, -1:] - base) / size[:, None])
    assert matrix[:, :, at["lag 13"]] == pytest.approx((values[:, -13:-12] - base) / size[:, None])
    assert matrix[:, 0, at["season 7, 1 back, +1"]] == pytest.approx((values[:, -6] - base[:, 0]) / size)
    assert np.isnan(matrix[:, 6, at["season 7, 1 back, +1"]]).all()  # it lies after the origin


# ------------------------------------------------------------------------------------------------------------- ensembles


def test_weights_are_fitted_to_the_deciding_metric() -> None:
    rng = np.random.default_rng(0)
    actual = np.where(rng.random((60, 7)) < 0.6, 0.0, 10.0)
    runs = [
        run("median", forecasts_of(np.zeros((60, 7)), actual, 6)),
        run("mean", forecasts_of(np.full((60, 7), 4.0), actual, 6)),
    ]
    everything = np.ones(60, dtype=bool)
    assert weights_of(runs, everything, "mase").tolist() == [1.0, 0.0]
    assert weights_of(runs, everything, "rmse")[1] > 0.9


def test_an_ensemble_is_not_worse_than_its_best_member_where_the_others_add_nothing() -> None:
    rng = np.random.default_rng(0)
    actual = rng.normal(10, 1, (30, 7))
    good = run("good", forecasts_of(actual + rng.normal(0, 0.1, actual.shape), actual, 6))
    bad = [run(f"bad {i}", forecasts_of(actual + 3 + i, actual, 6)) for i in range(3)]
    [weighted, *_] = ensembles([good, *bad], [f"s{i}" for i in range(6)], sorted(set(good.oof.origin)), "mase")
    assert score(weighted.oof, "mase") <= 1.005 * score(good.oof, "mase")


def test_a_series_has_weights_from_its_own_backtest() -> None:
    rng = np.random.default_rng(0)
    actual = rng.normal(10, 1, (60, 7))
    first = (np.arange(60) % 6 < 3)[:, None]
    left, right = (actual + np.where(mask, 0.1, 2.0) * rng.normal(size=actual.shape) for mask in (first, ~first))
    runs = [run("left", forecasts_of(left, actual, 6)), run("right", forecasts_of(right, actual, 6))]
    found = {r.candidate.name: r for r in ensembles(runs, list("abcdef"), sorted(set(runs[0].oof.origin)), "mase")}
    single = found["ensemble by series"]
    assert score(single.oof, "mase") < 0.7 * score(found["weighted ensemble"].oof, "mase")
    weights, names = single.candidate.params["weights"], [m["name"] for m in single.candidate.params["members"]]
    assert weights["a"][names.index("left")] > 0.9
    assert weights["f"][names.index("right")] > 0.9


def test_an_ensemble_forecasts_with_the_weights_of_the_series_or_those_of_all() -> None:
    known = days(np.array([np.arange(30.0), np.arange(30.0)]))
    members = [
        {"name": "a", "kind": "naive", "params": {}, "weight": 0.5},
        {"name": "b", "kind": "seasonal_naive", "params": {"season": 7}, "weight": 0.5},
    ]
    settings = Fitting({"members": members, "weights": {"s0": [1.0, 0.0]}}, plain(known))
    point = KINDS["ensemble"].fit(known, settings).forecast(known, {})
    assert point[:, 0].tolist() == [29.0, 26.0]
    median = replace(settings, params={"members": [*members, members[0]], "combine": "median"})
    assert KINDS["ensemble"].fit(known, median).forecast(known, {})[:, 0].tolist() == [29.0, 29.0]


# ------------------------------------------------------------------------------------------------------------- intervals


def test_intervals_cover_rough_series_as_well_as_smooth_ones() -> None:
    rng = np.random.default_rng(0)
    noise = np.tile(np.repeat([0.3, 1.0, 3.0], 10), 12)[:, None]
    past, later = (forecasts_of(np.zeros((360, 7)), noise * rng.normal(size=(360, 7)), 30) for _ in range(2))
    names = [f"s{i:02d}" for i in range(30)]
    offsets = fit_offsets(past, names)
    quantiles = offsets.quantiles(later.point, later.scale, [names[i] for i in later.series])
    inside = covered(replace(later, quantiles=quantiles))
    for level in (0.3, 1.0, 3.0):
        assert inside[noise[:, 0] == level].mean() == pytest.approx(0.9, abs=0.05)


def test_series_with_exact_forecasts_do_not_narrow_the_intervals_of_others() -> None:
    errors = np.random.default_rng(0).normal(size=(60, 7)) * (np.arange(60) % 6 < 2)[:, None]
    offsets = fit_offsets(forecasts_of(np.zeros((60, 7)), errors, 6)).offsets[0]
    assert offsets[1] < -0.4
    assert offsets[3] > 0.4


def test_the_served_model_knows_series_that_begin_in_the_holdout() -> None:
    full = days(np.random.default_rng(0).normal(20, 1, (2, 140)))
    full.values[1, :136] = np.nan
    train, later = full.until(126).take([0]), replace(full, times=full.times[126:], values=full.values[:, 126:])
    best = {"kind": "theta", "params": {}, "recipe": plain(train).model_dump()}
    offsets = Offsets(levels=[0.05, 0.25, 0.5, 0.75, 0.95], offsets=[[-2.0, -1.0, 0.0, 1.0, 2.0]] * 7)
    predictor = evaluate.refit(best, train, schema(shops()), Columns("day", "sold", "shop"), offsets, seed=0)
    backtest = BacktestDataset.of(train, plain(train), [112, 119])
    assert evaluate.holdout_dataset(backtest, later, 2).panel.names == ["s0"]
    served = evaluate.refit_on_all(predictor, later)
    assert served.history.names == ["s0", "s1"]
    assert served.points[1].tolist() == [full.values[1, -1]] * 7


def test_coverage_is_reported_by_fifth_of_the_series() -> None:
    rng = np.random.default_rng(0)
    rough = 100 + np.arange(1, 11)[:, None] * rng.normal(size=(10, 60))
    assert evaluate.groups_by_roughness(days(rough)).tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    part = forecasts_of(np.zeros((20, 7)), np.zeros((20, 7)), 10)
    part = replace(part, quantiles=np.zeros((20, 7, 5)) + np.where(part.series < 8, 0.0, 1.0)[:, None, None])
    table = evaluate.coverage_by_roughness(part, part, days(rough))
    assert isinstance(table, Table)
    assert table.frame()["holdout"].tolist() == [1.0, 1.0, 1.0, 1.0, 0.0]


def test_intervals_use_the_errors_of_the_newest_origins() -> None:
    full = days(20 + np.random.default_rng(0).normal(size=(3, 140)))
    values = full.values.copy()
    values[:, 126:133] += 30  # errors of the first origin of the holdout
    full = replace(full, values=values)
    train, later = full.until(126), replace(full, times=full.times[126:], values=full.values[:, 126:])
    backtest = BacktestDataset.of(train, plain(train), [105, 112, 119])
    best = {"kind": "seasonal_mean", "params": {}, "recipe": plain(train).model_dump()}
    errors = backtest.frame({o: np.full((3, 7), 20.0) for o in backtest.origins})
    predictor = evaluate.refit(best, train, schema(shops()), Columns("day", "sold", None), fit_offsets(errors), seed=0)
    holdout = evaluate.holdout_dataset(backtest, later, 2)
    old, new = (evaluate.forecast_holdout(holdout, predictor, Resources(), given) for given in (None, errors))
    assert old.quantiles is not None
    assert new.quantiles is not None
    first = old.origin == 126
    assert new.quantiles[first].tolist() == old.quantiles[first].tolist()
    assert (new.quantiles[~first][:, :, -1] > old.quantiles[~first][:, :, -1] + 5).all()
    served = evaluate.refit_on_all(predictor, later, errors, new)
    assert served.offsets.offsets[0][-1] > predictor.offsets.offsets[0][-1] + 5


# ----------------------------------------------------------------------------------------------------------- odd series


@pytest.fixture(scope="module")
def predictor() -> ForecastPredictor:
    known = panel()
    values = known.values.copy()
    values[0], values[1, 100:] = 7.0, np.nan
    best = {"kind": "theta", "params": {}, "recipe": recipe().model_dump()}
    offsets = Offsets(levels=[0.05, 0.25, 0.5, 0.75, 0.95], offsets=[[-2.0, -1.0, 0.0, 1.0, 2.0]] * 7)
    return evaluate.refit(best, replace(known, values=values), schema(shops()), Columns("day", "sold", "shop"), offsets, seed=0)


def asked(predictor: ForecastPredictor, name: str, history: pd.DataFrame | None = None) -> pd.DataFrame:
    after = predictor.ahead if history is None else predictor.recipe.step.after(history["day"].max(), 7)
    rows = pd.DataFrame({"shop": name, "day": after, "rain": 0.5, "sold": np.nan})
    frame = rows if history is None else pd.concat([history, rows], ignore_index=True)
    return predictor.predict(frame).tail(7)


def test_a_constant_series_has_its_value_as_interval(predictor: ForecastPredictor) -> None:
    forecast = asked(predictor, "s0")
    assert (forecast[["y_pred", "q05", "q95"]].to_numpy() == 7.0).all()


def test_the_forecast_of_an_ended_series_has_a_note(predictor: ForecastPredictor) -> None:
    assert "no values after 2021-04-13" in asked(predictor, "s1")["note"].iloc[0]
    assert asked(predictor, "s2")["note"].tolist() == [""] * 7


@pytest.mark.parametrize("count", [1, 3, 13])
def test_a_history_shorter_than_two_seasons_is_answered(predictor: ForecastPredictor, count: int) -> None:
    sent = pd.DataFrame(
        {"shop": "new", "day": pd.date_range("2021-06-01", periods=count), "sold": 5.0 + np.arange(count), "rain": 0.1}
    )
    forecast = asked(predictor, "new", sent)
    assert forecast["y_pred"].between(4, 25).all()
    assert forecast["note"].tolist() == [""] * 7


# --------------------------------------------------------------------------------------------------------------- reports


def test_the_report_names_the_country_on_whose_holidays_the_largest_errors_fall() -> None:
    from glassbox.families.forecasting.recipe import is_holiday

    errors = pd.Series(np.random.default_rng(0).random(700), index=pd.date_range("2021-01-01", periods=700))
    assert evaluate.holiday_hint(errors) == []
    errors[is_holiday(pd.DatetimeIndex(errors.index), "DE") > 0] += 5
    [line] = evaluate.holiday_hint(errors)
    assert "data.holidays: DE" in line


def test_seasons_are_drawn_over_weekdays_and_months() -> None:
    assert plots.season_ticks(panel(), 7)[1] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    times = pd.date_range("2020-01-01", periods=30, freq="MS").as_unit("us")
    assert plots.season_ticks(Panel(MONTH, ["a"], times, np.zeros((1, 30))), 12)[1][:3] == ["Jul", "Aug", "Sep"]
    hours = Panel(Step(seconds=3600), ["a"], pd.date_range("2020-01-06", periods=168, freq="h").as_unit("us"), np.zeros((1, 168)))
    assert plots.season_ticks(hours, 168)[1] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert plots.season_ticks(hours, 24)[1][:3] == ["00:00", "03:00", "06:00"]

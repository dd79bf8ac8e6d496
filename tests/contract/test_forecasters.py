"""Contract of all forecasting models: a new kind is tested by being listed in `KINDS`."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glassbox.families.forecasting.backtest import BacktestDataset, forecast_from
from glassbox.families.forecasting.candidates import candidates
from glassbox.families.forecasting.conformal import Offsets
from glassbox.families.forecasting.effort import EFFORT
from glassbox.families.forecasting.evaluate import refit, refit_on_all
from glassbox.families.forecasting.family import FAMILY
from glassbox.families.forecasting.leakage import replace_after
from glassbox.families.forecasting.metrics import QUANTILES
from glassbox.families.forecasting.models import KINDS
from glassbox.families.forecasting.panel import Panel
from glassbox.families.forecasting.predictor import Columns, ForecastPredictor
from glassbox.families.forecasting.protocols import Fitting
from glassbox.families.forecasting.recipe import future_of
from glassbox.families.predictor_protocol import Predictor, load_predictor
from glassbox.families.protocol import Effort
from glassbox.families.shared.compare import compare
from glassbox.files import files_below, hash_tree
from glassbox.runtime.resources import Resources
from toy_series import dataset, panel, recipe, schema, shops

TREES = {"n_estimators": 15, "rows": 2000, "min_data_in_leaf": 5}
PARAMS = {
    "boosting": {"method": "recursive", **TREES},
    "ensemble": {
        "members": [
            {"name": "a", "kind": "theta", "params": {}, "weight": 0.4},
            {"name": "b", "kind": "boosting", "params": TREES, "weight": 0.6},
        ]
    },
}
every_kind = pytest.mark.parametrize("kind", list(KINDS))
OFFSETS = Offsets(levels=list(QUANTILES), offsets=[[-2.0, -1.0, 0.0, 1.0, 2.0]] * 7)


def predictor(kind: str, known: Panel | None = None) -> ForecastPredictor:
    history = known or panel()
    best = {"kind": kind, "params": PARAMS.get(kind, {}), "recipe": recipe(history).model_dump()}
    return refit(best, history, schema(shops()), Columns("day", "sold", "shop"), OFFSETS, seed=1)


def rows_to_forecast(predictor: ForecastPredictor) -> pd.DataFrame:
    rows = [{"shop": name, "day": moment, "rain": 0.5} for name in predictor.history.names for moment in predictor.ahead]
    return pd.DataFrame(rows)


def test_every_kind_is_a_candidate_at_some_cost() -> None:
    tried = {c.kind for cost in ("low", "high") for c in candidates(cost, EFFORT[cost], recipe(), 3, zeros=0.5)}  # type: ignore[arg-type]
    assert tried | {"ensemble"} == set(KINDS)


@every_kind
def test_forecasts_are_finite_for_each_series_and_step(kind: str) -> None:
    point = forecast_from(dataset(), 126, kind, PARAMS.get(kind, {}), Resources())["point"]
    assert point.shape == (3, 7)
    assert np.isfinite(point).all()


@every_kind
@settings(max_examples=3, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.integers(0, 2**31))
def test_forecasts_do_not_depend_on_values_after_the_origin(kind: str, seed: int) -> None:
    original, origin = dataset(), 126
    changed_panel = replace_after(original.panel, origin, original.recipe, np.random.default_rng(seed))
    changed = BacktestDataset(changed_panel, original.recipe, original.origins, changed_panel.digest, original.nonnegative)
    before, after = (forecast_from(p, origin, kind, PARAMS.get(kind, {}), Resources())["point"] for p in (original, changed))
    assert before.tolist() == after.tolist()


@every_kind
def test_arguments_are_unchanged(kind: str) -> None:
    known = panel()
    before = known.digest
    KINDS[kind].fit(known, Fitting(PARAMS.get(kind, {}), recipe(known))).forecast(
        known, future_of(known, known.steps, recipe(known))
    )
    assert known.digest == before


@every_kind
def test_a_saved_predictor_is_reproducible_and_loads_in_another_process(kind: str, tmp_path: Path) -> None:
    fitted = predictor(kind)
    fitted.save(tmp_path / "one")
    predictor(kind).save(tmp_path / "two")
    assert hash_tree(tmp_path / "one") == hash_tree(tmp_path / "two")
    loaded = load_predictor(tmp_path / "one")
    assert isinstance(loaded, Predictor)
    pd.testing.assert_frame_equal(
        loaded.predict(rows_to_forecast(fitted)), fitted.predict(rows_to_forecast(fitted)), check_exact=True
    )
    rows_to_forecast(fitted).to_parquet(tmp_path / "rows.parquet")
    script = (
        "import sys, pandas as pd; from pathlib import Path; from glassbox.families.predictor_protocol import load_predictor;"
        "print(load_predictor(Path(sys.argv[1])).predict(pd.read_parquet(sys.argv[2]))['y_pred'].tolist())"
    )
    process = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(tmp_path / "one"), str(tmp_path / "rows.parquet")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert process.stdout.strip().splitlines()[-1] == str(fitted.predict(rows_to_forecast(fitted))["y_pred"].tolist())
    assert not [path for name, path in files_below(tmp_path / "one") if name.endswith((".pkl", ".pickle", ".joblib"))]


def test_prophet_uses_the_tuned_hyperparameters() -> None:
    from glassbox.families.forecasting.prophet_model import fit_prophet

    params = {"changepoint_prior_scale": 0.3, "seasonality_prior_scale": 2.0, "seasonality_mode": "multiplicative"}
    days = pd.DataFrame({"ds": panel().times, "y": panel().values[0], "rain": panel().covariates["rain"][0]})
    model = fit_prophet(days, Fitting(params, recipe()))
    assert {name: getattr(model, name) for name in params} == params
    assert list(model.extra_regressors) == ["rain"]


@every_kind
def test_quantiles_are_sorted_and_non_negative_for_non_negative_data(kind: str) -> None:
    fitted = predictor(kind)
    predictions = fitted.predict(rows_to_forecast(fitted))
    values = predictions[["q05", "q25", "q50", "q75", "q95"]].to_numpy()
    assert (np.diff(values, axis=1) >= 0).all()
    assert values.min() >= 0
    assert set(predictions["note"]) == {""}


@every_kind
def test_constant_and_very_short_series_get_a_forecast(kind: str) -> None:
    known = panel()
    values = known.values.copy()
    values[0], values[1, :-3] = 4.0, np.nan
    odd = replace(known, values=values)
    points = predictor(kind, odd).points
    assert np.isfinite(points).all()
    if kind not in ("boosting", "ensemble"):
        assert points[0].tolist() == pytest.approx([4.0] * 7, abs=0.3)


@every_kind
def test_a_refit_forecasts_the_same_as_a_fit_on_all_history(kind: str) -> None:
    known = panel()
    early, later = (
        known.until(126),
        Panel(
            known.step,
            known.names,
            known.times[126:],
            known.values[:, 126:],
            {n: m[:, 126:] for n, m in known.covariates.items()},
        ),
    )
    refitted, full_fit = refit_on_all(predictor(kind, early), later), predictor(kind, known)
    assert refitted.points.tolist() == full_fit.points.tolist()
    assert "2021-05-23" in refitted.refit_note


def test_a_candidate_worse_than_the_baseline_is_never_selected() -> None:
    backtest = dataset()
    rng = np.random.default_rng(0)
    steady = np.tile(rng.random((3, 7)) * 20, (1, 20))  # the seasonal naive forecast is exact, so nothing beats it
    exact = BacktestDataset.of(replace(backtest.panel, values=steady), backtest.recipe, backtest.origins)
    tried = [c for c in candidates("low", EFFORT["low"], backtest.recipe, 3) if c.kind in ("naive", "seasonal_naive", "theta")]
    board = compare(FAMILY, exact, tried, "mase", Effort("", trials=1, resamples=50), Resources()).leaderboard
    assert board["leader"] == board["chosen"]["name"] == board["baseline_candidate"]["name"] == "last week"
    assert "last value" in board["beaten_by_baseline"]

"""What holds for every forecaster: a new kind gets its tests by being in `KINDS`."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from glassbox.families.forecasting.compare import BASELINE, compare
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glassbox.families.forecasting.backtest import Problem, forecast_from
from glassbox.families.forecasting.candidates import candidates
from glassbox.families.forecasting.conformal import Offsets
from glassbox.families.forecasting.evaluate import bring_up_to_date, refit
from glassbox.families.forecasting.leakage import changed_after
from glassbox.families.forecasting.metrics import QUANTILES
from glassbox.families.forecasting.models import KINDS, kind_of
from glassbox.families.forecasting.panel import Panel
from glassbox.families.forecasting.predictor import Columns, ForecastPredictor
from glassbox.families.forecasting.protocols import Fitting
from glassbox.families.forecasting.recipe import future_of
from glassbox.families.predictor_protocol import Predictor, load_predictor
from glassbox.files import files_below, hash_tree
from toy_series import panel, problem, recipe, schema, shops

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
every = pytest.mark.parametrize("kind", list(KINDS))
OFFSETS = Offsets(levels=list(QUANTILES), offsets=[[-2.0, -1.0, 0.0, 1.0, 2.0]] * 7)


def predictor(kind: str, known: Panel | None = None) -> ForecastPredictor:
    found = known or panel()
    best = {"kind": kind, "params": PARAMS.get(kind, {}), "recipe": recipe(found).model_dump()}
    return refit(best, found, schema(shops()), Columns("day", "sold", "shop"), OFFSETS, seed=1)


def asked(made: ForecastPredictor) -> pd.DataFrame:
    rows = [{"shop": name, "day": moment, "rain": 0.5} for name in made.history.names for moment in made.ahead]
    return pd.DataFrame(rows)


def test_every_kind_is_tried_at_some_cost() -> None:
    tried = {c.kind for cost in ("low", "high") for c in candidates(cost, recipe(), 3, zeros=0.5)}  # type: ignore[arg-type]
    assert tried | {"ensemble"} == set(KINDS)


@every
def test_a_forecast_is_a_number_for_each_series_and_step(kind: str) -> None:
    found = forecast_from(problem(), 126, kind, PARAMS.get(kind, {}), seed=0)["point"]
    assert found.shape == (3, 7)
    assert np.isfinite(found).all()


@every
@settings(max_examples=3, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.integers(0, 2**31))
def test_nothing_from_the_future_moves_a_forecast(kind: str, seed: int) -> None:
    asked, origin = problem(), 126
    moved = changed_after(asked.panel, origin, asked.recipe, np.random.default_rng(seed))
    other = Problem(moved, asked.recipe, asked.origins, moved.digest, asked.nonnegative)
    here, there = (forecast_from(p, origin, kind, PARAMS.get(kind, {}), seed=0)["point"] for p in (asked, other))
    assert here.tolist() == there.tolist()


@every
def test_arguments_are_unchanged(kind: str) -> None:
    known = panel()
    before = known.digest
    kind_of(kind).fit(known, Fitting(PARAMS.get(kind, {}), recipe(known))).forecast(
        known, future_of(known, known.steps, recipe(known))
    )
    assert known.digest == before


@every
def test_what_is_saved_is_what_is_loaded_in_another_process_and_twice_the_same_bytes(kind: str, tmp_path: Path) -> None:
    made = predictor(kind)
    made.save(tmp_path / "one")
    predictor(kind).save(tmp_path / "two")
    assert hash_tree(tmp_path / "one") == hash_tree(tmp_path / "two")
    loaded = load_predictor(tmp_path / "one")
    assert isinstance(loaded, Predictor)
    pd.testing.assert_frame_equal(loaded.predict(asked(made)), made.predict(asked(made)), check_exact=True)
    asked(made).to_parquet(tmp_path / "asked.parquet")
    script = (
        "import sys, pandas as pd; from pathlib import Path; from glassbox.families.predictor_protocol import load_predictor;"
        "print(load_predictor(Path(sys.argv[1])).predict(pd.read_parquet(sys.argv[2]))['y_pred'].tolist())"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, str(tmp_path / "one"), str(tmp_path / "asked.parquet")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip().splitlines()[-1] == str(made.predict(asked(made))["y_pred"].tolist())
    assert not [path for name, path in files_below(tmp_path / "one") if name.endswith((".pkl", ".pickle", ".joblib"))]


def test_prophet_takes_the_hyperparameters_that_are_tuned() -> None:
    from glassbox.families.forecasting.prophet_model import fit_prophet

    asked = {"changepoint_prior_scale": 0.3, "seasonality_prior_scale": 2.0, "seasonality_mode": "multiplicative"}
    days = pd.DataFrame({"ds": panel().times, "y": panel().values[0], "rain": panel().covariates["rain"][0]})
    found = fit_prophet(days, Fitting(asked, recipe()))
    assert {name: getattr(found, name) for name in asked} == asked
    assert list(found.extra_regressors) == ["rain"]


@every
def test_quantiles_are_in_order_and_nothing_falls_below_zero_where_nothing_did(kind: str) -> None:
    made = predictor(kind)
    found = made.predict(asked(made))
    values = found[["q05", "q25", "q50", "q75", "q95"]].to_numpy()
    assert (np.diff(values, axis=1) >= 0).all()
    assert values.min() >= 0
    assert set(found["note"]) == {""}


@every
def test_a_constant_and_a_very_short_series_are_forecast_all_the_same(kind: str) -> None:
    known = panel()
    values = known.values.copy()
    values[0], values[1, :-3] = 4.0, np.nan
    odd = replace(known, values=values)
    found = predictor(kind, odd).points
    assert np.isfinite(found).all()
    if kind not in ("boosting", "ensemble"):
        assert found[0].tolist() == pytest.approx([4.0] * 7, abs=0.3)


@every
def test_an_update_forecasts_what_a_fit_on_all_of_it_would(kind: str) -> None:
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
    fresh, whole = bring_up_to_date(predictor(kind, early), later), predictor(kind, known)
    assert fresh.points.tolist() == whole.points.tolist()
    assert "2021-05-23" in fresh.refit_note


def test_nothing_that_loses_to_the_seasonal_naive_forecast_is_handed_on() -> None:
    asked = problem()
    rng = np.random.default_rng(0)
    steady = np.tile(rng.random((3, 7)) * 20, (1, 20))  # the season before is exactly right: nothing beats it
    exact = Problem.of(replace(asked.panel, values=steady), asked.recipe, asked.origins)
    tried = [c for c in candidates("low", asked.recipe, 3) if c.kind in ("naive", "seasonal_naive", "theta", "boosting")]
    board = compare(tried, exact, metric="mase", resamples=50).leaderboard
    assert board["leader"] == BASELINE
    assert board["chosen"]["name"] == BASELINE
    assert "naive" in board["beaten_by_baseline"]

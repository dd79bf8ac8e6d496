"""Prophet models, one per series."""

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.forecasting.panel import Floats, Panel, filled, trimmed
from glassbox.families.forecasting.protocols import Fitting
from glassbox.families.forecasting.recipe import is_holiday
from glassbox.families.forecasting.statistical_models import history_keys, seasonal_naive
from glassbox.files import read_json, write_json

PROPHET = "prophet.json"


@dataclass(frozen=True)
class ProphetModel:
    """Prophet models, one per series; covariates known ahead are extra regressors.

    `fitted` holds the models of the training histories by their `history_keys`; any other history is fitted on demand.
    """

    fitting: Fitting
    fitted: dict[str, Any]

    def forecast(self, history: Panel, future: dict[str, Floats]) -> Floats:
        recipe = self.fitting.recipe
        ahead = recipe.step.after(history.times[-1], recipe.horizon)
        points = np.zeros((len(history.names), recipe.horizon))
        for i, key in enumerate(history_keys(history)):
            model = self.fitted[key] if key in self.fitted else self._fit_series(history, i)
            if model is None:
                points[i] = seasonal_naive(trimmed(filled(history.values[i : i + 1], recipe.season)[0]), self.fitting)
                continue
            steps = pd.DataFrame({"ds": ahead, **{name: future[name][i] for name in recipe.known}})
            points[i] = model.predict(steps)["yhat"].to_numpy()
        return points

    def _fit_series(self, history: Panel, row: int) -> Any:
        """Fit Prophet to one series; None where it is too short or constant."""
        recipe = self.fitting.recipe
        known = history.take([row]).latest(int(self.fitting.params.get("history", 0)) or history.steps)
        observed = ~np.isnan(known.values[0])
        if observed.sum() < 2 * recipe.seasons[0] + 1 or np.ptp(known.values[0][observed]) == 0:
            return None
        past = pd.DataFrame({"ds": known.times[observed], "y": known.values[0][observed]})
        for name in recipe.known:
            past[name] = pd.Series(known.covariates[name][0][observed]).fillna(0.0).to_numpy()
        return fit_prophet(past, self.fitting)

    def save(self, folder: Path) -> None:
        from prophet.serialize import model_to_json

        write_json(folder / PROPHET, {key: None if m is None else model_to_json(m) for key, m in sorted(self.fitted.items())})


def fit_prophets(panel: Panel, fitting: Fitting) -> ProphetModel:
    """Fit Prophet to every series of a panel."""
    model = ProphetModel(fitting, {})
    return ProphetModel(fitting, {key: model._fit_series(panel, i) for i, key in enumerate(history_keys(panel))})


def load_prophets(folder: Path, fitting: Fitting) -> ProphetModel:
    """Load the Prophet models saved in `folder`."""
    from prophet.serialize import model_from_json

    saved: Mapping[str, str | None] = read_json(folder / PROPHET)
    return ProphetModel(fitting, {key: None if text is None else model_from_json(text) for key, text in saved.items()})


def fit_prophet(past: pd.DataFrame, fitting: Fitting) -> Any:
    """Fit Prophet on ``ds``, ``y`` and the covariates known ahead."""
    import cmdstanpy  # noqa: F401 - its import creates the logger that is disabled below
    from prophet import Prophet

    for name in (
        "cmdstanpy",
        "prophet",
    ):  # their messages hold the time of day, so two identical runs would render different pages
        logging.getLogger(name).disabled = True

    recipe = fitting.recipe
    settings = {
        name: fitting.params[name]
        for name in ("changepoint_prior_scale", "seasonality_prior_scale", "seasonality_mode")
        if name in fitting.params
    }
    holidays = None
    if recipe.holidays:
        times = pd.DatetimeIndex(past["ds"])
        span = pd.date_range(times.min().normalize(), times.max().normalize() + pd.Timedelta(days=800))
        holidays = pd.DataFrame({"ds": span[is_holiday(span, recipe.holidays) > 0], "holiday": "public holiday"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = Prophet(uncertainty_samples=0, holidays=holidays, **settings)
        for name in recipe.known:
            model.add_regressor(name)
        model.fit(past, seed=fitting.seed % 2**31)
    return model

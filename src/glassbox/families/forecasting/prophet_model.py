"""Prophet, fitted to each series by itself."""

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
    """Prophet, fitted to each series by itself, as `Local` is; covariates known ahead are its regressors.

    `made` holds fitted models by `history_key`.
    """

    how: Fitting
    made: dict[str, Any]

    def forecast(self, history: Panel, future: dict[str, Floats]) -> Floats:
        recipe = self.how.recipe
        ahead = recipe.step.after(history.times[-1], recipe.horizon)
        found = np.zeros((len(history.names), recipe.horizon))
        for i, key in enumerate(history_keys(history)):
            model = self.made[key] if key in self.made else self._fitted(history, i)
            if model is None:
                found[i] = seasonal_naive(trimmed(filled(history.values[i : i + 1], recipe.season)[0]), self.how)
                continue
            asked = pd.DataFrame({"ds": ahead, **{name: future[name][i] for name in recipe.known}})
            found[i] = model.predict(asked)["yhat"].to_numpy()
        return found

    def _fitted(self, history: Panel, row: int) -> Any:
        """Prophet on one series; None where it is too short or does not move."""
        recipe = self.how.recipe
        seen = history.take([row]).latest(int(self.how.params.get("history", 0)) or history.steps)
        there = ~np.isnan(seen.values[0])
        if there.sum() < 2 * recipe.seasons[0] + 1 or np.ptp(seen.values[0][there]) == 0:
            return None
        past = pd.DataFrame({"ds": seen.times[there], "y": seen.values[0][there]})
        for name in recipe.known:
            past[name] = pd.Series(seen.covariates[name][0][there]).fillna(0.0).to_numpy()
        return fit_prophet(past, self.how)

    def save(self, folder: Path) -> None:
        from prophet.serialize import model_to_json

        write_json(folder / PROPHET, {key: None if m is None else model_to_json(m) for key, m in sorted(self.made.items())})


def fit_prophets(panel: Panel, how: Fitting) -> ProphetModel:
    """Prophet, fitted to every series of a panel."""
    model = ProphetModel(how, {})
    return ProphetModel(how, {key: model._fitted(panel, i) for i, key in enumerate(history_keys(panel))})


def load_prophets(folder: Path, how: Fitting) -> ProphetModel:
    """The Prophets that were saved in `folder`."""
    from prophet.serialize import model_from_json

    told: Mapping[str, str | None] = read_json(folder / PROPHET)
    return ProphetModel(how, {key: None if text is None else model_from_json(text) for key, text in told.items()})


def fit_prophet(past: pd.DataFrame, how: Fitting) -> Any:
    """Prophet fitted on ``ds``, ``y`` and the covariates known ahead."""
    import cmdstanpy  # noqa: F401 - its import sets up the logger that is silenced below
    from prophet import Prophet

    for name in ("cmdstanpy", "prophet"):  # they write the time of day, which would make each run's page another
        logging.getLogger(name).disabled = True

    recipe = how.recipe
    settings = {
        name: how.params[name]
        for name in ("changepoint_prior_scale", "seasonality_prior_scale", "seasonality_mode")
        if name in how.params
    }
    days = None
    if recipe.holidays:
        times = pd.DatetimeIndex(past["ds"])
        span = pd.date_range(times.min().normalize(), times.max().normalize() + pd.Timedelta(days=800))
        days = pd.DataFrame({"ds": span[is_holiday(span, recipe.holidays) > 0], "holiday": "public holiday"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = Prophet(uncertainty_samples=0, holidays=days, **settings)
        for name in recipe.known:
            model.add_regressor(name)
        model.fit(past, seed=how.seed % 2**31)
    return model

"""Local models, fitted to one series at a time: naive forecasts and the statistical models of statsforecast."""

import hashlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glassbox.families.forecasting.panel import Floats, Panel, filled, trimmed
from glassbox.families.forecasting.protocols import Fitting
from glassbox.files import read_json, write_json

POINTS = "forecasts.json"


@dataclass(frozen=True)
class LocalModel:
    """A local model: one fit per series.

    `stored` holds the forecasts of the training histories by their `history_keys`; any other history is fitted on demand.
    """

    forecast_one: Callable[[Floats, Fitting], Floats]
    fitting: Fitting
    stored: dict[str, Floats]

    def forecast(self, history: Panel, future: dict[str, Floats]) -> Floats:
        keys = history_keys(history)
        missing = [i for i, key in enumerate(keys) if key not in self.stored]
        fresh = dict(zip([keys[i] for i in missing], self._forecast_all(history.take(missing)), strict=True)) if missing else {}
        return np.array([self.stored.get(key, fresh.get(key)) for key in keys]).reshape(len(keys), self.fitting.recipe.horizon)

    def _forecast_all(self, history: Panel) -> Floats:
        recipe = self.fitting.recipe
        steps = int(self.fitting.params.get("history", 0)) or history.steps
        values = filled(history.values, recipe.season)[:, -steps:]
        forecasts = np.zeros((len(values), recipe.horizon))
        for i, row in enumerate(values):
            known = trimmed(row)
            if len(known):
                forecasts[i] = self._forecast_series(known)
        return forecasts

    def _forecast_series(self, known: Floats) -> Floats:
        """Forecast one series; fall back to the seasonal naive forecast where it is too short or constant, or the model fails."""
        recipe = self.fitting.recipe
        if len(known) < 2 * recipe.seasons[0] + 1 or np.ptp(known) == 0:
            return seasonal_naive(known, self.fitting)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # convergence warnings: the backtest measures how good the forecasts are
            forecast = self.forecast_one(known, self.fitting)
        return forecast if np.isfinite(forecast).all() else seasonal_naive(known, self.fitting)

    def save(self, folder: Path) -> None:
        write_json(folder / POINTS, {key: row.tolist() for key, row in sorted(self.stored.items())})


def history_keys(history: Panel) -> list[str]:
    """Return a key per series: the hash of its last time step and of its values from the first one on."""
    end = history.times[-1].isoformat().encode()
    return [hashlib.sha256(end + np.ascontiguousarray(trimmed(row)).tobytes()).hexdigest()[:32] for row in history.values]


def fit_local(panel: Panel, fitting: Fitting, forecast_one: Callable[[Floats, Fitting], Floats]) -> LocalModel:
    """Fit a local model to every series of a panel."""
    model = LocalModel(forecast_one, fitting, {})
    return LocalModel(forecast_one, fitting, dict(zip(history_keys(panel), model._forecast_all(panel), strict=True)))


def load_local(folder: Path, fitting: Fitting, forecast_one: Callable[[Floats, Fitting], Floats]) -> LocalModel:
    """Load the local model saved in `folder`."""
    saved: Mapping[str, list[float]] = read_json(folder / POINTS)
    return LocalModel(forecast_one, fitting, {key: np.array(row, dtype=np.float64) for key, row in saved.items()})


def naive(known: Floats, fitting: Fitting) -> Floats:
    """Repeat the last value."""
    return np.full(fitting.recipe.horizon, known[-1])


def seasonal_naive(known: Floats, fitting: Fitting) -> Floats:
    """Repeat the last season: the longest one that fits into the history, or the one set by the hyperparameter `season`."""
    usable = [season for season in fitting.recipe.seasons if season <= len(known)]
    season = int(fitting.params.get("season", 0)) or (usable[-1] if usable else 1)
    if season > len(known):
        season = 1
    return np.tile(known[-season:], -(-fitting.recipe.horizon // season))[: fitting.recipe.horizon]


def _short_season(known: Floats, fitting: Fitting) -> int:
    season = fitting.recipe.seasons[0]
    return season if len(known) >= 2 * season + 1 else 1


def ets(known: Floats, fitting: Fitting) -> Floats:
    """Forecast by exponential smoothing, with components selected by AICc."""
    from statsforecast.models import AutoETS

    season = _short_season(known, fitting)
    model = AutoETS(
        season_length=season if season <= 24 else 1,
        model=str(fitting.params.get("model", "ZZZ")),
        damped=fitting.params.get("damped"),
    )
    return np.asarray(model.forecast(known, h=fitting.recipe.horizon)["mean"], dtype=np.float64)


def theta(known: Floats, fitting: Fitting) -> Floats:
    """Forecast by the Theta variant with the best in-sample fit."""
    from statsforecast.models import AutoTheta

    return np.asarray(
        AutoTheta(season_length=_short_season(known, fitting)).forecast(known, h=fitting.recipe.horizon)["mean"], dtype=np.float64
    )


def arima(known: Floats, fitting: Fitting) -> Floats:
    """Forecast by a seasonal ARIMA of low order, found by stepwise search."""
    from statsforecast.models import AutoARIMA

    season = _short_season(known, fitting)
    model = AutoARIMA(
        season_length=season,
        approximation=True,
        max_p=3,
        max_q=3,
        max_P=1,
        max_Q=1,
        nmodels=int(fitting.params.get("models", 20)),
    )
    return np.asarray(model.forecast(known, h=fitting.recipe.horizon)["mean"], dtype=np.float64)


def mstl(known: Floats, fitting: Fitting) -> Floats:
    """Forecast by MSTL: all seasons removed by loess, exponential smoothing of the remainder."""
    from statsforecast.models import MSTL, AutoETS

    seasons = [season for season in fitting.recipe.seasons if season > 1 and len(known) >= 2 * season + 1]
    if not seasons:
        return ets(known, fitting)
    model = MSTL(season_length=seasons, trend_forecaster=AutoETS(model="ZZN"))
    return np.asarray(model.forecast(known, h=fitting.recipe.horizon)["mean"], dtype=np.float64)


def croston(known: Floats, fitting: Fitting) -> Floats:
    """Forecast intermittent demand by Croston's method in the Syntetos-Boylan approximation."""
    from statsforecast.models import CrostonSBA

    return np.asarray(CrostonSBA().forecast(known, h=fitting.recipe.horizon)["mean"], dtype=np.float64)


def mean_of_seasons(known: Floats, fitting: Fitting) -> Floats:
    """Forecast the mean of the last seasons at each position in the shortest season."""
    season, seasons = fitting.recipe.seasons[0], int(fitting.params.get("seasons", 8))
    if len(known) < season:
        return naive(known, fitting)
    count = min(seasons, len(known) // season)
    profile = known[len(known) - count * season :].reshape(count, season).mean(axis=0)
    return np.tile(profile, -(-fitting.recipe.horizon // season))[: fitting.recipe.horizon]

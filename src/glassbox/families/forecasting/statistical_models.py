"""Local models, fitted to one series at a time: naive forecasts and the statistical models of statsforecast."""

import hashlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glassbox.families.forecasting.frequency import Step
from glassbox.families.forecasting.panel import Floats, Panel, filled, trimmed
from glassbox.families.forecasting.protocols import Fitting
from glassbox.files import read_json, write_json

POINTS = "forecasts.json"
MIN_VALUES = 5  # a series with fewer values gets the seasonal naive forecast
MAX_ETS_SEASON = 24  # a longer season is too slow for ETS


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
        if len(known) < MIN_VALUES or np.ptp(known) == 0:
            return seasonal_naive(known, self.fitting)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # convergence warnings: the backtest measures how good the forecasts are
            try:
                forecast = self.forecast_one(known, self.fitting)
            except (ArithmeticError, IndexError, ValueError, np.linalg.LinAlgError):  # of a library, on an odd series
                return seasonal_naive(known, self.fitting)
        limit = np.abs(known).max() + 10 * np.ptp(known)
        return (
            forecast if np.isfinite(forecast).all() and np.abs(forecast).max() <= limit else seasonal_naive(known, self.fitting)
        )

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
        season = usable[-1] if usable else 1
    return _repeated(known[-season:], fitting)


def _repeated(profile: Floats, fitting: Fitting) -> Floats:
    """Repeat a profile up to the horizon."""
    return np.tile(profile, -(-fitting.recipe.horizon // len(profile)))[: fitting.recipe.horizon]


def naive_mean(known: Floats, fitting: Fitting) -> Floats:
    """Forecast the mean of the last value and of the last season of each length."""
    usable = [season for season in fitting.recipe.seasons if 1 < season <= len(known)]
    return np.asarray(np.mean([_repeated(known[-season:], fitting) for season in (1, *usable)], axis=0))


def mean_of_seasons(known: Floats, fitting: Fitting) -> Floats:
    """Forecast the mean of the last seasons at each position in the shortest season, or in the one of the hyperparameter `season`."""
    season = int(fitting.params.get("season", 0)) or fitting.recipe.seasons[0]
    if len(known) < season:
        return naive(known, fitting)
    count = min(int(fitting.params.get("seasons", 8)), len(known) // season)
    return _repeated(known[len(known) - count * season :].reshape(count, season).mean(axis=0), fitting)


def _short_season(known: Floats, fitting: Fitting) -> int:
    """Return the shortest season; 1 for a history of fewer than two of them."""
    season = fitting.recipe.seasons[0]
    return season if len(known) >= 2 * season + 1 else 1


def _mean(model: Any, known: Floats, fitting: Fitting) -> Floats:
    """Return the mean forecast of a model of statsforecast."""
    return np.asarray(model.forecast(known, h=fitting.recipe.horizon)["mean"], dtype=np.float64)


def ets(known: Floats, fitting: Fitting) -> Floats:
    """Forecast by exponential smoothing, with components selected by AICc."""
    from statsforecast.models import AutoETS

    season, form = _short_season(known, fitting), str(fitting.params.get("model", "ZZZ"))
    season = season if season <= MAX_ETS_SEASON else 1
    return _mean(AutoETS(season_length=season, model=form, damped=fitting.params.get("damped")), known, fitting)


def theta(known: Floats, fitting: Fitting) -> Floats:
    """Forecast by the Theta variant with the best in-sample fit."""
    from statsforecast.models import AutoTheta

    return _mean(AutoTheta(season_length=_short_season(known, fitting)), known, fitting)


def dynamic_theta(known: Floats, fitting: Fitting) -> Floats:
    """Forecast by the dynamic optimised Theta model."""
    from statsforecast.models import DynamicOptimizedTheta

    return _mean(DynamicOptimizedTheta(season_length=_short_season(known, fitting)), known, fitting)


def ces(known: Floats, fitting: Fitting) -> Floats:
    """Forecast by complex exponential smoothing; the form of its season is selected by AICc."""
    from statsforecast.models import AutoCES

    season = _short_season(known, fitting)
    return _mean(AutoCES(season_length=season, model="Z" if season > 1 else "N"), known, fitting)


def arima(known: Floats, fitting: Fitting) -> Floats:
    """Forecast by a seasonal ARIMA of low order, found by stepwise search among a limited number of models."""
    from statsforecast.models import AutoARIMA

    model = AutoARIMA(
        season_length=_short_season(known, fitting),
        approximation=True,
        max_p=3,
        max_q=3,
        max_P=1,
        max_Q=1,
        nmodels=int(fitting.params.get("models", 20)),
    )
    return _mean(model, known, fitting)


def mstl(known: Floats, fitting: Fitting) -> Floats:
    """Forecast by MSTL: all seasons are removed by loess, and the remainder is forecast by ETS or Theta (hyperparameter `trend`)."""
    from statsforecast.models import MSTL, AutoETS, Theta

    seasons = [season for season in fitting.recipe.seasons if season > 1 and len(known) >= 2 * season + 1]
    if not seasons:
        return ets(known, fitting)
    trend = Theta() if fitting.params.get("trend") == "theta" else AutoETS(model="ZZN")
    return _mean(MSTL(season_length=seasons, trend_forecaster=trend), known, fitting)


def tbats(known: Floats, fitting: Fitting) -> Floats:
    """Forecast by TBATS: exponential smoothing with trigonometric seasons of all lengths."""
    from statsforecast.models import TBATS

    seasons = [season for season in fitting.recipe.seasons if season > 1 and len(known) >= 2 * season + 1]
    return _mean(TBATS(season_length=seasons, use_boxcox=False), known, fitting) if seasons else ets(known, fitting)


def croston(known: Floats, fitting: Fitting) -> Floats:
    """Forecast intermittent demand by Croston's method in the Syntetos-Boylan approximation."""
    from statsforecast.models import CrostonSBA

    return _mean(CrostonSBA(), known, fitting)


def tsb(known: Floats, fitting: Fitting) -> Floats:
    """Forecast intermittent demand by the method of Teunter, Syntetos and Babai, in which demand can end."""
    from statsforecast.models import TSB

    alpha = float(fitting.params.get("alpha", 0.1))
    return _mean(TSB(alpha_d=alpha, alpha_p=alpha), known, fitting)


FLAIR_FREQUENCIES = {60: "T", 300: "5T", 600: "10T", 900: "15T", 1800: "30T", 3600: "H", 86_400: "D", 7 * 86_400: "W"}
FLAIR_MONTHS = {1: "M", 3: "Q", 12: "Y"}


def flair_frequency(step: Step) -> str | None:
    """Return FLAIR's name of a step; None for a step that it does not know."""
    return None if step.business else FLAIR_MONTHS.get(step.months) if step.months else FLAIR_FREQUENCIES.get(step.seconds)


def flair(known: Floats, fitting: Fitting) -> Floats:
    """Forecast by FLAIR: a seasonal shape times a level that is forecast by ridge regression ([1]_).

    References
    ----------
    .. [1] Honda, T. (2026). Don't Learn the Shape: Forecasting Periodic Time Series by Rank-1 Decomposition. arXiv:2605.07222.
    """
    from flaircast import forecast

    frequency = flair_frequency(fitting.recipe.step) or "Y"
    paths = forecast(known, fitting.recipe.horizon, frequency, n_samples=100, seed=fitting.seed % 2**32)
    return np.asarray(np.median(paths, axis=0), dtype=np.float64)

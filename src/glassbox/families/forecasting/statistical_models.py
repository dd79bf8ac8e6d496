"""Kinds that are fitted to each series by itself: naive forecasts, and the statistical ones of statsforecast."""

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
class Local:
    """A kind that is fitted to each series by itself: to those it is fitted on at once, to any other when it is asked.

    `made` holds forecasts by `history_key`, so that a series that is known is not fitted again.
    """

    one: Callable[[Floats, Fitting], Floats]
    how: Fitting
    made: dict[str, Floats]

    def forecast(self, history: Panel, future: dict[str, Floats]) -> Floats:
        keys = history_keys(history)
        missing = [i for i, key in enumerate(keys) if key not in self.made]
        fresh = dict(zip([keys[i] for i in missing], self._fitted(history.take(missing)), strict=True)) if missing else {}
        return np.array([self.made.get(key, fresh.get(key)) for key in keys]).reshape(len(keys), self.how.recipe.horizon)

    def _fitted(self, history: Panel) -> Floats:
        recipe = self.how.recipe
        most = int(self.how.params.get("history", 0)) or history.steps
        values = filled(history.values, recipe.season)[:, -most:]
        made = np.zeros((len(values), recipe.horizon))
        for i, row in enumerate(values):
            known = trimmed(row)
            if len(known):
                made[i] = self._one(known)
        return made

    def _one(self, known: Floats) -> Floats:
        """One series; where it is too short or too odd for the model, the seasonal naive forecast stands in."""
        recipe = self.how.recipe
        if len(known) < 2 * recipe.seasons[0] + 1 or np.ptp(known) == 0:
            return seasonal_naive(known, self.how)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the libraries, about convergence: what comes out is judged by the backtest
            found = self.one(known, self.how)
        return found if np.isfinite(found).all() else seasonal_naive(known, self.how)

    def save(self, folder: Path) -> None:
        write_json(folder / POINTS, {key: row.tolist() for key, row in sorted(self.made.items())})


def history_keys(history: Panel) -> list[str]:
    """What each series' history is known by: the hash of its values, from its first on, and of its last step."""
    end = history.times[-1].isoformat().encode()
    return [hashlib.sha256(end + np.ascontiguousarray(trimmed(row)).tobytes()).hexdigest()[:32] for row in history.values]


def fit_local(panel: Panel, how: Fitting, one: Callable[[Floats, Fitting], Floats]) -> Local:
    """A local kind, fitted to every series of a panel."""
    model = Local(one, how, {})
    return Local(one, how, dict(zip(history_keys(panel), model._fitted(panel), strict=True)))


def load_local(folder: Path, how: Fitting, one: Callable[[Floats, Fitting], Floats]) -> Local:
    """The local kind that was saved in `folder`."""
    told: Mapping[str, list[float]] = read_json(folder / POINTS)
    return Local(one, how, {key: np.array(row, dtype=np.float64) for key, row in told.items()})


def naive(known: Floats, how: Fitting) -> Floats:
    """The last value, again and again."""
    return np.full(how.recipe.horizon, known[-1])


def seasonal_naive(known: Floats, how: Fitting) -> Floats:
    """The last season, again and again; the longest season that the series has, unless `season` names another."""
    fitting = [season for season in how.recipe.seasons if season <= len(known)]
    season = int(how.params.get("season", 0)) or (fitting[-1] if fitting else 1)
    if season > len(known):
        season = 1
    return np.tile(known[-season:], -(-how.recipe.horizon // season))[: how.recipe.horizon]


def _short_season(known: Floats, how: Fitting) -> int:
    season = how.recipe.seasons[0]
    return season if len(known) >= 2 * season + 1 else 1


def ets(known: Floats, how: Fitting) -> Floats:
    """Exponential smoothing with the components that AICc chooses."""
    from statsforecast.models import AutoETS

    season = _short_season(known, how)
    model = AutoETS(
        season_length=season if season <= 24 else 1, model=str(how.params.get("model", "ZZZ")), damped=how.params.get("damped")
    )
    return np.asarray(model.forecast(known, h=how.recipe.horizon)["mean"], dtype=np.float64)


def theta(known: Floats, how: Fitting) -> Floats:
    """The Theta model that fits the past best."""
    from statsforecast.models import AutoTheta

    return np.asarray(
        AutoTheta(season_length=_short_season(known, how)).forecast(known, h=how.recipe.horizon)["mean"], dtype=np.float64
    )


def arima(known: Floats, how: Fitting) -> Floats:
    """Seasonal ARIMA by stepwise search, of low orders."""
    from statsforecast.models import AutoARIMA

    season = _short_season(known, how)
    model = AutoARIMA(
        season_length=season, approximation=True, max_p=3, max_q=3, max_P=1, max_Q=1, nmodels=int(how.params.get("models", 20))
    )
    return np.asarray(model.forecast(known, h=how.recipe.horizon)["mean"], dtype=np.float64)


def mstl(known: Floats, how: Fitting) -> Floats:
    """All seasons taken off by loess, and exponential smoothing of what remains."""
    from statsforecast.models import MSTL, AutoETS

    seasons = [season for season in how.recipe.seasons if season > 1 and len(known) >= 2 * season + 1]
    if not seasons:
        return ets(known, how)
    model = MSTL(season_length=seasons, trend_forecaster=AutoETS(model="ZZN"))
    return np.asarray(model.forecast(known, h=how.recipe.horizon)["mean"], dtype=np.float64)


def croston(known: Floats, how: Fitting) -> Floats:
    """Croston's method for intermittent demand, in the Syntetos-Boylan approximation."""
    from statsforecast.models import CrostonSBA

    return np.asarray(CrostonSBA().forecast(known, h=how.recipe.horizon)["mean"], dtype=np.float64)


def mean_of_seasons(known: Floats, how: Fitting) -> Floats:
    """The mean of the last seasons at each place in the shortest one."""
    season, seasons = how.recipe.seasons[0], int(how.params.get("seasons", 8))
    if len(known) < season:
        return naive(known, how)
    count = min(seasons, len(known) // season)
    profile = known[len(known) - count * season :].reshape(count, season).mean(axis=0)
    return np.tile(profile, -(-how.recipe.horizon // season))[: how.recipe.horizon]

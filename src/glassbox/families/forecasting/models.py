"""The kinds of forecasting model under one protocol: fit on a panel, then forecast from the end of any history.

Local kinds (one model a series) keep what they were fitted to, and are fitted to any other history when they are asked.
Global kinds (one model for all series) are fitted once and take any history.
"""

import hashlib
import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from glassbox.errors import GlassboxError
from glassbox.families.forecasting.panel import Floats, Panel, filled, trimmed
from glassbox.families.forecasting.recipe import Recipe, features, future_of, is_holiday, time_features
from glassbox.files import read_json, write_json, write_text

MODEL, POINTS, PROPHET = "model.txt", "forecasts.json", "prophet.json"


@dataclass(frozen=True)
class Fitting:
    """How a model is fitted: its hyperparameters, the recipe, the seed and the threads of one fit."""

    params: dict[str, Any]
    recipe: Recipe
    seed: int = 0
    threads: int = 1


class Model(Protocol):
    """A model that can forecast."""

    def forecast(self, history: Panel, future: dict[str, Floats]) -> Floats:
        """Point forecasts of shape (series, H) for the steps after `history`.

        `future` holds the covariates known ahead, (series, H) each.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write what was learnt."""
        ...


@dataclass(frozen=True)
class Kind:
    """A row of the table of kinds.

    `complexity` orders kinds from simple to flexible.
    """

    fit: Callable[[Panel, Fitting], Model]
    load: Callable[[Path, Fitting], Model]
    complexity: int
    learns: bool = True
    local: bool = True


# --------------------------------------------------------------------------------------------------------- local kinds


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


def _ets(known: Floats, how: Fitting) -> Floats:
    from statsforecast.models import AutoETS

    season = _short_season(known, how)
    model = AutoETS(
        season_length=season if season <= 24 else 1, model=str(how.params.get("model", "ZZZ")), damped=how.params.get("damped")
    )
    return np.asarray(model.forecast(known, h=how.recipe.horizon)["mean"], dtype=np.float64)


def _theta(known: Floats, how: Fitting) -> Floats:
    from statsforecast.models import AutoTheta

    return np.asarray(
        AutoTheta(season_length=_short_season(known, how)).forecast(known, h=how.recipe.horizon)["mean"], dtype=np.float64
    )


def _arima(known: Floats, how: Fitting) -> Floats:
    from statsforecast.models import AutoARIMA

    season = _short_season(known, how)
    model = AutoARIMA(
        season_length=season, approximation=True, max_p=3, max_q=3, max_P=1, max_Q=1, nmodels=int(how.params.get("models", 20))
    )
    return np.asarray(model.forecast(known, h=how.recipe.horizon)["mean"], dtype=np.float64)


def _mstl(known: Floats, how: Fitting) -> Floats:
    from statsforecast.models import MSTL, AutoETS

    seasons = [season for season in how.recipe.seasons if season > 1 and len(known) >= 2 * season + 1]
    if not seasons:
        return _ets(known, how)
    model = MSTL(season_length=seasons, trend_forecaster=AutoETS(model="ZZN"))
    return np.asarray(model.forecast(known, h=how.recipe.horizon)["mean"], dtype=np.float64)


def _croston(known: Floats, how: Fitting) -> Floats:
    from statsforecast.models import CrostonSBA

    return np.asarray(CrostonSBA().forecast(known, h=how.recipe.horizon)["mean"], dtype=np.float64)


def _mean_of_seasons(known: Floats, how: Fitting) -> Floats:
    """The mean of the last seasons at each place in the shortest one."""
    season, seasons = how.recipe.seasons[0], int(how.params.get("seasons", 8))
    if len(known) < season:
        return naive(known, how)
    count = min(seasons, len(known) // season)
    profile = known[len(known) - count * season :].reshape(count, season).mean(axis=0)
    return np.tile(profile, -(-how.recipe.horizon // season))[: how.recipe.horizon]


# ------------------------------------------------------------------------------------------------------------- Prophet


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


def _fit_prophets(panel: Panel, how: Fitting) -> ProphetModel:
    model = ProphetModel(how, {})
    return ProphetModel(how, {key: model._fitted(panel, i) for i, key in enumerate(history_keys(panel))})


def _load_prophets(folder: Path, how: Fitting) -> ProphetModel:
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


# ------------------------------------------------------------------------------------------------------------ boosting


@dataclass(frozen=True)
class Boosting:
    """Gradient boosting on lags and calendar: one model for all series and all steps ahead.

    Direct: every step ahead is forecast from what is known at the origin. Recursive: one season at a time, each from the
    forecasts before it.
    """

    booster: Any
    how: Fitting

    def forecast(self, history: Panel, future: dict[str, Floats]) -> Floats:
        recipe = self.how.recipe
        if self.how.params.get("method", "direct") == "direct" or recipe.horizon <= recipe.seasons[0]:
            return self._ahead(history, filled(history.values, recipe.season), recipe, future)
        reach, made = recipe.seasons[0], np.zeros((len(history.names), 0))
        one = recipe.model_copy(update={"horizon": reach})
        values, times = filled(history.values, recipe.season), history.times
        while made.shape[1] < recipe.horizon:
            at = made.shape[1]
            part = {name: _part(matrix, at, reach) for name, matrix in future.items()}
            seen = Panel(history.step, history.names, times, values, history.covariates)
            found = self._ahead(seen, values, one, part)
            made = np.hstack([made, found])
            values = np.hstack([values, found])
            times = pd.DatetimeIndex(times.append(recipe.step.after(times[-1], reach)))
        return made[:, : recipe.horizon]

    def _ahead(self, history: Panel, values: Floats, recipe: Recipe, future: dict[str, Floats]) -> Floats:
        calendar = time_features(recipe.step.after(history.times[-1], recipe.horizon), recipe)
        matrix, level, size = features(history, values, recipe, future, calendar)
        flat = matrix.reshape(-1, matrix.shape[2])
        found = np.asarray(self.booster.predict(flat, num_threads=self.how.threads)).reshape(matrix.shape[:2])
        return found * size[:, None] + level[:, None]

    def save(self, folder: Path) -> None:
        write_text(folder / MODEL, self.booster.model_to_string())


def _part(matrix: Floats, at: int, count: int) -> Floats:
    part = matrix[:, at : at + count]
    return np.hstack([part, np.repeat(part[:, -1:], count - part.shape[1], axis=1)]) if part.shape[1] < count else part


_OWN = ("method", "rows", "most_lags")
_LIGHTGBM = {"objective": "regression", "verbosity": -1, "deterministic": True, "force_row_wise": True}


def fit_boosting(panel: Panel, how: Fitting) -> Boosting:
    """Boosting fitted on windows of the panel: origins spread over all of it, the latest first while rows allow."""
    import lightgbm

    how = with_lags(how)
    matrix, target = training_rows(panel, how)
    params = {name: value for name, value in how.params.items() if name not in (*_OWN, "n_estimators")}
    settings = {**_LIGHTGBM, **params, "seed": how.seed % 2**31, "num_threads": how.threads}
    data = lightgbm.Dataset(matrix, target, feature_name=[f"f{i}" for i in range(matrix.shape[1])], free_raw_data=True)
    booster = lightgbm.train(settings, data, num_boost_round=int(how.params.get("n_estimators", 200)))
    return Boosting(booster, how)


def with_lags(how: Fitting) -> Fitting:
    """The recipe with no more lags than the hyperparameter `most_lags` allows."""
    most = int(how.params.get("most_lags", 0)) or len(how.recipe.lags)
    return replace(how, recipe=how.recipe.model_copy(update={"lags": how.recipe.lags[:most]}))


def training_rows(panel: Panel, how: Fitting) -> tuple[Floats, Floats]:
    """Features and scaled targets of windows inside the panel, of shapes (rows, columns) and (rows,)."""
    recipe = how.recipe
    direct = how.params.get("method", "direct") == "direct" or recipe.horizon <= recipe.seasons[0]
    recipe = recipe if direct else recipe.model_copy(update={"horizon": recipe.seasons[0]})
    values = filled(panel.values, recipe.season)
    calendar = time_features(panel.times, recipe)
    matrices, targets = [], []
    for origin in origins_to_learn_from(panel, recipe, int(how.params.get("rows", 200_000))):
        seen = panel.until(origin)
        ahead = slice(origin, origin + recipe.horizon)
        matrix, level, size = features(seen, values[:, :origin], recipe, future_of(panel, origin, recipe), calendar[ahead])
        wanted = (panel.values[:, ahead] - level[:, None]) / size[:, None]
        there = ~np.isnan(wanted) & ~np.isnan(values[:, origin - 1])[:, None]
        matrices.append(matrix[there])
        targets.append(wanted[there])
    if not matrices or not sum(map(len, targets)):
        raise GlassboxError(f"{panel.steps} steps are too few to learn {recipe.horizon} steps ahead from.")
    return np.concatenate(matrices), np.clip(np.concatenate(targets), -20, 20)


def origins_to_learn_from(panel: Panel, recipe: Recipe, rows: int) -> list[int]:
    """Origins inside the panel, evenly apart, as many as give about `rows` rows; a stride that is no multiple of the seasons."""
    first = min(panel.steps - recipe.horizon, max(2 * recipe.season, recipe.windows[0] if recipe.windows else 1))
    last = panel.steps - recipe.horizon
    wanted = max(8, rows // max(1, len(panel.names) * recipe.horizon))
    span = max(1, last - first)
    stride = max(1, span // wanted)
    while stride > 1 and any(np.gcd(stride, season) > 1 for season in recipe.seasons if season > 1):
        stride -= 1
    return list(range(last, first - 1, -stride))[:wanted][::-1]


def load_boosting(folder: Path, how: Fitting) -> Boosting:
    """The boosting that was saved in `folder`."""
    import lightgbm

    return Boosting(lightgbm.Booster(model_str=(folder / MODEL).read_text(encoding="utf-8")), with_lags(how))


# ------------------------------------------------------------------------------------------------------------ ensemble


@dataclass(frozen=True)
class Ensemble:
    """A weighted mean of models."""

    members: list[tuple[float, Model]]

    def forecast(self, history: Panel, future: dict[str, Floats]) -> Floats:
        found = [weight * member.forecast(history, future) for weight, member in self.members]
        return np.asarray(np.sum(found, axis=0))

    def save(self, folder: Path) -> None:
        for i, (_, member) in enumerate(self.members):
            part = folder / f"member_{i}"
            part.mkdir(parents=True, exist_ok=True)
            member.save(part)


def _members(how: Fitting) -> list[tuple[float, Kind, Fitting]]:
    told: list[Mapping[str, Any]] = how.params["members"]
    return [
        (float(m["weight"]), kind_of(str(m["kind"])), Fitting(dict(m["params"]), how.recipe, how.seed, how.threads)) for m in told
    ]


def _fit_ensemble(panel: Panel, how: Fitting) -> Ensemble:
    return Ensemble([(weight, kind.fit(panel, part)) for weight, kind, part in _members(how)])


def _load_ensemble(folder: Path, how: Fitting) -> Ensemble:
    return Ensemble([(w, kind.load(folder / f"member_{i}", part)) for i, (w, kind, part) in enumerate(_members(how))])


def _local(one: Callable[[Floats, Fitting], Floats], complexity: int, *, learns: bool = True) -> Kind:
    return Kind(
        lambda panel, how: fit_local(panel, how, one), lambda folder, how: load_local(folder, how, one), complexity, learns
    )


KINDS: dict[str, Kind] = {
    "naive": _local(naive, 0, learns=False),
    "seasonal_naive": _local(seasonal_naive, 1, learns=False),
    "seasonal_mean": _local(_mean_of_seasons, 2, learns=False),
    "croston": _local(_croston, 3),
    "theta": _local(_theta, 3),
    "ets": _local(_ets, 4),
    "arima": _local(_arima, 5),
    "mstl": _local(_mstl, 5),
    "prophet": Kind(_fit_prophets, _load_prophets, 6),
    "boosting": Kind(fit_boosting, load_boosting, 7, local=False),
    "ensemble": Kind(_fit_ensemble, _load_ensemble, 9, local=False),
}


def kind_of(name: str) -> Kind:
    """The kind of that name.

    Raises
    ------
    GlassboxError
        When there is none.
    """
    if name not in KINDS:
        raise GlassboxError(f"There is no kind of forecasting model {name!r}; there are {', '.join(KINDS)}.")
    return KINDS[name]

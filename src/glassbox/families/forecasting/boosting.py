"""Gradient boosting on lags and calendar features: one global model for all series."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from glassbox.errors import GlassboxError
from glassbox.families.forecasting.panel import Floats, Panel, filled
from glassbox.families.forecasting.protocols import Fitting
from glassbox.families.forecasting.recipe import Recipe, features, future_of, time_features
from glassbox.files import write_text

MODEL = "model.txt"


@dataclass(frozen=True)
class Boosting:
    """Gradient boosting on lags and calendar features: one model for all series and all steps ahead.

    The direct method forecasts every step from the values known at the origin. The recursive method forecasts one season
    at a time and feeds the forecasts back as history.
    """

    booster: Any
    fitting: Fitting

    def forecast(self, history: Panel, future: dict[str, Floats]) -> Floats:
        recipe = self.fitting.recipe
        if self.fitting.params.get("method", "direct") == "direct" or recipe.horizon <= recipe.seasons[0]:
            return self._ahead(history, filled(history.values, recipe.season), recipe, future)
        chunk, points = recipe.seasons[0], np.zeros((len(history.names), 0))
        season_recipe = recipe.model_copy(update={"horizon": chunk})
        values, times = filled(history.values, recipe.season), history.times
        while points.shape[1] < recipe.horizon:
            done = points.shape[1]
            part = {name: _chunk(matrix, done, chunk) for name, matrix in future.items()}
            seen = Panel(history.step, history.names, times, values, history.covariates)
            predicted = self._ahead(seen, values, season_recipe, part)
            points = np.hstack([points, predicted])
            values = np.hstack([values, predicted])
            times = pd.DatetimeIndex(times.append(recipe.step.after(times[-1], chunk)))
        return points[:, : recipe.horizon]

    def _ahead(self, history: Panel, values: Floats, recipe: Recipe, future: dict[str, Floats]) -> Floats:
        calendar = time_features(recipe.step.after(history.times[-1], recipe.horizon), recipe)
        reference = str(self.fitting.params.get("reference", "level"))
        matrix, level, size = features(history, values, recipe, future, calendar, reference)
        flat = matrix.reshape(-1, matrix.shape[2])
        predicted = np.asarray(self.booster.predict(flat, num_threads=self.fitting.threads)).reshape(matrix.shape[:2])
        return predicted * size[:, None] + level

    def save(self, folder: Path) -> None:
        write_text(folder / MODEL, self.booster.model_to_string())


def _chunk(matrix: Floats, start: int, count: int) -> Floats:
    part = matrix[:, start : start + count]
    return np.hstack([part, np.repeat(part[:, -1:], count - part.shape[1], axis=1)]) if part.shape[1] < count else part


_NOT_FOR_LIGHTGBM = ("method", "rows", "most_lags", "reference")
_LIGHTGBM = {"objective": "regression", "verbosity": -1, "deterministic": True, "force_row_wise": True}


def fit_boosting(panel: Panel, fitting: Fitting) -> Boosting:
    """Fit gradient boosting on windows of the panel, as `training_rows` builds them."""
    import lightgbm

    fitting = with_lags(fitting)
    matrix, target = training_rows(panel, fitting)
    params = {name: value for name, value in fitting.params.items() if name not in (*_NOT_FOR_LIGHTGBM, "n_estimators")}
    settings = {**_LIGHTGBM, **params, "seed": fitting.seed % 2**31, "num_threads": fitting.threads}
    data = lightgbm.Dataset(matrix, target, feature_name=[f"f{i}" for i in range(matrix.shape[1])], free_raw_data=True)
    booster = lightgbm.train(settings, data, num_boost_round=int(fitting.params.get("n_estimators", 200)))
    return Boosting(booster, fitting)


def with_lags(fitting: Fitting) -> Fitting:
    """Limit the recipe to the first `most_lags` lags, where that hyperparameter is set."""
    most = int(fitting.params.get("most_lags", 0)) or len(fitting.recipe.lags)
    return replace(fitting, recipe=fitting.recipe.model_copy(update={"lags": fitting.recipe.lags[:most]}))


def training_rows(panel: Panel, fitting: Fitting) -> tuple[Floats, Floats]:
    """Build features and scaled targets from windows inside the panel.

    Returns
    -------
    matrix : ndarray of shape (rows, columns)
    target : ndarray of shape (rows,)
        In units of each series' size, clipped to ±20.

    Raises
    ------
    GlassboxError
        When the panel is too short for a single window.
    """
    recipe = fitting.recipe
    direct = fitting.params.get("method", "direct") == "direct" or recipe.horizon <= recipe.seasons[0]
    recipe = recipe if direct else recipe.model_copy(update={"horizon": recipe.seasons[0]})
    values = filled(panel.values, recipe.season)
    calendar = time_features(panel.times, recipe)
    reference = str(fitting.params.get("reference", "level"))
    matrices, targets = [], []
    for origin in training_origins(panel, recipe, int(fitting.params.get("rows", 200_000))):
        history = panel.until(origin)
        ahead = slice(origin, origin + recipe.horizon)
        known = future_of(panel, origin, recipe)
        matrix, level, size = features(history, values[:, :origin], recipe, known, calendar[ahead], reference)
        scaled = (panel.values[:, ahead] - level) / size[:, None]
        observed = ~np.isnan(scaled) & ~np.isnan(values[:, origin - 1])[:, None]
        matrices.append(matrix[observed])
        targets.append(scaled[observed])
    if not matrices or not sum(map(len, targets)):
        raise GlassboxError(
            f"boosting: the history has {panel.steps} steps, too few to train on a horizon of {recipe.horizon} steps; "
            "use more history or a shorter horizon."
        )
    return np.concatenate(matrices), np.clip(np.concatenate(targets), -20, 20)


def training_origins(panel: Panel, recipe: Recipe, rows: int) -> list[int]:
    """Return evenly spaced training origins that give about `rows` rows; the stride shares no factor with any season."""
    first = min(panel.steps - recipe.horizon, max(2 * recipe.season, recipe.windows[0] if recipe.windows else 1))
    last = panel.steps - recipe.horizon
    count = max(8, rows // max(1, len(panel.names) * recipe.horizon))
    span = max(1, last - first)
    stride = max(1, span // count)
    while stride > 1 and any(np.gcd(stride, season) > 1 for season in recipe.seasons if season > 1):
        stride -= 1
    return list(range(last, first - 1, -stride))[:count][::-1]


def load_boosting(folder: Path, fitting: Fitting) -> Boosting:
    """Load the boosting model saved in `folder`."""
    import lightgbm

    return Boosting(lightgbm.Booster(model_str=(folder / MODEL).read_text(encoding="utf-8")), with_lags(fitting))

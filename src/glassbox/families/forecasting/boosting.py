"""Gradient boosting on lags and calendar: one model for all series."""

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

"""Backtesting: forecasts from several origins, each by a model fitted on the history up to that origin."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.forecasting.metrics import Forecasts
from glassbox.families.forecasting.models import KINDS
from glassbox.families.forecasting.panel import Floats, Panel, scales
from glassbox.families.forecasting.protocols import Fitting, Model
from glassbox.families.forecasting.recipe import Recipe, future_of
from glassbox.families.shared.cross_fit import cache_key, fit_and_predict_cached
from glassbox.runtime.resources import Resources

CODE = "glassbox.families.forecasting.backtest"  # part of the cache key, with all that it imports


@dataclass(frozen=True)
class BacktestDataset:
    """A panel with its feature recipe, and the origins from which forecasts are evaluated.

    `digest` is the hash of the panel; `nonnegative` forecasts are clipped at zero.
    """

    panel: Panel
    recipe: Recipe
    origins: list[int]
    digest: str
    nonnegative: bool

    @staticmethod
    def of(panel: Panel, recipe: Recipe, origins: Sequence[int]) -> "BacktestDataset":
        """Create a dataset; forecasts are clipped at zero when the history before the first origin is never negative."""
        first = panel.values[:, : min(origins)]
        low = float(np.nanmin(first)) if np.isfinite(first).any() else -1.0
        return BacktestDataset(panel, recipe, list(origins), panel.digest, low >= 0)

    @property
    def folds(self) -> list[int]:
        """The origins."""
        return self.origins

    @property
    def zeros(self) -> float:
        """The share of zeros among the known values before the first origin."""
        known = self.panel.values[:, : min(self.origins)]
        observed = known[~np.isnan(known)]
        return float(np.mean(observed == 0)) if len(observed) else 0.0

    @property
    def evaluated_steps(self) -> int:
        """The number of steps that forecasts are evaluated on."""
        return int(sum((~np.isnan(self.actual(origin))).sum() for origin in self.origins))

    def actual(self, origin: int) -> Floats:
        """Return the actual values after an origin, (series, H); NaN beyond the panel and in series that had not begun."""
        actual = np.full((len(self.panel.names), self.recipe.horizon), np.nan)
        part = self.panel.values[:, origin : origin + self.recipe.horizon]
        actual[:, : part.shape[1]] = part
        begun = ~np.isnan(self.panel.values[:, :origin]).all(axis=1)
        actual[~begun] = np.nan
        return actual

    def frame(self, points: Mapping[int, Floats]) -> Forecasts:
        """Return the forecasts from each origin with the actual values; windows in the order of origins, then series."""
        count = len(self.panel.names)
        scale = {origin: self._scales(origin) for origin in self.origins}
        return Forecasts(
            series=np.tile(np.arange(count), len(self.origins)),
            origin=np.repeat(np.array(self.origins, dtype=np.int64), count),
            actual=np.concatenate([self.actual(origin) for origin in self.origins]),
            point=np.concatenate([points[origin] for origin in self.origins]),
            scale=np.concatenate([scale[origin][0] for origin in self.origins]),
            scale2=np.concatenate([scale[origin][1] for origin in self.origins]),
        )

    def _scales(self, origin: int) -> tuple[Floats, Floats]:
        known, season = self.panel.values[:, :origin], self.recipe.seasons[0]
        return scales(known, season), scales(known, 1, power=2)


def forecast_from(
    dataset: BacktestDataset, origin: int, kind: str, params: Mapping[str, Any], resources: Resources
) -> dict[str, Any]:
    """Forecast from one origin with a model fitted on the history up to it; the result is cached.

    Returns
    -------
    dict
        ``point`` of shape (series, H), and the seconds ``fit_s`` and ``predict_s``.
    """
    settings = Fitting(dict(params), dataset.recipe, resources.seed, resources.threads)
    history = dataset.panel.until(origin)

    def predict(model: Model) -> dict[str, Any]:
        point = model.forecast(history, future_of(dataset.panel, origin, dataset.recipe))
        return {"point": np.maximum(point, 0.0) if dataset.nonnegative else point}

    key = cache_key(
        "origin",
        dataset.digest,
        origin,
        kind,
        params,
        resources,
        recipe=dataset.recipe.model_dump(),
        floor=dataset.nonnegative,
    )
    return fit_and_predict_cached(key, lambda: KINDS[kind].fit(history, settings), predict, resources=resources, code=CODE)


def oof_frame(forecasts: Forecasts, dataset: BacktestDataset) -> pd.DataFrame:
    """Return forecasts as a table: ``series``, ``origin``, ``ahead`` (1 to H), ``time``, ``y_true``, ``y_pred``."""
    windows, horizon = forecasts.point.shape
    ahead = np.arange(1, horizon + 1)
    last = int(forecasts.origin.max()) + horizon
    times = dataset.panel.times
    if last > len(times):
        times = pd.DatetimeIndex(times.append(dataset.panel.step.after(times[-1], last - len(times))))
    names = np.array(dataset.panel.names, dtype=object)
    return pd.DataFrame(
        {
            "series": np.repeat(names[forecasts.series], horizon),
            "origin": np.repeat(forecasts.origin, horizon),
            "ahead": np.tile(ahead, windows),
            "time": times[(forecasts.origin[:, None] + ahead - 1).ravel()],
            "y_true": forecasts.actual.ravel(),
            "y_pred": forecasts.point.ravel(),
        }
    )


def read_oof(oof: pd.DataFrame, dataset: BacktestDataset) -> Forecasts:
    """Convert the table from `oof_frame` back to forecasts."""
    horizon, count = dataset.recipe.horizon, len(dataset.panel.names)
    rows = oof.sort_values(["origin", "series", "ahead"], kind="stable")
    point = rows["y_pred"].to_numpy(dtype=np.float64).reshape(len(dataset.origins), count, horizon)
    return dataset.frame({origin: point[i] for i, origin in enumerate(dataset.origins)})

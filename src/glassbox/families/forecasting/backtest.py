"""The backtest: forecasts from one origin after another, each by a model that knew nothing later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.forecasting.metrics import Forecasts
from glassbox.families.forecasting.models import kind_of
from glassbox.families.forecasting.panel import Floats, Panel, scales
from glassbox.families.forecasting.protocols import Fitting, Model
from glassbox.families.forecasting.recipe import Recipe, future_of
from glassbox.families.shared.cross_fit import Cache, cache_key, fit_and_predict_cached

CODE = "glassbox.families.forecasting.backtest"  # what results are remembered by: this module and all that it imports


@dataclass(frozen=True)
class Problem:
    """What is to be forecast: the panel, what is made of it, and the origins that judge."""

    panel: Panel
    recipe: Recipe
    origins: list[int]
    digest: str
    nonnegative: bool

    @staticmethod
    def of(panel: Panel, recipe: Recipe, origins: Sequence[int]) -> "Problem":
        """A problem; forecasts are kept from falling below zero when the history before the first origin never did."""
        first = panel.values[:, : min(origins)]
        low = float(np.nanmin(first)) if np.isfinite(first).any() else -1.0
        return Problem(panel, recipe, list(origins), panel.digest, low >= 0)

    @property
    def zeros(self) -> float:
        """The share of known values that are zero, before the first origin."""
        known = self.panel.values[:, : min(self.origins)]
        there = known[~np.isnan(known)]
        return float(np.mean(there == 0)) if len(there) else 0.0

    @property
    def judged(self) -> int:
        """Steps that judge."""
        return int(sum((~np.isnan(self.actual(origin))).sum() for origin in self.origins))

    def actual(self, origin: int) -> Floats:
        """What came after an origin, (series, H); NaN beyond the panel and in series that had not begun."""
        made = np.full((len(self.panel.names), self.recipe.horizon), np.nan)
        part = self.panel.values[:, origin : origin + self.recipe.horizon]
        made[:, : part.shape[1]] = part
        begun = ~np.isnan(self.panel.values[:, :origin]).all(axis=1)
        made[~begun] = np.nan
        return made

    def frame(self, points: Mapping[int, Floats]) -> Forecasts:
        """Forecasts from each origin beside what came, windows in the order of origins, then series."""
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
    problem: Problem,
    origin: int,
    kind: str,
    params: Mapping[str, Any],
    *,
    seed: int,
    threads: int = 1,
    memo: Cache | None = None,
) -> dict[str, Any]:
    """Forecasts from one origin by a model fitted on what was known there.

    Returns
    -------
    dict
        ``point`` of shape (series, H), and ``fit_s``, ``predict_s``: the seconds that it took when it was computed.
    """
    how = Fitting(dict(params), problem.recipe, seed, threads)
    history = problem.panel.until(origin)

    def ask(model: Model) -> dict[str, Any]:
        point = model.forecast(history, future_of(problem.panel, origin, problem.recipe))
        return {"point": np.maximum(point, 0.0) if problem.nonnegative else point}

    parts = cache_key(
        "origin",
        problem.digest,
        origin,
        kind,
        params,
        seed=seed,
        threads=threads,
        recipe=problem.recipe.model_dump(),
        floor=problem.nonnegative,
    )
    return fit_and_predict_cached(parts, lambda: kind_of(kind).fit(history, how), ask, memo=memo, code=CODE)


def oof_frame(found: Forecasts, problem: Problem, candidate: str | None = None) -> pd.DataFrame:
    """Forecasts as a table: ``series``, ``origin``, ``ahead`` (1 to H), ``time``, ``y_true``, ``y_pred``; ``candidate`` in front."""
    windows, horizon = found.point.shape
    ahead = np.arange(1, horizon + 1)
    last = int(found.origin.max()) + horizon
    times = problem.panel.times
    if last > len(times):
        times = pd.DatetimeIndex(times.append(problem.panel.step.after(times[-1], last - len(times))))
    names = np.array(problem.panel.names, dtype=object)
    made = pd.DataFrame(
        {
            "series": np.repeat(names[found.series], horizon),
            "origin": np.repeat(found.origin, horizon),
            "ahead": np.tile(ahead, windows),
            "time": times[(found.origin[:, None] + ahead - 1).ravel()],
            "y_true": found.actual.ravel(),
            "y_pred": found.point.ravel(),
        }
    )
    if candidate is not None:
        made.insert(0, "candidate", candidate)
    return made


def read_oof(oof: pd.DataFrame, problem: Problem) -> Forecasts:
    """What `oof_frame` wrote of one candidate."""
    horizon, count = problem.recipe.horizon, len(problem.panel.names)
    rows = oof.sort_values(["origin", "series", "ahead"], kind="stable")
    point = rows["y_pred"].to_numpy(dtype=np.float64).reshape(len(problem.origins), count, horizon)
    return problem.frame({origin: point[i] for i, origin in enumerate(problem.origins)})

"""Registry of forecasting models: each is fitted on a panel and forecasts from the end of any history.

Local models (one per series) store the forecasts of the histories that they were fitted to and refit for any other history.
Global models (one for all series) are fitted once and accept any history.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glassbox.families.forecasting import statistical_models
from glassbox.families.forecasting.boosting import fit_boosting, load_boosting
from glassbox.families.forecasting.panel import Floats, Panel
from glassbox.families.forecasting.prophet_model import fit_prophets, load_prophets
from glassbox.families.forecasting.protocols import Fitting, Model
from glassbox.families.registry import ModelSpec, Registry

ForecastSpec = ModelSpec[Callable[[Panel, Fitting], Model], Callable[[Path, Fitting], Model]]


@dataclass(frozen=True)
class Ensemble:
    """A combination of the forecasts of several models: a mean with weights, which a series may have of its own, or the median.

    `weights` are those of the members; `by_series` those of single series, by name.
    """

    members: list[Model]
    weights: list[float]
    by_series: Mapping[str, list[float]]
    median: bool

    def forecast(self, history: Panel, future: dict[str, Floats]) -> Floats:
        points = np.array([member.forecast(history, future) for member in self.members])
        if self.median:
            return np.asarray(np.median(points, axis=0))
        weights = np.array([self.by_series.get(name, self.weights) for name in history.names])
        weights = weights / weights.sum(axis=1, keepdims=True)
        return np.asarray(np.sum(points * weights.T[:, :, None], axis=0))

    def save(self, folder: Path) -> None:
        for i, member in enumerate(self.members):
            part = folder / f"member_{i}"
            part.mkdir(parents=True, exist_ok=True)
            member.save(part)


def _members(fitting: Fitting) -> list[tuple[ForecastSpec, Fitting]]:
    members: list[Mapping[str, Any]] = fitting.params["members"]
    return [
        (KINDS[str(member["kind"])], Fitting(dict(member["params"]), fitting.recipe, fitting.seed, fitting.threads))
        for member in members
    ]


def _ensemble(members: list[Model], fitting: Fitting) -> Ensemble:
    weights = [float(member["weight"]) for member in fitting.params["members"]]
    return Ensemble(members, weights, fitting.params.get("weights", {}), fitting.params.get("combine") == "median")


def _fit_ensemble(panel: Panel, fitting: Fitting) -> Ensemble:
    return _ensemble([kind.fit(panel, part) for kind, part in _members(fitting)], fitting)


def _load_ensemble(folder: Path, fitting: Fitting) -> Ensemble:
    return _ensemble([kind.load(folder / f"member_{i}", part) for i, (kind, part) in enumerate(_members(fitting))], fitting)


def _local(
    forecast_one: Callable[[Floats, Fitting], Floats], complexity: int, *, learns: bool = True, searched: bool = False
) -> ForecastSpec:
    return ForecastSpec(
        lambda panel, fitting: statistical_models.fit_local(panel, fitting, forecast_one),
        lambda folder, fitting: statistical_models.load_local(folder, fitting, forecast_one),
        complexity,
        learns,
        searched,
    )


# The best of the kinds that do not learn is the baseline.
KINDS: Registry[ForecastSpec] = Registry(
    naive=_local(statistical_models.naive, 0, learns=False),
    seasonal_naive=_local(statistical_models.seasonal_naive, 1, learns=False),
    naive_mean=_local(statistical_models.naive_mean, 2, learns=False),
    seasonal_mean=_local(statistical_models.mean_of_seasons, 2, learns=False),
    croston=_local(statistical_models.croston, 3),
    tsb=_local(statistical_models.tsb, 3, searched=True),
    theta=_local(statistical_models.theta, 3, searched=True),
    dynamic_theta=_local(statistical_models.dynamic_theta, 3, searched=True),
    ces=_local(statistical_models.ces, 4, searched=True),
    ets=_local(statistical_models.ets, 4, searched=True),
    flair=_local(statistical_models.flair, 4, searched=True),
    arima=_local(statistical_models.arima, 5, searched=True),
    mstl=_local(statistical_models.mstl, 5, searched=True),
    tbats=_local(statistical_models.tbats, 6),
    prophet=ForecastSpec(fit_prophets, load_prophets, 6, searched=True),
    boosting=ForecastSpec(fit_boosting, load_boosting, 7, searched=True),
    ensemble=ForecastSpec(_fit_ensemble, _load_ensemble, 9),
)

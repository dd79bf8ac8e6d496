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
    """A weighted mean of the forecasts of several models."""

    members: list[tuple[float, Model]]

    def forecast(self, history: Panel, future: dict[str, Floats]) -> Floats:
        weighted = [weight * member.forecast(history, future) for weight, member in self.members]
        return np.asarray(np.sum(weighted, axis=0))

    def save(self, folder: Path) -> None:
        for i, (_, member) in enumerate(self.members):
            part = folder / f"member_{i}"
            part.mkdir(parents=True, exist_ok=True)
            member.save(part)


def _members(fitting: Fitting) -> list[tuple[float, ForecastSpec, Fitting]]:
    members: list[Mapping[str, Any]] = fitting.params["members"]
    return [
        (
            float(member["weight"]),
            KINDS[str(member["kind"])],
            Fitting(dict(member["params"]), fitting.recipe, fitting.seed, fitting.threads),
        )
        for member in members
    ]


def _fit_ensemble(panel: Panel, fitting: Fitting) -> Ensemble:
    return Ensemble([(weight, kind.fit(panel, part)) for weight, kind, part in _members(fitting)])


def _load_ensemble(folder: Path, fitting: Fitting) -> Ensemble:
    return Ensemble([(w, kind.load(folder / f"member_{i}", part)) for i, (w, kind, part) in enumerate(_members(fitting))])


def _local(forecast_one: Callable[[Floats, Fitting], Floats], complexity: int) -> ForecastSpec:
    return ForecastSpec(
        lambda panel, fitting: statistical_models.fit_local(panel, fitting, forecast_one),
        lambda folder, fitting: statistical_models.load_local(folder, fitting, forecast_one),
        complexity,
    )


KINDS: Registry[ForecastSpec] = Registry(
    naive=_local(statistical_models.naive, 0),
    seasonal_naive=_local(statistical_models.seasonal_naive, 1),
    seasonal_mean=_local(statistical_models.mean_of_seasons, 2),
    croston=_local(statistical_models.croston, 3),
    theta=_local(statistical_models.theta, 3),
    ets=_local(statistical_models.ets, 4),
    arima=_local(statistical_models.arima, 5),
    mstl=_local(statistical_models.mstl, 5),
    prophet=ForecastSpec(fit_prophets, load_prophets, 6, searched=True),
    boosting=ForecastSpec(fit_boosting, load_boosting, 7, searched=True),
    ensemble=ForecastSpec(_fit_ensemble, _load_ensemble, 9),
)

"""The kinds of forecasting model under one protocol: fit on a panel, then forecast from the end of any history.

Local kinds (one model a series) keep what they were fitted to, and are fitted to any other history when they are asked.
Global kinds (one model for all series) are fitted once and take any history.
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
from glassbox.families.registry import kind_in


@dataclass(frozen=True)
class Kind:
    """A row of the table of kinds.

    `complexity` orders kinds from simple to flexible.
    """

    fit: Callable[[Panel, Fitting], Model]
    load: Callable[[Path, Fitting], Model]
    complexity: int
    learns: bool = True
    searched: bool = False


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


def _local(one: Callable[[Floats, Fitting], Floats], complexity: int) -> Kind:
    return Kind(
        lambda panel, how: statistical_models.fit_local(panel, how, one),
        lambda folder, how: statistical_models.load_local(folder, how, one),
        complexity,
    )


KINDS: dict[str, Kind] = {
    "naive": _local(statistical_models.naive, 0),
    "seasonal_naive": _local(statistical_models.seasonal_naive, 1),
    "seasonal_mean": _local(statistical_models.mean_of_seasons, 2),
    "croston": _local(statistical_models.croston, 3),
    "theta": _local(statistical_models.theta, 3),
    "ets": _local(statistical_models.ets, 4),
    "arima": _local(statistical_models.arima, 5),
    "mstl": _local(statistical_models.mstl, 5),
    "prophet": Kind(fit_prophets, load_prophets, 6, searched=True),
    "boosting": Kind(fit_boosting, load_boosting, 7, searched=True),
    "ensemble": Kind(_fit_ensemble, _load_ensemble, 9),
}


def kind_of(name: str) -> Kind:
    """The kind of that name; a name that is none is an error that lists them."""
    return kind_in(KINDS, name)

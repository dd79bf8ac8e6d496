"""Interfaces of forecasting models: fit settings and the protocol of a fitted model."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from glassbox.families.forecasting.panel import Floats, Panel
from glassbox.families.forecasting.recipe import Recipe


@dataclass(frozen=True)
class Fitting:
    """Fit settings: hyperparameters, feature recipe, seed and number of threads."""

    params: dict[str, Any]
    recipe: Recipe
    seed: int = 0
    threads: int = 1


class Model(Protocol):
    """A fitted forecasting model."""

    def forecast(self, history: Panel, future: dict[str, Floats]) -> Floats:
        """Return point forecasts of shape (series, H) for the steps after `history`.

        `future` holds the covariates known ahead, (series, H) each.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the fitted model into `folder`."""
        ...

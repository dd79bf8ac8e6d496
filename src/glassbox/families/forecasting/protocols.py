"""What every kind of forecasting model is given to fit, and what it can do once it is fitted."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from glassbox.families.forecasting.panel import Floats, Panel
from glassbox.families.forecasting.recipe import Recipe


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

"""The interface of text models, and the settings of a fit."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from glassbox.families.text.corpus import Floats, View


class Model(Protocol):
    """A fitted text model."""

    def proba(self, view: View) -> Floats:
        """Return probabilities of shape (rows, classes)."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model to `folder`; equal fits give equal bytes."""
        ...


@dataclass(frozen=True)
class Fitting:
    """The settings of a fit: hyperparameters, number of classes, seed, threads and the folder of the encoder.

    `copies` is the number of copies of each training row, augmented ones included; `workers` is the number of ensemble members that
    are fitted in parallel.
    """

    params: Mapping[str, Any]
    classes: int
    seed: int
    threads: int
    weights: Path | None = None
    copies: int = 1
    workers: int = 1

    def c(self, default: float) -> float:
        """Return the inverse regularisation strength, divided by `copies` so that each original row keeps a weight of one."""
        return float(self.params.get("C", default)) / self.copies

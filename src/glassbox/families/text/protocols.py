"""What every model of texts is asked for: how it is fitted, and what a fitted one can do."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from glassbox.families.text.corpus import Floats, View


class Model(Protocol):
    """A fitted model of texts."""

    def proba(self, view: View) -> Floats:
        """Probabilities of shape (rows, classes)."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model into `folder`: the same fit gives the same bytes."""
        ...


@dataclass(frozen=True)
class Fitting:
    """What is asked of a fit besides texts: hyperparameters, how many classes, seed, threads, where the encoder lies,
    how many copies (with its varied twins) of each row there are, and how many members of an ensemble are fitted side by side."""

    params: Mapping[str, Any]
    classes: int
    seed: int
    threads: int
    weights: Path | None = None
    copies: int = 1
    workers: int = 1

    def c(self, default: float) -> float:
        """The inverse strength of regularisation: with copies of each row, a row still weighs one."""
        return float(self.params.get("C", default)) / self.copies

"""Baseline classifier that predicts the class frequencies, and the weighted ensemble of classifiers."""

from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from glassbox.families.classification.linear_models import Codes, Floats, log_opinion_pool
from glassbox.families.shared.arrays import read_array, write_array
from glassbox.files import read_json, write_json


@dataclass(frozen=True)
class Majority:
    """Baseline: predicts the class frequencies of train for every row."""

    shares: Floats

    @classmethod
    def of(cls, y: Codes, classes: int) -> Self:
        """Fit to class codes."""
        return cls(np.bincount(y, minlength=classes) / len(y))

    def proba(self, view: Sized) -> Floats:
        return np.tile(self.shares, (len(view), 1))

    def save(self, folder: Path) -> None:
        write_array(folder / "shares.npy", self.shares)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Load a saved baseline."""
        return cls(read_array(folder / "shares.npy"))


@dataclass(frozen=True)
class Ensemble:
    """Ensemble of classifiers: logarithmic opinion pool of their probabilities."""

    kinds: list[str]
    members: Sequence[Any]
    weights: list[float]

    @classmethod
    def of(cls, members: Sequence[Mapping[str, Any]], fitted: Sequence[Any]) -> Self:
        """Make an ensemble of fitted members, described by ``kind`` and ``weight``."""
        return cls([member["kind"] for member in members], fitted, [float(member["weight"]) for member in members])

    def proba(self, view: Any) -> Floats:
        return log_opinion_pool([member.proba(view) for member in self.members], self.weights)

    def save(self, folder: Path) -> None:
        write_json(folder / "ensemble.json", {"kinds": self.kinds, "weights": self.weights})
        for i, member in enumerate(self.members):
            (folder / str(i)).mkdir(parents=True, exist_ok=True)
            member.save(folder / str(i))

    @classmethod
    def load(cls, folder: Path, load_member: Callable[[str, Path], Any]) -> Self:
        """Load a saved ensemble; `load_member` loads a member by its kind."""
        saved = read_json(folder / "ensemble.json")
        return cls(
            saved["kinds"], [load_member(kind, folder / str(i)) for i, kind in enumerate(saved["kinds"])], saved["weights"]
        )

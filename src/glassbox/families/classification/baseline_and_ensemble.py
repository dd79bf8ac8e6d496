"""Models of classes that look at nothing, or at other models: the shares of the classes, and the ensemble."""

from collections.abc import Callable, Mapping, Sequence, Sized
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from glassbox.families.classification.linear_models import Codes, Floats, log_opinion_pool, read_array, write_array
from glassbox.files import read_json, write_json
from glassbox.runtime.worker_pool import WorkerPool


@dataclass(frozen=True)
class Majority:
    """Says the same of every row: the shares of the classes in train."""

    shares: Floats

    @classmethod
    def of(cls, y: Codes, classes: int) -> Self:
        """Of classes by number."""
        return cls(np.bincount(y, minlength=classes) / len(y))

    def proba(self, view: Sized) -> Floats:
        return np.tile(self.shares, (len(view), 1))

    def save(self, folder: Path) -> None:
        write_array(folder / "shares.npy", self.shares)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote."""
        return cls(read_array(folder / "shares.npy"))


@dataclass(frozen=True)
class Ensemble:
    """Several models together: the weighted sum of their log-probabilities, brought to probabilities again."""

    kinds: list[str]
    members: Sequence[Any]
    weights: list[float]

    @classmethod
    def fit(
        cls,
        members: Sequence[Mapping[str, Any]],
        one: Callable[[int, Mapping[str, Any]], Any],
        *,
        workers: int = 1,
        threads: int = 1,
        initializer: Callable[[], object] | None = None,
    ) -> Self:
        """Members (``kind``, ``params``, ``weight``) that `one` fits by place, several side by side; each thread begins with `initializer`."""
        with WorkerPool(workers, threads=threads, initializer=initializer) if workers > 1 else nullcontext() as crew:
            fitted = list((crew.map if crew else map)(one, range(len(members)), members))
        return cls([member["kind"] for member in members], fitted, [float(member["weight"]) for member in members])

    def proba(self, view: Any) -> Floats:
        return log_opinion_pool([member.proba(view) for member in self.members], self.weights)

    def save(self, folder: Path) -> None:
        write_json(folder / "ensemble.json", {"kinds": self.kinds, "weights": self.weights})
        for i, member in enumerate(self.members):
            member.save(folder / str(i))

    @classmethod
    def load(cls, folder: Path, load_one: Callable[[str, Path], Any]) -> Self:
        """What `save` wrote; `load_one` reads a member by its kind."""
        told = read_json(folder / "ensemble.json")
        return cls(told["kinds"], [load_one(kind, folder / str(i)) for i, kind in enumerate(told["kinds"])], told["weights"])

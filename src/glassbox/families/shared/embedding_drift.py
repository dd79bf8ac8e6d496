"""Drift of embeddings: the distance of vectors from the centre of train, and their principal components."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.families.shared.arrays import read_array, write_array

Floats = npt.NDArray[np.float64]
COMPONENTS = 3


@dataclass(frozen=True)
class Directions:
    """The centre of some vectors and their first principal components, with signs fixed so that the largest entry of each is positive."""

    centre: npt.NDArray[np.float32]
    along: npt.NDArray[np.float32]

    @classmethod
    def of(cls, vectors: Floats) -> "Directions":
        """Fit on vectors of shape (rows, dimensions)."""
        centre = vectors.mean(axis=0)
        _, _, components = np.linalg.svd(np.cov((vectors - centre).T) if len(vectors) > 1 else np.eye(len(centre)))
        components = components[:COMPONENTS]
        signs = np.sign(components[np.arange(len(components)), np.abs(components).argmax(axis=1)])
        return cls(centre.astype(np.float32), (components * signs[:, None]).astype(np.float32))

    def describe(self, vectors: Floats, what: str = "embedding") -> dict[str, Floats]:
        """Return ``distance from the centre`` and ``embedding, direction 1`` and so on, one number per row."""
        offset = vectors - self.centre
        distance = {"distance from the centre": np.sqrt((offset**2).sum(axis=1))}
        return distance | {f"{what}, direction {i}": offset @ direction for i, direction in enumerate(self.along, start=1)}

    def save(self, folder: Path) -> None:
        """Write centre and components into `folder`."""
        write_array(folder / "centre.npy", self.centre)
        write_array(folder / "directions.npy", self.along)

    @classmethod
    def load(cls, folder: Path) -> "Directions | None":
        """Read centre and components from `folder`; None if there are none."""
        if not (folder / "centre.npy").is_file():
            return None
        return cls(read_array(folder / "centre.npy"), read_array(folder / "directions.npy"))


def schema_of(described: pd.DataFrame) -> Schema:
    """Return the schema of descriptive features, numbers and categories, for a reference profile."""
    columns = []
    for name in map(str, described.columns):
        values = described[name]
        if values.dtype == object:
            columns.append(ColumnSchema(name=name, kind="category", categories=sorted(set(values))))
        else:
            columns.append(ColumnSchema(name=name, kind="number", low=float(values.min()), high=float(values.max())))
    return Schema(columns=columns)

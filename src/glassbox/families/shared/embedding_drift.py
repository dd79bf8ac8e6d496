"""What later rows are compared by where they are not columns of numbers: how far vectors lie from the centre of those of train, and along
the directions in which these vary most."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.families.classification.linear_models import read_array, write_array

Floats = npt.NDArray[np.float64]
MOST = 3


@dataclass(frozen=True)
class Directions:
    """The centre of some vectors and their first principal directions, each with its largest part positive."""

    centre: npt.NDArray[np.float32]
    along: npt.NDArray[np.float32]

    @classmethod
    def of(cls, vectors: Floats) -> "Directions":
        """Of vectors (rows, numbers)."""
        centre = vectors.mean(axis=0)
        _, _, found = np.linalg.svd(np.cov((vectors - centre).T) if len(vectors) > 1 else np.eye(len(centre)))
        found = found[:MOST]
        signs = np.sign(found[np.arange(len(found)), np.abs(found).argmax(axis=1)])
        return cls(centre.astype(np.float32), (found * signs[:, None]).astype(np.float32))

    def describe(self, vectors: Floats, what: str = "embedding") -> dict[str, Floats]:
        """``distance from the centre`` and ``embedding, direction 1`` and so on, a number a row."""
        apart = vectors - self.centre
        found = {"distance from the centre": np.sqrt((apart**2).sum(axis=1))}
        return found | {f"{what}, direction {i}": apart @ direction for i, direction in enumerate(self.along, start=1)}

    def save(self, folder: Path) -> None:
        """Write them."""
        write_array(folder / "centre.npy", self.centre)
        write_array(folder / "directions.npy", self.along)

    @classmethod
    def load(cls, folder: Path) -> "Directions | None":
        """What was written; None where there is nothing."""
        if not (folder / "centre.npy").is_file():
            return None
        return cls(read_array(folder / "centre.npy"), read_array(folder / "directions.npy"))


def schema_of(described: pd.DataFrame) -> Schema:
    """What is told of rows, numbers and words, as columns that a profile is made of."""
    columns = []
    for name in map(str, described.columns):
        values = described[name]
        if values.dtype == object:
            columns.append(ColumnSchema(name=name, kind="category", categories=sorted(set(values))))
        else:
            columns.append(ColumnSchema(name=name, kind="number", low=float(values.min()), high=float(values.max())))
    return Schema(columns=columns)

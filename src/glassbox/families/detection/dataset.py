"""Pictures with their boxes and folds: what every fit of a stage shares."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.errors import DataError
from glassbox.families.detection.boxes import Box, read_boxes
from glassbox.families.detection.recipe import Recipe, image_size
from glassbox.families.vision.image_collection import ImageCollection, View
from glassbox.files import hash_tree, hash_value
from glassbox.runtime.worker_pool import WorkerPool

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class DetectionDataset:
    """The rows of train in canonical order.

    Attributes
    ----------
    boxes, labels
        What stands on each picture, and the labels there are.
    fold
        The fold of each picture.
    album
        The pictures themselves, as detectors see them, with the backbones of the request.
    detector
        The folder of the detector as it comes, where the request names one.
    """

    row_ids: list[str]
    boxes: list[list[Box]]
    labels: list[str]
    fold: Ints
    recipe: Recipe
    album: ImageCollection
    detector: Path | None = None

    def __len__(self) -> int:
        return len(self.row_ids)

    @property
    def folds(self) -> range:
        return range(int(self.fold.max()) + 1)

    @cached_property
    def sizes(self) -> list[tuple[int, int]]:
        """Width and height of each picture in pixels."""
        return sizes_of(self.album.cells, self.album.workers)

    @cached_property
    def _bare(self) -> str:
        told = [[[box.x, box.y, box.width, box.height, box.label] for box in row] for row in self.boxes]
        return hash_value([self.album.digests, self.row_ids, told, self.labels, self.fold.tolist()])

    def digest(self, kind: str) -> str:
        """The hash of what a detector of this kind learns from."""
        learns = kind == "detector"
        asked = [backbone.digest for backbone in self.album.backbones] if learns else []
        weights = hash_tree(self.detector) if kind == "as_it_comes" and self.detector is not None else ""
        return hash_value([self._bare, asked, weights, self.recipe.model_dump() if learns else {}])

    def view(self, rows: Ints) -> View:
        """Some of the pictures."""
        return self.album.view(rows)


def sizes_of(cells: Sequence[str | None], workers: int = 1) -> list[tuple[int, int]]:
    """Width and height of each picture in pixels."""
    with WorkerPool(workers) as pool:
        return list(pool.map(image_size, cells))


def labels_of(rows: Iterable[Sequence[Box]]) -> list[str]:
    """All labels, sorted."""
    return sorted({box.label for boxes in rows for box in boxes})


def boxes_in(frame: pd.DataFrame, target: str) -> list[list[Box]]:
    """The boxes of each row of a snapshot.

    Raises
    ------
    DataError
        When they cannot be read; `ingest` sets such rows aside.
    """
    try:
        return [read_boxes(cell) for cell in frame[target].tolist()]
    except DataError as error:
        raise DataError(f"{target}: {error}; run ingest again.") from error

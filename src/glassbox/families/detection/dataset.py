"""Detection datasets: the images of train with boxes and folds."""

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
    """The training images in canonical order.

    Attributes
    ----------
    boxes, labels
        The boxes on each image, and all labels.
    fold
        The fold of each image.
    images
        The images as detectors receive them, with the backbones of the request.
    detector
        The folder of the pretrained detector, if the request names one.
    """

    row_ids: list[str]
    boxes: list[list[Box]]
    labels: list[str]
    fold: Ints
    recipe: Recipe
    images: ImageCollection
    detector: Path | None = None

    def __len__(self) -> int:
        return len(self.row_ids)

    @property
    def folds(self) -> range:
        return range(int(self.fold.max()) + 1)

    @cached_property
    def sizes(self) -> list[tuple[int, int]]:
        """Return the width and height of each image in pixels."""
        return sizes_of(self.images.cells, self.images.workers)

    @cached_property
    def _bare(self) -> str:
        boxes = [[[box.x, box.y, box.width, box.height, box.label] for box in row] for row in self.boxes]
        return hash_value([self.images.digests, self.row_ids, boxes, self.labels, self.fold.tolist()])

    def digest(self, kind: str) -> str:
        """Hash the inputs of a detector of this kind, as part of the cache key."""
        trained = kind == "detector"
        backbones = [backbone.digest for backbone in self.images.backbones] if trained else []
        weights = hash_tree(self.detector) if kind == "pretrained" and self.detector is not None else ""
        return hash_value([self._bare, backbones, weights, self.recipe.model_dump() if trained else {}])

    def view(self, rows: Ints) -> View:
        """Select some of the images."""
        return self.images.view(rows)


def sizes_of(cells: Sequence[str | None], workers: int = 1) -> list[tuple[int, int]]:
    """Return the width and height of each image in pixels."""
    with WorkerPool(workers) as pool:
        return list(pool.map(image_size, cells))


def labels_of(rows: Iterable[Sequence[Box]]) -> list[str]:
    """Return all labels, sorted."""
    return sorted({box.label for boxes in rows for box in boxes})


def boxes_in(frame: pd.DataFrame, target: str) -> list[list[Box]]:
    """Return the boxes of each row of a snapshot.

    Raises
    ------
    DataError
        When boxes cannot be read; `ingest` quarantines such rows.
    """
    try:
        return [read_boxes(cell) for cell in frame[target].tolist()]
    except DataError as error:
        raise DataError(f"{target}: {error}; run ingest again.") from error

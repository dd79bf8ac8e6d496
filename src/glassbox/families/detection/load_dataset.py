"""What every stage of detection works on: train as pictures with boxes in canonical order, with folds and the weights of the request."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.data.weights import locate
from glassbox.families.detection.dataset import DetectionDataset, boxes_in, labels_of
from glassbox.families.detection.recipe import Recipe
from glassbox.families.shared.cross_fit import Progress
from glassbox.families.vision.dataset import backbones_of
from glassbox.families.vision.image_collection import ImageCollection

if TYPE_CHECKING:
    from glassbox.request.model import Request


def scenes_of(
    train: pd.DataFrame,
    schema: Schema,
    recipe: Recipe,
    folds: pd.DataFrame | None,
    request: "Request",
    root: Path,
    kept: Path | None,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> DetectionDataset:
    """The rows of train, sorted by ``row_id`` whatever order they come in.

    Parameters
    ----------
    kept
        The folder in which the epochs of a training that is not done are kept (`Stage.kept`).
    """
    assert schema.target is not None, "a schema of boxes has a target"
    rows = train.sort_values("row_id", kind="stable").reset_index(drop=True)
    row_ids = rows["row_id"].astype(str).tolist()
    fold = np.zeros(len(rows), dtype=np.int64)
    if folds is not None:
        fold = folds.set_index("row_id")["fold"].reindex(row_ids).to_numpy().astype(np.int64)
    boxes = boxes_in(rows, schema.target)
    album = ImageCollection(rows[recipe.column].tolist(), recipe.image_recipe, backbones_of(request, root), kept, workers, progress)
    detector = request.weights.detector
    return DetectionDataset(
        row_ids, boxes, labels_of(boxes), fold, recipe, album, None if detector is None else locate(detector, root)
    )

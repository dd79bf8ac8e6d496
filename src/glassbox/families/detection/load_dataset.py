"""Construction of detection datasets from the inputs of a stage."""

from typing import TYPE_CHECKING

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.data.weights import locate
from glassbox.families.detection.dataset import DetectionDataset, boxes_in, labels_of
from glassbox.families.detection.recipe import Recipe
from glassbox.families.shared.cross_fit import align_folds
from glassbox.families.vision.image_collection import ImageCollection
from glassbox.families.vision.load_dataset import backbones_of
from glassbox.runtime.resources import Resources

if TYPE_CHECKING:
    from glassbox.request.model import Request


def detection_dataset(
    train: pd.DataFrame,
    schema: Schema,
    recipe: Recipe,
    folds: pd.DataFrame | None,
    request: "Request",
    resources: Resources,
) -> DetectionDataset:
    """Return the dataset of the training images, sorted by ``row_id``."""
    assert schema.target is not None, "a schema with boxes has a target"
    rows = train.sort_values("row_id", kind="stable").reset_index(drop=True)
    row_ids = rows["row_id"].astype(str).tolist()
    boxes = boxes_in(rows, schema.target)
    images = ImageCollection(
        rows[recipe.column].tolist(),
        recipe.image_recipe,
        backbones_of(request, resources.root),
        resources.vector_cache_dir,
        resources.max_threads,
        resources.progress,
    )
    detector = None if request.weights.detector is None else locate(request.weights.detector, resources.root)
    fold = align_folds(row_ids, folds)
    return DetectionDataset(row_ids, boxes, labels_of(boxes), fold, recipe, images, detector)

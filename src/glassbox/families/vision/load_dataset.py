"""Construction of image datasets from the inputs of a stage."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.data.weights import locate
from glassbox.families.classification.dataset import labelled_rows
from glassbox.families.vision.dataset import VisionDataset
from glassbox.families.vision.image_collection import ImageCollection
from glassbox.families.vision.networks import Backbone, load_backbone
from glassbox.families.vision.recipe import Recipe
from glassbox.runtime.resources import Resources

if TYPE_CHECKING:
    from glassbox.request.model import Request


def vision_dataset(
    train: pd.DataFrame,
    schema: Schema,
    recipe: Recipe,
    folds: pd.DataFrame | None,
    request: "Request",
    resources: Resources,
) -> VisionDataset:
    """Return the dataset of the training images, sorted by ``row_id``."""
    assert schema.target is not None, "a schema with classes has a target"
    data = labelled_rows(train, schema.target, schema.classes or [], folds, positive=request.data.positive)
    images = ImageCollection(
        data.frame[recipe.column].tolist(),
        recipe,
        backbones_of(request, resources.root),
        resources.vector_cache_dir,
        resources.max_threads,
        resources.progress,
    )
    return VisionDataset(data, images)


def backbones_of(request: "Request", root: Path) -> list[Backbone]:
    """Return the pretrained networks of the request, in its order."""
    return [load_backbone(locate(address, root)) for address in request.weights.backbones]

"""What every stage of pictures works on: train as pictures in canonical order, with folds and the backbones of the request."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.data.weights import locate
from glassbox.families.classification.dataset import problem_of
from glassbox.families.shared.cross_fit import Progress
from glassbox.families.vision.fit import Pictures
from glassbox.families.vision.image_collection import ImageCollection
from glassbox.families.vision.networks import Backbone, load_backbone
from glassbox.families.vision.recipe import Recipe

if TYPE_CHECKING:
    from glassbox.request.model import Request


def pictures_of(
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
) -> Pictures:
    """The rows of train as pictures, sorted by ``row_id``.

    Parameters
    ----------
    kept
        The folder in which embeddings, and the epochs of a training that is not done, are kept (`Stage.kept`).
    """
    assert schema.target is not None, "a schema of classes has a target"
    problem = problem_of(train, schema.target, schema.classes or [], folds, positive=request.data.positive)
    album = ImageCollection(problem.frame[recipe.column].tolist(), recipe, backbones_of(request, root), kept, workers, progress)
    return Pictures(problem, album)


def backbones_of(request: "Request", root: Path) -> list[Backbone]:
    """The pretrained networks that the request names, in its order."""
    return [load_backbone(locate(address, root)) for address in request.weights.backbones]

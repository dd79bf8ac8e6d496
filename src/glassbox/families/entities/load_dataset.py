"""Construction of entity datasets from the inputs of a stage."""

from typing import TYPE_CHECKING

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.data.weights import locate
from glassbox.families.entities.dataset import EntityDataset, dataset_of
from glassbox.families.entities.prepare_rows import text_of
from glassbox.families.entities.recipe import Recipe
from glassbox.runtime.resources import Resources

if TYPE_CHECKING:
    from glassbox.request.model import Request


def entity_dataset(
    train: pd.DataFrame,
    schema: Schema,
    recipe: Recipe,
    folds: pd.DataFrame | None,
    request: "Request",
    resources: Resources,
) -> EntityDataset:
    """Return the dataset of the training texts, sorted by ``row_id``; absent weights of the catalogue are fetched."""
    assert schema.target is not None, "a schema with spans has a target"
    pipeline, encoder = request.weights.pipeline, request.weights.encoder
    return dataset_of(
        train,
        schema.target,
        recipe.column,
        folds,
        pipeline=None if pipeline is None else locate(pipeline, resources.root),
        encoder=None if encoder is None else locate(encoder, resources.root),
        workers=resources.workers,
    )


def default_recipe(schema: Schema, request: "Request") -> Recipe:
    """Return the default recipe."""
    return Recipe(column=text_of([column.name for column in schema.columns], request))

"""What every stage of spans works on: train as texts with entities in canonical order, with the weights of the request."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.data.weights import locate
from glassbox.families.entities.dataset import EntityDataset, sentences_of
from glassbox.families.entities.prepare_rows import text_of
from glassbox.families.entities.recipe import Recipe

if TYPE_CHECKING:
    from glassbox.request.model import Request


def setting(
    train: pd.DataFrame,
    schema: Schema,
    recipe: Recipe,
    folds: pd.DataFrame | None,
    request: "Request",
    root: Path,
    *,
    workers: int = 1,
) -> EntityDataset:
    """The rows of train, sorted by ``row_id``; weights of the catalogue are fetched when they are not there."""
    assert schema.target is not None, "a schema of spans has a target"
    pipeline, encoder = request.weights.pipeline, request.weights.encoder
    return sentences_of(
        train,
        schema.target,
        recipe.column,
        folds,
        pipeline=None if pipeline is None else locate(pipeline, root),
        encoder=None if encoder is None else locate(encoder, root),
        workers=workers,
    )


def default_recipe(schema: Schema, request: "Request") -> Recipe:
    """The recipe when nobody says otherwise."""
    return Recipe(column=text_of([column.name for column in schema.columns], request))

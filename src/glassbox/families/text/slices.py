"""Slices of a holdout of texts: by text length, in addition to its columns."""

import pandas as pd

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.families.text.log_odds_terms import lengths
from glassbox.families.text.recipe import Recipe


def by_length(holdout: pd.DataFrame, recipe: Recipe, schema: Schema) -> tuple[pd.DataFrame, Schema]:
    """Add the number of words of each text to the holdout as a column, and return it with its schema."""
    name = "words in the text"
    column = ColumnSchema(name=name, kind="number")
    widened = holdout.assign(**{name: lengths(recipe.texts(holdout)).astype(float)})
    return widened, schema.model_copy(update={"columns": [*schema.columns, column]})

"""Parts of a holdout of texts: by length beside the columns that it has."""

import pandas as pd

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.families.text.log_odds_terms import lengths
from glassbox.families.text.recipe import Recipe


def by_length(holdout: pd.DataFrame, recipe: Recipe, schema: Schema) -> tuple[pd.DataFrame, Schema]:
    """The holdout with the words of each text as a number beside its columns, and the schema of that."""
    name = "words in the text"
    column = ColumnSchema(name=name, kind="number")
    widened = holdout.assign(**{name: lengths(recipe.texts(holdout)).astype(float)})
    return widened, schema.model_copy(update={"columns": [*schema.columns, column]})

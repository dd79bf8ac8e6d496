"""Parts of a holdout of pictures: by size, light, colour and sharpness beside the columns that it has."""

import pandas as pd

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.families.vision.predictor import VisionPredictor
from glassbox.families.vision.reference_features import TRAITS, traits_of


def by_traits(holdout: pd.DataFrame, predictor: VisionPredictor, schema: Schema) -> tuple[pd.DataFrame, Schema]:
    """The holdout with the traits of each picture in its picture's place, and the schema of that."""
    found = traits_of(predictor.album(holdout)).set_axis(holdout.index)
    column = predictor.recipe.column
    widened = holdout.drop(columns=[column]).assign(**{name: found[name] for name in TRAITS if name not in holdout})
    columns = [known for known in schema.columns if known.name != column]
    columns += [ColumnSchema(name=name, kind="number") for name in TRAITS if name not in holdout]
    return widened, schema.model_copy(update={"columns": columns})

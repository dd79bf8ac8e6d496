"""Image traits as columns, for evaluation by slice."""

import pandas as pd

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.families.vision.predictor import VisionPredictor
from glassbox.families.vision.reference_features import TRAITS, traits_of


def add_traits(holdout: pd.DataFrame, predictor: VisionPredictor, schema: Schema) -> tuple[pd.DataFrame, Schema]:
    """Replace the image column of a holdout by the traits of its images; return the frame and its schema."""
    traits = traits_of(predictor.images(holdout)).set_axis(holdout.index)
    column = predictor.recipe.column
    widened = holdout.drop(columns=[column]).assign(**{name: traits[name] for name in TRAITS if name not in holdout})
    columns = [known for known in schema.columns if known.name != column]
    columns += [ColumnSchema(name=name, kind="number") for name in TRAITS if name not in holdout]
    return widened, schema.model_copy(update={"columns": columns})

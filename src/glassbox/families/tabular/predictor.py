"""Predictor for tables: recipe, model, calibration, decision threshold and schema."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import config_context
from sklearn.compose import ColumnTransformer

from glassbox.data.schema import Schema
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.classification.predictor import ClassificationMixin
from glassbox.families.predictor_protocol import DESCRIPTION, read_description, restrict_schema
from glassbox.families.shared import skops_io
from glassbox.families.tabular.models import KINDS, Floats, Model
from glassbox.families.tabular.recipe import TRUSTED, Feature, Recipe, features_of
from glassbox.files import write_json

TRANSFORMER = "transformer.skops"
FORMAT = 2


@dataclass(frozen=True)
class TabularPredictor(ClassificationMixin):
    """A fitted tabular classifier; implements `glassbox.families.predictor_protocol.Predictor`.

    Attributes
    ----------
    schema
        The schema of the rows; its `classes` are the columns of probabilities, in order.
    recipe, transformer
        The feature recipe and its fitted transformer.
    kind, params, model
        The kind of model, its hyperparameters, and the model; `model.native` is the native object of the library.
    calibration, threshold
        The calibration of probabilities, and the decision threshold of the positive class; None predicts the most probable class.
    positive
        The positive class.
    features
        The name of each column of `matrix`, and the data column that it is derived from.
    """

    schema: Schema
    recipe: Recipe
    transformer: ColumnTransformer
    kind: str
    params: dict[str, Any]
    model: Model
    calibration: Calibration
    threshold: float | None
    positive: str
    features: list[Feature]
    refit_note: str = ""

    @property
    def fields(self) -> list[str]:
        """The columns of the data that the model reads."""
        return list(self.recipe.columns)

    @property
    def input_schema(self) -> Schema:
        """The schema of an input row: the columns that the model reads."""
        return restrict_schema(self.schema, self.fields)

    def expand_query(self, query: Mapping[str, Any]) -> None:
        """Return None: tabular models have no short form of a query."""
        return

    def matrix(self, frame: pd.DataFrame) -> Floats:
        """Transform a frame to the feature matrix of shape (rows, features)."""
        with config_context(assume_finite=True, skip_parameter_validation=True):
            return np.ascontiguousarray(self.transformer.transform(frame[list(self.recipe.columns)]), dtype=np.float64)

    def proba(self, frame: pd.DataFrame) -> Floats:
        """Return calibrated probabilities of shape (rows, classes)."""
        if not len(frame):
            return np.zeros((0, len(self.classes)))
        return self.calibration.apply(self.model.proba(self.matrix(frame)))

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return ``y_pred`` and one ``proba_<class>`` per class for a conformed frame, in its row order."""
        return self.answers(self.proba(frame), frame.index)

    def save(self, folder: Path) -> None:
        """Write the model to `folder`, each part in its native format or canonical skops; equal fits give equal bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder)
        skops_io.dump(self.transformer, folder / TRANSFORMER)
        write_json(
            folder / DESCRIPTION,
            {
                "family": "tabular",
                "format": FORMAT,
                "task": "classification",
                "kind": self.kind,
                "params": self.params,
                "classes": self.classes,
                "positive": self.positive,
                "threshold": self.threshold,
                "calibration": self.calibration,
                "recipe": self.recipe,
                "features": self.features,
                "schema": self.schema,
                "refit_note": self.refit_note,
            },
        )


def load(folder: Path) -> TabularPredictor:
    """Load the predictor that was saved in `folder`.

    Raises
    ------
    GlassboxError
        When the model was saved in a newer format, or contains types that Glassbox does not write.
    """
    description = read_description(folder, FORMAT)
    return TabularPredictor(
        schema=Schema.model_validate(description["schema"]),
        recipe=Recipe.model_validate(description["recipe"]),
        transformer=skops_io.load(folder / TRANSFORMER, TRUSTED),
        kind=description["kind"],
        params=description["params"],
        model=KINDS[description["kind"]].load(folder),
        calibration=Calibration.model_validate(description["calibration"]),
        threshold=description["threshold"],
        positive=description["positive"],
        features=[Feature.model_validate(feature) for feature in description["features"]],
        refit_note=description["refit_note"],
    )


def describe(schema: Schema, transformer: ColumnTransformer) -> list[Feature]:
    """Return the features of a fitted transformer, for the classes of a schema."""
    return features_of(transformer, list(schema.classes or []))

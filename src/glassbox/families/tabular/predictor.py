"""The model that is evaluated, saved and served: recipe, model, calibration, threshold and schema as one thing."""

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
from glassbox.families.classification.predictor import ClassAnswers
from glassbox.families.predictor_protocol import DESCRIPTION, read_description, served_schema
from glassbox.families.shared import skops_io
from glassbox.families.tabular.models import Floats, Model, kind_of
from glassbox.families.tabular.recipe import TRUSTED, Feature, Recipe, features_of
from glassbox.files import write_json

TRANSFORMER = "transformer.skops"
FORMAT = 1


@dataclass(frozen=True)
class TabularPredictor(ClassAnswers):
    """A fitted classifier of rows; implements `glassbox.families.protocol.Predictor`.

    Attributes
    ----------
    schema
        What rows look like; its `classes` are the columns of probabilities, in order.
    recipe, transformer
        What the model sees, and the fitted transformer that makes it.
    kind, params, model
        The kind of model, its hyperparameters, and the model; `model.native` is the library's own object.
    calibration, threshold
        How probabilities are bent, and from which on a row is called positive; None: the most probable class.
    positive
        The class that is looked for.
    features
        What each column of `matrix` means, and the column of the data it comes from.
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

    @property
    def fields(self) -> list[str]:
        """The columns of the data that the model looks at."""
        return list(self.recipe.columns)

    @property
    def served(self) -> Schema:
        """A row at the door: columns that the model does not look at are set aside."""
        return served_schema(self.schema, self.fields)

    def expand_query(self, question: Mapping[str, Any]) -> None:
        """There is no short form: a question is a row."""
        return

    def matrix(self, frame: pd.DataFrame) -> Floats:
        """What the model sees of `frame`, of shape (rows, features)."""
        with config_context(assume_finite=True, skip_parameter_validation=True):
            return np.ascontiguousarray(self.transformer.transform(frame[list(self.recipe.columns)]), dtype=np.float64)

    def proba(self, frame: pd.DataFrame) -> Floats:
        """Calibrated probabilities of shape (rows, classes)."""
        if not len(frame):
            return np.zeros((0, len(self.classes)))
        return self.calibration.apply(self.model.proba(self.matrix(frame)))

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Predictions for a conformed frame: ``y_pred`` and one ``proba_<class>`` a class, in the frame's row order."""
        return self.answers(self.proba(frame), frame.index)

    def save(self, folder: Path) -> None:
        """Write the model into `folder`, each part in the library's own format or canonical skops: same fit, same bytes."""
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
            },
        )


def load(folder: Path) -> TabularPredictor:
    """The predictor that was saved in `folder`.

    Raises
    ------
    GlassboxError
        When it was written in a newer format, or holds types that Glassbox does not write.
    """
    told = read_description(folder, FORMAT)
    return TabularPredictor(
        schema=Schema.model_validate(told["schema"]),
        recipe=Recipe.model_validate(told["recipe"]),
        transformer=skops_io.load(folder / TRANSFORMER, TRUSTED),
        kind=told["kind"],
        params=told["params"],
        model=kind_of(told["kind"]).load(folder),
        calibration=Calibration.model_validate(told["calibration"]),
        threshold=told["threshold"],
        positive=told["positive"],
        features=[Feature.model_validate(feature) for feature in told["features"]],
    )


def describe(schema: Schema, transformer: ColumnTransformer) -> list[Feature]:
    """What the columns of the fitted transformer's matrix mean."""
    return features_of(transformer, list(schema.classes or []))

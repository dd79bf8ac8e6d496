"""Predictor for images: recipe, model, calibration, decision threshold and schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.classification.predictor import ClassificationMixin
from glassbox.families.predictor_protocol import DESCRIPTION, read_description, restrict_schema
from glassbox.families.vision.image_collection import Floats, ImageCollection
from glassbox.families.vision.models import KINDS, Model, backbone_indices
from glassbox.families.vision.networks import Backbone, load_backbone
from glassbox.families.vision.recipe import Recipe
from glassbox.families.vision.reference_features import ReferenceFeatures
from glassbox.files import write_json

MODEL, BACKBONES, REFERENCE = "parts", "backbones", "watch"
FORMAT = 2
TOP = 5  # classes in the column `top`


@dataclass(frozen=True)
class VisionPredictor(ClassificationMixin):
    """A fitted image classifier; implements `glassbox.families.predictor_protocol.Predictor`.

    Attributes
    ----------
    schema
        The schema of the training rows; its `classes` are the columns of probabilities, in order.
    kind, params, model
        The kind of model, its hyperparameters, and the fitted model.
    calibration
        The calibration of the probabilities.
    threshold
        The decision threshold of the positive class; None predicts the most probable class.
    reference
        The training distribution, as the reference for drift detection.
    backbones
        The pretrained networks of the request, in its order.
    store
        The folder of the embedding cache; None disables caching.
    """

    schema: Schema
    recipe: Recipe
    kind: str
    params: dict[str, Any]
    model: Model
    calibration: Calibration
    threshold: float | None
    positive: str
    reference: ReferenceFeatures
    backbones: Sequence[Backbone] = ()
    store: Path | None = None
    workers: int = 1
    refit_note: str = ""

    @property
    def fields(self) -> list[str]:
        """The column that the model uses."""
        return [self.recipe.column]

    @property
    def input_schema(self) -> Schema:
        """The input schema of the service: one image."""
        return restrict_schema(self.schema, self.fields)

    def expand_query(self, question: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Expand ``{"pictures": [...]}`` to one row per picture.

        Raises
        ------
        ValueError
            When `pictures` is not a list of pictures.
        """
        return expand_pictures(question, self.recipe.column)

    @property
    def backbone_indices(self) -> list[int]:
        """The indices of the backbones that the model and the drift reference need."""
        monitored = [] if self.reference.backbone is None else [self.reference.backbone]
        return sorted({*backbone_indices(self.kind, self.params), *monitored})

    def images(self, frame: pd.DataFrame) -> ImageCollection:
        """Return the images of some rows, framed by the recipe."""
        return ImageCollection(frame[self.recipe.column].tolist(), self.recipe, self.backbones, self.store, self.workers)

    def described(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the features that monitoring compares: image traits and the position of the embedding."""
        return self.reference.describe(self.images(frame))

    def raw_proba(self, images: ImageCollection) -> Floats:
        """Predict uncalibrated probabilities of shape (images, classes)."""
        return self.model.proba(images.view_all()) if len(images.cells) else np.zeros((0, len(self.classes)))

    def proba(self, frame: pd.DataFrame) -> Floats:
        """Predict calibrated probabilities of shape (rows, classes)."""
        raw = self.raw_proba(self.images(frame))
        return self.calibration.apply(raw) if len(raw) else raw

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Predict a conformed frame, in its row order.

        Returns
        -------
        DataFrame
            ``y_pred``, one ``proba_<class>`` per class, and ``top``: the most probable classes with their probabilities, descending.
        """
        proba = self.proba(frame)
        predictions = self.answers(proba, frame.index)
        return predictions.assign(top=pd.Series([self._top(row) for row in proba], index=predictions.index, dtype=object))

    def _top(self, row: Floats) -> list[dict[str, Any]]:
        order = np.lexsort((np.arange(len(row)), -row))[:TOP]
        return [{"class": self.classes[k], "probability": float(row[k])} for k in order]

    def save(self, folder: Path) -> None:
        """Write the model into `folder`, without pickle; the same fit writes the same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder / MODEL)
        self.reference.save(folder / REFERENCE)
        for index in self.backbone_indices:
            self.backbones[index].save(folder / BACKBONES / str(index))
        write_json(
            folder / DESCRIPTION,
            {
                "family": "vision",
                "format": FORMAT,
                "task": "computer_vision",
                "kind": self.kind,
                "params": self.params,
                "classes": self.classes,
                "positive": self.positive,
                "threshold": self.threshold,
                "calibration": self.calibration,
                "recipe": self.recipe,
                "backbones": len(self.backbones),
                "schema": self.schema,
                "refit_note": self.refit_note,
            },
        )


def expand_pictures(query: Mapping[str, Any], column: str) -> list[dict[str, Any]] | None:
    """Return one row for each picture of a query ``{"pictures": [...]}``; None for any other query.

    >>> expand_pictures({"pictures": ["aGk="]}, "photo")
    [{'photo': 'aGk='}]

    Raises
    ------
    ValueError
        When `pictures` is not a list of pictures.
    """
    if set(query) != {"pictures"} or column == "pictures":
        return None
    pictures = query["pictures"]
    if not isinstance(pictures, list) or not pictures or not all(isinstance(picture, str) for picture in pictures):
        raise ValueError("pictures is not a list of pictures in base64")
    return [{column: picture} for picture in pictures]


def load(folder: Path) -> VisionPredictor:
    """Load the predictor that was saved in `folder`.

    Raises
    ------
    GlassboxError
        When the model was saved in another format version.
    """
    description = read_description(folder, FORMAT)
    backbones: list[Backbone] = []
    for index in range(description["backbones"]):
        path = folder / BACKBONES / str(index)
        backbones.append(load_backbone(path) if path.is_dir() else Backbone(path, ""))  # an unused backbone is not packaged
    return VisionPredictor(
        schema=Schema.model_validate(description["schema"]),
        recipe=Recipe.model_validate(description["recipe"]),
        kind=description["kind"],
        params=description["params"],
        model=KINDS[description["kind"]].load(folder / MODEL),
        calibration=Calibration.model_validate(description["calibration"]),
        threshold=description["threshold"],
        positive=description["positive"],
        reference=ReferenceFeatures.load(folder / REFERENCE),
        backbones=backbones,
        refit_note=description["refit_note"],
    )

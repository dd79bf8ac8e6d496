"""The model of pictures that is evaluated, saved and served: recipe, model, calibration, threshold and schema as one thing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.classification.predictor import ClassAnswers
from glassbox.families.predictor_protocol import DESCRIPTION, read_description, served_schema
from glassbox.families.vision.image_dataset import Floats, ImageCollection
from glassbox.families.vision.models import Model, kind_of, places_of
from glassbox.families.vision.networks import Backbone, backbone_in
from glassbox.families.vision.recipe import Recipe
from glassbox.families.vision.reference_features import Watch
from glassbox.files import write_json

MODEL, BACKBONES, WATCH = "parts", "backbones", "watch"
FORMAT = 1
TOP = 5


@dataclass(frozen=True)
class VisionPredictor(ClassAnswers):
    """A fitted classifier of pictures; implements `glassbox.families.protocol.Predictor`.

    Attributes
    ----------
    schema
        What rows look like; its `classes` are the columns of probabilities, in order.
    kind, params, model
        The kind of model, its hyperparameters, and the model.
    calibration, threshold
        How probabilities are bent, and from which on a row is called positive; None: the most probable class.
    watch
        What is remembered of train, that later pictures are compared with.
    backbones
        The pretrained networks of the request, by place; `store` is where embeddings are kept, if they are.
    """

    schema: Schema
    recipe: Recipe
    kind: str
    params: dict[str, Any]
    model: Model
    calibration: Calibration
    threshold: float | None
    positive: str
    watch: Watch
    backbones: Sequence[Backbone] = ()
    store: Path | None = None
    workers: int = 1

    @property
    def fields(self) -> list[str]:
        """The column of the data that the model looks at."""
        return [self.recipe.column]

    @property
    def served(self) -> Schema:
        """A row at the door: its picture."""
        return served_schema(self.schema, self.fields)

    def expand_query(self, question: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """``{"pictures": [...]}`` stands for a row a picture.

        Raises
        ------
        ValueError
            When it is such a question, and cannot be read.
        """
        return pictures_in(question, self.recipe.column)

    @property
    def places(self) -> list[int]:
        """The backbones that are asked, by place: by the model, and by monitoring where it has one."""
        return sorted({*places_of(self.kind, self.params), *([self.watch.place] if self.watch.place is not None else [])})

    def album(self, frame: pd.DataFrame) -> ImageCollection:
        """The pictures of some rows, as the models see them."""
        return ImageCollection(frame[self.recipe.column].tolist(), self.recipe, self.backbones, self.store, self.workers)

    def described(self, frame: pd.DataFrame) -> pd.DataFrame:
        """What monitoring compares of some rows: size, brightness, colour, sharpness, where the embedding lies."""
        return self.watch.describe(self.album(frame))

    def raw(self, album: ImageCollection) -> Floats:
        """Probabilities of shape (pictures, classes), not calibrated."""
        return self.model.proba(album.whole()) if len(album.cells) else np.zeros((0, len(self.classes)))

    def proba(self, frame: pd.DataFrame) -> Floats:
        """Calibrated probabilities of shape (rows, classes)."""
        raw = self.raw(self.album(frame))
        return self.calibration.apply(raw) if len(raw) else raw

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Predictions for a conformed frame, in its row order.

        ``y_pred``, one ``proba_<class>`` a class, and ``top``: the most probable classes with their probabilities, the first first.
        """
        proba = self.proba(frame)
        found = self.answers(proba, frame.index)
        return found.assign(top=pd.Series([self._top(row) for row in proba], index=found.index, dtype=object))

    def _top(self, row: Floats) -> list[dict[str, Any]]:
        order = np.lexsort((np.arange(len(row)), -row))[:TOP]
        return [{"class": self.classes[k], "probability": float(row[k])} for k in order]

    def save(self, folder: Path) -> None:
        """Write the model into `folder`: weights in safetensors, all else in plain formats; same fit, same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder / MODEL)
        self.watch.save(folder / WATCH)
        for place in self.places:
            self.backbones[place].save(folder / BACKBONES / str(place))
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
            },
        )


def pictures_in(question: Mapping[str, Any], column: str) -> list[dict[str, Any]] | None:
    """The rows of a question ``{"pictures": [...]}``; None when it is no such question.

    >>> pictures_in({"pictures": ["aGk="]}, "photo")
    [{'photo': 'aGk='}]
    """
    if set(question) != {"pictures"} or column == "pictures":
        return None
    pictures = question["pictures"]
    if not isinstance(pictures, list) or not pictures or not all(isinstance(picture, str) for picture in pictures):
        raise ValueError("pictures is no list of pictures in base64")
    return [{column: picture} for picture in pictures]


def load(folder: Path) -> VisionPredictor:
    """The predictor that was saved in `folder`.

    Raises
    ------
    GlassboxError
        When it was written in a newer format.
    """
    told = read_description(folder, FORMAT)
    found: list[Backbone] = []
    for place in range(told["backbones"]):
        own = folder / BACKBONES / str(place)
        found.append(backbone_in(own) if own.is_dir() else Backbone(own, ""))  # one that is not asked is not packaged
    return VisionPredictor(
        schema=Schema.model_validate(told["schema"]),
        recipe=Recipe.model_validate(told["recipe"]),
        kind=told["kind"],
        params=told["params"],
        model=kind_of(told["kind"]).load(folder / MODEL),
        calibration=Calibration.model_validate(told["calibration"]),
        threshold=told["threshold"],
        positive=told["positive"],
        watch=Watch.load(folder / WATCH),
        backbones=found,
    )

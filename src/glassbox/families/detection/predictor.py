"""The detector that is evaluated, saved and served: recipe, model, the rule by which boxes are answered, and schema as one thing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.detection.boxes import Box, read_boxes, nms, write_boxes
from glassbox.families.detection.models import Model, kind_of
from glassbox.families.detection.recipe import Recipe
from glassbox.families.protocol import DESCRIPTION, read_description, served_schema
from glassbox.families.vision.image_collection import ImageCollection
from glassbox.families.vision.predictor import expand_pictures
from glassbox.families.vision.reference_features import ReferenceFeatures
from glassbox.files import write_json

MODEL, WATCH = "parts", "watch"
FORMAT = 1


@dataclass(frozen=True)
class BoxPredictor:
    """A fitted detector; implements `glassbox.families.protocol.Predictor`.

    Attributes
    ----------
    threshold, overlap
        The least score of a box that is answered, and the IoU above which a worse one of the same label is taken away.
    watch
        What is remembered of train, that later pictures are compared with.
    """

    schema: Schema
    recipe: Recipe
    labels: list[str]
    kind: str
    params: dict[str, Any]
    model: Model
    threshold: float
    overlap: float
    reference: ReferenceFeatures
    workers: int = 1

    @property
    def fields(self) -> list[str]:
        """The column of pictures."""
        return [self.recipe.column]

    @property
    def served(self) -> Schema:
        """A row at the door: a picture."""
        return served_schema(self.schema, self.fields)

    @property
    def refit_note(self) -> str:
        """Nothing: the detector that was evaluated is served as it is."""
        return ""

    def expand_query(self, question: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """``{"pictures": [...]}`` stands for a row a picture.

        Raises
        ------
        ValueError
            When it is such a question, and cannot be read.
        """
        return expand_pictures(question, self.recipe.column)

    def images(self, frame: pd.DataFrame) -> ImageCollection:
        """The pictures of some rows."""
        return ImageCollection(frame[self.recipe.column].tolist(), self.recipe.image_recipe, workers=self.workers)

    def detect(self, frame: pd.DataFrame) -> list[list[Box]]:
        """The boxes of each row, nms_all out, the surest first, however unsure."""
        return self.apply_nms(self.model.find(self.images(frame).view_all()) if len(frame) else [])

    def apply_nms(self, found: Sequence[Sequence[Box]]) -> list[list[Box]]:
        """Raw boxes as they are ranked. What is written in JSON is read again: all that is judged and answered has its digits."""
        return [nms(read_boxes(write_boxes(boxes)), self.overlap) for boxes in found]

    def above_threshold(self, ranked: Sequence[Box]) -> list[Box]:
        """The boxes that are sure enough."""
        return [box for box in ranked if (box.score or 0.0) >= self.threshold]

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """``y_pred``: for each row of a conformed frame its boxes, as objects with ``label``, ``score``, ``x``, ``y``, ``width``, ``height``."""
        cells = [[_told(box) for box in self.above_threshold(row)] for row in self.detect(frame)]
        return pd.DataFrame({"y_pred": pd.Series(cells, index=frame.index, dtype=object)}, index=frame.index)

    def postprocess(self, raw: pd.DataFrame) -> pd.DataFrame:
        """What monitoring watches of out-of-fold boxes: ``y_pred`` as JSON of all that are ranked, and of those that would be answered how
        many there are, how sure they are on average, and the share of each label."""
        ranked = self.apply_nms([read_boxes(cell) for cell in raw["y_pred"]])
        answered = [self.above_threshold(row) for row in ranked]
        told: dict[str, Any] = {"y_pred": [write_boxes(row) for row in ranked], "boxes": [float(len(row)) for row in answered]}
        told["mean score"] = [sum(box.score or 0.0 for box in row) / max(1, len(row)) for row in answered]
        for name in self.labels if len(self.labels) > 1 else []:
            told[f"share of {name}"] = [sum(box.label == name for box in row) / max(1, len(row)) for row in answered]
        return pd.DataFrame(told, index=raw.index)

    def described(self, frame: pd.DataFrame) -> pd.DataFrame:
        """What monitoring compares of some rows: size, brightness, colour, sharpness, and what the picture looks like from afar."""
        return self.reference.describe(self.images(frame))

    def save(self, folder: Path) -> None:
        """Write the detector into `folder`; same fit, same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder / MODEL)
        self.reference.save(folder / WATCH)
        write_json(
            folder / DESCRIPTION,
            {
                "family": "detection",
                "format": FORMAT,
                "task": "computer_vision",
                "kind": self.kind,
                "params": self.params,
                "labels": self.labels,
                "threshold": self.threshold,
                "overlap": self.overlap,
                "recipe": self.recipe,
                "schema": self.schema,
            },
        )


def _told(box: Box) -> dict[str, Any]:
    return {"label": box.label, "score": box.score, "x": box.x, "y": box.y, "width": box.width, "height": box.height}


def load(folder: Path) -> BoxPredictor:
    """The detector that was saved in `folder`.

    Raises
    ------
    GlassboxError
        When it was written in a newer format.
    """
    told = read_description(folder, FORMAT)
    return BoxPredictor(
        schema=Schema.model_validate(told["schema"]),
        recipe=Recipe.model_validate(told["recipe"]),
        labels=told["labels"],
        kind=told["kind"],
        params=told["params"],
        model=kind_of(told["kind"]).load(folder / MODEL),
        threshold=told["threshold"],
        overlap=told["overlap"],
        reference=ReferenceFeatures.load(folder / WATCH),
    )

"""Predictor for object detection: recipe, model, thresholds and schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.detection.boxes import Box, nms, read_boxes, write_boxes
from glassbox.families.detection.models import KINDS, Model
from glassbox.families.detection.recipe import Recipe
from glassbox.families.predictor_protocol import DESCRIPTION, read_description, restrict_schema
from glassbox.families.vision.image_collection import ImageCollection
from glassbox.families.vision.predictor import expand_pictures
from glassbox.families.vision.reference_features import ReferenceFeatures
from glassbox.files import write_json

MODEL, REFERENCE = "parts", "watch"
FORMAT = 2


@dataclass(frozen=True)
class BoxPredictor:
    """A fitted detector; implements `glassbox.families.predictor_protocol.Predictor`.

    Attributes
    ----------
    threshold
        The smallest score of a predicted box.
    nms_iou
        The IoU above which non-maximum suppression removes the box with the lower score.
    reference
        The training distribution, as the reference for drift detection.
    """

    schema: Schema
    recipe: Recipe
    labels: list[str]
    kind: str
    params: dict[str, Any]
    model: Model
    threshold: float
    nms_iou: float
    reference: ReferenceFeatures
    workers: int = 1
    refit_note: str = ""

    @property
    def fields(self) -> list[str]:
        """The column that the detector uses."""
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

    def images(self, frame: pd.DataFrame) -> ImageCollection:
        """Return the images of some rows, framed by the recipe."""
        return ImageCollection(frame[self.recipe.column].tolist(), self.recipe.image_recipe, workers=self.workers)

    def detect(self, frame: pd.DataFrame) -> list[list[Box]]:
        """Return the boxes of each row after non-maximum suppression, by descending score, without a score threshold."""
        return self.apply_nms(self.model.find(self.images(frame).view_all()) if len(frame) else [])

    def apply_nms(self, raw: Sequence[Sequence[Box]]) -> list[list[Box]]:
        """Apply non-maximum suppression to the raw boxes of each image.

        Boxes are rounded by a round trip through JSON first, so that evaluated and served boxes have the same digits.
        """
        return [nms(read_boxes(write_boxes(boxes)), self.nms_iou) for boxes in raw]

    def above_threshold(self, boxes: Sequence[Box]) -> list[Box]:
        """Select the boxes whose score reaches the threshold."""
        return [box for box in boxes if (box.score or 0.0) >= self.threshold]

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Predict a conformed frame, in its row order.

        Returns
        -------
        DataFrame
            ``y_pred``: a list of boxes as objects with ``label``, ``score``, ``x``, ``y``, ``width``, ``height``.
        """
        cells = [[_as_dict(box) for box in self.above_threshold(boxes)] for boxes in self.detect(frame)]
        return pd.DataFrame({"y_pred": pd.Series(cells, index=frame.index, dtype=object)}, index=frame.index)

    def postprocess(self, raw: pd.DataFrame) -> pd.DataFrame:
        """Return the columns that monitoring compares for out-of-fold boxes.

        ``y_pred``: all boxes after non-maximum suppression, as JSON; and of the boxes above the threshold their number, their mean score
        and the share of each label.
        """
        detected = self.apply_nms([read_boxes(cell) for cell in raw["y_pred"]])
        predicted = [self.above_threshold(row) for row in detected]
        columns: dict[str, Any] = {
            "y_pred": [write_boxes(row) for row in detected],
            "boxes": [float(len(row)) for row in predicted],
            "mean score": [sum(box.score or 0.0 for box in row) / max(1, len(row)) for row in predicted],
        }
        for name in self.labels if len(self.labels) > 1 else []:
            columns[f"share of {name}"] = [sum(box.label == name for box in row) / max(1, len(row)) for row in predicted]
        return pd.DataFrame(columns, index=raw.index)

    def described(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the features that monitoring compares: image traits and the position of the coarse image."""
        return self.reference.describe(self.images(frame))

    def save(self, folder: Path) -> None:
        """Write the detector into `folder`; the same fit writes the same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder / MODEL)
        self.reference.save(folder / REFERENCE)
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
                "nms_iou": self.nms_iou,
                "recipe": self.recipe,
                "schema": self.schema,
                "refit_note": self.refit_note,
            },
        )


def _as_dict(box: Box) -> dict[str, Any]:
    return {"label": box.label, "score": box.score, "x": box.x, "y": box.y, "width": box.width, "height": box.height}


def load(folder: Path) -> BoxPredictor:
    """Load the detector that was saved in `folder`.

    Raises
    ------
    GlassboxError
        When the model was saved in another format version.
    """
    description = read_description(folder, FORMAT)
    return BoxPredictor(
        schema=Schema.model_validate(description["schema"]),
        recipe=Recipe.model_validate(description["recipe"]),
        labels=description["labels"],
        kind=description["kind"],
        params=description["params"],
        model=KINDS[description["kind"]].load(folder / MODEL),
        threshold=description["threshold"],
        nms_iou=description["nms_iou"],
        reference=ReferenceFeatures.load(folder / REFERENCE),
        refit_note=description["refit_note"],
    )

"""The detection recipe: column, input size, letterboxing and augmentation."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator

from glassbox.data.images.cells import content_of, decoded
from glassbox.data.schema import Schema
from glassbox.families.detection.boxes import Floats
from glassbox.families.vision import recipe as vision
from glassbox.families.vision.recipe import picture_column
from glassbox.findings.evidence import RecipeEvidence
from glassbox.findings.model import Table

STEP = 32  # networks halve the resolution five times
LARGEST = 256  # default pixels a side


class Augmentation(BaseModel):
    """Random augmentation of training images and their boxes; evaluation and the service do not use it.

    Attributes
    ----------
    flip
        Mirror half of the images.
    zoom
        The largest relative change of scale; the window is at a random position, and empty regions are grey.
    colour
        The largest relative change of brightness, contrast and saturation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    flip: bool = True
    zoom: float = Field(default=0.4, ge=0, lt=1)
    colour: float = Field(default=0.2, ge=0, lt=1)

    @property
    def description(self) -> str:
        """The active parts as a phrase."""
        parts = [
            "mirrored" if self.flip else "",
            f"enlarged or shrunk by up to {self.zoom:.0%}" if self.zoom else "",
            f"colours changed by up to {self.colour:.0%}" if self.colour else "",
        ]
        return ", ".join(part for part in parts if part) or "none"


class Letterbox(NamedTuple):
    """The placement of an image on the square input of a detector: its scale, and the padding at the left and the top in pixels."""

    scale: float
    left: float
    top: float

    def to_square(self, boxes: Floats) -> Floats:
        """Convert boxes (n, 4), x, y, width and height, from image pixels to pixels of the square."""
        return np.asarray(boxes * self.scale + np.array([self.left, self.top, 0.0, 0.0]), dtype=np.float64)

    def to_image(self, boxes: Floats) -> Floats:
        """Convert boxes (n, 4), x, y, width and height, from pixels of the square to image pixels."""
        return np.asarray((boxes - np.array([self.left, self.top, 0.0, 0.0])) / self.scale, dtype=np.float64)


class Recipe(BaseModel):
    """The preprocessing of images for a detector, identical for training, holdout and service.

    Attributes
    ----------
    column
        The column that holds the image.
    side
        Width and height of the network input in pixels, a multiple of 32; the image is padded with grey to a square.
    augmentation
        The augmentation of training images.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    side: int = Field(default=LARGEST, ge=STEP, le=1024)
    augmentation: Augmentation = Augmentation()

    @field_validator("side")
    @classmethod
    def _round_side(cls, side: int) -> int:
        return round_side(side)

    @property
    def image_recipe(self) -> vision.Recipe:
        """The framing as a recipe for images."""
        return vision.Recipe(column=self.column, side=self.side, framing="pad")


def round_side(side: float) -> int:
    """Round a side to a positive multiple of 32.

    >>> round_side(300), round_side(64), round_side(8)
    (288, 64, 32)
    """
    return max(STEP, round(side / STEP) * STEP)


def letterbox(size: tuple[int, int], side: int) -> Letterbox:
    """Return the placement of an image with this width and height on a square.

    >>> letterbox((200, 100), 50)
    Letterbox(scale=0.25, left=0.0, top=12.5)
    """
    width, height = size
    longer = max(width, height)
    scale = side / longer
    return Letterbox(scale, (longer - width) // 2 * scale, (longer - height) // 2 * scale)


def image_size(cell: str | None) -> tuple[int, int]:
    """Return width and height of the image of a cell in pixels; 1 by 1 for a missing image."""
    return decoded(content_of(cell)).size if isinstance(cell, str) else (1, 1)


def default_side(sizes: list[tuple[int, int]]) -> int:
    """Return the default input size: the median of the longer sides as a multiple of 32, at most `LARGEST`."""
    median = float(np.median([max(size) for size in sizes])) if sizes else LARGEST
    return min(LARGEST, round_side(median))


def default_recipe(schema: Schema, features: list[str] | None, **settings: Any) -> Recipe:
    """Return the default recipe, with some settings overridden."""
    return Recipe(column=picture_column(schema, features), **settings)


def recipe_table(recipe: Recipe, schema: Schema, backbones: list[str]) -> Table:
    """Describe the preprocessing steps as a table."""
    others = [column.name for column in schema.features if column.name != recipe.column]
    steps = [
        ("column", recipe.column, "holds the picture; rotated upright by its EXIF orientation, converted to RGB"),
        (
            "missing pictures",
            "none",
            "rows without a picture or without boxes are quarantined; the service returns no boxes for them",
        ),
        ("other columns", ", ".join(others) or "none", "are ignored"),
        ("framing", "pad", "the whole picture, padded with grey to a square"),
        ("size", f"{recipe.side} × {recipe.side}", "pixels; predicted boxes are in pixels of the original picture"),
        ("backbones", ", ".join(backbones) or "none", "pretrained networks that are fine-tuned"),
        ("augmentation", recipe.augmentation.description, "of training pictures and their boxes, drawn again in each epoch"),
    ]
    say = f"Detectors receive {recipe.column} at {recipe.side} × {recipe.side} pixels."
    evidence = RecipeEvidence(missing_handling={recipe.column: "rows_dropped"} | dict.fromkeys(others, "excluded"))
    return Table.of(pd.DataFrame(steps, columns=["step", "setting", "what it does"]), "Recipe", say=say, evidence=evidence)

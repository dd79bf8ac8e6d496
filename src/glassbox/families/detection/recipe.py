"""What a detector sees of a picture: which column, at which size, and how pictures that teach are varied together with their boxes."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator

from glassbox.data.images.cells import content_of, decoded
from glassbox.data.schema import Schema
from glassbox.families.detection.boxes import Floats
from glassbox.families.vision import recipe as vision
from glassbox.families.vision.recipe import picture_column
from glassbox.findings.model import Table

STEP = 32  # networks halve a picture five times
LARGEST = 256  # pixels a side when nobody says otherwise


class Augmentation(BaseModel):
    """How a picture that teaches is varied, and its boxes with it: each part by chance, none of it in evaluation and service.

    `flip` mirrors half of the pictures. `zoom` enlarges or shrinks by up to this share, anywhere on the picture; what leaves it is
    cut off, and what is left empty is grey. `colour` changes brightness, contrast and saturation by up to this share.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    flip: bool = True
    zoom: float = Field(default=0.4, ge=0, lt=1)
    colour: float = Field(default=0.2, ge=0, lt=1)

    @property
    def words(self) -> str:
        """What is done, in words."""
        done = [
            "mirrored" if self.flip else "",
            f"enlarged or shrunk by up to {self.zoom:.0%}" if self.zoom else "",
            f"colours changed by up to {self.colour:.0%}" if self.colour else "",
        ]
        return ", ".join(word for word in done if word) or "nothing"


class Letterbox(NamedTuple):
    """Where a picture lies in the square that a detector sees: its scale, and what stands left of it and above it, in pixels."""

    scale: float
    left: float
    above: float

    def seen(self, where: Floats) -> Floats:
        """Boxes (n, 4), x, y, width and height in the picture's pixels, in those of the square."""
        return np.asarray(where * self.scale + np.array([self.left, self.above, 0.0, 0.0]), dtype=np.float64)

    def back(self, where: Floats) -> Floats:
        """Boxes in the square's pixels, in those of the picture."""
        return np.asarray((where - np.array([self.left, self.above, 0.0, 0.0])) / self.scale, dtype=np.float64)


class Recipe(BaseModel):
    """What is done to a picture before a detector sees it: the same for train, holdout and service.

    `column` holds the picture; the whole of it is seen, on a grey square of `side` pixels, a multiple of 32. `augmentation` is for
    pictures that teach alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    side: int = Field(default=LARGEST, ge=STEP, le=1024)
    augmentation: Augmentation = Augmentation()

    @field_validator("side")
    @classmethod
    def _whole_steps(cls, side: int) -> int:
        return round_side(side)

    @property
    def seen(self) -> vision.Recipe:
        """The same as pictures are framed for all networks."""
        return vision.Recipe(column=self.column, side=self.side, framing="pad")


def round_side(side: float) -> int:
    """A side as a multiple of 32, at least one of them.

    >>> whole_steps(300), whole_steps(64), whole_steps(8)
    (288, 64, 32)
    """
    return max(STEP, round(side / STEP) * STEP)


def letterbox(size: tuple[int, int], side: int) -> Letterbox:
    """How a picture of a width and height is laid into a square.

    >>> place_of((200, 100), 50)
    Place(scale=0.25, left=0.0, above=12.5)
    """
    width, height = size
    most = max(width, height)
    scale = side / most
    return Letterbox(scale, (most - width) // 2 * scale, (most - height) // 2 * scale)


def image_size(cell: str | None) -> tuple[int, int]:
    """Width and height of the picture of a cell, in pixels; of none, 1 by 1."""
    return decoded(content_of(cell)).size if isinstance(cell, str) else (1, 1)


def default_side(sizes: list[tuple[int, int]]) -> int:
    """The side when nobody says otherwise: that of small pictures, else what two cores can bear."""
    middle = float(np.median([max(size) for size in sizes])) if sizes else LARGEST
    return min(LARGEST, round_side(middle))


def default_recipe(schema: Schema, asked: list[str] | None, **settings: Any) -> Recipe:
    """The recipe when nobody says otherwise."""
    return Recipe(column=picture_column(schema, asked), **settings)


def recipe_table(recipe: Recipe, schema: Schema, backbones: list[str]) -> Table:
    """What is done to the pictures, step by step."""
    others = [column.name for column in schema.features if column.name != recipe.column]
    steps = [
        ("column", recipe.column, "holds the picture; turned upright as the camera said, in colour"),
        (
            "missing pictures",
            "none",
            "rows without a picture or without boxes were set aside; nothing is found where there is none",
        ),
        ("other columns", ", ".join(others) or "none", "are not read"),
        ("framing", "pad", "the whole picture, on grey where it is no square"),
        ("size", f"{recipe.side} × {recipe.side}", "pixels; boxes are answered in those of the picture as it came"),
        ("backbones", ", ".join(backbones) or "none", "networks that were trained on other pictures, and are learnt on from"),
        ("augmentation", recipe.augmentation.words, "of pictures that teach, and of their boxes with them"),
    ]
    say = f"Detectors see the whole of {recipe.column} at {recipe.side} × {recipe.side} pixels."
    return Table.of(pd.DataFrame(steps, columns=["step", "setting", "what it does"]), "Recipe", say=say)

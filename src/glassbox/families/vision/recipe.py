"""The image recipe: column, framing, size and augmentation."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from glassbox.data.images.cells import PictureError, content_of, decoded
from glassbox.data.schema import Schema
from glassbox.errors import DataError
from glassbox.findings.evidence import RecipeEvidence
from glassbox.findings.model import Table

Pixels = npt.NDArray[np.uint8]
Framing = Literal["crop", "pad", "squeeze"]
FRAMINGS: dict[Framing, str] = {
    "crop": "the central square; the rest is cut off",
    "pad": "the whole picture, padded with grey to a square",
    "squeeze": "the whole picture, rescaled to a square",
}
# Networks trained at 224 pixels are more accurate at higher test resolutions (Touvron et al. 2019, "Fixing the train-test resolution
# discrepancy"); beyond this size the gain does not justify the time.
LARGEST = 320


class Augmentation(BaseModel):
    """Random augmentation of training images, drawn again in each epoch; evaluation and the service do not use it.

    Attributes
    ----------
    flip
        Mirror half of the images.
    crop
        The smallest share of the area that a random crop retains before it is enlarged; 1 disables cropping.
    shift
        The largest translation in pixels.
    colour
        The largest relative change of brightness, contrast and saturation.
    erase
        The probability that a random rectangle is blanked (Zhong et al. 2020).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    flip: bool = True
    crop: float = Field(default=0.6, gt=0, le=1)
    shift: int = Field(default=0, ge=0, le=64)
    colour: float = Field(default=0.2, ge=0, lt=1)
    erase: float = Field(default=0.0, ge=0, le=1)

    @property
    def description(self) -> str:
        """The active parts as a phrase."""
        parts = [
            "mirrored" if self.flip else "",
            f"cropped to {self.crop:.0%} of the area or more" if self.crop < 1 else "",
            f"shifted by up to {self.shift} pixels" if self.shift else "",
            f"colours changed by up to {self.colour:.0%}" if self.colour else "",
            f"a rectangle erased in {self.erase:.0%} of cases" if self.erase else "",
        ]
        return ", ".join(part for part in parts if part) or "none"


class Recipe(BaseModel):
    """The preprocessing of images, identical for training, holdout and service.

    Attributes
    ----------
    column
        The column that holds the image.
    side
        Width and height of the network input in pixels.
    framing
        The way in which an image becomes a square.
    backbones
        The indices of the request's pretrained networks that are used.
    augmentation
        The augmentation of training images.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    side: int = Field(default=LARGEST, ge=8, le=1024)
    framing: Framing = "crop"
    backbones: list[int] = []
    augmentation: Augmentation = Augmentation()

    def pixels(self, cell: str | None) -> Pixels:
        """Return one image as the models receive it, (side, side, 3); a missing image is grey.

        Raises
        ------
        PictureError
            When the cell holds no readable image.
        """
        if not isinstance(cell, str):
            return np.full((self.side, self.side, 3), 127, dtype=np.uint8)
        return to_square(decoded(content_of(cell)), self.side, self.framing)


def to_square(image: Image.Image, side: int, framing: Framing) -> Pixels:
    """Frame an image as a square of `side` pixels.

    >>> to_square(Image.new("RGB", (30, 20), (9, 9, 9)), 8, "crop").shape
    (8, 8, 3)
    """
    width, height = image.size
    box: tuple[float, float, float, float] = (0, 0, width, height)
    if framing == "crop":
        shorter = min(width, height)
        box = ((width - shorter) / 2, (height - shorter) / 2, (width + shorter) / 2, (height + shorter) / 2)
    elif framing == "pad":
        longer = max(width, height)
        background = Image.new("RGB", (longer, longer), (127, 127, 127))
        background.paste(image, ((longer - width) // 2, (longer - height) // 2))
        image, box = background, (0, 0, longer, longer)
    if image.size == (side, side):
        return np.array(image)  # a copy: torch rejects read-only arrays
    return np.array(image.resize((side, side), Image.Resampling.BILINEAR, box=box, reducing_gap=3.0))


def picture_column(schema: Schema, features: Sequence[str] | None) -> str:
    """Return the image column of a schema.

    Parameters
    ----------
    features
        The features that the request lists; None: all columns.

    Raises
    ------
    DataError
        When there is none, or more than one among the requested features.
    """
    columns = [
        column.name for column in schema.features if column.kind == "picture" and (not features or column.name in features)
    ]
    if len(columns) != 1:
        labelled = f"{len(columns)} columns hold pictures ({', '.join(columns)})" if columns else "no column holds pictures"
        raise DataError(f"data.features: {labelled}; name the one to use.")
    return columns[0]


def default_side(cells: Sequence[str | None], most: int = 200) -> int:
    """Return the default input size: the median of the shorter sides of a sample of the images, at most `LARGEST`."""
    sides = []
    for cell in [cell for cell in cells if isinstance(cell, str)][:: max(1, len(cells) // most)]:
        try:
            sides.append(min(decoded(content_of(cell)).size))
        except PictureError:
            continue
    median = int(np.median(sides)) if sides else LARGEST
    return LARGEST if median >= LARGEST else max(8, median)


def default_recipe(schema: Schema, features: Sequence[str] | None, **settings: Any) -> Recipe:
    """Return the default recipe, with some settings overridden."""
    return Recipe(column=picture_column(schema, features), **settings)


def recipe_table(recipe: Recipe, schema: Schema, backbones: Sequence[str] = ()) -> Table:
    """Describe the preprocessing steps as a table."""
    missing = schema.column(recipe.column).missing
    steps = [
        ("column", recipe.column, "holds the picture; rotated upright by its EXIF orientation, converted to RGB"),
        ("missing pictures", f"{missing:.1%}" if missing else "none", "are replaced by plain grey"),
        ("framing", recipe.framing, FRAMINGS[recipe.framing]),
        ("size", f"{recipe.side} × {recipe.side}", "pixels, for all models"),
        ("backbones", ", ".join(backbones) or "none", "pretrained networks that compute embeddings or are fine-tuned"),
        ("augmentation", recipe.augmentation.description, "of training pictures, drawn again in each epoch"),
    ]
    say = f"Models receive {recipe.column} at {recipe.side} × {recipe.side} pixels."
    evidence = RecipeEvidence(missing_handling={recipe.column: "imputed"})
    return Table.of(pd.DataFrame(steps, columns=["step", "setting", "what it does"]), "Recipe", say=say, evidence=evidence)

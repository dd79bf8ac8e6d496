"""What the models see of a picture: which column, framed how and at which size, and how the pictures that teach are varied."""

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
    "crop": "the middle square; what stands beside it is not seen",
    "pad": "the whole picture, on grey where it is no square",
    "squeeze": "the whole picture, pressed into a square",
}
# Networks for photos are trained at 224 pixels, and see more in larger ones (Touvron et al. 2019, "Fixing the train-test resolution
# discrepancy"); beyond this the gain is no longer worth the time.
LARGEST = 320


class Augmentation(BaseModel):
    """How a picture that teaches is varied, anew in each epoch: each part by chance, none of it in evaluation and service.

    `flip` mirrors half of the pictures. `crop` is the least share of the area that is kept, enlarged again; 1 keeps all. `shift` moves
    by up to so many pixels. `colour` changes brightness, contrast and saturation by up to this share. `erase` is how often a
    rectangle is blanked (Zhong et al. 2020).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    flip: bool = True
    crop: float = Field(default=0.6, gt=0, le=1)
    shift: int = Field(default=0, ge=0, le=64)
    colour: float = Field(default=0.2, ge=0, lt=1)
    erase: float = Field(default=0.0, ge=0, le=1)

    @property
    def words(self) -> str:
        """What is done, in words."""
        done = [
            "mirrored" if self.flip else "",
            f"cropped to {self.crop:.0%} of the area or more" if self.crop < 1 else "",
            f"moved by up to {self.shift} pixels" if self.shift else "",
            f"colours changed by up to {self.colour:.0%}" if self.colour else "",
            f"a part blanked in {self.erase:.0%}" if self.erase else "",
        ]
        return ", ".join(word for word in done if word) or "nothing"


class Recipe(BaseModel):
    """What is done to a picture before any model sees it: the same for train, holdout and service.

    `column` holds the picture. `side` is the width and height in pixels, `framing` how a picture becomes a square. `backbones` are the
    places of those of the request's pretrained networks that are used. `augmentation` is for pictures that teach alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    side: int = Field(default=LARGEST, ge=8, le=1024)
    framing: Framing = "crop"
    backbones: list[int] = []
    augmentation: Augmentation = Augmentation()

    def pixels(self, cell: str | None) -> Pixels:
        """One picture as the models see it, (side, side, 3); a picture that is missing is grey.

        Raises
        ------
        PictureError
            When the cell holds no picture that can be read.
        """
        if not isinstance(cell, str):
            return np.full((self.side, self.side, 3), 127, dtype=np.uint8)
        return squared(decoded(content_of(cell)), self.side, self.framing)

    def all_pixels(self, cells: Sequence[str | None]) -> Pixels:
        """Several pictures, (n, side, side, 3)."""
        made = np.empty((len(cells), self.side, self.side, 3), dtype=np.uint8)
        for i, cell in enumerate(cells):
            made[i] = self.pixels(cell)
        return made


def squared(picture: Image.Image, side: int, framing: Framing) -> Pixels:
    """A picture as a square of `side` pixels.

    >>> squared(Image.new("RGB", (30, 20), (9, 9, 9)), 8, "crop").shape
    (8, 8, 3)
    """
    width, height = picture.size
    box: tuple[float, float, float, float] = (0, 0, width, height)
    if framing == "crop":
        least = min(width, height)
        box = ((width - least) / 2, (height - least) / 2, (width + least) / 2, (height + least) / 2)
    elif framing == "pad":
        most = max(width, height)
        ground = Image.new("RGB", (most, most), (127, 127, 127))
        ground.paste(picture, ((most - width) // 2, (most - height) // 2))
        picture, box = ground, (0, 0, most, most)
    if picture.size == (side, side):
        return np.array(picture)  # a copy: torch takes no array that cannot be written to
    return np.array(picture.resize((side, side), Image.Resampling.BILINEAR, box=box, reducing_gap=3.0))


def picture_column(schema: Schema, asked: Sequence[str] | None) -> str:
    """The column that holds the pictures.

    Raises
    ------
    DataError
        When there is none, or more than one and the request does not say which.
    """
    found = [column.name for column in schema.features if column.kind == "picture" and (not asked or column.name in asked)]
    if len(found) != 1:
        what = f"{len(found)} columns hold pictures ({', '.join(found)})" if found else "no column holds pictures"
        raise DataError(f"data.features: {what}; name the one to look at.")
    return found[0]


def usual_side(cells: Sequence[str | None], most: int = 200) -> int:
    """The side that pictures are brought to when nobody says otherwise: their own, and at most `LARGEST`."""
    sides = []
    for cell in [cell for cell in cells if isinstance(cell, str)][:: max(1, len(cells) // most)]:
        try:
            sides.append(min(decoded(content_of(cell)).size))
        except PictureError:
            continue
    middle = int(np.median(sides)) if sides else LARGEST
    return LARGEST if middle >= LARGEST else max(8, middle)


def default_recipe(schema: Schema, asked: Sequence[str] | None, **settings: Any) -> Recipe:
    """The recipe when nobody says otherwise."""
    return Recipe(column=picture_column(schema, asked), **settings)


def recipe_table(recipe: Recipe, schema: Schema, backbones: Sequence[str] = ()) -> Table:
    """What is done to the pictures, step by step."""
    missing = schema.column(recipe.column).missing
    steps = [
        ("column", recipe.column, "holds the picture; turned upright as the camera said, in colour"),
        ("missing pictures", f"{missing:.1%}" if missing else "none", "a missing picture is seen as plain grey"),
        ("framing", recipe.framing, FRAMINGS[recipe.framing]),
        ("size", f"{recipe.side} × {recipe.side}", "pixels, as all models see it"),
        (
            "backbones",
            ", ".join(backbones) or "none",
            "networks that were trained on other pictures, and are asked what they see",
        ),
        ("augmentation", recipe.augmentation.words, "of pictures that teach a network, anew in each epoch"),
    ]
    say = f"Models see {recipe.column} at {recipe.side} × {recipe.side} pixels."
    evidence = RecipeEvidence(missing_handling={recipe.column: "imputed"})
    return Table.of(pd.DataFrame(steps, columns=["step", "setting", "what it does"]), "Recipe", say=say, evidence=evidence)

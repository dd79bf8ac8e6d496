"""What later pictures are compared by: their size, brightness, colour and sharpness, and where they lie among those that taught."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from glassbox.data.images.cells import content_of, decoded
from glassbox.data.schema import Schema
from glassbox.families.shared.embedding_drift import Directions, schema_of
from glassbox.families.vision.image_dataset import Floats, ImageCollection
from glassbox.families.vision.recipe import squared
from glassbox.files import read_json, write_json
from glassbox.runtime.worker_pool import WorkerPool

COARSE = 12  # pixels a side: what is compared where there is no backbone
JUDGED = 256  # pixels of the longer side at which sharpness is measured: sharp at any size means sharp at one
TRAITS = ("width", "height", "brightness", "contrast", "colourfulness", "sharpness")


def traits(picture: Image.Image) -> dict[str, float]:
    """What can be measured of any picture.

    ``width`` and ``height`` in pixels; ``brightness`` and ``contrast``: mean and standard deviation of the greys, 0 to 1;
    ``colourfulness`` after Hasler and Süsstrunk (2003, eq. 3), 0 to about 1; ``sharpness``: the standard deviation of the Laplacian
    of the greys (Pech-Pacheco et al. 2000) at one size.
    """
    width, height = picture.size
    small = picture.copy()
    small.thumbnail((JUDGED, JUDGED))
    rgb: npt.NDArray[np.float64] = np.asarray(small, dtype=np.float64) / 255
    grey = rgb @ np.array([0.299, 0.587, 0.114])
    red_green, yellow_blue = rgb[..., 0] - rgb[..., 1], (rgb[..., 0] + rgb[..., 1]) / 2 - rgb[..., 2]
    spread = float(np.hypot(red_green.std(), yellow_blue.std()))
    middle = float(np.hypot(red_green.mean(), yellow_blue.mean()))
    return {
        "width": float(width),
        "height": float(height),
        "brightness": float(grey.mean()),
        "contrast": float(grey.std()),
        "colourfulness": spread + 0.3 * middle,
        "sharpness": float(cv2.Laplacian(grey, cv2.CV_64F).std()),
    }


def of_each(album: ImageCollection, what: Callable[[Image.Image], Any], missing: Any) -> list[Any]:
    """Something of each picture of an album as it arrived; `missing` where there is none."""

    def one(cell: str | None) -> Any:
        return what(decoded(content_of(cell))) if isinstance(cell, str) else missing

    with WorkerPool(album.workers) as pool:
        return list(pool.map(one, album.cells))


def traits_of(album: ImageCollection) -> pd.DataFrame:
    """The traits of each picture, a row a picture; a picture that is missing has none."""
    return pd.DataFrame(of_each(album, traits, dict.fromkeys(TRAITS, np.nan)), columns=list(TRAITS), dtype="float64")


def coarse(album: ImageCollection) -> Floats:
    """Each picture in a few grey pixels, (pictures, numbers), 0 to 1."""
    found = of_each(album, lambda picture: squared(picture, COARSE, "squeeze").mean(axis=2) / 255, np.full((COARSE, COARSE), 0.5))
    return np.stack(found).reshape(len(found), -1).astype(np.float64) if found else np.zeros((0, COARSE * COARSE))


@dataclass(frozen=True)
class Watch:
    """What is remembered of train: where its embeddings lie, by the backbone at `place`, or by a few grey pixels where there is none."""

    directions: Directions
    place: int | None = None

    @classmethod
    def of(cls, album: ImageCollection, place: int | None) -> "Watch":
        """Remember an album."""
        return cls(Directions.of(_vectors(album, place)), place)

    def describe(self, album: ImageCollection) -> pd.DataFrame:
        """A row a picture: its traits, and where it lies."""
        told = self.directions.describe(_vectors(album, self.place), "embedding" if self.place is not None else "coarse picture")
        return traits_of(album).assign(**told)

    def schema(self, described: pd.DataFrame) -> Schema:
        """What `describe` gives, as columns that a profile is made of."""
        return schema_of(described)

    def save(self, folder: Path) -> None:
        """Write what is remembered."""
        self.directions.save(folder)
        write_json(folder / "place.json", self.place)

    @classmethod
    def load(cls, folder: Path) -> "Watch":
        """What was written."""
        found = Directions.load(folder)
        assert found is not None, "a watch of pictures has directions"
        return cls(found, read_json(folder / "place.json"))


def _vectors(album: ImageCollection, place: int | None) -> Floats:
    return coarse(album) if place is None else album.embeddings(place).astype(np.float64)

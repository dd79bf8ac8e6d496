"""Reference features for drift monitoring of images: image traits, and the position of the embeddings relative to train."""

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
from glassbox.families.vision.image_collection import Floats, ImageCollection
from glassbox.families.vision.recipe import to_square
from glassbox.files import read_json, write_json
from glassbox.runtime.worker_pool import WorkerPool

COARSE_SIDE = 12  # pixels a side of the grey images that are compared without a backbone
SHARPNESS_SIDE = 256  # pixels of the longer side: sharpness is comparable only at one size
TRAITS = ("width", "height", "brightness", "contrast", "colourfulness", "sharpness")


def traits(image: Image.Image) -> dict[str, float]:
    """Measure the traits of an image.

    ``width`` and ``height`` in pixels; ``brightness`` and ``contrast``: mean and standard deviation of the grey values, 0 to 1;
    ``colourfulness`` after Hasler and Süsstrunk (2003, eq. 3), 0 to about 1; ``sharpness``: the standard deviation of the Laplacian
    of the grey values (Pech-Pacheco et al. 2000) at a fixed size.
    """
    width, height = image.size
    reduced = image.copy()
    reduced.thumbnail((SHARPNESS_SIDE, SHARPNESS_SIDE))
    rgb: npt.NDArray[np.float64] = np.asarray(reduced, dtype=np.float64) / 255
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


def map_images(images: ImageCollection, function: Callable[[Image.Image], Any], missing: Any) -> list[Any]:
    """Apply a function to each image in its original size; a missing image yields `missing`."""

    def apply(cell: str | None) -> Any:
        return function(decoded(content_of(cell))) if isinstance(cell, str) else missing

    with WorkerPool(images.workers) as pool:
        return list(pool.map(apply, images.cells))


def traits_of(images: ImageCollection) -> pd.DataFrame:
    """Return the traits of each image, one row per image; the traits of a missing image are NaN."""
    return pd.DataFrame(map_images(images, traits, dict.fromkeys(TRAITS, np.nan)), columns=list(TRAITS), dtype="float64")


def coarse_pixels(images: ImageCollection) -> Floats:
    """Return each image reduced to a few grey pixels, (images, pixels), 0 to 1."""
    missing = np.full((COARSE_SIDE, COARSE_SIDE), 0.5)
    reduced = map_images(images, lambda image: to_square(image, COARSE_SIDE, "squeeze").mean(axis=2) / 255, missing)
    return np.stack(reduced).reshape(len(reduced), -1).astype(np.float64) if reduced else np.zeros((0, COARSE_SIDE * COARSE_SIDE))


@dataclass(frozen=True)
class ReferenceFeatures:
    """The distribution of the training embeddings, as the reference for drift detection.

    Parameters
    ----------
    directions
        The centre and the principal directions of the training vectors.
    backbone
        The index of the backbone that embeds the images; None: coarse grey pixels are compared instead.
    """

    directions: Directions
    backbone: int | None = None

    @classmethod
    def of(cls, images: ImageCollection, backbone: int | None) -> "ReferenceFeatures":
        """Fit the reference on the training images."""
        return cls(Directions.of(_vectors(images, backbone)), backbone)

    def describe(self, images: ImageCollection) -> pd.DataFrame:
        """Return the traits of each image and its position relative to the training set, one row per image."""
        name = "embedding" if self.backbone is not None else "coarse picture"
        return traits_of(images).assign(**self.directions.describe(_vectors(images, self.backbone), name))

    def schema(self, described: pd.DataFrame) -> Schema:
        """Return the schema of the columns of `describe`."""
        return schema_of(described)

    def save(self, folder: Path) -> None:
        """Write the reference into `folder`."""
        self.directions.save(folder)
        write_json(folder / "place.json", self.backbone)

    @classmethod
    def load(cls, folder: Path) -> "ReferenceFeatures":
        """Load the reference features saved in `folder`."""
        directions = Directions.load(folder)
        assert directions is not None, "a reference of images has directions"
        return cls(directions, read_json(folder / "place.json"))


def _vectors(images: ImageCollection, backbone: int | None) -> Floats:
    return coarse_pixels(images) if backbone is None else images.embeddings(backbone).astype(np.float64)

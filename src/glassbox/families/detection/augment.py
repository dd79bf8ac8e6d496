"""Data augmentation of training images together with their boxes; all randomness comes from a NumPy generator."""

from typing import Any

import numpy as np
import torch
from torchvision.transforms.v2 import functional as v2
from torchvision.tv_tensors import BoundingBoxes

from glassbox.families.detection.recipe import Augmentation
from glassbox.families.vision.augment import augment as augment_images
from glassbox.families.vision.recipe import Augmentation as ImageAugmentation

MIN_VISIBLE = 0.35  # share of the area of a box that must remain for it to be a training target
GREY = 0.5


def augment(
    x: torch.Tensor, edges: torch.Tensor, settings: Augmentation, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Augment an image (3, side, side), 0 to 1, and its boxes (n, 4) as left, top, right and bottom.

    Returns
    -------
    tuple of tensor
        The image, the boxes that remain visible, and a mask (n,) of these boxes.
    """
    side = x.shape[-1]
    boxes: Any = BoundingBoxes(edges, format="XYXY", canvas_size=(side, side))
    if settings.flip and rng.random() < 0.5:
        x, boxes = v2.horizontal_flip(x), v2.horizontal_flip(boxes)
    if settings.zoom:
        x, boxes = _zoom(x, boxes, settings.zoom, rng)
    if settings.colour:
        color_only = ImageAugmentation(flip=False, crop=1.0, shift=0, colour=settings.colour, erase=0.0)
        x = augment_images(x[None], color_only, rng)[0]
    areas = _areas(boxes.as_subclass(torch.Tensor))
    clipped = v2.clamp_bounding_boxes(boxes).as_subclass(torch.Tensor)
    visible = _areas(clipped) >= MIN_VISIBLE * areas.clamp(min=1e-6)
    return x, clipped[visible], visible


def _zoom(x: torch.Tensor, boxes: Any, most: float, rng: np.random.Generator) -> tuple[torch.Tensor, Any]:
    """Resize a random window of the image, which may extend into a grey margin, to the size of the image."""
    side = x.shape[-1]
    window = round(side / (1 + rng.uniform(-most, most)))
    margin = max(0, window - side)
    low, high = sorted((0, side - window))
    left, top = (int(rng.integers(low, high + 1)) + margin for _ in range(2))
    if margin:
        x, boxes = v2.pad(x, [margin], fill=GREY), v2.pad(boxes, [margin])
    crop = (top, left, window, window, [side, side])
    return v2.resized_crop(x, *crop, antialias=True), v2.resized_crop(boxes, *crop)


def _areas(edges: torch.Tensor) -> torch.Tensor:
    return (edges[:, 2] - edges[:, 0]).clamp(min=0) * (edges[:, 3] - edges[:, 1]).clamp(min=0)

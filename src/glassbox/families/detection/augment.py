"""Pictures that teach, varied together with their boxes by torchvision's transforms; what is drawn comes from a generator that is handed in."""

from typing import Any

import numpy as np
import torch
from torchvision.transforms.v2 import functional as v2
from torchvision.tv_tensors import BoundingBoxes

from glassbox.families.detection.recipe import Augmentation
from glassbox.families.vision.augment import augment as coloured
from glassbox.families.vision.recipe import Augmentation as Colours

VISIBLE = 0.35  # of a box must be left for it to be taught
GREY = 0.5


def augment(
    x: torch.Tensor, where: torch.Tensor, asked: Augmentation, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A picture (3, side, side), 0 to 1, with its boxes (n, 4) as left, top, right and bottom, varied.

    Returns
    -------
    tuple of tensor
        The picture, the boxes that are left, and (n,) which of them are.
    """
    side = x.shape[-1]
    boxes: Any = BoundingBoxes(where, format="XYXY", canvas_size=(side, side))
    if asked.flip and rng.random() < 0.5:
        x, boxes = v2.horizontal_flip(x), v2.horizontal_flip(boxes)
    if asked.zoom:
        x, boxes = _zoomed(x, boxes, asked.zoom, rng)
    if asked.colour:
        only = Colours(flip=False, crop=1.0, shift=0, colour=asked.colour, erase=0.0)
        x = coloured(x[None], only, rng)[0]
    whole = _areas(boxes.as_subclass(torch.Tensor))
    cut = v2.clamp_bounding_boxes(boxes).as_subclass(torch.Tensor)
    left = _areas(cut) >= VISIBLE * whole.clamp(min=1e-6)
    return x, cut[left], left


def _zoomed(x: torch.Tensor, boxes: Any, most: float, rng: np.random.Generator) -> tuple[torch.Tensor, Any]:
    """A window of the picture, or of the grey around it, brought to the picture's size."""
    side = x.shape[-1]
    window = round(side / (1 + rng.uniform(-most, most)))
    rim = max(0, window - side)
    low, high = sorted((0, side - window))
    left, top = (int(rng.integers(low, high + 1)) + rim for _ in range(2))
    if rim:
        x, boxes = v2.pad(x, [rim], fill=GREY), v2.pad(boxes, [rim])
    frame = (top, left, window, window, [side, side])
    return v2.resized_crop(x, *frame, antialias=True), v2.resized_crop(boxes, *frame)


def _areas(where: torch.Tensor) -> torch.Tensor:
    return (where[:, 2] - where[:, 0]).clamp(min=0) * (where[:, 3] - where[:, 1]).clamp(min=0)

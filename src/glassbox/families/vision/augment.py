"""Data augmentation for training images with torchvision's transforms; all randomness comes from a NumPy generator."""

import math

import numpy as np
import torch
from torchvision.transforms.v2 import functional as v2

from glassbox.families.vision.recipe import Augmentation

LOG_ASPECT_RATIO = (math.log(3 / 4), math.log(4 / 3))  # of the width of a crop to its height (Szegedy et al. 2015)
ERASED_AREA = (0.02, 0.2)  # share of the image (Zhong et al. 2020, sec. 4)


def augment(x: torch.Tensor, settings: Augmentation, rng: np.random.Generator) -> torch.Tensor:
    """Augment a batch of images of shape (n, 3, side, side) with values from 0 to 1, each image independently.

    Torch's global generator is not used: trainings that run in parallel would draw from it in an unpredictable order.
    """
    n = len(x)
    if settings.flip:
        flipped = torch.from_numpy(rng.random(n) < 0.5).to(x.device)
        x = torch.where(flipped.view(n, 1, 1, 1), v2.horizontal_flip(x), x)
    if settings.shift:
        x = _shift(x, rng.integers(0, 2 * settings.shift + 1, (n, 2)), settings.shift)
    if settings.crop < 1:
        x = torch.stack([_crop(image, settings.crop, rng) for image in x])
    if settings.colour:
        x = _jitter_color(x, rng.uniform(1 - settings.colour, 1 + settings.colour, (n, 3)))
    if settings.erase:
        x = torch.stack([_erase(image, rng) if rng.random() < settings.erase else image for image in x])
    return x


def _shift(x: torch.Tensor, offsets: np.ndarray, padding: int) -> torch.Tensor:
    """Cut each image out of its padded copy at its offset (n, 2), rows and columns."""
    pixels = torch.from_numpy(offsets[:, :, None] + np.arange(x.shape[-1])).to(x.device)
    images = torch.arange(len(x), device=x.device)[:, None, None]
    return v2.pad(x, [padding]).permute(0, 2, 3, 1)[images, pixels[:, 0, :, None], pixels[:, 1, None, :]].permute(0, 3, 1, 2)


def _crop(image: torch.Tensor, min_area: float, rng: np.random.Generator) -> torch.Tensor:
    side = image.shape[-1]
    area, ratio = rng.uniform(min_area, 1.0) * side * side, math.exp(rng.uniform(*LOG_ASPECT_RATIO))
    width, height = (min(side, max(1, round(math.sqrt(size)))) for size in (area * ratio, area / ratio))
    top, left = int(rng.integers(0, side - height + 1)), int(rng.integers(0, side - width + 1))
    return v2.resized_crop(image, top, left, height, width, [side, side], antialias=True)


def _jitter_color(x: torch.Tensor, factors: np.ndarray) -> torch.Tensor:
    """Scale brightness, contrast and saturation by factors of shape (n, 3), as `v2.ColorJitter` does, for the whole batch."""
    columns = torch.from_numpy(factors).to(x.device, x.dtype)
    brightness, contrast, saturation = (columns[:, k].view(-1, 1, 1, 1) for k in range(3))
    x = (x * brightness).clamp(0, 1)
    mean = v2.rgb_to_grayscale(x).mean(dim=(1, 2, 3), keepdim=True)
    x = (contrast * x + (1 - contrast) * mean).clamp(0, 1)
    grey = v2.rgb_to_grayscale(x)
    return (saturation * x + (1 - saturation) * grey).clamp(0, 1)


def _erase(image: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    side = image.shape[-1]
    area, ratio = rng.uniform(*ERASED_AREA) * side * side, math.exp(rng.uniform(*LOG_ASPECT_RATIO))
    width, height = (min(side, max(1, round(math.sqrt(size)))) for size in (area * ratio, area / ratio))
    top, left = int(rng.integers(0, side - height + 1)), int(rng.integers(0, side - width + 1))
    blank = image.mean(dim=(1, 2), keepdim=True).expand(3, height, width)
    return v2.erase(image, top, left, height, width, blank)

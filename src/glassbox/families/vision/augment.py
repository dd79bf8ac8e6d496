"""Pictures that teach, varied anew in each epoch with torchvision's transforms; what is drawn comes from a generator that is handed in."""

import math

import numpy as np
import torch
from torchvision.transforms.v2 import functional as v2

from glassbox.families.vision.recipe import Augmentation

RATIO = (math.log(3 / 4), math.log(4 / 3))  # of the width of a crop to its height (Szegedy et al. 2015)
ERASED = (0.02, 0.2)  # of the area (Zhong et al. 2020, sec. 4)


def augmented(x: torch.Tensor, asked: Augmentation, rng: np.random.Generator) -> torch.Tensor:
    """Pictures of shape (n, 3, side, side), 0 to 1, each varied by itself.

    Torch's own random numbers are not touched: trainings side by side would draw from one source in another order each time.
    """
    n = len(x)
    if asked.flip:
        mirrored = torch.from_numpy(rng.random(n) < 0.5).to(x.device)
        x = torch.where(mirrored.view(n, 1, 1, 1), v2.horizontal_flip(x), x)
    if asked.shift:
        x = _shifted(x, rng.integers(0, 2 * asked.shift + 1, (n, 2)), asked.shift)
    if asked.crop < 1:
        x = torch.stack([_cropped(picture, asked.crop, rng) for picture in x])
    if asked.colour:
        x = _coloured(x, rng.uniform(1 - asked.colour, 1 + asked.colour, (n, 3)))
    if asked.erase:
        x = torch.stack([_erased(picture, rng) if rng.random() < asked.erase else picture for picture in x])
    return x


def _shifted(x: torch.Tensor, by: np.ndarray, most: int) -> torch.Tensor:
    where = torch.from_numpy(by[:, :, None] + np.arange(x.shape[-1])).to(x.device)  # the rows and columns of each that are kept
    each = torch.arange(len(x), device=x.device)[:, None, None]
    return v2.pad(x, [most]).permute(0, 2, 3, 1)[each, where[:, 0, :, None], where[:, 1, None, :]].permute(0, 3, 1, 2)


def _cropped(picture: torch.Tensor, least: float, rng: np.random.Generator) -> torch.Tensor:
    side = picture.shape[-1]
    area, ratio = rng.uniform(least, 1.0) * side * side, math.exp(rng.uniform(*RATIO))
    width, height = (min(side, max(1, round(math.sqrt(size)))) for size in (area * ratio, area / ratio))
    top, left = int(rng.integers(0, side - height + 1)), int(rng.integers(0, side - width + 1))
    return v2.resized_crop(picture, top, left, height, width, [side, side], antialias=True)


def _coloured(x: torch.Tensor, by: np.ndarray) -> torch.Tensor:
    """Brightness, contrast and saturation times these factors, as `v2.ColorJitter` has them, for all pictures at once."""
    factors = torch.from_numpy(by).to(x.device, x.dtype)
    bright, contrast, saturation = (factors[:, k].view(-1, 1, 1, 1) for k in range(3))
    x = (x * bright).clamp(0, 1)
    middle = v2.rgb_to_grayscale(x).mean(dim=(1, 2, 3), keepdim=True)
    x = (contrast * x + (1 - contrast) * middle).clamp(0, 1)
    grey = v2.rgb_to_grayscale(x)
    return (saturation * x + (1 - saturation) * grey).clamp(0, 1)


def _erased(picture: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    side = picture.shape[-1]
    area, ratio = rng.uniform(*ERASED) * side * side, math.exp(rng.uniform(*RATIO))
    width, height = (min(side, max(1, round(math.sqrt(size)))) for size in (area * ratio, area / ratio))
    top, left = int(rng.integers(0, side - height + 1)), int(rng.integers(0, side - width + 1))
    blank = picture.mean(dim=(1, 2), keepdim=True).expand(3, height, width)
    return v2.erase(picture, top, left, height, width, blank)

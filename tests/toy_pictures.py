"""Synthetic images of shapes on noise, and a backbone with random weights in the file format of torchvision."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from glassbox.data.images.cells import cell_of, content_of, png_of

COLOURS = {"disc": (225, 40, 45), "square": (45, 60, 230), "bar": (40, 190, 50)}
BACKBONE = "squeezenet1_1-0123abcd.pth"  # named as torchvision names its files


def draw(name: str, rng: np.random.Generator, side: int = 32) -> npt.NDArray[np.uint8]:
    """Draw one shape in its colour at a random position on noise of random brightness: (side, side, 3)."""
    background = rng.uniform(60, 190) + rng.normal(0, 14, (side, side, 1)) + rng.normal(0, 6, (side, side, 3))
    radius = rng.uniform(0.2, 0.32) * side
    x, y = rng.uniform(radius, side - radius, 2)
    across, down = np.abs(np.arange(side) - x)[None, :], np.abs(np.arange(side) - y)[:, None]
    inside = {
        "disc": across**2 + down**2 < radius**2,
        "square": np.maximum(across, down) < 0.85 * radius,
        "bar": (across < radius) & (down < 0.4 * radius),
    }[name]
    colour = np.array(COLOURS[name]) + rng.normal(0, 8, 3)
    return np.asarray(np.clip(np.where(inside[..., None], colour, background), 0, 255), dtype=np.uint8)


def shapes(count: int = 60, classes: int = 2, side: int = 32, seed: int = 5) -> pd.DataFrame:
    """Return ``row_id``, ``picture`` and ``shape``; deterministic, and each image is independent of `count`."""
    names = list(COLOURS)[:classes]
    labels = [names[i % classes] for i in range(count)]
    pictures = [png_of(draw(name, np.random.default_rng([seed, i]), side)) for i, name in enumerate(labels)]
    return pd.DataFrame(
        {"row_id": [f"r{i:04d}" for i in range(count)], "picture": [cell_of(content) for content in pictures], "shape": labels}
    )


def write_shapes(folder: Path, count: int = 150) -> None:
    """Write a folder of discs and one of squares, with some resaved copies as JPEG and one image that is rotated by EXIF."""
    frame = shapes(count)
    for i, (name, cell, shape) in enumerate(frame.itertuples(index=False)):
        content = content_of(cell)
        (folder / shape).mkdir(parents=True, exist_ok=True)
        (folder / shape / f"{name}.png").write_bytes(content)
        if i % 11 == 0:
            (folder / shape / f"{name} again.jpg").write_bytes(resaved(content, 95, 1.0))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(draw("disc", np.random.default_rng(1), 40)).save(folder / "disc/turned.jpg", exif=exif)


def photo(seed: int, width: int = 90, height: int = 70) -> bytes:
    """Return a PNG of noise with the spectrum of natural photos; each seed is another image."""
    rng = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]) + 0.01
    greys = rng.normal(size=(height, width))
    planes = [np.fft.ifft2(np.fft.fft2(greys + 0.5 * rng.normal(size=greys.shape)) / frequency).real for _ in range(3)]
    levels = [128 + 50 * (plane - plane.mean()) / plane.std() for plane in planes]
    return png_of(np.clip(np.stack(levels, axis=2), 0, 255).astype("uint8"))


def resaved(content: bytes, quality: int = 60, scale: float = 1.1) -> bytes:
    """Return the same image resized and encoded as JPEG."""
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    sink = io.BytesIO()
    larger = picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BILINEAR)
    larger.save(sink, "JPEG", quality=quality)
    return sink.getvalue()


def toy_backbone(folder: Path, seed: int = 5) -> Path:
    """Write a SqueezeNet with random weights into `folder`, unless it exists: the smallest network of torchvision."""
    if (folder / BACKBONE).is_file():
        return folder
    import torch
    from torchvision import models

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = models.squeezenet1_1(weights=None)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), folder / BACKBONE)
    return folder

"""Synthetic pictures of shapes on noise, and a backbone with random weights in the real file format."""

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from glassbox.data.images.cells import cell_of, content_of, png_of

COLOURS = {"disc": (225, 40, 45), "square": (45, 60, 230), "bar": (40, 190, 50)}
BACKBONE = "squeezenet1_1-0123abcd.pth"  # the naming scheme of torchvision


def drawn(name: str, rng: np.random.Generator, side: int = 32) -> npt.NDArray[np.uint8]:
    """Draw one shape in its colour at a random position on noise, as an array of shape (side, side, 3)."""
    ground = rng.uniform(60, 190) + rng.normal(0, 14, (side, side, 1)) + rng.normal(0, 6, (side, side, 3))
    radius = rng.uniform(0.2, 0.32) * side
    x, y = rng.uniform(radius, side - radius, 2)
    across, down = np.abs(np.arange(side) - x)[None, :], np.abs(np.arange(side) - y)[:, None]
    inside = {
        "disc": across**2 + down**2 < radius**2,
        "square": np.maximum(across, down) < 0.85 * radius,
        "bar": (across < radius) & (down < 0.4 * radius),
    }[name]
    colour = np.array(COLOURS[name]) + rng.normal(0, 8, 3)
    return np.asarray(np.clip(np.where(inside[..., None], colour, ground), 0, 255), dtype=np.uint8)


def shapes(count: int = 60, classes: int = 2, side: int = 32, seed: int = 5) -> pd.DataFrame:
    """Generate deterministic pictures with the columns ``row_id``, ``picture`` and ``shape``; a picture does not depend on `count`."""
    names = list(COLOURS)[:classes]
    labels = [names[i % classes] for i in range(count)]
    pictures = [png_of(drawn(name, np.random.default_rng([seed, i]), side)) for i, name in enumerate(labels)]
    return pd.DataFrame(
        {"row_id": [f"r{i:04d}" for i in range(count)], "picture": [cell_of(content) for content in pictures], "shape": labels}
    )


def write_shapes(folder: Path, count: int = 150) -> None:
    """Write a folder per shape, with JPEG copies of some pictures and one picture that is rotated by EXIF."""
    frame = shapes(count)
    for place, (name, cell, shape) in enumerate(frame.itertuples(index=False)):
        content = content_of(cell)
        (folder / shape).mkdir(parents=True, exist_ok=True)
        (folder / shape / f"{name}.png").write_bytes(content)
        if place % 11 == 0:
            (folder / shape / f"{name} again.jpg").write_bytes(again(content, 95, 1.0))
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(drawn("disc", np.random.default_rng(1), 40)).save(folder / "disc/turned.jpg", exif=turned)


def photo(seed: int, width: int = 90, height: int = 70) -> bytes:
    """Return a PNG of noise with a 1/f spectrum, as in natural photos; each seed gives another picture."""
    rng = np.random.default_rng(seed)
    coarser = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]) + 0.01
    greys = rng.normal(size=(height, width))
    planes = [np.fft.ifft2(np.fft.fft2(greys + 0.5 * rng.normal(size=greys.shape)) / coarser).real for _ in range(3)]
    levels = [128 + 50 * (plane - plane.mean()) / plane.std() for plane in planes]
    return png_of(np.clip(np.stack(levels, axis=2), 0, 255).astype("uint8"))


def again(content: bytes, quality: int = 60, times: float = 1.1) -> bytes:
    """Return a near-duplicate of a picture: resized and saved as JPEG."""
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    sink = io.BytesIO()
    larger = picture.resize((round(picture.width * times), round(picture.height * times)), Image.Resampling.BILINEAR)
    larger.save(sink, "JPEG", quality=quality)
    return sink.getvalue()


def toy_backbone(folder: Path, seed: int = 5) -> Path:
    """Write a SqueezeNet with random weights to `folder` unless it exists; it is the smallest network of torchvision."""
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

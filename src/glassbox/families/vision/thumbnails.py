"""Thumbnails for reports, re-encoded as JPEG so that no metadata of the original file is published."""

import base64
import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw

from glassbox.data.images.cells import content_of, decoded
from glassbox.families.vision.augment import augment
from glassbox.families.vision.image_collection import ImageCollection
from glassbox.findings.model import Picture, Pictures

SIDE = 192  # pixels of the longer side
Box = tuple[float, float, float, float]


def thumbnail(image: Image.Image, side: int = SIDE) -> Image.Image:
    """Return a copy that fits into a square; tiny images are enlarged by an integer factor."""
    width, height = image.size
    if max(width, height) * 2 <= side:
        factor = side // max(width, height)
        return image.resize((width * factor, height * factor), Image.Resampling.NEAREST)
    copy = image.copy()
    copy.thumbnail((side, side), Image.Resampling.BILINEAR)
    return copy


def jpeg_uri(image: Image.Image) -> str:
    """Encode an image as a data URI of JPEG."""
    sink = io.BytesIO()
    image.convert("RGB").save(sink, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(sink.getvalue()).decode()}"


def cell_thumbnail(cell: str, head: str, alt: str, side: int = SIDE) -> Picture:
    """Return the image of a cell as a thumbnail."""
    return Picture(head=head, alt=alt, uri=jpeg_uri(thumbnail(decoded(content_of(cell)), side)))


def pixels_thumbnail(pixels: npt.NDArray[np.uint8], head: str, alt: str) -> Picture:
    """Return pixels of shape (height, width, 3) as a thumbnail."""
    return Picture(head=head, alt=alt, uri=jpeg_uri(thumbnail(Image.fromarray(pixels))))


def boxed_thumbnail(cell: str, boxes: Sequence[tuple[Box, str]], head: str, alt: str, side: int = 320) -> Picture:
    """Return the image of a cell with boxes (left, top, width, height in its pixels) drawn in their colours."""
    image = decoded(content_of(cell))
    reduced = thumbnail(image, side)
    scale, pen = reduced.width / image.width, ImageDraw.Draw(reduced)
    for (left, top, width, height), color in boxes:
        edges = (left * scale, top * scale, (left + width) * scale, (top + height) * scale)
        pen.rectangle(edges, outline="#ffffff", width=4)
        pen.rectangle(edges, outline=color, width=2)
    return Picture(head=head, alt=alt, uri=jpeg_uri(reduced))


def augmentation_examples(images: ImageCollection, *, seed: int, rows: int = 3, each: int = 5) -> Pictures:
    """Show some images before and after augmentation."""
    pictures = []
    for i in [i for i, cell in enumerate(images.cells) if isinstance(cell, str)][:rows]:
        pixels = images.recipe.pixels(images.cells[i])
        pictures.append(pixels_thumbnail(pixels, "original", "a picture as the models receive it"))
        for k in range(each):
            x = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
            augmented = augment(x, images.recipe.augmentation, np.random.default_rng([seed, i, k]))[0]
            drawn = (augmented.permute(1, 2, 0).clamp(0, 1) * 255).round().to(torch.uint8).numpy()
            pictures.append(pixels_thumbnail(drawn, "augmented", "the same picture, augmented"))
    say = f"Training pictures are augmented: {images.recipe.augmentation.description}."
    return Pictures(title="Augmentation", say=say, pictures=pictures)

"""Pictures made small enough to stand on a page: written anew by us, so that nothing of what was sent comes along."""

import base64
import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw

from glassbox.data.images.cells import content_of, decoded
from glassbox.families.vision.augment import augmented
from glassbox.families.vision.image_dataset import ImageCollection
from glassbox.findings.model import Picture, Pictures

SIDE = 192  # pixels of the longer side
Box = tuple[float, float, float, float]


def small(picture: Image.Image, side: int = SIDE) -> Image.Image:
    """A copy that fits; tiny pictures are enlarged by whole pixels."""
    width, height = picture.size
    if max(width, height) * 2 <= side:
        times = side // max(width, height)
        return picture.resize((width * times, height * times), Image.Resampling.NEAREST)
    made = picture.copy()
    made.thumbnail((side, side), Image.Resampling.BILINEAR)
    return made


def uri(picture: Image.Image) -> str:
    """A picture as a data URI of JPEG."""
    sink = io.BytesIO()
    picture.convert("RGB").save(sink, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(sink.getvalue()).decode()}"


def shown(cell: str, head: str, alt: str, side: int = SIDE) -> Picture:
    """The picture of a cell, small."""
    return Picture(head=head, alt=alt, uri=uri(small(decoded(content_of(cell)), side)))


def of_pixels(pixels: npt.NDArray[np.uint8], head: str, alt: str) -> Picture:
    """Pixels (height, width, 3) as a small picture."""
    return Picture(head=head, alt=alt, uri=uri(small(Image.fromarray(pixels))))


def boxed(cell: str, boxes: Sequence[tuple[Box, str]], head: str, alt: str, side: int = 320) -> Picture:
    """The picture of a cell with boxes (left, top, width, height in its pixels), each in a colour."""
    picture = decoded(content_of(cell))
    made = small(picture, side)
    scale, pen = made.width / picture.width, ImageDraw.Draw(made)
    for (left, top, width, height), colour in boxes:
        edges = (left * scale, top * scale, (left + width) * scale, (top + height) * scale)
        pen.rectangle(edges, outline="#ffffff", width=4)
        pen.rectangle(edges, outline=colour, width=2)
    return Picture(head=head, alt=alt, uri=uri(made))


def varied(album: ImageCollection, *, seed: int, rows: int = 3, each: int = 5) -> Pictures:
    """Some pictures, each as the models see it and as augmentation varies it."""
    found = [i for i, cell in enumerate(album.cells) if isinstance(cell, str)][:rows]
    pictures = []
    for i in found:
        pixels = album.recipe.pixels(album.cells[i])
        pictures.append(of_pixels(pixels, "as it is", "a picture as the models see it"))
        for k in range(each):
            x = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
            made = augmented(x, album.recipe.augmentation, np.random.default_rng([seed, i, k]))[0]
            drawn = (made.permute(1, 2, 0).clamp(0, 1) * 255).round().to(torch.uint8).numpy()
            pictures.append(of_pixels(drawn, "varied", "the same picture, varied"))
    return Pictures(
        title="What augmentation does", say=f"Of each picture that teaches: {album.recipe.augmentation.words}.", pictures=pictures
    )

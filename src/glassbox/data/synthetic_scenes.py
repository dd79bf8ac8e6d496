"""Pictures that are composed of photos, so that where each thing stands is known to the pixel: ovals cut out of photos, on a blurred one.

The same photos and parameters give the same pictures (Dwibedi et al. 2017, "Cut, Paste and Learn", is the idea). Their bytes may
differ between builds of the libraries that decode and encode JPEG, so a file says itself by which recipe it was made and what its
content's hash was then.
"""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageEnhance, ImageFilter, ImageOps, UnidentifiedImageError

from glassbox.errors import DataError
from glassbox.files import canonical_json, hash_value

FILE = "pictures.parquet"
VERSION = 1  # of the recipe: counted up when it would make other pictures of the same photos
PARTS = ("train", "test")
MOST_OBJECTS = 5
LONGER_SIDE = (0.15, 0.47)  # of an object, as a share of the picture's side: 48 to 150 of 320 pixels
ASPECT = (0.7, 1.4)  # width by height
MOST_HIDDEN = 1 / 3  # of the smaller of two boxes; at most a third of it is an IoU of at most 0.2
EDGE_PX = 2  # over which an object fades out
QUALITY = 90  # of JPEG
_TRIES = 50
_COLUMNS = ("dataset", "coarse_cat", "image_data")
_SEAL = b"glassbox.composed"

Pixels = npt.NDArray[np.uint8]
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Placed:
    """An object: its upper left corner and size in whole pixels, and its label."""

    x: int
    y: int
    width: int
    height: int
    label: str

    def hidden(self, other: "Placed") -> float:
        """The share of the smaller of two boxes that lies in the other."""
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        down = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return max(across, 0) * max(down, 0) / min(self.width * self.height, other.width * other.height)


def compose(photos: Path, *, train: int, test: int, side: int, seed: int, fingerprint: str = "") -> bytes:
    """The pictures and their boxes, as a Parquet file.

    Parameters
    ----------
    photos
        A Parquet file with columns ``image_data`` (bytes of a picture), ``coarse_cat`` (its label) and ``dataset`` (its part).
    train, test
        How many pictures to make of the photos of each part; no photo is used for both.
    side
        Width and height of the pictures, in pixels.
    seed
        Each picture has a generator of its own: asking for more of them changes none.
    fingerprint
        What `fingerprint_of` will say of the file.

    Returns
    -------
    bytes
        A file with columns ``picture`` (bytes of a JPEG), ``boxes`` (JSON: ``[[x, y, width, height, label], …]`` in pixels from the
        upper left) and ``part``.

    Raises
    ------
    DataError
        When there are no such photos.
    """
    by_part = _read_photos(photos)
    rows = []
    for number, (part, count) in enumerate(zip(PARTS, (train, test), strict=True)):
        if not by_part[part]:
            raise DataError(f"{photos.name}: no photo of the part {part!r} is in it.")
        for i in range(count):
            picture, placed = composed(by_part[part], side, np.random.default_rng([seed, number, i]))
            rows.append((_jpeg(picture), boxes_text(placed), part))
    return _sealed(rows, fingerprint)


def fingerprint_of(file: Path) -> str | None:
    """The fingerprint that a composed file was made with; None where it is no such file or its content was changed since."""
    try:
        table = pq.read_table(file)
        seal = json.loads((table.schema.metadata or {})[_SEAL])
        rows = list(zip(*(table.column(name).to_pylist() for name in ("picture", "boxes", "part")), strict=True))
        return str(seal["fingerprint"]) if seal["content"] == _content(rows) else None
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):
        return None


def _sealed(rows: Sequence[tuple[bytes, str, str]], fingerprint: str) -> bytes:
    pictures, boxes, parts = (list(column) for column in zip(*rows, strict=True))
    table = pa.table({"picture": pa.array(pictures, pa.binary()), "boxes": pa.array(boxes), "part": pa.array(parts)})
    seal = canonical_json({"fingerprint": fingerprint, "content": _content(rows)})
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({_SEAL: seal}), sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def _content(rows: Sequence[tuple[bytes, str, str]]) -> str:
    return hash_value([[hashlib.sha256(picture).hexdigest(), boxes, part] for picture, boxes, part in rows])


def _read_photos(file: Path) -> dict[str, dict[str, list[bytes]]]:
    """Of each part and label its photos, each once and in an order of their own. A photo of both parts is of none."""
    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file.name}: cannot be read as a table of photos: {str(error).splitlines()[0]}") from error
    missing = [name for name in _COLUMNS if name not in table.column_names]
    if missing:
        raise DataError(f"{file.name}: it has no column {', '.join(missing)}; expected {', '.join(_COLUMNS)}.")
    parts: dict[bytes, set[str]] = {}
    labels: dict[bytes, str] = {}
    for part, label, photo in zip(*(table.column(name).to_pylist() for name in _COLUMNS), strict=True):
        parts.setdefault(photo, set()).add(part)
        labels[photo] = label
    found: dict[str, dict[str, list[bytes]]] = {part: {} for part in PARTS}
    for photo in sorted(parts, key=lambda content: hashlib.sha256(content).digest()):
        if len(parts[photo]) == 1 and (part := next(iter(parts[photo]))) in found:
            found[part].setdefault(labels[photo], []).append(photo)
    return found


# ------------------------------------------------------------------------------------------------------- one picture


def composed(photos: Mapping[str, Sequence[bytes]], side: int, rng: np.random.Generator) -> tuple[Pixels, list[Placed]]:
    """A picture of (side, side, 3) pixels and the objects on it, the largest at the back.

    Labels are drawn evenly, then a photo of that label.
    """
    labels = sorted(photos)
    canvas = background(_opened(_one_of([photo for label in labels for photo in photos[label]], rng)), side)
    placed = placements(labels, side, rng)
    for one in placed:
        paste(canvas, cut_out(_opened(_one_of(photos[one.label], rng)), one.width, one.height, rng), one.x, one.y)
    return canvas, placed


def _one_of(items: Sequence[_Item], rng: np.random.Generator) -> _Item:
    return items[int(rng.integers(len(items)))]


def background(photo: Image.Image, side: int) -> Pixels:
    """A photo, blurred until nothing on it can be recognised, with little colour and light; (side, side, 3)."""
    fitted = ImageOps.fit(photo, (side, side)).filter(ImageFilter.GaussianBlur(side / 20))
    return np.array(ImageEnhance.Brightness(ImageEnhance.Color(fitted).enhance(0.3)).enhance(0.6), dtype=np.uint8)


def placements(labels: Sequence[str], side: int, rng: np.random.Generator) -> list[Placed]:
    """Where one to five objects stand, the largest first; one that finds no room among the others is left out."""
    placed: list[Placed] = []
    for _ in range(int(rng.integers(1, MOST_OBJECTS + 1))):
        label = _one_of(labels, rng)
        for _ in range(_TRIES):
            width, height = _size(side, rng)
            x, y = (int(rng.integers(0, side - extent + 1)) for extent in (width, height))
            one = Placed(x, y, width, height, label)
            if all(one.hidden(other) <= MOST_HIDDEN for other in placed):
                placed.append(one)
                break
    return sorted(placed, key=lambda one: -one.width * one.height)


def _size(side: int, rng: np.random.Generator) -> tuple[int, int]:
    longer, aspect = rng.uniform(*LONGER_SIDE) * side, rng.uniform(*ASPECT)
    return max(4, round(longer * min(1.0, aspect))), max(4, round(longer / max(1.0, aspect)))


def cut_out(photo: Image.Image, width: int, height: int, rng: np.random.Generator) -> Pixels:
    """A piece from about the middle of a photo, at random scale and perhaps mirrored; (height, width, 3)."""
    share = rng.uniform(0.35, 0.6) * min(photo.width / width, photo.height / height)
    w, h = width * share, height * share
    left = (photo.width - w) * rng.uniform(0.4, 0.6)
    top = (photo.height - h) * rng.uniform(0.4, 0.6)
    piece = photo.resize((width, height), Image.Resampling.LANCZOS, box=(left, top, left + w, top + h))
    return np.array(ImageOps.mirror(piece) if rng.random() < 0.5 else piece, dtype=np.uint8)


def mask(width: int, height: int) -> Pixels:
    """(height, width) how much of an oval is seen, 0 to 255: all but for its edge. It reaches each side of its box.

    >>> mask(6, 4)[:, 2].tolist()
    [59, 178, 178, 59]
    """
    across = (np.arange(width) + 0.5) / width * 2 - 1
    down = (np.arange(height) + 0.5) / height * 2 - 1
    inside_px = (1 - np.hypot(across[None, :], down[:, None])) * min(width, height) / 2
    return np.rint(np.clip(inside_px / EDGE_PX, 0, 1) * 255).astype(np.uint8)


def paste(canvas: Pixels, piece: Pixels, x: int, y: int) -> None:
    """Lay the oval of a piece on a picture, which is changed."""
    height, width = piece.shape[:2]
    seen = mask(width, height)[:, :, None].astype(np.int64)
    under = canvas[y : y + height, x : x + width]
    canvas[y : y + height, x : x + width] = (seen * piece + (255 - seen) * under + 127) // 255


def boxes_text(placed: Sequence[Placed]) -> str:
    """Objects as a cell: sorted by place."""
    rows: list[list[Any]] = sorted([float(o.x), float(o.y), float(o.width), float(o.height), o.label] for o in placed)
    return json.dumps(rows, ensure_ascii=False)


def _opened(photo: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(photo)).convert("RGB")
    except (UnidentifiedImageError, OSError) as error:
        raise DataError(f"a photo cannot be read: {error}") from error


def _jpeg(picture: Pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, format="JPEG", quality=QUALITY)
    return stream.getvalue()

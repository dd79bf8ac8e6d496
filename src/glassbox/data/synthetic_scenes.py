"""Synthetic scenes for object detection: ovals cut out of photos and pasted on a blurred photo, with exact bounding boxes.

The idea is "Cut, Paste and Learn" (Dwibedi et al. 2017). The same photos and parameters give the same pictures. Their bytes may
differ between builds of the libraries that decode and encode JPEG, so each file stores the fingerprint of its recipe and the hash
of its content.
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
VERSION = 1  # of the recipe: increase when the same photos would give other pictures
PARTS = ("train", "test")
MAX_OBJECTS = 5
LONGER_SIDE = (0.15, 0.47)  # of an object, as a fraction of the picture's side: 48 to 150 of 320 pixels
ASPECT = (0.7, 1.4)  # width / height
MAX_OVERLAP = 1 / 3  # of the smaller of two boxes, which bounds their IoU by 0.2
EDGE_PX = 2  # width of the soft edge of an object
QUALITY = 90  # of JPEG
_TRIES = 50
_COLUMNS = ("dataset", "coarse_cat", "image_data")
_METADATA = b"glassbox.composed"

Pixels = npt.NDArray[np.uint8]
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class PlacedObject:
    """An object in a scene: its upper left corner and size in whole pixels, and its label."""

    x: int
    y: int
    width: int
    height: int
    label: str

    def overlap(self, other: "PlacedObject") -> float:
        """Return the fraction of the smaller of two boxes that lies inside the other."""
        across = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        down = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        return max(across, 0) * max(down, 0) / min(self.width * self.height, other.width * other.height)


def compose(photos: Path, *, train: int, test: int, side: int, seed: int, fingerprint: str = "") -> bytes:
    """Compose scenes from photos, and return them with their boxes as a Parquet file.

    Parameters
    ----------
    photos
        A Parquet file with columns ``image_data`` (bytes of a picture), ``coarse_cat`` (its label) and ``dataset`` (its part).
    train, test
        Number of scenes to compose from the photos of each part; no photo is used for both.
    side
        Width and height of the scenes, in pixels.
    seed
        Each scene has its own random generator, so a larger number of scenes leaves the first ones unchanged.
    fingerprint
        Stored in the file, and returned by `fingerprint_of`.

    Returns
    -------
    bytes
        The content of a file with columns ``picture`` (bytes of a JPEG), ``boxes`` (JSON: ``[[x, y, width, height, label], …]`` in pixels from the
        upper left) and ``part``.

    Raises
    ------
    DataError
        When the photos cannot be read, or a part has no photos.
    """
    by_part = _read_photos(photos)
    rows = []
    for number, (part, count) in enumerate(zip(PARTS, (train, test), strict=True)):
        if not by_part[part]:
            raise DataError(f"{photos.name}: there is no photo of the part {part!r}.")
        for i in range(count):
            picture, placed = compose_scene(by_part[part], side, np.random.default_rng([seed, number, i]))
            rows.append((_jpeg(picture), boxes_text(placed), part))
    return _to_parquet(rows, fingerprint)


def fingerprint_of(file: Path) -> str | None:
    """Return the fingerprint stored in a file of scenes; None for any other file, or if the content was modified."""
    try:
        table = pq.read_table(file)
        metadata = json.loads((table.schema.metadata or {})[_METADATA])
        rows = list(zip(*(table.column(name).to_pylist() for name in ("picture", "boxes", "part")), strict=True))
        return str(metadata["fingerprint"]) if metadata["content"] == _content(rows) else None
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError):
        return None


def _to_parquet(rows: Sequence[tuple[bytes, str, str]], fingerprint: str) -> bytes:
    pictures, boxes, parts = (list(column) for column in zip(*rows, strict=True))
    table = pa.table({"picture": pa.array(pictures, pa.binary()), "boxes": pa.array(boxes), "part": pa.array(parts)})
    metadata = canonical_json({"fingerprint": fingerprint, "content": _content(rows)})
    sink = pa.BufferOutputStream()
    pq.write_table(table.replace_schema_metadata({_METADATA: metadata}), sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def _content(rows: Sequence[tuple[bytes, str, str]]) -> str:
    return hash_value([[hashlib.sha256(picture).hexdigest(), boxes, part] for picture, boxes, part in rows])


def _read_photos(file: Path) -> dict[str, dict[str, list[bytes]]]:
    """Return the distinct photos by part and label, in the order of their hashes. Photos in both parts are excluded."""
    try:
        table = pq.read_table(file)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{file.name}: cannot be read as a table of photos: {str(error).splitlines()[0]}") from error
    missing = [name for name in _COLUMNS if name not in table.column_names]
    if missing:
        raise DataError(f"{file.name}: the table has no column {', '.join(missing)}; expected {', '.join(_COLUMNS)}.")
    parts: dict[bytes, set[str]] = {}
    labels: dict[bytes, str] = {}
    for part, label, photo in zip(*(table.column(name).to_pylist() for name in _COLUMNS), strict=True):
        parts.setdefault(photo, set()).add(part)
        labels[photo] = label
    by_part: dict[str, dict[str, list[bytes]]] = {part: {} for part in PARTS}
    for photo in sorted(parts, key=lambda content: hashlib.sha256(content).digest()):
        if len(parts[photo]) == 1 and (part := next(iter(parts[photo]))) in by_part:
            by_part[part].setdefault(labels[photo], []).append(photo)
    return by_part


# ------------------------------------------------------------------------------------------------------- one picture


def compose_scene(
    photos: Mapping[str, Sequence[bytes]], side: int, rng: np.random.Generator
) -> tuple[Pixels, list[PlacedObject]]:
    """Compose one scene of (side, side, 3) pixels, and return it with its objects, the largest at the back.

    Labels are drawn uniformly, then a photo of the label.
    """
    labels = sorted(photos)
    canvas = background(_open(_choose([photo for label in labels for photo in photos[label]], rng)), side)
    placed = placements(labels, side, rng)
    for item in placed:
        paste(canvas, cut_out(_open(_choose(photos[item.label], rng)), item.width, item.height, rng), item.x, item.y)
    return canvas, placed


def _choose(items: Sequence[_Item], rng: np.random.Generator) -> _Item:
    return items[int(rng.integers(len(items)))]


def background(photo: Image.Image, side: int) -> Pixels:
    """Blur, desaturate and darken a photo as a background of (side, side, 3) pixels."""
    fitted = ImageOps.fit(photo, (side, side)).filter(ImageFilter.GaussianBlur(side / 20))
    return np.array(ImageEnhance.Brightness(ImageEnhance.Color(fitted).enhance(0.3)).enhance(0.6), dtype=np.uint8)


def placements(labels: Sequence[str], side: int, rng: np.random.Generator) -> list[PlacedObject]:
    """Draw the positions of one to five objects, the largest first. Objects that do not fit are dropped."""
    placed: list[PlacedObject] = []
    for _ in range(int(rng.integers(1, MAX_OBJECTS + 1))):
        label = _choose(labels, rng)
        for _ in range(_TRIES):
            width, height = _size(side, rng)
            x, y = (int(rng.integers(0, side - extent + 1)) for extent in (width, height))
            candidate = PlacedObject(x, y, width, height, label)
            if all(candidate.overlap(other) <= MAX_OVERLAP for other in placed):
                placed.append(candidate)
                break
    return sorted(placed, key=lambda item: -item.width * item.height)


def _size(side: int, rng: np.random.Generator) -> tuple[int, int]:
    longer, aspect = rng.uniform(*LONGER_SIDE) * side, rng.uniform(*ASPECT)
    return max(4, round(longer * min(1.0, aspect))), max(4, round(longer / max(1.0, aspect)))


def cut_out(photo: Image.Image, width: int, height: int, rng: np.random.Generator) -> Pixels:
    """Cut a piece of (height, width, 3) from near the middle of a photo, randomly scaled and mirrored."""
    share = rng.uniform(0.35, 0.6) * min(photo.width / width, photo.height / height)
    w, h = width * share, height * share
    left = (photo.width - w) * rng.uniform(0.4, 0.6)
    top = (photo.height - h) * rng.uniform(0.4, 0.6)
    piece = photo.resize((width, height), Image.Resampling.LANCZOS, box=(left, top, left + w, top + h))
    return np.array(ImageOps.mirror(piece) if rng.random() < 0.5 else piece, dtype=np.uint8)


def mask(width: int, height: int) -> Pixels:
    """Return the opacity of an oval, (height, width) from 0 to 255, with a soft edge. The oval touches each side of its box.

    >>> mask(6, 4)[:, 2].tolist()
    [59, 178, 178, 59]
    """
    across = (np.arange(width) + 0.5) / width * 2 - 1
    down = (np.arange(height) + 0.5) / height * 2 - 1
    inside_px = (1 - np.hypot(across[None, :], down[:, None])) * min(width, height) / 2
    return np.rint(np.clip(inside_px / EDGE_PX, 0, 1) * 255).astype(np.uint8)


def paste(canvas: Pixels, piece: Pixels, x: int, y: int) -> None:
    """Paste the oval of a piece on a canvas, in place."""
    height, width = piece.shape[:2]
    opacity = mask(width, height)[:, :, None].astype(np.int64)
    region = canvas[y : y + height, x : x + width]
    canvas[y : y + height, x : x + width] = (opacity * piece + (255 - opacity) * region + 127) // 255


def boxes_text(placed: Sequence[PlacedObject]) -> str:
    """Write objects as JSON, sorted by position."""
    rows: list[list[Any]] = sorted([float(o.x), float(o.y), float(o.width), float(o.height), o.label] for o in placed)
    return json.dumps(rows, ensure_ascii=False)


def _open(photo: bytes) -> Image.Image:
    try:
        return Image.open(io.BytesIO(photo)).convert("RGB")
    except (UnidentifiedImageError, OSError) as error:
        raise DataError(f"a photo cannot be read: {error}") from error


def _jpeg(picture: Pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, format="JPEG", quality=QUALITY)
    return stream.getvalue()

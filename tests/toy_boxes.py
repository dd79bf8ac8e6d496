"""Synthetic scenes for object detection: coloured squares and discs on noise; some are empty, one is a duplicate."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from glassbox.data.images.cells import cell_of, content_of, png_of
from glassbox.families.detection.boxes import Box, write_boxes

SIDE = 64
COLOURS = {"disc": (220, 60, 40), "square": (40, 90, 230)}


def scene(rng: np.random.Generator, side: int = SIDE) -> tuple[np.ndarray, list[Box]]:
    """Return pixels (side, side, 3) and the boxes of the objects, which do not overlap."""
    pixels = rng.integers(90, 160, (side, side, 3)).astype(np.uint8)
    boxes: list[Box] = []
    for _ in range(int(rng.integers(0, 4))):
        size = int(rng.integers(side // 4, side // 2))
        left, top = (int(rng.integers(0, side - size)) for _ in range(2))
        if any(left < b.x + b.width and b.x < left + size and top < b.y + b.height and b.y < top + size for b in boxes):
            continue
        label = str(rng.choice(sorted(COLOURS)))
        y, x = np.mgrid[:side, :side]
        inside = (x >= left) & (x < left + size) & (y >= top) & (y < top + size)
        if label == "disc":
            inside &= (x - left - size / 2 + 0.5) ** 2 + (y - top - size / 2 + 0.5) ** 2 <= (size / 2) ** 2
        pixels[inside] = COLOURS[label]
        boxes.append(Box(float(left), float(top), float(size), float(size), label))
    return pixels, boxes


def scenes(rows: int = 60, seed: int = 4) -> pd.DataFrame:
    """Return ``picture`` (a cell), ``boxes`` and ``part``; the second image is a copy of the first."""
    rng = np.random.default_rng(seed)
    drawn = [scene(rng) for _ in range(rows)]
    drawn[1:2] = drawn[:1] if rows > 1 else []
    return pd.DataFrame(
        {
            "picture": [cell_of(png_of(pixels)) for pixels, _ in drawn],
            "boxes": [write_boxes(boxes) for _, boxes in drawn],
            "part": ["test" if i % 4 == 3 else "train" for i in range(rows)],
        }
    )


def write_scenes(folder: Path, rows: int = 80) -> None:
    """Write the scenes as files of two parts, with their boxes in the COCO format."""
    images, annotations = [], []
    names = sorted(COLOURS)
    for i, (cell, boxes, part) in enumerate(scenes(rows).itertuples(index=False)):
        name = f"{part}/{i:03d}.png"
        (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content_of(cell))
        images.append({"id": i, "file_name": name, "width": SIDE, "height": SIDE})
        annotations += [{"image_id": i, "category_id": names.index(label), "bbox": box} for *box, label in json.loads(boxes)]
    categories = [{"id": i, "name": name} for i, name in enumerate(names)]
    coco = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "instances.json").write_text(json.dumps(coco), encoding="utf-8")

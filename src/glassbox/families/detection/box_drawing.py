"""Pictures with boxes drawn on them: a colour a label, and what was found beside what is there."""

from collections.abc import Sequence

import numpy as np
import torch

from glassbox.data.images.cells import cell_of, png_of
from glassbox.families.detection.augment import augment
from glassbox.families.detection.boxes import Box, xywh
from glassbox.families.detection.dataset import DetectionDataset
from glassbox.families.detection.error_analysis import BoxOutcome
from glassbox.families.detection.recipe import letterbox
from glassbox.families.vision.thumbnails import Box as Where
from glassbox.families.vision.thumbnails import boxed_thumbnail
from glassbox.findings.model import Picture, Pictures
from glassbox.findings.plot_style import PALETTE
from glassbox.findings.wording import clean, listed, number

RIGHT, WRONG, MISSED = PALETTE[0], PALETTE[1], PALETTE[2]
NAMES = {
    PALETTE[0]: "green",
    PALETTE[1]: "orange",
    PALETTE[2]: "purple",
    PALETTE[3]: "brown",
    PALETTE[4]: "blue",
    PALETTE[5]: "red",
}
SIDE = 256  # pixels of the longer side of what is drawn


def label_color(label: str, labels: Sequence[str]) -> str:
    """The colour of a label; with more labels than colours they come round again."""
    return PALETTE[list(labels).index(label) % len(PALETTE)] if label in labels else PALETTE[-1]


def legend(labels: Sequence[str]) -> str:
    """Which colour is which label, in words."""
    told = [f"{NAMES.get(label_color(name, labels), 'another')}: {clean(name)}" for name in labels[: len(PALETTE)]]
    more = "" if len(labels) <= len(PALETTE) else "; colours come round again"
    return f"{'; '.join(told)}{more}."


def where(box: Box) -> Where:
    """A box as it is drawn."""
    return (box.x, box.y, box.width, box.height)


def labelled(cell: str, boxes: Sequence[Box], labels: Sequence[str], head: str) -> Picture:
    """A picture with the boxes that stand on it, a colour a label."""
    told = listed([clean(name) for name in sorted({box.label for box in boxes})]) if boxes else "nothing"
    return boxed_thumbnail(cell, [(where(box), label_color(box.label, labels)) for box in boxes], head, f"a picture with {told} on it", SIDE)


def grid(scenes: DetectionDataset, most: int = 12) -> Pictures:
    """Some pictures with their boxes: the first by name, nobody chose them."""
    able = [i for i, cell in enumerate(scenes.album.cells) if isinstance(cell, str)][:most]
    pictures = [labelled(str(scenes.album.cells[i]), scenes.boxes[i], scenes.labels, _counted(scenes.boxes[i])) for i in able]
    return Pictures(
        title="What stands on the pictures",
        say="The first by name, with their boxes: nobody chose them.",
        pictures=pictures,
        note=legend(scenes.labels),
    )


def _counted(boxes: Sequence[Box]) -> str:
    return "nothing" if not boxes else f"{len(boxes)} object{'' if len(boxes) == 1 else 's'}"


def varied(scenes: DetectionDataset, *, seed: int, rows: int = 3, each: int = 4) -> Pictures:
    """Some pictures, each as detectors see it and as augmentation varies it with its boxes."""
    pictures = []
    side = scenes.recipe.side
    able = [i for i, cell in enumerate(scenes.album.cells) if isinstance(cell, str) and scenes.boxes[i]][:rows]
    for i in able:
        seen = letterbox(scenes.sizes[i], side).seen(xywh(scenes.boxes[i]))
        edges = torch.from_numpy(np.column_stack([seen[:, :2], seen[:, :2] + seen[:, 2:]])).float()
        x = torch.from_numpy(scenes.recipe.image_recipe.pixels(scenes.album.cells[i]).copy()).permute(2, 0, 1).float() / 255
        for k in range(each + 1):
            made, found, left = x, edges, torch.ones(len(edges), dtype=torch.bool)
            if k:
                made, found, left = augment(x, edges, scenes.recipe.augmentation, np.random.default_rng([seed, i, k]))
            kept = [box for box, stays in zip(scenes.boxes[i], left.tolist(), strict=True) if stays]
            drawn = [Box(a, b, c - a, d - b, box.label) for (a, b, c, d), box in zip(found.tolist(), kept, strict=True)]
            pixels = (made.permute(1, 2, 0).clamp(0, 1) * 255).round().to(torch.uint8).numpy()
            pictures.append(labelled(cell_of(png_of(pixels)), drawn, scenes.labels, "varied" if k else "as it is"))
    return Pictures(
        title="What augmentation does",
        say=f"Of each picture that teaches, and of its boxes: {scenes.recipe.augmentation.words}.",
        pictures=pictures,
        note=legend(scenes.labels),
    )


def judged(
    cell: str, own: Sequence[Box], other: Sequence[Box], kinds: Sequence[BoxOutcome | None], true: Sequence[str], head: str
) -> Picture:
    """A picture with what was found, right or wrong, and what was missed, each in its colour."""
    drawn = [(where(box), MISSED) for box, kind in zip(own, true, strict=True) if kind == "missed"]
    drawn += [
        (where(box), RIGHT if kind.kind == "right" else WRONG) for box, kind in zip(other, kinds, strict=True) if kind is not None
    ]
    return boxed_thumbnail(cell, drawn, head, "a picture with what was found on it, and what was missed", SIDE)


def told(own: Sequence[Box], other: Sequence[Box], kinds: Sequence[BoxOutcome | None], true: Sequence[str]) -> str:
    """What is wrong on a picture, in words."""
    parts = []
    for box, kind in zip(other, kinds, strict=True):
        if kind is None or kind.kind == "right":
            continue
        meant = "" if kind.object is None else f" on {clean(own[kind.object].label)}"
        parts.append(f"{kind.kind}: {clean(box.label)} ({number(box.score or 0.0, '.2f')}){meant}")
    missed = [clean(box.label) for box, kind in zip(own, true, strict=True) if kind == "missed"]
    if missed:
        parts.append(f"missed: {listed(missed)}")
    return "; ".join(parts) or "all right"


OUTCOME_LEGEND = f"{NAMES[RIGHT].capitalize()}: right. {NAMES[WRONG].capitalize()}: found, and wrong. {NAMES[MISSED].capitalize()}: there, and missed."

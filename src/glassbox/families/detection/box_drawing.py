"""Thumbnails with boxes: true boxes coloured by label, and predicted boxes coloured by their outcome."""

from collections.abc import Sequence

import numpy as np
import torch

from glassbox.data.images.cells import cell_of, png_of
from glassbox.families.detection.augment import augment
from glassbox.families.detection.boxes import Box, xywh
from glassbox.families.detection.dataset import DetectionDataset
from glassbox.families.detection.error_analysis import CORRECT, MISSED, BoxOutcome
from glassbox.families.detection.recipe import letterbox
from glassbox.families.vision.thumbnails import Box as Rectangle
from glassbox.families.vision.thumbnails import boxed_thumbnail
from glassbox.findings.model import Picture, Pictures
from glassbox.findings.plot_style import PALETTE
from glassbox.findings.wording import clean, join_names, number

CORRECT_COLOR, WRONG_COLOR, MISSED_COLOR = PALETTE[0], PALETTE[1], PALETTE[2]
COLOR_NAMES = dict(zip(PALETTE, ("green", "orange", "purple", "brown", "blue", "red"), strict=False))
SIDE = 256  # pixels of the longer side


def label_color(label: str, labels: Sequence[str]) -> str:
    """Return the colour of a label; with more labels than colours, colours repeat."""
    return PALETTE[list(labels).index(label) % len(PALETTE)] if label in labels else PALETTE[-1]


def color_legend(labels: Sequence[str]) -> str:
    """Return the legend of the label colours as a sentence."""
    entries = [f"{COLOR_NAMES.get(label_color(name, labels), 'another')}: {clean(name)}" for name in labels[: len(PALETTE)]]
    more = "" if len(labels) <= len(PALETTE) else "; colours repeat"
    return f"{'; '.join(entries)}{more}."


def _rectangle(box: Box) -> Rectangle:
    return (box.x, box.y, box.width, box.height)


def image_with_labels(cell: str, boxes: Sequence[Box], labels: Sequence[str], head: str) -> Picture:
    """Return an image with its boxes, coloured by label."""
    content = join_names([clean(name) for name in sorted({box.label for box in boxes})]) if boxes else "no object"
    drawn = [(_rectangle(box), label_color(box.label, labels)) for box in boxes]
    return boxed_thumbnail(cell, drawn, head, f"a picture with {content}", SIDE)


def grid(dataset: DetectionDataset, most: int = 12) -> Pictures:
    """Show the first images by row id with their boxes."""
    images = dataset.images
    rows = [i for i, cell in enumerate(images.cells) if isinstance(cell, str)][:most]
    return Pictures(
        title="Examples",
        say="The first pictures by row id, with their boxes.",
        pictures=[
            image_with_labels(str(images.cells[i]), dataset.boxes[i], dataset.labels, _count(dataset.boxes[i])) for i in rows
        ],
        note=color_legend(dataset.labels),
    )


def _count(boxes: Sequence[Box]) -> str:
    return "no object" if not boxes else f"{len(boxes)} object{'' if len(boxes) == 1 else 's'}"


def augmentation_examples(dataset: DetectionDataset, *, seed: int, rows: int = 3, each: int = 4) -> Pictures:
    """Show some images with their boxes before and after augmentation."""
    pictures = []
    images, augmentation, side = dataset.images, dataset.recipe.augmentation, dataset.recipe.side
    for i in [i for i, cell in enumerate(images.cells) if isinstance(cell, str) and dataset.boxes[i]][:rows]:
        scaled = letterbox(dataset.sizes[i], side).to_square(xywh(dataset.boxes[i]))
        edges = torch.from_numpy(np.column_stack([scaled[:, :2], scaled[:, :2] + scaled[:, 2:]])).float()
        x = torch.from_numpy(dataset.recipe.image_recipe.pixels(images.cells[i]).copy()).permute(2, 0, 1).float() / 255
        for k in range(each + 1):
            drawn_x, drawn_edges, visible = x, edges, torch.ones(len(edges), dtype=torch.bool)
            if k:
                drawn_x, drawn_edges, visible = augment(x, edges, augmentation, np.random.default_rng([seed, i, k]))
            labels = [box.label for box, shown in zip(dataset.boxes[i], visible.tolist(), strict=True) if shown]
            boxes = [Box(a, b, c - a, d - b, label) for (a, b, c, d), label in zip(drawn_edges.tolist(), labels, strict=True)]
            pixels = (drawn_x.permute(1, 2, 0).clamp(0, 1) * 255).round().to(torch.uint8).numpy()
            head = "augmented" if k else "original"
            pictures.append(image_with_labels(cell_of(png_of(pixels)), boxes, dataset.labels, head))
    return Pictures(
        title="Augmentation",
        say=f"Training pictures and their boxes are augmented: {augmentation.description}.",
        pictures=pictures,
        note=color_legend(dataset.labels),
    )


def image_with_outcomes(
    cell: str,
    true: Sequence[Box],
    predicted: Sequence[Box],
    outcomes: Sequence[BoxOutcome | None],
    true_outcomes: Sequence[str],
    head: str,
) -> Picture:
    """Return an image with its predicted boxes, correct or wrong, and its missed objects, coloured by outcome."""
    drawn = [(_rectangle(box), MISSED_COLOR) for box, kind in zip(true, true_outcomes, strict=True) if kind == MISSED]
    drawn += [
        (_rectangle(box), CORRECT_COLOR if outcome.kind == CORRECT else WRONG_COLOR)
        for box, outcome in zip(predicted, outcomes, strict=True)
        if outcome is not None
    ]
    return boxed_thumbnail(cell, drawn, head, "a picture with its predicted boxes and missed objects", SIDE)


def describe_outcomes(
    true: Sequence[Box], predicted: Sequence[Box], outcomes: Sequence[BoxOutcome | None], true_outcomes: Sequence[str]
) -> str:
    """Describe the errors on an image in words."""
    parts = []
    for box, outcome in zip(predicted, outcomes, strict=True):
        if outcome is None or outcome.kind == CORRECT:
            continue
        target = "" if outcome.object is None else f" on {clean(true[outcome.object].label)}"
        parts.append(f"{outcome.kind}: {clean(box.label)} ({number(box.score or 0.0, '.2f')}){target}")
    missed = [clean(box.label) for box, kind in zip(true, true_outcomes, strict=True) if kind == MISSED]
    if missed:
        parts.append(f"missed: {join_names(missed)}")
    return "; ".join(parts) or "no errors"


OUTCOME_LEGEND = (
    f"{COLOR_NAMES[CORRECT_COLOR].capitalize()}: correct. {COLOR_NAMES[WRONG_COLOR].capitalize()}: predicted, but wrong. "
    f"{COLOR_NAMES[MISSED_COLOR].capitalize()}: missed."
)

"""Exploration of detection data: labels, number, size and co-occurrence of objects, and near-duplicate images."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from glassbox.families.classification.plots.balance import shares
from glassbox.families.detection.box_drawing import color_legend, image_with_labels
from glassbox.families.detection.boxes import Box
from glassbox.families.detection.dataset import DetectionDataset
from glassbox.findings.model import Cell, Facts, Pictures, Table
from glassbox.findings.wording import clean, counted, number, percent

SMALL, MEDIUM = 32.0**2, 96.0**2  # square pixels: COCO's bounds (Lin et al. 2014)


def balance(dataset: DetectionDataset) -> pd.DataFrame:
    """Count the objects of each label: ``class``, ``n``, ``share``, ``low``, ``high``, the most frequent label first."""
    counts = Counter(box.label for row in dataset.boxes for box in row)
    return shares(dataset.labels, np.array([counts[name] for name in dataset.labels], dtype=np.int64))


def object_facts(dataset: DetectionDataset) -> Facts:
    """Summarise the number of objects in an image."""
    objects = np.array([len(row) for row in dataset.boxes])
    labels = np.array([len({box.label for box in row}) for row in dataset.boxes])
    facts: dict[str, Cell] = {
        "pictures": len(objects),
        "objects": int(objects.sum()),
        "objects per picture, mean": float(objects.mean()),
        "objects per picture, median": float(np.median(objects)),
        "objects per picture, maximum": int(objects.max()),
        "labels per picture, mean": float(labels.mean()),
        "pictures without objects": number(float((objects == 0).mean()), ".1%"),
    }
    say = (
        f"A picture has {objects.mean():.1f} objects on average and {objects.max():,} at most; "
        f"{percent(float((objects == 0).mean()))} have none."
    )
    return Facts(title="Objects per picture", say=say, facts=facts)


def size_of_box(box: Box) -> str:
    """Return the size class of a box by COCO's bounds: small, medium or large.

    >>> size_of_box(Box(0, 0, 31, 31, "a")), size_of_box(Box(0, 0, 32, 32, "a")), size_of_box(Box(0, 0, 96, 96, "a"))
    ('small', 'medium', 'large')
    """
    area = box.width * box.height
    return "small" if area < SMALL else "medium" if area < MEDIUM else "large"


def size_table(dataset: DetectionDataset) -> Table:
    """Tabulate the number and the sizes of the objects of each label."""
    rows = []
    covered = {name: list[float]() for name in dataset.labels}
    sizes = {name: Counter[str]() for name in dataset.labels}
    for boxes, (width, height) in zip(dataset.boxes, dataset.sizes, strict=True):
        for box in boxes:
            covered[box.label].append(box.width * box.height / (width * height))
            sizes[box.label][size_of_box(box)] += 1
    for name in dataset.labels:
        total = len(covered[name])
        rows.append(
            {
                "label": name,
                "objects": total,
                "share of the picture, median": float(np.median(covered[name])),
                **{size: sizes[name][size] / total for size in ("small", "medium", "large")},
            }
        )
    overall = sum(sizes.values(), Counter[str]())
    total = max(1, sum(overall.values()))
    median = float(np.median([share for values in covered.values() for share in values]))
    say = (
        f"By COCO's bounds {percent(overall['small'] / total)} of the objects are small, {percent(overall['medium'] / total)} medium and "
        f"{percent(overall['large'] / total)} large; the median object covers {percent(median, 1)} of its picture."
    )
    formats = {"objects": ",d", **dict.fromkeys(("share of the picture, median", "small", "medium", "large"), ".1%")}
    note = "Small: below 32 × 32 pixels; large: 96 × 96 pixels or more."
    return Table.of(pd.DataFrame(rows), "Object sizes by label", say=say, formats=formats, note=note)


def near_duplicates(groups: Sequence[str], dataset: DetectionDataset, most: int = 3) -> Pictures:
    """Show groups of near-duplicates with their boxes, those with conflicting labels first."""
    table = pd.DataFrame({"group": list(groups), "row": np.arange(len(dataset))})
    table["labels"] = [" ".join(sorted(box.label for box in row)) for row in dataset.boxes]
    sizes = table.groupby("group").agg(n=("row", "size"), different=("labels", "nunique"), first=("row", "min"))
    several = sizes[sizes["n"] > 1].sort_values(["different", "n", "first"], ascending=[False, False, True])
    rows, conflicting = int(several["n"].sum()), int((several["different"] > 1).sum())
    say = "There are no near-duplicates."
    if rows:
        share, count = percent(rows / len(table), 1), counted(len(several), "group")
        say = f"{counted(rows, 'picture')} ({share}) are near-duplicates of another, in {count}"
        say += f"; in {conflicting:,} of them the labels differ." if conflicting else "; the labels agree in every group."
    pictures = []
    for group_number, name in enumerate(several.head(most).index, start=1):
        for row in table.loc[table["group"] == name, "row"].head(3).tolist():
            cell = str(dataset.images.cells[row])
            pictures.append(image_with_labels(cell, dataset.boxes[row], dataset.labels, f"Group {group_number}"))
    note = (
        "Found by perceptual hash and confirmed pixel by pixel. Each group lies in one fold, "
        "so that no picture is evaluated by a detector that was trained on its duplicate."
    )
    return Pictures(
        title="Near-duplicates", say=say, pictures=pictures, note=f"{note} {color_legend(dataset.labels)}" if rows else note
    )


def cooccurrence_table(dataset: DetectionDataset, most: int = 10) -> Table:
    """Tabulate the pairs of labels whose co-occurrence differs most from the overall frequency of the second label."""
    present = np.array([[any(box.label == name for box in row) for name in dataset.labels] for row in dataset.boxes], dtype=bool)
    rows = []
    for a, first in enumerate(dataset.labels):
        for b, second in enumerate(dataset.labels):
            if a != b and present[:, a].any():
                share, overall = float(present[present[:, a], b].mean()), float(present[:, b].mean())
                rows.append({"label": first, "with": second, "share": share, "overall": overall, "n": int(present[:, a].sum())})
    rows.sort(key=lambda row: (-abs(float(str(row["share"])) - float(str(row["overall"]))), str(row["label"]), str(row["with"])))
    frame = pd.DataFrame(rows[:most], columns=["label", "with", "share", "overall", "n"])
    say = "There is only one label."
    if rows:
        first_row = rows[0]
        say = (
            f"{clean(first_row['with'])} is in {percent(float(str(first_row['share'])))} of the pictures with {clean(first_row['label'])}, "
            f"and in {percent(float(str(first_row['overall'])))} of all pictures."
        )
    return Table.of(frame, "Label co-occurrence", say=say, formats={"share": ".1%", "overall": ".1%", "n": ",d"})

"""What stands on the pictures: labels, how many, how large, where; pictures that look nearly the same. Of train alone."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from glassbox.families.classification.plots.balance import shares
from glassbox.families.detection.box_drawing import labelled, legend
from glassbox.families.detection.boxes import Box
from glassbox.families.detection.dataset import DetectionDataset
from glassbox.findings.model import Cell, Facts, Pictures, Table
from glassbox.findings.wording import clean, counted, number, percent

SMALL, MEDIUM = 32.0**2, 96.0**2  # square pixels: COCO's bounds (Lin et al. 2014)


def balance(scenes: DetectionDataset) -> pd.DataFrame:
    """Each label, the most frequent first: ``class``, ``n``, ``share``, ``low``, ``high``; of all objects."""
    counts = Counter(box.label for row in scenes.boxes for box in row)
    return shares(scenes.labels, np.array([counts[name] for name in scenes.labels], dtype=np.int64))


def object_facts(scenes: DetectionDataset) -> Facts:
    """How many objects stand on a picture."""
    per = np.array([len(row) for row in scenes.boxes])
    kinds = np.array([len({box.label for box in row}) for row in scenes.boxes])
    facts: dict[str, Cell] = {
        "pictures": len(per),
        "objects": int(per.sum()),
        "objects on a picture, mean": float(per.mean()),
        "objects on a picture, median": float(np.median(per)),
        "objects on a picture, most": int(per.max()),
        "labels on a picture, mean": float(kinds.mean()),
        "pictures without any": number(float((per == 0).mean()), ".1%"),
    }
    say = f"A picture has {per.mean():.1f} objects on average and {per.max():,} at most; {percent(float((per == 0).mean()))} have none."
    return Facts(title="Objects on a picture", say=say, facts=facts)


def size_of_box(box: Box) -> str:
    """Small, medium or large, as COCO calls it.

    >>> size_of_box(Box(0, 0, 31, 31, "a")), size_of_box(Box(0, 0, 32, 32, "a")), size_of_box(Box(0, 0, 96, 96, "a"))
    ('small', 'medium', 'large')
    """
    area = box.width * box.height
    return "small" if area < SMALL else "medium" if area < MEDIUM else "large"


def size_table(scenes: DetectionDataset) -> Table:
    """Each label: how many objects, how large, and how much of their picture they take."""
    rows = []
    shares_of = {name: list[float]() for name in scenes.labels}
    sizes = {name: Counter[str]() for name in scenes.labels}
    for boxes, (width, height) in zip(scenes.boxes, scenes.sizes, strict=True):
        for box in boxes:
            shares_of[box.label].append(box.width * box.height / (width * height))
            sizes[box.label][size_of_box(box)] += 1
    for name in scenes.labels:
        total = len(shares_of[name])
        rows.append(
            {
                "label": name,
                "objects": total,
                "of the picture, median": float(np.median(shares_of[name])),
                **{size: sizes[name][size] / total for size in ("small", "medium", "large")},
            }
        )
    every = sum(sizes.values(), Counter[str]())
    total = max(1, sum(every.values()))
    middle = float(np.median([share for found in shares_of.values() for share in found]))
    say = (
        f"By COCO's bounds {percent(every['small'] / total)} of the objects are small, {percent(every['medium'] / total)} medium and "
        f"{percent(every['large'] / total)} large; the median one takes {percent(middle, 1)} of its picture."
    )
    formats = {"objects": ",d", **dict.fromkeys(("of the picture, median", "small", "medium", "large"), ".1%")}
    return Table.of(
        pd.DataFrame(rows), "Sizes", say=say, formats=formats, note="Small: below 32 × 32 pixels; large: from 96 × 96 on."
    )


def near_duplicates(groups: Sequence[str], scenes: DetectionDataset, most: int = 3) -> Pictures:
    """Groups of pictures that look nearly the same, with their boxes: where these differ, one of them is wrong."""
    table = pd.DataFrame({"group": list(groups), "row": np.arange(len(scenes))})
    table["said"] = [" ".join(sorted(box.label for box in row)) for row in scenes.boxes]
    sizes = table.groupby("group").agg(n=("row", "size"), different=("said", "nunique"), first=("row", "min"))
    several = sizes[sizes["n"] > 1].sort_values(["different", "n", "first"], ascending=[False, False, True])
    rows, torn = int(several["n"].sum()), int((several["different"] > 1).sum())
    say = "No two pictures look nearly the same."
    if rows:
        say = f"{counted(rows, 'picture')} ({percent(rows / len(table), 1)}) look nearly like another, in {counted(len(several), 'group')}"
        say += f"; in {torn:,} of them the labels differ." if torn else "; their labels agree."
    pictures = []
    for place, name in enumerate(several.head(most).index, start=1):
        for row in table.loc[table["group"] == name, "row"].head(3).tolist():
            pictures.append(labelled(str(scenes.album.cells[row]), scenes.boxes[row], scenes.labels, f"Group {place}"))
    note = "By perceptual hash, checked pixel by pixel. Folds keep such pictures together, so that none is judged by a detector that has seen its twin."
    return Pictures(title="Near-duplicates", say=say, pictures=pictures, note=f"{note} {legend(scenes.labels)}" if rows else note)


def cooccurrence_table(scenes: DetectionDataset, most: int = 10) -> Table:
    """Labels that stand together: how often the second is there where the first is, and how often anywhere."""
    on = np.array([[any(box.label == name for box in row) for name in scenes.labels] for row in scenes.boxes], dtype=bool)
    rows = []
    for a, first in enumerate(scenes.labels):
        for b, second in enumerate(scenes.labels):
            if a != b and on[:, a].any():
                beside, anywhere = float(on[on[:, a], b].mean()), float(on[:, b].mean())
                rows.append(
                    {"label": first, "beside it": second, "share": beside, "anywhere": anywhere, "n": int(on[:, a].sum())}
                )
    rows.sort(
        key=lambda row: (-abs(float(str(row["share"])) - float(str(row["anywhere"]))), str(row["label"]), str(row["beside it"]))
    )
    frame = pd.DataFrame(rows[:most], columns=["label", "beside it", "share", "anywhere", "n"])
    say = (
        "There is one label."
        if not rows
        else (
            f"Beside {clean(rows[0]['label'])}, {clean(rows[0]['beside it'])} stands on {percent(float(str(rows[0]['share'])))} of the pictures; "
            f"anywhere, on {percent(float(str(rows[0]['anywhere'])))}."
        )
    )
    return Table.of(frame, "What stands together", say=say, formats={"share": ".1%", "anywhere": ".1%", "n": ",d"})

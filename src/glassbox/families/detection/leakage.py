"""What gives a label away without a look at the thing itself: where its box stands, and how large it is."""

from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.detection.dataset import DetectionDataset
from glassbox.families.vision import leakage as vision
from glassbox.families.vision.leakage import Row, audit_traits
from glassbox.findings.model import Table


def traits(scenes: DetectionDataset) -> tuple[pd.DataFrame, Any, Any]:
    """Of each object where it stands and how large it is, in shares of its picture; its label by number; and its fold."""
    place = {name: k for k, name in enumerate(scenes.labels)}
    rows, labels, folds = [], [], []
    for boxes, (width, height), fold in zip(scenes.boxes, scenes.sizes, scenes.fold.tolist(), strict=True):
        for box in boxes:
            rows.append(
                {
                    "from the left": (box.x + box.width / 2) / width,
                    "from above": (box.y + box.height / 2) / height,
                    "size": float(np.sqrt(box.width * box.height / (width * height))),
                    "width to height": float(np.log(box.width / box.height)),
                    "objects on its picture": float(len(boxes)),
                    "width of its picture": float(width),
                }
            )
            labels.append(place[box.label])
            folds.append(fold)
    return pd.DataFrame(rows), np.array(labels, dtype=np.int64), np.array(folds, dtype=np.int64)


def audit(scenes: DetectionDataset) -> list[Row]:
    """How well each trait of an object alone tells its label; as `glassbox.families.vision.leakage.told_by` gives it."""
    found, y, fold = traits(scenes)
    return audit_traits(found, y, fold, "the right label of an object")


def leaks_table(rows: list[Row]) -> Table:
    """The audit as a table."""
    return vision.leaks_table(
        rows,
        "alone nearly decides the label. Is that the thing, or how its picture was made?",
        "Neither where an object stands nor how large it is decides its label.",
    )

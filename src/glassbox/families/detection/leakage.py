"""Leakage audit for detection: traits of an object that predict its label without the image content."""

from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.detection.dataset import DetectionDataset
from glassbox.families.vision import leakage as vision
from glassbox.families.vision.leakage import Row, audit_traits
from glassbox.findings.model import Table


def object_traits(dataset: DetectionDataset) -> tuple[pd.DataFrame, Any, Any]:
    """Return the position and size of each object relative to its image, its label as an integer, and its fold."""
    codes = {name: k for k, name in enumerate(dataset.labels)}
    rows, labels, folds = [], [], []
    for boxes, (width, height), fold in zip(dataset.boxes, dataset.sizes, dataset.fold.tolist(), strict=True):
        for box in boxes:
            rows.append(
                {
                    "horizontal position": (box.x + box.width / 2) / width,
                    "vertical position": (box.y + box.height / 2) / height,
                    "relative size": float(np.sqrt(box.width * box.height / (width * height))),
                    "aspect ratio": float(np.log(box.width / box.height)),
                    "objects in the picture": float(len(boxes)),
                    "width of the picture": float(width),
                }
            )
            labels.append(codes[box.label])
            folds.append(fold)
    return pd.DataFrame(rows), np.array(labels, dtype=np.int64), np.array(folds, dtype=np.int64)


def audit(dataset: DetectionDataset) -> list[Row]:
    """Audit the traits of the objects; the rows are those of `glassbox.families.vision.leakage.audit_traits`."""
    traits, y, fold = object_traits(dataset)
    return audit_traits(traits, y, fold, "the right label of an object")


def leaks_table(rows: list[Row]) -> Table:
    """Return the audit as a table, the strongest trait first."""
    return vision.leaks_table(
        rows,
        "alone nearly determines the label. Check whether the object or the composition of the pictures causes this.",
        "Neither the position nor the size of an object determines its label.",
    )

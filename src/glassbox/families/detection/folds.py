"""Folds of pictures with boxes: by hash, and pictures that look alike together."""

import numpy as np
import pandas as pd

from glassbox.families.detection.dataset import DetectionDataset
from glassbox.findings.model import Table


def folds_table(scenes: DetectionDataset, folds: pd.DataFrame) -> Table:
    """Pictures and objects of each fold, and the objects of each label."""
    place = folds.set_index("row_id")["fold"].reindex(scenes.row_ids).to_numpy()
    rows = []
    for fold in range(int(place.max()) + 1):
        inside = [scenes.boxes[i] for i in np.flatnonzero(place == fold)]
        counts = {name: sum(box.label == name for row in inside for box in row) for name in scenes.labels}
        rows.append({"fold": fold + 1, "pictures": len(inside), "objects": sum(counts.values()), **counts})
    scarce = sorted({str(name) for row in rows for name in scenes.labels if not row[name]})
    say = f"{len(rows)} folds; pictures that look alike stand in one of them."
    if scarce:
        say += f" Not in each of them: {', '.join(scarce)}."
    columns = ("pictures", "objects", *scenes.labels)
    return Table.of(pd.DataFrame(rows), "Folds", say=say, formats=dict.fromkeys(columns, ",d"))

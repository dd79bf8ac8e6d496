"""Summary of the cross-validation folds of a detection dataset."""

import numpy as np
import pandas as pd

from glassbox.families.detection.dataset import DetectionDataset
from glassbox.findings.model import Table


def folds_table(dataset: DetectionDataset, folds: pd.DataFrame) -> Table:
    """Count the images, the objects and the objects of each label in each fold."""
    assigned = folds.set_index("row_id")["fold"].reindex(dataset.row_ids).to_numpy()
    rows = []
    for fold in range(int(assigned.max()) + 1):
        inside = [dataset.boxes[i] for i in np.flatnonzero(assigned == fold)]
        counts = {name: sum(box.label == name for row in inside for box in row) for name in dataset.labels}
        rows.append({"fold": fold + 1, "pictures": len(inside), "objects": sum(counts.values()), **counts})
    scarce = sorted({str(name) for row in rows for name in dataset.labels if not row[name]})
    say = f"{len(rows)} folds; near-duplicates are always in the same fold."
    if scarce:
        say += f" Labels that are missing in at least one fold: {', '.join(scarce)}."
    columns = ("pictures", "objects", *dataset.labels)
    return Table.of(pd.DataFrame(rows), "Folds", say=say, formats=dict.fromkeys(columns, ",d"))

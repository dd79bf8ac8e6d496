"""Folds of pictures with boxes: by hash, and pictures that look alike together."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from glassbox.errors import DataError
from glassbox.families.detection.scenes import Scenes
from glassbox.findings import Table


def make_folds(row_ids: Sequence[str], groups: Sequence[str], k: int, *, seed: int = 0) -> pd.DataFrame:
    """``row_id`` and ``fold``, sorted by ``row_id``: groups by the rank of a hash, each to the next fold.

    Raises
    ------
    DataError
        When there are fewer groups than folds.
    """

    def rank(name: str) -> tuple[str, str]:
        return hashlib.sha256(f"fold:{seed}:{name}".encode("utf-8", "surrogatepass")).hexdigest(), name

    names = sorted(set(groups), key=rank)
    if len(names) < k:
        raise DataError(
            f"{k} folds need {k} pictures or more that do not look alike; there are {len(names)}. Ask for fewer folds, or bring more data."
        )
    place = {name: i % k for i, name in enumerate(names)}
    frame = pd.DataFrame({"row_id": list(row_ids), "fold": [place[name] for name in groups]})
    return frame.astype({"fold": "int64"}).sort_values("row_id", kind="stable", ignore_index=True)


def folds_table(scenes: Scenes, folds: pd.DataFrame) -> Table:
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


__all__ = ["folds_table", "make_folds"]

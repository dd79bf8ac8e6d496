"""What gives a label away without a look at the thing itself: where its box stands, and how large it is."""

from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.detection.scenes import Scenes
from glassbox.findings import Table
from glassbox.markup import number

Row = dict[str, Any]
TELLS = 0.5  # of the way from always naming the most frequent label to always being right
DEPTH, LEAST = 4, 10  # of the tree that one trait is given, and objects in each of its leaves


def traits(scenes: Scenes) -> tuple[pd.DataFrame, Any, Any]:
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


def audit(scenes: Scenes) -> list[Row]:
    """How well each trait alone tells the labels, out of fold, by a small tree (Breiman et al. 1984); the most telling first.

    Returns
    -------
    list of dict
        ``column`` (the trait), ``evidence``, ``verdict`` (``look`` or ``clear``), ``told``: how far of the way it comes from the most
        frequent label to no mistake.
    """
    from sklearn.tree import DecisionTreeClassifier

    found, y, fold = traits(scenes)
    base = float(np.bincount(y).max() / len(y))
    rows: list[Row] = []
    for name in map(str, found.columns):
        x = found[[name]].to_numpy()
        right = np.zeros(len(x), dtype=bool)
        for k in sorted(set(fold.tolist())):
            out = fold == k
            if out.all():
                continue
            tree = DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=LEAST, random_state=0).fit(x[~out], y[~out])
            right[out] = tree.predict(x[out]) == y[out]
        share = float(right.mean())
        told = max(0.0, (share - base) / max(1e-9, 1 - base)) if len(scenes.labels) > 1 else 0.0
        evidence = f"alone it names the right label for {number(share, '.1%')} of the objects; the most frequent one is right for {number(base, '.1%')}"
        rows.append({"column": name, "evidence": evidence, "verdict": "look" if told >= TELLS else "clear", "told": told})
    return sorted(rows, key=lambda row: (-row["told"], row["column"]))


def leaks_table(rows: list[Row]) -> Table:
    """The audit as a table."""
    looks = [str(row["column"]) for row in rows if row["verdict"] == "look"]
    frame = pd.DataFrame([{key: row[key] for key in ("column", "evidence", "verdict")} for row in rows])
    say = (
        f"Worth a look: {', '.join(looks)} alone nearly decides the label. Is that the thing, or how its picture was made?"
        if looks
        else "Neither where an object stands nor how large it is decides its label."
    )
    return Table.of(frame.rename(columns={"column": "trait"}), "Leakage audit", say=say)


__all__ = ["audit", "leaks_table", "traits"]

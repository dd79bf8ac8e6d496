"""Leakage audit for images: traits such as size, brightness or file size that predict the class without the image content."""

from typing import Any

import numpy as np
import pandas as pd

from glassbox.data.images.cells import content_of
from glassbox.families.classification.dataset import LabelledRows
from glassbox.families.vision.image_collection import Codes, ImageCollection
from glassbox.families.vision.reference_features import traits_of
from glassbox.findings.evidence import LeakageEvidence, LeakSuspect
from glassbox.findings.model import Note, Table
from glassbox.findings.wording import number

Row = dict[str, Any]
SUSPECT = 0.5  # a trait is flagged from this share of the majority class's errors removed
MAX_DEPTH, MIN_LEAF = 4, 10  # of the decision tree on one trait


def audit_traits(traits: pd.DataFrame, y: Codes, fold: Codes, target: str) -> list[Row]:
    """Measure the out-of-fold accuracy of a small decision tree on each trait alone (Breiman et al. 1984).

    Parameters
    ----------
    traits
        One numeric column per trait; missing values are treated as a value of their own.
    target
        A noun phrase for the prediction, such as ``the right class``.

    Returns
    -------
    list of dict
        ``column`` (the trait), ``evidence``, ``verdict`` (``look`` or ``clear``) and ``removed``, the share of the errors of the
        majority class that the trait removes; sorted by ``removed``, descending.
    """
    from sklearn.tree import DecisionTreeClassifier

    base = float(np.bincount(y).max() / len(y))
    rows: list[Row] = []
    for name in map(str, traits.columns):
        x = traits[[name]].fillna(-1.0).to_numpy()
        correct = np.zeros(len(x), dtype=bool)
        for k in np.unique(fold):
            out = fold == k
            if out.all():
                continue
            tree = DecisionTreeClassifier(max_depth=MAX_DEPTH, min_samples_leaf=MIN_LEAF, random_state=0).fit(x[~out], y[~out])
            correct[out] = tree.predict(x[out]) == y[out]
        accuracy = float(correct.mean())
        removed = max(0.0, (accuracy - base) / (1 - base)) if base < 1 else 0.0
        evidence = (
            f"alone it predicts {target} for {number(accuracy, '.1%')}; the most frequent one is right for {number(base, '.1%')}"
        )
        rows.append(
            {"column": name, "evidence": evidence, "verdict": "look" if removed >= SUSPECT else "clear", "removed": removed}
        )
    return sorted(rows, key=lambda row: (-row["removed"], row["column"]))


def audit(images: ImageCollection, labelled: LabelledRows) -> list[Row]:
    """Audit the traits of the images and their file sizes; the rows are those of `audit_traits`."""
    traits = traits_of(images)
    traits["bytes"] = [float(len(content_of(cell))) if isinstance(cell, str) else np.nan for cell in images.cells]
    return audit_traits(traits, labelled.y, labelled.fold, "the right class")


def leaks_table(
    rows: list[Row],
    suspect: str = "alone nearly determines the class. Check whether the object or the source of the picture causes this.",
    clear: str = "Neither size nor light nor file size determines the class.",
) -> Table:
    """Return the audit as a table, the strongest trait first."""
    flagged = [str(row["column"]) for row in rows if row["verdict"] == "look"]
    frame = pd.DataFrame([{key: row[key] for key in ("column", "evidence", "verdict")} for row in rows])
    say = f"Review: {', '.join(flagged)} {suspect}" if flagged else clear
    evidence = LeakageEvidence(suspects=[LeakSuspect(name=name, action="review") for name in flagged])
    return Table.of(frame.rename(columns={"column": "trait"}), "Leakage audit", say=say, evidence=evidence)


def unused_columns(column: str, features: list[str]) -> Note:
    """Report the columns that image models ignore."""
    others = [name for name in features if name != column]
    say = f"The models use {column}." if not others else f"The models use {column}; they ignore {', '.join(others)}."
    return Note(title="Unused columns", say=say, tone="good" if not others else "plain")

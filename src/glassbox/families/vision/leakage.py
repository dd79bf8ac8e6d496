"""What gives a class away without a look at the thing in the picture: how it is written, its size, its light."""

from typing import Any

import numpy as np
import pandas as pd

from glassbox.data.images.cells import content_of
from glassbox.families.classification.dataset import Problem
from glassbox.families.vision.image_dataset import Codes, ImageCollection
from glassbox.families.vision.reference_features import traits_of
from glassbox.findings.evidence import LeakageEvidence, LeakSuspect
from glassbox.findings.model import Note, Table
from glassbox.findings.wording import number

Row = dict[str, Any]
TELLS = 0.5  # of the way from always naming the most frequent class to always being right
DEPTH, LEAST = 4, 10  # of the tree that one trait is given, and rows in each of its leaves


def audit_traits(traits: pd.DataFrame, y: Codes, fold: Codes, words: str) -> list[Row]:
    """How well each trait alone tells the classes, out of fold, by a small tree (Breiman et al. 1984).

    Parameters
    ----------
    traits
        A number a trait and row; missing ones are a value of their own.
    words
        What is named, such as ``the right class``.

    Returns
    -------
    list of dict
        ``column`` (the trait), ``evidence``, ``verdict`` (``look`` or ``clear``), ``told``: how far of the way from the most frequent
        class to no mistake it comes; the most telling first.
    """
    from sklearn.tree import DecisionTreeClassifier

    base = float(np.bincount(y).max() / len(y))
    rows: list[Row] = []
    for name in map(str, traits.columns):
        x = traits[[name]].fillna(-1.0).to_numpy()
        right = np.zeros(len(x), dtype=bool)
        for k in np.unique(fold):
            out = fold == k
            if out.all():
                continue
            tree = DecisionTreeClassifier(max_depth=DEPTH, min_samples_leaf=LEAST, random_state=0).fit(x[~out], y[~out])
            right[out] = tree.predict(x[out]) == y[out]
        found = float(right.mean())
        told = max(0.0, (found - base) / (1 - base)) if base < 1 else 0.0
        evidence = f"alone it names {words} for {number(found, '.1%')}; the most frequent one is right for {number(base, '.1%')}"
        rows.append({"column": name, "evidence": evidence, "verdict": "look" if told >= TELLS else "clear", "told": told})
    return sorted(rows, key=lambda row: (-row["told"], row["column"]))


def audit(album: ImageCollection, problem: Problem) -> list[Row]:
    """What of a picture's traits, and of the bytes it takes, tells its class; as `told_by` gives it."""
    traits = traits_of(album)
    traits["bytes"] = [float(len(content_of(cell))) if isinstance(cell, str) else np.nan for cell in album.cells]
    return audit_traits(traits, problem.y, problem.fold, "the right class")


def leaks_table(
    rows: list[Row],
    suspect: str = "alone nearly decides the class. Is that the thing, or where its picture came from?",
    clear: str = "Neither size nor light nor how a picture is written decides the class.",
) -> Table:
    """The audit as a table, the most telling trait first."""
    looks = [str(row["column"]) for row in rows if row["verdict"] == "look"]
    frame = pd.DataFrame([{key: row[key] for key in ("column", "evidence", "verdict")} for row in rows])
    say = f"Worth a look: {', '.join(looks)} {suspect}" if looks else clear
    evidence = LeakageEvidence(suspects=[LeakSuspect(name=name, action="review") for name in looks])
    return Table.of(frame.rename(columns={"column": "trait"}), "Leakage audit", say=say, evidence=evidence)


def not_read(column: str, features: list[str]) -> Note:
    """The columns that no model of pictures reads."""
    others = [name for name in features if name != column]
    say = f"Looked at is {column}." if not others else f"Looked at is {column}; not read are {', '.join(others)}."
    return Note(title="What is looked at", say=say, tone="good" if not others else "plain")

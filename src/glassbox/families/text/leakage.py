"""Leakage checks for texts: single words that determine the class, and unused columns."""

from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.classification.dataset import LabelledRows
from glassbox.families.text.corpus import Corpus, NgramSpec
from glassbox.findings.evidence import LeakageEvidence, LeakSuspect
from glassbox.findings.model import Note, Table
from glassbox.findings.wording import number

Row = dict[str, Any]
PURE, REACH = 0.99, 0.3  # nearly all texts with the word are of one class, and nearly a third of the class has it
LISTED = 10


def audit(corpus: Corpus, labelled: LabelledRows) -> list[Row]:
    """Find the single words that best predict each class, and flag those that suggest leakage.

    A legitimate word is either rare in its class or occurs in other classes too. A signature, a marker of the source or the label itself
    is both frequent and exclusive.

    Returns
    -------
    list of dict
        ``column`` (the word), ``evidence``, ``verdict`` (``look`` or ``clear``), ``purity``, ``reach``; the strongest predictors first.
    """
    counts, terms = corpus.counted(NgramSpec("words", 1, 1))
    present = counts[: len(labelled.y)].copy()
    present.data[:] = 1
    total = np.asarray(present.sum(axis=0)).ravel()
    rows: list[Row] = []
    for k, name in enumerate(labelled.classes):
        hit = labelled.y == k
        of_class = np.asarray(present[hit].sum(axis=0)).ravel()
        purity, reach = of_class / np.maximum(total, 1), of_class / max(1, int(hit.sum()))
        score = np.where(total >= 10, np.maximum(purity - hit.mean(), 0) * reach, 0.0)
        for i in np.lexsort((np.arange(len(score)), -score))[:3]:
            suspicious = purity[i] >= PURE and reach[i] >= REACH and hit.mean() < PURE
            share, coverage = number(float(purity[i]), ".1%"), number(float(reach[i]), ".1%")
            rows.append(
                {
                    "column": str(terms[i]),
                    "evidence": f"{share} of the {int(total[i]):,} texts with it are {name}; {coverage} of {name} have it",
                    "verdict": "look" if suspicious else "clear",
                    "purity": float(purity[i]),
                    "reach": float(reach[i]),
                    "score": float(score[i]),
                }
            )
    rows.sort(key=lambda row: (row["verdict"] != "look", -row["score"], row["column"]))
    return [{key: value for key, value in row.items() if key != "score"} for row in rows]


def leaks_table(rows: list[Row]) -> Table:
    """Return the audit as a table, the strongest predictors first."""
    suspects = [str(row["column"]) for row in rows if row["verdict"] == "look"]
    frame = pd.DataFrame(
        [{key: row[key] for key in ("column", "evidence", "verdict")} for row in rows[:LISTED]],
        columns=["column", "evidence", "verdict"],
    )
    say = (
        f"Review {', '.join(suspects[:5])}: each nearly determines a class alone. Is it part of the content, or a marker of the source?"
        if suspects
        else "No single word determines a class: none is both frequent in a class and exclusive to it."
    )
    evidence = LeakageEvidence(suspects=[LeakSuspect(name=name, action="review") for name in suspects])
    return Table.of(frame.rename(columns={"column": "word"}), "Leakage check", say=say, evidence=evidence)


def unused_columns(columns: list[str], features: list[str]) -> Note:
    """Report the columns that text models read or ignore."""
    ignored = [name for name in features if name not in columns]
    say = f"Models read {', '.join(columns)}" + (f" and ignore {', '.join(ignored)}." if ignored else ".")
    return Note(title="Unused columns", say=say, tone="plain" if ignored else "good")

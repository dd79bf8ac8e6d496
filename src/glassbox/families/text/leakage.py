"""What a text gives away: words that alone decide the class, and texts that stand on both sides of the split."""

from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.classification.dataset import Problem
from glassbox.families.text.corpus import Corpus, Grams
from glassbox.findings.evidence import LeakageEvidence, LeakSuspect
from glassbox.findings.model import Note, Table
from glassbox.findings.wording import number

Row = dict[str, Any]
PURE, REACH = 0.99, 0.3  # nearly all texts with the word are of one class, and nearly a third of the class has it
LISTED = 10


def audit(corpus: Corpus, problem: Problem) -> list[Row]:
    """The words that come nearest to deciding a class alone, and which of them are worth a look.

    An honest word is either rare or not sure: a signature, a marker of the source or the label itself is frequent and sure.

    Returns
    -------
    list of dict
        ``column`` (the word), ``evidence``, ``verdict`` (``look`` or ``clear``), ``purity``, ``reach``; the most telling first.
    """
    counts, terms = corpus.counted(Grams("words", 1, 1))
    there = counts[: len(problem.y)].copy()
    there.data[:] = 1
    total = np.asarray(there.sum(axis=0)).ravel()
    rows: list[Row] = []
    for k, name in enumerate(problem.classes):
        hit = problem.y == k
        of_class = np.asarray(there[hit].sum(axis=0)).ravel()
        purity, reach = of_class / np.maximum(total, 1), of_class / max(1, int(hit.sum()))
        score = np.where(total >= 10, np.maximum(purity - hit.mean(), 0) * reach, 0.0)
        for i in np.lexsort((np.arange(len(score)), -score))[:3]:
            suspicious = purity[i] >= PURE and reach[i] >= REACH and hit.mean() < PURE
            share, of = number(float(purity[i]), ".1%"), number(float(reach[i]), ".1%")
            rows.append(
                {
                    "column": str(terms[i]),
                    "evidence": f"{share} of the {int(total[i]):,} texts with it are {name}; {of} of {name} have it",
                    "verdict": "look" if suspicious else "clear",
                    "purity": float(purity[i]),
                    "reach": float(reach[i]),
                    "score": float(score[i]),
                }
            )
    rows.sort(key=lambda row: (row["verdict"] != "look", -row["score"], row["column"]))
    return [{key: value for key, value in row.items() if key != "score"} for row in rows]


def leaks_table(rows: list[Row]) -> Table:
    """The audit as a table, the most telling words first."""
    looks = [str(row["column"]) for row in rows if row["verdict"] == "look"]
    frame = pd.DataFrame(
        [{key: row[key] for key in ("column", "evidence", "verdict")} for row in rows[:LISTED]],
        columns=["column", "evidence", "verdict"],
    )
    say = (
        f"Worth a look: {', '.join(looks[:5])} alone nearly decide a class. Is that what the text is about, or a mark of where it came from?"
        if looks
        else "No single word decides a class: none is both frequent in a class and sure of it."
    )
    evidence = LeakageEvidence(suspects=[LeakSuspect(name=name, action="review") for name in looks])
    return Table.of(frame.rename(columns={"column": "word"}), "Leakage audit", say=say, evidence=evidence)


def not_read(columns: list[str], features: list[str]) -> Note:
    """The columns that no model of texts reads."""
    others = [name for name in features if name not in columns]
    say = f"Read are {', '.join(columns)}." if not others else f"Read are {', '.join(columns)}; not read are {', '.join(others)}."
    return Note(title="What is read", say=say, tone="good" if not others else "plain")

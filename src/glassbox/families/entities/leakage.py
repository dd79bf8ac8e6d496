"""Leakage check for entities: names that dominate a type and inflate its score."""

from typing import Any

import pandas as pd

from glassbox.families.entities.dataset import EntityDataset
from glassbox.families.entities.explore import types_by_name
from glassbox.findings.evidence import LeakageEvidence, LeakSuspect
from glassbox.findings.model import Table
from glassbox.findings.wording import number

Row = dict[str, Any]
ALWAYS, REACH = 0.99, 0.05  # a name with nearly always one type, and with this share of the entities of the type, is flagged


def audit(sentences: EntityDataset) -> list[Row]:
    """Return the two most frequent names of each type, and flag names that make up a large share of their type.

    Returns
    -------
    list of dict
        ``column`` (the name), ``evidence``, ``verdict`` (``look`` or ``clear``); flagged names first.
    """
    names = types_by_name(sentences)
    rows: list[Row] = []
    for kind in sentences.types:
        frequency = {name: counts[kind] for name, counts in names.items() if counts[kind]}
        total = sum(frequency.values())
        for name in sorted(frequency, key=lambda name: (-frequency[name], name))[:2]:
            share = frequency[name] / total
            purity = frequency[name] / sum(names[name].values())
            evidence = f"{number(share, '.1%')} of the entities of type {kind}; {number(purity, '.1%')} of its occurrences have this type"
            verdict = "look" if share >= REACH and purity >= ALWAYS else "clear"
            rows.append({"column": name, "evidence": evidence, "verdict": verdict})
    return sorted(rows, key=lambda row: (row["verdict"] != "look", row["column"]))


def leaks_table(rows: list[Row]) -> Table:
    """Return the audit as a table, flagged names first."""
    suspects = [str(row["column"]) for row in rows if row["verdict"] == "look"]
    say = (
        f"Review {', '.join(suspects[:5])}: a single name makes up a large share of its type, so the score says little about other names."
        if suspects
        else "No single name makes up a large share of a type."
    )
    evidence = LeakageEvidence(suspects=[LeakSuspect(name=name, action="review") for name in suspects])
    frame = pd.DataFrame(rows, columns=["column", "evidence", "verdict"]).rename(columns={"column": "name"})
    return Table.of(frame, "Leakage check", say=say, evidence=evidence)

"""What stands on both sides: names that train and holdout share are no leak, but they make a task easier. Texts that do are one."""

from typing import Any

import pandas as pd

from glassbox.families.entities.dataset import EntityDataset
from glassbox.families.entities.explore import types_by_name
from glassbox.findings.model import Table
from glassbox.findings.wording import number

Row = dict[str, Any]
ALWAYS, REACH = 0.99, 0.05  # a name that makes up this share of a type's entities says more of the source than of the type


def audit(sentences: EntityDataset) -> list[Row]:
    """The names that make up most of each type: one that stands for much of it alone is worth a look."""
    names = types_by_name(sentences)
    rows: list[Row] = []
    for kind in sentences.types:
        own = {name: counts[kind] for name, counts in names.items() if counts[kind]}
        total = sum(own.values())
        for name in sorted(own, key=lambda one: (-own[one], one))[:2]:
            share = own[name] / total
            sure = own[name] / sum(names[name].values())
            told = f"{number(share, '.1%')} of the entities of type {kind}; of that type in {number(sure, '.1%')} of its entities"
            verdict = "look" if share >= REACH and sure >= ALWAYS else "clear"
            rows.append({"column": name, "evidence": told, "verdict": verdict})
    return sorted(rows, key=lambda row: (row["verdict"] != "look", row["column"]))


def leaks_table(rows: list[Row]) -> Table:
    """The audit as a table."""
    looks = [str(row["column"]) for row in rows if row["verdict"] == "look"]
    say = (
        f"Worth a look: {', '.join(looks[:5])} make up much of their type; a score on them says little of other names."
        if looks
        else "No single name makes up much of a type."
    )
    return Table.of(
        pd.DataFrame(rows, columns=["column", "evidence", "verdict"]).rename(columns={"column": "name"}), "Leakage audit", say=say
    )

"""What is missing: where there are gaps, which go together, and whether a gap says something about the target."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2_contingency, fisher_exact

from glassbox.families.tabular.association import Codes
from glassbox.families.tabular.explore import ColumnView, class_numbers
from glassbox.findings.model import Table
from glassbox.findings.wording import clean, join_names, percent

Bools = npt.NDArray[np.bool_]


def gaps(found: ColumnView) -> dict[str, Bools]:
    """Where each column has gaps, of all rows, the column with most gaps first; columns without are left out."""
    masks = {
        column.name: found.rows[column.name].isna().to_numpy() for column in found.schema.features if column.name in found.rows
    }
    return {name: masks[name] for name in sorted(masks, key=lambda name: (-int(masks[name].sum()), name)) if masks[name].any()}


def missingness(found: ColumnView) -> Table:
    """Which columns have gaps, what goes missing together, and whether a gap says something about the target.

    The target is compared between rows with and without a gap: Fisher's exact test for two classes, Pearson's χ² for more,
    Holm's correction for the number of columns.
    """
    masks = gaps(found)
    y = class_numbers(found.rows[found.target.name], found.classes)
    rare = found.classes.index(found.positive)
    rows, tests = [], []
    for name, mask in masks.items():
        tests.append(_gap_test(mask, y, len(found.classes)))
        rows.append(
            {
                "column": name,
                "missing": int(mask.sum()),
                "share": float(mask.mean()),
                f"{found.positive} where missing": float((y[mask] == rare).mean()),
                f"{found.positive} where not": float((y[~mask] == rare).mean()) if (~mask).any() else None,
                "goes missing with": ", ".join(_companions(name, masks)) or "alone",
            }
        )
    told = holm(tests)
    for row, beyond, mask in zip(rows, told, masks.values(), strict=True):
        row["tells of the target"] = (
            "yes, beyond chance" if beyond else "cannot tell" if min(mask.sum(), (~mask).sum()) < 10 else "no"
        )
    columns = [
        "column",
        "missing",
        "share",
        f"{found.positive} where missing",
        f"{found.positive} where not",
        "goes missing with",
    ]
    frame = pd.DataFrame(rows, columns=[*columns, "tells of the target"])
    share = {name: ".1%" for name in columns[2:5]}
    note = "Holm's correction counts in that several columns were tested; alone: with no other column in half of its gaps."
    return Table.of(
        frame, "What is missing", say=_missing_say(rows, told, len(found.schema.features)), formats={"missing": ",d", **share},
        note=note if rows else "",
    )  # fmt: skip


def _gap_test(mask: Bools, y: Codes, classes: int) -> float:
    """The p-value that the target does not depend on whether there is a gap."""
    table = np.vstack([np.bincount(y[mask], minlength=classes), np.bincount(y[~mask], minlength=classes)])
    table = table[:, table.sum(axis=0) > 0]
    if (table.sum(axis=1) == 0).any() or table.shape[1] < 2:
        return 1.0
    return float(fisher_exact(table)[1] if table.shape[1] == 2 else chi2_contingency(table, correction=False)[1])


def holm(p: Sequence[float], level: float = 0.05) -> list[bool]:
    """Which of several tests hold at `level` taken together (Holm 1979).

    >>> holm([0.04, 0.01, 0.03])
    [False, True, False]
    """
    order = sorted(range(len(p)), key=lambda i: p[i])
    holds = [False] * len(p)
    for rank, i in enumerate(order):
        if p[i] > level / (len(p) - rank):
            break
        holds[i] = True
    return holds


def _companions(name: str, masks: dict[str, Bools]) -> list[str]:
    """Columns that share at least half of the rows in which either is missing (Jaccard's index)."""
    mine = masks[name]
    return [clean(other) for other, mask in masks.items() if other != name and (mine & mask).sum() >= 0.5 * (mine | mask).sum()]


def _missing_say(rows: Sequence[dict[str, Any]], told: Sequence[bool], columns: int) -> str:
    if not rows:
        return f"None of the {columns} columns has gaps."
    most = rows[0]
    say = f"{len(rows)} of {columns} columns {'have' if len(rows) > 1 else 'has'} gaps, most of all {clean(most['column'])}"
    say += f" ({most['missing']:,d} rows, {percent(most['share'], 1)})."
    telling = [clean(row["column"]) for row, beyond in zip(rows, told, strict=True) if beyond]
    return (
        f"{say} A gap tells something of the target in {join_names(telling)}."
        if telling
        else f"{say} No gap is seen to tell of the target."
    )


def gap_patterns(found: ColumnView, most_columns: int = 12, most_patterns: int = 10) -> pd.DataFrame:
    """Which columns are missing together: one row a pattern, the most frequent first, one boolean column a column with gaps, ``n``.

    Only the `most_columns` columns with most gaps are told apart; rows without a gap in these are left out.
    """
    masks = dict(list(gaps(found).items())[:most_columns])
    if not masks:
        return pd.DataFrame({"n": pd.Series(dtype="int64")})
    frame = pd.DataFrame(masks)
    counts = frame[frame.any(axis=1)].value_counts(sort=False).rename("n").reset_index()
    return counts.sort_values(["n", *masks], ascending=False, kind="stable").head(most_patterns).reset_index(drop=True)

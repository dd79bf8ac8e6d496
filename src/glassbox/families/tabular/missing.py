"""Missing values: their number by column, joint patterns, and their association with the target."""

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


def gaps(view: ColumnView) -> dict[str, Bools]:
    """Return the mask of missing values of each column over all rows, the column with the most first; complete columns are left out."""
    masks = {column.name: view.rows[column.name].isna().to_numpy() for column in view.schema.features if column.name in view.rows}
    return {name: masks[name] for name in sorted(masks, key=lambda name: (-int(masks[name].sum()), name)) if masks[name].any()}


def missingness(view: ColumnView) -> Table:
    """Return the columns with missing values, the columns that are missing together, and the association with the target.

    The target is compared between rows with and without a missing value by Fisher's exact test for two classes and Pearson's χ² for
    more, with Holm's correction for the number of columns.
    """
    masks = gaps(view)
    y = class_numbers(view.rows[view.target.name], view.classes)
    positive = view.classes.index(view.positive)
    rows, tests = [], []
    for name, mask in masks.items():
        tests.append(_gap_test(mask, y, len(view.classes)))
        rows.append(
            {
                "column": name,
                "missing": int(mask.sum()),
                "share": float(mask.mean()),
                f"{view.positive} where missing": float((y[mask] == positive).mean()),
                f"{view.positive} where not": float((y[~mask] == positive).mean()) if (~mask).any() else None,
                "missing together with": ", ".join(_companions(name, masks)) or "no other column",
            }
        )
    significant = holm(tests)
    for row, rejected, mask in zip(rows, significant, masks.values(), strict=True):
        row["associated with the target"] = (
            "yes, significant" if rejected else "too few rows" if min(mask.sum(), (~mask).sum()) < 10 else "no"
        )
    columns = [
        "column",
        "missing",
        "share",
        f"{view.positive} where missing",
        f"{view.positive} where not",
        "missing together with",
    ]
    frame = pd.DataFrame(rows, columns=[*columns, "associated with the target"])
    share = {name: ".1%" for name in columns[2:5]}
    note = (
        "Tests are corrected for the number of columns (Holm). "
        "Missing together: in at least half of the rows where either of two columns is missing, both are."
    )
    return Table.of(
        frame, "Missing values", say=_summary(rows, significant, len(view.schema.features)), formats={"missing": ",d", **share},
        note=note if rows else "",
    )  # fmt: skip


def _gap_test(mask: Bools, y: Codes, classes: int) -> float:
    """Return the p-value of the test that the target is independent of missingness."""
    table = np.vstack([np.bincount(y[mask], minlength=classes), np.bincount(y[~mask], minlength=classes)])
    table = table[:, table.sum(axis=0) > 0]
    if (table.sum(axis=1) == 0).any() or table.shape[1] < 2:
        return 1.0
    return float(fisher_exact(table)[1] if table.shape[1] == 2 else chi2_contingency(table, correction=False)[1])


def holm(p: Sequence[float], level: float = 0.05) -> list[bool]:
    """Return the hypotheses that are rejected at a family-wise error rate of `level` (Holm 1979).

    >>> holm([0.04, 0.01, 0.03])
    [False, True, False]
    """
    order = sorted(range(len(p)), key=lambda i: p[i])
    rejected = [False] * len(p)
    for rank, i in enumerate(order):
        if p[i] > level / (len(p) - rank):
            break
        rejected[i] = True
    return rejected


def _companions(name: str, masks: dict[str, Bools]) -> list[str]:
    """Return the columns whose missing rows have a Jaccard similarity of at least 0.5 with those of a column."""
    missing = masks[name]
    return [
        clean(other) for other, mask in masks.items() if other != name and (missing & mask).sum() >= 0.5 * (missing | mask).sum()
    ]


def _summary(rows: Sequence[dict[str, Any]], significant: Sequence[bool], columns: int) -> str:
    if not rows:
        return f"None of the {columns} columns has missing values."
    most = rows[0]
    say = f"{len(rows)} of {columns} columns {'have' if len(rows) > 1 else 'has'} missing values; {clean(most['column'])} has the most"
    say += f" ({most['missing']:,d} rows, {percent(most['share'], 1)})."
    informative = [clean(row["column"]) for row, rejected in zip(rows, significant, strict=True) if rejected]
    return (
        f"{say} Missingness is associated with the target in {join_names(informative)}."
        if informative
        else f"{say} Missingness is not significantly associated with the target in any column."
    )


def gap_patterns(view: ColumnView, most_columns: int = 12, most_patterns: int = 10) -> pd.DataFrame:
    """Count the joint patterns of missing values, the most frequent first: one boolean column per data column, and ``n``.

    Only the `most_columns` columns with the most missing values are considered; rows that are complete in these are left out.
    """
    masks = dict(list(gaps(view).items())[:most_columns])
    if not masks:
        return pd.DataFrame({"n": pd.Series(dtype="int64")})
    frame = pd.DataFrame(masks)
    counts = frame[frame.any(axis=1)].value_counts(sort=False).rename("n").reset_index()
    return counts.sort_values(["n", *masks], ascending=False, kind="stable").head(most_patterns).reset_index(drop=True)

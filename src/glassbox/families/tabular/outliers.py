"""What stands out: values far from the rest of their column, and the rows they stand in."""

import numpy as np
import pandas as pd

from glassbox.families.tabular.association import Floats
from glassbox.families.tabular.explore import ColumnView
from glassbox.findings.model import Table
from glassbox.findings.wording import clean, number

FAR = 5.0  # robust standard deviations from the median: for normal data, fewer than one value in a million


def robust_z(values: Floats) -> Floats:
    """Distances from the median in robust standard deviations: 0.6745 (x - median) / MAD (Iglewicz and Hoaglin 1993).

    Where more than half of the values are the same the median deviation is 0, and the mean one stands in: (x - median) / (1.2533 mean).

    >>> robust_z(np.array([1.0, 2.0, 3.0, 4.0, 100.0])).round(2).tolist()
    [-1.35, -0.67, 0.0, 0.67, 65.43]
    """
    centre = np.nanmedian(values)
    away = values - centre
    spread = float(np.nanmedian(np.abs(away))) / 0.6745
    if spread == 0:
        spread = 1.2533 * float(np.nanmean(np.abs(away)))
    return away / spread if spread > 0 else np.zeros_like(values)


def outliers(found: ColumnView) -> pd.DataFrame:
    """Columns of numbers by how much stands out, of all rows.

    Returns
    -------
    DataFrame
        ``column``; ``low``, ``high``: Tukey's fences, 1.5 interquartile ranges beyond the quartiles; ``outside``: rows beyond
        them; ``far``: rows more than 5 robust standard deviations from the median; ``extreme``, ``row_id``, ``z``: the farthest.
    """
    found_rows = []
    for name, values in _numbers(found).items():
        q1, q3 = np.nanquantile(values, [0.25, 0.75])
        low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
        z = robust_z(values)
        at = int(np.nanargmax(np.abs(z)))
        outside, far = int(((values < low) | (values > high)).sum()), int((np.abs(z) > FAR).sum())
        found_rows.append([name, low, high, outside, far, values[at], found.rows["row_id"].iloc[at], z[at]])
    table = pd.DataFrame(found_rows, columns=["column", "low", "high", "outside", "far", "extreme", "row_id", "z"])
    order = (
        table.assign(size=table["z"].abs())
        .sort_values(["far", "size", "column"], ascending=[False, False, True], kind="stable")
        .index
    )
    return table.loc[order].reset_index(drop=True)


def outliers_table(table: pd.DataFrame, rows: int) -> Table:
    """Columns of numbers by how much stands out, with the farthest value of each and the row it stands in."""
    far = table[table["far"] > 0]
    say = "There are no numbers to look at." if not len(table) else "No value lies far from the rest of its column."
    if len(far):
        top = far.iloc[0]
        say = (
            f"{len(far)} of {len(table)} columns of numbers hold values far from the rest; most {clean(top['column'])}, "
            f"{int(top['far']):,d} of {rows:,d} rows, up to {number(float(top['extreme']))}."
        )
    frame = table.rename(
        columns={"low": "fence below", "high": "fence above", "outside": "rows outside", "far": "rows far out", "extreme": "farthest value",
                 "row_id": "its row", "z": "robust z"}
    )  # fmt: skip
    note = (
        "Fences: 1.5 interquartile ranges beyond the quartiles (Tukey). Far out: a robust z beyond 5. Skewed columns, such as amounts, "
        "have many rows outside without any being wrong; their logarithm is worth a try."
    )
    return Table.of(
        frame, "What stands out", say=say, note=note if len(table) else "",
        formats={"rows outside": ",d", "rows far out": ",d", "robust z": ".1f"},
    )  # fmt: skip


def extreme_rows(found: ColumnView, most: int = 40, each: int = 8) -> pd.DataFrame:
    """The rows that stand out most: ``column``, ``row_id``, ``value``, ``z``; at most `each` of one column."""
    parts = []
    for name, values in _numbers(found).items():
        z = robust_z(values)
        far = np.flatnonzero(np.abs(z) > FAR)
        far = far[np.argsort(-np.abs(z[far]), kind="stable")[:each]]
        parts.append(pd.DataFrame({"column": name, "row_id": found.rows["row_id"].iloc[far], "value": values[far], "z": z[far]}))
    if not parts:
        return pd.DataFrame(columns=["column", "row_id", "value", "z"])
    table = pd.concat(parts, ignore_index=True)
    order = np.lexsort((table["row_id"], table["column"], -table["z"].abs()))
    return table.iloc[order[:most]].reset_index(drop=True)


def _numbers(found: ColumnView) -> dict[str, Floats]:
    """Columns of numbers with at least three values, of all rows; infinite ones as missing."""
    columns = {}
    for column in found.schema.features:
        if column.kind == "number" and column.name in found.rows:
            values = found.rows[column.name].to_numpy(dtype=np.float64, copy=True)
            values[np.isinf(values)] = np.nan
            if len(np.unique(values[np.isfinite(values)])) > 2:
                columns[column.name] = values
    return columns

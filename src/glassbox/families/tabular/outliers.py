"""Outliers: values far from the rest of their column, and the rows that hold them."""

import numpy as np
import pandas as pd

from glassbox.families.tabular.association import Floats
from glassbox.families.tabular.explore import ColumnView
from glassbox.findings.model import Table
from glassbox.findings.wording import clean, number

FAR = 5.0  # robust standard deviations from the median: for normal data, fewer than one value in a million


def robust_z(values: Floats) -> Floats:
    """Return robust z-scores: 0.6745 (x - median) / MAD (Iglewicz and Hoaglin 1993).

    When more than half of the values are equal, the MAD is 0 and the mean absolute deviation replaces it:
    (x - median) / (1.2533 mean absolute deviation).

    >>> robust_z(np.array([1.0, 2.0, 3.0, 4.0, 100.0])).round(2).tolist()
    [-1.35, -0.67, 0.0, 0.67, 65.43]
    """
    centre = np.nanmedian(values)
    away = values - centre
    spread = float(np.nanmedian(np.abs(away))) / 0.6745
    if spread == 0:
        spread = 1.2533 * float(np.nanmean(np.abs(away)))
    return away / spread if spread > 0 else np.zeros_like(values)


def outliers(view: ColumnView) -> pd.DataFrame:
    """Summarise the outliers of each numeric column over all rows.

    Returns
    -------
    DataFrame
        ``column``; ``low``, ``high``: Tukey's fences, 1.5 interquartile ranges beyond the quartiles; ``outside``: rows beyond
        them; ``far``: rows with a robust z-score beyond 5; ``extreme``, ``row_id``, ``z``: the most extreme value.
    """
    records = []
    for name, values in _numbers(view).items():
        q1, q3 = np.nanquantile(values, [0.25, 0.75])
        low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
        z = robust_z(values)
        at = int(np.nanargmax(np.abs(z)))
        outside, far = int(((values < low) | (values > high)).sum()), int((np.abs(z) > FAR).sum())
        records.append([name, low, high, outside, far, values[at], view.rows["row_id"].iloc[at], z[at]])
    table = pd.DataFrame(records, columns=["column", "low", "high", "outside", "far", "extreme", "row_id", "z"])
    order = (
        table.assign(size=table["z"].abs())
        .sort_values(["far", "size", "column"], ascending=[False, False, True], kind="stable")
        .index
    )
    return table.loc[order].reset_index(drop=True)


def outliers_table(table: pd.DataFrame, rows: int) -> Table:
    """Return the outlier summary as a table, with the most extreme value of each column and its row."""
    far = table[table["far"] > 0]
    say = "The data has no numeric columns." if not len(table) else f"No value has a robust z-score beyond {FAR:g}."
    if len(far):
        top = far.iloc[0]
        say = (
            f"{len(far)} of {len(table)} numeric columns have outliers. {clean(top['column'])} has the most, "
            f"in {int(top['far']):,d} of {rows:,d} rows; its most extreme value is {number(float(top['extreme']))}."
        )
    frame = table.rename(
        columns={"low": "lower fence", "high": "upper fence", "outside": "rows outside fences", "far": "outliers",
                 "extreme": "most extreme value", "row_id": "row", "z": "robust z-score"}
    )  # fmt: skip
    note = (
        f"Fences lie 1.5 interquartile ranges beyond the quartiles (Tukey). Outliers have a robust z-score beyond {FAR:g}. Skewed columns, "
        "such as amounts, have many rows outside the fences that are not errors; consider a log transform."
    )
    return Table.of(
        frame, "Outliers", say=say, note=note if len(table) else "",
        formats={"rows outside fences": ",d", "outliers": ",d", "robust z-score": ".1f"},
    )  # fmt: skip


def extreme_rows(view: ColumnView, most: int = 40, each: int = 8) -> pd.DataFrame:
    """Return the most extreme values: ``column``, ``row_id``, ``value``, ``z``; at most `each` per column."""
    parts = []
    for name, values in _numbers(view).items():
        z = robust_z(values)
        far = np.flatnonzero(np.abs(z) > FAR)
        far = far[np.argsort(-np.abs(z[far]), kind="stable")[:each]]
        parts.append(pd.DataFrame({"column": name, "row_id": view.rows["row_id"].iloc[far], "value": values[far], "z": z[far]}))
    if not parts:
        return pd.DataFrame(columns=["column", "row_id", "value", "z"])
    table = pd.concat(parts, ignore_index=True)
    order = np.lexsort((table["row_id"], table["column"], -table["z"].abs()))
    return table.iloc[order[:most]].reset_index(drop=True)


def _numbers(view: ColumnView) -> dict[str, Floats]:
    """Return numeric columns with at least three distinct values over all rows, with infinite values as missing."""
    columns = {}
    for column in view.schema.features:
        if column.kind == "number" and column.name in view.rows:
            values = view.rows[column.name].to_numpy(dtype=np.float64, copy=True)
            values[np.isinf(values)] = np.nan
            if len(np.unique(values[np.isfinite(values)])) > 2:
                columns[column.name] = values
    return columns

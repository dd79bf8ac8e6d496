"""Exploratory analysis of the training data: class balance, associations with the target and between columns, distributions by class.

Counts and shares use all rows. Associations and figures use a sample of rows, chosen by a hash of their ids, when the table is large;
the findings report the size of the sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.errors import DataError
from glassbox.families.classification.plots.balance import shares
from glassbox.families.shared.plotting import wilson
from glassbox.families.tabular.association import (
    LEAST,
    Codes,
    Floats,
    Relation,
    Variable,
    all_pairs,
    crosstab,
    relations_with_target,
    variable,
)
from glassbox.families.tabular.sampling import by_hash, canonical
from glassbox.findings.model import Facts, Table
from glassbox.findings.wording import clean, counted, join_names, number

MOST_ROWS = 20_000  # in the sample


@dataclass(frozen=True)
class ColumnView:
    """The training data prepared for analysis: all rows in canonical order, a sample of them, and the target as codes."""

    rows: pd.DataFrame
    sample: pd.DataFrame
    schema: Schema
    target: Variable
    positive: str
    variables: list[Variable]  # of the sample

    @property
    def classes(self) -> list[str]:
        return list(self.target.levels)

    @property
    def y(self) -> Codes:
        """The class codes of the sample."""
        return cast(Codes, self.target.codes)

    @property
    def binary(self) -> bool:
        return len(self.classes) == 2

    @property
    def sampled(self) -> str:
        """A sentence about the size of the sample; empty when all rows are used."""
        if len(self.sample) == len(self.rows):
            return ""
        return f"Computed on a sample of {len(self.sample):,d} of {len(self.rows):,d} rows."

    def variable(self, name: str) -> Variable:
        return next(v for v in self.variables if v.name == name)


def column_view(train: pd.DataFrame, schema: Schema, positive: str, most: int = MOST_ROWS) -> ColumnView:
    """Prepare the training data for analysis.

    Parameters
    ----------
    train
        ``row_id``, features and target, in any order of rows.
    schema
        The schema of the columns, including the target.
    positive
        The positive class.
    most
        The maximum size of the sample for associations and figures.

    Raises
    ------
    DataError
        When the schema names no target with classes.
    """
    if schema.target is None or schema.classes is None:
        raise DataError("The schema has no target with classes to explore; name one under data.target.")
    rows = canonical(train)
    sample = by_hash(rows, most, "sample")
    codes = class_numbers(sample[schema.target], schema.classes)
    if (codes < 0).any():
        raise DataError(f"The target {schema.target!r} holds values that are none of its classes; run ingest again.")
    target = Variable(schema.target, codes=codes, levels=tuple(schema.classes))
    variables = [variable(sample[column.name], column) for column in schema.features if column.name in sample]
    return ColumnView(rows, sample, schema, target, positive, [v for v in variables if v is not None])


def class_numbers(target: pd.Series, classes: Sequence[str]) -> Codes:
    """Return the class codes of a target; -1 for values that are none of the classes."""
    return np.asarray(target.map({name: i for i, name in enumerate(classes)}).fillna(-1), dtype=np.int64)


def shape(view: ColumnView) -> Facts:
    """Summarise the size of the table and the kinds of its columns."""
    kinds = pd.Series([column.kind for column in view.schema.features]).value_counts()
    listed_kinds = {
        f"columns of kind {kind}": int(kinds[kind]) for kind in sorted(kinds.index, key=lambda k: (-int(kinds[k]), k))
    }
    facts: dict[str, str | float | int | bool | None] = {"rows": len(view.rows), "columns": len(view.schema.features)}
    say = f"The training data has {len(view.rows):,d} rows and {len(view.schema.features)} columns to predict {clean(view.target.name)}."
    return Facts(title="Training data", say=say, facts={**facts, **listed_kinds})


# ------------------------------------------------------------------------------------------------------------- target


def balance(view: ColumnView) -> pd.DataFrame:
    """Return the class balance over all rows, the most frequent class first: ``class``, ``n``, ``share``, ``low``, ``high``."""
    counts = view.rows[view.target.name].value_counts().reindex(view.classes, fill_value=0)
    return shares([str(name) for name in view.classes], counts.to_numpy(dtype=np.int64))


# ---------------------------------------------------------------------------------------------------------- relations


def relations(view: ColumnView, seed: int) -> list[Relation]:
    """Measure the association of each column with the target, the strongest first."""
    return relations_with_target(view.variables, view.target, view.positive, seed=seed)


def relations_table(strongest: Sequence[Relation], view: ColumnView, most: int = 15) -> Table:
    """Return the columns that explain most of the target, with a description of each association."""
    significant = [relation for relation in strongest if relation.beyond_chance]
    frame = pd.DataFrame(
        [[r.first, r.description, r.uncertainty_explained, r.chance, r.measure, r.strength] for r in strongest[:most]],
        columns=["column", "description", "uncertainty explained", "by chance", "measure", "strength"],
    )
    say = f"No column explains more of {clean(view.target.name)} than expected by chance."
    if significant:
        names = join_names([clean(r.first) for r in significant[:3]])
        verb = "explains" if len(significant) == 1 else "explain"
        say = f"{names} {verb} most of {clean(view.target.name)}: {significant[0].description}."
    note = (
        "Uncertainty explained: the share of the target's entropy that this column alone removes. "
        f"{len(significant)} of {len(strongest)} columns explain more than in each of 19 permutations of the target. {view.sampled}"
    ).strip()
    return Table.of(
        frame, "Association with the target", say=say, note=note, best=0 if significant else None,
        formats={"uncertainty explained": ".1%", "by chance": ".1%", "strength": ".2f"},
    )  # fmt: skip


def pairs(view: ColumnView) -> list[Relation]:
    """Measure the association of all pairs of columns without the target, the strongest first."""
    return all_pairs(view.variables)


def pairs_table(strongest: Sequence[Relation], view: ColumnView, most: int = 12, least: float = 0.3) -> Table:
    """Return the strongest pairs of columns, with a description of each association."""
    strong = [relation for relation in strongest if relation.strength >= least]
    frame = pd.DataFrame(
        [[r.first, r.second, r.description, r.measure, r.strength, r.n] for r in strong[:most]],
        columns=["column", "other column", "description", "measure", "strength", "rows"],
    )
    redundant = [r for r in strong if r.strength >= 0.9]
    say = "No two columns are strongly associated."
    if strong:
        say = f"{clean(strong[0].first)} and {clean(strong[0].second)} have the strongest association: {strong[0].description}."
        say += (
            f" {counted(len(redundant), 'pair')} of columns {'is' if len(redundant) == 1 else 'are'} nearly redundant."
            if redundant
            else ""
        )
    note = f"{len(strong)} of {len(strongest)} pairs have a strength of {number(least)} or more. {view.sampled}".strip()
    return Table.of(frame, "Correlation", say=say, note=note, formats={"strength": ".2f", "rows": ",d"})


# --------------------------------------------------------------------------------------------------------- by column


@dataclass(frozen=True)
class Histogram:
    """The histogram of a number by class: the share of the rows of each class in each bin."""

    name: str
    edges: Floats
    shares: dict[str, Floats]
    logarithmic: bool
    years: bool
    beyond: float  # share of rows outside the edges


def histograms(
    view: ColumnView, strongest: Sequence[Relation], most: int = 6, bins: int = 24, groups: int = 4
) -> list[Histogram]:
    """Return histograms of numbers by class, those with the strongest association with the target first.

    Values outside the 0.5 % and 99.5 % quantiles are cut off. Columns that span several powers of ten get a logarithmic axis. Of many
    classes, the `groups` most frequent are shown.
    """
    numeric = {v.name: v for v in view.variables if v.numeric and not v.date}
    names = [relation.first for relation in strongest if relation.first in numeric][:most]
    return [_histogram(numeric[name], view, bins, groups) for name in names]


def _histogram(v: Variable, view: ColumnView, bins: int, groups: int) -> Histogram:
    values, present = cast(Floats, v.values), v.present
    observed = values[present]
    low, middle, high = np.quantile(observed, [0.005, 0.5, 0.995])
    if low == high:
        low, high = observed.min(), observed.max()
    logarithmic = bool(low > 0 and high / max(middle, low) > 8 and high / low > 50)
    distinct = np.unique(observed)
    if len(distinct) <= bins:
        middles = (distinct[1:] + distinct[:-1]) / 2
        edges = np.concatenate(
            [[distinct[0] - (middles[0] - distinct[0])], middles, [distinct[-1] + (distinct[-1] - middles[-1])]]
        )
        logarithmic = False
    else:
        edges = np.geomspace(low, high, bins + 1) if logarithmic else np.linspace(low, high, bins + 1)
    counts = np.bincount(view.y, minlength=len(view.classes))
    shown = sorted(range(len(counts)), key=lambda k: (view.classes[k] != view.positive, -int(counts[k]), k))[:groups]
    shares = {}
    for k in sorted(shown):
        of_class = values[present & (view.y == k)]
        shares[view.classes[k]] = np.histogram(of_class, edges)[0] / max(1, len(of_class))
    return Histogram(v.name, edges, shares, logarithmic, v.years, float(((observed < edges[0]) | (observed > edges[-1])).mean()))


def rates(view: ColumnView, strongest: Sequence[Relation], most: int = 6, levels: int = 6) -> pd.DataFrame:
    """Return the share of the target in each level of the categories, columns with the strongest association first.

    Returns
    -------
    DataFrame
        ``column``, ``level``, ``class`` (the positive class; with several classes, the one whose share varies most), ``share``,
        ``low``, ``high``, ``n``, and ``overall``, the share over all levels.
    """
    names = [r.first for r in strongest if r.first in {v.name for v in view.variables if not v.numeric}][:most]
    parts = [_rates(view.variable(name), view, levels) for name in names]
    columns = ["column", "level", "class", "share", "low", "high", "n", "overall"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _rates(v: Variable, view: ColumnView, most: int) -> pd.DataFrame:
    present = v.present
    table = crosstab(cast(Codes, v.codes)[present], view.y[present])
    table = np.pad(table, ((0, len(v.levels) - len(table)), (0, len(view.classes) - table.shape[1])))
    total = table.sum(axis=1)
    k = view.classes.index(view.positive) if view.binary else _most_varied(table, total)
    shown = np.array([i for i in np.argsort(-total, kind="stable") if total[i] >= LEAST][:most], dtype=np.int64)
    low, high = wilson(table[shown, k], total[shown])
    frame = pd.DataFrame(
        {
            "column": v.name,
            "level": [v.levels[i] for i in shown],
            "class": view.classes[k],
            "share": table[shown, k] / np.maximum(1, total[shown]),
            "low": low,
            "high": high,
            "n": total[shown].astype(np.int64),
            "overall": table[:, k].sum() / table.sum(),
        }
    )
    return frame.sort_values(["share", "level"], ascending=[False, True], kind="stable")


def _most_varied(table: Floats, total: Floats) -> int:
    """Return the class whose share varies most between levels, weighted by their rows."""
    share = table / np.maximum(1, total)[:, None]
    mean = table.sum(axis=0) / table.sum()
    spread = (total[:, None] * (share - mean) ** 2).sum(axis=0) / np.maximum(1e-12, mean * (1 - mean))
    return int(spread.argmax())


def over_time(view: ColumnView, most: int = 3, periods: int = 36) -> dict[str, pd.DataFrame]:
    """Return the number of rows and the share of the positive class over time, for each date column, over all rows.

    Periods are days, weeks, months, quarters, years or several years: the finest resolution with at most `periods` of them.

    Returns
    -------
    dict of DataFrame
        For at most `most` columns: ``period`` (its first day), ``n``, ``share``, ``low``, ``high``.
    """
    return {v.name: _over_time(view, v.name, periods) for v in [v for v in view.variables if v.date][:most]}


def _over_time(view: ColumnView, name: str, most: int) -> pd.DataFrame:
    dates = view.rows[name]
    present = dates.notna().to_numpy()
    hit = (view.rows[view.target.name] == view.positive).to_numpy()[present].astype(np.int64)
    starts = _periods(dates.to_numpy().astype("datetime64[D]")[present], most)
    table = pd.DataFrame({"period": starts, "hit": hit}).groupby("period").agg(n=("hit", "size"), hits=("hit", "sum"))
    low, high = wilson(table["hits"], table["n"])
    return table.assign(share=table["hits"] / table["n"], low=low, high=high).drop(columns="hits").reset_index()


def _periods(days: npt.NDArray[np.datetime64], most: int) -> npt.NDArray[np.datetime64]:
    """Return the first day of the period of each day, at the finest resolution with at most `most` periods."""
    months = days.astype("datetime64[M]").astype(np.int64)
    numbers = days.astype(np.int64)
    resolutions: list[npt.NDArray[np.datetime64]] = [
        days,
        (numbers - (numbers + 3) % 7).astype("datetime64[D]"),  # 1970-01-01 was a Thursday; weeks start on Monday
        *((months - months % step).astype("datetime64[M]").astype("datetime64[D]") for step in (1, 3, 12)),
    ]
    for starts in resolutions:
        if len(np.unique(starts)) <= most:
            return starts.astype("datetime64[s]")
    span = -(-(int(months.max()) - int(months.min()) + 12) // 12 // most) * 12
    first = int(months.min()) // 12 * 12
    return (first + (months - first) // span * span).astype("datetime64[M]").astype("datetime64[s]")

"""What train looks like: the target, how columns go with it and with each other, one column at a time by class.

Counts and shares are of all rows. Relations and drawings use a sample of rows chosen by the hash of their names, which is the
whole of a small table; a sample is said to be one.
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
from glassbox.families.tabular.association import LEAST, Codes, Floats, Relation, Variable, crosstab, variable, with_target
from glassbox.families.tabular.association import among as all_pairs
from glassbox.families.tabular.sampling import by_hash, canonical
from glassbox.findings.model import Facts, Table
from glassbox.findings.wording import clean, join_names, number

MOST_ROWS = 20_000  # in the sample


@dataclass(frozen=True)
class ColumnView:
    """Train as it is looked at: all rows in canonical order, a sample of them, and the target by number."""

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
        """The target of the sample by number."""
        return cast(Codes, self.target.codes)

    @property
    def binary(self) -> bool:
        return len(self.classes) == 2

    @property
    def sampled(self) -> str:
        """A sentence when not all rows are drawn; else nothing."""
        if len(self.sample) == len(self.rows):
            return ""
        return f"Drawn from {len(self.sample):,d} of {len(self.rows):,d} rows, chosen by the hash of their names."

    def variable(self, name: str) -> Variable:
        return next(v for v in self.variables if v.name == name)


def look(train: pd.DataFrame, schema: Schema, positive: str, most: int = MOST_ROWS) -> ColumnView:
    """Make train ready to be looked at.

    Parameters
    ----------
    train
        ``row_id``, features and target, in any order of rows.
    schema
        What its columns are; it names the target.
    positive
        The class that is looked for.
    most
        How many rows relations and drawings use at most.

    Raises
    ------
    DataError
        When the schema names no target with classes.
    """
    if schema.target is None or schema.classes is None:
        raise DataError("There is no target with classes to look at; name one under data.target.")
    rows = canonical(train)
    sample = by_hash(rows, most, "sample")
    codes = class_numbers(sample[schema.target], schema.classes)
    if (codes < 0).any():
        raise DataError(f"The target {schema.target!r} holds values that are none of its classes.")
    target = Variable(schema.target, codes=codes, levels=tuple(schema.classes))
    found = [variable(sample[column.name], column) for column in schema.features if column.name in sample]
    return ColumnView(rows, sample, schema, target, positive, [v for v in found if v is not None])


def class_numbers(target: pd.Series, classes: Sequence[str]) -> Codes:
    """The target by number; -1 where it is none of the classes."""
    return np.asarray(target.map({name: i for i, name in enumerate(classes)}).fillna(-1), dtype=np.int64)


def shape(found: ColumnView) -> Facts:
    """How large the table is and what kinds of columns it has."""
    kinds = pd.Series([column.kind for column in found.schema.features]).value_counts()
    listed_kinds = {
        f"columns of kind {kind}": int(kinds[kind]) for kind in sorted(kinds.index, key=lambda k: (-int(kinds[k]), k))
    }
    facts: dict[str, str | float | int | bool | None] = {"rows": len(found.rows), "columns": len(found.schema.features)}
    say = f"{len(found.rows):,d} rows and {len(found.schema.features)} columns to predict {clean(found.target.name)} from."
    return Facts(title="What there is to learn from", say=say, facts={**facts, **listed_kinds})


# ------------------------------------------------------------------------------------------------------------- target


def balance(found: ColumnView) -> pd.DataFrame:
    """Each class, the most frequent first: ``class``, ``n``, ``share``, ``low``, ``high``; of all rows."""
    counts = found.rows[found.target.name].value_counts().reindex(found.classes, fill_value=0)
    return shares([str(name) for name in found.classes], counts.to_numpy(dtype=np.int64))


# ---------------------------------------------------------------------------------------------------------- relations


def relations(found: ColumnView, seed: int) -> list[Relation]:
    """Each column against the target, the strongest first."""
    return with_target(found.variables, found.target, found.positive, seed=seed)


def relations_table(strongest: Sequence[Relation], found: ColumnView, most: int = 15) -> Table:
    """The strongest relations with the target, in numbers and words."""
    beyond = [relation for relation in strongest if relation.beyond_chance]
    frame = pd.DataFrame(
        [[r.first, r.words, r.told, r.chance, r.measure, r.strength] for r in strongest[:most]],
        columns=["column", "in words", "told", "by chance up to", "measure", "strength"],
    )
    say = f"No column tells more of {clean(found.target.name)} than chance explains."
    if beyond:
        names = join_names([clean(r.first) for r in beyond[:3]])
        say = f"{names} tell{'s' if len(beyond) == 1 else ''} most of {clean(found.target.name)}: {beyond[0].words}."
    note = (
        f"Told: the share of the target's uncertainty that knowing the column alone removes. {len(beyond)} of {len(strongest)} columns "
        f"tell more than in each of 19 shuffles of the target. {found.sampled}"
    ).strip()
    return Table.of(
        frame, "What goes with the target", say=say, note=note, best=0 if beyond else None,
        formats={"told": ".1%", "by chance up to": ".1%", "strength": ".2f"},
    )  # fmt: skip


def pairs(found: ColumnView) -> list[Relation]:
    """All pairs of columns, the strongest first; the target is not among them."""
    return all_pairs(found.variables)


def pairs_table(strongest: Sequence[Relation], found: ColumnView, most: int = 12, least: float = 0.3) -> Table:
    """Columns that tell much the same: the strongest pairs, in numbers and words."""
    strong = [relation for relation in strongest if relation.strength >= least]
    frame = pd.DataFrame(
        [[r.first, r.second, r.words, r.measure, r.strength, r.n] for r in strong[:most]],
        columns=["column", "and", "in words", "measure", "strength", "rows"],
    )
    same = [r for r in strong if r.strength >= 0.9]
    say = "No two columns tell much the same."
    if strong:
        say = f"Closest are {clean(strong[0].first)} and {clean(strong[0].second)}: {strong[0].words}."
        say += f" {len(same)} pair{'s' if len(same) != 1 else ''} could nearly stand in for each other." if same else ""
    note = f"{len(strong)} of {len(strongest)} pairs have a strength of {number(least)} or more. {found.sampled}".strip()
    return Table.of(frame, "What goes together", say=say, note=note, formats={"strength": ".2f", "rows": ",d"})


# --------------------------------------------------------------------------------------------------------- by column


@dataclass(frozen=True)
class Histogram:
    """One column of numbers by class: the share of each class's rows in each bin."""

    name: str
    edges: Floats
    shares: dict[str, Floats]
    logarithmic: bool
    years: bool
    beyond: float  # share of rows outside the edges


def histograms(
    found: ColumnView, strongest: Sequence[Relation], most: int = 6, bins: int = 24, groups: int = 4
) -> list[Histogram]:
    """Columns of numbers by class, those first that go most with the target; values beyond the outer half percents are cut off.

    Columns that span several powers of ten get a logarithmic axis. Of many classes, the `groups` most frequent are shown.
    """
    numeric = {v.name: v for v in found.variables if v.numeric and not v.date}
    names = [relation.first for relation in strongest if relation.first in numeric][:most]
    return [_histogram(numeric[name], found, bins, groups) for name in names]


def _histogram(v: Variable, found: ColumnView, bins: int, groups: int) -> Histogram:
    values, there = cast(Floats, v.values), v.present
    seen = values[there]
    low, middle, high = np.quantile(seen, [0.005, 0.5, 0.995])
    if low == high:
        low, high = seen.min(), seen.max()
    logarithmic = bool(low > 0 and high / max(middle, low) > 8 and high / low > 50)
    distinct = np.unique(seen)
    if len(distinct) <= bins:
        middles = (distinct[1:] + distinct[:-1]) / 2
        edges = np.concatenate(
            [[distinct[0] - (middles[0] - distinct[0])], middles, [distinct[-1] + (distinct[-1] - middles[-1])]]
        )
        logarithmic = False
    else:
        edges = np.geomspace(low, high, bins + 1) if logarithmic else np.linspace(low, high, bins + 1)
    counts = np.bincount(found.y, minlength=len(found.classes))
    shown = sorted(range(len(counts)), key=lambda k: (found.classes[k] != found.positive, -int(counts[k]), k))[:groups]
    shares = {}
    for k in sorted(shown):
        mine = values[there & (found.y == k)]
        shares[found.classes[k]] = np.histogram(mine, edges)[0] / max(1, len(mine))
    return Histogram(v.name, edges, shares, logarithmic, v.years, float(((seen < edges[0]) | (seen > edges[-1])).mean()))


def rates(found: ColumnView, strongest: Sequence[Relation], most: int = 6, levels: int = 6) -> pd.DataFrame:
    """How often the target is met in each level of the categories, those columns first that go most with the target.

    Returns
    -------
    DataFrame
        ``column``, ``level``, ``class``: whose share it is (the positive class; of several, the class whose share varies most),
        ``share``, ``low``, ``high``, ``n``, ``overall``: the share over all levels.
    """
    names = [r.first for r in strongest if r.first in {v.name for v in found.variables if not v.numeric}][:most]
    parts = [_rates(found.variable(name), found, levels) for name in names]
    columns = ["column", "level", "class", "share", "low", "high", "n", "overall"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _rates(v: Variable, found: ColumnView, most: int) -> pd.DataFrame:
    there = v.present
    table = crosstab(cast(Codes, v.codes)[there], found.y[there])
    table = np.pad(table, ((0, len(v.levels) - len(table)), (0, len(found.classes) - table.shape[1])))
    total = table.sum(axis=1)
    k = found.classes.index(found.positive) if found.binary else _most_varied(table, total)
    keep = np.array([i for i in np.argsort(-total, kind="stable") if total[i] >= LEAST][:most], dtype=np.int64)
    low, high = wilson(table[keep, k], total[keep])
    frame = pd.DataFrame(
        {
            "column": v.name,
            "level": [v.levels[i] for i in keep],
            "class": found.classes[k],
            "share": table[keep, k] / np.maximum(1, total[keep]),
            "low": low,
            "high": high,
            "n": total[keep].astype(np.int64),
            "overall": table[:, k].sum() / table.sum(),
        }
    )
    return frame.sort_values(["share", "level"], ascending=[False, True], kind="stable")


def _most_varied(table: Floats, total: Floats) -> int:
    """The class whose share varies most between levels, weighed by their rows."""
    share = table / np.maximum(1, total)[:, None]
    mean = table.sum(axis=0) / table.sum()
    spread = (total[:, None] * (share - mean) ** 2).sum(axis=0) / np.maximum(1e-12, mean * (1 - mean))
    return int(spread.argmax())


def over_time(found: ColumnView, most: int = 3, periods: int = 36) -> dict[str, pd.DataFrame]:
    """Rows and the positive class's share over time, by column of dates; of all rows.

    Periods are days, weeks, months, quarters, years or spans of years: the finest that gives at most `periods` of them.

    Returns
    -------
    dict of DataFrame
        For at most `most` columns: ``period`` (its first day), ``n``, ``share``, ``low``, ``high``.
    """
    return {v.name: _over_time(found, v.name, periods) for v in [v for v in found.variables if v.date][:most]}


def _over_time(found: ColumnView, name: str, most: int) -> pd.DataFrame:
    dates = found.rows[name]
    there = dates.notna().to_numpy()
    hit = (found.rows[found.target.name] == found.positive).to_numpy()[there].astype(np.int64)
    starts = _periods(dates.to_numpy().astype("datetime64[D]")[there], most)
    table = pd.DataFrame({"period": starts, "hit": hit}).groupby("period").agg(n=("hit", "size"), hits=("hit", "sum"))
    low, high = wilson(table["hits"], table["n"])
    return table.assign(share=table["hits"] / table["n"], low=low, high=high).drop(columns="hits").reset_index()


def _periods(days: npt.NDArray[np.datetime64], most: int) -> npt.NDArray[np.datetime64]:
    """The first day of the period that each day lies in, periods as fine as gives at most `most` of them."""
    months = days.astype("datetime64[M]").astype(np.int64)
    numbers = days.astype(np.int64)
    tried: list[npt.NDArray[np.datetime64]] = [
        days,
        (numbers - (numbers + 3) % 7).astype("datetime64[D]"),  # 1970-01-01 was a Thursday; weeks start on Monday
        *((months - months % step).astype("datetime64[M]").astype("datetime64[D]") for step in (1, 3, 12)),
    ]
    for starts in tried:
        if len(np.unique(starts)) <= most:
            return starts.astype("datetime64[s]")
    span = -(-(int(months.max()) - int(months.min()) + 12) // 12 // most) * 12
    first = int(months.min()) // 12 * 12
    return (first + (months - first) // span * span).astype("datetime64[M]").astype("datetime64[s]")

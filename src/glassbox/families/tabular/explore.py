"""What train looks like: the target, what is missing, how columns go with the target and with each other, what stands out.

Counts and shares are of all rows. Relations and drawings use a sample of rows chosen by the hash of their names, which is the
whole of a small table; a sample is said to be one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2_contingency, fisher_exact

from glassbox.data.schema import Schema
from glassbox.errors import DataError
from glassbox.families.tabular.association import LEAST, Codes, Floats, Relation, Variable, crosstab, variable, with_target
from glassbox.families.tabular.association import among as all_pairs
from glassbox.families.tabular.plots.marks import wilson
from glassbox.families.tabular.sampling import by_hash, canonical
from glassbox.families.tabular.words import clean, listed, percent
from glassbox.findings import Facts, Table
from glassbox.markup import number

MOST_ROWS = 20_000  # in the sample
FAR = 5.0  # robust standard deviations from the median: for normal data, fewer than one value in a million
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Look:
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


def look(train: pd.DataFrame, schema: Schema, positive: str, most: int = MOST_ROWS) -> Look:
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
    return Look(rows, sample, schema, target, positive, [v for v in found if v is not None])


def class_numbers(target: pd.Series, classes: Sequence[str]) -> Codes:
    """The target by number; -1 where it is none of the classes."""
    return np.asarray(target.map({name: i for i, name in enumerate(classes)}).fillna(-1), dtype=np.int64)


def shape(found: Look) -> Facts:
    """How large the table is and what kinds of columns it has."""
    kinds = pd.Series([column.kind for column in found.schema.features]).value_counts()
    listed_kinds = {
        f"columns of kind {kind}": int(kinds[kind]) for kind in sorted(kinds.index, key=lambda k: (-int(kinds[k]), k))
    }
    facts: dict[str, str | float | int | bool | None] = {"rows": len(found.rows), "columns": len(found.schema.features)}
    say = f"{len(found.rows):,d} rows and {len(found.schema.features)} columns to predict {clean(found.target.name)} from."
    return Facts(title="What there is to learn from", say=say, facts={**facts, **listed_kinds})


# ------------------------------------------------------------------------------------------------------------- target


def balance(found: Look) -> pd.DataFrame:
    """Each class, the most frequent first: ``class``, ``n``, ``share``, ``low``, ``high``; of all rows."""
    counts = found.rows[found.target.name].value_counts().reindex(found.classes, fill_value=0)
    table = pd.DataFrame({"class": counts.index.astype(str), "n": counts.to_numpy(dtype=np.int64)})
    low, high = wilson(table["n"], np.full(len(table), table["n"].sum()))
    table = table.assign(share=table["n"] / table["n"].sum(), low=low, high=high)
    return table.sort_values(["n", "class"], ascending=[False, True], kind="stable").reset_index(drop=True)


# ------------------------------------------------------------------------------------------------------------ missing


def gaps(found: Look) -> dict[str, Bools]:
    """Where each column has gaps, of all rows, the column with most gaps first; columns without are left out."""
    masks = {
        column.name: found.rows[column.name].isna().to_numpy() for column in found.schema.features if column.name in found.rows
    }
    return {name: masks[name] for name in sorted(masks, key=lambda name: (-int(masks[name].sum()), name)) if masks[name].any()}


def missingness(found: Look) -> Table:
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
        f"{say} A gap tells something of the target in {listed(telling)}."
        if telling
        else f"{say} No gap is seen to tell of the target."
    )


def gap_patterns(found: Look, most_columns: int = 12, most_patterns: int = 10) -> pd.DataFrame:
    """Which columns are missing together: one row a pattern, the most frequent first, one boolean column a column with gaps, ``n``.

    Only the `most_columns` columns with most gaps are told apart; rows without a gap in these are left out.
    """
    masks = dict(list(gaps(found).items())[:most_columns])
    if not masks:
        return pd.DataFrame({"n": pd.Series(dtype="int64")})
    frame = pd.DataFrame(masks)
    counts = frame[frame.any(axis=1)].value_counts(sort=False).rename("n").reset_index()
    return counts.sort_values(["n", *masks], ascending=False, kind="stable").head(most_patterns).reset_index(drop=True)


# ---------------------------------------------------------------------------------------------------------- relations


def relations(found: Look, seed: int) -> list[Relation]:
    """Each column against the target, the strongest first."""
    return with_target(found.variables, found.target, found.positive, seed=seed)


def relations_table(strongest: Sequence[Relation], found: Look, most: int = 15) -> Table:
    """The strongest relations with the target, in numbers and words."""
    beyond = [relation for relation in strongest if relation.beyond_chance]
    frame = pd.DataFrame(
        [[r.first, r.words, r.told, r.chance, r.measure, r.strength] for r in strongest[:most]],
        columns=["column", "in words", "told", "by chance up to", "measure", "strength"],
    )
    say = f"No column tells more of {clean(found.target.name)} than chance explains."
    if beyond:
        names = listed([clean(r.first) for r in beyond[:3]])
        say = f"{names} tell{'s' if len(beyond) == 1 else ''} most of {clean(found.target.name)}: {beyond[0].words}."
    note = (
        f"Told: the share of the target's uncertainty that knowing the column alone removes. {len(beyond)} of {len(strongest)} columns "
        f"tell more than in each of 19 shuffles of the target. {found.sampled}"
    ).strip()
    return Table.of(
        frame, "What goes with the target", say=say, note=note, best=0 if beyond else None,
        formats={"told": ".1%", "by chance up to": ".1%", "strength": ".2f"},
    )  # fmt: skip


def pairs(found: Look) -> list[Relation]:
    """All pairs of columns, the strongest first; the target is not among them."""
    return all_pairs(found.variables)


def pairs_table(strongest: Sequence[Relation], found: Look, most: int = 12, least: float = 0.3) -> Table:
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


# ------------------------------------------------------------------------------------------------------------ outlying


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


def outliers(found: Look) -> pd.DataFrame:
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


def extreme_rows(found: Look, most: int = 40, each: int = 8) -> pd.DataFrame:
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


def _numbers(found: Look) -> dict[str, Floats]:
    """Columns of numbers with at least three values, of all rows; infinite ones as missing."""
    columns = {}
    for column in found.schema.features:
        if column.kind == "number" and column.name in found.rows:
            values = found.rows[column.name].to_numpy(dtype=np.float64, copy=True)
            values[np.isinf(values)] = np.nan
            if len(np.unique(values[np.isfinite(values)])) > 2:
                columns[column.name] = values
    return columns


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


def histograms(found: Look, strongest: Sequence[Relation], most: int = 6, bins: int = 24, groups: int = 4) -> list[Histogram]:
    """Columns of numbers by class, those first that go most with the target; values beyond the outer half percents are cut off.

    Columns that span several powers of ten get a logarithmic axis. Of many classes, the `groups` most frequent are shown.
    """
    numeric = {v.name: v for v in found.variables if v.numeric and not v.date}
    names = [relation.first for relation in strongest if relation.first in numeric][:most]
    return [_histogram(numeric[name], found, bins, groups) for name in names]


def _histogram(v: Variable, found: Look, bins: int, groups: int) -> Histogram:
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


def rates(found: Look, strongest: Sequence[Relation], most: int = 6, levels: int = 6) -> pd.DataFrame:
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


def _rates(v: Variable, found: Look, most: int) -> pd.DataFrame:
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


def over_time(found: Look, name: str, most: int = 36) -> pd.DataFrame:
    """Rows and the positive class's share by day, week, month, quarter or year: ``period`` (its first day), ``n``, ``share``, ``low``, ``high``.

    The finest of these that gives at most `most` periods; of all rows.
    """
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


def dates(found: Look) -> list[str]:
    """The columns of dates that have more than one."""
    return [v.name for v in found.variables if v.date]


__all__ = [
    "Histogram", "Look", "balance", "dates", "extreme_rows", "gap_patterns", "gaps", "histograms", "holm", "look", "missingness",
    "outliers", "outliers_table", "over_time", "pairs", "pairs_table", "rates", "relations", "relations_table", "robust_z",
    "shape",
]  # fmt: skip

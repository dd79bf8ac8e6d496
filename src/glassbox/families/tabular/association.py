"""How strongly columns hang together: one measure a pair of kinds, all from 0 (not at all) to 1 (one tells the other).

Numbers are compared by rank, so that neither a skewed column nor a stray value decides. Rows in which either is missing are
left out; that something is missing is looked at on its own (`missing.missingness`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

from glassbox.data.schema import ColumnSchema
from glassbox.findings.wording import clean, number, percent

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
MOST_LEVELS = 50  # of a category are told apart; rarer ones count as one
LEAST = 30  # rows: a group with fewer is not named in a sentence
RARE = "(rare)"


@dataclass(frozen=True)
class Variable:
    """A column made ready: numbers (dates as days since 1970) with NaN where missing, or levels by number with -1."""

    name: str
    values: Floats | None = None
    codes: Codes | None = None
    levels: tuple[str, ...] = ()
    date: bool = False

    @property
    def numeric(self) -> bool:
        return self.values is not None

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Where it is not missing."""
        if self.values is not None:
            return np.isfinite(self.values)
        return self._codes >= 0

    @property
    def _codes(self) -> Codes:
        return cast(Codes, self.codes)

    @property
    def years(self) -> bool:
        """Whether these are whole numbers that look like years; nobody writes 2,024 for a year."""
        seen = cast(Floats, self.values)[self.present]
        return not self.date and bool(seen.min() >= 1500 and seen.max() <= 2200 and (seen == np.round(seen)).all())

    def shown(self, value: float) -> str:
        """A value of this column as people read it."""
        if self.date:
            return str(np.datetime64(round(value), "D"))
        return f"{value:.0f}" if self.years else number(float(value))


@dataclass(frozen=True)
class Relation:
    """How strongly two columns hang together, on how many rows, by which measure, and what that looks like.

    With the target as `second`: `told` is the share of the target's uncertainty that knowing `first` removes, gaps and bends
    included, and `chance` the share that chance alone reaches in one of twenty shuffles.
    """

    first: str
    second: str
    measure: str
    strength: float
    n: int
    words: str
    told: float = 0.0
    chance: float = 0.0

    @property
    def beyond_chance(self) -> bool:
        return self.told > self.chance


def variable(column: pd.Series, schema: ColumnSchema) -> Variable | None:
    """A column made ready; None when it has no two values, or is text or an identifier."""
    if schema.kind in ("number", "date"):
        dates = schema.kind == "date"
        values = _days(column) if dates else column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        values[np.isinf(values)] = np.nan
        seen = values[np.isfinite(values)]
        return Variable(schema.name, values=values, date=dates) if len(seen) and seen.min() < seen.max() else None
    if schema.kind in ("category", "boolean"):
        found = levelled(schema.name, column)
        return found if len(found.levels) > 1 else None
    return None


def levelled(name: str, column: pd.Series) -> Variable:
    """A column of categories made ready: its levels by how often they are there, then by name."""
    counts = column.value_counts()
    order = sorted(counts.index.tolist(), key=lambda level: (-int(counts[level]), str(level)))
    kept, rare = (order, []) if len(order) <= MOST_LEVELS else (order[: MOST_LEVELS - 1], order[MOST_LEVELS - 1 :])
    place = {**{level: i for i, level in enumerate(kept)}, **dict.fromkeys(rare, len(kept))}
    codes = column.map(place).fillna(-1).to_numpy(dtype=np.int64)
    return Variable(name, codes=codes, levels=tuple([str(level) for level in kept] + ([RARE] if rare else [])))


def _days(column: pd.Series) -> Floats:
    stamps = column.to_numpy().astype("datetime64[us]")
    days = (stamps - np.datetime64("1970-01-01", "us")) / np.timedelta64(1, "D")
    return np.where(np.isnat(stamps), np.nan, days)


# ----------------------------------------------------------------------------------------------------------- measures


def spearman(x: Floats, y: Floats) -> float:
    """Spearman's rank correlation, ties sharing their mean rank; 0 when either does not vary.

    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 8.0, 27.0]))
    1.0
    """
    a, b = rankdata(x) - (len(x) + 1) / 2, rankdata(y) - (len(y) + 1) / 2
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(np.clip((a @ b) / size, -1, 1)) if size > 0 else 0.0


def cramers_v(a: Codes, b: Codes) -> float:
    """Cramér's V of two columns of codes, corrected for its bias (Bergsma 2013, eq. 5 to 7).

    With φ² = χ²/n and an r × k table: V = √(max(0, φ² - (r-1)(k-1)/(n-1)) / min(r' - 1, k' - 1)), r' = r - (r-1)²/(n-1), and
    k' likewise.

    >>> round(cramers_v(np.array([0, 0, 1, 1] * 10), np.array([0, 0, 1, 1] * 10)), 3)
    1.0
    """
    table = crosstab(a, b)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    n, (r, k) = float(table.sum()), table.shape
    if min(r, k) < 2:
        return 0.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / n
    phi2 = float(((table - expected) ** 2 / expected).sum()) / n
    rows, columns = r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)
    least = min(rows, columns) - 1
    if least <= 0:
        return 0.0
    return float(min(1.0, np.sqrt(max(0.0, phi2 - (r - 1) * (k - 1) / (n - 1)) / least)))


def correlation_ratio(codes: Codes, values: Floats) -> float:
    """How much of the spread of ranks lies between groups: ε, the correlation ratio corrected for its bias (Kelley 1935).

    ε² = 1 - (1 - η²)(n - 1)/(n - k), with η² the share of the sum of squares of ranks between the k groups.

    >>> round(correlation_ratio(np.array([0, 0, 1, 1]), np.array([1.0, 2.0, 3.0, 4.0])), 4)
    0.8367
    """
    return _ratio_of_ranks(codes, rankdata(values))


def _ratio_of_ranks(codes: Codes, ranks: Floats) -> float:
    n, counts = len(ranks), np.bincount(codes)
    groups = int((counts > 0).sum())
    centred = ranks - (n + 1) / 2
    total = float(centred @ centred)
    if groups < 2 or n <= groups or total <= 0:
        return 0.0
    sums = np.bincount(codes, weights=centred)
    between = float((sums[counts > 0] ** 2 / counts[counts > 0]).sum()) / total
    return float(np.sqrt(min(1.0, max(0.0, 1 - (1 - between) * (n - 1) / (n - groups)))))


def mutual_information(a: Codes, b: Codes) -> float:
    """Mutual information in bits, less its bias (Miller 1955): (r-1)(k-1) / (2 n ln 2) for an r × k table; never below 0.

    >>> round(mutual_information(np.array([0, 1] * 500), np.array([0, 1] * 500)), 3)
    0.999
    """
    table = crosstab(a, b)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    n, (r, k) = table.sum(), table.shape
    if not n:
        return 0.0
    p = table / n
    ratio = p / (p.sum(axis=1, keepdims=True) * p.sum(axis=0, keepdims=True))
    bits = float((p[p > 0] * np.log2(ratio[p > 0])).sum())
    return max(0.0, bits - float((r - 1) * (k - 1) / (2 * n * np.log(2))))


def crosstab(a: Codes, b: Codes) -> Floats:
    """Counts of each pair of codes, of shape (codes of a, codes of b)."""
    if not len(a):
        return np.zeros((0, 0))
    width = int(b.max()) + 1
    flat = np.bincount(a * width + b, minlength=(int(a.max()) + 1) * width)
    return flat.reshape(-1, width).astype(np.float64)


def binned(v: Variable, bins: int = 10) -> Codes:
    """Codes from 0: levels as they are, numbers in about `bins` groups of like size; what is missing is a group of its own."""
    if v.values is None:
        codes = cast(Codes, v.codes)
        return np.where(codes < 0, len(v.levels), codes)
    seen = v.values[v.present]
    edges = np.unique(np.quantile(seen, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.where(v.present, np.searchsorted(edges, v.values, side="left"), len(edges) + 1).astype(np.int64)


# --------------------------------------------------------------------------------------------------------------- pairs


def between(a: Variable, b: Variable) -> Relation:
    """How strongly two columns hang together."""
    both = a.present & b.present
    n = int(both.sum())
    if n < 3:
        return Relation(a.name, b.name, "too few rows", 0.0, n, "never both present")
    if a.values is not None and b.values is not None:
        rho = spearman(a.values[both], b.values[both])
        order = "in nearly the same order as" if rho > 0.95 else "in nearly the opposite order of" if rho < -0.95 else ""
        way = "higher" if rho > 0 else "lower"
        words = (
            f"{clean(a.name)} runs {order} {clean(b.name)}" if order else f"the higher {clean(a.name)}, the {way} {clean(b.name)}"
        )
        return Relation(a.name, b.name, f"Spearman {rho:+.2f}", abs(rho), n, words)
    if a.codes is not None and b.codes is not None:
        codes, others = a.codes[both], b.codes[both]
        return Relation(a.name, b.name, "Cramér's V", cramers_v(codes, others), n, _cell_words(a, b, crosstab(codes, others)))
    groups, numbers = (a, b) if b.values is not None else (b, a)
    codes, values = cast(Codes, groups.codes)[both], cast(Floats, numbers.values)[both]
    return Relation(
        a.name, b.name, "correlation ratio", correlation_ratio(codes, values), n, _median_words(groups, numbers, codes, values)
    )


def _cell_words(a: Variable, b: Variable, table: Floats) -> str:
    """The pair of levels that is there most over what independence would give, in units of chance."""
    n = table.sum()
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0, keepdims=True) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        surplus = np.where(expected > 0, (table - expected) / np.sqrt(expected), -np.inf)
    i, j = np.unravel_index(int(surplus.argmax()), surplus.shape)
    inside, overall = table[i, j] / table[i].sum(), table[:, j].sum() / n
    return (
        f"{clean(b.name)} is {clean(b.levels[j])} for {percent(inside)} where {clean(a.name)} is {clean(a.levels[i])}, "
        f"for {percent(overall)} of all"
    )


def _median_words(groups: Variable, numbers: Variable, codes: Codes, values: Floats) -> str:
    found = {
        level: float(np.median(values[codes == i]))
        for i, level in enumerate(groups.levels)
        if level != RARE and (codes == i).sum() >= LEAST
    }
    if len(found) < 2:
        return "its groups are too small to compare"
    high, low = max(found, key=lambda level: found[level]), min(found, key=lambda level: found[level])
    if found[high] == found[low]:
        return f"the median of {clean(numbers.name)} is {numbers.shown(found[high])} in every group"
    return (
        f"median {clean(numbers.name)} {numbers.shown(found[high])} where {clean(groups.name)} is {clean(high)}, "
        f"{numbers.shown(found[low])} where {clean(low)}"
    )


def among(variables: Sequence[Variable]) -> list[Relation]:
    """All pairs of columns, the strongest first."""
    return ranked([between(a, b) for a, b in combinations(variables, 2)])


def ranked(relations: Sequence[Relation]) -> list[Relation]:
    """Relations, the strongest first; equally strong ones by name."""
    return sorted(relations, key=lambda r: (-r.strength, r.first, r.second))


def with_target(
    variables: Sequence[Variable], target: Variable, positive: str, *, seed: int, shuffles: int = 19
) -> list[Relation]:
    """Each column against the target, those first that tell most of it.

    What a column tells is Theil's uncertainty coefficient: mutual information over the entropy of the target, numbers in ten
    groups of like size. The target is shuffled `shuffles` times, the same for all columns; chance does better than in all of
    them in one case of `shuffles` + 1.
    """
    rng = np.random.default_rng(seed)
    codes = cast(Codes, target.codes)
    shuffled = [rng.permutation(codes) for _ in range(shuffles)]
    whole = entropy(codes)
    found = []
    for v in variables:
        relation, groups = between(v, target), binned(v)
        told = mutual_information(groups, codes) / whole
        chance = max((mutual_information(groups, other) / whole for other in shuffled), default=0.0)
        words = _target_words(v, target, positive, told * whole)
        found.append(replace(relation, words=words, told=told, chance=chance))
    return sorted(found, key=lambda r: (-r.told, r.first))


def entropy(codes: Codes) -> float:
    """The entropy of a column of codes in bits."""
    p = np.bincount(codes) / len(codes)
    return float(-(p[p > 0] * np.log2(p[p > 0])).sum())


def _target_words(v: Variable, target: Variable, positive: str, bits: float) -> str:
    """What a column tells of the target: where the positive class is most and least frequent; of several classes, what stands out."""
    codes, there = cast(Codes, target.codes), v.present
    if len(target.levels) != 2:
        if v.values is not None:
            return _median_words(target, v, codes[there], v.values[there])
        return _cell_words(v, target, crosstab(cast(Codes, v.codes)[there], codes[there]))
    hit = codes == target.levels.index(positive)
    groups = _groups(v)
    gap = ~there
    if min(gap.sum(), there.sum()) >= LEAST and mutual_information(gap.astype(np.int64), codes) > 0.5 * bits:
        groups = {"there": there, "missing": gap}
    rates = {name: float(hit[inside].mean()) for name, inside in groups.items() if inside.sum() >= LEAST}
    if len(rates) < 2:
        return "its groups are too small to compare"
    high, low = max(rates, key=lambda name: rates[name]), min(rates, key=lambda name: rates[name])
    return (
        f"{clean(target.name)} {clean(positive)} for {percent(rates[high])} where {clean(v.name)} is {clean(high)}, "
        f"for {percent(rates[low])} where {clean(low)}"
    )


def _groups(v: Variable, parts: int = 5) -> dict[str, npt.NDArray[np.bool_]]:
    """The levels of a category, or a number in some `parts` parts of like size, by name."""
    if v.values is None:
        codes = cast(Codes, v.codes)
        return {level: codes == i for i, level in enumerate(v.levels) if level != RARE}
    codes = np.where(v.present, binned(v, parts), -1)
    found = {}
    for code in np.unique(codes[codes >= 0]).tolist():
        inside = codes == code
        low, high = v.values[inside].min(), v.values[inside].max()
        found[v.shown(low) if low == high else f"{v.shown(low)} to {v.shown(high)}"] = inside
    return found

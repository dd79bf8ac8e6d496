"""Measures of association between columns, one for each pair of kinds, all from 0 (independent) to 1 (one determines the other).

Numbers are compared by rank, so that the measures are robust to skew and outliers. Rows in which either column is missing are left out;
missingness itself is analysed in `missing.missingness`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats
from scipy.stats.contingency import expected_freq

from glassbox.data.schema import ColumnSchema
from glassbox.findings.wording import clean, number, percent

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
MOST_LEVELS = 50  # of a category; rarer levels are merged into one
LEAST = 30  # rows: smaller groups are not mentioned in descriptions
RARE = "(rare)"
TOO_SMALL = "the groups are too small to compare"


@dataclass(frozen=True)
class Variable:
    """A column prepared for analysis: numbers (dates as days since 1970) with NaN where missing, or level codes with -1."""

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
        """The mask of rows in which the column is not missing."""
        if self.values is not None:
            return np.isfinite(self.values)
        return self._codes >= 0

    @property
    def _codes(self) -> Codes:
        return cast(Codes, self.codes)

    @property
    def years(self) -> bool:
        """True for whole numbers in the range of years, which are formatted without a thousands separator."""
        values = cast(Floats, self.values)[self.present]
        return not self.date and bool(values.min() >= 1500 and values.max() <= 2200 and (values == np.round(values)).all())

    def format(self, value: float) -> str:
        """Format a value of this column for display."""
        if self.date:
            return str(np.datetime64(round(value), "D"))
        return f"{value:.0f}" if self.years else number(float(value))


@dataclass(frozen=True)
class Relation:
    """The association of two columns: measure, strength, number of rows, and a description in words.

    With the target as `second`, `uncertainty_explained` is the share of the target's entropy that `first` alone removes, including
    nonlinear effects and missingness; `chance` is the largest share that permuted targets reach.
    """

    first: str
    second: str
    measure: str
    strength: float
    n: int
    description: str
    uncertainty_explained: float = 0.0
    chance: float = 0.0

    @property
    def beyond_chance(self) -> bool:
        return self.uncertainty_explained > self.chance


def variable(column: pd.Series, schema: ColumnSchema) -> Variable | None:
    """Prepare a column for analysis; None when it has fewer than two values, or is text or an identifier."""
    if schema.kind in ("number", "date"):
        dates = schema.kind == "date"
        values = _days(column) if dates else column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
        values[np.isinf(values)] = np.nan
        observed = values[np.isfinite(values)]
        return Variable(schema.name, values=values, date=dates) if len(observed) and observed.min() < observed.max() else None
    if schema.kind in ("category", "boolean"):
        categories = categorical_variable(schema.name, column)
        return categories if len(categories.levels) > 1 else None
    return None


def categorical_variable(name: str, column: pd.Series) -> Variable:
    """Prepare a categorical column, with its levels ordered by frequency, then by name."""
    counts = column.value_counts()
    order = sorted(counts.index.tolist(), key=lambda level: (-int(counts[level]), str(level)))
    frequent, rare = (order, []) if len(order) <= MOST_LEVELS else (order[: MOST_LEVELS - 1], order[MOST_LEVELS - 1 :])
    code = {**{level: i for i, level in enumerate(frequent)}, **dict.fromkeys(rare, len(frequent))}
    codes = column.map(code).fillna(-1).to_numpy(dtype=np.int64)
    return Variable(name, codes=codes, levels=tuple([str(level) for level in frequent] + ([RARE] if rare else [])))


def _days(column: pd.Series) -> Floats:
    stamps = column.to_numpy().astype("datetime64[us]")
    days = (stamps - np.datetime64("1970-01-01", "us")) / np.timedelta64(1, "D")
    return np.where(np.isnat(stamps), np.nan, days)


# ----------------------------------------------------------------------------------------------------------- measures


def spearman(x: Floats, y: Floats) -> float:
    """Return Spearman's rank correlation with mean ranks for ties; 0 when either column is constant.

    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([1.0, 8.0, 27.0]))
    1.0
    """
    return float(stats.spearmanr(x, y).statistic) if np.ptp(x) > 0 and np.ptp(y) > 0 else 0.0


def cramers_v(a: Codes, b: Codes) -> float:
    """Return the bias-corrected Cramér's V of two columns of codes (Bergsma 2013, eq. 5 to 7).

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
    expected = expected_freq(table)
    phi2 = float(((table - expected) ** 2 / expected).sum()) / n
    rows, columns = r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)
    least = min(rows, columns) - 1
    if least <= 0:
        return 0.0
    return float(min(1.0, np.sqrt(max(0.0, phi2 - (r - 1) * (k - 1) / (n - 1)) / least)))


def correlation_ratio(codes: Codes, values: Floats) -> float:
    """Return ε, the bias-corrected correlation ratio of ranks by group (Kelley 1935).

    ε² = 1 - (1 - η²)(n - 1)/(n - k), with η² the share of the sum of squares of ranks between the k groups.

    >>> round(correlation_ratio(np.array([0, 0, 1, 1]), np.array([1.0, 2.0, 3.0, 4.0])), 4)
    0.8367
    """
    return _ratio_of_ranks(codes, stats.rankdata(values))


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
    """Return the mutual information in bits, less its bias (Miller 1955): (r-1)(k-1) / (2 n ln 2) for an r × k table; at least 0.

    >>> round(mutual_information(np.array([0, 1] * 500), np.array([0, 1] * 500)), 3)
    0.999
    """
    table = crosstab(a, b)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    n, (r, k) = table.sum(), table.shape
    if not n:
        return 0.0
    # mutual_info_score of scikit-learn takes several times as long, most of it for validation, and this runs for many permutations.
    p = table / n
    ratio = p / (p.sum(axis=1, keepdims=True) * p.sum(axis=0, keepdims=True))
    bits = float((p[p > 0] * np.log2(ratio[p > 0])).sum())
    return max(0.0, bits - float((r - 1) * (k - 1) / (2 * n * np.log(2))))


def crosstab(a: Codes, b: Codes) -> Floats:
    """Count each pair of codes, with shape (codes of a, codes of b)."""
    if not len(a):
        return np.zeros((0, 0))
    width = int(b.max()) + 1
    flat = np.bincount(a * width + b, minlength=(int(a.max()) + 1) * width)
    return flat.reshape(-1, width).astype(np.float64)


def binned(v: Variable, bins: int = 10) -> Codes:
    """Return codes from 0: levels unchanged, numbers in about `bins` quantile bins; missing values have a code of their own."""
    if v.values is None:
        codes = cast(Codes, v.codes)
        return np.where(codes < 0, len(v.levels), codes)
    edges = np.unique(np.quantile(v.values[v.present], np.linspace(0, 1, bins + 1)[1:-1]))
    return np.where(v.present, np.searchsorted(edges, v.values, side="left"), len(edges) + 1).astype(np.int64)


# --------------------------------------------------------------------------------------------------------------- pairs


def pair_relation(a: Variable, b: Variable) -> Relation:
    """Measure the association of two columns, by the measure for their kinds."""
    both = a.present & b.present
    n = int(both.sum())
    if n < 3:
        return Relation(a.name, b.name, "too few rows", 0.0, n, "too few rows have both")
    if a.values is not None and b.values is not None:
        rho = spearman(a.values[both], b.values[both])
        order = "nearly the same" if rho > 0.95 else "nearly the opposite" if rho < -0.95 else ""
        direction = "higher" if rho > 0 else "lower"
        description = (
            f"{clean(a.name)} and {clean(b.name)} rank the rows in {order} order"
            if order
            else f"the higher {clean(a.name)}, the {direction} {clean(b.name)}"
        )
        return Relation(a.name, b.name, f"Spearman {rho:+.2f}", abs(rho), n, description)
    if a.codes is not None and b.codes is not None:
        codes, others = a.codes[both], b.codes[both]
        return Relation(
            a.name, b.name, "Cramér's V", cramers_v(codes, others), n, _cell_description(a, b, crosstab(codes, others))
        )
    groups, numbers = (a, b) if b.values is not None else (b, a)
    codes, values = cast(Codes, groups.codes)[both], cast(Floats, numbers.values)[both]
    return Relation(
        a.name,
        b.name,
        "correlation ratio",
        correlation_ratio(codes, values),
        n,
        _median_description(groups, numbers, codes, values),
    )


def _cell_description(a: Variable, b: Variable, table: Floats) -> str:
    """Describe the pair of levels with the largest standardised excess over independence."""
    n = table.sum()
    expected = expected_freq(table)
    with np.errstate(divide="ignore", invalid="ignore"):
        excess = np.where(expected > 0, (table - expected) / np.sqrt(expected), -np.inf)
    i, j = np.unravel_index(int(excess.argmax()), excess.shape)
    inside, overall = table[i, j] / table[i].sum(), table[:, j].sum() / n
    return (
        f"{clean(b.name)} is {clean(b.levels[j])} in {percent(inside)} of the rows with {clean(a.name)} {clean(a.levels[i])}, "
        f"and in {percent(overall)} of all rows"
    )


def _median_description(groups: Variable, numbers: Variable, codes: Codes, values: Floats) -> str:
    medians = {
        level: float(np.median(values[codes == i]))
        for i, level in enumerate(groups.levels)
        if level != RARE and (codes == i).sum() >= LEAST
    }
    if len(medians) < 2:
        return TOO_SMALL
    high, low = max(medians, key=lambda level: medians[level]), min(medians, key=lambda level: medians[level])
    if medians[high] == medians[low]:
        return f"the median of {clean(numbers.name)} is {numbers.format(medians[high])} for every value of {clean(groups.name)}"
    return (
        f"the median of {clean(numbers.name)} is {numbers.format(medians[high])} for {clean(groups.name)} {clean(high)}, "
        f"and {numbers.format(medians[low])} for {clean(low)}"
    )


def all_pairs(variables: Sequence[Variable]) -> list[Relation]:
    """Measure the association of all pairs of columns, the strongest first."""
    return ranked([pair_relation(a, b) for a, b in combinations(variables, 2)])


def ranked(relations: Sequence[Relation]) -> list[Relation]:
    """Sort relations by decreasing strength, and ties by name."""
    return sorted(relations, key=lambda r: (-r.strength, r.first, r.second))


def relations_with_target(
    variables: Sequence[Variable], target: Variable, positive: str, *, seed: int, shuffles: int = 19
) -> list[Relation]:
    """Measure the association of each column with the target, the most informative first.

    The uncertainty explained is Theil's uncertainty coefficient: the mutual information over the entropy of the target, with numbers in
    ten quantile bins. The target is permuted `shuffles` times, the same way for all columns; a column that is independent of the target
    exceeds all permutations with probability 1 / (`shuffles` + 1).
    """
    rng = np.random.default_rng(seed)
    codes = cast(Codes, target.codes)
    shuffled = [rng.permutation(codes) for _ in range(shuffles)]
    total = entropy(codes)
    related = []
    for v in variables:
        relation, groups = pair_relation(v, target), binned(v)
        uncertainty_explained = mutual_information(groups, codes) / total
        chance = max((mutual_information(groups, permuted) / total for permuted in shuffled), default=0.0)
        description = _target_description(v, target, positive, uncertainty_explained * total)
        related.append(replace(relation, description=description, uncertainty_explained=uncertainty_explained, chance=chance))
    return sorted(related, key=lambda r: (-r.uncertainty_explained, r.first))


def entropy(codes: Codes) -> float:
    """Return the entropy of a column of codes in bits."""
    return float(stats.entropy(np.bincount(codes), base=2))


def _target_description(v: Variable, target: Variable, positive: str, bits: float) -> str:
    """Describe where the positive class is most and least frequent; with several classes, the largest difference between them."""
    codes, present = cast(Codes, target.codes), v.present
    if len(target.levels) != 2:
        if v.values is not None:
            return _median_description(target, v, codes[present], v.values[present])
        return _cell_description(v, target, crosstab(cast(Codes, v.codes)[present], codes[present]))
    hit = codes == target.levels.index(positive)
    groups = _groups(v)
    absent = ~present
    if min(absent.sum(), present.sum()) >= LEAST and mutual_information(absent.astype(np.int64), codes) > 0.5 * bits:
        groups = {"present": present, "missing": absent}
    rates = {name: float(hit[inside].mean()) for name, inside in groups.items() if inside.sum() >= LEAST}
    if len(rates) < 2:
        return TOO_SMALL
    high, low = max(rates, key=lambda name: rates[name]), min(rates, key=lambda name: rates[name])
    return (
        f"{clean(target.name)} is {clean(positive)} in {percent(rates[high])} of the rows where {clean(v.name)} is {clean(high)}, "
        f"and in {percent(rates[low])} where it is {clean(low)}"
    )


def _groups(v: Variable, parts: int = 5) -> dict[str, npt.NDArray[np.bool_]]:
    """Return the masks of the levels of a category, or of about `parts` quantile bins of a number, by name."""
    if v.values is None:
        codes = cast(Codes, v.codes)
        return {level: codes == i for i, level in enumerate(v.levels) if level != RARE}
    codes = np.where(v.present, binned(v, parts), -1)
    masks = {}
    for code in np.unique(codes[codes >= 0]).tolist():
        inside = codes == code
        low, high = v.values[inside].min(), v.values[inside].max()
        masks[v.format(low) if low == high else f"{v.format(low)} to {v.format(high)}"] = inside
    return masks

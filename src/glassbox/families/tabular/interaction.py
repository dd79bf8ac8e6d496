"""Pairwise interactions: departure of the joint effect of two columns on the target from a logistic model without interaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import cast

import numpy as np
from scipy.special import expit
from scipy.stats import chi2

from glassbox.families.tabular.association import RARE, Codes, Floats, Relation, Variable, binned
from glassbox.families.tabular.explore import ColumnView

PARTS, LEVELS = 4, 5  # bins of a number, levels of a category
LEAST = 30  # rows: smaller cells are not reported


@dataclass(frozen=True)
class Grid:
    """The share of the target for each pair of values of two columns.

    Attributes
    ----------
    first, second, first_levels, second_levels
        The columns and their values, in order.
    share, n
        The share of the target and the number of rows, of shape (first, second).
    target
        The class of the share.
    p
        The p-value of the departure from a model without interaction, corrected for the number of pairs (Bonferroni).
    tested
        The number of pairs that were tested.
    """

    first: str
    second: str
    first_levels: list[str]
    second_levels: list[str]
    share: Floats
    n: Floats
    target: str
    p: float
    tested: int


def interaction(view: ColumnView, strongest: Sequence[Relation], top: int = 7) -> Grid | None:
    """Find the pair with the strongest interaction among the columns most associated with the target; None with fewer than two columns.

    A logistic model without interaction is fitted to the table of shares of each pair, and the pair whose deviance has the smallest p-value
    is selected (Agresti 2013, sec. 5.2 and 6.1). Numbers are cut into four quantile bins; of categories, the most frequent levels are
    distinguished and the rest is merged.
    """
    names = [relation.first for relation in strongest if relation.first in {v.name for v in view.variables}][:top]
    hit = (view.y == view.classes.index(view.positive)).astype(np.int64)
    binned_columns = {name: _cut(view.variable(name)) for name in names}
    grids = []
    for a, b in combinations(names, 2):
        (codes, levels), (others, more) = binned_columns[a], binned_columns[b]
        present = (codes >= 0) & (others >= 0)
        if not present.any():
            continue
        n, hits = _counts(codes[present], others[present], hit[present], len(levels), len(more))
        deviance, freedom = departure(hits, n)
        if freedom > 0:
            share = hits / np.maximum(1, n)
            share, n, levels, more = _sorted(view, a, b, share, n, levels, more)
            grids.append((chi2.logsf(deviance, freedom), a, b, levels, more, share, n))
    if not grids:
        return None
    least, a, b, levels, more, share, n = min(grids, key=lambda grid: (grid[0], grid[1], grid[2]))
    return Grid(a, b, levels, more, share, n, view.positive, float(min(1.0, np.exp(least) * len(grids))), len(grids))


def _sorted(
    view: ColumnView, a: str, b: str, share: Floats, n: Floats, first: list[str], second: list[str]
) -> tuple[Floats, Floats, list[str], list[str]]:
    """Sort the levels of categories by their share; the bins of numbers stay in order."""
    marginal = (share * n).sum(axis=1) / np.maximum(1, n.sum(axis=1)), (share * n).sum(axis=0) / np.maximum(1, n.sum(axis=0))
    down = np.arange(len(first)) if view.variable(a).numeric else np.argsort(-marginal[0], kind="stable")
    across = np.arange(len(second)) if view.variable(b).numeric else np.argsort(-marginal[1], kind="stable")
    both = np.ix_(down, across)
    return share[both], n[both], [first[i] for i in down], [second[j] for j in across]


def _cut(v: Variable) -> tuple[Codes, list[str]]:
    """Bin a column into a few codes, -1 where missing, and return the names of the bins."""
    if v.values is None:
        codes = cast(Codes, v.codes)
        if len(v.levels) <= LEVELS + 1:
            return codes, list(v.levels)
        return np.minimum(codes, LEVELS), [*v.levels[:LEVELS], RARE]
    groups = np.where(v.present, binned(v, PARTS), -1)
    levels = np.unique(groups[groups >= 0])
    codes = np.where(groups >= 0, np.searchsorted(levels, groups), -1)
    spans = [(v.values[codes == i].min(), v.values[codes == i].max()) for i in range(len(levels))]
    return codes, [v.format(low) if low == high else f"{v.format(low)} to {v.format(high)}" for low, high in spans]


def _counts(a: Codes, b: Codes, hit: Codes, rows: int, columns: int) -> tuple[Floats, Floats]:
    flat = a * columns + b
    n = np.bincount(flat, minlength=rows * columns).reshape(rows, columns)
    hits = np.bincount(flat, weights=hit, minlength=rows * columns).reshape(rows, columns)
    return np.asarray(n, dtype=np.float64), np.asarray(hits, dtype=np.float64)


def departure(hits: Floats, n: Floats) -> tuple[float, int]:
    """Return the deviance of a table of shares from a logistic model without interaction, and its degrees of freedom.

    Examples
    --------
    Odds that multiply (1:1, 2:1 and 2:1, 4:1) have no interaction:

    >>> deviance, freedom = departure(np.array([[30.0, 40.0], [40.0, 48.0]]), np.array([[60.0, 60.0], [60.0, 60.0]]))
    >>> round(deviance, 6), freedom
    (0.0, 1)
    """
    rows, columns = n.shape
    filled = n.ravel() > 0
    i, j = (index.ravel()[filled] for index in np.indices(n.shape))
    k, total = hits.ravel()[filled], n.ravel()[filled]
    design = np.column_stack(
        [np.ones(len(k)), *(i == level for level in range(1, rows)), *(j == level for level in range(1, columns))]
    )
    design = design.astype(np.float64)
    weights = np.zeros(design.shape[1])
    ridge = 1e-8 * np.eye(design.shape[1])
    for _ in range(30):  # Newton's method; bounding the log-odds keeps cells with shares of 0 or 1 finite
        p = expit(np.clip(design @ weights, -12, 12))
        step = np.linalg.solve(design.T @ (design * (total * p * (1 - p))[:, None]) + ridge, design.T @ (k - total * p))
        weights = weights + np.clip(step, -4, 4)
        if np.abs(step).max() < 1e-9:
            break
    p = expit(np.clip(design @ weights, -12, 12))
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = np.where(k > 0, k * np.log(k / (total * p)), 0.0)
        outside = np.where(k < total, (total - k) * np.log((total - k) / (total * (1 - p))), 0.0)
    return max(0.0, float(2 * (inside + outside).sum())), int(filled.sum() - np.linalg.matrix_rank(design))

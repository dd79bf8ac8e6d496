"""Data drift: distances of a batch from the reference profile, and limits for distances due to chance."""

import hashlib

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import rel_entr
from scipy.stats import chi2

from glassbox.errors import GlassboxError
from glassbox.monitoring.bins import bin_counts
from glassbox.monitoring.profile import ColumnProfile, Profile

# The conventional limit below which a shift is too small to matter, however significant it is [Siddiqi 2006].
MATERIAL_PSI = 0.1
DRAWS = 10_000
Counts = npt.NDArray[np.int64]


def stability_index(reference: npt.ArrayLike, batch: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Compute the population stability index (PSI) between counts in the same bins.

    .. math:: PSI = \\sum_i (q_i - p_i) \\ln (q_i / p_i)

    with the shares `p` of the reference and `q` of the batch ([1]_, chapter 9); this is the symmetric divergence of Jeffreys [2]_.
    Half a row is added to every bin (Jeffreys' prior), so that empty bins give a finite index.

    Parameters
    ----------
    reference, batch : array-like of shape (..., bins)
        Counts.

    Returns
    -------
    ndarray of shape (...)
        The index: 0 for equal shares, without an upper bound.

    References
    ----------
    .. [1] Siddiqi, N. (2006). Credit Risk Scorecards. Wiley.
    .. [2] Jeffreys, H. (1946). An invariant form for the prior probability in estimation problems. Proceedings of the
       Royal Society A, 186, equation 1.

    Examples
    --------
    >>> float(stability_index([10, 10], [10, 10]))
    0.0
    """
    p, q = _shares(reference, 0.5), _shares(batch, 0.5)
    return np.asarray(np.sum((q - p) * np.log(q / p), axis=-1), dtype=np.float64)


def jensen_shannon(reference: npt.ArrayLike, batch: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Compute the Jensen-Shannon distance between counts in the same bins.

    The distance is the square root of the divergence to base 2 ([1]_, equation 5.1 with equal weights) and a metric [2]_: 0 for
    equal shares, 1 for distributions without a common bin.

    Parameters
    ----------
    reference, batch : array-like of shape (..., bins)
        Counts, with at least one row each.

    References
    ----------
    .. [1] Lin, J. (1991). Divergence measures based on the Shannon entropy. IEEE Trans. Information Theory, 37(1).
    .. [2] Endres, D. M. and Schindelin, J. E. (2003). A new metric for probability distributions. IEEE Trans.
       Information Theory, 49(7).

    Examples
    --------
    >>> float(jensen_shannon([5, 0], [0, 5]))
    1.0
    """
    p, q = _shares(reference, 0.0), _shares(batch, 0.0)
    middle = (p + q) / 2
    divergence = (rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=-1) / (2 * np.log(2))
    return np.asarray(np.sqrt(np.maximum(divergence, 0.0)), dtype=np.float64)


def _shares(counts: npt.ArrayLike, added: float) -> npt.NDArray[np.float64]:
    filled = np.asarray(counts, dtype=np.float64) + added
    return np.asarray(filled / filled.sum(axis=-1, keepdims=True), dtype=np.float64)


def chance_index(column: ColumnProfile, rows: int, level: float) -> float:
    """Return the stability index that a batch without drift exceeds with probability `level`.

    The index is simulated: reference and batch are both drawn from the shares of the reference, at their own sizes. (The index is
    then approximately chi-squared, scaled by 1/n + 1/N [1]_; the approximation is poor for small batches and rare categories.)

    Parameters
    ----------
    column : ColumnProfile
        The reference column.
    rows : int
        The number of rows of the batch.
    level : float
        A probability. Below 10 / `DRAWS`, the simulated quantile is extrapolated with the chi-squared distribution.

    References
    ----------
    .. [1] Yurdakul, B. (2018). Statistical properties of population stability index. Western Michigan University.
    """
    shares = _shares(column.counts, 0.5)
    rng = np.random.default_rng(_seed(column.name, rows))
    total = int(sum(column.counts))
    simulated = stability_index(rng.multinomial(total, shares, DRAWS), rng.multinomial(rows, shares, DRAWS))
    resolved = max(level, 10 / DRAWS)
    freedom = max(1, len(shares) - 1)
    extrapolation = chi2.isf(level, freedom) / chi2.isf(resolved, freedom)
    return float(np.quantile(simulated, 1 - resolved, method="higher") * extrapolation)


def _seed(name: str, rows: int) -> int:
    return int.from_bytes(hashlib.sha256(f"{rows}:{name}".encode()).digest()[:8], "big")


def chance_limits(profile: Profile, rows: int, false_alarms: float) -> list[float]:
    """Return for each column of a profile the stability index that a batch of `rows` rows may reach by chance.

    Over all columns together, at most a share `false_alarms` of the batches without drift exceeds any of these limits (Bonferroni
    correction, which holds for any dependence between the columns).

    Raises
    ------
    ValueError
        `rows` is not positive, or `false_alarms` is not between 0 and 1.
    """
    if rows < 1 or not 0 < false_alarms < 1:
        raise ValueError(f"rows must be positive and false_alarms between 0 and 1; found {rows} and {false_alarms}.")
    level = false_alarms / max(1, len(profile.columns))
    return [chance_index(column, rows, level) for column in profile.columns]


def drift_limits(profile: Profile, rows: int, false_alarms: float) -> list[float]:
    """Return for each column of a profile the stability index above which a batch of `rows` rows counts as drifted.

    The limit is that of `chance_limits`, but at least `MATERIAL_PSI`: a smaller shift does not matter, even if it is significant.
    """
    return [max(MATERIAL_PSI, chance) for chance in chance_limits(profile, rows, false_alarms)]


def drift(profile: Profile, batch: pd.DataFrame, predictions: pd.DataFrame, limits: list[float]) -> pd.DataFrame:
    """Compare a batch with the reference, column by column.

    Parameters
    ----------
    profile : Profile
        The reference profile.
    batch : DataFrame of shape (n, ...)
        New data, conformed to the schema of the training data. Missing values have a bin of their own.
    predictions : DataFrame of shape (n, ...)
        The predictions of the model for these rows.
    limits : list of float
        The limits from `drift_limits` for batches of n rows.

    Returns
    -------
    DataFrame
        One row per column, in descending order of index divided by limit: ``column``, ``role``, ``psi``, ``limit``, ``js``
        (Jensen-Shannon distance), ``drifted``, ``most changed`` (the bin with the largest contribution to the index) and the share
        of this bin ``before`` and ``now``.

    Raises
    ------
    GlassboxError
        The batch is empty, or lacks a column of the profile.
    """
    if not len(batch):
        raise GlassboxError("The batch has no rows; expected at least one row.")
    rows = []
    for column, limit in zip(profile.columns, limits, strict=True):
        source = batch if column.role == "field" else predictions
        if column.name not in source.columns:
            raise GlassboxError(f"The batch has no {column.role} named {column.name!r}, which is part of the profile.")
        rows.append(column_drift(column, bin_counts(source[column.name], column.bins), limit))
    table = pd.DataFrame(rows)
    order = (table["psi"] / table["limit"]).sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def column_drift(column: ColumnProfile, counts: Counts, limit: float) -> dict[str, object]:
    """Compare the bin counts of one column in a batch with the reference; the result is one row of `drift`."""
    reference = np.array(column.counts)
    p, q = _shares(reference, 0.5), _shares(counts, 0.5)
    most = int(np.argmax((q - p) * np.log(q / p)))
    index = float(stability_index(reference, counts))
    return {
        "column": column.name,
        "role": column.role,
        "psi": index,
        "limit": limit,
        "js": float(jensen_shannon(reference, counts)),
        "drifted": index > limit,
        "most changed": column.bins.labels[most],
        "before": float(reference[most] / reference.sum()),
        "now": float(counts[most] / counts.sum()),
    }

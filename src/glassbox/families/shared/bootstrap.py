"""Bootstrap intervals: resampling weights shared by the metrics of every family, and percentile intervals.

Rows are drawn with replacement (Efron & Tibshirani 1993, *An Introduction to the Bootstrap*, ch. 13). Where rows belong to
clusters, whole clusters are drawn (ibid., sec. 8.3), because rows of one cluster are not independent.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from glassbox.findings.model import Estimate

Floats = npt.NDArray[np.float64]
MAX_CELLS = 500_000  # resamples × rows that are in memory at once


def resample_weights(clusters: int, resamples: int, seed: int, *, rows: int | None = None) -> Iterator[Floats]:
    """Yield the number of draws of each cluster in batches of shape (resamples of the batch, clusters).

    The draws do not depend on the size of a batch, and two models that are resampled with the same seed get the same draws.

    Parameters
    ----------
    clusters
        The number of clusters; each row is its own cluster unless rows are grouped.
    rows
        The number of rows, if larger than `clusters`; it limits the size of a batch.
    """
    rng = np.random.default_rng(seed)
    batch = max(1, MAX_CELLS // max(1, rows or clusters))
    for start in range(0, resamples, batch):
        size = min(batch, resamples - start)
        draws = rng.integers(0, clusters, size=(size, clusters)) + clusters * np.arange(size)[:, None]
        yield np.bincount(draws.ravel(), minlength=size * clusters).reshape(size, clusters).astype(np.float64)


def percentile_interval(value: float, draws: Floats, n: int) -> Estimate:
    """Return a value with the 2.5th and 97.5th percentiles of its resamples.

    The interval is None if the metric is defined on fewer than half of the resamples, and the value is None if it is not finite.

    Parameters
    ----------
    value
        The metric on the rows themselves.
    draws
        (resamples,) the metric on each resample; NaN where it is not defined.
    n
        The number of rows.
    """
    if not np.isfinite(value):
        return Estimate(value=None, n=n)
    defined = draws[np.isfinite(draws)]
    if len(defined) < max(2, len(draws) // 2):
        return Estimate(value=float(value), n=n)
    low, high = np.percentile(defined, [2.5, 97.5])
    return Estimate(value=float(value), low=float(low), high=float(high), n=n)

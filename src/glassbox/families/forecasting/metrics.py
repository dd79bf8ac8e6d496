"""Forecast metrics: scale-free errors by step and by series, with bootstrap intervals.

A `Forecasts` holds point forecasts and actual values. Each row is a window (one series from one origin), each column a step
ahead.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from glassbox.findings.model import Estimate
from glassbox.metrics import METRICS

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LEVEL = QUANTILES[-1] - QUANTILES[0]  # nominal coverage of the interval that `coverage` measures
NAMES = ("mase", "rmsse", "smape", "pinball", "coverage", "mae", "rmse")
RESAMPLES = {"low": 500, "medium": 1000, "high": 2000}
MANY_SERIES = 10  # with at least so many, the bootstrap resamples series; with fewer, origins


def more_is_better(metric: str) -> bool:
    """Return True if larger values of the metric are better."""
    return METRICS[metric].higher_is_better


def leading_metric(requirements: Mapping[str, Any]) -> str:
    """Return the metric used for model selection: the first required metric of point forecasts, or else MASE."""
    points = ("mase", "rmsse", "smape", "mae", "rmse")
    return next((name for name in requirements if name in points), "mase")


@dataclass(frozen=True)
class Forecasts:
    """Forecasts and actual values of a set of windows.

    Attributes
    ----------
    series, origin
        (windows,) the series' row number, and the number of steps known at the origin.
    actual, point
        (windows, H); steps where `actual` is NaN are not scored.
    scale, scale2
        (windows,) `panel.scales` of the history, with power 1 and 2.
    quantiles
        (windows, H, Q) at `QUANTILES`; None without prediction intervals.
    """

    series: Indices
    origin: Indices
    actual: Floats
    point: Floats
    scale: Floats
    scale2: Floats
    quantiles: Floats | None = None

    def take(self, rows: Any) -> "Forecasts":
        """Return a subset of the windows."""
        parts = {name: getattr(self, name)[rows] for name in ("series", "origin", "actual", "point", "scale", "scale2")}
        return Forecasts(**parts, quantiles=None if self.quantiles is None else self.quantiles[rows])

    def with_point(self, point: Floats) -> "Forecasts":
        """Return the same windows with other point forecasts and no quantiles."""
        return replace(self, point=point, quantiles=None)

    def joined(self, later: "Forecasts") -> "Forecasts":
        """Append other windows of the same series; without quantiles."""
        names = ("series", "origin", "actual", "point", "scale", "scale2")
        return Forecasts(**{name: np.concatenate([getattr(self, name), getattr(later, name)]) for name in names})

    @property
    def n_steps(self) -> int:
        """Number of scored steps."""
        return int((~np.isnan(self.actual)).sum())


def _mean(errors: Floats) -> Floats:
    """Return the mean over each window's steps; NaN where no step is scored."""
    observed = ~np.isnan(errors)
    total = np.where(observed, errors, 0.0).sum(axis=1)
    return np.where(observed.any(axis=1), total / np.maximum(observed.sum(axis=1), 1), np.nan)


def absolute_errors(forecasts: Forecasts) -> Floats:
    """Return the absolute errors, of shape (windows, H)."""
    return np.abs(forecasts.actual - forecasts.point)


def symmetric_errors(actual: Floats, point: Floats) -> Floats:
    """Return the terms of sMAPE, from 0 to 2; 0 where actual and forecast are both 0.

    .. math:: 2 |y - f| / (|y| + |f|)

    As in the M4 competition ([1]_, equation 1, without the factor of 100).

    References
    ----------
    .. [1] Makridakis, S., Spiliotis, E. and Assimakopoulos, V. (2020). The M4 competition: 100,000 time series and 61
       forecasting methods. International Journal of Forecasting, 36(1).

    Examples
    --------
    >>> symmetric_errors(np.array([1.0, 0.0]), np.array([3.0, 0.0])).tolist()
    [1.0, 0.0]
    """
    size = np.abs(actual) + np.abs(point)
    errors = 2 * np.abs(actual - point)
    return np.where(np.isnan(actual), np.nan, np.divide(errors, size, out=np.zeros_like(errors), where=size > 0))


def pinball_errors(actual: Floats, quantiles: Floats, levels: Sequence[float] = QUANTILES) -> Floats:
    """Return the pinball loss averaged over the levels, of shape (windows, H).

    .. math:: \\max(q (y - f), (q - 1)(y - f))

    [1]_, equation 2.

    References
    ----------
    .. [1] Koenker, R. and Bassett, G. (1978). Regression quantiles. Econometrica, 46(1).

    Examples
    --------
    >>> pinball_errors(np.array([[10.0]]), np.array([[[8.0]]]), [0.9]).round(6).tolist()
    [[1.8]]
    """
    q = np.asarray(levels)
    errors = actual[:, :, None] - quantiles
    return np.asarray(np.maximum(q * errors, (q - 1) * errors).mean(axis=2))


def covered(forecasts: Forecasts) -> Floats:
    """Return 1 where the outer interval contains the actual value, 0 elsewhere, NaN without one; of shape (windows, H)."""
    assert forecasts.quantiles is not None
    inside = (forecasts.actual >= forecasts.quantiles[:, :, 0]) & (forecasts.actual <= forecasts.quantiles[:, :, -1])
    return np.where(np.isnan(forecasts.actual), np.nan, inside.astype(float))


def _needs_quantiles(errors: Callable[[Forecasts], Floats]) -> Callable[[Forecasts], Floats]:
    return lambda forecasts: np.full(forecasts.actual.shape, np.nan) if forecasts.quantiles is None else errors(forecasts)


# A metric averages these terms over each window's steps, then over windows. Root metrics take the root of each window's mean
# before averaging over windows.
_TERMS: dict[str, Callable[[Forecasts], Floats]] = {
    "mase": lambda forecasts: absolute_errors(forecasts) / forecasts.scale[:, None],
    "rmsse": lambda forecasts: absolute_errors(forecasts) ** 2 / forecasts.scale2[:, None],
    "smape": lambda forecasts: symmetric_errors(forecasts.actual, forecasts.point),
    "pinball": _needs_quantiles(lambda forecasts: 2 * pinball_errors(forecasts.actual, _q(forecasts)) / forecasts.scale[:, None]),
    "coverage": _needs_quantiles(covered),
    "mae": absolute_errors,
    "rmse": lambda forecasts: absolute_errors(forecasts) ** 2,
}
_ROOTED = ("rmsse", "rmse")


def _q(forecasts: Forecasts) -> Floats:
    assert forecasts.quantiles is not None
    return forecasts.quantiles


def by_window(forecasts: Forecasts, metric: str) -> Floats:
    """Return the metric of each window, of shape (windows,); NaN where no step is scored.

    MASE and RMSSE divide by the error of the seasonal naive forecast on the history (see `panel.scales`). The pinball loss is
    scaled like MASE and doubled, so that at the median it equals MASE.
    """
    mean = _mean(_TERMS[metric](forecasts))
    return np.sqrt(mean) if metric in _ROOTED else mean


def by_step(forecasts: Forecasts, metric: str) -> Floats:
    """Return the metric at each step ahead over all windows, of shape (H,)."""
    terms = _TERMS[metric](forecasts)
    observed = ~np.isnan(terms)
    mean = np.where(observed, terms, 0.0).sum(axis=0) / np.maximum(observed.sum(axis=0), 1)
    return np.where(observed.any(axis=0), np.sqrt(mean) if metric in _ROOTED else mean, np.nan)


def score(forecasts: Forecasts, metric: str) -> float:
    """Return the metric averaged over all windows, each with equal weight (MAE and RMSE are in the units of the target)."""
    windows = by_window(forecasts, metric)
    windows = windows[~np.isnan(windows)]
    return float(windows.mean()) if len(windows) else float("nan")


def clusters(forecasts: Forecasts) -> Indices:
    """Return the bootstrap clusters of the windows, within which errors are correlated: series if there are many, else origins."""
    return forecasts.series if len(np.unique(forecasts.series)) >= MANY_SERIES else forecasts.origin


def bootstrap(values: Floats, groups: Indices, *, resamples: int, seed: int) -> Floats:
    """Return cluster-bootstrap means of `values`, of shape (resamples,); NaN values are ignored."""
    observed = ~np.isnan(values)
    _, codes = np.unique(groups[observed], return_inverse=True)
    count = int(codes.max()) + 1 if len(codes) else 0
    if not count:
        return np.full(resamples, np.nan)
    sums, sizes = np.bincount(codes, values[observed], count), np.bincount(codes, minlength=count)
    draws = np.random.default_rng(seed).integers(0, count, (resamples, count))
    return np.asarray(sums[draws].sum(axis=1) / sizes[draws].sum(axis=1))


def estimate(forecasts: Forecasts, metric: str, *, resamples: int, seed: int) -> Estimate:
    """Estimate the metric with a 95 % bootstrap interval over `clusters`; no interval with fewer than three clusters."""
    windows, groups = by_window(forecasts, metric), clusters(forecasts)
    value = score(forecasts, metric)
    if np.isnan(value):
        return Estimate(value=None, n=0)
    low = high = None
    if len(np.unique(groups[~np.isnan(windows)])) >= 3:
        low, high = (float(v) for v in np.quantile(bootstrap(windows, groups, resamples=resamples, seed=seed), [0.025, 0.975]))
    return Estimate(value=value, low=low, high=high, n=forecasts.n_steps)


def paired_gain(better: Forecasts, worse: Forecasts, metric: str, *, resamples: int, seed: int) -> Estimate:
    """Estimate the gain of one forecast over another on the same windows; positive means better.

    The per-window differences are resampled by cluster, so windows that are difficult for both forecasts cancel out.
    """
    sign = 1.0 if more_is_better(metric) else -1.0
    gains = sign * (by_window(better, metric) - by_window(worse, metric))
    groups = clusters(better)
    value = float(np.nanmean(gains))
    if len(np.unique(groups[~np.isnan(gains)])) < 3:
        return Estimate(value=value, n=better.n_steps)
    low, high = np.quantile(bootstrap(gains, groups, resamples=resamples, seed=seed), [0.025, 0.975])
    return Estimate(value=value, low=float(low), high=float(high), n=better.n_steps)


def estimates(forecasts: Forecasts, names: Sequence[str] = NAMES, *, resamples: int, seed: int) -> dict[str, Estimate]:
    """Estimate several metrics, each with its interval."""
    return {name: estimate(forecasts, name, resamples=resamples, seed=seed) for name in names}

"""How good forecasts are: errors that can be compared across series, by step and by series, with intervals.

A `Forecasts` holds what was forecast and what came, a window (one series from one origin) a row and a step ahead a column.
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
LEVEL = QUANTILES[-1] - QUANTILES[0]  # of the interval whose coverage is counted
NAMES = ("mase", "rmsse", "smape", "pinball", "coverage", "mae", "rmse")
RESAMPLES = {"low": 500, "medium": 1000, "high": 2000}
MANY_SERIES = 10  # from so many on, intervals are over series; below, over origins


def more_is_better(metric: str) -> bool:
    """Whether a larger value is a better one."""
    return METRICS[metric].higher_is_better


def leading_metric(requirements: Mapping[str, Any]) -> str:
    """What decides between models: the first requirement that judges point forecasts, else MASE."""
    points = ("mase", "rmsse", "smape", "mae", "rmse")
    return next((name for name in requirements if name in points), "mase")


@dataclass(frozen=True)
class Forecasts:
    """Forecasts beside what came.

    Attributes
    ----------
    series, origin
        (windows,) which series by number, and how many steps were known when it was forecast.
    actual, point
        (windows, H); `actual` is NaN where nothing came: that step is not judged.
    scale, scale2
        (windows,) of `panel.scales` with power 1 and 2, on what was known.
    quantiles
        (windows, H, Q) at `QUANTILES`; None where no interval was made.
    """

    series: Indices
    origin: Indices
    actual: Floats
    point: Floats
    scale: Floats
    scale2: Floats
    quantiles: Floats | None = None

    def take(self, rows: Any) -> "Forecasts":
        """Some of the windows."""
        parts = {name: getattr(self, name)[rows] for name in ("series", "origin", "actual", "point", "scale", "scale2")}
        return Forecasts(**parts, quantiles=None if self.quantiles is None else self.quantiles[rows])

    def with_point(self, point: Floats) -> "Forecasts":
        """The same windows, forecast otherwise."""
        return replace(self, point=point, quantiles=None)

    @property
    def judged(self) -> int:
        """How many steps can be judged."""
        return int((~np.isnan(self.actual)).sum())


def _mean(errors: Floats) -> Floats:
    """The mean over a window's steps; NaN where none can be judged."""
    there = ~np.isnan(errors)
    total = np.where(there, errors, 0.0).sum(axis=1)
    return np.where(there.any(axis=1), total / np.maximum(there.sum(axis=1), 1), np.nan)


def absolute_errors(found: Forecasts) -> Floats:
    """(windows, H)."""
    return np.abs(found.actual - found.point)


def symmetric_errors(actual: Floats, point: Floats) -> Floats:
    """The terms of sMAPE, from 0 to 2; 0 where actual and forecast are both 0.

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
    apart = 2 * np.abs(actual - point)
    return np.where(np.isnan(actual), np.nan, np.divide(apart, size, out=np.zeros_like(apart), where=size > 0))


def pinball_errors(actual: Floats, quantiles: Floats, levels: Sequence[float] = QUANTILES) -> Floats:
    """The pinball loss, averaged over the levels: of shape (windows, H).

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
    apart = actual[:, :, None] - quantiles
    return np.asarray(np.maximum(q * apart, (q - 1) * apart).mean(axis=2))


def covered(found: Forecasts) -> Floats:
    """1 where the outer interval holds what came, 0 where not, NaN where nothing came; of shape (windows, H)."""
    assert found.quantiles is not None
    inside = (found.actual >= found.quantiles[:, :, 0]) & (found.actual <= found.quantiles[:, :, -1])
    return np.where(np.isnan(found.actual), np.nan, inside.astype(float))


def _needs_quantiles(errors: Callable[[Forecasts], Floats]) -> Callable[[Forecasts], Floats]:
    return lambda found: np.full(found.actual.shape, np.nan) if found.quantiles is None else errors(found)


# A metric is the mean over a window's steps of these, divided by the window's scale, then over windows: the root, if any,
# is taken of each window's mean before that.
_TERMS: dict[str, Callable[[Forecasts], Floats]] = {
    "mase": lambda found: absolute_errors(found) / found.scale[:, None],
    "rmsse": lambda found: absolute_errors(found) ** 2 / found.scale2[:, None],
    "smape": lambda found: symmetric_errors(found.actual, found.point),
    "pinball": _needs_quantiles(lambda found: 2 * pinball_errors(found.actual, _q(found)) / found.scale[:, None]),
    "coverage": _needs_quantiles(covered),
    "mae": absolute_errors,
    "rmse": lambda found: absolute_errors(found) ** 2,
}
_ROOTED = ("rmsse", "rmse")


def _q(found: Forecasts) -> Floats:
    assert found.quantiles is not None
    return found.quantiles


def by_window(found: Forecasts, metric: str) -> Floats:
    """The metric of each window, of shape (windows,); NaN where none of its steps can be judged.

    MASE and RMSSE divide by the error of the seasonal naive forecast on what was known (see `panel.scales`); the pinball loss is
    scaled as MASE is, and doubled, so that at the median it is the MASE.
    """
    mean = _mean(_TERMS[metric](found))
    return np.sqrt(mean) if metric in _ROOTED else mean


def by_step(found: Forecasts, metric: str) -> Floats:
    """The metric at each step ahead, over all windows, of shape (H,)."""
    terms = _TERMS[metric](found)
    there = ~np.isnan(terms)
    mean = np.where(there, terms, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return np.where(there.any(axis=0), np.sqrt(mean) if metric in _ROOTED else mean, np.nan)


def score(found: Forecasts, metric: str) -> float:
    """The metric over all windows: every series counts alike, whatever its size (MAE and RMSE are in its units)."""
    windows = by_window(found, metric)
    windows = windows[~np.isnan(windows)]
    return float(windows.mean()) if len(windows) else float("nan")


def clusters(found: Forecasts) -> Indices:
    """What is redrawn for intervals: series where there are many, else origins, whose errors go together."""
    return found.series if len(np.unique(found.series)) >= MANY_SERIES else found.origin


def bootstrap(values: Floats, groups: Indices, *, resamples: int, seed: int) -> Floats:
    """Means of `values` over redrawn groups, of shape (resamples,); values that are NaN are left out."""
    there = ~np.isnan(values)
    _, codes = np.unique(groups[there], return_inverse=True)
    count = int(codes.max()) + 1 if len(codes) else 0
    if not count:
        return np.full(resamples, np.nan)
    sums, sizes = np.bincount(codes, values[there], count), np.bincount(codes, minlength=count)
    draws = np.random.default_rng(seed).integers(0, count, (resamples, count))
    return np.asarray(sums[draws].sum(axis=1) / sizes[draws].sum(axis=1))


def estimate(found: Forecasts, metric: str, *, resamples: int, seed: int) -> Estimate:
    """The metric with its 95 % bootstrap interval over `clusters`; without one where there are fewer than three of these."""
    windows, groups = by_window(found, metric), clusters(found)
    value = score(found, metric)
    if np.isnan(value):
        return Estimate(value=None, n=0)
    low = high = None
    if len(np.unique(groups[~np.isnan(windows)])) >= 3:
        low, high = (float(v) for v in np.quantile(bootstrap(windows, groups, resamples=resamples, seed=seed), [0.025, 0.975]))
    return Estimate(value=value, low=low, high=high, n=found.judged)


def paired_gain(better: Forecasts, worse: Forecasts, metric: str, *, resamples: int, seed: int) -> Estimate:
    """By how much one forecast of the same windows is better than another; above zero is better.

    The difference of each window is redrawn with its cluster, so what is hard for both does not count.
    """
    sign = 1.0 if more_is_better(metric) else -1.0
    apart = sign * (by_window(better, metric) - by_window(worse, metric))
    groups = clusters(better)
    value = float(np.nanmean(apart))
    if len(np.unique(groups[~np.isnan(apart)])) < 3:
        return Estimate(value=value, n=better.judged)
    low, high = np.quantile(bootstrap(apart, groups, resamples=resamples, seed=seed), [0.025, 0.975])
    return Estimate(value=value, low=float(low), high=float(high), n=better.judged)


def estimates(found: Forecasts, names: Sequence[str] = NAMES, *, resamples: int, seed: int) -> dict[str, Estimate]:
    """Several metrics, each with its interval."""
    return {name: estimate(found, name, resamples=resamples, seed=seed) for name in names}

"""Prediction intervals: split-conformal quantiles of the backtest errors, in units of each series' own error."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from glassbox.families.forecasting.metrics import QUANTILES, Forecasts, absolute_errors
from glassbox.families.forecasting.panel import Floats

MIN_ERRORS = 200  # per quantile; steps with fewer pool the errors of their neighbours
LOWEST = 0.1  # relative error of a series whose forecasts were exact
OWN_ERROR = 5  # from this number of series on, each has a factor of its own


class Offsets(BaseModel):
    """Offsets to add to a point forecast, in units of the series: one row per step ahead, one column per quantile.

    The unit of a series is its scale times its factor in `factors`: its own error in the backtest relative to the mean over all series. A
    series without a factor has the factor 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    levels: list[float]
    offsets: list[list[float]]
    factors: dict[str, float] = {}

    def quantiles(self, point: Floats, scale: Floats, names: Sequence[str] | None = None) -> Floats:
        """Return quantiles of shape (windows, H, Q) around point forecasts (windows, H), given scale and series of each window."""
        offsets = np.array(self.offsets)[None, : point.shape[1]]
        factors = np.ones(len(point)) if names is None else np.array([self.factors.get(name, 1.0) for name in names])
        return np.asarray(point[:, :, None] + offsets * (scale * factors)[:, None, None])


def fit_offsets(backtest: Forecasts, names: Sequence[str] = (), levels: Sequence[float] = QUANTILES) -> Offsets:
    """Fit split-conformal offsets to the errors of a backtest.

    The signed errors are divided by their series' scale and by a factor from its other windows ([1]_, section 5.2). At each step ahead they
    are pooled with those of the nearest steps until there are at least `MIN_ERRORS`. The offset for a level q above one half is the
    k-th smallest error with k = ceil((n + 1) q); below one half it is the mirror image ([1]_, section 2). The intervals are therefore
    conservative. Series whose forecasts are exact from every origin, such as constant ones, are left out.

    Parameters
    ----------
    names
        The names of the series, for a factor of each; none by default.

    References
    ----------
    .. [1] Lei, J. et al. (2018). Distribution-free predictive inference for regression. Journal of the American
       Statistical Association, 113(523).
    """
    backtest = _inexact(backtest)
    errors = (backtest.actual - backtest.point) / backtest.scale[:, None]
    factors: dict[str, float] = {}
    if len(names) >= OWN_ERROR:
        of_series, of_window = _own_errors(backtest, len(names))
        factors = {name: float(factor) for name, factor in zip(names, of_series, strict=True)}
        errors = errors / of_window[:, None]
    horizon = errors.shape[1]
    rows = []
    for step in range(horizon):
        width = 0
        while True:
            near = errors[:, max(0, step - width) : step + width + 1]
            pooled = near[~np.isnan(near)]
            if len(pooled) >= MIN_ERRORS or width >= horizon:
                break
            width += 1
        rows.append([_conformal_quantile(np.sort(pooled), level) for level in levels])
    return Offsets(levels=list(levels), offsets=rows, factors=factors)


def _inexact(backtest: Forecasts) -> Forecasts:
    """Leave out the series whose forecasts are exact from every origin."""
    total = np.bincount(backtest.series, np.nansum(absolute_errors(backtest), axis=1))
    return backtest.take(total[backtest.series] > 0)


def _own_errors(backtest: Forecasts, count: int) -> tuple[Floats, Floats]:
    """Return the error of each series relative to the mean over all series: from all its windows, and for each window from its others.

    Both are credibility estimates ([1]_, section 3.1): the mean of n windows is shrunk towards 1 with the weight K / (n + K) of the latter,
    where K is the variance between the windows of a series, divided by the variance between the series.

    References
    ----------
    .. [1] Bühlmann, H. and Gisler, A. (2005). A Course in Credibility Theory and its Applications. Springer.
    """
    errors = absolute_errors(backtest) / backtest.scale[:, None]
    scored = ~np.isnan(errors)
    known, series = scored.any(axis=1), backtest.series
    window = np.where(scored, errors, 0.0).sum(axis=1) / np.maximum(scored.sum(axis=1), 1)
    window = window / (float(window[known].mean()) if window.any() else 1.0)
    n = np.bincount(series[known], minlength=count)
    total = np.bincount(series[known], window[known], minlength=count)
    means = np.divide(total, n, out=np.ones(count), where=n > 0)
    within = float(((window - means[series])[known] ** 2).sum() / max(known.sum() - (n > 0).sum(), 1))
    between = float(np.var(means[n > 0]) - within * np.mean(1 / n[n > 0])) if known.any() else 0.0
    prior = within / max(between, 1e-9)

    def relative(sums: Any, windows: Any) -> Floats:
        return np.asarray(np.maximum((sums + prior) / np.maximum(windows + prior, 1e-9), LOWEST))

    others = relative(total[series] - np.where(known, window, 0.0), n[series] - known)
    return relative(total, n), others


def _conformal_quantile(ordered: Floats, level: float) -> float:
    """Return the conformal quantile of sorted errors, without interpolation.

    >>> errors = np.arange(1.0, 20.0)
    >>> _conformal_quantile(errors, 0.95), _conformal_quantile(errors, 0.05), _conformal_quantile(errors, 0.5)
    (19.0, 1.0, 10.0)
    """
    n = len(ordered)
    if not n:
        return 0.0
    upper = int(np.ceil((n + 1) * max(level, 1 - level) - 1e-9))
    rank = min(upper, n) if level >= 0.5 else max(n + 1 - upper, 1)
    return float(ordered[rank - 1])

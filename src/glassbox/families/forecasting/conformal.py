"""Prediction intervals: split-conformal quantiles of the backtest errors."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from glassbox.families.forecasting.metrics import QUANTILES, Forecasts
from glassbox.families.forecasting.panel import Floats

MIN_ERRORS = 200  # per quantile; steps with fewer pool the errors of their neighbours


class Offsets(BaseModel):
    """Offsets to add to a point forecast, in units of the series' scale: one row per step ahead, one column per quantile."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    levels: list[float]
    offsets: list[list[float]]

    def quantiles(self, point: Floats, scale: Floats) -> Floats:
        """Return quantiles of shape (windows, H, Q) around point forecasts (windows, H), given each series' scale (windows,)."""
        offsets = np.array(self.offsets)[None, : point.shape[1]]
        return np.asarray(point[:, :, None] + offsets * scale[:, None, None])


def fit_offsets(backtest: Forecasts, levels: Sequence[float] = QUANTILES) -> Offsets:
    """Fit split-conformal offsets to the errors of a backtest.

    At each step ahead the signed errors, divided by their series' scale, are pooled with those of the nearest steps until
    there are at least `MIN_ERRORS`. The offset for a level q above one half is the k-th smallest error with k = ceil((n + 1) q);
    below one half it is the mirror image ([1]_, section 2). The intervals are therefore conservative.

    References
    ----------
    .. [1] Lei, J. et al. (2018). Distribution-free predictive inference for regression. Journal of the American
       Statistical Association, 113(523).
    """
    errors = (backtest.actual - backtest.point) / backtest.scale[:, None]
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
    return Offsets(levels=list(levels), offsets=rows)


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

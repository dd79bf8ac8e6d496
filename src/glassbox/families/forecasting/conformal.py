"""Intervals that cover what they say: conformal quantiles of what the backtest missed by."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from glassbox.families.forecasting.metrics import QUANTILES, Forecasts
from glassbox.families.forecasting.panel import Floats

ENOUGH = 200  # scaled errors that a quantile is taken of, at least: steps share theirs with their neighbours until there are


class Offsets(BaseModel):
    """What is added to a point forecast, in units of the series' scale: one row a step ahead, one column a quantile."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    levels: list[float]
    offsets: list[list[float]]

    def quantiles(self, point: Floats, scale: Floats) -> Floats:
        """Quantiles of shape (windows, H, Q) around point forecasts (windows, H) of series of a scale (windows,)."""
        added = np.array(self.offsets)[None, : point.shape[1]]
        return np.asarray(point[:, :, None] + added * scale[:, None, None])


def fit_offsets(found: Forecasts, levels: Sequence[float] = QUANTILES) -> Offsets:
    """Split-conformal offsets from the errors of a backtest.

    At each step ahead the signed errors, divided by their series' scale, are pooled with those of the nearest steps until
    there are `ENOUGH`; the offset for a level q above one half is their k-th smallest with k = ceil((n + 1) q), below one half
    the mirror image ([1]_, section 2), so that the interval errs on the wide side.

    References
    ----------
    .. [1] Lei, J. et al. (2018). Distribution-free predictive inference for regression. Journal of the American
       Statistical Association, 113(523).
    """
    errors = (found.actual - found.point) / found.scale[:, None]
    horizon = errors.shape[1]
    rows = []
    for step in range(horizon):
        width = 0
        while True:
            near = errors[:, max(0, step - width) : step + width + 1]
            log_opinion_pool = near[~np.isnan(near)]
            if len(log_opinion_pool) >= ENOUGH or width >= horizon:
                break
            width += 1
        rows.append([_quantile(np.sort(log_opinion_pool), level) for level in levels])
    return Offsets(levels=list(levels), offsets=rows)


def _quantile(ordered: Floats, level: float) -> float:
    """The conformal quantile of sorted errors: never between two of them.

    >>> _quantile(np.arange(1.0, 20.0), 0.95), _quantile(np.arange(1.0, 20.0), 0.05), _quantile(np.arange(1.0, 20.0), 0.5)
    (19.0, 1.0, 10.0)
    """
    n = len(ordered)
    if not n:
        return 0.0
    upper = int(np.ceil((n + 1) * max(level, 1 - level) - 1e-9))
    rank = min(upper, n) if level >= 0.5 else max(n + 1 - upper, 1)
    return float(ordered[rank - 1])

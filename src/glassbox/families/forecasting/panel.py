"""Panels: many time series on one regular time axis, stored as matrices."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.errors import DataError
from glassbox.families.forecasting.frequency import Step

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """Many series on one time axis: series in rows, steps in columns.

    Attributes
    ----------
    names
        Names of the series, sorted.
    times
        The T time steps, without gaps.
    values
        (series, T); NaN where the data has no row.
    covariates
        Matrices (series, T) by name; NaN where a value is missing.
    """

    step: Step
    names: list[str]
    times: pd.DatetimeIndex
    values: Floats
    covariates: dict[str, Floats] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Number of steps, T."""
        return len(self.times)

    def until(self, end: int) -> "Panel":
        """Return the first `end` steps: the history known at that origin."""
        covariates = {name: matrix[:, :end] for name, matrix in self.covariates.items()}
        return replace(self, times=self.times[:end], values=self.values[:, :end], covariates=covariates)

    def latest(self, count: int) -> "Panel":
        """Return the last `count` steps."""
        start = max(0, self.steps - count)
        covariates = {name: matrix[:, start:] for name, matrix in self.covariates.items()}
        return replace(self, times=self.times[start:], values=self.values[:, start:], covariates=covariates)

    def take(self, rows: Sequence[int]) -> "Panel":
        """Return the series at the given row numbers."""
        chosen = list(rows)
        covariates = {name: matrix[chosen] for name, matrix in self.covariates.items()}
        return replace(self, names=[self.names[i] for i in chosen], values=self.values[chosen], covariates=covariates)

    def of_series(self, names: Sequence[str]) -> "Panel":
        """Return the series with these names; one that is not in the panel has no values."""
        row_of = {name: i for i, name in enumerate(self.names)}

        def rows(matrix: Floats) -> Floats:
            blank = np.full((1, matrix.shape[1]), np.nan)
            return np.vstack([matrix[[row_of[name]]] if name in row_of else blank for name in names])

        covariates = {name: rows(matrix) for name, matrix in self.covariates.items()}
        return replace(self, names=list(names), values=rows(self.values), covariates=covariates)

    def joined(self, later: "Panel") -> "Panel":
        """Append a later panel of the same series; steps between the two are missing."""
        if later.names != self.names:
            raise ValueError("the two panels hold different series; expected the same names in the same order")
        times = self.step.range(self.times[0], later.times[-1])

        def side_by_side(left: Floats, right: Floats) -> Floats:
            joined = np.full((len(self.names), len(times)), np.nan)
            joined[:, : left.shape[1]] = left
            joined[:, len(times) - right.shape[1] :] = right
            return joined

        names = sorted({*self.covariates, *later.covariates})
        blank = {id(p): {n: p.covariates.get(n, np.full(p.values.shape, np.nan)) for n in names} for p in (self, later)}
        covariates = {name: side_by_side(blank[id(self)][name], blank[id(later)][name]) for name in names}
        return replace(self, times=times, values=side_by_side(self.values, later.values), covariates=covariates)

    @property
    def digest(self) -> str:
        """SHA-256 of the step, names, times, values and covariates."""
        digest = hashlib.sha256(f"{self.step!r}{self.names!r}".encode())
        digest.update(np.ascontiguousarray(self.times.asi8).tobytes())
        for name, matrix in [("", self.values), *sorted(self.covariates.items())]:
            digest.update(name.encode())
            digest.update(np.ascontiguousarray(matrix).tobytes())
        return digest.hexdigest()


def panel_of(frame: pd.DataFrame, *, time: str, target: str, series: str | None, covariates: Sequence[str], step: Step) -> Panel:
    """Convert a snapshot to a panel; the order of its rows does not matter.

    Parameters
    ----------
    frame
        One row per series and step; `time` is datetime64, target and covariates are numeric.
    series
        The column with the names of the series; None for a single series.

    Raises
    ------
    DataError
        When a timestamp lies between two steps, or a series has two rows at the same step.
    """
    labels = frame[series].astype(str) if series else pd.Series("", index=frame.index)
    names = sorted(labels.unique().tolist())
    timestamps = pd.DatetimeIndex(frame[time]).as_unit("us")
    times = step.range(timestamps.min(), timestamps.max())
    column = times.get_indexer(timestamps)
    row = pd.Index(names).get_indexer(labels)
    if (column < 0).any():
        first_odd = timestamps[column < 0][0]
        raise DataError(f"{time}: {first_odd} lies between two steps; expected one row per {step.name}.")
    if len(set(zip(row.tolist(), column.tolist(), strict=True))) != len(frame):
        raise DataError(f"{time}: a series has more than one row at the same timestamp; expected one.")

    def matrix(name: str) -> Floats:
        cells = np.full((len(names), len(times)), np.nan)
        cells[row, column] = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        return cells

    return Panel(step, names, times, matrix(target), {name: matrix(name) for name in covariates})


def filled(values: Floats, season: int) -> Floats:
    """Fill gaps inside each series with the value one season earlier, or else with the last value.

    Steps before a series' first value stay NaN. A gap is never filled from later values.

    Parameters
    ----------
    values
        (series, T).
    season
        Season length in steps.

    Examples
    --------
    >>> filled(np.array([[np.nan, 1.0, 2.0, np.nan, np.nan]]), 2).tolist()
    [[nan, 1.0, 2.0, 1.0, 2.0]]
    """
    result = values.copy()
    started = np.cumsum(~np.isnan(values), axis=1) > 0
    for column in np.flatnonzero((np.isnan(values) & started).any(axis=0)):
        gap = np.isnan(result[:, column]) & started[:, column]
        before = result[gap, column - season] if column >= season else np.full(int(gap.sum()), np.nan)
        result[gap, column] = np.where(np.isnan(before), result[gap, column - 1], before)
    return result


def trimmed(row: Floats) -> Floats:
    """Drop the missing values before a series' first value."""
    observed = np.flatnonzero(~np.isnan(row))
    return row[observed[0] :] if len(observed) else row[:0]


def is_constant(values: Floats, season: int) -> Any:
    """Return whether each series has had the same value for at least two seasons, and five steps, up to its end."""
    known = np.cumsum(~np.isnan(values), axis=1)[:, -1] if values.shape[1] else np.zeros(len(values))
    low = np.where(np.isnan(values), np.inf, values).min(axis=1, initial=np.inf)
    high = np.where(np.isnan(values), -np.inf, values).max(axis=1, initial=-np.inf)
    return (low == high) & (known >= max(2 * season, 5))


def interval_scales(values: Floats, season: int) -> Floats:
    """Return `scales`, but 0 for a constant series, whose prediction interval is its value."""
    return np.where(is_constant(values, season), 0.0, scales(values, season))


def scales(values: Floats, season: int, power: int = 1) -> Floats:
    """Return the mean error of the seasonal naive forecast on each series: the denominator of MASE (power 1) and RMSSE (power 2).

    .. math:: \\frac{1}{T - m} \\sum_{t = m + 1}^{T} |y_t - y_{t - m}|^p

    starting at each series' first non-zero value ([1]_, equation 1; [2]_, section 2.2). A series that repeats exactly from
    season to season is scaled by the mean of its absolute values instead, or by 1 if that is also zero, so that its
    errors stay finite.

    Parameters
    ----------
    values
        (series, T); NaN is ignored.
    season
        Season length m in steps.

    Returns
    -------
    ndarray of shape (series,)
        Always positive.

    References
    ----------
    .. [1] Hyndman, R. J. and Koehler, A. B. (2006). Another look at measures of forecast accuracy. International Journal
       of Forecasting, 22(4).
    .. [2] Makridakis, S., Spiliotis, E. and Assimakopoulos, V. (2022). M5 accuracy competition. International Journal of
       Forecasting, 38(4).
    """
    started = np.cumsum(np.nan_to_num(values) != 0, axis=1) > 0
    observed = np.where(started, values, np.nan)
    errors = np.abs(observed[:, season:] - observed[:, :-season]) ** power
    scored = ~np.isnan(errors)
    mean = np.where(scored, errors, 0.0).sum(axis=1) / np.maximum(scored.sum(axis=1), 1)
    size = np.nan_to_num(np.abs(values)) ** power
    fallback = size.sum(axis=1) / np.maximum((~np.isnan(values)).sum(axis=1), 1)
    scale: Any = np.where(mean > 0, mean, np.where(fallback > 0, fallback, 1.0))
    return np.asarray(scale, dtype=np.float64)

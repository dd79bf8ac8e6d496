"""A panel: many series over one regular axis of time, as matrices. What every model and metric here takes."""

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
    """Series in rows, steps in columns.

    Attributes
    ----------
    names
        The series, sorted.
    times
        The steps, without a gap, of length T.
    values
        (series, T); NaN where there is no row.
    covariates
        Name to (series, T); NaN where nothing is known.
    """

    step: Step
    names: list[str]
    times: pd.DatetimeIndex
    values: Floats
    covariates: dict[str, Floats] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return len(self.times)

    def until(self, end: int) -> "Panel":
        """The first `end` steps: what is known at that origin."""
        known = {name: matrix[:, :end] for name, matrix in self.covariates.items()}
        return replace(self, times=self.times[:end], values=self.values[:, :end], covariates=known)

    def latest(self, count: int) -> "Panel":
        """The last `count` steps."""
        start = max(0, self.steps - count)
        known = {name: matrix[:, start:] for name, matrix in self.covariates.items()}
        return replace(self, times=self.times[start:], values=self.values[:, start:], covariates=known)

    def take(self, rows: Sequence[int]) -> "Panel":
        """Some of the series."""
        chosen = list(rows)
        known = {name: matrix[chosen] for name, matrix in self.covariates.items()}
        return replace(self, names=[self.names[i] for i in chosen], values=self.values[chosen], covariates=known)

    def joined(self, later: "Panel") -> "Panel":
        """This panel and one of the same series that begins after it; steps between them are missing."""
        if later.names != self.names:
            raise ValueError("panels of different series cannot be joined")
        times = self.step.range(self.times[0], later.times[-1])

        def both(left: Floats, right: Floats) -> Floats:
            made = np.full((len(self.names), len(times)), np.nan)
            made[:, : left.shape[1]] = left
            made[:, len(times) - right.shape[1] :] = right
            return made

        names = sorted({*self.covariates, *later.covariates})
        blank = {id(p): {n: p.covariates.get(n, np.full(p.values.shape, np.nan)) for n in names} for p in (self, later)}
        known = {name: both(blank[id(self)][name], blank[id(later)][name]) for name in names}
        return replace(self, times=times, values=both(self.values, later.values), covariates=known)

    @property
    def digest(self) -> str:
        """SHA-256 of all that is in it."""
        found = hashlib.sha256(f"{self.step!r}{self.names!r}".encode())
        found.update(np.ascontiguousarray(self.times.asi8).tobytes())
        for name, matrix in [("", self.values), *sorted(self.covariates.items())]:
            found.update(name.encode())
            found.update(np.ascontiguousarray(matrix).tobytes())
        return found.hexdigest()


def panel_of(frame: pd.DataFrame, *, time: str, target: str, series: str | None, covariates: Sequence[str], step: Step) -> Panel:
    """A snapshot as a panel, whatever the order of its rows.

    Parameters
    ----------
    frame
        One row a series and step: the column of moments is datetime64, target and covariates are numbers.
    series
        The column that names the series; None when there is one.

    Raises
    ------
    DataError
        When a moment lies between two steps, or a series has two rows at one.
    """
    labels = frame[series].astype(str) if series else pd.Series("", index=frame.index)
    names = sorted(labels.unique().tolist())
    moments = pd.DatetimeIndex(frame[time]).as_unit("us")
    times = step.range(moments.min(), moments.max())
    column = times.get_indexer(moments)
    row = pd.Index(names).get_indexer(labels)
    if (column < 0).any():
        odd = moments[column < 0][0]
        raise DataError(f"{time}: {odd} lies between two steps of a {step.words}.")
    if len(set(zip(row.tolist(), column.tolist(), strict=True))) != len(frame):
        raise DataError(f"{time}: a series has two rows at one moment.")

    def matrix(name: str) -> Floats:
        made = np.full((len(names), len(times)), np.nan)
        made[row, column] = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)
        return made

    return Panel(step, names, times, matrix(target), {name: matrix(name) for name in covariates})


def filled(values: Floats, season: int) -> Floats:
    """Gaps inside a series filled: by the value one season before where there is one, else by the last value.

    What lies before a series' first value stays NaN. Nothing later than a gap is used to fill it.

    Parameters
    ----------
    values
        (series, T).
    season
        Steps.

    Examples
    --------
    >>> filled(np.array([[np.nan, 1.0, 2.0, np.nan, np.nan]]), 2).tolist()
    [[nan, 1.0, 2.0, 1.0, 2.0]]
    """
    made = values.copy()
    begun = np.cumsum(~np.isnan(values), axis=1) > 0
    for at in np.flatnonzero((np.isnan(values) & begun).any(axis=0)):
        gap = np.isnan(made[:, at]) & begun[:, at]
        before = made[gap, at - season] if at >= season else np.full(int(gap.sum()), np.nan)
        made[gap, at] = np.where(np.isnan(before), made[gap, at - 1], before)
    return made


def trimmed(row: Floats) -> Floats:
    """A series from its first value on."""
    there = np.flatnonzero(~np.isnan(row))
    return row[there[0] :] if len(there) else row[:0]


def scales(values: Floats, season: int, power: int = 1) -> Floats:
    """The mean error of the seasonal naive forecast on each series: what MASE (power 1) and RMSSE (power 2) divide by.

    .. math:: \\frac{1}{T - m} \\sum_{t = m + 1}^{T} |y_t - y_{t - m}|^p

    from each series' first value that is not zero ([1]_, equation 1; [2]_, section 2.2). A series whose every season is as
    the last gets the mean of its absolute values, or 1 where that is nothing too: so its errors stay finite.

    Parameters
    ----------
    values
        (series, T); NaN is left out.
    season
        Steps, m.

    Returns
    -------
    ndarray of shape (series,)
        Above zero.

    References
    ----------
    .. [1] Hyndman, R. J. and Koehler, A. B. (2006). Another look at measures of forecast accuracy. International Journal
       of Forecasting, 22(4).
    .. [2] Makridakis, S., Spiliotis, E. and Assimakopoulos, V. (2022). M5 accuracy competition. International Journal of
       Forecasting, 38(4).
    """
    begun = np.cumsum(np.nan_to_num(values) != 0, axis=1) > 0
    kept = np.where(begun, values, np.nan)
    apart = np.abs(kept[:, season:] - kept[:, :-season]) ** power
    there = ~np.isnan(apart)
    mean = np.where(there, apart, 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)
    size = np.nan_to_num(np.abs(values)) ** power
    fallback = size.sum(axis=1) / np.maximum((~np.isnan(values)).sum(axis=1), 1)
    found: Any = np.where(mean > 0, mean, np.where(fallback > 0, fallback, 1.0))
    return np.asarray(found, dtype=np.float64)

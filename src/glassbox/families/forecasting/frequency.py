"""Frequency of a time series: its step, inferred from the timestamps, and the season lengths that follow from it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from glassbox.errors import DataError

MIN_REGULAR = 0.9  # share of gaps between neighbouring timestamps that must be a whole number of steps
_DAY = 86_400
_SECONDS = {"minute": 60, "hour": 3600, "day": _DAY, "week": 7 * _DAY}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_CYCLES = (_DAY, 7 * _DAY)  # seconds
_LONGEST_SEASON = 1500  # steps: longer cycles are modelled by calendar features, not by lags


class Step(BaseModel):
    """The distance between consecutive timestamps: a number of seconds, of calendar months, or one business day.

    `at_end` is true when months are labelled by their last day; `business` when there is a step from Monday to Friday only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: int = 0
    months: int = 0
    at_end: bool = False
    business: bool = False

    @property
    def offset(self) -> Any:
        """The step as a pandas offset."""
        if self.business:
            return pd.offsets.BusinessDay()
        if self.seconds:
            return pd.Timedelta(seconds=self.seconds)
        return pd.offsets.MonthEnd(self.months) if self.at_end else pd.DateOffset(months=self.months)

    @property
    def name(self) -> str:
        """The step's display name.

        >>> Step(seconds=3600).name, Step(seconds=900).name, Step(months=3).name
        ('hour', '15 minutes', 'quarter')
        """
        if self.business:
            return "business day"
        for table, size in ((_SECONDS, self.seconds), (_MONTHS, self.months)):
            names = [name for name, length in table.items() if length == size]
            if names:
                return names[0]
        if self.months:
            return f"{self.months} months"
        unit, length = next(((u, n) for u, n in reversed(_SECONDS.items()) if self.seconds % n == 0), ("second", 1))
        return f"{self.seconds // length} {unit}s"

    @property
    def seasons(self) -> list[int]:
        """Season lengths in steps, shortest first: a day and a week for hourly data, a week for daily data.

        >>> Step(seconds=3600).seasons, Step(seconds=86400).seasons, Step(months=1).seasons, Step(months=12).seasons
        ([24, 168], [7], [12], [1])
        """
        if self.business:
            return [5]
        if self.months:
            return [max(1, 12 // self.months)]
        if self.seconds == 7 * _DAY:
            return [52]
        lengths = [round(cycle / self.seconds) for cycle in _CYCLES if cycle / self.seconds >= 2]
        return [n for n in lengths if n <= _LONGEST_SEASON] or [1]

    def season_name(self, season: int) -> str:
        """Return the display name of a season of `season` steps.

        >>> Step(seconds=3600).season_name(168), Step(months=1).season_name(12), Step(seconds=60).season_name(90)
        ('a week', 'a year', '90 steps')
        """
        if self.business:
            return "a week" if season == 5 else f"{season} steps"
        lengths = {_DAY: "a day", 7 * _DAY: "a week", 364 * _DAY: "a year"}
        return "a year" if self.months and season * self.months == 12 else lengths.get(season * self.seconds, f"{season} steps")

    def floor(self, timestamps: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Round each timestamp down to its step."""
        if self.business:
            return pd.DatetimeIndex([pd.offsets.BusinessDay().rollback(day) for day in timestamps.normalize()]).as_unit("us")
        if self.months:
            if self.at_end:
                return timestamps.normalize() + pd.offsets.MonthEnd(0)
            ordinals = np.asarray(timestamps.year * 12 + timestamps.month - 1) // self.months * self.months
            return pd.DatetimeIndex((ordinals - 1970 * 12).astype("datetime64[M]").astype("datetime64[us]"))
        if self.seconds == 7 * _DAY:
            return timestamps.normalize() - pd.to_timedelta(timestamps.weekday, unit="D")
        return timestamps.floor(f"{self.seconds}s")

    def range(self, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
        """Return all steps from `first` to `last`, both included."""
        return pd.date_range(first, last, freq=self.offset).as_unit("us")

    def after(self, last: pd.Timestamp, count: int) -> pd.DatetimeIndex:
        """Return the `count` steps after `last`."""
        steps = pd.date_range(last, periods=count + 1, freq=self.offset).as_unit("us")
        return steps[steps > last][:count]


def named_step(name: str) -> Step:
    """Return the step named ``minute``, ``hour``, ``day``, ``week``, ``month``, ``quarter`` or ``year``."""
    return Step(seconds=_SECONDS[name]) if name in _SECONDS else Step(months=_MONTHS[name])


def find_step(timestamps: pd.DatetimeIndex, series: Any = None) -> Step:
    """Infer the step: the most common gap between distinct timestamps of a series, when nearly all gaps are multiples of it.

    Parameters
    ----------
    timestamps
        The time of each row.
    series
        The series of each row. By default, all rows are of one series.

    >>> find_step(pd.DatetimeIndex(["2020-01-31", "2020-02-29", "2020-03-31"])).at_end
    True

    Raises
    ------
    DataError
        When there are fewer than three distinct timestamps, or they are irregular.
    """
    distinct = timestamps.unique().sort_values()
    if len(distinct) < 3:
        raise DataError(f"data.time: {len(distinct)} distinct timestamps are too few to infer the frequency; set data.frequency.")
    seconds = _gaps(timestamps, series)
    lengths, counts = np.unique(seconds, return_counts=True)
    usual = int(lengths[np.argmax(counts)])
    if usual == _DAY and _skips_weekends(distinct):
        return Step(business=True)
    if 28 * _DAY <= usual <= 366 * _DAY:
        return _calendar_step(distinct)
    if usual > 0 and float(np.mean(seconds % usual == 0)) >= MIN_REGULAR:
        return Step(seconds=usual)
    common = ", ".join(f"{pd.Timedelta(seconds=int(n))} ({c:,} times)" for n, c in _most_common(lengths, counts))
    raise DataError(
        f"data.time: the timestamps are irregular; the most common gaps are {common}. "
        "Set data.frequency, and rows are aggregated into steps of that length."
    )


def _gaps(timestamps: pd.DatetimeIndex, series: Any) -> Any:
    """Return the seconds between neighbouring distinct timestamps of each series."""
    rows = pd.DataFrame(
        {"series": "" if series is None else np.asarray(series, dtype=object), "time": timestamps.as_unit("us").asi8}
    )
    rows = rows.drop_duplicates().sort_values(["series", "time"], kind="stable")
    gaps = rows.groupby("series")["time"].diff().dropna().to_numpy(dtype="int64") // 1_000_000
    return gaps if len(gaps) else np.diff(np.unique(rows["time"].to_numpy())) // 1_000_000


def _skips_weekends(distinct: pd.DatetimeIndex) -> bool:
    """Return whether days are Monday to Friday only, over at least two weeks, and at least four of the five are usual."""
    if len(distinct) < 10 or (distinct.weekday >= 5).any():
        return False
    return len(distinct) >= 0.8 * len(pd.bdate_range(distinct[0].normalize(), distinct[-1].normalize()))


def _most_common(lengths: Any, counts: Any, most: int = 3) -> Sequence[tuple[int, int]]:
    order = np.argsort(-counts, kind="stable")[:most]
    return [(int(lengths[i]), int(counts[i])) for i in order]


def _calendar_step(distinct: pd.DatetimeIndex) -> Step:
    ordinals = np.asarray(distinct.year * 12 + distinct.month)
    apart = np.diff(ordinals)
    months = int(np.gcd.reduce(apart[apart > 0])) if (apart > 0).any() else 0
    at_end = bool((distinct == distinct + pd.offsets.MonthEnd(0)).all())
    if months and (apart > 0).all() and (at_end or len(set(distinct.day)) == 1):
        return Step(months=months, at_end=at_end)
    raise DataError(
        "data.time: the timestamps are about a month apart, but not on the same day of the month; set data.frequency."
    )

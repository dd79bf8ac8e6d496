"""Steps of time: how far two rows of a series are apart, found in the moments themselves, and the seasons that follow."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from glassbox.errors import DataError

ENOUGH = 0.9  # of the distances between neighbours must be one step, or a whole number of steps
_DAY = 86_400
_SECONDS = {"minute": 60, "hour": 3600, "day": _DAY, "week": 7 * _DAY}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
# Steps in a season, the shortest first, by the length of a step in seconds: a day, a week, a year.
_CYCLES = (_DAY, 7 * _DAY, 365.25 * _DAY)
_LONGEST_SEASON = 1500  # steps: a longer cycle is told by the calendar, not by lags


class Step(BaseModel):
    """How far two moments of a series are apart: `seconds`, or else calendar `months`.

    `at_end` says that months are known by their last day.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seconds: int = 0
    months: int = 0
    at_end: bool = False

    @property
    def offset(self) -> Any:
        """The step as pandas has it."""
        if self.seconds:
            return pd.Timedelta(seconds=self.seconds)
        return pd.offsets.MonthEnd(self.months) if self.at_end else pd.DateOffset(months=self.months)

    @property
    def words(self) -> str:
        """The step in words.

        >>> Step(seconds=3600).words, Step(seconds=900).words, Step(months=3).words
        ('hour', '15 minutes', 'quarter')
        """
        for table, size in ((_SECONDS, self.seconds), (_MONTHS, self.months)):
            named = [name for name, length in table.items() if length == size]
            if named:
                return named[0]
        if self.months:
            return f"{self.months} months"
        unit, length = next(((u, n) for u, n in reversed(_SECONDS.items()) if self.seconds % n == 0), ("second", 1))
        return f"{self.seconds // length} {unit}s"

    @property
    def seasons(self) -> list[int]:
        """How many steps a season has, the shortest season first: a day and a week of hours, a week of days.

        >>> Step(seconds=3600).seasons, Step(seconds=86400).seasons, Step(months=1).seasons, Step(months=12).seasons
        ([24, 168], [7], [12], [1])
        """
        if self.months:
            return [max(1, 12 // self.months)]
        if self.seconds == 7 * _DAY:
            return [52]
        found = [round(cycle / self.seconds) for cycle in _CYCLES[:2] if cycle / self.seconds >= 2]
        return [n for n in found if n <= _LONGEST_SEASON] or [1]

    def season_words(self, season: int) -> str:
        """A season of so many steps in words.

        >>> Step(seconds=3600).season_words(168), Step(months=1).season_words(12), Step(seconds=60).season_words(90)
        ('a week', 'a year', '90 steps')
        """
        lengths = {_DAY: "a day", 7 * _DAY: "a week", 364 * _DAY: "a year"}
        return "a year" if self.months and season * self.months == 12 else lengths.get(season * self.seconds, f"{season} steps")

    def floor(self, moments: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """The beginning of the step that each moment lies in."""
        if self.months:
            if self.at_end:
                return moments.normalize() + pd.offsets.MonthEnd(0)
            ordinals = np.asarray(moments.year * 12 + moments.month - 1) // self.months * self.months
            return pd.DatetimeIndex((ordinals - 1970 * 12).astype("datetime64[M]").astype("datetime64[us]"))
        if self.seconds == 7 * _DAY:
            return moments.normalize() - pd.to_timedelta(moments.weekday, unit="D")
        return moments.floor(f"{self.seconds}s")

    def range(self, first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
        """Every step from the first moment to the last."""
        return pd.date_range(first, last, freq=self.offset).as_unit("us")

    def after(self, last: pd.Timestamp, count: int) -> pd.DatetimeIndex:
        """The `count` steps that follow a moment."""
        return pd.date_range(last, periods=count + 1, freq=self.offset).as_unit("us")[1:]


def named_step(name: str) -> Step:
    """The step of a name: ``minute`` to ``year``."""
    return Step(seconds=_SECONDS[name]) if name in _SECONDS else Step(months=_MONTHS[name])


def find_step(moments: pd.DatetimeIndex) -> Step:
    """The step that most neighbours among the distinct moments are apart, or whole multiples of it.

    >>> find_step(pd.DatetimeIndex(["2020-01-31", "2020-02-29", "2020-03-31"])).at_end
    True

    Raises
    ------
    DataError
        When there are fewer than three moments, or they keep to no step.
    """
    distinct = moments.unique().sort_values()
    if len(distinct) < 3:
        raise DataError(
            f"data.time: {len(distinct)} different moments are too few to tell how far apart they are; name data.frequency."
        )
    seconds = np.diff(distinct.as_unit("us").asi8) // 1_000_000
    lengths, counts = np.unique(seconds, return_counts=True)
    usual = int(lengths[np.argmax(counts)])
    if 28 * _DAY <= usual <= 366 * _DAY:
        return _calendar_step(distinct)
    if usual > 0 and float(np.mean(seconds % usual == 0)) >= ENOUGH:
        return Step(seconds=usual)
    common = ", ".join(f"{pd.Timedelta(seconds=int(n))} ({c:,} times)" for n, c in _commonest(lengths, counts))
    raise DataError(
        f"data.time: the moments keep to no step; their distances are {common} and others. "
        "Name data.frequency, and rows are put together into steps of that length."
    )


def _commonest(lengths: Any, counts: Any, most: int = 3) -> Sequence[tuple[int, int]]:
    order = np.argsort(-counts, kind="stable")[:most]
    return [(int(lengths[i]), int(counts[i])) for i in order]


def _calendar_step(distinct: pd.DatetimeIndex) -> Step:
    ordinals = np.asarray(distinct.year * 12 + distinct.month)
    apart = np.diff(ordinals)
    months = int(np.gcd.reduce(apart[apart > 0])) if (apart > 0).any() else 0
    at_end = bool((distinct == distinct + pd.offsets.MonthEnd(0)).all())
    if months and (apart > 0).all() and (at_end or len(set(distinct.day)) == 1):
        return Step(months=months, at_end=at_end)
    raise DataError("data.time: the moments are about a month apart, but on no one day of it; name data.frequency.")

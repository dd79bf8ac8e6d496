"""What a forecaster sees: lags, rolling statistics, calendar, holidays and covariates, as plain values and as matrices.

Everything is computed for an origin from what was known there: values up to it, and covariates that are known ahead.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from glassbox.errors import DataError
from glassbox.families.forecasting.frequency import Step
from glassbox.families.forecasting.panel import Floats, Panel

CALENDAR = {
    "minute": lambda times: times.minute,
    "hour": lambda times: times.hour,
    "weekday": lambda times: times.weekday,
    "day": lambda times: times.day,
    "month": lambda times: times.month,
    "quarter": lambda times: times.quarter,
    "yearday": lambda times: times.dayofyear,
}


class Recipe(BaseModel):
    """What is made of a panel for models that learn from features.

    Attributes
    ----------
    horizon
        Steps ahead.
    seasons
        Steps in a season, the shortest first; the longest is that of the seasonal naive forecast.
    lags
        How many seasons back the value of the same place in the season is taken from: 1 is the last one known.
    windows
        Lengths of the spans before the origin whose mean and spread are taken.
    calendar
        Of the step that is forecast: names of `CALENDAR`.
    holidays
        The country, or None.
    known
        Covariates known for the steps that are forecast.
    past
        Covariates known up to the origin: their last value, and their mean over the first window.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    horizon: int
    step: Step
    seasons: list[int]
    lags: list[int] = [1, 2, 3, 4]
    windows: list[int] = []
    calendar: list[str] = []
    holidays: str | None = None
    known: list[str] = []
    past: list[str] = []

    @property
    def season(self) -> int:
        """The longest season."""
        return self.seasons[-1]

    @property
    def memory(self) -> int:
        """How many steps before an origin are looked at."""
        return max([self.season * (max(self.lags, default=1) + -(-self.horizon // self.season)), *self.windows, 1])

    def names(self) -> list[str]:
        """The columns of `features`, in order."""
        lags = [f"season {season}, {k} back" for season in self.seasons for k in self.lags]
        windows = [f"{what} of {w}" for w in self.windows for what in ("mean", "spread")]
        past = [f"{name}, {what}" for name in self.past for what in ("last", "mean")]
        holidays = ["holiday", "day before a holiday", "day after a holiday"] if self.holidays else []
        return ["step ahead", *lags, *windows, *self.calendar, *holidays, *self.known, *past]


def calendar_of(step: Step) -> list[str]:
    """The parts of the calendar that tell steps of this length apart.

    >>> calendar_of(Step(seconds=86400))
    ['weekday', 'day', 'month', 'yearday']
    """
    if step.months:
        return ["month"] if step.months == 1 else ["quarter"] if step.months == 3 else []
    if step.seconds >= 7 * 86_400:
        return ["month", "yearday"]
    found = ["weekday", "day", "month", "yearday"]
    if step.seconds < 86_400:
        found = ["hour", "weekday", "month", "yearday"]
    return ["minute", *found] if step.seconds < 3600 else found


def windows_of(seasons: Sequence[int]) -> list[int]:
    """Spans worth a mean: each season, and 4, 13 and 52 of the longest: of weeks, a month, a quarter and a year."""
    return sorted({*[s for s in seasons if s > 1], *(k * seasons[-1] for k in (4, 13, 52))})


@lru_cache(maxsize=16)
def _days(country: str, first: int, last: int) -> frozenset[Any]:
    import holidays

    try:
        return frozenset(holidays.country_holidays(country, years=range(first - 1, last + 2)))
    except NotImplementedError as error:
        raise DataError(
            f"data.holidays: the public holidays of {country!r} are not known; expected a country as two letters, such as DE or US."
        ) from error


def is_holiday(times: pd.DatetimeIndex, country: str, shift: int = 0) -> Floats:
    """1 where the day, moved by `shift` days, is a public holiday."""
    found = _days(country, int(times.year.min()), int(times.year.max()))
    moved = times + pd.Timedelta(days=shift)
    return np.array([float(day in found) for day in moved.date])


def time_features(times: pd.DatetimeIndex, recipe: Recipe) -> Floats:
    """Calendar and holidays, of shape (steps, columns)."""
    columns = [np.asarray(CALENDAR[name](times), dtype=np.float64) for name in recipe.calendar]
    if recipe.holidays:
        columns += [is_holiday(times, recipe.holidays, shift) for shift in (0, 1, -1)]
    return np.column_stack(columns) if columns else np.zeros((len(times), 0))


def levels(values: Floats, window: int) -> tuple[Floats, Floats]:
    """Mean and spread of what is known in the last `window` columns: of shape (series,); 0 and 1 where nothing is."""
    last = values[:, -window:]
    there = ~np.isnan(last)
    count = np.maximum(there.sum(axis=1), 1)
    mean = np.where(there, last, 0.0).sum(axis=1) / count
    spread = np.sqrt(np.where(there, (last - mean[:, None]) ** 2, 0.0).sum(axis=1) / count)
    return mean, spread


def features(
    history: Panel, values: Floats, recipe: Recipe, future: dict[str, Floats], calendar: Floats
) -> tuple[Floats, Floats, Floats]:
    """What is known at the end of `history` about each of the next H steps.

    Parameters
    ----------
    history
        What is known; only its last `recipe.memory` steps are looked at.
    values
        Its values with gaps filled, of shape (series, T).
    future
        Covariates known ahead, (series, H) each.
    calendar
        `time_features` of the next H steps.

    Returns
    -------
    matrix : ndarray of shape (series, H, columns)
        Values are relative to the series' level and in units of its size, so that one model serves series of any size.
    level, size : ndarray of shape (series,)
        What was taken off, and what it was divided by.
    """
    count, horizon = values.shape[0], recipe.horizon
    level, size = levels_and_sizes(values, recipe)
    scaled = (values[:, -recipe.memory :] - level[:, None]) / size[:, None]
    ahead = np.arange(1, horizon + 1)
    columns = [np.broadcast_to(ahead.astype(float), (count, horizon))]
    width = scaled.shape[1]
    for season in recipe.seasons:
        first = -(-ahead // season)  # seasons back to the last value known at this place in the season
        for k in recipe.lags:
            at = width - 1 + ahead - season * (first + k - 1)
            columns.append(np.where(at >= 0, scaled[:, np.maximum(at, 0)], np.nan))
    for window in recipe.windows:
        mean, spread = levels(scaled, window)
        columns += [np.broadcast_to(part[:, None], (count, horizon)) for part in (mean, spread)]
    columns += [np.broadcast_to(calendar[None, :, i], (count, horizon)) for i in range(calendar.shape[1])]
    columns += [future[name] for name in recipe.known]
    for name in recipe.past:
        seen = history.covariates[name]
        recent = levels(seen, recipe.seasons[0])[0]
        columns += [np.broadcast_to(part[:, None], (count, horizon)) for part in (np.nan_to_num(seen[:, -1]), recent)]
    return np.stack(columns, axis=2), level, size


def levels_and_sizes(values: Floats, recipe: Recipe) -> tuple[Floats, Floats]:
    """The level of each series (its mean over the last four seasons) and its size (the spread over the last 52, or else the mean)."""
    level, _ = levels(values, 4 * recipe.season if recipe.season > 1 else 12)
    mean, spread = levels(values, 52 * recipe.season if recipe.season > 1 else 60)
    size = np.where(spread > 0, spread, np.where(mean != 0, np.abs(mean), 1.0))
    return level, size


def future_of(panel: Panel, origin: int, recipe: Recipe) -> dict[str, Floats]:
    """Covariates known ahead at an origin; where one is missing, the last one known a season before stands in."""
    made = {}
    for name in recipe.known:
        row = panel.covariates[name][:, : origin + recipe.horizon]
        ahead = np.full((row.shape[0], recipe.horizon), np.nan)
        ahead[:, : row.shape[1] - origin] = row[:, origin:]
        made[name] = stood_in(ahead, row[:, :origin], recipe.seasons[0])
    return made


def stood_in(ahead: Floats, past: Floats, season: int) -> Floats:
    """Missing values of (series, H) replaced by those of the last season known, or else by the series' mean."""
    if not np.isnan(ahead).any():
        return ahead
    last = past[:, -season:] if past.shape[1] >= season else np.full((ahead.shape[0], season), np.nan)
    repeated = np.tile(last, (1, -(-ahead.shape[1] // season)))[:, : ahead.shape[1]]
    usual = levels(past, past.shape[1] or 1)[0] if past.shape[1] else np.zeros(ahead.shape[0])
    return np.where(np.isnan(ahead), np.where(np.isnan(repeated), usual[:, None], repeated), ahead)

"""Feature recipe of forecasting models: lags, rolling statistics, calendar, holidays and covariates.

All features of an origin are computed from values known at that origin and from covariates known ahead.
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
RECENT = 13  # last known values that are features
AROUND = (-1, 1)  # positions beside the same position in the last season that are features


class Recipe(BaseModel):
    """Settings of the features that are computed from a panel.

    Attributes
    ----------
    horizon
        Number of steps to forecast.
    seasons
        Season lengths in steps, shortest first.
    lags
        Lags in seasons: lag 1 is the last known value at the same position in the season.
    recent
        The number of last known values that are features.
    windows
        Lengths, in steps, of the rolling windows before the origin for mean and standard deviation.
    calendar
        Calendar features of the forecast step: names in `CALENDAR`.
    holidays
        Country code of the public holidays, or None.
    known
        Covariates known ahead, for the forecast steps.
    past
        Covariates known up to the origin only: their last value, and their mean over the shortest season.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    horizon: int
    step: Step
    seasons: list[int]
    lags: list[int] = [1, 2, 3, 4]
    recent: int = RECENT
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
    def lookback(self) -> int:
        """Number of steps before an origin that the features use."""
        return max([self.season * (max(self.lags, default=1) + -(-self.horizon // self.season)) + 1, self.recent, *self.windows])

    def names(self) -> list[str]:
        """Return the names of the feature columns, in order."""
        recent = [f"lag {k}" for k in range(1, self.recent + 1)]
        lags = [name for season in self.seasons for name in self._seasonal_lags(season)]
        windows = [f"{statistic} of {w}" for w in self.windows for statistic in ("mean", "spread")]
        past = [f"{name}, {statistic}" for name in self.past for statistic in ("last", "mean")]
        holidays = ["holiday", "day before a holiday", "day after a holiday"] if self.holidays else []
        return ["step ahead", *recent, *lags, *windows, *self.calendar, *holidays, *self.known, *past]

    def _seasonal_lags(self, season: int) -> list[str]:
        around = [f"season {season}, 1 back, {place:+d}" for place in AROUND]
        return [*[f"season {season}, {k} back" for k in self.lags], *around]


def calendar_of(step: Step) -> list[str]:
    """Return the calendar features that vary between steps of this length.

    >>> calendar_of(Step(seconds=86400))
    ['weekday', 'day', 'month', 'yearday']
    """
    if step.business:
        return ["weekday", "month"]
    if step.months:
        return ["month"] if step.months == 1 else ["quarter"] if step.months == 3 else []
    if step.seconds >= 7 * 86_400:
        return ["month", "yearday"]
    parts = ["weekday", "day", "month", "yearday"]
    if step.seconds < 86_400:
        parts = ["hour", "weekday", "month", "yearday"]
    return ["minute", *parts] if step.seconds < 3600 else parts


def windows_of(seasons: Sequence[int]) -> list[int]:
    """Return default rolling windows: each season, and 4, 13 and 52 times the longest (a month, quarter and year of weeks)."""
    return sorted({*[s for s in seasons if s > 1], *(k * seasons[-1] for k in (4, 13, 52))})


@lru_cache(maxsize=16)
def _holidays(country: str, first: int, last: int) -> frozenset[Any]:
    import holidays

    try:
        return frozenset(holidays.country_holidays(country, years=range(first - 1, last + 2)))
    except NotImplementedError as error:
        raise DataError(
            f"data.holidays: no public holidays are available for {country!r}; expected a two-letter country code such as DE or US."
        ) from error


def is_holiday(times: pd.DatetimeIndex, country: str, shift: int = 0) -> Floats:
    """Return 1.0 where the day, shifted by `shift` days, is a public holiday, else 0.0."""
    days = _holidays(country, int(times.year.min()), int(times.year.max()))
    shifted = times + pd.Timedelta(days=shift)
    return np.array([float(day in days) for day in shifted.date])


def time_features(times: pd.DatetimeIndex, recipe: Recipe) -> Floats:
    """Return calendar and holiday features, of shape (steps, columns)."""
    columns = [np.asarray(CALENDAR[name](times), dtype=np.float64) for name in recipe.calendar]
    if recipe.holidays:
        columns += [is_holiday(times, recipe.holidays, shift) for shift in (0, 1, -1)]
    return np.column_stack(columns) if columns else np.zeros((len(times), 0))


def levels(values: Floats, window: int) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of the last `window` columns, each (series,); NaN is ignored, 0 without any value."""
    last = values[:, -window:]
    observed = ~np.isnan(last)
    count = np.maximum(observed.sum(axis=1), 1)
    mean = np.where(observed, last, 0.0).sum(axis=1) / count
    spread = np.sqrt(np.where(observed, (last - mean[:, None]) ** 2, 0.0).sum(axis=1) / count)
    return mean, spread


def features(
    history: Panel, values: Floats, recipe: Recipe, future: dict[str, Floats], calendar: Floats, reference: str = "level"
) -> tuple[Floats, Floats, Floats]:
    """Compute the features of the next H steps from the end of `history`.

    Parameters
    ----------
    history
        The known panel; only its last `recipe.lookback` steps are used.
    values
        Values of `history` with gaps filled, (series, T).
    future
        Covariates known ahead, (series, H) each.
    calendar
        `time_features` of the next H steps.
    reference
        A name in `REFERENCES`: the value that every lag, mean and target is the difference to.

    Returns
    -------
    matrix : ndarray of shape (series, H, columns)
        Values are differences to the reference, divided by the size of the series, so that one model fits series of any size.
    level : ndarray of shape (series, H)
        The subtracted reference.
    size : ndarray of shape (series,)
        The divisor.
    """
    count, horizon = values.shape[0], recipe.horizon
    level, size = levels_and_sizes(values, recipe)
    last = values[:, -recipe.lookback :]
    width = last.shape[1]
    positions = _lag_positions(recipe, width)
    lags = np.where((positions >= 0) & (positions < width), last[:, np.clip(positions, 0, width - 1)], np.nan)
    base = _references(lags, level, recipe, reference)
    matrix = np.empty((count, horizon, len(recipe.names())))
    matrix[:, :, 0] = np.arange(1, horizon + 1)
    at = 1 + lags.shape[2]
    matrix[:, :, 1:at] = (lags - base[:, :, None]) / size[:, None, None]
    for window in recipe.windows:
        mean, spread = levels(last, window)
        matrix[:, :, at] = (mean[:, None] - base) / size[:, None]
        matrix[:, :, at + 1] = (spread / size)[:, None]
        at += 2
    matrix[:, :, at : at + calendar.shape[1]] = calendar[None]
    at += calendar.shape[1]
    for name in recipe.known:
        matrix[:, :, at] = future[name]
        at += 1
    for name in recipe.past:
        covariate = history.covariates[name]
        matrix[:, :, at] = np.nan_to_num(covariate[:, -1])[:, None]
        matrix[:, :, at + 1] = levels(covariate, recipe.seasons[0])[0][:, None]
        at += 2
    return matrix, base, size


def _lag_positions(recipe: Recipe, width: int) -> Any:
    """Return the column of each lag in the last `width` known steps, (H, lags), in the order of `Recipe.names`."""
    ahead = np.arange(1, recipe.horizon + 1)
    columns = [np.full(recipe.horizon, width - k) for k in range(1, recipe.recent + 1)]
    for season in recipe.seasons:
        same = width - 1 + ahead - season * -(-ahead // season)  # the last known value at this position in the season
        columns += [same - season * (k - 1) for k in recipe.lags]
        columns += [same + place for place in AROUND]
    return np.column_stack(columns)


REFERENCES = ("level", "last", "season", "longest season")


def _references(lags: Floats, level: Floats, recipe: Recipe, reference: str) -> Floats:
    """Return the reference of each series and step, (series, H); the level where the value of another reference is missing."""
    per_season = len(recipe.lags) + len(AROUND)
    column = {"last": 0, "season": recipe.recent, "longest season": recipe.recent + per_season * (len(recipe.seasons) - 1)}
    base = lags[:, :, column[reference]] if reference in column else np.full(lags.shape[:2], np.nan)
    return np.where(np.isnan(base), level[:, None], base)


def levels_and_sizes(values: Floats, recipe: Recipe) -> tuple[Floats, Floats]:
    """Return each series' level (mean of the last 4 seasons) and size (standard deviation of the last 52, or else the mean)."""
    level, _ = levels(values, 4 * recipe.season if recipe.season > 1 else 12)
    mean, spread = levels(values, 52 * recipe.season if recipe.season > 1 else 60)
    size = np.where(spread > 0, spread, np.where(mean != 0, np.abs(mean), 1.0))
    return level, size


def future_of(panel: Panel, origin: int, recipe: Recipe) -> dict[str, Floats]:
    """Return the covariates known ahead at an origin, (series, H) each; missing values are imputed by `impute_future`."""
    future = {}
    for name in recipe.known:
        known = panel.covariates[name][:, : origin + recipe.horizon]
        ahead = np.full((known.shape[0], recipe.horizon), np.nan)
        ahead[:, : known.shape[1] - origin] = known[:, origin:]
        future[name] = impute_future(ahead, known[:, :origin], recipe.seasons[0])
    return future


def impute_future(ahead: Floats, past: Floats, season: int) -> Floats:
    """Impute missing values of (series, H) with those of the last known season, or else with the series' mean."""
    if not np.isnan(ahead).any():
        return ahead
    last = past[:, -season:] if past.shape[1] >= season else np.full((ahead.shape[0], season), np.nan)
    repeated = np.tile(last, (1, -(-ahead.shape[1] // season)))[:, : ahead.shape[1]]
    mean = levels(past, past.shape[1] or 1)[0] if past.shape[1] else np.zeros(ahead.shape[0])
    return np.where(np.isnan(ahead), np.where(np.isnan(repeated), mean[:, None], repeated), ahead)

"""Figures of the forecasting family."""

from collections.abc import Sequence
from typing import Any

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from glassbox.families.forecasting.explore import filled_series, longest
from glassbox.families.forecasting.metrics import Forecasts, by_window
from glassbox.families.forecasting.panel import Floats, Panel
from glassbox.families.forecasting.predictor import ForecastPredictor
from glassbox.families.shared.plotting import minimal_axes
from glassbox.findings.model import Figure, Note
from glassbox.findings.plot_style import WIDTH, drawing, style
from glassbox.findings.svg import ACCENT, INK, LINE, SOFT
from glassbox.findings.wording import number

MAX_POINTS = 1500
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _downsample(times: pd.DatetimeIndex, values: Floats) -> tuple[Any, Floats, int]:
    """Average a long series over equal spans to at most `MAX_POINTS` points."""
    span = -(-len(values) // MAX_POINTS)
    count = len(values) // span
    if not count:
        return times.to_numpy(), values, 1
    means = values[: count * span].reshape(count, span).mean(axis=1)
    return times[: count * span : span].to_numpy(), means, span


def _x(moment: pd.Timestamp) -> float:
    return float(mdates.date2num(moment))  # type: ignore[no-untyped-call]


def _dates(axes: Axes) -> None:
    locator = mdates.AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def series(panel: Panel, target: str, breaks: Sequence[int] = (), season: int = 1) -> Figure:
    """Draw the longest series with the change points of its level."""
    row = longest(panel)
    known, times = filled_series(panel, row, season)
    at, drawn, span = _downsample(times, known)
    name = panel.names[row] or target
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.4))
        axes = canvas.subplots()
        axes.plot(at, drawn, color=ACCENT, linewidth=0.9)
        for step in breaks:
            axes.axvline(_x(times[step]), color=INK, linewidth=0.9, linestyle=(0, (3, 3)))
        axes.set_ylabel(target)
        minimal_axes(axes, grid="y")
        _dates(axes)
        each = f"Each point is the mean of {span} steps." if span > 1 else ""
        dashed = " Dashed: change points of the level." if breaks else ""
        return drawing(
            canvas,
            f"{name} in the training data",
            alt=f"A line of {len(drawn)} points from {times[0]} to {times[-1]}, between {number(float(known.min()))} and {number(float(known.max()))}.",
            caption=f"{each}{dashed}".strip(),
        )


def decomposition(panel: Panel, season: int, target: str, seasons_shown: int = 8) -> Figure | Note:
    """Draw trend, season and remainder of the last seasons of the longest series (STL, Cleveland et al. 1990)."""
    from statsmodels.tsa.seasonal import STL

    known, times = filled_series(panel, longest(panel), season)
    if season < 2 or len(known) < 2 * season + 1 or np.ptp(known) == 0:
        return Note(title="Seasonal decomposition", say="The series is too short for its season, or constant.")
    shown = max(seasons_shown * season, 3 * season)
    parts = STL(known[-max(12 * season, shown) :], period=season).fit()
    rows = [("value", known), ("trend", parts.trend), ("season", parts.seasonal), ("remainder", parts.resid)]
    moments = times[-min(shown, len(parts.trend)) :]
    with style():
        canvas = _stack_rows(rows, moments)
        share = 1 - float(np.var(parts.resid)) / float(np.var(known[-len(parts.resid) :]))
        say = f"Trend and season of {season} steps explain {number(max(0.0, share), '.0%')} of the variance of {target}."
        return drawing(
            canvas,
            "Seasonal decomposition",
            say=say,
            alt="Four lines, one above the other: value, trend, season and remainder.",
            caption="The last seasons. All rows share the time axis; each has its own scale.",
        )


def _stack_rows(rows: Sequence[tuple[str, Any]], moments: pd.DatetimeIndex, origin: pd.Timestamp | None = None) -> Canvas:
    """Draw the last values of each row above a shared time axis; steps from `origin` on are highlighted."""
    canvas = Canvas(figsize=(WIDTH, 0.3 + len(rows)))
    for axes, (name, values) in zip(canvas.subplots(len(rows), 1, sharex=True), rows, strict=True):
        values_drawn = np.asarray(values)[-len(moments) :]
        axes.plot(moments, values_drawn, color=SOFT if name == "remainder" else ACCENT, linewidth=1)
        if origin is not None:
            axes.axvline(_x(origin), color=LINE, linewidth=1)
            axes.plot(moments[moments >= origin], values_drawn[moments >= origin], color=ACCENT, linewidth=1.8)
        axes.set_ylabel(name)
        minimal_axes(axes, grid="y")
        _dates(axes)
    return canvas


def forecast_components(predictor: ForecastPredictor, seasons_shown: int = 4) -> Figure | Note:
    """Draw trend and season of the next forecast: STL of the longest series and its forecast together."""
    from statsmodels.tsa.seasonal import STL

    panel, season, horizon = predictor.history, predictor.recipe.seasons[0], predictor.recipe.horizon
    row = longest(panel)
    known, times = filled_series(panel, row, season)
    values = np.concatenate([known[-12 * season :], predictor.points[row]])
    if season < 2 or len(values) < 2 * season + 1 or np.ptp(values) == 0:
        return Note(title="Components of the next forecast", say="There is no season, or the forecast is constant.")
    parts = STL(values, period=season).fit()
    shown = min(len(values), seasons_shown * season + horizon)
    moments = pd.DatetimeIndex([*times[-12 * season :], *predictor.ahead])[-shown:]
    trend, swing = parts.trend[-horizon:], parts.seasonal[-min(horizon, season) :]
    with style():
        canvas = _stack_rows([("value", values), ("trend", parts.trend), ("season", parts.seasonal)], moments, predictor.ahead[0])
        say = (
            f"Over the horizon the trend goes from {number(float(trend[0]))} to {number(float(trend[-1]))}; "
            f"within {predictor.recipe.step.season_name(season)} the seasonal component varies by {number(float(np.ptp(swing)))}."
        )
        name = panel.names[row] or predictor.columns.target
        caption = "Left of the line: actual values; right of it: the forecast. Each row has its own scale."
        return drawing(
            canvas,
            f"Components of the next forecast of {name}",
            say=say,
            alt=f"Three lines: value, trend and season. {say}",
            caption=caption,
        )


def seasonal(panel: Panel, seasons: Sequence[int], target: str) -> Figure | Note:
    """Draw median and quartiles at each position in each season, relative to the season's mean, over all series."""
    drawable = [season for season in seasons if season > 1 and panel.steps >= 2 * season]
    if not drawable:
        return Note(title="Seasonal profile", say="The series are too short for a season.")
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.1 * len(drawable)))
        swings = []
        for axes, season in zip(np.atleast_1d(canvas.subplots(len(drawable), 1)), drawable, strict=True):
            middle, low, high = _seasonal_profile(panel, season)
            place = np.arange(season)
            axes.fill_between(place, low, high, color=ACCENT, alpha=0.18, linewidth=0)
            axes.plot(place, middle, color=ACCENT, linewidth=1.4)
            axes.axhline(1.0, color=LINE, linewidth=1)
            ticks, labels = season_ticks(panel, season)
            axes.set_xticks(ticks, labels)
            axes.set_xlabel(panel.step.season_name(season).removeprefix("a "))
            axes.set_ylabel("times the mean")
            minimal_axes(axes, grid="y")
            swing = float(np.nanmax(middle) - np.nanmin(middle))
            swings.append(f"{target} varies by {number(swing, '.0%')} of its mean over a season of {season} steps")
        return drawing(
            canvas,
            "Seasonal profile",
            say=f"In the median, {'; '.join(swings)}.",
            alt="; ".join(swings),
            caption="Line: median over seasons and series; band: interquartile range.",
        )


def season_ticks(panel: Panel, season: int) -> tuple[list[int], list[str]]:
    """Return positions in a season, which starts as in the panel's last seasons, and their names: hours, weekdays, months."""
    times = panel.times[panel.steps - (panel.steps // season) * season :][:season]
    name = panel.step.season_name(season)
    if name == "a day":
        every = max(1, season // 8)
        return list(range(0, season, every)), [f"{times[i]:%H:%M}" for i in range(0, season, every)]
    days = [i for i in range(season) if i == 0 or times[i].date() != times[i - 1].date()]
    if name == "a week":
        return days, [f"{times[i]:%a}" for i in days]
    if name == "a year":
        months = [i for i in range(season) if i == 0 or times[i].month != times[i - 1].month]
        return months, [f"{times[i]:%b}" for i in months]
    every = max(1, season // 8)
    return list(range(0, season, every)), [str(i + 1) for i in range(0, season, every)]


def _seasonal_profile(panel: Panel, season: int) -> tuple[Floats, Floats, Floats]:
    count = min(panel.steps // season, 60)
    cut = panel.values[:, panel.steps - count * season :].reshape(len(panel.names) * count, season)
    mean = np.nanmean(np.where(np.isnan(cut).all(axis=1, keepdims=True), 0.0, cut), axis=1, keepdims=True)
    useful = (mean[:, 0] > 0) & ~np.isnan(cut).any(axis=1)
    if not useful.any():
        return (np.ones(season),) * 3
    low, middle, high = np.quantile(cut[useful] / mean[useful], [0.25, 0.5, 0.75], axis=0)
    return middle, low, high


def autocorrelation(panel: Panel, seasons: Sequence[int]) -> Figure | Note:
    """Draw the autocorrelation of the longest series over two of its longest seasons."""
    from statsmodels.tsa.stattools import acf

    known, _ = filled_series(panel, longest(panel), seasons[0])
    lags = min(2 * seasons[-1] + 2 if seasons[-1] > 1 else 24, len(known) // 2 - 1)
    if lags < 2 or np.ptp(known) == 0:
        return Note(title="Autocorrelation", say="The series is too short, or constant.")
    values = np.asarray(acf(known[-5000:], nlags=lags, fft=True))
    bound = 1.96 / np.sqrt(min(len(known), 5000))
    best = int(np.argmax(values[2:])) + 2
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.1))
        axes = canvas.subplots()
        axes.axhspan(-bound, bound, color=SOFT, alpha=0.15, linewidth=0)
        axes.vlines(np.arange(1, lags + 1), 0, values[1:], color=ACCENT, linewidth=1.2)
        axes.axhline(0, color=LINE, linewidth=1)
        axes.set_xlabel("lag in steps")
        axes.set_ylabel("autocorrelation")
        minimal_axes(axes, grid="y")
        return drawing(
            canvas,
            "Autocorrelation",
            say=f"Beyond lag 1 the autocorrelation is highest at lag {best}: {number(float(values[best]))}.",
            alt=f"Bars of the autocorrelation at lags 1 to {lags}; the highest beyond lag 1 is at lag {best}.",
            caption="Grey band: 95 % range for uncorrelated values.",
        )


def forecasts(holdout: Forecasts, panel: Panel, target: str, *, windows: int = 2) -> Figure:
    """Draw forecasts with intervals and actual values of the series with the median error, for the last windows of the holdout."""
    row = _median_series(holdout)
    drawn = np.flatnonzero(holdout.series == row)[-windows:]
    horizon = holdout.point.shape[1]
    name = panel.names[row] or target
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.7))
        axes = canvas.subplots()
        for i, window in enumerate(drawn):
            origin = int(holdout.origin[window])
            times = panel.times[origin : origin + horizon]
            assert holdout.quantiles is not None
            q = holdout.quantiles[window][: len(times)]
            axes.fill_between(
                times, q[:, 0], q[:, -1], color=ACCENT, alpha=0.14, linewidth=0, label="90 % interval" if i == 0 else None
            )
            axes.fill_between(times, q[:, 1], q[:, -2], color=ACCENT, alpha=0.22, linewidth=0)
            axes.plot(
                times, holdout.point[window][: len(times)], color=ACCENT, linewidth=1.4, label="forecast" if i == 0 else None
            )
            axes.plot(times, holdout.actual[window][: len(times)], color=INK, linewidth=0.9, label="actual" if i == 0 else None)
            axes.axvline(_x(times[0]), color=LINE, linewidth=1)
        axes.set_ylabel(target)
        axes.legend(ncols=3, loc="upper left", bbox_to_anchor=(0, 1.17), borderaxespad=0)
        minimal_axes(axes, grid="y")
        _dates(axes)
        assert holdout.quantiles is not None
        observed = ~np.isnan(holdout.actual[drawn])
        inside = (
            (holdout.actual[drawn] >= holdout.quantiles[drawn][:, :, 0])
            & (holdout.actual[drawn] <= holdout.quantiles[drawn][:, :, -1])
        )[observed]
        say = f"{name}: {number(float(inside.mean()), '.0%')} of the actual values lie within the 90 % intervals in this figure."
        return drawing(
            canvas,
            "Forecasts and actual values",
            say=say,
            alt=f"Forecast lines with bands and the actual line of {name} from {panel.times[int(holdout.origin[drawn[0]])]} on.",
            caption="Each forecast starts at a vertical line and uses only earlier values. Bands: 50 % and 90 % intervals.",
        )


def _median_series(forecasts: Forecasts) -> int:
    """Return the series with the median error."""
    errors = pd.Series(by_window(forecasts, "mase")).groupby(forecasts.series).mean().dropna().sort_values(kind="stable")
    return int(errors.index[len(errors) // 2]) if len(errors) else int(forecasts.series[0])


def by_step(table: pd.DataFrame, metric: str) -> Figure:
    """Draw the error of the model and of the baseline at each step ahead."""
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.3))
        axes = canvas.subplots()
        axes.plot(table["ahead"], table["baseline"], color=SOFT, linewidth=1.1, label="baseline")
        axes.plot(table["ahead"], table["model"], color=ACCENT, linewidth=1.6, label="model")
        axes.set_xlabel("steps ahead")
        axes.set_ylabel(metric)
        axes.set_ylim(bottom=0)
        axes.legend(ncols=2, loc="upper left", bbox_to_anchor=(0, 1.17), borderaxespad=0)
        minimal_axes(axes, grid="y")
        third = max(1, len(table) // 3)
        near, far = float(table["model"].iloc[:third].mean()), float(table["model"].iloc[-third:].mean())
        worse = int((table["model"] > table["baseline"]).sum())
        say = (
            f"{metric} is {number(near)} over the first third of the horizon and {number(far)} over the last; "
            f"the baseline is better at {worse} of {len(table)} steps."
        )
        return drawing(canvas, "Error by step ahead", say=say, alt=say)


def series_errors(forecasts: Forecasts, base: Forecasts) -> Figure | Note:
    """Draw the error of the model on each series against that of the baseline."""
    frame = (
        pd.DataFrame({"series": forecasts.series, "model": by_window(forecasts, "mase"), "baseline": by_window(base, "mase")})
        .groupby("series")
        .mean()
        .dropna()
    )
    if len(frame) < 5:
        return Note(title="Error by series", say="There are too few series for a scatter plot; the tables list their errors.")
    top = float(np.quantile(frame.to_numpy(), 0.99))
    with style():
        canvas = Canvas(figsize=(WIDTH, 3.4))
        axes = canvas.subplots()
        axes.plot([0, top], [0, top], color=INK, linewidth=1, linestyle=(0, (3, 3)))
        axes.plot(
            frame["baseline"].clip(upper=top),
            frame["model"].clip(upper=top),
            "o",
            color=ACCENT,
            markersize=3,
            alpha=0.4,
            markeredgewidth=0,
        )
        axes.set_xlabel("MASE of the baseline")
        axes.set_ylabel("MASE of the model")
        minimal_axes(axes, grid="both")
        share = float((frame["model"] < frame["baseline"]).mean())
        say = f"{number(share, '.0%')} of {len(frame):,} series lie below the line, where the model beats the baseline."
        return drawing(
            canvas,
            "Error by series",
            say=say,
            alt=f"{len(frame)} dots, one per series. {say}",
            caption="The largest 1 % of errors are drawn at the edge.",
        )

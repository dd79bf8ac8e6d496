"""The figures of the forecasting family."""

from collections.abc import Sequence
from typing import Any

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from glassbox.families.forecasting.explore import longest, whole
from glassbox.families.forecasting.metrics import Forecasts, by_window
from glassbox.families.forecasting.panel import Floats, Panel
from glassbox.families.forecasting.predictor import ForecastPredictor
from glassbox.families.shared.plotting import quiet
from glassbox.findings.model import Figure, Note
from glassbox.findings.plot_style import WIDTH, drawing, style
from glassbox.findings.svg import ACCENT, INK, LINE, SOFT
from glassbox.findings.wording import number

MOST_POINTS = 1500
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def _thinned(times: pd.DatetimeIndex, values: Floats) -> tuple[Any, Floats, int]:
    """Means of equal spans, so that a long series is drawn with at most `MOST_POINTS` points."""
    span = -(-len(values) // MOST_POINTS)
    count = len(values) // span
    if not count:
        return times.to_numpy(), values, 1
    means = values[: count * span].reshape(count, span).mean(axis=1)
    return times[: count * span : span].to_numpy(), means, span


def _place(moment: pd.Timestamp) -> float:
    return float(mdates.date2num(moment))  # type: ignore[no-untyped-call]


def _dates(axes: Axes) -> None:
    locator = mdates.AutoDateLocator()  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]


def series(panel: Panel, target: str, breaks: Sequence[int] = (), season: int = 1) -> Figure:
    """The longest series over all of its time, with the breaks in its level."""
    row = longest(panel)
    known, times = whole(panel, row, season)
    at, drawn, span = _thinned(times, known)
    name = panel.names[row] or target
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.4))
        axes = canvas.subplots()
        axes.plot(at, drawn, color=ACCENT, linewidth=0.9)
        for step in breaks:
            axes.axvline(_place(times[step]), color=INK, linewidth=0.9, linestyle=(0, (3, 3)))
        axes.set_ylabel(target)
        quiet(axes, grid="y")
        _dates(axes)
        each = f"Each point is the mean of {span} steps." if span > 1 else ""
        dashed = " Dashed: where the level broke." if breaks else ""
        return drawing(
            canvas,
            f"{name}, over all of train",
            alt=f"A line of {len(drawn)} points from {times[0]} to {times[-1]}, between {number(float(known.min()))} and {number(float(known.max()))}.",
            caption=f"{each}{dashed}".strip(),
        )


def decomposition(panel: Panel, season: int, target: str, seasons_shown: int = 8) -> Figure | Note:
    """Trend, season and remainder of the last seasons of the longest series (STL, Cleveland et al. 1990)."""
    from statsmodels.tsa.seasonal import STL

    known, times = whole(panel, longest(panel), season)
    if season < 2 or len(known) < 2 * season + 1 or np.ptp(known) == 0:
        return Note(title="Nothing to take apart:", say="the series is too short for its season, or does not move.")
    shown = max(seasons_shown * season, 3 * season)
    parts = STL(known[-max(12 * season, shown) :], period=season).fit()
    rows = [("value", known), ("trend", parts.trend), ("season", parts.seasonal), ("remainder", parts.resid)]
    moments = times[-min(shown, len(parts.trend)) :]
    with style():
        canvas = _stacked(rows, moments)
        share = 1 - float(np.var(parts.resid)) / float(np.var(known[-len(parts.resid) :]))
        say = f"Trend and season of {season} steps explain {number(max(0.0, share), '.0%')} of how {target} moves."
        return drawing(
            canvas,
            f"{target} taken apart",
            say=say,
            alt="Four lines, one above the other: the value, its trend, its season and what remains.",
            caption="The last seasons; all rows share the time axis, each has its own scale.",
        )


def _stacked(rows: Sequence[tuple[str, Any]], moments: pd.DatetimeIndex, origin: pd.Timestamp | None = None) -> Canvas:
    """The last values of each row, one above the other over one axis of time; what comes from an origin on is stronger."""
    canvas = Canvas(figsize=(WIDTH, 0.3 + len(rows)))
    for axes, (name, values) in zip(canvas.subplots(len(rows), 1, sharex=True), rows, strict=True):
        drawn = np.asarray(values)[-len(moments) :]
        axes.plot(moments, drawn, color=SOFT if name == "remainder" else ACCENT, linewidth=1)
        if origin is not None:
            axes.axvline(_place(origin), color=LINE, linewidth=1)
            axes.plot(moments[moments >= origin], drawn[moments >= origin], color=ACCENT, linewidth=1.8)
        axes.set_ylabel(name)
        quiet(axes, grid="y")
        _dates(axes)
    return canvas


def forecast_components(predictor: ForecastPredictor, seasons_shown: int = 4) -> Figure | Note:
    """Trend and season of the next forecast, as STL takes the longest series and its forecast apart together."""
    from statsmodels.tsa.seasonal import STL

    panel, season, horizon = predictor.history, predictor.recipe.seasons[0], predictor.recipe.horizon
    row = longest(panel)
    known, times = whole(panel, row, season)
    values = np.concatenate([known[-12 * season :], predictor.points[row]])
    if season < 2 or len(values) < 2 * season + 1 or np.ptp(values) == 0:
        return Note(title="Nothing to take apart:", say="there is no season, or the forecast does not move.")
    parts = STL(values, period=season).fit()
    shown = min(len(values), seasons_shown * season + horizon)
    moments = pd.DatetimeIndex([*times[-12 * season :], *predictor.ahead])[-shown:]
    trend, swing = parts.trend[-horizon:], parts.seasonal[-min(horizon, season) :]
    with style():
        canvas = _stacked([("value", values), ("trend", parts.trend), ("season", parts.seasonal)], moments, predictor.ahead[0])
        say = (
            f"Over the horizon the trend goes from {number(float(trend[0]))} to {number(float(trend[-1]))}; "
            f"within {predictor.recipe.step.season_words(season)} the season swings by {number(float(np.ptp(swing)))}."
        )
        name = panel.names[row] or predictor.columns.target
        caption = "Left of the line what came, right of it the forecast. Each row has its own scale."
        return drawing(
            canvas,
            f"What the next forecast of {name} is made of",
            say=say,
            alt=f"Three lines: value, trend and season. {say}",
            caption=caption,
        )


def seasonal(panel: Panel, seasons: Sequence[int], target: str) -> Figure | Note:
    """The middle and the spread of values at each place in each season, relative to the season's mean, over all series."""
    able = [season for season in seasons if season > 1 and panel.steps >= 2 * season]
    if not able:
        return Note(title="No season to draw:", say="the series are too short for one.")
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.1 * len(able)))
        said = []
        for axes, season in zip(np.atleast_1d(canvas.subplots(len(able), 1)), able, strict=True):
            middle, low, high = _profile(panel, season)
            place = np.arange(season)
            axes.fill_between(place, low, high, color=ACCENT, alpha=0.18, linewidth=0)
            axes.plot(place, middle, color=ACCENT, linewidth=1.4)
            axes.axhline(1.0, color=LINE, linewidth=1)
            axes.set_xlabel(f"place in the season, {panel.step.season_words(season)}, from {_origin(panel, season)}")
            axes.set_ylabel("times the mean")
            quiet(axes, grid="y")
            swing = float(np.nanmax(middle) - np.nanmin(middle))
            said.append(f"over {season} steps {target} swings by {number(swing, '.0%')} of its mean")
        return drawing(
            canvas,
            "The seasons",
            say=f"In the middle case, {'; '.join(said)}.",
            alt="; ".join(said),
            caption="Line: the median over seasons and series; band: the middle half of them.",
        )


def _origin(panel: Panel, season: int) -> str:
    first = panel.times[-(panel.steps // season) * season]
    return (
        f"{first:%A, %H:%M}"
        if panel.step.seconds and panel.step.seconds < 86_400
        else f"{first:%A}"
        if panel.step.seconds
        else f"{first:%B}"
    )


def _profile(panel: Panel, season: int) -> tuple[Floats, Floats, Floats]:
    count = min(panel.steps // season, 60)
    cut = panel.values[:, panel.steps - count * season :].reshape(len(panel.names) * count, season)
    mean = np.nanmean(np.where(np.isnan(cut).all(axis=1, keepdims=True), 0.0, cut), axis=1, keepdims=True)
    useful = (mean[:, 0] > 0) & ~np.isnan(cut).any(axis=1)
    if not useful.any():
        return (np.ones(season),) * 3
    low, middle, high = np.quantile(cut[useful] / mean[useful], [0.25, 0.5, 0.75], axis=0)
    return middle, low, high


def autocorrelation(panel: Panel, seasons: Sequence[int]) -> Figure | Note:
    """How far values go with those before them: over two of the longest seasons, the longest series."""
    from statsmodels.tsa.stattools import acf

    known, _ = whole(panel, longest(panel), seasons[0])
    lags = min(2 * seasons[-1] + 2 if seasons[-1] > 1 else 24, len(known) // 2 - 1)
    if lags < 2 or np.ptp(known) == 0:
        return Note(title="No memory to draw:", say="the series is too short, or does not move.")
    found = np.asarray(acf(known[-5000:], nlags=lags, fft=True))
    bound = 1.96 / np.sqrt(min(len(known), 5000))
    best = int(np.argmax(found[2:])) + 2
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.1))
        axes = canvas.subplots()
        axes.axhspan(-bound, bound, color=SOFT, alpha=0.15, linewidth=0)
        axes.vlines(np.arange(1, lags + 1), 0, found[1:], color=ACCENT, linewidth=1.2)
        axes.axhline(0, color=LINE, linewidth=1)
        axes.set_xlabel("steps before")
        axes.set_ylabel("autocorrelation")
        quiet(axes, grid="y")
        return drawing(
            canvas,
            "Memory",
            say=f"Values go most closely with those {best} steps before: {number(float(found[best]))}.",
            alt=f"Bars of the autocorrelation at 1 to {lags} steps; the highest beyond the first is at {best}.",
            caption="Within the grey band by chance alone, if the values were unrelated.",
        )


def forecasts(found: Forecasts, panel: Panel, target: str, *, windows: int = 2) -> Figure:
    """Forecasts with intervals beside what came: of the middle series, the latest windows of the holdout."""
    row = _middle(found)
    mine = np.flatnonzero(found.series == row)[-windows:]
    horizon = found.point.shape[1]
    name = panel.names[row] or target
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.7))
        axes = canvas.subplots()
        for i, window in enumerate(mine):
            origin = int(found.origin[window])
            times = panel.times[origin : origin + horizon]
            assert found.quantiles is not None
            q = found.quantiles[window][: len(times)]
            axes.fill_between(
                times, q[:, 0], q[:, -1], color=ACCENT, alpha=0.14, linewidth=0, label="90 % interval" if i == 0 else None
            )
            axes.fill_between(times, q[:, 1], q[:, -2], color=ACCENT, alpha=0.22, linewidth=0)
            axes.plot(times, found.point[window][: len(times)], color=ACCENT, linewidth=1.4, label="forecast" if i == 0 else None)
            axes.plot(times, found.actual[window][: len(times)], color=INK, linewidth=0.9, label="what came" if i == 0 else None)
            axes.axvline(_place(times[0]), color=LINE, linewidth=1)
        axes.set_ylabel(target)
        axes.legend(ncols=3, loc="upper left", bbox_to_anchor=(0, 1.17), borderaxespad=0)
        quiet(axes, grid="y")
        _dates(axes)
        assert found.quantiles is not None
        there = ~np.isnan(found.actual[mine])
        inside = (
            (found.actual[mine] >= found.quantiles[mine][:, :, 0]) & (found.actual[mine] <= found.quantiles[mine][:, :, -1])
        )[there]
        say = f"{name}: {number(float(inside.mean()), '.0%')} of what came lies within the 90 % intervals drawn here."
        return drawing(
            canvas,
            "The last forecasts, and what came",
            say=say,
            alt=f"Forecast lines with bands and the actual line of {name} from {panel.times[int(found.origin[mine[0]])]} on.",
            caption="Each forecast begins at a line and knows nothing after it. Bands: 50 % and 90 % of what is expected.",
        )


def _middle(found: Forecasts) -> int:
    """The series whose error is the median one."""
    errors = pd.Series(by_window(found, "mase")).groupby(found.series).mean().dropna().sort_values(kind="stable")
    return int(errors.index[len(errors) // 2]) if len(errors) else int(found.series[0])


def by_step(table: pd.DataFrame, metric: str) -> Figure:
    """The error at each step ahead, of the model and of the seasonal naive forecast."""
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.3))
        axes = canvas.subplots()
        axes.plot(table["ahead"], table["seasonal naive"], color=SOFT, linewidth=1.1, label="seasonal naive")
        axes.plot(table["ahead"], table["model"], color=ACCENT, linewidth=1.6, label="model")
        axes.set_xlabel("steps ahead")
        axes.set_ylabel(metric)
        axes.set_ylim(bottom=0)
        axes.legend(ncols=2, loc="upper left", bbox_to_anchor=(0, 1.17), borderaxespad=0)
        quiet(axes, grid="y")
        third = max(1, len(table) // 3)
        near, far = float(table["model"].iloc[:third].mean()), float(table["model"].iloc[-third:].mean())
        behind = int((table["model"] > table["seasonal naive"]).sum())
        say = (
            f"{metric} is {number(near)} over the first third of the horizon and {number(far)} over the last; "
            f"at {behind} of {len(table)} steps the season before is nearer."
        )
        return drawing(canvas, "How the error grows with the horizon", say=say, alt=say)


def series_errors(found: Forecasts, base: Forecasts) -> Figure | Note:
    """The error of each series beside that of the seasonal naive forecast on it."""
    frame = (
        pd.DataFrame({"series": found.series, "model": by_window(found, "mase"), "naive": by_window(base, "mase")})
        .groupby("series")
        .mean()
        .dropna()
    )
    if len(frame) < 5:
        return Note(title="There are too few series to draw one against another.", say="Their errors stand in the tables.")
    top = float(np.quantile(frame.to_numpy(), 0.99))
    with style():
        canvas = Canvas(figsize=(WIDTH, 3.4))
        axes = canvas.subplots()
        axes.plot([0, top], [0, top], color=INK, linewidth=1, linestyle=(0, (3, 3)))
        axes.plot(
            frame["naive"].clip(upper=top),
            frame["model"].clip(upper=top),
            "o",
            color=ACCENT,
            markersize=3,
            alpha=0.4,
            markeredgewidth=0,
        )
        axes.set_xlabel("MASE of the seasonal naive forecast")
        axes.set_ylabel("MASE of the model")
        quiet(axes, grid="both")
        share = float((frame["model"] < frame["naive"]).mean())
        say = f"{number(share, '.0%')} of {len(frame):,} series lie below the line: there the model is nearer than the season before."
        return drawing(
            canvas,
            "Series by series",
            say=say,
            alt=f"{len(frame)} dots, one a series. {say}",
            caption="The largest hundredth is drawn at the edge.",
        )

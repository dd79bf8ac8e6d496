"""The figures of explaining a model: what it would miss, which way columns push, and how single rows came about."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch
from matplotlib.transforms import blended_transform_factory

from glassbox.families.shared.plotting import Floats, dots, name_rows, quiet, rows_canvas, side_values
from glassbox.findings.model import Figure
from glassbox.findings.plot_style import PALETTE, WIDTH, drawing, style
from glassbox.findings.svg import ACCENT, INK, SOFT
from glassbox.findings.wording import clean, label, listed, metric_label, number, percent

DOWN = PALETTE[1]
BINS = 36


def importances(table: pd.DataFrame, metric: str, *, rows: int, repeats: int, most: int = 12) -> Figure:
    """How much worse the score gets when a column is shuffled.

    Parameters
    ----------
    table
        One row a column, the largest first: ``column``, ``value``, ``low``, ``high``.
    metric
        The metric's name, as in a request.
    rows, repeats
        On how many rows, and how often each column was shuffled.
    most
        How many columns are drawn.
    """
    shown = table.head(most)
    names = [str(name) for name in shown["column"]]
    value, low, high = (shown[name].to_numpy(dtype=float) for name in ("value", "low", "high"))
    clear = low > 0
    with style():
        canvas, axes = rows_canvas(max(1, len(names)))
        axes.axvline(0, color=SOFT, linewidth=0.8)
        dots(axes, value, low, high, [ACCENT if sure else SOFT for sure in clear])
        name_rows(axes, names)
        side_values(axes, [number(round(float(v), 4)) for v in value], [INK if sure else SOFT for sure in clear])
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel(f"{metric_label(metric)} lost when the column is shuffled")
        all_clear = int((table["low"] > 0).sum())
        say = "No single column would be missed."
        if all_clear:
            say = f"The model relies most on {listed([clean(name) for name in names[: min(3, all_clear)]])}"
            say += f"; {all_clear} of {len(table)} columns would be missed." if len(table) > 1 else "."
        told = "; ".join(f"{clean(n)} {number(round(float(v), 4))}" for n, v in zip(names, value, strict=True))
        return drawing(
            canvas,
            "What the model would miss",
            say=say,
            alt=f"{metric_label(metric)} lost by shuffling each column, largest first: {told or 'none'}.",
            caption=(
                f"Means of {repeats} shuffles, with the 95 % intervals of these means, on {rows:,d} rows that the model never saw. Of two columns that "
                "tell much the same, neither is missed much."
            ),
        )


def strengths(columns: Sequence[str], strength: Floats, unit: str, *, rows: int, most: int = 12) -> Figure:
    """The mean size of Shapley values by column, the strongest on top; for more than two classes."""
    order = _strongest(columns, strength)[:most]
    names, size = [columns[j] for j in order], strength[order]
    with style():
        canvas, axes = rows_canvas(max(1, len(names)))
        axes.barh(range(len(names)), size, height=0.55, color=ACCENT, alpha=0.9)
        name_rows(axes, names)
        side_values(axes, [number(float(s)) for s in size])
        axes.set_xlim(0, max(float(size.max(initial=0)), 1e-12) * 1.02)
        axes.set_xticks([])
        axes.set_xlabel(f"mean size of the push on a class, {unit}")
        told = "; ".join(f"{clean(n)} {number(float(s))}" for n, s in zip(names, size, strict=True))
        return drawing(
            canvas,
            "How far each column pushes",
            say=f"Predictions are moved most by {listed([clean(name) for name in names[:3]])}.",
            alt=f"Mean size of Shapley values over rows and classes, largest first: {told}.",
            caption=f"Shapley values of {rows:,d} rows of the holdout, before calibration.",
        )


def beeswarm(columns: Sequence[str], values: Floats, rows: pd.DataFrame, unit: str, positive: str, *, most: int = 12) -> Figure:
    """Which way and how far each column pushes towards the positive class: where a band is thick, many rows are.

    Parameters
    ----------
    columns
        Names of the columns.
    values
        (rows, columns) Shapley values towards the positive class.
    rows
        The rows that were explained: their values of numbers and dates colour the bands.
    unit, positive
        Of the values, and the class that they speak for.
    most
        How many columns are drawn.
    """
    strength = np.abs(values).mean(axis=0)
    order = _strongest(columns, strength)[:most]
    names = [columns[j] for j in order]
    reach = float(np.abs(values[:, order]).max(initial=0)) or 1.0
    edges = np.linspace(-reach, reach, BINS + 1)
    with style():
        canvas, axes = rows_canvas(max(1, len(names)), extra=1.0, step=0.36)
        axes.axvline(0, color=SOFT, linewidth=0.8)
        for i, j in enumerate(order):
            _band(axes, i, values[:, j], _ranks(rows[columns[j]]), edges)
        name_rows(axes, names)
        side_values(axes, [number(float(s)) for s in strength[order]])
        axes.set_xlim(-reach * 1.03, reach * 1.03)
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel(f"push on {label(positive, 16)}, {unit}; numbers: mean size")
        swatches = [
            Patch(facecolor=c, alpha=0.8, label=t)
            for c, t in zip(_COLOURS, ("low value", "middle, or no order", "high value"), strict=True)
        ]
        canvas.legend(handles=swatches, loc="outside upper left", ncols=3, handlelength=1, handleheight=0.8, columnspacing=1.2)
        ways = [_way(columns[j], values[:, j], rows[columns[j]], positive) for j in order]
        say = f"Predictions are moved most by {listed([clean(name) for name in names[:3]])}: {'; '.join(ways[:2])}."
        if not strength.any():
            say = "No column moves what this model says."
        told = "; ".join(f"{clean(columns[j])} {number(float(strength[j]))}, {way}" for j, way in zip(order, ways, strict=True))
        return drawing(
            canvas,
            "Which way each column pushes",
            say=say,
            alt=f"Bands of Shapley values by column, mean size and direction: {told}.",
            caption=f"Shapley values of {len(rows):,d} rows of the holdout, before calibration; a band is thick where many rows are.",
        )


_COLOURS = (DOWN, SOFT, ACCENT)


def _strongest(columns: Sequence[str], strength: Floats) -> list[int]:
    return sorted(range(len(columns)), key=lambda j: (-strength[j], columns[j]))


def _ranks(column: pd.Series) -> Floats:
    """Numbers and dates as ranks from 0 to 1; NaN where missing or where there is no order."""
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return np.asarray(column.rank(pct=True), dtype=np.float64)
    return np.full(len(column), np.nan)


def _band(axes: Axes, row: int, values: Floats, ranks: Floats, edges: Floats) -> None:
    """Bars around a row's middle: as tall as there are rows, coloured by whether the column's value is low, middle or high there."""
    at = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    counts = np.bincount(at, minlength=len(edges) - 1)
    heights = 0.84 * np.sqrt(counts / max(1, counts.max()))
    for b in np.flatnonzero(counts):
        mine = ranks[(at == b) & np.isfinite(ranks)]
        middle = float(mine.mean()) if len(mine) else 0.5
        colour = _COLOURS[0] if middle < 0.4 else _COLOURS[2] if middle > 0.6 else _COLOURS[1]
        axes.bar(
            edges[b],
            max(0.08, heights[b]),
            width=edges[1] - edges[0],
            bottom=row - max(0.08, heights[b]) / 2,
            align="edge",
            color=colour,
            alpha=0.8,
            linewidth=0,
        )


def _way(name: str, values: Floats, column: pd.Series, positive: str) -> str:
    """In words which way a column pushes."""
    ranks = _ranks(column)
    there = np.isfinite(ranks)
    if np.ptp(values) == 0:
        return f"{clean(name)} pushes neither way"
    if there.any():
        if np.ptp(values[there]) == 0 or np.ptp(ranks[there]) == 0:
            return f"{clean(name)} hardly varies"
        slope = float(np.corrcoef(ranks[there], pd.Series(values[there]).rank())[0, 1])
        if abs(slope) < 0.4:
            return f"{clean(name)} pushes both ways"
        return f"a high {clean(name)} pushes {clean(positive)} {'up' if slope > 0 else 'down'}"
    means = (
        pd.DataFrame({"level": column.fillna("missing").astype(str), "push": values})
        .groupby("level")["push"]
        .agg(["mean", "size"])
    )
    means = means[means["size"] >= min(10, means["size"].max())]
    up, down = str(means["mean"].idxmax()), str(means["mean"].idxmin())
    if up == down:
        return f"{clean(name)} is nearly always {clean(up)}"
    return f"{clean(name)} {clean(up)} pushes {clean(positive)} up, {clean(down)} down"


@dataclass(frozen=True)
class Waterfall:
    """One row, explained: from the average to what the model says, step by step.

    Attributes
    ----------
    why
        Why this row was chosen.
    towards
        The class that steps speak for; `probability` is its probability, calibrated; `truth` is what the row was.
    base
        The model's own output on average; `base` and all steps add up to the output for this row.
    steps
        (column, the row's value, Shapley value).
    """

    why: str
    row_id: str
    towards: str
    truth: str
    probability: float
    base: float
    steps: list[tuple[str, Any, float]]


def waterfalls(rows: Sequence[Waterfall], unit: str, *, most: int = 6) -> Figure:
    """Single rows: each bar starts where the one above ended, from the average at the top to the row's own output."""
    with style():
        canvas = Canvas(figsize=(WIDTH, sum(0.78 + 0.26 * (min(most, len(w.steps)) + 1) for w in rows)))
        grid = canvas.subplots(len(rows), 1, squeeze=False).ravel()
        for axes, walk in zip(grid, rows, strict=True):
            _walk(canvas, axes, walk, most)
        grid[-1].set_xlabel(f"output, {unit}; dashed: the average")
        first = rows[0]
        strongest = [s for s in sorted(first.steps, key=lambda s: (-abs(s[2]), s[0]))[:2] if s[2] != 0]
        reasons = " and ".join(
            f"{clean(n)} {clean(shown_value(v))} ({'for' if push > 0 else 'against'})" for n, v, push in strongest
        )
        say = f"{first.why}: row {clean(first.row_id)}, {percent(first.probability)} {clean(first.towards)}"
        say += f", above all by {reasons}." if reasons else "; no column moved it."
        return drawing(
            canvas,
            "Single rows, explained",
            say=say,
            alt=f"Steps from the average to the output of {len(rows)} rows. {' '.join(_told(walk) for walk in rows)}",
            caption="Shapley values, before calibration; the percentages are calibrated.",
        )


def _walk(canvas: Canvas, axes: Axes, walk: Waterfall, most: int) -> None:
    quiet(axes, grid="none")
    axes.spines["left"].set_visible(False)
    steps = sorted(walk.steps, key=lambda step: (-abs(step[2]), step[0]))
    shown = [(f"{label(name, 20)} = {label(shown_value(value), 14)}", push) for name, value, push in steps[:most]]
    if len(steps) > most:
        shown.append((f"{len(steps) - most} other columns", sum(push for _, _, push in steps[most:])))
    here, least = walk.base, walk.base
    ends = np.cumsum([walk.base, *[push for _, push in shown]])
    room = (float(np.ptp(ends)) or 1.0) * 0.02
    for i, (_, push) in enumerate(shown):
        axes.barh(i, push, left=here, height=0.6, color=ACCENT if push > 0 else DOWN, alpha=0.85)
        if i:
            axes.plot([here, here], [i - 0.7, i - 0.3], color=SOFT, linewidth=0.8)
        end = max(here, here + push)
        axes.text(end + room, i, signed(push), va="center", fontsize=8.5, color=INK)
        here += push
        least = min(least, here)
    axes.axvline(walk.base, color=SOFT, linewidth=0.8, linestyle=(0, (3, 3)))
    axes.set_xlim(float(ends.min()) - 2 * room, float(ends.max()) + 9 * room)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_yticks(range(len(shown)), [name for name, _ in shown])
    axes.locator_params(axis="x", nbins=5)
    axes.set_title(" ")  # keeps the room; the words begin at the edge of the drawing, left of the names
    words = f"{walk.why}: {percent(walk.probability)} {label(walk.towards, 16)}, was {label(walk.truth, 16)}"
    place = blended_transform_factory(canvas.transFigure, axes.transAxes)
    axes.text(0.01, 1.0, words, transform=place, va="bottom", color=INK, fontweight="bold", fontsize=10).set_in_layout(False)


def signed(push: float) -> str:
    """A push with its sign.

    >>> signed(0.5), signed(-0.5), signed(-0.001)
    ('+0.50', '−0.50', '−0.001')
    """
    text = f"{push:+.2f}" if abs(push) >= 0.005 or push == 0 else f"{push:+.1g}"
    return text.replace("-", "−")


def shown_value(value: Any) -> str:
    """A value of a row as people read it.

    >>> shown_value(float("nan")), shown_value(2.0), shown_value(None), shown_value("DSL")
    ('missing', '2', 'missing', 'DSL')
    """
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return "missing"
    if isinstance(value, (pd.Timestamp, np.datetime64)):
        return str(pd.Timestamp(value).date())
    return number(float(value)) if isinstance(value, (int, float, np.number)) else str(value)


def _told(walk: Waterfall) -> str:
    steps = sorted(walk.steps, key=lambda step: (-abs(step[2]), step[0]))[:4]
    reasons = ", ".join(f"{clean(name)} {clean(shown_value(value))} {signed(push)}" for name, value, push in steps)
    return f"{walk.why}: row {clean(walk.row_id)}, {percent(walk.probability)} {clean(walk.towards)}, was {clean(walk.truth)}; {reasons}."

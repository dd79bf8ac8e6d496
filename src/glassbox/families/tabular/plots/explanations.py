"""Figures of model explanations: permutation importance, and SHAP values over many rows and of single rows."""

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
from scipy.stats import spearmanr

from glassbox.families.shared.plotting import Floats, dots, minimal_axes, name_rows, named_bars, rows_canvas, side_values
from glassbox.findings.model import Figure
from glassbox.findings.plot_style import PALETTE, WIDTH, drawing, style
from glassbox.findings.svg import ACCENT, INK, SOFT
from glassbox.findings.wording import clean, join_names, label, metric_label, number, percent

DOWN = PALETTE[1]
BINS = 36
SHAP = "SHAP values"


def importances(table: pd.DataFrame, metric: str, *, rows: int, repeats: int, most: int = 12) -> Figure:
    """Draw the permutation importance of columns.

    Parameters
    ----------
    table
        One row per column, the largest first: ``column``, ``value``, ``low``, ``high``.
    metric
        The name of the metric, as in a request.
    rows, repeats
        The number of rows, and the number of permutations of each column.
    most
        The maximum number of columns to draw.
    """
    shown = table.head(most)
    names = [str(name) for name in shown["column"]]
    value, low, high = (shown[name].to_numpy(dtype=float) for name in ("value", "low", "high"))
    significant = low > 0
    with style():
        canvas, axes = rows_canvas(max(1, len(names)))
        axes.axvline(0, color=SOFT, linewidth=0.8)
        dots(axes, value, low, high, [ACCENT if positive else SOFT for positive in significant])
        name_rows(axes, names)
        side_values(axes, [number(round(float(v), 4)) for v in value], [INK if positive else SOFT for positive in significant])
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel(f"drop in {metric_label(metric)} when the column is permuted")
        important = int((table["low"] > 0).sum())
        say = "No single column has a significant importance."
        if important:
            say = f"The model relies most on {join_names([clean(name) for name in names[: min(3, important)]])}"
            say += f"; {important} of {len(table)} columns have a significant importance." if len(table) > 1 else "."
        values = "; ".join(f"{clean(n)} {number(round(float(v), 4))}" for n, v in zip(names, value, strict=True))
        return drawing(
            canvas,
            "Feature importance",
            say=say,
            alt=f"Drop in {metric_label(metric)} by permuting each column, largest first: {values or 'none'}.",
            caption=(
                f"Permutation importance: means of {repeats} permutations with their 95 % intervals, on {rows:,d} unseen rows. "
                "Correlated columns can replace each other, so each has a low importance."
            ),
        )


def mean_absolute(columns: Sequence[str], strength: Floats, unit: str, *, rows: int, most: int = 12) -> Figure:
    """Draw the mean absolute Shapley value of each column, the largest on top; for more than two classes."""
    order = _by_strength(columns, strength)[:most]
    names, size = [columns[j] for j in order], strength[order]
    with style():
        texts = [number(float(s)) for s in size]
        canvas = named_bars(names, size, texts, f"mean absolute SHAP value, {unit}", colors=[ACCENT] * len(names))
        values = "; ".join(f"{clean(n)} {number(float(s))}" for n, s in zip(names, size, strict=True))
        return drawing(
            canvas,
            SHAP,
            say=f"{join_names([clean(name) for name in names[:3]])} contribute most to the predictions.",
            alt=f"Mean absolute Shapley values over rows and classes, largest first: {values}.",
            caption=f"Shapley values of {rows:,d} rows of the holdout, before calibration.",
        )


def beeswarm(columns: Sequence[str], values: Floats, rows: pd.DataFrame, unit: str, positive: str, *, most: int = 12) -> Figure:
    """Draw the distribution of the Shapley values of each column for the positive class, as a binned beeswarm plot.

    Parameters
    ----------
    columns
        The names of the columns.
    values
        Shapley values for the positive class, of shape (rows, columns).
    rows
        The explained rows; the values of numbers and dates determine the colours.
    unit, positive
        The scale of the values, and the positive class.
    most
        The maximum number of columns to draw.
    """
    strength = np.abs(values).mean(axis=0)
    order = _by_strength(columns, strength)[:most]
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
        axes.set_xlabel(f"SHAP value for {label(positive, 16)}, {unit}; numbers: mean absolute value")
        swatches = [
            Patch(facecolor=c, alpha=0.8, label=t)
            for c, t in zip(_COLORS, ("low value", "middle or unordered", "high value"), strict=True)
        ]
        canvas.legend(handles=swatches, loc="outside upper left", ncols=3, handlelength=1, handleheight=0.8, columnspacing=1.2)
        effects = [_effect(columns[j], values[:, j], rows[columns[j]], positive) for j in order]
        say = f"{join_names([clean(name) for name in names[:3]])} contribute most to the predictions: {'; '.join(effects[:2])}."
        if not strength.any():
            say = "No column contributes to the predictions of this model."
        summary = "; ".join(
            f"{clean(columns[j])} {number(float(strength[j]))}, {effect}" for j, effect in zip(order, effects, strict=True)
        )
        return drawing(
            canvas,
            SHAP,
            say=say,
            alt=f"Shapley values by column, with mean absolute value and direction: {summary}.",
            caption=f"Shapley values of {len(rows):,d} rows of the holdout, before calibration; the height of a bar shows the number of rows.",
        )


_COLORS = (DOWN, SOFT, ACCENT)


def _by_strength(columns: Sequence[str], strength: Floats) -> list[int]:
    return sorted(range(len(columns)), key=lambda j: (-strength[j], columns[j]))


def _ranks(column: pd.Series) -> Floats:
    """Return the ranks of numbers and dates from 0 to 1; NaN for missing values and unordered columns."""
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return np.asarray(column.rank(pct=True), dtype=np.float64)
    return np.full(len(column), np.nan)


def _band(axes: Axes, row: int, values: Floats, ranks: Floats, edges: Floats) -> None:
    """Draw one column as bars whose height shows the number of rows and whose colour shows the mean rank of its values."""
    at = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    counts = np.bincount(at, minlength=len(edges) - 1)
    heights = 0.84 * np.sqrt(counts / max(1, counts.max()))
    for b in np.flatnonzero(counts):
        in_bin = ranks[(at == b) & np.isfinite(ranks)]
        middle = float(in_bin.mean()) if len(in_bin) else 0.5
        color = _COLORS[0] if middle < 0.4 else _COLORS[2] if middle > 0.6 else _COLORS[1]
        axes.bar(
            edges[b],
            max(0.08, heights[b]),
            width=edges[1] - edges[0],
            bottom=row - max(0.08, heights[b]) / 2,
            align="edge",
            color=color,
            alpha=0.8,
            linewidth=0,
        )


def _effect(name: str, values: Floats, column: pd.Series, positive: str) -> str:
    """Describe the direction of the effect of a column."""
    ranks = _ranks(column)
    ordered = np.isfinite(ranks)
    if np.ptp(values) == 0:
        return f"{clean(name)} has no effect"
    if ordered.any():
        if np.ptp(values[ordered]) == 0 or np.ptp(ranks[ordered]) == 0:
            return f"{clean(name)} hardly varies"
        slope = float(spearmanr(ranks[ordered], values[ordered]).statistic)
        if abs(slope) < 0.4:
            return f"{clean(name)} has no consistent direction"
        return f"a higher {clean(name)} makes {clean(positive)} {'more' if slope > 0 else 'less'} likely"
    means = (
        pd.DataFrame({"level": column.fillna("missing").astype(str), "value": values})
        .groupby("level")["value"]
        .agg(["mean", "size"])
    )
    means = means[means["size"] >= min(10, means["size"].max())]
    up, down = str(means["mean"].idxmax()), str(means["mean"].idxmin())
    if up == down:
        return f"{clean(name)} is nearly always {clean(up)}"
    return f"{clean(name)} {clean(up)} makes {clean(positive)} more likely, {clean(down)} less likely"


@dataclass(frozen=True)
class Waterfall:
    """Explanation of one row: the steps from the average output to the output for the row.

    Attributes
    ----------
    why
        The reason for the choice of this row.
    towards
        The explained class; `probability` is its calibrated probability, and `truth` the true class of the row.
    base
        The average output of the model; `base` and all steps sum to the output for this row.
    steps
        The column, its value in the row and its Shapley value.
    """

    why: str
    row_id: str
    towards: str
    truth: str
    probability: float
    base: float
    steps: list[tuple[str, Any, float]]


def waterfalls(rows: Sequence[Waterfall], unit: str, *, most: int = 6) -> Figure:
    """Draw waterfall plots of single rows: each bar starts where the previous one ends, from the average to the output of the row."""
    with style():
        canvas = Canvas(figsize=(WIDTH, sum(0.78 + 0.26 * (min(most, len(w.steps)) + 1) for w in rows)))
        grid = canvas.subplots(len(rows), 1, squeeze=False).ravel()
        for axes, row in zip(grid, rows, strict=True):
            _waterfall(canvas, axes, row, most)
        grid[-1].set_xlabel(f"model output, {unit}; dashed: average")
        first = rows[0]
        strongest = [s for s in sorted(first.steps, key=lambda s: (-abs(s[2]), s[0]))[:2] if s[2] != 0]
        reasons = " and ".join(
            f"{clean(n)} {clean(shown_value(v))} ({'for' if contribution > 0 else 'against'})" for n, v, contribution in strongest
        )
        say = f"{first.why}: row {clean(first.row_id)}, {percent(first.probability)} {clean(first.towards)}"
        say += f"; the strongest contributions are {reasons}." if reasons else "; no column contributes."
        return drawing(
            canvas,
            "SHAP values of single rows",
            say=say,
            alt=f"Steps from the average to the output of {len(rows)} rows. {' '.join(_describe(row) for row in rows)}",
            caption="Shapley values, before calibration; the percentages are calibrated.",
        )


def _waterfall(canvas: Canvas, axes: Axes, row: Waterfall, most: int) -> None:
    minimal_axes(axes, grid="none")
    axes.spines["left"].set_visible(False)
    steps = sorted(row.steps, key=lambda step: (-abs(step[2]), step[0]))
    shown = [(f"{label(name, 20)} = {label(shown_value(value), 14)}", contribution) for name, value, contribution in steps[:most]]
    if len(steps) > most:
        shown.append((f"{len(steps) - most} other columns", sum(contribution for _, _, contribution in steps[most:])))
    here = row.base
    ends = np.cumsum([row.base, *[contribution for _, contribution in shown]])
    room = (float(np.ptp(ends)) or 1.0) * 0.02
    for i, (_, contribution) in enumerate(shown):
        axes.barh(i, contribution, left=here, height=0.6, color=ACCENT if contribution > 0 else DOWN, alpha=0.85)
        if i:
            axes.plot([here, here], [i - 0.7, i - 0.3], color=SOFT, linewidth=0.8)
        end = max(here, here + contribution)
        axes.text(end + room, i, signed(contribution), va="center", fontsize=8.5, color=INK)
        here += contribution
    axes.axvline(row.base, color=SOFT, linewidth=0.8, linestyle=(0, (3, 3)))
    axes.set_xlim(float(ends.min()) - 2 * room, float(ends.max()) + 9 * room)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_yticks(range(len(shown)), [name for name, _ in shown])
    axes.locator_params(axis="x", nbins=5)
    axes.set_title(" ")  # reserves space for the text, which starts at the left edge of the figure
    heading = f"{row.why}: {percent(row.probability)} {label(row.towards, 16)}, true class {label(row.truth, 16)}"
    place = blended_transform_factory(canvas.transFigure, axes.transAxes)
    axes.text(0.01, 1.0, heading, transform=place, va="bottom", color=INK, fontweight="bold", fontsize=10).set_in_layout(False)


def signed(contribution: float) -> str:
    """Format a contribution with its sign.

    >>> signed(0.5), signed(-0.5), signed(-0.001)
    ('+0.50', '−0.50', '−0.001')
    """
    text = f"{contribution:+.2f}" if abs(contribution) >= 0.005 or contribution == 0 else f"{contribution:+.1g}"
    return text.replace("-", "−")


def shown_value(value: Any) -> str:
    """Format a value of a row for display.

    >>> shown_value(float("nan")), shown_value(2.0), shown_value(None), shown_value("DSL")
    ('missing', '2', 'missing', 'DSL')
    """
    if value is None or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return "missing"
    if isinstance(value, (pd.Timestamp, np.datetime64)):
        return str(pd.Timestamp(value).date())
    return number(float(value)) if isinstance(value, (int, float, np.number)) else str(value)


def _describe(row: Waterfall) -> str:
    steps = sorted(row.steps, key=lambda step: (-abs(step[2]), step[0]))[:4]
    reasons = ", ".join(
        f"{clean(name)} {clean(shown_value(value))} {signed(contribution)}" for name, value, contribution in steps
    )
    return f"{row.why}: row {clean(row.row_id)}, {percent(row.probability)} {clean(row.towards)}, true class {clean(row.truth)}; {reasons}."

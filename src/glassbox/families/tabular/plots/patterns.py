"""Figures of several columns: patterns of missing values, associations between columns, interactions and outliers."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure as Canvas
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from glassbox.families.shared.plotting import Floats, heatmap, minimal_axes, name_rows, rows_canvas
from glassbox.families.tabular.association import Relation
from glassbox.families.tabular.interaction import LEAST, Grid
from glassbox.findings.model import Figure, Note
from glassbox.findings.plot_style import WIDTH, drawing, style
from glassbox.findings.svg import ACCENT, INK, LINE, PAPER, SOFT
from glassbox.findings.wording import clean, label, number, percent, short

MISSING, HEATMAP, EXTREMES = "Missing value patterns", "Correlation heatmap", "Extreme values"


def missing_patterns(patterns: pd.DataFrame, rows: int) -> Figure | Note:
    """Draw the joint patterns of missing values: each column of the heat map is a pattern, with its number of rows above.

    Parameters
    ----------
    patterns
        One row per pattern, the most frequent first: one boolean column per data column, and ``n``.
    rows
        The total number of rows.
    """
    if not len(patterns):
        return Note(title=MISSING, say="No column has missing values.")
    names = [name for name in patterns.columns if name != "n"]
    if len(names) == 1:
        say = f"Only {clean(names[0])} has missing values, in {int(patterns['n'].iloc[0]):,d} of {rows:,d} rows."
        return Note(title=MISSING, say=say)
    counts = patterns["n"].to_numpy(dtype=int)
    masks = patterns[names].to_numpy(dtype=bool)
    with style():
        canvas = Canvas(figsize=(WIDTH, 1.3 + 0.27 * max(1, len(names))))
        above, axes = canvas.subplots(2, 1, sharex=True, height_ratios=[1.0, max(0.6, 0.32 * len(names))])
        minimal_axes(above, grid="none")
        bars = above.bar(np.arange(len(counts)) + 0.5, counts, width=0.5, color=SOFT, alpha=0.6)
        above.bar_label(bars, labels=[short(n) for n in counts], padding=2, color=INK, fontsize=8.5)
        above.set(ylim=(0, counts.max() * 1.35), yticks=[], ylabel="rows")
        above.spines["left"].set_visible(False)
        heatmap(axes, masks.T.astype(float), [label(name, 26) for name in names], [""] * len(counts))
        axes.set_xlim(0, max(4, len(counts)))
        axes.tick_params(axis="y", labelcolor=INK)
        top = [clean(name) for name, missing in zip(names, masks[0], strict=True) if missing]
        joint = masks.sum(axis=1) > 1
        say = f"The most frequent pattern is {' and '.join(top)} missing {'together' if len(top) > 1 else 'alone'}: "
        say += f"{counts[0]:,d} rows ({percent(counts[0] / rows, 1)})."
        say += f" {int(joint.sum())} of {len(counts)} patterns involve more than one column." if len(counts) > 1 else ""
        parts = [
            f"{', '.join(clean(n) for n, missing in zip(names, mask, strict=True) if missing)}: {n:,d} rows"
            for mask, n in zip(masks, counts, strict=True)
        ]
        return drawing(canvas, MISSING, say=say, alt=f"Patterns of missing values by number of rows. {'; '.join(parts)}.")


def association_heatmap(pairs: Sequence[Relation], target: Sequence[Relation], most: int = 14) -> Figure | Note:
    """Draw a heatmap of the associations between columns and with the target; darker is stronger, and similar columns are adjacent.

    Parameters
    ----------
    pairs
        The relations of all pairs of columns.
    target
        The relation of each column with the target, the most informative first; the first `most` columns are drawn.
    """
    if len(target) < 2:
        return Note(title=HEATMAP, say="The data has fewer than two columns to compare.")
    name = target[0].second
    shown = [relation.first for relation in target][:most]
    by_pair = {frozenset((r.first, r.second)): r for r in [*pairs, *target]}
    strength = np.array(
        [[by_pair[frozenset((a, b))].strength if a != b and frozenset((a, b)) in by_pair else 0.0 for b in shown] for a in shown]
    )
    order = [name, *[shown[i] for i in _cluster_order(strength)]]
    k = len(order)
    below = [[by_pair.get(frozenset((order[i], order[j]))) if j < i else None for j in range(k - 1)] for i in range(1, k)]
    with style():
        canvas = Canvas(figsize=(WIDTH, 1.35 + 0.24 * k))
        axes = canvas.subplots()
        down, across = [label(n, 20) for n in order[1:]], [label(n, 14) for n in order[:-1]]
        values = np.array([[relation.strength if relation else 0.0 for relation in row] for row in below])
        texts = np.array([[f"{100 * value:.0f}" if value >= 0.295 else "" for value in row] for row in values])
        heatmap(axes, values, down, across, texts, mask=np.triu(np.ones_like(values, dtype=bool), 1), text_size=7.5)
        axes.get_xticklabels()[0].set(color=INK, fontweight="bold")
        ranked = sorted((r for r in pairs if {r.first, r.second} <= set(shown)), key=lambda r: (-r.strength, r.first, r.second))
        say = (
            f"{clean(ranked[0].first)} and {clean(ranked[0].second)} have the strongest association "
            f"(strength {number(ranked[0].strength)})."
        )
        alt = "; ".join(f"{clean(r.first)} with {clean(r.second)} {r.strength:.2f}" for r in ranked[:10])
        drawn = drawing(
            canvas,
            HEATMAP,
            say=say,
            caption="Strength from 0 to 1, shown in percent: |Spearman|, Cramér's V or correlation ratio.",
            alt=f"Heatmap of the associations between {k} columns. Strongest: {alt or 'none'}.",
        )
    return drawn.model_copy(update={"plotly": _hover_heatmap(order, below)})


def _cluster_order(strength: Floats) -> list[int]:
    """Return an order in which similar columns are adjacent (average linkage)."""
    if len(strength) < 3:
        return list(range(len(strength)))
    distance = 1 - np.maximum(strength, strength.T)
    np.fill_diagonal(distance, 0)
    return [int(i) for i in leaves_list(linkage(squareform(distance, checks=False), "average"))]


def _hover_heatmap(order: Sequence[str], below: Sequence[Sequence[Relation | None]]) -> dict[str, Any]:
    """Return the interactive heatmap."""
    k = len(order)
    heat = go.Heatmap(
        z=[[round(r.strength, 4) if r else None for r in row] for row in below],
        text=[[_hover_text(r) if r else "" for r in row] for row in below],
        hovertemplate="%{text}<extra></extra>",
        hoverongaps=False,
        zmin=0,
        zmax=1,
        xgap=2,
        ygap=2,
        colorscale=[[0, "rgba(11,110,110,0.04)"], [1, "rgba(11,110,110,1)"]],
        showscale=False,
    )
    figure = go.Figure(heat)
    figure.update_xaxes(tickvals=list(range(k - 1)), ticktext=[unmarked(n, 16) for n in order[:-1]], tickangle=-50)
    figure.update_yaxes(tickvals=list(range(k - 1)), ticktext=[unmarked(n, 22) for n in order[1:]], autorange="reversed")
    return _plotly_json(figure.update_xaxes(showgrid=False).update_yaxes(showgrid=False), 120 + 24 * k)


def _hover_text(r: Relation) -> str:
    pair = f"{unmarked(r.first)} and {unmarked(r.second)}"
    return f"{pair}<br>{r.measure}, strength {r.strength:.2f}<br>{unmarked(r.description, 90)}"


def _plotly_json(figure: go.Figure, height: int) -> dict[str, Any]:
    """Return an interactive figure in the style of Glassbox as JSON values, without Plotly's template."""
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 10, "r": 10, "t": 10, "b": 10},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 12, "color": SOFT},
        hoverlabel={"bgcolor": PAPER, "bordercolor": LINE, "font": {"color": INK}},
        showlegend=False,
    )
    axis = {"zeroline": False, "ticks": "", "gridcolor": LINE, "fixedrange": True, "automargin": True}
    figure.update_xaxes(axis).update_yaxes(axis)
    values: dict[str, Any] = json.loads(figure.to_json())
    del values["layout"]["template"]
    return values


def unmarked(text: str, width: int = 40) -> str:
    """Escape `<`, `>` and `&` in a name from the data for Plotly, which interprets some HTML in every string.

    >>> unmarked("<b>a&b")
    '&lt;b&gt;a&amp;b'
    """
    return label(text, width).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def extremes(table: pd.DataFrame) -> Figure | Note:
    """Draw the most extreme values by column and robust z-score.

    Parameters
    ----------
    table
        One row per value: ``column``, ``row_id``, ``value``, ``z`` (robust z-score).
    """
    if not len(table):
        return Note(title=EXTREMES, say="No column has outliers.")
    names = list(dict.fromkeys(table["column"]))
    place = {name: i for i, name in enumerate(names)}
    y = table["column"].map(place).to_numpy(dtype=float)
    z = table["z"].to_numpy(dtype=float)
    x = np.sign(z) * np.log10(1 + np.abs(z))  # symmetric log scale: linear at zero; the tick labels show z
    ticks, words = _powers(x)
    with style():
        canvas, axes = rows_canvas(len(names), extra=0.75, step=0.3)
        axes.plot(x, y, "o", color=ACCENT, alpha=0.6, markersize=5, markeredgewidth=0)
        axes.set_xlim(min(-0.3, 1.08 * x.min()), max(0.3, 1.08 * x.max()))
        axes.set_xticks(ticks, words)
        axes.axvline(0, color=SOFT, linewidth=1)
        name_rows(axes, names)
        axes.set_xlabel("robust z-score")
        top = table.iloc[int(np.abs(z).argmax())]
        say = (
            f"The most extreme value is {clean(top['column'])} {number(float(top['value']))} in row {clean(top['row_id'])}, "
            f"with a robust z-score of {number(float(top['z']))}."
        )
        head = table.head(10)
        rows = "; ".join(
            f"{clean(c)} {number(float(v))} in row {clean(r)}"
            for c, v, r in zip(head["column"], head["value"], head["row_id"], strict=True)
        )
        drawn = drawing(canvas, EXTREMES, say=say, alt=f"Dot plot of the most extreme values by column: {rows}.")
    texts = [
        f"{unmarked(c)} {number(float(v))}<br>row {unmarked(r)}"
        for c, v, r in zip(table["column"], table["value"], table["row_id"], strict=True)
    ]
    dots = go.Scatter(
        x=x.round(4), y=y, mode="markers", marker={"color": ACCENT, "size": 9, "opacity": 0.6},
        text=texts, hovertemplate="%{text}<extra></extra>",
    )  # fmt: skip
    figure = go.Figure(dots)
    figure.update_xaxes(tickvals=ticks, ticktext=words, title={"text": "robust z-score", "font": {"size": 12}})
    figure.update_yaxes(
        tickvals=list(range(len(names))), ticktext=[unmarked(n, 24) for n in names], range=[len(names) - 0.5, -0.5]
    )
    return drawn.model_copy(update={"plotly": _plotly_json(figure, 90 + 34 * len(names))})


def _powers(x: Floats) -> tuple[list[float], list[str]]:
    """Return ticks at powers of ten for sign(z) log10(1 + |z|), about three on either side, with their labels for z."""
    ticks, words = [0.0], ["0"]
    for sign in (-1, 1):
        reach = int(np.floor((sign * x).max(initial=0.0)))
        for power in range(1, reach + 1, max(1, round(reach / 3))):
            ticks.append(sign * float(np.log10(1 + 10.0**power)))
            words.append(("−" if sign < 0 else "") + (f"{10**power:,d}" if power < 6 else f"1e{power}"))
    return ticks, words


def interaction(grid: Grid | None, target: str) -> Figure | Note:
    """Draw the share of the target for each pair of values of two columns as a heatmap; cells with few rows are blank."""
    title = "Interaction"
    if grid is None:
        return Note(title=title, say="The data has fewer than two columns to test.")
    say = _summary(grid, target)
    with style():
        canvas = Canvas(figsize=(WIDTH, 1.15 + 0.4 * len(grid.first_levels)))
        axes = canvas.subplots()
        few = grid.n < LEAST
        top = float(grid.share[~few].max(initial=1e-9))
        texts = np.array([[percent(float(share)) for share in row] for row in grid.share])
        down, across = [label(name, 20) for name in grid.first_levels], [label(name, 24) for name in grid.second_levels]
        heatmap(axes, grid.share, down, across, texts, mask=few, top=top, slant=30)
        for i, j in np.argwhere(few):
            axes.text(j + 0.5, i + 0.5, "few", ha="center", va="center", color=SOFT, fontsize=9.5)
        axes.set(xlabel=label(grid.second), ylabel=label(grid.first))
        cells = "; ".join(
            f"{clean(a)} and {clean(b)} {percent(float(grid.share[i, j]))}"
            for i, a in enumerate(grid.first_levels)
            for j, b in enumerate(grid.second_levels)
            if grid.n[i, j] >= LEAST
        )
        return drawing(
            canvas,
            title,
            say=say,
            alt=f"Share with {clean(target)} {clean(grid.target)} by {clean(grid.first)} and {clean(grid.second)}: {cells or 'too few rows'}.",
            caption=f"Share with {clean(target)} {clean(grid.target)}, for the pair with the strongest interaction of {grid.tested} tested pairs.",
        )


def _summary(grid: Grid, target: str) -> str:
    """Describe the interaction, with the levels of the second column for which the effect of the first is largest and smallest."""
    if grid.p > 0.05:
        return f"No significant interaction was detected; {clean(grid.first)} and {clean(grid.second)} have the smallest p-value."
    spans = {}
    for j, level in enumerate(grid.second_levels):
        reported = np.flatnonzero(grid.n[:, j] >= LEAST)
        if len(reported) > 1:
            odds = grid.share[reported, j].clip(1e-3, 1 - 1e-3)
            spans[level] = (
                float(np.ptp(np.log(odds / (1 - odds)))),
                float(grid.share[reported, j].max()),
                float(grid.share[reported, j].min()),
            )
    say = f"The effect of {clean(grid.first)} on {clean(target)} depends on {clean(grid.second)}"
    if len(spans) < 2:
        return f"{say}."
    most, least = max(spans, key=lambda level: spans[level][0]), min(spans, key=lambda level: spans[level][0])
    return (
        f"{say}: where it is {clean(most)}, the share of {clean(grid.target)} ranges from {percent(spans[most][2])} to "
        f"{percent(spans[most][1])}; where it is {clean(least)}, from {percent(spans[least][2])} to {percent(spans[least][1])}."
    )

"""The figures of columns together: what is missing together, what goes with what, which rows stand out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from glassbox.families.shared.plotting import Floats, name_rows, quiet, rows_canvas
from glassbox.families.tabular.association import Relation
from glassbox.families.tabular.interaction import LEAST, Grid
from glassbox.findings.model import Figure, Note
from glassbox.findings.plot_style import WIDTH, drawing, style
from glassbox.findings.svg import ACCENT, INK, LINE, PAPER, SOFT
from glassbox.findings.wording import clean, label, number, percent, short


def missing_patterns(patterns: pd.DataFrame, rows: int) -> Figure | Note:
    """Which columns are missing together: a column of dots is a pattern, and how many rows have it stands above.

    Parameters
    ----------
    patterns
        One row a pattern, the most frequent first: one boolean column a column of the data, and ``n``.
    rows
        How many rows there are in all.
    """
    if not len(patterns):
        return Note(title="What goes missing together", say="No column has gaps.")
    names = [name for name in patterns.columns if name != "n"]
    if len(names) == 1:
        say = f"Only {clean(names[0])} has gaps, in {int(patterns['n'].iloc[0]):,d} of {rows:,d} rows."
        return Note(title="What goes missing together", say=say)
    counts = patterns["n"].to_numpy(dtype=int)
    masks = patterns[names].to_numpy(dtype=bool)
    with style():
        canvas = Canvas(figsize=(WIDTH, 1.3 + 0.27 * max(1, len(names))))
        above, axes = canvas.subplots(2, 1, sharex=True, height_ratios=[1.0, max(0.6, 0.32 * len(names))])
        quiet(above, grid="none")
        above.bar(range(len(counts)), counts / rows, width=0.5, color=SOFT, alpha=0.6)
        for i, n in enumerate(counts):
            above.annotate(
                short(n),
                (i, n / rows),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                color=INK,
                fontsize=8.5,
            )
        above.set_ylim(0, counts.max() / rows * 1.35)
        above.set_yticks([])
        above.set_ylabel("rows")
        above.spines["left"].set_visible(False)
        quiet(axes, grid="none")
        for i, mask in enumerate(masks):
            there = np.flatnonzero(mask)
            axes.plot([i] * len(names), range(len(names)), "o", color=LINE, markersize=6, markeredgewidth=0)
            axes.plot([i] * len(there), there, "-o", color=ACCENT, markersize=6.5, linewidth=1.6, markeredgewidth=0)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(-0.6, max(3.5, len(counts) - 0.4))
        axes.set_xticks([])
        name_rows(axes, names)
        for spine in axes.spines.values():
            spine.set_visible(False)
        top = [clean(name) for name, gone in zip(names, masks[0], strict=True) if gone]
        together = masks.sum(axis=1) > 1
        say = f"The most frequent gap is in {' and '.join(top)} {'together' if len(top) > 1 else 'alone'}: "
        say += f"{counts[0]:,d} rows ({percent(counts[0] / rows, 1)})."
        say += f" {int(together.sum())} of {len(counts)} patterns take more than one column." if len(counts) > 1 else ""
        parts = [
            f"{', '.join(clean(n) for n, gone in zip(names, mask, strict=True) if gone)}: {n:,d} rows"
            for mask, n in zip(masks, counts, strict=True)
        ]
        return drawing(
            canvas, "What goes missing together", say=say, alt=f"Patterns of missing columns, by rows. {'; '.join(parts)}."
        )


def relations_map(pairs: Sequence[Relation], target: Sequence[Relation], most: int = 14) -> Figure | Note:
    """How strongly columns go with each other and with the target: darker is stronger, alike columns stand together.

    Parameters
    ----------
    pairs
        All pairs of columns.
    target
        Each column against the target, those first that tell most; the first `most` columns are drawn.
    """
    if len(target) < 2:
        return Note(title="What goes with what", say="There are no two columns to compare.")
    name = target[0].second
    shown = [relation.first for relation in target][:most]
    found = {frozenset((r.first, r.second)): r for r in [*pairs, *target]}
    strength = np.array(
        [[found[frozenset((a, b))].strength if a != b and frozenset((a, b)) in found else 0.0 for b in shown] for a in shown]
    )
    order = [name, *[shown[i] for i in _alike(strength)]]
    k = len(order)
    with style():
        canvas = Canvas(figsize=(WIDTH, 1.35 + 0.24 * k))
        axes = canvas.subplots()
        quiet(axes, grid="none")
        for i in range(1, k):
            for j in range(i):
                relation = found.get(frozenset((order[i], order[j])))
                value = relation.strength if relation else 0.0
                axes.add_patch(
                    Rectangle((j - 0.47, i - 0.47), 0.94, 0.94, facecolor=ACCENT, alpha=0.04 + 0.96 * value, linewidth=0)
                )
                if value >= 0.295:
                    colour = PAPER if value > 0.55 else INK
                    axes.text(j, i, f"{100 * value:.0f}", ha="center", va="center", fontsize=7.5, color=colour)
        axes.set(xlim=(-0.5, k - 1.5), ylim=(k - 0.5, 0.5))
        axes.set_yticks(range(1, k), [label(n, 20) for n in order[1:]])
        axes.set_xticks(range(k - 1), [label(n, 14) for n in order[:-1]], rotation=55, ha="right", rotation_mode="anchor")
        for text in axes.get_xticklabels()[:1]:
            text.set_color(INK)
            text.set_fontweight("bold")
        for spine in axes.spines.values():
            spine.set_visible(False)
        ranked = sorted((r for r in pairs if {r.first, r.second} <= set(shown)), key=lambda r: (-r.strength, r.first, r.second))
        say = f"The strongest link between columns is {clean(ranked[0].first)} with {clean(ranked[0].second)} (strength {number(ranked[0].strength)})."
        alt = "; ".join(f"{clean(r.first)} with {clean(r.second)} {r.strength:.2f}" for r in ranked[:10])
        drawn = drawing(
            canvas,
            "What goes with what",
            say=say,
            caption="Strength from 0 to 1, in hundredths where it is written: |Spearman|, Cramér's V or correlation ratio.",
            alt=f"Map of the strength between {k} columns. Strongest: {alt or 'none'}.",
        )
    return drawn.model_copy(update={"plotly": _map_to_hover(order, found)})


def _alike(strength: Floats) -> list[int]:
    """An order in which alike columns stand together (average linkage)."""
    if len(strength) < 3:
        return list(range(len(strength)))
    away = 1 - np.maximum(strength, strength.T)
    np.fill_diagonal(away, 0)
    return [int(i) for i in leaves_list(linkage(squareform(away, checks=False), "average"))]


def _map_to_hover(order: Sequence[str], found: dict[frozenset[str], Relation]) -> dict[str, Any]:
    """The same map for Plotly: data and layout, no template, no script."""
    k = len(order)
    below = [[found.get(frozenset((order[i], order[j]))) if j < i else None for j in range(k - 1)] for i in range(1, k)]
    axis = {"showgrid": False, "zeroline": False, "ticks": "", "fixedrange": True, "tickmode": "array", "automargin": True}
    heat = {
        "type": "heatmap",
        "z": [[round(r.strength, 4) if r else None for r in row] for row in below],
        "x": list(range(k - 1)),
        "y": list(range(1, k)),
        "text": [[_hover_text(r) if r else "" for r in row] for row in below],
        "hovertemplate": "%{text}<extra></extra>",
        "hoverongaps": False,
        "zmin": 0,
        "zmax": 1,
        "xgap": 2,
        "ygap": 2,
        "colorscale": [[0, "rgba(11,110,110,0.04)"], [1, "rgba(11,110,110,1)"]],
        "showscale": False,
    }
    across = {"tickvals": list(range(k - 1)), "ticktext": [unmarked(n, 16) for n in order[:-1]], "tickangle": -50}
    down = {"tickvals": list(range(1, k)), "ticktext": [unmarked(n, 22) for n in order[1:]], "autorange": "reversed"}
    return {"data": [heat], "layout": {**_bare(120 + 24 * k), "xaxis": {**axis, **across}, "yaxis": {**axis, **down}}}


def _hover_text(r: Relation) -> str:
    pair = f"{unmarked(r.first)} and {unmarked(r.second)}"
    return f"{pair}<br>{r.measure}, strength {r.strength:.2f}<br>{unmarked(r.description, 90)}"


def _bare(height: int) -> dict[str, Any]:
    return {
        "template": None,
        "height": height,
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": SOFT},
        "hoverlabel": {"bgcolor": PAPER, "bordercolor": LINE, "font": {"color": INK}},
        "showlegend": False,
    }


def unmarked(text: str, width: int = 40) -> str:
    """A name from data for Plotly, which reads a little HTML in every string: `<` and `&` as what they are.

    >>> unmarked("<b>a&b")
    '&lt;b&gt;a&amp;b'
    """
    return label(text, width).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def extremes(table: pd.DataFrame) -> Figure | Note:
    """The rows that stand out most, by column and distance from its median.

    Parameters
    ----------
    table
        One row a value: ``column``, ``row_id``, ``value``, ``z`` (robust standard deviations from the median).
    """
    if not len(table):
        return Note(title="Rows that stand out", say="No value lies far from the rest of its column.")
    names = list(dict.fromkeys(table["column"]))
    place = {name: i for i, name in enumerate(names)}
    y = table["column"].map(place).to_numpy(dtype=float)
    z = table["z"].to_numpy(dtype=float)
    x = np.sign(z) * np.log10(1 + np.abs(z))  # goes through zero, and is logarithmic far from it; the ticks say z
    ticks, words = _powers(x)
    with style():
        canvas, axes = rows_canvas(len(names), extra=0.75, step=0.3)
        axes.plot(x, y, "o", color=ACCENT, alpha=0.6, markersize=5, markeredgewidth=0)
        axes.set_xlim(min(-0.3, 1.08 * x.min()), max(0.3, 1.08 * x.max()))
        axes.set_xticks(ticks, words)
        axes.axvline(0, color=SOFT, linewidth=1)
        name_rows(axes, names)
        axes.set_xlabel("robust standard deviations from the median")
        top = table.iloc[int(np.abs(z).argmax())]
        away = number(abs(float(top["z"])))
        say = f"Farthest out is {clean(top['column'])} {number(float(top['value']))} in row {clean(top['row_id'])}, "
        say += f"{away} robust standard deviations away."
        head = table.head(10)
        rows = "; ".join(
            f"{clean(c)} {number(float(v))} in row {clean(r)}"
            for c, v, r in zip(head["column"], head["value"], head["row_id"], strict=True)
        )
        drawn = drawing(canvas, "Rows that stand out", say=say, alt=f"Dots of the farthest values by column: {rows}.")
    texts = [
        f"{unmarked(c)} {number(float(v))}<br>row {unmarked(r)}"
        for c, v, r in zip(table["column"], table["value"], table["row_id"], strict=True)
    ]
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": [round(float(v), 4) for v in x],
        "y": y.tolist(),
        "text": texts,
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"color": ACCENT, "size": 9, "opacity": 0.6},
    }
    axis = {"tickmode": "array", "showgrid": True, "gridcolor": LINE, "zeroline": False, "fixedrange": True, "automargin": True}
    across = {
        "tickvals": ticks,
        "ticktext": words,
        "title": {"text": "robust standard deviations from the median", "font": {"size": 12}},
    }
    down = {"tickvals": list(range(len(names))), "ticktext": [unmarked(n, 24) for n in names], "range": [len(names) - 0.5, -0.5]}
    layout = {**_bare(90 + 34 * len(names)), "xaxis": {**axis, **across}, "yaxis": {**axis, **down}}
    return drawn.model_copy(update={"plotly": {"data": [dots], "layout": layout}})


def _powers(x: Floats) -> tuple[list[float], list[str]]:
    """Ticks at powers of ten for sign(z) log10(1 + |z|), some three on either side, and what they say of z."""
    ticks, words = [0.0], ["0"]
    for sign in (-1, 1):
        reach = int(np.floor((sign * x).max(initial=0.0)))
        for power in range(1, reach + 1, max(1, round(reach / 3))):
            ticks.append(sign * float(np.log10(1 + 10.0**power)))
            words.append(("−" if sign < 0 else "") + (f"{10**power:,d}" if power < 6 else f"1e{power}"))
    return ticks, words


def interaction(grid: Grid | None, target: str) -> Figure | Note:
    """The share of the target for each pair of values of two columns: darker is more; cells of few rows are left open."""
    title = "Two columns together"
    if grid is None:
        return Note(title=title, say="There are no two columns to look at together.")
    rows, columns = grid.n.shape
    say = _depends(grid, target)
    with style():
        canvas = Canvas(figsize=(WIDTH, 1.15 + 0.4 * rows))
        axes = canvas.subplots()
        quiet(axes, grid="none")
        top = float(grid.share[grid.n >= LEAST].max(initial=1e-9))
        for i in range(rows):
            for j in range(columns):
                read = grid.n[i, j] >= LEAST
                share = float(grid.share[i, j])
                alpha = 0.05 + 0.9 * share / top if read else 0.0
                tile = Rectangle((j - 0.48, i - 0.46), 0.96, 0.92, facecolor=ACCENT, alpha=alpha, linewidth=0)
                axes.add_patch(tile)
                colour = PAPER if alpha > 0.6 else INK if read else SOFT
                axes.text(j, i, percent(share) if read else "few", ha="center", va="center", color=colour, fontsize=9.5)
        axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
        axes.set_yticks(range(rows), [label(name, 20) for name in grid.first_levels])
        slanted = columns * max(len(name) for name in grid.second_levels) > 44
        across = [label(name, 24) for name in grid.second_levels]
        axes.set_xticks(
            range(columns), across, rotation=30 if slanted else 0, ha="right" if slanted else "center", rotation_mode="anchor"
        )
        axes.set_ylabel(label(grid.first))
        axes.set_xlabel(label(grid.second))
        for spine in axes.spines.values():
            spine.set_visible(False)
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
            caption=f"Share with {clean(target)} {clean(grid.target)}; the pair that departs most from odds that multiply, of {grid.tested} tried.",
        )


def _depends(grid: Grid, target: str) -> str:
    """Whether what one column means depends on the other, and where most and least."""
    if grid.p > 0.05:
        return f"No two of the strongest columns are seen to depend on each other; {clean(grid.first)} and {clean(grid.second)} come nearest."
    spans = {}
    for j, level in enumerate(grid.second_levels):
        read = np.flatnonzero(grid.n[:, j] >= LEAST)
        if len(read) > 1:
            odds = grid.share[read, j].clip(1e-3, 1 - 1e-3)
            spans[level] = (
                float(np.ptp(np.log(odds / (1 - odds)))),
                float(grid.share[read, j].max()),
                float(grid.share[read, j].min()),
            )
    say = f"What {clean(grid.first)} means for {clean(target)} depends on {clean(grid.second)}"
    if len(spans) < 2:
        return f"{say}."
    most, least = max(spans, key=lambda level: spans[level][0]), min(spans, key=lambda level: spans[level][0])
    return (
        f"{say}: where that is {clean(most)}, {clean(grid.target)} lies between {percent(spans[most][2])} and {percent(spans[most][1])}; "
        f"where it is {clean(least)}, between {percent(spans[least][2])} and {percent(spans[least][1])}."
    )

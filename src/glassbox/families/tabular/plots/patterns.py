"""The figures of columns together: what is missing together, what goes with what, which rows stand out."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from glassbox.families.tabular.association import Relation
from glassbox.families.tabular.plots.marks import (
    ACCENT,
    INK,
    LINE,
    PAPER,
    SOFT,
    WIDTH,
    Floats,
    clean,
    label,
    name_rows,
    percent,
    quiet,
    rows_canvas,
)
from glassbox.families.tabular.words import short
from glassbox.findings import Figure, Note
from glassbox.markup import number
from glassbox.theme import drawing, style


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
        ranked = sorted(pairs, key=lambda r: (-r.strength, r.first, r.second))
        say = f"The strongest link between columns is {clean(ranked[0].first)} with {clean(ranked[0].second)} (strength {number(ranked[0].strength)})."
        alt = "; ".join(f"{clean(r.first)} with {clean(r.second)} {r.strength:.2f}" for r in ranked[:10])
        drawn = drawing(
            canvas,
            "What goes with what",
            say=say,
            caption="Numbers are strengths in hundredths: |Spearman|, Cramér's V or correlation ratio.",
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
        "text": [[_hover_words(r) if r else "" for r in row] for row in below],
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


def _hover_words(r: Relation) -> str:
    pair = f"{unmarked(r.first)} and {unmarked(r.second)}"
    return f"{pair}<br>{r.measure}, strength {r.strength:.2f}<br>{unmarked(r.words, 90)}"


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
    with style():
        canvas, axes = rows_canvas(len(names), extra=0.75, step=0.3)
        axes.set_xscale("symlog", linthresh=10)
        axes.plot(z, y, "o", color=ACCENT, alpha=0.6, markersize=5, markeredgewidth=0)
        bound = 10 ** np.ceil(np.log10(max(10.0, np.abs(z).max(initial=10.0))))
        axes.set_xlim(-bound * 1.3 if (z < 0).any() else -3, bound * 1.3 if (z > 0).any() else 3)
        powers = 10 ** np.arange(1, np.log10(bound) + 1, max(1, round(np.log10(bound) / 3)))
        ticks = [*(-powers[::-1] if (z < 0).any() else []), 0, *(powers if (z > 0).any() else [])]
        axes.set_xticks(ticks, [f"{t:,.0f}" for t in ticks])
        axes.minorticks_off()
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
    # Plotly has no symmetric logarithm: what is drawn is sign(z) log10(1 + |z|), and the ticks say z.
    dots = {
        "type": "scatter",
        "mode": "markers",
        "x": [round(float(v), 4) for v in np.sign(z) * np.log10(1 + np.abs(z))],
        "y": y.tolist(),
        "text": texts,
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"color": ACCENT, "size": 9, "opacity": 0.6},
    }
    axis = {"tickmode": "array", "showgrid": True, "gridcolor": LINE, "zeroline": False, "fixedrange": True, "automargin": True}
    across = {
        "tickvals": [float(np.sign(t) * np.log10(1 + abs(t))) for t in ticks],
        "ticktext": [f"{t:,.0f}" for t in ticks],
        "title": {"text": "robust standard deviations from the median", "font": {"size": 12}},
    }
    down = {"tickvals": list(range(len(names))), "ticktext": [unmarked(n, 24) for n in names], "range": [len(names) - 0.5, -0.5]}
    layout = {**_bare(90 + 34 * len(names)), "xaxis": {**axis, **across}, "yaxis": {**axis, **down}}
    return drawn.model_copy(update={"plotly": {"data": [dots], "layout": layout}})


__all__ = ["extremes", "missing_patterns", "relations_map", "unmarked"]

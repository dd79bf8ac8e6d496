"""Figures of single columns by class: histograms of numbers, rates of categories, and the target over time."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch

from glassbox.families.shared.plotting import (
    Floats,
    as_percent,
    dots,
    mark_value,
    minimal_axes,
    name_rows,
    rows_canvas,
    side_values,
)
from glassbox.families.tabular.explore import Histogram
from glassbox.findings.model import Figure, Note
from glassbox.findings.plot_style import PALETTE, WIDTH, drawing, style
from glassbox.findings.svg import ACCENT, INK, SOFT
from glassbox.findings.wording import clean, join_names, label, percent, short

NUMBERS, CATEGORIES, OVER_TIME = "Distribution by class", "Class rates by category", "Target over time"


def distributions(histograms: Sequence[Histogram], target: str, positive: str) -> Figure | Note:
    """Draw histograms of numeric columns by class; the bars of each class sum to 1."""
    if not histograms:
        return Note(title=NUMBERS, say="The data has no numeric columns.")
    per_row = 2
    lines = max(1, -(-len(histograms) // per_row))
    with style():
        canvas = Canvas(figsize=(WIDTH, 0.45 + 1.5 * lines))
        grid = canvas.subplots(lines, per_row, squeeze=False).ravel()
        classes = _order(histograms[0].shares, positive)
        for axes, histogram in zip(grid, histograms, strict=False):
            _panel(axes, histogram, classes)
        for axes in grid[len(histograms) :]:
            axes.set_visible(False)
        swatches = [Patch(facecolor=_color(i), alpha=0.55, label=label(f"{target} {name}", 30)) for i, name in enumerate(classes)]
        canvas.legend(
            handles=swatches, loc="outside upper left", ncols=min(3, max(1, len(classes))), handlelength=1, handleheight=0.8
        )
        cut = [f.name for f in histograms if f.beyond > 0.002]
        caption = (
            f"The lowest and highest 0.5 % of the values are cut off for {join_names([clean(name) for name in cut], 6)}."
            if cut
            else ""
        )
        return drawing(
            canvas,
            NUMBERS,
            say=_largest_difference(histograms, target, positive),
            caption=caption,
            alt=f"Histograms of {join_names([clean(f.name) for f in histograms], 8)} by class. {_largest_difference(histograms, target, positive)}",
        )


def _order(shares: Mapping[str, Floats], positive: str) -> list[str]:
    """Return the classes with the positive one first, which is drawn on top in the accent colour."""
    return [positive, *[name for name in shares if name != positive]] if positive in shares else list(shares)


def _color(i: int) -> str:
    return [ACCENT, SOFT, *PALETTE[1:]][i]


def _panel(axes: Axes, histogram: Histogram, classes: Sequence[str]) -> None:
    minimal_axes(axes, grid="none")
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    axes.set_title(label(histogram.name, 24))
    for i, name in reversed(list(enumerate(classes))):
        axes.stairs(histogram.shares[name], histogram.edges, fill=True, color=_color(i), alpha=0.22)
        axes.stairs(histogram.shares[name], histogram.edges, color=_color(i), linewidth=1.3)
    axes.set_xlim(histogram.edges[0], histogram.edges[-1])
    if histogram.logarithmic:
        axes.set_xscale("log")
        axes.minorticks_off()
        low, high = np.ceil(np.log10(histogram.edges[0])), np.floor(np.log10(histogram.edges[-1]))
        axes.set_xticks(10.0 ** np.arange(low, high + 1))
    else:
        axes.locator_params(axis="x", nbins=4)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}" if histogram.years else short(value))


def _largest_difference(histograms: Sequence[Histogram], target: str, positive: str) -> str:
    """Describe the column with the largest total variation distance between the histograms of two classes."""
    distances = [max(0.5 * float(np.abs(a - b).sum()) for a in f.shares.values() for b in f.shares.values()) for f in histograms]
    top = histograms[int(np.argmax(distances))]
    groups = f"{clean(target)} {clean(positive)} and the rest" if len(top.shares) == 2 else f"two classes of {clean(target)}"
    return f"The distribution of {clean(top.name)} differs most between {groups}: their histograms overlap by {percent(1 - max(distances))}."


def rates(table: pd.DataFrame, target: str) -> Figure | Note:
    """Draw the share of the target in each level of several categories.

    Parameters
    ----------
    table
        One row per level: ``column``, ``level``, ``class``, ``share``, ``low``, ``high``, ``n``, ``overall``; the levels of a column are
        adjacent and in the order of the figure.
    target
        The name of the target.
    """
    if not len(table):
        return Note(title=CATEGORIES, say="The data has no categorical columns.")
    names = list(dict.fromkeys(table["column"]))
    rows: list[pd.Series | str] = []
    for name in names:
        rows += [name, *[row for _, row in table[table["column"] == name].iterrows()]]
    one_class = table["class"].nunique() <= 1
    with style():
        canvas, axes = rows_canvas(len(rows), extra=0.75, step=0.25)
        labels, values = [], []
        intervals = np.full((3, len(rows)), np.nan)
        colors = [SOFT] * len(rows)
        for i, row in enumerate(rows):
            if isinstance(row, str):
                whose = "" if one_class else f": {label(table.loc[table['column'] == row, 'class'].iloc[0], 14)}"
                labels.append(label(row, 24) + whose)
                values.append("")
                continue
            intervals[:, i] = row["share"], row["low"], row["high"]
            if row["low"] > row["overall"] or row["high"] < row["overall"]:
                colors[i] = ACCENT
            labels.append(label(row["level"], 24))
            values.append(percent(row["share"]))
        dots(axes, intervals[0], intervals[1], intervals[2], colors)
        name_rows(axes, labels, width=40)
        for text, row in zip(axes.get_yticklabels(), rows, strict=True):
            text.set_fontweight("bold" if isinstance(row, str) else "normal")
            text.set_color(INK if isinstance(row, str) else SOFT)
        side_values(axes, values)
        axes.set_xlim(0, min(1.0, float(table["high"].max()) * 1.05))
        as_percent(axes.xaxis)
        axes.locator_params(axis="x", nbins=5)
        share_of = label(f"{target} {table['class'].iloc[0]}" if one_class else target, 30)
        axes.set_xlabel(f"share with {share_of}, with 95 % interval")
        if one_class:
            overall = float(np.average(table["overall"]))
            mark_value(axes, overall, f"all: {percent(overall)}")
        alt = "; ".join(f"{clean(r.column)} {clean(r.level)}: {percent(r.share)}" for r in table.itertuples())  # type: ignore[arg-type]
        return drawing(
            canvas,
            CATEGORIES,
            say=_extreme_levels(table, target),
            alt=f"Share of the target in each level: {alt or 'none'}.",
        )


def _extreme_levels(table: pd.DataFrame, target: str) -> str:
    over, under = (table["low"] - table["overall"]).to_numpy(), (table["overall"] - table["high"]).to_numpy()
    top, low = table.iloc[int(over.argmax())], table.iloc[int(under.argmax())]
    most = f"{clean(top['column'])} {clean(top['level'])} ({percent(top['share'])} of {int(top['n']):,d})"
    least = f"{clean(low['column'])} {clean(low['level'])} ({percent(low['share'])})"
    low_class = "" if top["class"] == low["class"] else f"{clean(low['class'])} "
    return f"{clean(target)} {clean(top['class'])} is most frequent for {most}, and {low_class}least frequent for {least}."


def over_time(tables: Mapping[str, pd.DataFrame], target: str, positive: str) -> Figure | Note:
    """Draw the share of the positive class and the number of rows over time, for each date column.

    Parameters
    ----------
    tables
        For each date column, one row per period: ``period`` (its first day), ``n``, ``share``, ``low``, ``high``.
    target, positive
        The name of the target, and the positive class.
    """
    if not tables:
        return Note(title=OVER_TIME, say="The data has no date columns.")
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.75 * len(tables)))
        panels = canvas.subplots(2 * len(tables), 1, height_ratios=[3, 1] * len(tables), squeeze=False).ravel()
        sentences = [
            _draw_course(panels[2 * i], panels[2 * i + 1], table, name, target, positive)
            for i, (name, table) in enumerate(tables.items())
        ]
        caption = " ".join(omitted for _, omitted in sentences if omitted)
        alt = f"Lines of the share over time, with bars of rows. {' '.join(say for say, _ in sentences)}"
        return drawing(canvas, OVER_TIME, say=sentences[0][0], caption=caption, alt=alt)


def _draw_course(axes: Axes, below: Axes, table: pd.DataFrame, column: str, target: str, positive: str) -> tuple[str, str]:
    """Draw one date column; return a sentence about its result and one about omitted periods."""
    total = int(table["n"].sum())
    solid = table[table["n"] >= max(10, 0.001 * total)]
    solid = solid if len(solid) else table
    at, share = solid["period"].to_numpy().astype("datetime64[D]").astype(float), solid["share"].to_numpy(dtype=float)
    minimal_axes(axes, grid="y")
    axes.fill_between(at, solid["low"], solid["high"], color=ACCENT, alpha=0.18, linewidth=0)
    axes.plot(at, share, "-o", color=ACCENT, markersize=3.5, linewidth=1.6, markeredgewidth=0)
    axes.set(ylim=(0, min(1.02, float(solid["high"].max()) * 1.1)), ylabel=f"share {label(positive, 14)}", title=label(column))
    as_percent(axes.yaxis)
    axes.set_xticks([])
    minimal_axes(below, grid="none")
    below.spines["left"].set_visible(False)
    width = np.diff(at).min() * 0.85 if len(at) > 1 else 0.8
    below.bar(at, solid["n"], width=width, color=SOFT, alpha=0.5)
    below.set(yticks=[], ylabel="rows", xlim=axes.get_xlim())
    ticks, words = date_ticks(at[0], at[-1])
    below.set_xticks(ticks, words)
    high, low = solid.iloc[int(share.argmax())], solid.iloc[int(share.argmin())]
    say = (
        f"By {clean(column)}, {clean(target)} {clean(positive)} is most frequent in the period from {_day(high)} ({percent(high['share'])}) "
        f"and least frequent in the period from {_day(low)} ({percent(low['share'])}). "
        f"The last period, from {_day(solid.iloc[-1])}, has {percent(solid.iloc[-1]['share'])}."
    )
    omitted = total - int(solid["n"].sum())
    ends = f"{_day(table.iloc[0])} and {_day(table.iloc[-1])}"
    note = (
        f"{clean(column)}: periods with few rows are not drawn ({omitted:,d} of {total:,d} rows, between {ends})."
        if omitted
        else ""
    )
    return say, note


def date_ticks(first: float, last: float, most: int = 5) -> tuple[list[float], list[str]]:
    """Return ticks for days since 1970, at whole years or months if at most `most` fit; unlike Matplotlib's, they work for any year.

    >>> date_ticks(0, 1500)
    ([0.0, 365.0, 730.0, 1096.0, 1461.0], ['1970', '1971', '1972', '1973', '1974'])
    """
    ends = np.array([first, last]).round().astype("datetime64[D]")
    units: list[tuple[str, tuple[int, ...], int]] = [
        ("M", (1, 2, 3, 6), 7),
        ("Y", (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000), 4),
    ]
    if last - first > 45:
        for unit, steps, letters in units:
            low, high = ends.astype(f"datetime64[{unit}]").astype(np.int64).tolist()
            zero = 1970 if unit == "Y" else 0
            for step in steps:
                marks = [m for m in range(low, high + 1) if (m + zero) % step == 0]
                days = np.array(marks, dtype=np.int64).astype(f"datetime64[{unit}]").astype("datetime64[D]")
                inside = days[(days >= ends[0]) & (days <= ends[1])]
                if 2 <= len(inside) <= most:
                    return inside.astype(float).tolist(), [str(day)[:letters] for day in inside]
    days = np.unique(np.linspace(first, last, 3).round()).astype("datetime64[D]")
    return days.astype(float).tolist(), [str(day) for day in days]


def _day(row: pd.Series) -> str:
    return str(np.datetime64(row["period"], "D"))

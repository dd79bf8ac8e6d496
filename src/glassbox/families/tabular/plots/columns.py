"""The figures of single columns: the target's classes, numbers and categories by target, the course of time."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch

from glassbox.families.tabular.explore import Histogram
from glassbox.families.tabular.plots.marks import (
    ACCENT,
    INK,
    PAPER,
    SOFT,
    WIDTH,
    Floats,
    as_percent,
    between,
    clean,
    label,
    listed,
    mark_value,
    name_rows,
    percent,
    quiet,
    rows_canvas,
    side_values,
)
from glassbox.families.tabular.words import short
from glassbox.findings import Figure, Note
from glassbox.theme import PALETTE, drawing, style


def target_balance(table: pd.DataFrame, target: str, positive: str, most: int = 15) -> Figure:
    """How often each class is there.

    Parameters
    ----------
    table
        One row a class, the most frequent first: ``class``, ``n``, ``share``, ``low``, ``high``.
    target, positive
        The target's name, and the class that is looked for.
    most
        Of more classes, the rest are drawn as one.
    """
    shown = table.head(most)
    if len(table) > most:
        rest = table.iloc[most:]
        other = pd.DataFrame({"class": [f"{len(rest)} more"], "n": [rest["n"].sum()], "share": [rest["share"].sum()]})
        shown = pd.concat([shown, other], ignore_index=True)
    names, share = [str(name) for name in shown["class"]], shown["share"].to_numpy(dtype=float)
    binary = len(table) == 2
    with style():
        canvas, axes = rows_canvas(len(names), extra=0.55, step=0.36)
        colors = [ACCENT if name == positive and binary else SOFT for name in names]
        axes.barh(range(len(names)), share, height=0.55, color=colors, alpha=0.9)
        name_rows(axes, names, strong=names.index(positive) if binary and positive in names else None)
        side_values(axes, [f"{percent(s)} · {n:,d}" for s, n in zip(share, shown["n"], strict=True)])
        axes.set_xlim(0, share.max() * 1.02)
        axes.set_xticks([])
        axes.set_xlabel(f"share of rows by {label(target)}")
        top, last, total = table.iloc[0], table.iloc[-1], int(table["n"].sum())
        if binary:
            mine = table[table["class"] == positive].iloc[0]
            interval = between(100 * mine["low"], 100 * mine["high"], ".1f")
            say = (
                f"{clean(target)} is {clean(positive)} in {percent(mine['share'], 1)} of {total:,d} rows{interval}; naming {clean(top['class'])} for "
                f"every row would be right {percent(top['share'], 1)} of the time."
            )
        else:
            say = (
                f"{clean(target)} has {len(table)} classes in {total:,d} rows, from {clean(top['class'])} ({percent(top['share'], 1)}) "
                f"to {clean(last['class'])} ({int(last['n']):,d} rows)."
            )
        rows = "; ".join(f"{clean(n)} {percent(s, 1)} ({c:,d} rows)" for n, s, c in zip(names, share, shown["n"], strict=True))
        return drawing(
            canvas, "What is to be told apart", say=say, alt=f"Bars of the share of each class of {clean(target)}: {rows}."
        )


def distributions(histograms: Sequence[Histogram], target: str, positive: str) -> Figure | Note:
    """Columns of numbers by class, side by side: within each class the bars add up to all of its rows."""
    if not histograms:
        return Note(title="Numbers by target", say="There are no columns of numbers to draw.")
    per_row = 2
    lines = max(1, -(-len(histograms) // per_row))
    with style():
        canvas = Canvas(figsize=(WIDTH, 0.45 + 1.5 * lines))
        grid = canvas.subplots(lines, per_row, squeeze=False).ravel()
        classes = _order(histograms[0].shares, positive)
        for axes, found in zip(grid, histograms, strict=False):
            _small(axes, found, classes)
        for axes in grid[len(histograms) :]:
            axes.set_visible(False)
        swatches = [
            Patch(facecolor=_colour(i), alpha=0.55, label=label(f"{target} {name}", 30)) for i, name in enumerate(classes)
        ]
        canvas.legend(
            handles=swatches, loc="outside upper left", ncols=min(3, max(1, len(classes))), handlelength=1, handleheight=0.8
        )
        cut = [f.name for f in histograms if f.beyond > 0.002]
        caption = f"Half a percent at either end is cut off for {listed([clean(name) for name in cut], 6)}." if cut else ""
        return drawing(
            canvas,
            "Numbers by target",
            say=_widest(histograms, target, positive),
            caption=caption,
            alt=f"Histograms of {listed([clean(f.name) for f in histograms], 8)} by class. {_widest(histograms, target, positive)}",
        )


def _order(shares: Mapping[str, Floats], positive: str) -> list[str]:
    """The class that is looked for is drawn last, on top, in the accent."""
    return [positive, *[name for name in shares if name != positive]] if positive in shares else list(shares)


def _colour(i: int) -> str:
    return [ACCENT, SOFT, *PALETTE[1:]][i]


def _small(axes: Axes, found: Histogram, classes: Sequence[str]) -> None:
    quiet(axes, grid="none")
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    axes.set_title(label(found.name, 24))
    for i, name in reversed(list(enumerate(classes))):
        axes.stairs(found.shares[name], found.edges, fill=True, color=_colour(i), alpha=0.22)
        axes.stairs(found.shares[name], found.edges, color=_colour(i), linewidth=1.3)
    axes.set_xlim(found.edges[0], found.edges[-1])
    if found.logarithmic:
        axes.set_xscale("log")
        axes.minorticks_off()
        low, high = np.ceil(np.log10(found.edges[0])), np.floor(np.log10(found.edges[-1]))
        axes.set_xticks(10.0 ** np.arange(low, high + 1))
    else:
        axes.locator_params(axis="x", nbins=4)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}" if found.years else short(value))


def _widest(histograms: Sequence[Histogram], target: str, positive: str) -> str:
    """Which panel differs most between the classes, by the area that their histograms do not share."""
    apart = [max(0.5 * float(np.abs(a - b).sum()) for a in f.shares.values() for b in f.shares.values()) for f in histograms]
    top = histograms[int(np.argmax(apart))]
    who = f"{clean(target)} {clean(positive)} and the rest" if len(top.shares) == 2 else f"the classes of {clean(target)}"
    return f"{clean(top.name)} differs most between {who}: {percent(max(apart))} of the rows would have to move for the two to look alike."


def rates(table: pd.DataFrame, target: str) -> Figure | Note:
    """How often the target is met in each level of several categories.

    Parameters
    ----------
    table
        One row a level: ``column``, ``level``, ``class``, ``share``, ``low``, ``high``, ``n``, ``overall``; levels of a column
        together, in the order they are drawn.
    target
        The target's name.
    """
    if not len(table):
        return Note(title="Categories by target", say="There are no categories to draw.")
    names = list(dict.fromkeys(table["column"]))
    rows: list[pd.Series | str] = []
    for name in names:
        rows += [name, *[row for _, row in table[table["column"] == name].iterrows()]]
    one_class = table["class"].nunique() <= 1
    with style():
        canvas, axes = rows_canvas(len(rows), extra=0.75, step=0.25)
        labels, values = [], []
        for i, row in enumerate(rows):
            if isinstance(row, str):
                whose = "" if one_class else f": {label(table.loc[table['column'] == row, 'class'].iloc[0], 14)}"
                labels.append(label(row, 24) + whose)
                values.append("")
                continue
            away = row["low"] > row["overall"] or row["high"] < row["overall"]
            axes.plot(
                [row["low"], row["high"]],
                [i, i],
                color=ACCENT if away else SOFT,
                linewidth=2.2,
                alpha=0.45,
                solid_capstyle="round",
            )
            axes.plot(
                [row["share"]],
                [i],
                "o",
                color=ACCENT if away else SOFT,
                markersize=5.5,
                markeredgecolor=PAPER,
                markeredgewidth=0.8,
            )
            labels.append(label(row["level"], 24))
            values.append(percent(row["share"]))
        name_rows(axes, labels, width=40)
        for text, row in zip(axes.get_yticklabels(), rows, strict=True):
            text.set_fontweight("bold" if isinstance(row, str) else "normal")
            text.set_color(INK if isinstance(row, str) else SOFT)
        side_values(axes, values)
        axes.set_xlim(0, min(1.0, float(table["high"].max()) * 1.05))
        as_percent(axes.xaxis)
        axes.locator_params(axis="x", nbins=5)
        what = label(f"{target} {table['class'].iloc[0]}" if one_class else target, 30)
        axes.set_xlabel(f"share with {what}, with 95 % interval")
        if one_class:
            overall = float(np.average(table["overall"]))
            mark_value(axes, overall, f"all: {percent(overall)}")
        alt = "; ".join(f"{clean(r.column)} {clean(r.level)}: {percent(r.share)}" for r in table.itertuples())  # type: ignore[arg-type]
        return drawing(
            canvas,
            "Categories by target",
            say=_highest(table, target),
            alt=f"Share of the target in each level: {alt or 'none'}.",
        )


def _highest(table: pd.DataFrame, target: str) -> str:
    over, under = (table["low"] - table["overall"]).to_numpy(), (table["overall"] - table["high"]).to_numpy()
    top, low = table.iloc[int(over.argmax())], table.iloc[int(under.argmax())]
    most = f"{clean(top['column'])} {clean(top['level'])} ({percent(top['share'])} of {int(top['n']):,d})"
    least = f"{clean(low['column'])} {clean(low['level'])} ({percent(low['share'])})"
    other = "" if top["class"] == low["class"] else f"{clean(low['class'])} "
    return f"{clean(target)} {clean(top['class'])} is most frequent with {most}, {other}least with {least}."


def over_time(table: pd.DataFrame, column: str, target: str, positive: str) -> Figure:
    """The positive class's share and the number of rows over time.

    Parameters
    ----------
    table
        One row a period: ``period`` (its first day), ``n``, ``share``, ``low``, ``high``.
    column, target, positive
        The column of dates, the target, and the class that is looked for.
    """
    total = int(table["n"].sum())
    solid = table[table["n"] >= max(10, 0.001 * total)]
    solid = solid if len(solid) else table
    lone = total - int(solid["n"].sum())
    at, share = solid["period"].to_numpy().astype("datetime64[D]"), solid["share"].to_numpy(dtype=float)
    with style():
        canvas = Canvas(figsize=(WIDTH, 3.1))
        axes, below = canvas.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        quiet(axes, grid="y")
        axes.fill_between(at, solid["low"], solid["high"], color=ACCENT, alpha=0.18, linewidth=0)
        axes.plot(at, share, "-o", color=ACCENT, markersize=3.5, linewidth=1.6, markeredgewidth=0)
        axes.set_ylim(0, min(1.02, float(solid["high"].max()) * 1.1))
        axes.set_ylabel(f"share {label(positive, 16)}")
        as_percent(axes.yaxis)
        quiet(below, grid="none")
        below.spines["left"].set_visible(False)
        width = np.diff(at).astype(float).min() * 0.85 if len(at) > 1 else 0.8
        below.bar(at, solid["n"], width=width, color=SOFT, alpha=0.5)
        below.set_yticks([])
        below.set_ylabel("rows")
        locator = AutoDateLocator(maxticks=6)  # type: ignore[no-untyped-call]
        below.xaxis.set_major_locator(locator)
        below.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        below.set_xlabel(label(column))
        first, last = solid.iloc[0], solid.iloc[-1]
        high, low = solid.iloc[int(solid["share"].to_numpy().argmax())], solid.iloc[int(solid["share"].to_numpy().argmin())]
        say = (
            f"{clean(target)} {clean(positive)} goes from {percent(first['share'])} (from {_day(first)}) to {percent(last['share'])} (from {_day(last)}); "
            f"it is highest from {_day(high)} with {percent(high['share'])}, lowest from {_day(low)} with {percent(low['share'])}."
        )
        caption = ""
        if lone:
            ends = f"{_day(table.iloc[0])} and {_day(table.iloc[-1])}"
            caption = f"{lone:,d} of {total:,d} rows are in periods too thin to draw; all dates lie between {ends}."
        alt = f"Line of the share over {len(solid)} periods with bars of their rows. {say}"
        return drawing(canvas, f"Over time: {clean(column)}", say=say, caption=caption, alt=alt)


def _day(row: pd.Series) -> str:
    return str(np.datetime64(row["period"], "D"))


__all__ = ["distributions", "over_time", "rates", "target_balance"]

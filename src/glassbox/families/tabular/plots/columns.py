"""The figures of single columns: the target's classes, numbers and categories by target, the course of time."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Patch

from glassbox.families.shared.plotting import Floats, as_percent, mark_value, name_rows, quiet, rows_canvas, side_values
from glassbox.families.tabular.explore import Histogram
from glassbox.findings.model import Figure, Note
from glassbox.findings.plot_style import PALETTE, WIDTH, drawing, style
from glassbox.findings.svg import ACCENT, INK, PAPER, SOFT
from glassbox.findings.wording import clean, join_names, label, percent, short


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
        caption = f"Half a percent at either end is cut off for {join_names([clean(name) for name in cut], 6)}." if cut else ""
        return drawing(
            canvas,
            "Numbers by target",
            say=_widest(histograms, target, positive),
            caption=caption,
            alt=f"Histograms of {join_names([clean(f.name) for f in histograms], 8)} by class. {_widest(histograms, target, positive)}",
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


def over_time(tables: Mapping[str, pd.DataFrame], target: str, positive: str) -> Figure | Note:
    """The positive class's share and the number of rows over time, for each column of dates.

    Parameters
    ----------
    tables
        By column of dates, one row a period: ``period`` (its first day), ``n``, ``share``, ``low``, ``high``.
    target, positive
        The target's name, and the class that is looked for.
    """
    if not tables:
        return Note(title="Over time", say="There are no dates to follow.")
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.75 * len(tables)))
        panels = canvas.subplots(2 * len(tables), 1, height_ratios=[3, 1] * len(tables), squeeze=False).ravel()
        told = [
            _course(panels[2 * i], panels[2 * i + 1], table, name, target, positive)
            for i, (name, table) in enumerate(tables.items())
        ]
        caption = " ".join(thin for _, thin in told if thin)
        alt = f"Lines of the share over time, with bars of rows. {' '.join(say for say, _ in told)}"
        return drawing(canvas, "Over time", say=told[0][0], caption=caption, alt=alt)


def _course(axes: Axes, below: Axes, table: pd.DataFrame, column: str, target: str, positive: str) -> tuple[str, str]:
    """Draw one column of dates; what it shows in a sentence, and what was left out in another."""
    total = int(table["n"].sum())
    solid = table[table["n"] >= max(10, 0.001 * total)]
    solid = solid if len(solid) else table
    at, share = solid["period"].to_numpy().astype("datetime64[D]").astype(float), solid["share"].to_numpy(dtype=float)
    quiet(axes, grid="y")
    axes.fill_between(at, solid["low"], solid["high"], color=ACCENT, alpha=0.18, linewidth=0)
    axes.plot(at, share, "-o", color=ACCENT, markersize=3.5, linewidth=1.6, markeredgewidth=0)
    axes.set(ylim=(0, min(1.02, float(solid["high"].max()) * 1.1)), ylabel=f"share {label(positive, 14)}", title=label(column))
    as_percent(axes.yaxis)
    axes.set_xticks([])
    quiet(below, grid="none")
    below.spines["left"].set_visible(False)
    width = np.diff(at).min() * 0.85 if len(at) > 1 else 0.8
    below.bar(at, solid["n"], width=width, color=SOFT, alpha=0.5)
    below.set(yticks=[], ylabel="rows", xlim=axes.get_xlim())
    ticks, words = date_ticks(at[0], at[-1])
    below.set_xticks(ticks, words)
    high, low = solid.iloc[int(share.argmax())], solid.iloc[int(share.argmin())]
    say = (
        f"By {clean(column)}, {clean(target)} {clean(positive)} is most frequent from {_day(high)} ({percent(high['share'])}) and least from "
        f"{_day(low)} ({percent(low['share'])}); the last period, from {_day(solid.iloc[-1])}, has {percent(solid.iloc[-1]['share'])}."
    )
    lone = total - int(solid["n"].sum())
    ends = f"{_day(table.iloc[0])} and {_day(table.iloc[-1])}"
    return say, f"{clean(column)}: {lone:,d} of {total:,d} rows lie in periods too thin to draw, between {ends}." if lone else ""


def date_ticks(first: float, last: float, most: int = 5) -> tuple[list[float], list[str]]:
    """Ticks for days since 1970, at whole years or months where these are at most `most`; for any year, as Matplotlib's are not.

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

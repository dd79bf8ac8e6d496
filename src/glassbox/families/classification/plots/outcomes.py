"""The figures of what came out: whether probabilities mean what they say, who was taken for whom, where it is weak."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle

from glassbox.families.shared.plotting import (
    Floats,
    as_percent,
    dots,
    mark_value,
    name_rows,
    quiet,
    rows_canvas,
    side_values,
    wilson,
)
from glassbox.findings.model import Figure
from glassbox.findings.plot_style import WIDTH, drawing, style
from glassbox.findings.svg import ACCENT, INK, PAPER, SOFT
from glassbox.findings.wording import between, clean, label, metric_label, number, percent
from glassbox.metrics import higher_is_better


def calibration_bins(y_true: npt.NDArray[np.int_], proba: Floats, bins: int = 10) -> pd.DataFrame:
    """Rows in about `bins` groups of like size, by probability: ``said`` (mean), ``came`` (share), ``low``, ``high``, ``n``.

    Equal probabilities stay together, so there may be fewer groups.
    """
    edges = np.unique(np.quantile(proba, np.linspace(0, 1, bins + 1)[1:-1])) if len(proba) else np.array([])
    group = np.searchsorted(edges, proba, side="left")
    frame = pd.DataFrame({"group": group, "proba": proba, "true": y_true})
    table = frame.groupby("group").agg(said=("proba", "mean"), came=("true", "mean"), hits=("true", "sum"), n=("true", "size"))
    low, high = wilson(table["hits"].to_numpy(), table["n"].to_numpy())
    return table.assign(low=low, high=high)[["said", "came", "low", "high", "n"]].reset_index(drop=True)


def calibration(y_true: npt.ArrayLike, proba: npt.ArrayLike | pd.DataFrame, bins: int = 10) -> Figure:
    """Whether what is given 30 % comes true 30 % of the time, and how often which probability is given.

    Parameters
    ----------
    y_true
        (n,) 0/1, or classes when `proba` is a frame.
    proba
        (n,) probability of the 1; or a frame with one column (or ``proba_<class>``) a class: then it is shown whether the class
        held most probable is as often right as it is said to be (Guo et al. 2017, sec. 2).
    bins
        How many groups of like size.
    """
    if isinstance(proba, pd.DataFrame):
        names = np.array([str(column).removeprefix("proba_") for column in proba.columns])
        given = proba.to_numpy(dtype=float)
        true = (names[given.argmax(axis=1)] == np.asarray(y_true).astype(str)).astype(int)
        p, what, comes = given.max(axis=1), "probability given to the most probable class", "share in which it was right"
    else:
        true, p = np.asarray(y_true).astype(int), np.asarray(proba, dtype=float)
        what, comes = "probability that was given", "share that came true"
    table = calibration_bins(true, p, bins)
    off = float(np.average((table["said"] - table["came"]).abs(), weights=table["n"]))
    bias = float(np.average(table["said"] - table["came"], weights=table["n"]))
    beside = int(((table["said"] < table["low"]) | (table["said"] > table["high"])).sum())
    lean = "" if abs(bias) < 0.005 else f", on the whole {100 * abs(bias):.1f} points too {'high' if bias > 0 else 'low'}"
    say = (
        f"Probabilities are off by {100 * off:.1f} percentage points on average{lean}; "
        f"in {beside} of {len(table)} groups by more than chance explains."
    )
    with style():
        canvas = Canvas(figsize=(WIDTH, 3.7))
        axes, below = canvas.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        quiet(axes, grid="both")
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (3, 3)))
        axes.annotate("as said", (0.85, 0.85), xytext=(6, -11), textcoords="offset points", color=SOFT)
        axes.vlines(table["said"], table["low"], table["high"], color=ACCENT, alpha=0.45, linewidth=2.2)
        axes.plot(table["said"], table["came"], "-o", color=ACCENT, markersize=5.5, linewidth=1.2, markeredgecolor=PAPER)
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.02, 1.02), ylabel=comes)
        axes.set_yticks(np.linspace(0, 1, 6))
        as_percent(axes.yaxis)
        _given(below, p)
        below.set_xlabel(what)
        as_percent(below.xaxis)
        rows = "; ".join(f"said {percent(s)}, came {percent(c)}" for s, c in table[["said", "came"]].to_numpy())
        return drawing(
            canvas,
            "Do probabilities mean what they say?",
            say=say,
            alt=f"Calibration in groups of some {int(table['n'].median()):,d} rows, over a histogram of probabilities: {rows}.",
        )


def _given(axes: Axes, proba: Floats) -> None:
    """A small histogram of the probabilities, its tallest bar named."""
    counts, edges = np.histogram(proba, bins=20, range=(0, 1))
    quiet(axes, grid="none")
    axes.bar(edges[:-1], counts, width=0.046, align="edge", color=SOFT, alpha=0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    top = int(counts.argmax())
    axes.set_ylim(0, max(1, counts[top]) * 1.55)
    place = "left" if top < 3 else "right" if top > 16 else "center"
    x = edges[top] + {"left": 0.0, "right": 0.05, "center": 0.025}[place]
    axes.annotate(f"{counts[top]:,d} rows", (x, counts[top]), xytext=(0, 3), textcoords="offset points", ha=place, color=SOFT)


def confusion(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, classes: Sequence[str]) -> Figure:
    """Who was taken for whom: counts, shaded by the share of each actual class (a row adds up to 100 %)."""
    names = [str(name) for name in classes]
    place = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), dtype=int)
    np.add.at(counts, (_places(y_true, place), _places(y_pred, place)), 1)
    share = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    k = len(names)
    with style():
        canvas = Canvas(figsize=(WIDTH, min(5.0, 1.1 + 0.62 * k if k < 6 else 1.3 + 0.37 * k)))
        axes = canvas.subplots()
        quiet(axes, grid="none")
        for i in range(k):
            for j in range(k):
                axes.add_patch(_tile(j, i, share[i, j], i == j))
                if k <= 12:
                    colour = PAPER if share[i, j] > 0.6 else INK
                    big = k < 6
                    text = (
                        f"{counts[i, j]:,d}\n{percent(share[i, j])}"
                        if big
                        else f"{100 * share[i, j]:.0f}"
                        if counts[i, j]
                        else ""
                    )
                    axes.text(j, i, text, ha="center", va="center", color=colour, fontsize=10 if big else 8.5)
        axes.set(xlim=(-0.5, k - 0.5), ylim=(k - 0.5, -0.5), xlabel="predicted", ylabel="actual")
        axes.set_yticks(range(k), [label(n, 18) for n in names])
        axes.set_xticks(
            range(k),
            [label(n, 18 if k <= 3 else 10) for n in names],
            rotation=0 if k <= 5 else 60,
            ha="center" if k <= 5 else "right",
            rotation_mode="anchor",
        )
        for spine in axes.spines.values():
            spine.set_visible(False)
        caption = (
            ""
            if k < 6
            else "Numbers are percent of the actual class."
            if k <= 12
            else "Darker is a larger share of the actual class."
        )
        rows = "; ".join(
            f"actual {clean(names[i])} predicted {clean(names[j])}: {counts[i, j]:,d} ({percent(share[i, j])})"
            for i, j in _told(counts)
        )
        return drawing(
            canvas,
            "Who was taken for whom",
            say=_mistakes(names, counts, share),
            caption=caption,
            alt=f"Confusion matrix. {rows}.",
        )


def _places(values: npt.ArrayLike, place: dict[str, int]) -> npt.NDArray[np.int_]:
    return np.array([place[name] for name in np.asarray(values).astype(str)], dtype=int)


def _tile(x: int, y: int, share: float, right: bool) -> Rectangle:
    return Rectangle(
        (x - 0.485, y - 0.47), 0.97, 0.94, facecolor=ACCENT if right else SOFT, alpha=0.06 + 0.94 * share, linewidth=0
    )


def _told(counts: npt.NDArray[np.int_], most: int = 25) -> list[tuple[int, int]]:
    """The cells that a text can name: all of a small matrix, the fullest of a large one."""
    cells = [(i, j) for i in range(len(counts)) for j in range(len(counts))]
    return cells if len(cells) <= most else sorted(cells, key=lambda cell: (-counts[cell], cell))[:most]


def _mistakes(names: list[str], counts: npt.NDArray[np.int_], share: Floats) -> str:
    total, right = int(counts.sum()), int(np.trace(counts))
    if not total:
        return "There are no rows to judge."
    wrong = share - np.diag(np.diag(share))
    i, j = np.unravel_index(int(wrong.argmax()), wrong.shape)
    say = f"{right:,d} of {total:,d} are right ({percent(right / total, 1)})"
    if wrong[i, j] == 0:
        return f"{say}; nothing was mistaken."
    return f"{say}; most often mistaken is {clean(names[i])}: {percent(share[i, j])} of them were taken for {clean(names[j])}."


def slices(table: pd.DataFrame, metric: str = "score", overall: float | None = None, most: int = 12) -> Figure:
    """The score on parts of the data, weakest first, each with its interval.

    Parameters
    ----------
    table
        One row a slice: ``slice`` (what it holds), ``value``, ``low``, ``high``, ``n`` (rows); ``weak`` where it was tested
        whether the slice is weaker than the whole beyond chance: those are drawn in the accent.
    metric
        The metric's name, as in a request.
    overall
        The score on all rows: a dashed line.
    most
        How many slices are drawn.
    """
    more = higher_is_better(metric)
    table = table[table["value"].notna()].sort_values(["value", "slice"], ascending=[more, True], kind="stable")
    weak = table["weak"].to_numpy(dtype=bool) if "weak" in table else np.zeros(len(table), dtype=bool)
    names = [str(name) for name in table["slice"][:most]]
    value, low, high = (table[column].to_numpy(dtype=float)[:most] for column in ("value", "low", "high"))
    with style():
        canvas, axes = rows_canvas(max(1, len(names)), extra=1.0)
        dots(axes, value, low, high, [ACCENT if bad else SOFT for bad in weak[:most]])
        name_rows(axes, names, width=32)
        side_values(axes, [number(float(v)) for v in value], [INK] * len(names))
        axes.set_xlabel(f"{metric_label(metric)}, with 95 % interval")
        if overall is not None:
            mark_value(axes, overall, f"all rows: {number(overall)}")
        say = "There is no slice large enough to judge."
        if names:
            weakest = f"{metric_label(metric)} {number(float(value[0]))}{between(low[0], high[0])}"
            say = f"Weakest is {clean(names[0])}: {weakest} on {int(table['n'].iloc[0]):,d} rows"
            say += "." if overall is None else f", against {number(overall)} on all."
            if "weak" in table:
                say += f" {int(weak.sum())} of {len(weak)} slices are weaker than the whole beyond chance."
        rows = "; ".join(
            f"{clean(n)} {number(float(v))}{between(a, b)}" for n, v, a, b in zip(names, value, low, high, strict=True)
        )
        alt = f"{metric_label(metric)} by slice, weakest first: {rows or 'none'}."
        return drawing(canvas, "Where it is weak", say=say, alt=alt)

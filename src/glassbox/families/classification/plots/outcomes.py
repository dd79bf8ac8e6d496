"""Figures of predictions and outcomes: calibration curve, confusion matrix, performance by slice."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Rectangle
from sklearn.metrics import confusion_matrix

from glassbox.families.shared.plotting import (
    Floats,
    as_percent,
    dots,
    heatmap,
    mark_value,
    minimal_axes,
    name_rows,
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
    """Bin rows by probability into about `bins` equal-mass bins.

    Equal probabilities stay together, so there may be fewer bins.

    Returns
    -------
    DataFrame
        ``predicted`` (mean probability), ``observed`` (share of positives), its Wilson interval ``low`` and ``high``, and ``n``.
    """
    edges = np.unique(np.quantile(proba, np.linspace(0, 1, bins + 1)[1:-1])) if len(proba) else np.array([])
    group = np.searchsorted(edges, proba, side="left")
    frame = pd.DataFrame({"group": group, "proba": proba, "true": y_true})
    table = frame.groupby("group").agg(
        predicted=("proba", "mean"), observed=("true", "mean"), hits=("true", "sum"), n=("true", "size")
    )
    low, high = wilson(table["hits"].to_numpy(), table["n"].to_numpy())
    return table.assign(low=low, high=high)[["predicted", "observed", "low", "high", "n"]].reset_index(drop=True)


def calibration(y_true: npt.ArrayLike, proba: npt.ArrayLike | pd.DataFrame, bins: int = 10) -> Figure:
    """Draw the calibration curve above a histogram of the probabilities.

    Parameters
    ----------
    y_true
        (n,) 0/1, or classes when `proba` is a frame.
    proba
        (n,) probability of the 1; or a frame with one column (or ``proba_<class>``) per class, whose curve shows the accuracy
        of the most probable class against its probability (Guo et al. 2017, sec. 2).
    bins
        Number of equal-mass bins.
    """
    if isinstance(proba, pd.DataFrame):
        names = np.array([str(column).removeprefix("proba_") for column in proba.columns])
        probabilities = proba.to_numpy(dtype=float)
        true = (names[probabilities.argmax(axis=1)] == np.asarray(y_true).astype(str)).astype(int)
        p, x_label, y_label = probabilities.max(axis=1), "probability of the most probable class", "accuracy"
    else:
        true, p = np.asarray(y_true).astype(int), np.asarray(proba, dtype=float)
        x_label, y_label = "predicted probability", "observed frequency"
    table = calibration_bins(true, p, bins)
    mean_gap = float(np.average((table["predicted"] - table["observed"]).abs(), weights=table["n"]))
    bias = float(np.average(table["predicted"] - table["observed"], weights=table["n"]))
    deviating = int(((table["predicted"] < table["low"]) | (table["predicted"] > table["high"])).sum())
    bias_note = "" if abs(bias) < 0.005 else f", and {100 * abs(bias):.1f} points too {'high' if bias > 0 else 'low'} overall"
    say = (
        f"Probabilities are off by {100 * mean_gap:.1f} percentage points on average{bias_note}; "
        f"{deviating} of {len(table)} bins deviate by more than chance explains."
    )
    with style():
        canvas = Canvas(figsize=(WIDTH, 3.7))
        axes, below = canvas.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        minimal_axes(axes, grid="both")
        axes.plot([0, 1], [0, 1], color=SOFT, linewidth=1, linestyle=(0, (3, 3)))
        axes.annotate("ideal", (0.85, 0.85), xytext=(6, -11), textcoords="offset points", color=SOFT)
        axes.vlines(table["predicted"], table["low"], table["high"], color=ACCENT, alpha=0.45, linewidth=2.2)
        axes.plot(table["predicted"], table["observed"], "-o", color=ACCENT, markersize=5.5, linewidth=1.2, markeredgecolor=PAPER)
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.02, 1.02), ylabel=y_label)
        axes.set_yticks(np.linspace(0, 1, 6))
        as_percent(axes.yaxis)
        _histogram(below, p)
        below.set_xlabel(x_label)
        as_percent(below.xaxis)
        rows = "; ".join(f"predicted {percent(s)}, observed {percent(c)}" for s, c in table[["predicted", "observed"]].to_numpy())
        return drawing(
            canvas,
            "Calibration curve",
            say=say,
            alt=f"Calibration curve in bins of about {int(table['n'].median()):,d} rows, above a histogram of the probabilities: {rows}.",
        )


def _histogram(axes: Axes, proba: Floats) -> None:
    """Draw a small histogram of the probabilities with the height of its tallest bar."""
    minimal_axes(axes, grid="none")
    sns.histplot(proba, bins=20, binrange=(0, 1), shrink=0.92, color=SOFT, alpha=0.5, linewidth=0, ax=axes)
    axes.set(yticks=[], ylabel="")
    axes.spines["left"].set_visible(False)
    bars = [bar for bar in axes.patches if isinstance(bar, Rectangle)]
    tallest = max(bars, key=Rectangle.get_height)
    x, count = tallest.get_x() + tallest.get_width() / 2, int(tallest.get_height())
    axes.set_ylim(0, max(1, count) * 1.55)
    place = "left" if x < 0.15 else "right" if x > 0.85 else "center"
    axes.annotate(f"{count:,d} rows", (x, count), xytext=(0, 3), textcoords="offset points", ha=place, color=SOFT)


def confusion(y_true: npt.ArrayLike, y_pred: npt.ArrayLike, classes: Sequence[str]) -> Figure:
    """Draw the confusion matrix: counts, shaded by the share of each actual class (rows sum to 100 %)."""
    names = [str(name) for name in classes]
    k = len(names)
    truth, predicted = np.asarray(y_true).astype(str), np.asarray(y_pred).astype(str)
    counts = confusion_matrix(truth, predicted, labels=names) if len(truth) else np.zeros((k, k), dtype=int)
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    with style():
        canvas = Canvas(figsize=(WIDTH, min(5.0, 1.1 + 0.62 * k if k < 6 else 1.3 + 0.37 * k)))
        axes = canvas.subplots()
        down, across = [label(n, 18) for n in names], [label(n, 18 if k <= 3 else 10) for n in names]
        texts = _cell_texts(counts, shares) if k <= 12 else None
        signed = np.where(np.eye(k), shares, -shares.clip(min=1e-3))  # errors in grey, also where there are none
        heatmap(axes, signed, down, across, texts, text_size=10 if k < 6 else 8.5)
        axes.set(xlabel="predicted", ylabel="actual")
        caption = (
            ""
            if k < 6
            else "Numbers are percent of the actual class."
            if k <= 12
            else "Darker is a larger share of the actual class."
        )
        rows = "; ".join(
            f"actual {clean(names[i])} predicted {clean(names[j])}: {counts[i, j]:,d} ({percent(shares[i, j])})"
            for i, j in _cells_to_describe(counts)
        )
        return drawing(
            canvas,
            "Confusion matrix",
            say=_confusion_sentence(names, counts, shares),
            caption=caption,
            alt=f"Confusion matrix. {rows}.",
        )


def _cell_texts(counts: npt.NDArray[np.int_], shares: Floats) -> npt.NDArray[np.object_]:
    """Return the text of each cell: count and share in a small matrix, the percentage alone in a larger one."""
    small = len(counts) < 6

    def text(count: int, share: float) -> str:
        return f"{count:,d}\n{percent(share)}" if small else f"{100 * share:.0f}" if count else ""

    return np.array(
        [[text(int(n), float(s)) for n, s in zip(*row, strict=True)] for row in zip(counts, shares, strict=True)], dtype=object
    )


def _cells_to_describe(counts: npt.NDArray[np.int_], most: int = 25) -> list[tuple[int, int]]:
    """Return the cells for the alternative text: all of a small matrix, the largest of a large one."""
    cells = [(i, j) for i in range(len(counts)) for j in range(len(counts))]
    return cells if len(cells) <= most else sorted(cells, key=lambda cell: (-counts[cell], cell))[:most]


def _confusion_sentence(names: list[str], counts: npt.NDArray[np.int_], shares: Floats) -> str:
    total, correct = int(counts.sum()), int(np.trace(counts))
    if not total:
        return "There are no rows to evaluate."
    errors = shares - np.diag(np.diag(shares))
    i, j = np.unravel_index(int(errors.argmax()), errors.shape)
    say = f"{correct:,d} of {total:,d} predictions are correct ({percent(correct / total, 1)})"
    if errors[i, j] == 0:
        return f"{say}; there are no errors."
    return f"{say}. The most frequent confusion: {percent(shares[i, j])} of {clean(names[i])} are predicted as {clean(names[j])}."


def slices(table: pd.DataFrame, metric: str = "score", overall: float | None = None, most: int = 12) -> Figure:
    """Draw the score of each slice with its interval, weakest first.

    Parameters
    ----------
    table
        One row per slice: ``slice`` (its definition), ``value``, ``low``, ``high``, ``n`` (rows) and optionally ``weak``: True
        for slices that are significantly worse than all rows, which are drawn in the accent colour.
    metric
        The metric's name, as in a request.
    overall
        Score on all rows, drawn as a dashed line.
    most
        Maximum number of slices drawn.
    """
    higher_better = higher_is_better(metric)
    table = table[table["value"].notna()].sort_values(["value", "slice"], ascending=[higher_better, True], kind="stable")
    weak = table["weak"].to_numpy(dtype=bool) if "weak" in table else np.zeros(len(table), dtype=bool)
    names = [str(name) for name in table["slice"][:most]]
    value, low, high = (table[column].to_numpy(dtype=float)[:most] for column in ("value", "low", "high"))
    with style():
        canvas, axes = rows_canvas(max(1, len(names)), extra=1.0)
        dots(axes, value, low, high, [ACCENT if is_weak else SOFT for is_weak in weak[:most]])
        name_rows(axes, names, width=32)
        side_values(axes, [number(float(v)) for v in value], [INK] * len(names))
        axes.set_xlabel(f"{metric_label(metric)}, with 95 % interval")
        if overall is not None:
            mark_value(axes, overall, f"all rows: {number(overall)}")
        say = "No slice is large enough to be evaluated."
        if names:
            weakest = f"{metric_label(metric)} {number(float(value[0]))}{between(low[0], high[0])}"
            say = f"The weakest slice is {clean(names[0])}: {weakest} on {int(table['n'].iloc[0]):,d} rows"
            say += "." if overall is None else f", against {number(overall)} on all."
            if "weak" in table:
                say += f" {int(weak.sum())} of {len(weak)} slices are significantly worse than the overall score."
        rows = "; ".join(
            f"{clean(n)} {number(float(v))}{between(a, b)}" for n, v, a, b in zip(names, value, low, high, strict=True)
        )
        alt = f"{metric_label(metric)} by slice, weakest first: {rows or 'none'}."
        return drawing(canvas, "Performance by slice", say=say, alt=alt)

"""Figures for detection: label balance, size and position of objects, and precision-recall curves."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure as Canvas

from glassbox.families.classification.plots.balance import target_balance
from glassbox.families.classification.plots.curves import threshold
from glassbox.families.detection.dataset import DetectionDataset
from glassbox.families.detection.metrics import Matches, by_label
from glassbox.families.shared.plotting import as_percent, minimal_axes, shades
from glassbox.findings.model import Figure
from glassbox.findings.plot_style import PALETTE, WIDTH, drawing, style
from glassbox.findings.svg import ACCENT, PAPER, SOFT
from glassbox.findings.wording import clean, label, number, percent

POSITION_BINS = 12  # a side of the heatmap
SIZE_BINS = 24
CURVE_POINTS = 200


def label_balance(table: pd.DataFrame, target: str) -> Figure:
    """Plot the number of objects of each label, from the table of `explore.balance`."""
    names, n, share = (table[name].tolist() for name in ("class", "n", "share"))
    drawn = target_balance(table, target, str(names[-1]), kinds="labels", units="objects")
    say = (
        f"{clean(names[0])} is the most frequent label with {percent(share[0])} of {sum(n):,} objects; "
        f"{clean(names[-1])} is the rarest with {percent(share[-1])}."
    )
    return drawn.model_copy(update={"say": say})


def object_sizes(dataset: DetectionDataset) -> Figure:
    """Plot a histogram of the share of the image that each object covers."""
    shares = np.array(
        [
            box.width * box.height / (width * height)
            for boxes, (width, height) in zip(dataset.boxes, dataset.sizes, strict=True)
            for box in boxes
        ]
    )
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.6))
        axes = canvas.subplots()
        minimal_axes(axes, grid="y")
        sns.histplot(x=shares, bins=SIZE_BINS, log_scale=True, color=ACCENT, alpha=1, edgecolor=PAPER, linewidth=0.6, ax=axes)
        as_percent(axes.xaxis, 1)
        axes.xaxis.set_minor_formatter(lambda value, position: "")
        axes.set_xlabel("share of the picture")
        axes.set_ylabel("objects")
        low, median, high = np.quantile(shares, [0.05, 0.5, 0.95])
        bounds = " and ".join(percent(float(end), 1) for end in (low, high))
        say = f"The median object covers {percent(float(median), 1)} of its picture; 90 % of the objects cover between {bounds}."
        return drawing(canvas, "Object sizes", say=say, alt=f"Histogram of the share of the picture. {say}")


def object_positions(dataset: DetectionDataset) -> Figure:
    """Plot a heatmap of the box centres, relative to the image."""
    centres = np.array(
        [
            ((box.x + box.width / 2) / width, (box.y + box.height / 2) / height)
            for boxes, (width, height) in zip(dataset.boxes, dataset.sizes, strict=True)
            for box in boxes
        ]
    )
    central = np.abs(centres - 0.5).max(axis=1) < 0.25
    with style():
        canvas = Canvas(figsize=(WIDTH * 0.72, WIDTH * 0.68))
        axes = canvas.subplots()
        sns.histplot(
            x=centres[:, 0], y=centres[:, 1], bins=POSITION_BINS, binrange=(0, 1), thresh=None, cmap=shades(ACCENT), ax=axes
        )
        axes.set(xlim=(0, 1), ylim=(1, 0), xlabel="horizontal position", ylabel="vertical position")
        axes.grid(False)
        as_percent(axes.xaxis)
        as_percent(axes.yaxis)
        say = f"{percent(float(central.mean()))} of the objects are centred in the middle quarter of their picture."
        return drawing(canvas, "Object positions", say=say, alt=f"Heatmap of the positions; darker means more objects. {say}")


def precision_recall(matches: Matches, chosen: float) -> Figure:
    """Plot precision against recall at IoU 0.5, one curve per label; dots mark the chosen score threshold."""
    metrics = by_label(matches)
    names = [name for name in matches.labels if matches.true[:, matches.labels.index(name)].sum() > 0]
    weakest = sorted(names, key=lambda name: (metrics[name]["map_50"], name))[: len(PALETTE)]
    with style():
        canvas = Canvas(figsize=(WIDTH, 3.4))
        axes = canvas.subplots()
        minimal_axes(axes, grid="both")
        for name in names:
            k = matches.labels.index(name)
            ranked, true = matches.ranked[k], matches.true[:, k].sum()
            hits = np.cumsum(ranked.right[0])
            recall, precision = hits / true, hits / np.arange(1, len(hits) + 1)
            color = PALETTE[weakest.index(name)] if name in weakest else SOFT
            axes.plot(recall, precision, color=color, lw=1.6, label=f"{label(name, 16)} {number(metrics[name]['map_50'])}")
            last = int((ranked.score >= chosen).sum()) - 1
            if last >= 0:
                axes.plot([recall[last]], [precision[last]], "o", color=color, markersize=6, markeredgecolor=PAPER)
        axes.set(xlim=(-0.01, 1.01), ylim=(0, 1.02), xlabel="recall: share of objects detected", ylabel="precision")
        as_percent(axes.xaxis)
        as_percent(axes.yaxis)
        if names:
            axes.legend(loc="lower left", fontsize=8.5)
        say = "The holdout has no objects."
        if names:
            lowest = number(metrics[weakest[0]]["map_50"])
            say = f"Average precision at IoU 0.5 is lowest for {clean(weakest[0])} ({lowest})."
        values = "; ".join(f"{clean(name)} {number(metrics[name]['map_50'])}" for name in names)
        alt = f"One curve a label, with average precision: {values}."
        return drawing(canvas, "Precision-recall curve", say=say, alt=alt)


def correctness_and_scores(matches: Matches) -> tuple[np.ndarray, np.ndarray]:
    """Return whether each predicted box is correct at IoU 0.5, as 0 or 1, and its score."""
    correct = np.concatenate([ranked.right[0] for ranked in matches.ranked])
    return correct.astype(np.int64), np.concatenate([ranked.score for ranked in matches.ranked])


def threshold_curve(curve: pd.DataFrame, chosen: float) -> Figure:
    """Plot F1, precision and recall against the score threshold."""
    step = max(1, len(curve) // CURVE_POINTS)
    return threshold(curve.iloc[::step], chosen)

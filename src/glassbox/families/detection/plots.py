"""The figures of detection: how large objects are, where they stand, and precision against recall. All others are shared."""

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as Canvas

from glassbox.families.classification.plots.balance import target_balance
from glassbox.families.classification.plots.curves import threshold
from glassbox.families.detection.dataset import DetectionDataset
from glassbox.families.detection.metrics import Matches, by_label
from glassbox.families.shared.plotting import as_percent, quiet
from glassbox.findings.model import Figure
from glassbox.findings.plot_style import PALETTE, WIDTH, drawing, style
from glassbox.findings.svg import ACCENT, PAPER, SOFT
from glassbox.findings.wording import clean, label, number, percent

CELLS = 12  # a side, of the map of where objects stand
SHARES = 24  # bars of the figure of sizes


def label_balance(table: pd.DataFrame, target: str) -> Figure:
    """How often each label is there, as `explore.balance` counts them."""
    names, n, share = (table[name].tolist() for name in ("class", "n", "share"))
    drawn = target_balance(table, target, str(names[-1]), kinds="labels", units="objects")
    say = f"Most frequent is {clean(names[0])}: {percent(share[0])} of {sum(n):,} objects; rarest is {clean(names[-1])}, {percent(share[-1])}."
    return drawn.model_copy(update={"say": say})


def sizes(scenes: DetectionDataset) -> Figure:
    """How much of their picture objects take."""
    shares = np.array(
        [
            box.width * box.height / (width * height)
            for boxes, (width, height) in zip(scenes.boxes, scenes.sizes, strict=True)
            for box in boxes
        ]
    )
    edges = np.geomspace(max(1e-4, shares.min() * 0.9), min(1.0, shares.max() * 1.1), SHARES)
    counts, _ = np.histogram(shares, edges)
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.6))
        axes = canvas.subplots()
        quiet(axes, grid="y")
        axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=ACCENT, edgecolor=PAPER, linewidth=0.6)
        axes.set_xscale("log")
        as_percent(axes.xaxis, 1)
        axes.xaxis.set_minor_formatter(lambda value, place: "")
        axes.set_xlabel("share of the picture")
        axes.set_ylabel("objects")
        low, middle, high = np.quantile(shares, [0.05, 0.5, 0.95])
        ends = " and ".join(percent(float(end), 1) for end in (low, high))
        say = f"Half of the objects take less than {percent(float(middle), 1)} of their picture; nine in ten between {ends}."
        return drawing(canvas, "How large objects are", say=say, alt=f"Bars over the share of the picture. {say}")


def object_positions(scenes: DetectionDataset) -> Figure:
    """Where the middles of objects stand on their pictures."""
    middles = np.array(
        [
            ((box.x + box.width / 2) / width, (box.y + box.height / 2) / height)
            for boxes, (width, height) in zip(scenes.boxes, scenes.sizes, strict=True)
            for box in boxes
        ]
    )
    counts, _, _ = np.histogram2d(middles[:, 1], middles[:, 0], bins=CELLS, range=[[0, 1], [0, 1]])
    centre = np.abs(middles - 0.5).max(axis=1) < 0.25
    with style():
        canvas = Canvas(figsize=(WIDTH * 0.72, WIDTH * 0.68))
        axes = canvas.subplots()
        shades = LinearSegmentedColormap.from_list("shades", [PAPER, ACCENT])
        axes.pcolormesh(np.linspace(0, 1, CELLS + 1), np.linspace(0, 1, CELLS + 1), counts, cmap=shades)
        axes.set(xlim=(0, 1), ylim=(1, 0), xlabel="from the left", ylabel="from above")
        axes.grid(False)
        as_percent(axes.xaxis)
        as_percent(axes.yaxis)
        say = f"The middles of {percent(float(centre.mean()))} of the objects stand in the middle quarter of their picture."
        return drawing(canvas, "Where objects stand", say=say, alt=f"A map of the picture; the darker, the more objects. {say}")


def precision_recall(matches: Matches, chosen: float) -> Figure:
    """Precision against recall at IoU 0.5, a curve a label; dots mark where the score falls below what is answered."""
    found = by_label(matches)
    names = [name for name in matches.labels if matches.true[:, matches.labels.index(name)].sum() > 0]
    weakest = sorted(names, key=lambda name: (found[name]["map_50"], name))[: len(PALETTE)]
    with style():
        canvas = Canvas(figsize=(WIDTH, 3.4))
        axes = canvas.subplots()
        quiet(axes, grid="both")
        for name in names:
            k = matches.labels.index(name)
            ranked, true = matches.ranked[k], matches.true[:, k].sum()
            hits = np.cumsum(ranked.right[0])
            recall, precision = hits / true, hits / np.arange(1, len(hits) + 1)
            colour = PALETTE[weakest.index(name)] if name in weakest else SOFT
            axes.plot(recall, precision, color=colour, lw=1.6, label=f"{label(name, 16)} {number(found[name]['map_50'])}")
            last = int((ranked.score >= chosen).sum()) - 1
            if last >= 0:
                axes.plot([recall[last]], [precision[last]], "o", color=colour, markersize=6, markeredgecolor=PAPER)
        axes.set(xlim=(-0.01, 1.01), ylim=(0, 1.02), xlabel="recall: share of objects found", ylabel="precision")
        as_percent(axes.xaxis)
        as_percent(axes.yaxis)
        if names:
            axes.legend(loc="lower left", fontsize=8.5)
        told = "; ".join(f"{clean(name)} {number(found[name]['map_50'])}" for name in names)
        say = (
            "There is no object."
            if not names
            else (f"Average precision at IoU 0.5 is lowest for {clean(weakest[0])} ({number(found[weakest[0]]['map_50'])}).")
        )
        return drawing(canvas, "Precision and recall by label", say=say, alt=f"Curves, one a label: {told}.")


def correctness_and_scores(matches: Matches) -> tuple[np.ndarray, np.ndarray]:
    """Of all boxes whether each is right at IoU 0.5, and its score."""
    right = np.concatenate([ranked.right[0] for ranked in matches.ranked])
    return right.astype(np.int64), np.concatenate([ranked.score for ranked in matches.ranked])


def threshold_curve(curve: pd.DataFrame, chosen: float) -> Figure:
    """F1, precision and recall by the score from which on boxes are answered."""
    step = max(1, len(curve) // 200)
    return threshold(curve.iloc[::step], chosen)

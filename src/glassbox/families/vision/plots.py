"""The figures of pictures: how large they are, what their colours are, and where their embeddings lie. All others are those of every family
of classes."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure as Canvas

from glassbox.families.classification.dataset import Problem
from glassbox.families.shared.plotting import dots, minimal_axes, name_rows, rows_canvas
from glassbox.families.vision.image_dataset import Floats
from glassbox.findings.model import Figure
from glassbox.findings.plot_style import PALETTE, WIDTH, drawing, style
from glassbox.findings.svg import ACCENT, SOFT
from glassbox.findings.wording import clean, label

SHAPES = "osD^vPX*<>"
MOST_DRAWN = 1500


def sizes(found: pd.DataFrame) -> Figure:
    """Width against height, a dot for each size; the larger, the more pictures have it."""
    counted = found.groupby(["width", "height"]).size().rename("n").reset_index().sort_values("n", ascending=False)
    with style():
        canvas = Canvas(figsize=(WIDTH, 3.0))
        axes = canvas.subplots()
        axes.scatter(
            counted["width"], counted["height"], s=14 + 260 * counted["n"] / counted["n"].max(), color=ACCENT, alpha=0.55, lw=0
        )
        axes.set_xlabel("width, pixels")
        axes.set_ylabel("height, pixels")
        minimal_axes(axes, grid="both")
        first = counted.iloc[0]
        share = float(first["n"]) / len(found)
        say = f"{share:.0%} of the pictures are {first['width']:.0f} × {first['height']:.0f} pixels; there are {len(counted):,} different sizes."
        return drawing(canvas, "How large the pictures are", say=say, alt=f"Dots, one a size. {say}")


def by_class(found: pd.DataFrame, problem: Problem, trait: str, most: int = 20) -> Figure:
    """A trait of the pictures of each class: the middle, and the middle half."""
    rows: list[tuple[str, float, float, float]] = []
    for k, name in enumerate(problem.classes):
        values = found.loc[problem.y == k, trait]
        rows.append((name, float(values.median()), float(values.quantile(0.25)), float(values.quantile(0.75))))
    rows.sort(key=lambda row: (-row[1], row[0]))
    shown = rows[:most]
    with style():
        canvas, axes = rows_canvas(len(shown), extra=0.7)
        middle, low, high = (np.array([row[i] for row in shown]) for i in (1, 2, 3))
        dots(axes, middle, low, high, [ACCENT] * len(shown))
        name_rows(axes, [row[0] for row in shown])
        axes.set_xlabel(f"{trait}, 0 to 1")
        first, last = shown[0], shown[-1]
        say = f"{trait.capitalize()} is highest for {clean(first[0])} ({first[1]:.2f} at the median) and lowest for {clean(last[0])} ({last[1]:.2f})."
        told = "; ".join(f"{row[0]} {row[1]:.2f}" for row in shown)
        return drawing(canvas, f"{trait.capitalize()} by class", say=say, alt=f"Dots with lines, one a class: {told}.")


def embedding_map(places: Floats, problem: Problem, rows: npt.NDArray[np.int64], agreement: float) -> Figure:
    """Pictures as dots that stand near one another where they look alike to the backbone, coloured by class."""
    y = problem.y[rows]
    frequent = np.argsort(-np.bincount(y, minlength=len(problem.classes)), kind="stable")[: len(SHAPES)]
    with style():
        canvas = Canvas(figsize=(WIDTH, 4.4))
        axes = canvas.subplots()
        others = ~np.isin(y, frequent)
        axes.scatter(places[others, 0], places[others, 1], s=7, color=SOFT, alpha=0.4, lw=0)
        for place, k in enumerate(frequent):
            mine = y == k
            if mine.any():
                axes.scatter(
                    places[mine, 0],
                    places[mine, 1],
                    s=14,
                    marker=SHAPES[place % len(SHAPES)],
                    color=PALETTE[place % len(PALETTE)],
                    alpha=0.7,
                    lw=0,
                    label=label(problem.classes[k], 18),
                )
        axes.set_xticks([])
        axes.set_yticks([])
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, fontsize=8, handletextpad=0.1, columnspacing=0.8)
        say = f"For {agreement:.0%} of the pictures, most of the ten that look most like it are of its class."
        alt = f"A map of {len(rows):,} pictures by t-SNE, coloured by class. {say}"
        return drawing(canvas, "Which pictures look alike", say=say, alt=alt, caption="Near means alike; axes mean nothing.")

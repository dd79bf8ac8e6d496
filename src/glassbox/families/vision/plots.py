"""Figures for images: image sizes, traits by class, and the embedding map."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure as Canvas

from glassbox.families.classification.dataset import LabelledRows
from glassbox.families.shared.plotting import minimal_axes, name_rows, rows_canvas
from glassbox.families.vision.image_collection import Floats
from glassbox.findings.model import Figure
from glassbox.findings.plot_style import PALETTE, WIDTH, drawing, style
from glassbox.findings.svg import ACCENT, SOFT
from glassbox.findings.wording import clean, label

MARKERS = "osD^vPX*<>"


def image_sizes(traits: pd.DataFrame) -> Figure:
    """Plot width against height: one dot per size, whose area grows with the number of images."""
    counts = traits.groupby(["width", "height"]).size().rename("n").reset_index().sort_values("n", ascending=False)
    with style():
        canvas = Canvas(figsize=(WIDTH, 3.0))
        axes = canvas.subplots()
        areas = 14 + 260 * counts["n"] / counts["n"].max()
        axes.scatter(counts["width"], counts["height"], s=areas, color=ACCENT, alpha=0.55, lw=0)
        axes.set_xlabel("width, pixels")
        axes.set_ylabel("height, pixels")
        minimal_axes(axes, grid="both")
        first = counts.iloc[0]
        share = float(first["n"]) / len(traits)
        say = (
            f"{share:.0%} of the pictures are {first['width']:.0f} × {first['height']:.0f} pixels; "
            f"there are {len(counts):,} different sizes."
        )
        return drawing(canvas, "Image sizes", say=say, alt=f"Scatter plot of width and height, one dot for each size. {say}")


def trait_by_class(traits: pd.DataFrame, labelled: LabelledRows, trait: str, most: int = 20) -> Figure:
    """Plot the median and the interquartile range of a trait for each class."""
    names = np.take(labelled.classes, labelled.y)
    medians = traits[trait].groupby(names).median().sort_values(ascending=False, kind="stable").head(most)
    classes = medians.index.tolist()
    with style():
        canvas, axes = rows_canvas(len(classes), extra=0.7)
        sns.pointplot(
            x=traits[trait], y=names, order=classes, estimator="median", errorbar=("pi", 50),
            color=ACCENT, linestyle="none", markersize=6, err_kws={"linewidth": 2.2, "alpha": 0.45}, ax=axes,
        )  # fmt: skip
        name_rows(axes, classes)
        axes.set(xlabel=f"{trait}, 0 to 1", ylabel="")
        say = (
            f"{trait.capitalize()} is highest for {clean(classes[0])} (median {medians.iloc[0]:.2f}) "
            f"and lowest for {clean(classes[-1])} ({medians.iloc[-1]:.2f})."
        )
        values_by_class = "; ".join(f"{name} {median:.2f}" for name, median in medians.items())
        title = f"{trait.capitalize()} by class"
        return drawing(canvas, title, say=say, alt=f"Median and interquartile range of each class: {values_by_class}.")


def embedding_map(points: Floats, labelled: LabelledRows, rows: npt.NDArray[np.int64], agreement: float) -> Figure:
    """Plot a two-dimensional projection of the embeddings, coloured by class."""
    y = labelled.y[rows]
    frequent = np.argsort(-np.bincount(y, minlength=len(labelled.classes)), kind="stable")[: len(MARKERS)]
    with style():
        canvas = Canvas(figsize=(WIDTH, 4.4))
        axes = canvas.subplots()
        others = ~np.isin(y, frequent)
        axes.scatter(points[others, 0], points[others, 1], s=7, color=SOFT, alpha=0.4, lw=0)
        for i, k in enumerate(frequent):
            members = y == k
            if members.any():
                axes.scatter(
                    points[members, 0],
                    points[members, 1],
                    s=14,
                    marker=MARKERS[i % len(MARKERS)],
                    color=PALETTE[i % len(PALETTE)],
                    alpha=0.7,
                    lw=0,
                    label=label(labelled.classes[k], 18),
                )
        axes.set_xticks([])
        axes.set_yticks([])
        for side in ("left", "bottom"):
            axes.spines[side].set_visible(False)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, fontsize=8, handletextpad=0.1, columnspacing=0.8)
        say = f"For {agreement:.0%} of the pictures, most of the ten nearest neighbours have the same class."
        alt = f"A t-SNE map of {len(rows):,} pictures, coloured by class. {say}"
        return drawing(canvas, "Embedding map", say=say, alt=alt, caption="Nearby points are similar; the axes have no meaning.")

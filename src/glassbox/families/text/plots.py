"""Figures of texts: the distribution of their lengths, and the most distinctive words of two classes."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import seaborn as sns
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D

from glassbox.families.classification.dataset import LabelledRows
from glassbox.families.shared.plotting import minimal_axes, name_rows, rows_canvas
from glassbox.families.text.log_odds_terms import TermCounts, log_odds_z_scores, top_terms
from glassbox.findings.model import Figure, Note
from glassbox.findings.plot_style import PALETTE, WIDTH, drawing, style
from glassbox.findings.svg import ACCENT, SOFT
from glassbox.findings.wording import clean, label

BINS = 36
DISTINCTIVE = "Distinctive words"


def length_histogram(words: npt.NDArray[np.int64], labelled: LabelledRows) -> Figure:
    """Draw the distribution of the number of words in a text on a logarithmic axis, by class for two classes."""
    sizes = np.maximum(words, 1)
    edges = np.unique(np.round(np.geomspace(1, max(2, sizes.max()), BINS)))
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.6))
        axes = canvas.subplots()
        classes = labelled.classes if labelled.binary else ["all"]
        sns.histplot(
            x=sizes, hue=np.take(classes, labelled.y if labelled.binary else np.zeros_like(labelled.y)), hue_order=classes,
            palette=PALETTE[: len(classes)], bins=edges, stat="proportion", common_norm=False,
            element="step", fill=False, linewidth=1.6, legend=False, ax=axes,
        )  # fmt: skip
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set(xlabel="words in a text (log scale)", ylabel="share of texts")
        minimal_axes(axes, grid="y")
        if labelled.binary:
            lines = [Line2D([], [], color=color, label=label(name)) for color, name in zip(PALETTE, classes, strict=False)]
            axes.legend(handles=lines, loc="upper left")
        low, middle, high = (int(np.quantile(words, q)) for q in (0.05, 0.5, 0.95))
        say = f"The median text has {middle:,d} words; nine in ten have {low:,d} to {high:,d}."
        return drawing(canvas, "Distribution of text length", say=say, alt=f"Histogram of the number of words in a text. {say}")


def distinctive_terms_plot(counts: TermCounts, labelled: LabelledRows, most: int = 12) -> Figure | Note:
    """Draw the most distinctive words of either class with their z-scores; more than two classes get a note instead."""
    if not labelled.binary:
        return Note(
            title=DISTINCTIVE, say="With more than two classes, see the table above for the distinctive words of each class."
        )
    z = log_odds_z_scores(counts)
    sides = [(k, i) for k in (labelled.positive, 1 - labelled.positive) for i in top_terms(counts, z, k, most)]
    values = np.array([z[i, labelled.positive] for _, i in sides])
    with style():
        canvas, axes = rows_canvas(len(sides), extra=0.7, step=0.21)
        axes.barh(range(len(sides)), values, height=0.6, color=[ACCENT if value > 0 else SOFT for value in values])
        axes.axvline(0, color=SOFT, linewidth=0.8)
        name_rows(axes, [counts.words[i] for _, i in sides])
        axes.set_xlabel(f"z-score towards {label(labelled.classes[labelled.positive])}")
        positive, negative = (_top_words(counts, sides, k) for k in (labelled.positive, 1 - labelled.positive))
        names = labelled.classes[labelled.positive], labelled.classes[1 - labelled.positive]
        say = f"{positive} are most distinctive of {clean(names[0])}, {negative} of {clean(names[1])}."
        rows = "; ".join(f"{counts.words[i]} {value:+.1f}" for (_, i), value in zip(sides, values, strict=True))
        return drawing(canvas, DISTINCTIVE, say=say, alt=f"Bar chart with one bar per word: {rows}.")


def _top_words(counts: TermCounts, sides: Sequence[tuple[int, int]], k: int) -> str:
    names = [counts.words[i] for side, i in sides if side == k][:3]
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else "".join(names)

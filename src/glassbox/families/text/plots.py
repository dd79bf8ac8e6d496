"""The figures of texts: how long they are, and which words tell two classes apart. All others are those of every family of classes."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure as Canvas

from glassbox.families.classification.dataset import Problem
from glassbox.families.shared.plotting import name_rows, quiet, rows_canvas
from glassbox.families.text.log_odds_terms import Counted, strongest, telling
from glassbox.findings.model import Figure, Note
from glassbox.findings.plot_style import PALETTE, WIDTH, drawing, style
from glassbox.findings.svg import ACCENT, SOFT
from glassbox.findings.wording import clean, label

BINS = 36


def lengths(words: npt.NDArray[np.int64], problem: Problem) -> Figure:
    """How many words texts have, on a logarithmic axis; of two classes, each by its own line."""
    sizes = np.maximum(words, 1)
    edges = np.unique(np.round(np.geomspace(1, max(2, sizes.max()), BINS)))
    with style():
        canvas = Canvas(figsize=(WIDTH, 2.6))
        axes = canvas.subplots()
        parts = [(name, problem.y == k) for k, name in enumerate(problem.classes)] if problem.binary else [("all", sizes > 0)]
        for colour, (name, inside) in zip(PALETTE, parts, strict=False):
            counts, _ = np.histogram(sizes[inside], bins=edges)
            axes.stairs(counts / max(1, counts.sum()), edges, color=colour, linewidth=1.6, label=label(name))
        axes.set_xscale("log")
        axes.set_xlabel("words in a text, logarithmic")
        axes.set_ylabel("share of texts")
        quiet(axes, grid="y")
        if problem.binary:
            axes.legend(frameon=False, loc="upper left")
        low, middle, high = (int(np.quantile(words, q)) for q in (0.05, 0.5, 0.95))
        say = f"The median text has {middle:,d} words; nine in ten have {low:,d} to {high:,d}."
        return drawing(canvas, "How long the texts are", say=say, alt=f"A histogram of words in a text. {say}")


def telling_words(found: Counted, problem: Problem, most: int = 12) -> Figure | Note:
    """Of two classes, the words that stand out on either side, by how surely they do."""
    if not problem.binary:
        return Note(title="There are more than two classes;", say="the table above names the words of each.")
    z = telling(found)
    sides = [(k, i) for k in (problem.positive, 1 - problem.positive) for i in strongest(found, z, k, most)]
    values = np.array([z[i, problem.positive] for _, i in sides])
    with style():
        canvas, axes = rows_canvas(len(sides), extra=0.7, step=0.21)
        colours = [ACCENT if value > 0 else SOFT for value in values]
        axes.barh(range(len(sides)), values, height=0.6, color=colours)
        axes.axvline(0, color=SOFT, linewidth=0.8)
        name_rows(axes, [found.words[i] for _, i in sides])
        axes.set_xlabel(f"standard errors towards {label(problem.classes[problem.positive])}")
        ours, theirs = (_first(found, sides, k) for k in (problem.positive, 1 - problem.positive))
        positive, negative = problem.classes[problem.positive], problem.classes[1 - problem.positive]
        say = f"{ours} speak for {clean(positive)}, {theirs} for {clean(negative)}."
        rows = "; ".join(f"{found.words[i]} {value:+.1f}" for (_, i), value in zip(sides, values, strict=True))
        return drawing(canvas, "Words that tell the classes apart", say=say, alt=f"Bars, one a word: {rows}.")


def _first(found: Counted, sides: Sequence[tuple[int, int]], k: int) -> str:
    names = [found.words[i] for side, i in sides if side == k][:3]
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else "".join(names)

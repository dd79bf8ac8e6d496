"""What the figures of the tabular family are made of: labels, sentences, dots with intervals, curves named where they end."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter

from glassbox.markup import number
from glassbox.theme import ACCENT, INK, LINE, PAPER, SOFT, WIDTH

Floats = npt.NDArray[np.float64]
METRIC_NAMES = {
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "f1": "F1",
    "log_loss": "log loss",
    "brier": "Brier score",
}
RTL = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")


def metric_name(metric: str) -> str:
    """How a metric is called in a sentence.

    >>> metric_name("roc_auc"), metric_name("balanced_accuracy")
    ('ROC-AUC', 'balanced accuracy')
    """
    return METRIC_NAMES.get(metric, metric.replace("_", " "))


def clean(text: Any) -> str:
    """A name from data as one line of text: control characters and line ends become spaces, an empty name is said to be so.

    A right-to-left name is isolated, so that the numbers beside it stay in their order.

    >>> clean("a\\n b"), clean(" ")
    ('a b', '(empty)')
    """
    line = re.sub(
        r"[\x00-\x1f\x7f-\x9f\s\u2028\u2029\u2066-\u2069\u202a-\u202e\ud800-\udfff\ufffe\uffff]+", " ", str(text)
    ).strip()
    if not line:
        return "(empty)"
    return f"\u2068{line}\u2069" if RTL.search(line) else line


def label(text: Any, width: int = 26) -> str:
    """A name from data, clean, and shortened in its middle when it is longer than `width` characters.

    >>> label("number_of_customer_service_calls", 16)
    'number_of…_calls'
    """
    line = clean(text)
    if len(line) <= width:
        return line
    tail = (width - 1) * 2 // 5
    line = line.strip("\u2068\u2069")
    return clean(f"{line[: width - 1 - tail].rstrip()}…{line[-tail:].lstrip()}")


def percent(share: float, digits: int = 0) -> str:
    """A share as people say it; never nought or all when it is not.

    >>> percent(0.265), percent(0.2654, 1), percent(0.0004), percent(0.9999)
    ('26 %', '26.5 %', 'under 1 %', 'over 99 %')
    """
    step = 10.0**-digits
    if 0 < share < 1 and round(100 * share, digits) in (0, 100):
        return f"under {step:.{digits}f} %" if share < 0.5 else f"over {100 - step:.{digits}f} %"
    return f"{100 * share:.{digits}f} %"


def between(low: float | None, high: float | None, spec: str = "") -> str:
    """An interval in brackets, for a sentence; nothing when there is none.

    >>> between(0.83, 0.86), between(None, None)
    (' (95 % interval 0.830 to 0.860)', '')
    """
    if low is None or high is None or not np.isfinite([low, high]).all():
        return ""
    return f" (95 % interval {number(float(low), spec)} to {number(float(high), spec)})"


def listed(names: Sequence[str], most: int = 3) -> str:
    """Names as a sentence lists them.

    >>> listed(["a", "b", "c"]), listed(["a", "b", "c", "d", "e"])
    ('a, b and c', 'a, b, c and 2 more')
    """
    if len(names) > most + 1:
        names = [*names[:most], f"{len(names) - most} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def wilson(count: npt.ArrayLike, total: npt.ArrayLike, z: float = 1.959963984540054) -> tuple[Floats, Floats]:
    """The score interval of a share (Wilson 1927, eq. 5); from 0 to 1 where there is nothing to count.

    >>> low, high = wilson(5, 10)
    >>> round(float(low), 3), round(float(high), 3)
    (0.237, 0.763)
    """
    k, n = np.asarray(count, dtype=float), np.asarray(total, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = k / n
        centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    low, high = np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
    return np.where(n > 0, low, 0.0), np.where(n > 0, high, 1.0)


def as_percent(axis: Any, digits: int = 0) -> None:
    """Write an axis of shares in percent."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.{digits}f} %"))


def quiet(axes: Axes, *, grid: str = "x") -> None:
    """Leave only the grid lines that help to read a value."""
    axes.grid(False)
    if grid in {"x", "y", "both"}:
        axes.grid(True, axis=grid)  # type: ignore[arg-type]
    if grid == "x":
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_visible(False)
    elif grid == "y":
        axes.spines["left"].set_visible(False)


def rows_canvas(rows: int, extra: float = 0.75, step: float = 0.29) -> tuple[Canvas, Axes]:
    """A canvas for `rows` named rows, the first on top."""
    canvas = Canvas(figsize=(WIDTH, max(1.2, extra + step * rows)))
    axes = canvas.subplots()
    axes.set_ylim(rows - 0.4, -0.6)
    quiet(axes, grid="x")
    return canvas, axes


def name_rows(axes: Axes, names: Sequence[str], strong: int | None = None, width: int = 26) -> None:
    """Write the names of rows at their left; one of them may be strong."""
    axes.set_yticks(range(len(names)), [label(name, width) for name in names])
    for i, text in enumerate(axes.get_yticklabels()):
        text.set_color(INK if strong is None or i == strong else SOFT)
        text.set_fontweight("bold" if i == strong else "normal")


def side_values(axes: Axes, values: Sequence[str], colors: Sequence[str] | None = None) -> None:
    """Write each row's value at the right end of its row."""
    for i, value in enumerate(values):
        colour = colors[i] if colors else INK
        axes.annotate(
            value,
            (1, i),
            xycoords=axes.get_yaxis_transform(),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=colour,
            annotation_clip=False,
        )


def dots(axes: Axes, values: Floats, low: Floats, high: Floats, colors: Sequence[str]) -> None:
    """One dot a row with its interval."""
    for i, (value, a, b, colour) in enumerate(zip(values, low, high, colors, strict=True)):
        if not np.isfinite(value):
            continue
        if np.isfinite(a) and np.isfinite(b):
            axes.plot([a, b], [i, i], color=colour, linewidth=2.2, alpha=0.45, solid_capstyle="round")
        axes.plot([value], [i], "o", color=colour, markersize=6, markeredgecolor=PAPER, markeredgewidth=0.8)


def mark_value(axes: Axes, value: float, text: str) -> None:
    """A dashed line across all rows at `value`, named above."""
    axes.axvline(value, color=INK, linewidth=1, linestyle=(0, (3, 3)))
    x = axes.get_xlim()
    place = (value - x[0]) / (x[1] - x[0])
    side = "left" if place < 0.3 else "right" if place > 0.7 else "center"
    axes.annotate(
        text,
        (value, 1),
        xycoords=axes.get_xaxis_transform(),
        xytext=(0, 4),
        textcoords="offset points",
        ha=side,
        color=INK,
        annotation_clip=False,
    )


def end_labels(axes: Axes, ends: Sequence[tuple[float, str, str]], room: float = 0.075) -> None:
    """Name curves where they end: `ends` holds (height, text, colour), moved apart by at least `room` of the height."""
    low, high = axes.get_ylim()
    order = sorted(range(len(ends)), key=lambda i: (ends[i][0], i))
    spots = np.array([(ends[i][0] - low) / (high - low) for i in order])
    for i in range(1, len(spots)):
        spots[i] = max(spots[i], spots[i - 1] + room)
    if len(spots) and spots[-1] > 1:
        spots[-1] = 1.0
        for i in range(len(spots) - 2, -1, -1):
            spots[i] = min(spots[i], spots[i + 1] - room)
    for spot, i in zip(spots, order, strict=True):
        axes.annotate(
            ends[i][1],
            (1, spot),
            xycoords="axes fraction",
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            color=ends[i][2],
            annotation_clip=False,
        )


def thinned(x: Floats, y: Floats, most: int = 240) -> tuple[Floats, Floats]:
    """At most `most` points of a curve, evenly spread along its way, both ends kept: a drawing needs no more."""
    if len(x) <= most:
        return x, y
    scale_x, scale_y = np.ptp(x) or 1.0, np.ptp(y) or 1.0
    way = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x) / scale_x, np.diff(y) / scale_y))])
    keep = np.unique(np.searchsorted(way, np.linspace(0, way[-1], most)).clip(0, len(x) - 1))
    keep = np.unique(np.concatenate([[0], keep, [len(x) - 1]]))
    return x[keep], y[keep]


__all__ = [
    "ACCENT",
    "INK",
    "LINE",
    "PAPER",
    "SOFT",
    "WIDTH",
    "Floats",
    "as_percent",
    "between",
    "clean",
    "dots",
    "end_labels",
    "label",
    "listed",
    "mark_value",
    "metric_name",
    "name_rows",
    "percent",
    "quiet",
    "rows_canvas",
    "side_values",
    "thinned",
    "wilson",
]

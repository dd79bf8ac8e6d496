"""Parts that figures of all families share: heat maps, bars, dot plots with intervals, labelled curves, percent axes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter

from glassbox.findings.plot_style import WIDTH
from glassbox.findings.svg import ACCENT, INK, PAPER, SOFT
from glassbox.findings.wording import label

Floats = npt.NDArray[np.float64]


def wilson(count: npt.ArrayLike, total: npt.ArrayLike, z: float = 1.959963984540054) -> tuple[Floats, Floats]:
    """Return the score interval of a proportion (Wilson 1927, eq. 5); 0 to 1 where `total` is 0.

    >>> low, high = wilson(5, 10)
    >>> round(float(low), 3), round(float(high), 3)
    (0.237, 0.763)
    """
    # proportion_confint of statsmodels warns of totals of 0, and statsmodels is slow to import.
    k, n = np.asarray(count, dtype=float), np.asarray(total, dtype=float)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = k / n
        centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    low, high = np.clip(centre - half, 0, 1), np.clip(centre + half, 0, 1)
    return np.where(n > 0, low, 0.0), np.where(n > 0, high, 1.0)


def as_percent(axis: Any, digits: int = 0) -> None:
    """Format an axis of shares in percent."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.{digits}f} %"))


def minimal_axes(axes: Axes, *, grid: str = "x") -> None:
    """Show only the grid lines that help to read a value."""
    axes.grid(False)
    if grid in {"x", "y", "both"}:
        axes.grid(True, axis=grid)  # type: ignore[arg-type]
    if grid == "x":
        axes.spines["left"].set_visible(False)
        axes.spines["bottom"].set_visible(False)
    elif grid == "y":
        axes.spines["left"].set_visible(False)


def rows_canvas(rows: int, extra: float = 0.75, step: float = 0.29) -> tuple[Canvas, Axes]:
    """Return a canvas for `rows` named rows, the first on top."""
    canvas = Canvas(figsize=(WIDTH, max(1.2, extra + step * rows)))
    axes = canvas.subplots()
    axes.set_ylim(rows - 0.4, -0.6)
    minimal_axes(axes, grid="x")
    return canvas, axes


def shades(color: str, negative: str | None = None) -> LinearSegmentedColormap:
    """Return a colour map from nearly transparent to opaque `color`, in the lower half reversed from `negative` where given.

    Only the opacity varies, so a page can replace the colours by those of its theme.
    """
    stops = [(0.0, to_rgba(color, 0.05)), (1.0, to_rgba(color))]
    if negative is not None:
        stops = [(0.0, to_rgba(negative)), (0.5, to_rgba(negative, 0.05)), (0.5, to_rgba(color, 0.05)), (1.0, to_rgba(color))]
    return LinearSegmentedColormap.from_list("shades", stops)


def heatmap(
    axes: Axes,
    values: Floats,
    rows: Sequence[str],
    columns: Sequence[str],
    texts: npt.ArrayLike | None = None,
    *,
    mask: npt.NDArray[np.bool_] | None = None,
    top: float = 1.0,
    text_size: float = 9.5,
    slant: float = 60,
) -> None:
    """Draw a heat map with labelled rows and columns.

    Parameters
    ----------
    values
        From 0 to `top` in the accent colour; negative values, to -`top`, in grey.
    texts
        The text in each cell.
    mask
        True for blank cells.
    slant
        The rotation in degrees of column labels that are too long to be horizontal.
    """
    minimal_axes(axes, grid="none")
    sns.heatmap(
        values, vmin=-top, vmax=top, cmap=shades(ACCENT, SOFT), mask=mask, annot=texts, fmt="", annot_kws={"fontsize": text_size},
        linewidths=1.5, linecolor=PAPER, cbar=False, xticklabels=False, yticklabels=False, ax=axes,
    )  # fmt: skip
    for text in axes.texts:  # in place of seaborn's colours, which no theme can replace
        x, y = text.get_position()
        text.set_color(PAPER if abs(values[int(y), int(x)]) > 0.7 * top else INK)
    angle = slant if len(columns) * max(map(len, columns)) > 44 else 0
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
    axes.set_xticks(
        np.arange(len(columns)) + 0.5, columns, rotation=angle, ha="right" if angle else "center", rotation_mode="anchor"
    )


def named_bars(
    names: Sequence[str],
    values: Floats,
    texts: Sequence[str],
    x_label: str,
    *,
    colors: Sequence[str],
    strong: int | None = None,
    extra: float = 0.6,
    step: float = 0.29,
) -> Canvas:
    """Return a canvas with one bar per name, the first on top, with its text at the right; see `rows_canvas` and `name_rows`."""
    canvas, axes = rows_canvas(max(1, len(names)), extra=extra, step=step)
    axes.barh(range(len(names)), values, height=0.55, color=colors, alpha=0.9)
    name_rows(axes, names, strong=strong)
    side_values(axes, texts)
    axes.set_xlim(0, max(float(values.max(initial=0)), 1e-12) * 1.02)
    axes.set(xticks=[], xlabel=x_label)
    return canvas


def name_rows(axes: Axes, names: Sequence[str], strong: int | None = None, width: int = 26) -> None:
    """Label rows on the left, optionally one of them in bold."""
    axes.set_yticks(range(len(names)), [label(name, width) for name in names])
    for i, text in enumerate(axes.get_yticklabels()):
        text.set_color(INK if strong is None or i == strong else SOFT)
        text.set_fontweight("bold" if i == strong else "normal")


def side_values(axes: Axes, values: Sequence[str], colors: Sequence[str] | None = None) -> None:
    """Write the value of each row at its right end."""
    for i, value in enumerate(values):
        color = colors[i] if colors else INK
        axes.annotate(
            value,
            (1, i),
            xycoords=axes.get_yaxis_transform(),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            color=color,
            annotation_clip=False,
        )


def dots(axes: Axes, values: Floats, low: Floats, high: Floats, colors: Sequence[str]) -> None:
    """Draw one dot per row with its interval."""
    for i, (value, a, b, color) in enumerate(zip(values, low, high, colors, strict=True)):
        if not np.isfinite(value):
            continue
        if np.isfinite(a) and np.isfinite(b):
            axes.plot([a, b], [i, i], color=color, linewidth=2.2, alpha=0.45, solid_capstyle="round")
        axes.plot([value], [i], "o", color=color, markersize=6, markeredgecolor=PAPER, markeredgewidth=0.8)


def mark_value(axes: Axes, value: float, text: str) -> None:
    """Draw a labelled dashed line across all rows at `value`."""
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
    """Label curves at their ends: `ends` holds (height, text, colour); labels are at least `room` of the height apart."""
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


def subsample_curve(x: Floats, y: Floats, most: int = 240) -> tuple[Floats, Floats]:
    """Return at most `most` evenly spaced points of a curve, including both ends."""
    if len(x) <= most:
        return x, y
    scale_x, scale_y = np.ptp(x) or 1.0, np.ptp(y) or 1.0
    length = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x) / scale_x, np.diff(y) / scale_y))])
    keep = np.unique(np.searchsorted(length, np.linspace(0, length[-1], most)).clip(0, len(x) - 1))
    keep = np.unique(np.concatenate([[0], keep, [len(x) - 1]]))
    return x[keep], y[keep]

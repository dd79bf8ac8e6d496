"""The matplotlib style of all figures, and their conversion to `Figure` findings."""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from cycler import cycler
from matplotlib.figure import Figure as Canvas

from glassbox.findings.model import Figure
from glassbox.findings.svg import ACCENT, INK, LINE, SOFT

# Safe for colour-blind readers and distinct in greyscale; the accent comes first.
PALETTE = [ACCENT, "#c2571a", "#6a51a3", "#8a6100", "#3b6fb6", "#b3261e"]
# Inches. Narrow, so that text stays legible on a phone; wide pages enlarge the figure slightly.
WIDTH = 5.0
FONTS = "system-ui, 'Segoe UI', Inter, 'DejaVu Sans', sans-serif"
STYLE: dict[Any, Any] = {
    "figure.figsize": (WIDTH, 2.9),
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.facecolor": "none",
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "axes.titlecolor": INK,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "xaxis.labellocation": "right",  # row names are on the left; a long label can extend there
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=PALETTE),
    "grid.color": LINE,
    "grid.linewidth": 0.6,
    "xtick.color": LINE,
    "xtick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.color": LINE,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "legend.labelcolor": SOFT,
    "text.color": INK,
    "font.size": 10,
    "font.family": "DejaVu Sans",
    "svg.fonttype": "none",
    "svg.hashsalt": "glassbox",
    "figure.constrained_layout.use": True,
    "text.parse_math": False,  # dollar signs in column names are literal
    "text.usetex": False,
}


@contextmanager
def style() -> Iterator[None]:
    """Apply the matplotlib style of Glassbox within a `with` block."""
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # SVG text is rendered by the reader's browser, which has the glyphs that the font used for measuring lacks.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font", category=UserWarning)
        yield


def drawing(canvas: Canvas, title: str, *, alt: str, say: str = "", caption: str = "") -> Figure:
    """Convert a matplotlib figure to a `Figure` finding with deterministic bytes. Call it within `style()`."""
    sink = io.StringIO()
    with style():
        canvas.savefig(sink, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return Figure(title=title, say=say, alt=alt, caption=caption, svg=slim(sink.getvalue()))


def slim(svg: str) -> str:
    """Shrink an SVG of matplotlib: remove style sheet, group ids and font families, round to two decimals.

    Text is unchanged. `glassbox.findings.svg` replaces colours and ids when the figure is placed in a page.
    """
    svg = re.sub(r"<style.*?</style>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    parts = re.split(r"(<[^>]*>)", svg)
    parts[1::2] = [_slim_tag(tag) for tag in parts[1::2]]
    parts[0::2] = [text if text.strip() else "" for text in parts[0::2]]
    return re.sub(r"<defs></defs>|<g></g>", "", "".join(parts))


def _slim_tag(tag: str) -> str:
    if tag.startswith("<svg"):
        return tag.replace(">", f' font-family="{FONTS}" stroke-linejoin="round" stroke-linecap="butt">', 1)
    if tag.startswith("<g id="):
        return re.sub(r' id="[^"]*"', "", tag)
    tag = re.sub(r"font-family: [^;\"]*; ?", "", tag)
    tag = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", tag)
    tag = re.sub(r"-?\d+\.\d{3,}", lambda match: f"{float(match[0]):.2f}", tag)
    return re.sub(r"\s+", " ", tag)

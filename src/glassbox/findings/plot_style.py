"""How drawings look: one matplotlib style, and the way from a matplotlib figure to a `Figure` finding."""

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

# Colour-blind safe, and told apart in grey: the accent first, then what is compared with it.
PALETTE = [ACCENT, "#c2571a", "#6a51a3", "#8a6100", "#3b6fb6", "#b3261e"]
# Inches. Drawn narrow, so that letters keep their size on a phone; a wide page enlarges the drawing a little.
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
    "xaxis.labellocation": "right",  # names of rows take the left; a long label has room to grow there
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
    "text.parse_math": False,  # a dollar sign in a column name is a dollar sign
    "text.usetex": False,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the style of Glassbox within this block."""
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # Text stays text in the SVG: the reader's machine has the letters that the font used for measuring lacks.
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font", category=UserWarning)
        yield


def drawing(canvas: Canvas, title: str, *, alt: str, say: str = "", caption: str = "") -> Figure:
    """The `Figure` finding of a matplotlib figure: the same drawing gives the same bytes. Call it within `style()`."""
    sink = io.StringIO()
    with style():
        canvas.savefig(sink, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return Figure(title=title, say=say, alt=alt, caption=caption, svg=slim(sink.getvalue()))


def slim(svg: str) -> str:
    """Matplotlib's SVG made small: no style sheet, no names of groups, two decimals, letters as the page has them.

    Text is left as it is. What a page needs besides (its colours, ids of its own) is done by `glassbox.findings.svg`.
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
    tag = re.sub(r"-?\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}", tag)
    return re.sub(r"\s+", " ", tag)

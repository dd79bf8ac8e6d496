"""One output of a notebook's cell as HTML: our findings as we draw them, everything else made safe."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import nh3
from markupsafe import Markup
from pydantic import ValidationError

from glassbox.findings.html import finding_html, plotly_html, trusted
from glassbox.findings.model import Finding, read_finding
from glassbox.reports.markdown import Prose

FINDING = "application/vnd.glassbox.finding+json"
PLOTLY = "application/vnd.plotly.v1+json"
LEFT_OUT = Markup('<p class="soft">Measured on the machine that ran it; left out here.</p>')
LONGEST = 200_000  # characters of plain text on a page

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
_ADDRESS = re.compile(r"\b(at|object at) 0x[0-9a-fA-F]{6,}\b")
_TAGS = {
    "a",
    "b",
    "br",
    "caption",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "ol",
    "p",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
}
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "col": {"span"},
    "ol": {"start"},
}
_IMG = re.compile(r'<img((?:\s+[a-z-]+="[^"]*")*)\s*/?>')
_PICTURE = re.compile(r"^data:image/(?:png|jpeg|gif|webp|svg\+xml)[;,]", re.IGNORECASE)


@dataclass(frozen=True)
class Piece:
    """One output: its HTML, the anchor that it asks for, whether the page needs Plotly for it."""

    html: Markup
    anchor: str = ""
    plotly: bool = False


def output_piece(
    output: Mapping[str, Any], *, measured: bool, prose: Prose, findings: Mapping[str, Finding] | None = None
) -> Piece | None:
    """One output of a cell; None for what shows nothing.

    Parameters
    ----------
    output
        As nbformat 4 has it: `stream`, `error`, `display_data` or `execute_result`.
    measured
        Whether what was measured is shown; a fixed placeholder stands there otherwise.
    prose
        The page's prose, for outputs that are Markdown.
    findings
        What the stage showed, by anchor: in its own order, which a notebook's sorted JSON has lost.
    """
    kind = output.get("output_type")
    if kind == "stream":
        return _stream(output, measured=measured)
    if kind == "error":
        return _wrapped(_error(output), measured=measured)
    about = dict(output.get("metadata", {}).get("glassbox", {}))
    anchor = str(about.get("anchor", ""))
    own = (findings or {}).get(anchor)
    html, plotly = _drawn(own, anchor) if own is not None else _shown(output.get("data", {}), prose, anchor)
    if not html:
        return None
    piece = _wrapped(html, measured=measured, plotly=plotly) if about.get("measured") else Piece(html, plotly=plotly)
    return Piece(piece.html, anchor, piece.plotly)


def _wrapped(html: Markup, *, measured: bool, plotly: bool = False) -> Piece:
    return Piece(Markup("<div data-measured>{}</div>").format(html if measured else LEFT_OUT), plotly=plotly and measured)


def text_of(value: Any) -> str:
    """A notebook's text, which may be saved as a list of lines."""
    return "".join(value) if isinstance(value, list) else str(value)


def plain_text(text: str) -> Markup:
    """Plain output: colours of a terminal and addresses of memory taken out, overwritten lines as they ended."""
    text = _ADDRESS.sub(r"\1 0x…", _ANSI.sub("", text))
    text = "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")).rstrip()
    if len(text) > LONGEST:
        text = f"{text[:LONGEST]}\n… {len(text) - LONGEST:,} more characters stand in the notebook."
    return Markup('<pre tabindex="0">{}</pre>').format(text)


def _stream(output: Mapping[str, Any], *, measured: bool) -> Piece | None:
    text = text_of(output.get("text", ""))
    if not text.strip():
        return None
    if output.get("name") == "stderr":  # warnings name files of the machine
        return _wrapped(Markup('<div class="stderr">{}</div>').format(plain_text(text)), measured=measured)
    return Piece(plain_text(text))


def _error(output: Mapping[str, Any]) -> Markup:
    trace = "\n".join(text_of(line) for line in output.get("traceback", []))
    return Markup(
        '<div class="failed" role="note"><p><b>{}</b> {}</p><details><summary>Traceback</summary>{}</details></div>'
    ).format(output.get("ename", "Error"), _ANSI.sub("", str(output.get("evalue", ""))), plain_text(trace))


def _shown(data: Mapping[str, Any], prose: Prose, place: str) -> tuple[Markup, bool]:
    """The richest form of an output that a page can show safely, and whether it needs Plotly."""
    plain = text_of(data.get("text/plain", ""))
    if FINDING in data:
        try:
            return _drawn(read_finding(data[FINDING]), place)
        except ValidationError:  # written by another version: its HTML or text still says it
            pass
    if PLOTLY in data:
        return plotly_html(data[PLOTLY], _figure_title(data[PLOTLY]) or "An interactive figure"), True
    if "text/html" in data:
        return user_html(text_of(data["text/html"])), False
    if "image/svg+xml" in data:
        return _image(f"data:image/svg+xml,{quote(text_of(data['image/svg+xml']))}", plain), False
    for kind in ("image/png", "image/jpeg", "image/gif", "image/webp"):
        if kind in data:
            return _image(f"data:{kind};base64,{''.join(text_of(data[kind]).split())}", plain), False
    if "text/markdown" in data:
        return Markup('<div class="prose">{}</div>').format(prose.html(text_of(data["text/markdown"]))), False
    if "application/json" in data:
        return plain_text(json.dumps(data["application/json"], ensure_ascii=False, indent=2, sort_keys=True)), False
    return (plain_text(plain), False) if plain.strip() else (Markup(""), False)


def _drawn(found: Finding, place: str) -> tuple[Markup, bool]:
    return trusted(finding_html(found, hover=True, place=place)), found.kind == "figure" and found.plotly is not None


def _image(source: str, plain: str) -> Markup:
    named = plain.strip() if plain.strip() and not plain.strip().startswith("<") else "A figure drawn by the cell above"
    return Markup('<img class="sheet" src="{}" alt="{}">').format(source, named)


def _figure_title(figure: Any) -> str:
    title = figure.get("layout", {}).get("title", {}) if isinstance(figure, Mapping) else {}
    return str(title.get("text", "") if isinstance(title, Mapping) else title)


def user_html(html: str) -> Markup:
    """HTML that a cell displayed, without scripts, styles, handlers and what lies elsewhere."""
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_allowed,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer",
    )
    if not clean.strip():
        return Markup("")
    frame = Markup('<div class="scroll user" role="region" aria-label="output" tabindex="0">{}</div>')
    return frame.format(trusted(_IMG.sub(_pictured, clean)))


def _pictured(found: re.Match[str]) -> str:
    """A picture with words for those who cannot see it; only the words, when it lies elsewhere."""
    attributes = found[1]
    if " src=" not in attributes:
        return "(a picture from elsewhere)"
    return found[0] if " alt=" in attributes else f'<img{attributes} alt="A picture that the cell displayed">'


def _allowed(tag: str, attribute: str, value: str) -> str | None:
    if tag == "img" and attribute == "src":
        return value if _PICTURE.match(value) else None
    if tag == "a" and attribute == "href":
        return value if re.match(r"(?:https?:|mailto:|#)", value, re.IGNORECASE) else None
    return value

"""SVG drawings prepared for inclusion in a page: an allow-list of elements and attributes, and the colours of the page.

The Content-Security-Policy of a page allows no style attributes, so declarations become presentation attributes. A page
contains many drawings, so unreferenced ids are dropped and the others get a prefix that is unique to the drawing.
"""

import hashlib
import re
from xml.etree import ElementTree

from markupsafe import Markup, escape

# Colours of `glassbox.findings.plot_style` -> CSS variables of the page, whose values differ between light, dark and print.
INK, SOFT, LINE, ACCENT, PAPER = "#16202a", "#5b6873", "#dfe4e8", "#0b6e6e", "#ffffff"
COLOURS = {
    INK: "ink",
    SOFT: "soft",
    LINE: "line",
    ACCENT: "accent",
    PAPER: "paper",
    "#c2571a": "series-2",
    "#6a51a3": "series-3",
    "#8a6100": "series-4",
    "#3b6fb6": "series-5",
    "#b3261e": "series-6",
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ELEMENTS = _words(
    """
    svg g path rect circle ellipse line polyline polygon text tspan defs use clipPath mask marker pattern
    symbol linearGradient radialGradient stop image title desc
    """
)
GEOMETRY = _words(
    """
    x y x1 x2 y1 y2 cx cy r rx ry dx dy fx fy d points width height viewBox transform rotate textLength
    lengthAdjust preserveAspectRatio gradientUnits gradientTransform offset spreadMethod clipPathUnits
    maskUnits maskContentUnits patternUnits patternTransform patternContentUnits markerWidth markerHeight
    markerUnits orient refX refY
    """
)
PAINT = _words(
    """
    fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-linejoin stroke-linecap
    stroke-miterlimit stroke-dasharray stroke-dashoffset opacity color clip-path clip-rule mask stop-color
    stop-opacity visibility display font-family font-size font-weight font-style text-anchor dominant-baseline
    letter-spacing image-rendering shape-rendering marker-start marker-mid marker-end vector-effect
    """
)
_REFERENCE = re.compile(r"url\(\s*['\"]?#([^)'\"]+)['\"]?\s*\)")
_FONT = re.compile(r"^(?P<words>(?:[a-z0-9]+\s+)*?)(?P<size>[\d.]+[a-z%]*)(?:/\S+)?\s+(?P<family>.+)$", re.IGNORECASE)
_PICTURE = re.compile(r"^data:image/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=\s]*$")


def page_svg(svg: str, id_scope: str = "") -> Markup:
    """Return a drawing for inclusion in a page, in the colours of the page; empty if `svg` is not well-formed SVG.

    Scripts, event handlers, styles, links and external resources are removed. Two equal drawings on one page need
    different values of `id_scope` for different ids.

    >>> page_svg('<svg viewBox="0 0 1 1" onload="x()"><script>x()</script><path d="M0 0" style="stroke: #0b6e6e"/></svg>')
    Markup('<svg viewBox="0 0 1 1"><path d="M0 0" stroke="var(--accent, #0b6e6e)"/></svg>')
    """
    if "<!DOCTYPE" in svg or "<!ENTITY" in svg:  # entities can grow without bound
        return Markup("")
    try:
        root = ElementTree.fromstring(svg)  # noqa: S314 - without a document type there are no entities to expand
    except ElementTree.ParseError:
        return Markup("")
    if _local(root.tag) != "svg":
        return Markup("")
    referenced = {name for element in root.iter() for name in _references(element)}
    prefix = "d" + hashlib.sha256(f"{id_scope}\n{svg}".encode("utf-8", "surrogatepass")).hexdigest()[:8] + "-"
    parts: list[str] = []
    _write(root, parts, referenced, prefix)
    return Markup("".join(parts))  # noqa: S704 - every name is on an allow-list, every value is escaped


def _local(name: object) -> str:
    return name.rpartition("}")[2] if isinstance(name, str) else ""


def _references(element: ElementTree.Element) -> set[str]:
    ids: set[str] = set()
    for name, value in element.attrib.items():
        if _local(name) == "href" and value.startswith("#"):
            ids.add(value[1:])
        ids.update(_REFERENCE.findall(value))
    return ids


def _write(element: ElementTree.Element, parts: list[str], referenced: set[str], prefix: str) -> None:
    tag = _local(element.tag)
    if tag not in ELEMENTS:
        return
    parts.append(f"<{tag}")
    parts.extend(f' {name}="{escape(value)}"' for name, value in _attributes(element, tag, referenced, prefix).items())
    start = len(parts)
    parts.append(">")
    if element.text and tag in ("text", "tspan", "title", "desc"):
        parts.append(str(escape(element.text)))
    for child in element:
        _write(child, parts, referenced, prefix)
        if child.tail and tag in ("text", "tspan"):
            parts.append(str(escape(child.tail)))
    if len(parts) == start + 1:
        parts[start] = "/>"
    else:
        parts.append(f"</{tag}>")


def _attributes(element: ElementTree.Element, tag: str, referenced: set[str], prefix: str) -> dict[str, str]:
    attributes: dict[str, str] = {}
    for full, value in element.attrib.items():
        name = _local(full)
        if name == "id" and value in referenced:
            attributes["id"] = prefix + value
        elif name == "href" and value.startswith("#"):
            attributes["href"] = f"#{prefix}{value[1:]}"
        elif name == "href" and tag == "image" and _PICTURE.match(value):
            attributes["href"] = value
        elif name in GEOMETRY:
            attributes[name] = value
        elif name in PAINT:
            attributes.update(_paint(name, value, prefix))
    for declaration in element.attrib.get("style", "").split(";"):
        name, _, value = declaration.partition(":")
        attributes.update(_paint(name.strip(), value.strip(), prefix))
    return attributes


def _paint(name: str, value: str, prefix: str) -> dict[str, str]:
    if name == "font" and (font := _FONT.match(value)):
        attributes = {"font-size": font["size"], "font-family": font["family"]}
        for word in font["words"].split():
            if word in ("italic", "oblique"):
                attributes["font-style"] = word
            elif word in ("bold", "bolder", "lighter") or word.isdigit():
                attributes["font-weight"] = word
        return attributes
    if name not in PAINT or not value:
        return {}
    if value.lower() in COLOURS:
        return {name: f"var(--{COLOURS[value.lower()]}, {value.lower()})"}
    if "url(" in value:
        reference = _REFERENCE.fullmatch(value)
        return {name: f"url(#{prefix}{reference[1]})"} if reference else {}
    return {name: value}

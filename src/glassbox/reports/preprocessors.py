"""nbconvert preprocessors that make the outputs of a notebook safe to show and render its findings.

Only HTML that these preprocessors have sanitised or rendered is `Markup`; the template escapes all other text.
"""

import re
from collections.abc import Mapping
from typing import Any

import nh3
from markupsafe import Markup, escape
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_output
from pydantic import ValidationError

from glassbox.findings.html import finding_html, plotly_html, trusted
from glassbox.findings.model import Finding, read_finding

FINDING = "application/vnd.glassbox.finding+json"
PLOTLY = "application/vnd.plotly.v1+json"
PAGE_BYTES = 5_000_000  # upper bound of a page, shared assets apart
RESERVED_IDS = frozenset({"content"})  # ids of the page itself

_OUTPUT_BYTES = 4_500_000  # leaves room for the frame of the page
_SMALL_OUTPUT_BYTES = 50_000
_TAGS = {
    "a", "b", "br", "caption", "code", "col", "colgroup", "dd", "del", "div", "dl", "dt", "em", "hr", "i", "img", "ins", "kbd", "li",
    "ol", "p", "pre", "q", "s", "samp", "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr",
    "u", "ul",
}  # fmt: skip
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "col": {"span"},
    "ol": {"start"},
}
_IMG = re.compile(r'<img((?:\s+[a-z-]+="[^"]*")*)\s*/?>')
_EMBEDDED_IMAGE = re.compile(r"data:image/(?:png|jpeg|gif|webp|svg\+xml)[;,]", re.IGNORECASE)
_LINK = re.compile(r"(?:https?:|mailto:|#)", re.IGNORECASE)

Resources = dict[str, Any]


def glassbox_metadata(output: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the metadata that `Stage.show` attaches to an output: `anchor` and `measured`; empty for other outputs."""
    metadata = output.get("metadata", {}).get("glassbox")
    return metadata if isinstance(metadata, Mapping) else {}


def is_measured(output: Mapping[str, Any]) -> bool:
    """Return whether an output depends on the machine or the time: measured findings, warnings and tracebacks."""
    has_local_paths = output.get("name") == "stderr" or output.get("output_type") == "error"
    return bool(has_local_paths or glassbox_metadata(output).get("measured"))


def is_omitted(output: Mapping[str, Any]) -> bool:
    """Return whether `OmitMeasuredPreprocessor` has replaced an output."""
    return is_measured(output) and output.get("data") == {}


class OmitMeasuredPreprocessor(Preprocessor):
    """Replace measured outputs by empty ones, for pages that are compared byte by byte."""

    def preprocess_cell(self, cell: NotebookNode, resources: Resources, index: int) -> tuple[NotebookNode, Resources]:
        """Replace the measured outputs of one cell."""
        for i, output in enumerate(cell.get("outputs", [])):
            if is_measured(output) and output.get("text", "-").strip():
                metadata = {"anchor": glassbox_metadata(output).get("anchor", ""), "measured": True}
                cell.outputs[i] = new_output("display_data", metadata={"glassbox": metadata})
        return cell, resources


class SanitizePreprocessor(Preprocessor):
    """Sanitise the HTML that cells displayed."""

    def preprocess_cell(self, cell: NotebookNode, resources: Resources, index: int) -> tuple[NotebookNode, Resources]:
        """Sanitise the outputs of one cell."""
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output.data["text/html"] = sanitize_html(output.data["text/html"])
        return cell, resources


class FindingPreprocessor(Preprocessor):
    """Render findings and Plotly figures as HTML, and give each output with an anchor its id.

    `resources["findings"]`, if present, holds the findings by anchor in their original order of keys, which notebooks do not
    preserve. `resources["plotly"]` is set to whether the page has a Plotly figure.
    """

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Render the findings of a notebook."""
        findings = resources.get("findings", {})
        ids = set(RESERVED_IDS)
        resources["plotly"] = False
        for cell in nb.cells:
            cell.metadata["glassbox"] = {"id": ""}
            for output in cell.get("outputs", []):
                if output.output_type not in ("display_data", "execute_result"):
                    continue
                metadata = glassbox_metadata(output)
                anchor = re.sub(r"\s+", "-", str(metadata.get("anchor", "")).strip())
                html, plotly = _finding_html(output.data, anchor, findings)
                if html is not None:
                    output.data["text/html"] = html
                resources["plotly"] |= plotly
                element_id = "" if anchor in ids else anchor
                ids.add(anchor)
                if not cell.metadata.glassbox["id"]:  # the first one is the id of the whole cell
                    cell.metadata.glassbox["id"], element_id = element_id, ""
                output.setdefault("metadata", NotebookNode())["glassbox"] = {
                    "id": element_id,
                    "measured": bool(metadata.get("measured")),
                }
        return nb, resources


def _finding_html(data: Mapping[str, Any], anchor: str, findings: Mapping[str, Finding]) -> tuple[Markup | None, bool]:
    """Return the HTML of a finding or a Plotly figure, and whether it needs Plotly."""
    if FINDING in data:
        try:
            finding = findings.get(anchor) or read_finding(data[FINDING])
        except ValidationError:  # saved by another version: its own HTML or text is shown
            pass
        else:
            html = finding_html(finding, hover=True, id_scope=anchor)
            return html, finding.kind == "figure" and finding.plotly is not None
    if PLOTLY in data:
        return plotly_html(data[PLOTLY], _figure_title(data[PLOTLY]) or "An interactive figure"), True
    return None, False


def _figure_title(figure: Any) -> str:
    title = figure.get("layout", {}).get("title", {}) if isinstance(figure, Mapping) else {}
    return str(title.get("text", "") if isinstance(title, Mapping) else title)


class SizePreprocessor(Preprocessor):
    """Drop outputs that display nothing, and replace the largest ones by a note until the page is small enough."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> tuple[NotebookNode, Resources]:
        """Limit the size of all outputs together."""
        for cell in nb.cells:
            if "outputs" in cell:
                cell.outputs = [output for output in cell.outputs if self._displayed(output).strip() or is_omitted(output)]
        sizes = [
            (len(escape(self._displayed(output)).encode()), cell, i)
            for cell in nb.cells
            for i, output in enumerate(cell.get("outputs", []))
        ]
        total = sum(size for size, _, _ in sizes) + sum(len(cell.source.encode()) for cell in nb.cells)
        for size, cell, i in sorted(sizes, key=lambda item: -item[0]):
            if total <= _OUTPUT_BYTES or size <= _SMALL_OUTPUT_BYTES:
                break
            note = Markup('<p class="soft">This output is too large for the page ({} MB). See the notebook.</p>')
            metadata = cell.outputs[i].get("metadata", {})
            cell.outputs[i] = new_output("display_data", {"text/html": note.format(f"{size / 1e6:.1f}")}, metadata=metadata)
            total -= size
        return nb, resources

    def _displayed(self, output: NotebookNode) -> str:
        """Return the part of an output that the page displays."""
        if output.output_type == "stream":
            return str(output.text)
        if output.output_type == "error":
            return "\n".join(output.traceback) or str(output.ename)
        text = next((output.data[kind] for kind in self.display_data_priority if kind in output.data), "")
        return text if isinstance(text, str) else str(text)


def sanitize_html(html: str) -> Markup:
    """Sanitise HTML that a cell displayed: no scripts, styles, event handlers, forms or external resources."""
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_safe_attribute,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer",
    )
    if not clean.strip():
        return Markup("")
    frame = Markup('<div class="scroll user" role="region" aria-label="output" tabindex="0">{}</div>')
    return frame.format(trusted(_IMG.sub(_with_alt, clean)))


def _with_alt(image: re.Match[str]) -> str:
    """Return an image with alternative text, or a placeholder if its source was removed."""
    attributes = image[1]
    if " src=" not in attributes:
        return "(an external image)"
    return image[0] if " alt=" in attributes else f'<img{attributes} alt="An image that the cell displayed">'


def _safe_attribute(tag: str, attribute: str, value: str) -> str | None:
    pattern = {("img", "src"): _EMBEDDED_IMAGE, ("a", "href"): _LINK}.get((tag, attribute))
    return value if pattern is None or pattern.match(value) else None

"""An executed notebook as a page: prose and findings first, the code folded away but there."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from glassbox.findings.html import trusted
from glassbox.findings.model import Finding
from glassbox.reports.markdown import Prose, has_title
from glassbox.reports.outputs import Piece, output_piece, text_of
from glassbox.reports.pages import render
from glassbox.reports.sections import QUESTIONS, STAGES, stage_map

PAGE_BYTES = 5_000_000  # a page stays under this, shared assets apart
_ROOM = 4_500_000
_SMALL = 50_000


@dataclass
class Block:
    """One cell on the page: prose, or code with what came out."""

    prose: Markup | None = None
    code: Markup | None = None
    lines: int = 0
    label: str = "code"
    anchor: str = ""
    outputs: list[Piece] = field(default_factory=list)


def notebook_page(
    notebook: Mapping[str, Any],
    stage: str,
    slug: str,
    *,
    pages: Collection[str] = STAGES,
    measured: bool = True,
    findings: Mapping[str, Finding] | None = None,
) -> str:
    """The page of one stage.

    Parameters
    ----------
    notebook
        As nbformat 4 has it, executed.
    stage, slug
        Where it belongs.
    pages
        The stages that have a page: the map leads to those.
    measured
        Show what was measured; a fixed placeholder stands there otherwise, so that pages can be compared byte for byte.
    findings
        What the stage showed, by name; taken from the notebook where left out.

    Returns
    -------
    str
        HTML, under `PAGE_BYTES`: an output that is too large is named and left to the notebook.
    """
    cells = list(notebook.get("cells", []))
    texts = [text_of(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    titled = has_title(texts)
    prose = Prose(titled=not titled)
    anchors = _Anchors()
    blocks = [block for cell in cells if (block := _block(cell, prose, anchors, measured, findings or {})) is not None]
    _fit(blocks)
    there = [name for name in STAGES if name in pages]
    at = there.index(stage) if stage in there else -1
    return render(
        "notebook.html",
        plotly=any(piece.plotly for block in blocks for piece in block.outputs),
        slug=slug,
        stage=stage,
        title=f"{_title(texts) or stage.capitalize()} · {slug}",
        heading="" if titled else stage.capitalize(),
        question=QUESTIONS.get(stage, ""),
        blocks=blocks,
        stops=stage_map(pages, stage),
        before=there[at - 1] if at > 0 else "",
        after=there[at + 1] if 0 <= at < len(there) - 1 else "",
    )


def _title(texts: list[str]) -> str:
    found = re.search(r"^#\s+(.+?)\s*#*\s*$", "\n".join(texts[:1]), re.MULTILINE)
    return found[1] if found else ""


class _Anchors:
    """Gives each anchor once: an id stands on a page once."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def take(self, wanted: str) -> str:
        name = re.sub(r"\s+", "-", wanted.strip())
        if not name or name in self._given:
            return ""
        self._given.add(name)
        return name


def _block(
    cell: Mapping[str, Any], prose: Prose, anchors: _Anchors, measured: bool, findings: Mapping[str, Finding]
) -> Block | None:
    source = text_of(cell["source"])
    if cell["cell_type"] == "markdown":
        return Block(prose=prose.html(source, cell.get("attachments"))) if source.strip() else None
    if cell["cell_type"] != "code" or not (source.strip() or cell.get("outputs")):
        return None
    block = Block(code=_code(source), lines=len(source.strip().splitlines()), label=_label(cell))
    for output in cell.get("outputs", []):
        piece = output_piece(output, measured=measured, prose=prose, findings=findings)
        if piece is None:
            continue
        anchor = anchors.take(piece.anchor)
        if anchor and not block.anchor:
            block.anchor, anchor = anchor, ""
        block.outputs.append(Piece(piece.html, anchor, piece.plotly))
    return block


def _label(cell: Mapping[str, Any]) -> str:
    tags = cell.get("metadata", {}).get("tags", [])
    return "parameters as run" if "injected-parameters" in tags else "parameters" if "parameters" in tags else "code"


def _code(source: str) -> Markup:
    return trusted(highlight(source.strip("\n"), PythonLexer(), HtmlFormatter(nowrap=True)).rstrip())


def _fit(blocks: list[Block]) -> None:
    """Leave the largest outputs to the notebook until the page fits."""
    held = [(len(str(piece.html).encode()), block, i) for block in blocks for i, piece in enumerate(block.outputs)]
    total = sum(size for size, _, _ in held) + sum(len(str(b.prose or b.code or "").encode()) for b in blocks)
    for size, block, i in sorted(held, key=lambda item: -item[0]):
        if total <= _ROOM or size <= _SMALL:
            return
        words = Markup('<p class="soft">This output takes {} MB, too much for a page; it stands in the notebook.</p>').format(
            f"{size / 1e6:.1f}"
        )
        block.outputs[i] = Piece(words, block.outputs[i].anchor)
        total -= size

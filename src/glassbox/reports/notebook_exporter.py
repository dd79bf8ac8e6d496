"""The nbconvert exporter `glassbox`: an executed notebook as a page, with findings and prose open and code folded.

`jupyter nbconvert --to glassbox NOTEBOOK` works for any executed notebook; `notebook_page` renders those of a run.
"""

import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment
from nbconvert.exporters.templateexporter import TemplateExporter
from nbconvert.filters import strip_ansi
from nbformat import NotebookNode
from traitlets import Bool, Unicode, default
from traitlets.config import Config

from glassbox.findings.model import Finding
from glassbox.reports.markdown import MarkdownRenderer, has_title
from glassbox.reports.pages import JINJA_OPTIONS, TEMPLATE_GLOBALS, page_assets
from glassbox.reports.preprocessors import (
    FindingPreprocessor,
    OmitMeasuredPreprocessor,
    SanitizePreprocessor,
    SizePreprocessor,
    is_measured,
    is_omitted,
)
from glassbox.reports.sections import QUESTIONS, STAGES, stage_map

REMOVE_CELL = "remove-cell"
MAX_TEXT = 200_000  # characters of one plain-text output

_ADDRESS = re.compile(r"\b(at|object at) 0x[0-9a-fA-F]{6,}\b")


class GlassboxExporter(TemplateExporter):
    """Export an executed notebook as an HTML page that works offline and runs nothing from the notebook.

    Outputs are sanitised and the page has a Content-Security-Policy. The cell tags of Jupyter Book `remove-cell`,
    `remove-input` and `remove-output` are respected.
    """

    export_from_notebook = "Glassbox page"
    output_mimetype = "text/html"

    measured = Bool(True, help="Show outputs that depend on the machine or the time.").tag(config=True)
    assets = Unicode(help="URL of the folder with style sheet and scripts; by default `NAME_files`.").tag(config=True)

    @default("file_extension")
    def _file_extension_default(self) -> str:
        return ".html"

    @default("template_file")
    def _template_file_default(self) -> str:
        return "notebook.html"

    @default("template_paths")
    def _template_paths_default(self) -> list[str]:
        return []  # nbconvert also searches the working folder by default

    @property
    def default_config(self) -> Config:
        """The default configuration of nbconvert's preprocessors and filters."""
        config = Config(
            {
                "NbConvertBase": {
                    "display_data_priority": [
                        "text/html",
                        "image/svg+xml",
                        "image/png",
                        "image/jpeg",
                        "image/gif",
                        "image/webp",
                        "text/markdown",
                        "application/json",
                        "text/plain",
                    ]
                },
                "Exporter": {"optimistic_validation": True},
                "TagRemovePreprocessor": {
                    "remove_cell_tags": {REMOVE_CELL},
                    "remove_input_tags": {"remove-input"},
                    "remove_all_outputs_tags": {"remove-output"},
                },
                "CoalesceStreamsPreprocessor": {"enabled": True},
                "HighlightMagicsPreprocessor": {"enabled": True},
                "Highlight2HTML": {"extra_formatter_options": {"nowrap": True}},
            }
        )
        merged: Config = super().default_config.copy()
        merged.merge(config)
        return merged

    def _init_preprocessors(self) -> None:
        super()._init_preprocessors()  # those of nbconvert and of the user's configuration come first
        self.register_preprocessor(OmitMeasuredPreprocessor(parent=self), enabled=not self.measured)
        self.register_preprocessor(SanitizePreprocessor(parent=self), enabled=True)
        self.register_preprocessor(FindingPreprocessor(parent=self), enabled=True)
        self.register_preprocessor(SizePreprocessor(parent=self), enabled=True)

    def _create_environment(self) -> Environment:
        environment: Environment = super()._create_environment().overlay(**JINJA_OPTIONS)
        environment.globals.update(TEMPLATE_GLOBALS)
        environment.filters["plain_text"] = plain_text
        environment.tests.update(measured=is_measured, omitted=is_omitted)
        return environment

    def from_notebook_node(  # type: ignore[override]  # nbconvert's annotation of the base class is too narrow
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """Convert a notebook; without `assets`, `resources["outputs"]` holds the files that the page needs."""
        page_resources: dict[str, Any] = self._init_resources(resources)
        texts = [
            cell.source for cell in nb.cells if cell.cell_type == "markdown" and REMOVE_CELL not in cell.metadata.get("tags", [])
        ]
        folder = page_resources["output_files_dir"] or f"{page_resources['metadata']['name']}_files"
        titled = has_title(texts)
        page_resources.update(titled=titled, title=_title(texts), assets=self.assets or quote(folder))
        self.register_filter("markdown2html", MarkdownRenderer(titled=not titled).html)
        html, page_resources = super().from_notebook_node(nb, page_resources, **kw)
        if not self.assets:
            files = {f"{folder}/{name}": content for name, content in page_assets(plotly=page_resources["plotly"]).items()}
            page_resources["outputs"] = {**(page_resources["outputs"] or {}), **files}
        return html, page_resources


def notebook_page(
    notebook: NotebookNode,
    stage: str,
    slug: str,
    *,
    pages: Collection[str] = STAGES,
    measured: bool = True,
    findings: Mapping[str, Finding] | None = None,
) -> str:
    """Render the executed notebook of a stage as a page of the site.

    Parameters
    ----------
    notebook
        In the format nbformat 4.
    stage, slug
        The stage and its request.
    pages
        The stages that have a page, for navigation.
    measured
        Show measured outputs; if false, a fixed placeholder replaces them, so that pages can be compared byte by byte.
    findings
        The findings of the stage by name; if absent, they are read from the outputs of the notebook.

    Returns
    -------
    str
        HTML of at most `PAGE_BYTES`: outputs that are too large are replaced by a note.
    """
    ordered = [name for name in STAGES if name in pages]
    before, after = ordered[: ordered.index(stage)][-1:], ordered[ordered.index(stage) + 1 :][:1]
    page = {
        "slug": slug,
        "stage": stage,
        "question": QUESTIONS[stage],
        "links": stage_map(pages, stage),
        "before": "".join(before),
        "after": "".join(after),
    }
    resources = {"metadata": {"name": stage}, "page": page, "findings": dict(findings or {})}
    html, _ = _site_exporter(measured).from_notebook_node(notebook, resources)
    return html


@cache
def _site_exporter(measured: bool) -> GlassboxExporter:
    return GlassboxExporter(measured=measured, assets="../assets")


def _title(texts: list[str]) -> str:
    heading = re.search(r"^#\s+(.+?)\s*#*\s*$", "\n".join(texts[:1]), re.MULTILINE)
    return heading[1] if heading else ""


def plain_text(text: str) -> str:
    """Clean plain-text output: no terminal colours, no memory addresses, at most `MAX_TEXT` characters.

    >>> plain_text("\\x1b[31mred\\x1b[0m <object at 0x7f0012345678>")
    'red <object at 0x…>'
    """
    text = _ADDRESS.sub(r"\1 0x…", strip_ansi(text)).rstrip()
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]}\n… {len(text) - MAX_TEXT:,} more characters are in the notebook."
    return text

"""The reports as a site on disk: one folder a request, an index, and what all pages share. Works offline, from `file://`."""

from importlib import resources
from pathlib import Path
from typing import Any

from glassbox.errors import GlassboxError
from glassbox.files import read_json, write_bytes, write_json, write_text
from glassbox.findings.model import NamedFinding, read_findings
from glassbox.reports.notebook_page import notebook_page
from glassbox.reports.pages import render
from glassbox.reports.report import build_report
from glassbox.reports.report_html import report_html
from glassbox.reports.report_json import report_json
from glassbox.reports.report_markdown import report_markdown
from glassbox.reports.sections import STAGES, stage_map
from glassbox.request.model import Request

ASSETS = ("glassbox.css", "glassbox.js", "icon.svg")
DONE = ("ran", "cached")


def render_request(root: Path, slug: str, *, out: Path | None = None, measured: bool = True) -> None:
    """Write the report and the pages of a request's last run.

    Parameters
    ----------
    root
        The project.
    slug
        The request.
    out
        Where the pages go; `reports/<slug>/` when left out.
    measured
        Show what depends on the machine or the moment. Without it, the same run gives the same bytes anywhere.

    Raises
    ------
    GlassboxError
        When the request was never run.
    """
    data, reports = root / "data" / slug, root / "reports" / slug
    resolved = data / "request.json"
    if not resolved.is_file():
        raise GlassboxError(f"data/{slug}: no run of {slug!r} yet; run `glassbox run {slug}` first.")
    out = out or reports
    run = read_json(data / "run.json") if (data / "run.json").is_file() else {}
    stages = _stages(data, run)
    findings = {stage: _shown(data / stage / "findings.json") for stage in stages}
    live = {stage: _shown(data / stage / "measured.json") for stage in stages} if measured else {}
    notebooks = {stage: path for stage in stages if (path := reports / f"{stage}.ipynb").is_file()}
    for stage in STAGES:
        page = out / f"{stage}.html"
        if stage in notebooks:
            shown = {name: item.finding for name, item in {**findings[stage], **live.get(stage, {})}.items()}
            page_of = notebook_page(
                read_json(notebooks[stage]), stage, slug, pages=list(notebooks), measured=measured, findings=shown
            )
            write_text(page, page_of)
        else:
            page.unlink(missing_ok=True)
    about = run if measured else {name: value for name, value in run.items() if name not in ("id", "started")}
    report = build_report(Request.from_resolved(read_json(resolved)), findings, live, run=about, pages=list(notebooks))
    write_text(out / "report.html", report_html(report))
    write_text(out / "report.md", report_markdown(report))
    write_json(out / "report.json", report_json(report))


def _stages(data: Path, run: dict[str, Any]) -> list[str]:
    """The stages of the last run: what is left of an earlier one says nothing about this one."""
    told = run.get("stages", {})
    return [
        stage
        for stage in STAGES
        if (data / stage / "findings.json").is_file() and (not told or told.get(stage, {}).get("status") in DONE)
    ]


def _shown(path: Path) -> dict[str, NamedFinding]:
    return read_findings(read_json(path)) if path.is_file() else {}


def render_index(root: Path) -> None:
    """Write `reports/index.html`: every request with its headline answer, its verdicts, and its date."""
    folder = root / "reports"
    entries = []
    for path in sorted(folder.glob("*/report.json")):
        slug, report = path.parent.name, read_json(path)
        entries.append({"slug": slug, "report": report, "stops": stage_map(report["stages"], prefix=f"{slug}/")})
    write_text(folder / "index.html", render("index.html", title="Glassbox", entries=entries))


def write_assets(root: Path) -> None:
    """Write what all pages share to `reports/assets/`: style sheet, script, icon, and Plotly. What is there already is kept."""
    ours = resources.files("glassbox.reports") / "assets"
    plotly = resources.files("plotly") / "package_data" / "plotly.min.js"
    for name, source in [*((name, ours / name) for name in ASSETS), ("plotly.min.js", plotly)]:
        content, target = source.read_bytes(), root / "reports" / "assets" / name
        if not target.is_file() or target.read_bytes() != content:
            write_bytes(target, content)

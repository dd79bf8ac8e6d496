"""The site of all reports on disk: one folder per request, an index and shared assets. It works offline from `file://`."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat

from glassbox.errors import GlassboxError
from glassbox.files import read_json, write_bytes, write_text
from glassbox.findings.model import NamedFinding, read_findings
from glassbox.reports.notebook_exporter import notebook_page
from glassbox.reports.pages import page_assets, render
from glassbox.reports.report import build_report
from glassbox.reports.report_html import report_html
from glassbox.reports.report_json import report_json
from glassbox.reports.report_markdown import report_markdown
from glassbox.reports.sections import STAGES, stage_map
from glassbox.request.model import Request
from glassbox.state_files import RunFile, make_way, read_state, write_state

COMPLETED = ("ran", "cached")  # statuses of a stage in run.json


def render_request(root: Path, slug: str, *, out: Path | None = None, measured: bool = True) -> None:
    """Write the report and the notebook pages of the last run of a request.

    Parameters
    ----------
    root
        The project folder.
    slug
        The request.
    out
        The output folder; defaults to `reports/<slug>/`.
    measured
        Include values that depend on the machine or the time. Without them, the same run gives the same bytes anywhere.

    Raises
    ------
    GlassboxError
        If the request has never been run.
    """
    data, reports = root / "data" / slug, root / "reports" / slug
    resolved = read_state(data / "request.json")
    if resolved is None:
        raise GlassboxError(f"data/{slug}: no run of {slug!r} yet; run `glassbox run {slug}` first.")
    out = out or reports
    run = read_state(data / "run.json", RunFile) or {}
    stages = _completed_stages(data, run)
    findings = {stage: _read_findings(data / stage / "findings.json") for stage in stages}
    live = {stage: _read_findings(data / stage / "measured.json") for stage in stages} if measured else {}
    notebooks = {stage: path for stage in stages if (path := reports / f"{stage}.ipynb").is_file()}
    for stage in STAGES:
        page = out / f"{stage}.html"
        make_way(page)
        if stage not in notebooks:
            page.unlink(missing_ok=True)
            continue
        shown = {name: item.finding for name, item in {**findings[stage], **live.get(stage, {})}.items()}
        notebook = _read(notebooks[stage], lambda path: nbformat.read(path, as_version=4))
        write_text(page, notebook_page(notebook, stage, slug, pages=list(notebooks), measured=measured, findings=shown))
    reported_run = run if measured else {name: value for name, value in run.items() if name not in ("id", "started")}
    request = Request.from_resolved(resolved)
    report = build_report(request, findings, live, run=reported_run, pages=list(notebooks))
    for name, text in (("report.html", report_html(report)), ("report.md", report_markdown(report))):
        make_way(out / name)
        write_text(out / name, text)
    write_state(out / "report.json", report_json(report))


def _completed_stages(data: Path, run: dict[str, Any]) -> list[str]:
    """Return the stages that the last run completed; folders of other stages may hold findings of earlier runs."""
    statuses = run.get("stages", {})
    return [
        stage
        for stage in STAGES
        if (data / stage / "findings.json").is_file() and (not statuses or statuses.get(stage, {}).get("status") in COMPLETED)
    ]


def _read_findings(path: Path) -> dict[str, NamedFinding]:
    return dict(_read(path, lambda path: read_findings(read_json(path)))) if path.is_file() else {}


def _read(path: Path, read: Callable[[Path], Any]) -> Any:
    """Read a file that a run wrote; a run restores damaged ones, but `glassbox verify` reads them as they are."""
    try:
        return read(path)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise GlassboxError(f"{path}: the file is damaged; run the request again to restore it.") from error


def render_index(root: Path) -> None:
    """Write `reports/index.html`: every request with its answer, verdicts and date."""
    folder = root / "reports"
    entries = []
    for path in sorted(folder.glob("*/report.json")):
        slug = path.parent.name
        report = read_state(path)
        if report is None:
            with contextlib.suppress(GlassboxError):  # it was never run, or must run again: the index leaves it out until then
                render_request(root, slug)
            report = read_state(path)
        if report is not None:
            entries.append({"slug": slug, "report": report, "links": stage_map(report["stages"], prefix=f"{slug}/")})
    write_text(folder / "index.html", render("index.html", title="Glassbox", entries=entries))


def write_assets(root: Path) -> None:
    """Write the files that all pages share to `reports/assets/`; unchanged files are not written again."""
    for name, content in page_assets().items():
        target = root / "reports" / "assets" / name
        if not target.is_file() or target.read_bytes() != content:
            write_bytes(target, content)

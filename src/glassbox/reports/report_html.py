"""The report as a page for people who decide: no code, every number with a way to the cell it came from."""

from markupsafe import Markup

from glassbox.findings.html import finding_html, trusted
from glassbox.reports.pages import render
from glassbox.reports.report import Part, Report
from glassbox.reports.sections import stage_map


def part_html(part: Part) -> Markup:
    """One finding of the report; what was measured is marked so."""
    html = trusted(finding_html(part.finding, cell=part.cell, hover=True))
    return Markup("<div data-measured>{}</div>").format(html) if part.measured else html


def report_html(report: Report) -> str:
    """`report.html` of a run."""
    return render(
        "report.html",
        plotly=any(p.finding.kind == "figure" and p.finding.plotly is not None for p in report.parts),
        report=report,
        slug=report.request.name,
        title=f"{report.question} · Glassbox",
        size="longest" if len(report.question) > 110 else "long" if len(report.question) > 60 else "",
        stops=stage_map(report.pages),
        part_html=part_html,
    )

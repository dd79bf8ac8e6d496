"""The report as an HTML page for stakeholders: no code, and a link from every number to the cell that computed it."""

from markupsafe import Markup

from glassbox.findings.html import finding_html
from glassbox.reports.pages import render
from glassbox.reports.report import Part, Report
from glassbox.reports.sections import stage_map

LONG_QUESTION, LONGEST_QUESTION = 60, 110  # characters; longer questions have a smaller font


def part_html(part: Part) -> Markup:
    """Render one finding of the report; measured ones have the attribute `data-measured`."""
    html = finding_html(part.finding, cell=part.cell, hover=True)
    return Markup("<div data-measured>{}</div>").format(html) if part.measured else html


def report_html(report: Report) -> str:
    """Render the report of a run as `report.html`."""
    length = len(report.question)
    return render(
        "report.html",
        plotly=any(part.finding.kind == "figure" and part.finding.plotly is not None for part in report.parts),
        report=report,
        slug=report.request.name,
        title=f"{report.question} · Glassbox",
        size="longest" if length > LONGEST_QUESTION else "long" if length > LONG_QUESTION else "",
        links=stage_map(report.pages),
        part_html=part_html,
    )

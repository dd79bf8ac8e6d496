"""The report for other programs: `report.json`, specified by `report.schema.json`."""

from importlib import resources
from typing import Any

from glassbox.files import plain, read_json
from glassbox.reports.report import Report


def report_json(report: Report) -> dict[str, Any]:
    """Return the report as plain values.

    Keys
    ----
    request, hashes, metrics, leaderboard, requirements, audit
        The stable interface for other programs.
    question, answer, next_steps, stages, failed, run
        The content of the index; `run` (identifier and start time) is empty if measured values are left out.
    """
    audit = report.audit.finding
    content = {
        "request": report.request.resolved(),
        "hashes": report.hashes,
        "metrics": {name: {"value": e.value, "low": e.low, "high": e.high, "n": e.n} for name, e in report.metrics.items()},
        "leaderboard": report.leaderboard,
        "requirements": [row.model_dump(exclude={"cell"}) for row in report.requirements],
        "audit": [row.model_dump(exclude={"cell"}) for row in audit.rows] if audit.kind == "audit" else [],
        "question": report.question,
        "answer": " ".join(text for text in (report.answer.finding.say, report.verdict_sentence, report.measured_answer) if text),
        "next_steps": report.next_steps,
        "stages": report.pages,
        "failed": report.failed or None,
        "run": report.run,
    }
    return dict(plain(content))


def schema() -> dict[str, Any]:
    """Return the JSON schema of `report.json`."""
    with resources.as_file(resources.files("glassbox.reports") / "report.schema.json") as path:
        return dict(read_json(path))

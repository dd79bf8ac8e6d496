"""The report for other programs: `report.json`, as `report.schema.json` describes it."""

from importlib import resources
from typing import Any

from glassbox.files import plain, read_json
from glassbox.reports.report import Report


def report_json(report: Report) -> dict[str, Any]:
    """The report as plain values.

    Keys
    ----
    request, hashes, metrics, leaderboard, requirements, audit
        What other programs may rely on.
    question, answer, next_steps, stages, run
        What the index shows; `run` (when) is empty where what is measured was left out.
    """
    content = {
        "request": _resolved(report),
        "hashes": report.hashes,
        "metrics": {name: {"value": e.value, "low": e.low, "high": e.high, "n": e.n} for name, e in report.metrics.items()},
        "leaderboard": report.leaderboard,
        "requirements": [row.model_dump(exclude={"cell"}) for row in report.requirements],
        "audit": [row.model_dump(exclude={"cell"}) for row in report.audit.finding.rows]
        if report.audit.finding.kind == "audit"
        else [],
        "question": report.question,
        "answer": " ".join(text for text in (report.answer.finding.say, report.verdict_sentence, report.measured_answer) if text),
        "next_steps": report.next_steps,
        "stages": report.pages,
        "failed": report.failed or None,
        "run": report.run,
    }
    return dict(plain(content))


def _resolved(report: Report) -> dict[str, Any]:
    return dict(plain(report.request.resolved()))


def schema() -> dict[str, Any]:
    """The JSON schema of `report.json`."""
    with resources.as_file(resources.files("glassbox.reports") / "report.schema.json") as path:
        return dict(read_json(path))

"""The content of the report: its sections in order, and for each part the notebook cell that computed it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from glassbox.findings.model import Audit, Estimate, Facts, Figure, Finding, NamedFinding, Note, RequirementRow, Table
from glassbox.reports.audit import audit as audit_of
from glassbox.reports.conclusion import answer as answer_of
from glassbox.reports.conclusion import next_steps as next_steps_of
from glassbox.reports.lookup import Findings, cell, estimates, finding, rows
from glassbox.reports.sections import QUESTIONS, SECTIONS, STAGES, Section
from glassbox.reports.verdicts import measured_sentence, verdicts
from glassbox.request.model import Request

ALWAYS_REPORTED = {("evaluate", "holdout_reads")}  # in every report, even if the notebook does not pass `report=True`
MAX_TABLE_ROWS, SHORTENED_TABLE_ROWS = 10, 8


@dataclass(frozen=True)
class Part:
    """A finding in the report, the cell that computed it (`stage#finding`), and whether it depends on the machine or the time."""

    finding: Finding
    cell: str
    measured: bool = False


@dataclass(frozen=True)
class FilledSection:
    """A section of the report with its findings."""

    section: Section
    parts: list[Part]
    missing: list[str]  # stages that were not run
    linked: list[str]  # stages that have a page

    @property
    def questions(self) -> list[tuple[str, str]]:
        """Linked stages with their questions."""
        return [(stage, QUESTIONS[stage]) for stage in self.linked]


@dataclass(frozen=True)
class Report:
    """The content of the report, independent of its format: HTML, Markdown or JSON."""

    request: Request
    question: str
    answer: Part
    measured_answer: str
    requirements: list[RequirementRow]
    lead_figure: Part | None
    sections: list[FilledSection]
    audit: Part
    metrics: dict[str, Estimate]
    leaderboard: list[dict[str, Any]]
    next_steps: list[str]
    hashes: dict[str, str | None]
    run: dict[str, str] = field(default_factory=dict)  # identifier and start time; empty in pages that are compared
    pages: list[str] = field(default_factory=list)
    failed: str = ""  # the stage that failed

    @property
    def verdict_sentence(self) -> str:
        """The verdicts on the requirements as a sentence, without measured requirements."""
        return " ".join(self.answer.finding.lines) if isinstance(self.answer.finding, Note) else ""

    @property
    def parts(self) -> list[Part]:
        """All parts of the report."""
        return [
            self.answer,
            *([self.lead_figure] if self.lead_figure else []),
            *(p for s in self.sections for p in s.parts),
            self.audit,
        ]


def build_report(
    request: Request,
    findings: Findings,
    measured: Findings,
    *,
    run: Mapping[str, Any] | None = None,
    pages: Sequence[str] = STAGES,
) -> Report:
    """Build the report of a run.

    Parameters
    ----------
    request
        The resolved request.
    findings, measured
        Findings of the stages: stage -> name -> finding. Stages that were not run are absent. `measured` holds those that
        depend on the machine or the time; if it is empty, the report does not depend on either.
    run
        Content of `run.json`: hashes, identifier, start time and status of the stages.
    pages
        The stages that have a page; only these are linked.
    """
    run = run or {}
    metrics = estimates(findings, "evaluate", "metrics")
    required = verdicts(request, metrics, estimates(measured, "deploy", "latency"))
    audit_part = _from_conclude(findings, "audit", pages) or Part(audit_of(findings, request), "")
    answer_part = _from_conclude(findings, "answer", pages) or Part(answer_of(findings, request), "")
    assert isinstance(audit_part.finding, Audit)
    steps = finding(findings, "conclude", "next_steps")
    if not isinstance(steps, Note):
        steps = next_steps_of(findings, request, required, audit_part.finding)
    parts = _parts(findings, measured, pages)
    lead_figure = _lead_figure(parts)
    return Report(
        request=request,
        question=_question(request),
        answer=answer_part,
        measured_answer=measured_sentence(required),
        requirements=[_linked_row(row, findings, measured, pages) for row in required],
        lead_figure=lead_figure,
        sections=[_fill_section(section, parts, lead_figure, findings, pages, request, steps) for section in SECTIONS],
        audit=Part(_linked_audit(audit_part.finding, pages), audit_part.cell),
        metrics=metrics,
        leaderboard=rows(findings, "compare", "leaderboard"),
        next_steps=steps.lines,
        hashes={name: run.get("hashes", {}).get(name) for name in ("data", "code", "lock", "model")},
        run={name: str(run[name]) for name in ("id", "started") if name in run},
        pages=[stage for stage in STAGES if stage in pages],
        failed=next((name for name, stage in run.get("stages", {}).items() if stage.get("status") == "failed"), ""),
    )


def headline(problem: str) -> str:
    """Return the headline of a problem statement: its last question or, without a question, its first sentence.

    >>> headline("Customers leave. Which ones will? We want to call them.")
    'Which ones will?'
    """
    sentences = re.split(r"(?<=[.?!])\s+", " ".join(problem.split()))
    return next((sentence for sentence in reversed(sentences) if sentence.endswith("?")), sentences[0])


def _question(request: Request) -> str:
    if request.problem.strip():
        return headline(request.problem)
    return f"Can {request.data.target} be predicted?" if request.data.target else f"What does {request.name} show?"


def _link(cell: str, pages: Sequence[str]) -> str:
    return cell if cell.partition("#")[0] in pages else ""


def _from_conclude(findings: Findings, name: str, pages: Sequence[str]) -> Part | None:
    """Return the answer or audit of the notebook `conclude`, which may differ from the default because users edit it."""
    shown = finding(findings, "conclude", name)
    if not isinstance(shown, Audit if name == "audit" else Note):
        return None
    return Part(shown, _link(f"conclude#{name}", pages))


def _parts(findings: Findings, measured: Findings, pages: Sequence[str]) -> dict[str, list[Part]]:
    return {
        stage: [
            Part(_shortened(shown.finding), _link(f"{stage}#{name}", pages), live)
            for live, source in ((False, findings), (True, measured))
            for name, shown in source.get(stage, {}).items()
            if _is_reported(stage, name, shown)
        ]
        for stage in STAGES
    }


def _shortened(shown: Finding) -> Finding:
    """Return a long table reduced to its first rows; the notebook page shows all rows."""
    if not isinstance(shown, Table) or len(shown.rows) <= MAX_TABLE_ROWS:
        return shown
    note = f"{shown.note} First {SHORTENED_TABLE_ROWS} of {len(shown.rows)} rows; the notebook shows all.".strip()
    best = shown.best if shown.best is not None and shown.best < SHORTENED_TABLE_ROWS else None
    return shown.model_copy(update={"rows": shown.rows[:SHORTENED_TABLE_ROWS], "best": best, "note": note})


def _is_reported(stage: str, name: str, shown: NamedFinding) -> bool:
    return stage != "conclude" and (shown.report or (stage, name) in ALWAYS_REPORTED)


def _lead_figure(parts: Mapping[str, list[Part]]) -> Part | None:
    """The figure at the top of the report: the first reported figure of `evaluate`, or else of any stage."""
    figures = [p for stage in ("evaluate", *STAGES) for p in parts[stage] if isinstance(p.finding, Figure) and not p.measured]
    return next(iter(figures), None)


def _fill_section(
    section: Section,
    parts: Mapping[str, list[Part]],
    lead_figure: Part | None,
    findings: Findings,
    pages: Sequence[str],
    request: Request,
    steps: Note,
) -> FilledSection:
    linked = [stage for stage in section.stages if stage in pages]
    missing = [stage for stage in section.stages if not findings.get(stage)]
    if not section.stages:
        task_part = Part(_task_facts(request), _link(cell(findings, "ingest", "expected_size", "data_summary"), pages))
        problem = Note(title="Problem", say=" ".join(request.problem.split()))
        problem_parts = [Part(problem, "")] if problem.say not in ("", headline(request.problem)) else []
        return FilledSection(section, [*problem_parts, task_part], [], [])
    if section.stages == ("conclude",):
        return FilledSection(section, [Part(steps, _link(cell(findings, "conclude", "next_steps"), pages))], [], linked)
    section_parts = [part for stage in section.stages for part in parts[stage] if part is not lead_figure]
    return FilledSection(section, section_parts, missing, linked)


def _task_facts(request: Request) -> Facts:
    data = request.data
    facts = {
        "Task": request.task.replace("_", " "),
        "Data": data.path or data.url,
        "Declared size": data.size,
        "Target": data.target,
        "Positive class": data.positive,
        "Forecast horizon": str(request.horizon or ""),
        "Holdout": request.split.words,
        "Effort": request.cost,
        "Folds": str(request.folds),
        "Seed": str(request.seed),
    }
    return Facts(title="Task", facts={name: value for name, value in facts.items() if value})


def _linked_row(row: RequirementRow, findings: Findings, measured: Findings, pages: Sequence[str]) -> RequirementRow:
    stage, _, name = row.cell.partition("#")
    exists = name in findings.get(stage, {}) or name in measured.get(stage, {})
    return row.model_copy(update={"cell": _link(row.cell, pages) if exists else ""})


def _linked_audit(audit: Audit, pages: Sequence[str]) -> Audit:
    return audit.model_copy(update={"rows": [row.model_copy(update={"cell": _link(row.cell, pages)}) for row in audit.rows]})

"""The stakeholder's report as a model: what stands in it, in which order, and which cell each part came from."""

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

ALWAYS = {("evaluate", "opened")}  # promised to be in every report, whatever the notebook says
LONGEST_TABLE, ROWS_OF_LONG = 10, 8  # of rows


@dataclass(frozen=True)
class Part:
    """A finding in the report, the cell that it came from, and whether it was measured."""

    finding: Finding
    cell: str
    measured: bool = False


@dataclass(frozen=True)
class Filled:
    """A section with what fills it; `missing` names the stages that were not run."""

    section: Section
    parts: list[Part]
    missing: list[str]
    linked: list[str]  # stages whose whole notebook can be read

    @property
    def questions(self) -> list[tuple[str, str]]:
        """Each linked stage with its question."""
        return [(stage, QUESTIONS[stage]) for stage in self.linked]


@dataclass(frozen=True)
class Report:
    """Everything that the report says, ready to be written as HTML, Markdown or JSON."""

    request: Request
    question: str
    answer: Part
    measured_answer: str
    requirements: list[RequirementRow]
    hero: Part | None
    sections: list[Filled]
    audit: Part
    metrics: dict[str, Estimate]
    leaderboard: list[dict[str, Any]]
    next_steps: list[str]
    hashes: dict[str, str | None]
    run: dict[str, str] = field(default_factory=dict)  # when: left out where pages are compared
    pages: list[str] = field(default_factory=list)
    failed: str = ""

    @property
    def verdict_sentence(self) -> str:
        """What the answer means for what was asked, without what was measured."""
        return " ".join(self.answer.finding.lines) if isinstance(self.answer.finding, Note) else ""

    @property
    def parts(self) -> list[Part]:
        """Every part of the report."""
        return [self.answer, *([self.hero] if self.hero else []), *(p for s in self.sections for p in s.parts), self.audit]


def build_report(
    request: Request,
    findings: Findings,
    measured: Findings,
    *,
    run: Mapping[str, Any] | None = None,
    pages: Sequence[str] = STAGES,
) -> Report:
    """The report on a run.

    Parameters
    ----------
    request
        As resolved.
    findings, measured
        What the stages showed: stage -> name -> Shown. Stages that were not run are missing. Hand over no `measured` and
        everything that depends on the machine or the moment is left out.
    run
        What `run.json` says: hashes, and when.
    pages
        The stages whose notebook can be read; only to these do links lead.
    """
    run = run or {}
    metrics = estimates(findings, "evaluate", "metrics")
    required = verdicts(request, metrics, estimates(measured, "deploy", "latency"))
    audited = _own(findings, "audit", pages) or Part(audit_of(findings, request), "")
    answered = _own(findings, "answer", pages) or Part(answer_of(findings, request), "")
    assert isinstance(audited.finding, Audit)
    steps = finding(findings, "conclude", "next_steps")
    if not isinstance(steps, Note):
        steps = next_steps_of(findings, request, required, audited.finding)
    parts = _parts(findings, measured, pages)
    hero = _hero(parts)
    return Report(
        request=request,
        question=_question(request),
        answer=answered,
        measured_answer=measured_sentence(required),
        requirements=[_linked_row(row, findings, measured, pages) for row in required],
        hero=hero,
        sections=[_filled(section, parts, hero, findings, pages, request, steps) for section in SECTIONS],
        audit=Part(_linked_audit(audited.finding, pages), audited.cell),
        metrics=metrics,
        leaderboard=rows(findings, "compare", "leaderboard"),
        next_steps=steps.lines,
        hashes={name: run.get("hashes", {}).get(name) for name in ("data", "code", "lock", "model")},
        run={name: str(run[name]) for name in ("id", "started") if name in run},
        pages=[stage for stage in STAGES if stage in pages],
        failed=next((name for name, stage in run.get("stages", {}).items() if stage.get("status") == "failed"), ""),
    )


def headline(problem: str) -> str:
    """The question of a problem that is told in several sentences: the last one that asks, or else the first one.

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


def _own(findings: Findings, name: str, pages: Sequence[str]) -> Part | None:
    """What the conclude notebook showed under a name: what a data scientist wrote there wins."""
    found = finding(findings, "conclude", name)
    if not isinstance(found, Audit if name == "audit" else Note):
        return None
    return Part(found, _link(f"conclude#{name}", pages))


def _parts(findings: Findings, measured: Findings, pages: Sequence[str]) -> dict[str, list[Part]]:
    return {
        stage: [
            Part(_short(shown.finding), _link(f"{stage}#{name}", pages), live)
            for live, source in ((False, findings), (True, measured))
            for name, shown in source.get(stage, {}).items()
            if _wanted(stage, name, shown)
        ]
        for stage in STAGES
    }


def _short(found: Finding) -> Finding:
    """A long table as the report has it: its first rows; the others are a click away, in the notebook."""
    if not isinstance(found, Table) or len(found.rows) <= LONGEST_TABLE:
        return found
    note = f"{found.note} These are {ROWS_OF_LONG} of {len(found.rows)} rows; the notebook has them all.".strip()
    best = found.best if found.best is not None and found.best < ROWS_OF_LONG else None
    return found.model_copy(update={"rows": found.rows[:ROWS_OF_LONG], "best": best, "note": note})


def _wanted(stage: str, name: str, shown: NamedFinding) -> bool:
    return stage != "conclude" and (shown.report or (stage, name) in ALWAYS)


def _hero(parts: Mapping[str, list[Part]]) -> Part | None:
    """The one figure of the first screen: the first that `evaluate` chose for the report, or else the first figure there is."""
    figures = [p for stage in ("evaluate", *STAGES) for p in parts[stage] if isinstance(p.finding, Figure) and not p.measured]
    return next(iter(figures), None)


def _filled(
    section: Section,
    parts: Mapping[str, list[Part]],
    hero: Part | None,
    findings: Findings,
    pages: Sequence[str],
    request: Request,
    steps: Note,
) -> Filled:
    linked = [stage for stage in section.stages if stage in pages]
    missing = [stage for stage in section.stages if not findings.get(stage)]
    if not section.stages:
        where = _link(cell(findings, "ingest", "promised", "arrived"), pages)
        told = Note(title="The problem", say=" ".join(request.problem.split()))
        parts_ = [Part(told, "")] if told.say not in ("", headline(request.problem)) else []
        return Filled(section, [*parts_, Part(_problem(request), where)], [], [])
    if section.stages == ("conclude",):
        where = _link(cell(findings, "conclude", "next_steps"), pages)
        return Filled(section, [Part(steps, where)], [], linked)
    return Filled(section, [p for stage in section.stages for p in parts[stage] if p is not hero], missing, linked)


def _problem(request: Request) -> Facts:
    data = request.data
    asked = {
        "Task": request.task.replace("_", " "),
        "Data": data.path or data.url,
        "Promised": data.size,
        "To be predicted": data.target,
        "Looked for": data.positive,
        "Steps ahead": str(request.horizon or ""),
        "Held back": request.split.words,
        "Effort": request.cost,
        "Folds": str(request.folds),
        "Seed": str(request.seed),
    }
    return Facts(title="What was asked", facts={name: value for name, value in asked.items() if value})


def _linked_row(row: RequirementRow, findings: Findings, measured: Findings, pages: Sequence[str]) -> RequirementRow:
    stage, _, name = row.cell.partition("#")
    there = name in findings.get(stage, {}) or name in measured.get(stage, {})
    return row.model_copy(update={"cell": _link(row.cell, pages) if there else ""})


def _linked_audit(audit: Audit, pages: Sequence[str]) -> Audit:
    return audit.model_copy(update={"rows": [row.model_copy(update={"cell": _link(row.cell, pages)}) for row in audit.rows]})

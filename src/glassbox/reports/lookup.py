"""Lookup of findings by stage, by name and by the type of their evidence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from glassbox.findings.model import Cell, Estimate, Estimates, Finding, NamedFinding, Table

Findings = Mapping[str, Mapping[str, NamedFinding]]  # stage -> name -> finding
E = TypeVar("E", bound=BaseModel)


@dataclass(frozen=True)
class Located(Generic[E]):
    """The evidence of a finding and the cell that shows it, as `stage#name`."""

    evidence: E
    cell: str


def evidence_of(findings: Findings, stage: str, kind: type[E]) -> Located[E] | None:
    """Return the first evidence of a kind among the findings of a stage; None if there is none."""
    for name, shown in findings.get(stage, {}).items():
        if isinstance(shown.finding.evidence, kind):
            return Located(shown.finding.evidence, f"{stage}#{name}")
    return None


def finding(findings: Findings, stage: str, name: str) -> Finding | None:
    """Return the finding of a stage with a name; None if there is none."""
    shown = findings.get(stage, {}).get(name)
    return shown.finding if shown else None


def sentence(findings: Findings, stage: str, name: str) -> str:
    """Return the sentence of a finding; empty if there is no such finding."""
    shown = finding(findings, stage, name)
    return shown.say if shown else ""


def cell(findings: Findings, stage: str, *names: str) -> str:
    """Return `stage#name` of the first finding of a stage that has one of `names`; empty if there is none."""
    return next((f"{stage}#{name}" for name in names if finding(findings, stage, name) is not None), "")


def rows(findings: Findings, stage: str, name: str) -> list[dict[str, Cell]]:
    """Return the rows of a table finding as dictionaries; empty if there is no such table."""
    table = finding(findings, stage, name)
    if not isinstance(table, Table):
        return []
    columns = [column.name for column in table.columns]
    return [dict(zip(columns, row, strict=True)) for row in table.rows]


def estimates(findings: Findings, stage: str, name: str) -> dict[str, Estimate]:
    """Return the values of an estimates finding; empty if there is no such finding."""
    shown = finding(findings, stage, name)
    return dict(shown.values) if isinstance(shown, Estimates) else {}

"""What was shown by the stages of a run, and short ways to look something up in it."""

from collections.abc import Mapping
from typing import Any

from glassbox.findings.model import Cell, Estimate, Estimates, Facts, Finding, NamedFinding, Table

Findings = Mapping[str, Mapping[str, NamedFinding]]  # stage -> name -> what was shown


def finding(findings: Findings, stage: str, name: str) -> Finding | None:
    """The finding that a stage showed under a name, if it did."""
    shown = findings.get(stage, {}).get(name)
    return shown.finding if shown else None


def said(findings: Findings, stage: str, name: str) -> str:
    """What a finding says in words; empty when there is none."""
    found = finding(findings, stage, name)
    return found.say if found else ""


def cell(findings: Findings, stage: str, *names: str) -> str:
    """`stage#name` of the first of `names` that was shown; empty when none was."""
    return next((f"{stage}#{name}" for name in names if finding(findings, stage, name) is not None), "")


def facts(findings: Findings, stage: str, name: str) -> dict[str, Cell]:
    """The facts shown under a name; none when there are none."""
    found = finding(findings, stage, name)
    return dict(found.facts) if isinstance(found, Facts) else {}


def rows(findings: Findings, stage: str, name: str) -> list[dict[str, Cell]]:
    """The rows of a table shown under a name, each by column."""
    found = finding(findings, stage, name)
    if not isinstance(found, Table):
        return []
    columns = [column.name for column in found.columns]
    return [dict(zip(columns, row, strict=True)) for row in found.rows]


def estimates(findings: Findings, stage: str, name: str) -> dict[str, Estimate]:
    """The estimates shown under a name."""
    found = finding(findings, stage, name)
    return dict(found.values) if isinstance(found, Estimates) else {}


def pick(values: Mapping[str, Any], *words: str, without: tuple[str, ...] = ()) -> Any:
    """The value whose name holds all of `words` and none of `without`; None when there is none.

    >>> pick({"rows in holdout": 5, "rows in train": 9}, "rows", "train")
    9
    """
    for name, value in values.items():
        low = name.lower()
        if all(word in low for word in words) and not any(word in low for word in without):
            return value
    return None


def counted(value: Any) -> float | None:
    """A number as a float; None for what is none."""
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None

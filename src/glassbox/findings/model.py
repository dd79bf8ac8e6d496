"""Findings: the typed results of a stage, for the report and for later stages.

A finding has a title, a sentence for the stakeholder (`say`) and a body. It depends on the inputs of the stage alone, and
is saved as JSON from which the same finding can be read; `findings.html` renders it.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from glassbox.files import plain
from glassbox.findings.evidence import Evidence

Verdict = Literal["met", "not met", "not proven"]
Cell = str | float | int | bool | None


class _Finding(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    say: str = ""  # one plain sentence for the stakeholder, computed from data
    evidence: Evidence | None = Field(default=None, exclude_if=lambda evidence: evidence is None)  # decisions read this alone


class Column(BaseModel):
    """One column of a table: its header, and the format of its numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    unit: str = ""
    format: str = ""  # a format specification for numbers, such as ".3f", ",d" or ".1%"


class Table(_Finding):
    """A table. `best` is the position of the highlighted row; `note` is shown below the table."""

    kind: Literal["table"] = "table"
    columns: list[Column]
    rows: list[list[Cell]]
    best: int | None = None
    note: str = ""

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        title: str,
        *,
        say: str = "",
        units: Mapping[str, str] | None = None,
        formats: Mapping[str, str] | None = None,
        best: int | None = None,
        note: str = "",
        evidence: Evidence | None = None,
    ) -> Self:
        """Create a table from the columns of a frame; the index is not shown."""
        units, formats = units or {}, formats or {}
        columns = [Column(name=str(c), unit=units.get(str(c), ""), format=formats.get(str(c), "")) for c in frame.columns]
        rows = [[plain(value) for value in row] for row in frame.itertuples(index=False, name=None)]
        return cls(title=title, say=say, columns=columns, rows=rows, best=best, note=note, evidence=evidence)

    def frame(self) -> pd.DataFrame:
        """Return the table as a frame."""
        return pd.DataFrame(self.rows, columns=[column.name for column in self.columns])


class Estimate(BaseModel):
    """An estimate with its 95 % interval and the number of observations."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    unit: str = ""


class Estimates(_Finding):
    """Named estimates with intervals."""

    kind: Literal["estimates"] = "estimates"
    values: dict[str, Estimate]


class Facts(_Finding):
    """A short ordered list of named facts."""

    kind: Literal["facts"] = "facts"
    facts: dict[str, Cell]


class Note(_Finding):
    """A list of plain-text sentences, such as problems of the data and their handling; never markup."""

    kind: Literal["note"] = "note"
    lines: list[str] = []
    tone: Literal["plain", "good", "look", "bad"] = "plain"


class Figure(_Finding):
    """A figure: an SVG for print, or an interactive Plotly figure (its JSON, without scripts).

    `alt` is the text alternative for screen readers.
    """

    kind: Literal["figure"] = "figure"
    alt: str
    caption: str = ""
    svg: str | None = None
    plotly: dict[str, Any] | None = None


class Mark(BaseModel):
    """A marked span of a text, with a label or a weight from -1 to 1. `start` is its first character, `end` the one after its last."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: int
    end: int
    label: str = ""
    weight: float | None = None


class Passage(BaseModel):
    """A text with marks that are sorted and do not overlap; `head` is its heading."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    head: str
    text: str
    marks: list[Mark] = []


class Passages(_Finding):
    """Texts with marks, such as evidence for and against a prediction, or predicted entities."""

    kind: Literal["passages"] = "passages"
    passages: list[Passage]
    note: str = ""


class Picture(BaseModel):
    """A thumbnail: its heading, its text alternative, and the image as a data URI of PNG or JPEG."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    head: str
    alt: str
    uri: str = Field(pattern=r"^data:image/(png|jpeg);base64,[A-Za-z0-9+/]+=*$")


class Pictures(_Finding):
    """Thumbnails in a responsive grid."""

    kind: Literal["pictures"] = "pictures"
    pictures: list[Picture]
    note: str = ""


class AuditRow(BaseModel):
    """The audit of one anti-pattern: verdict, evidence, and the finding that shows it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: str
    verdict: Literal["avoided", "look", "found"]
    evidence: str
    cell: str = ""  # "stage#finding"


class Audit(_Finding):
    """The audit of all anti-patterns."""

    kind: Literal["audit"] = "audit"
    rows: list[AuditRow]


class RequirementRow(BaseModel):
    """A requirement of the request: its bound, the estimate, and the verdict."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    bound: str
    value: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    cell: str = ""


class Verdicts(_Finding):
    """The verdicts on all requirements of the request."""

    kind: Literal["verdicts"] = "verdicts"
    rows: list[RequirementRow]


Finding = Annotated[
    Table | Estimates | Facts | Note | Figure | Passages | Pictures | Audit | Verdicts,
    Field(discriminator="kind"),
]
_adapter: TypeAdapter[Finding] = TypeAdapter(Finding)


def read_finding(value: Mapping[str, Any]) -> Finding:
    """Read a finding from its JSON value."""
    return _adapter.validate_python(dict(value))


class NamedFinding(BaseModel):
    """A finding of a stage with its name, which is also its anchor; `report` includes it in the report."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    report: bool = False
    finding: Finding


def read_findings(value: Sequence[Mapping[str, Any]]) -> dict[str, NamedFinding]:
    """Read the content of `findings.json` or `measured.json`: findings by name, in the order in which they were shown."""
    findings = [NamedFinding.model_validate(item) for item in value]
    return {finding.name: finding for finding in findings}

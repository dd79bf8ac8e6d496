"""What a stage hands on to the report and to later stages: typed, plain, and a pure function of the stage's inputs.

A finding has a title, a sentence for the stakeholder (`say`), and a body. It is saved as JSON and read back as the same
finding; `findings.html` renders it.
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
    """One column of a table: what stands in its head and how its numbers are written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    unit: str = ""
    format: str = ""  # a format specification for numbers, such as ".3f", ",d" or ".1%"


class Table(_Finding):
    """Rows and columns. `best` is the row that the reader should see first; `note` stands below."""

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
        """A table of a frame's columns; its index is not shown."""
        units, formats = units or {}, formats or {}
        columns = [Column(name=str(c), unit=units.get(str(c), ""), format=formats.get(str(c), "")) for c in frame.columns]
        rows = [[plain(value) for value in row] for row in frame.itertuples(index=False, name=None)]
        return cls(title=title, say=say, columns=columns, rows=rows, best=best, note=note, evidence=evidence)

    def frame(self) -> pd.DataFrame:
        """The same table as a frame."""
        return pd.DataFrame(self.rows, columns=[column.name for column in self.columns])


class Estimate(BaseModel):
    """A value with its 95 % interval and the number of observations behind it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    unit: str = ""


class Estimates(_Finding):
    """Named values with intervals."""

    kind: Literal["estimates"] = "estimates"
    values: dict[str, Estimate]


class Facts(_Finding):
    """A short list of named facts, in order."""

    kind: Literal["facts"] = "facts"
    facts: dict[str, Cell]


class Note(_Finding):
    """Sentences, such as what was found wrong and what was done about it. Plain text, never markup."""

    kind: Literal["note"] = "note"
    lines: list[str] = []
    tone: Literal["plain", "good", "look", "bad"] = "plain"


class Figure(_Finding):
    """A drawing: SVG for print, or a Plotly figure (its JSON, no script) where a reader wants to hover.

    `alt` says in words what the drawing shows, for those who cannot see it.
    """

    kind: Literal["figure"] = "figure"
    alt: str
    caption: str = ""
    svg: str | None = None
    plotly: dict[str, Any] | None = None


class Mark(BaseModel):
    """A part of a text, by its first character and the one after its last: what it is called, or what it weighs (-1 to 1)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: int
    end: int
    label: str = ""
    weight: float | None = None


class Passage(BaseModel):
    """A text with marks in it, that do not overlap and stand in order; `head` says what it is an example of."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    head: str
    text: str
    marks: list[Mark] = []


class Passages(_Finding):
    """Texts with marks in them: what spoke for and against, or what was found in them."""

    kind: Literal["passages"] = "passages"
    passages: list[Passage]
    note: str = ""


class Picture(BaseModel):
    """A small picture: what it is an example of, what it shows in words, and itself as a data URI of PNG or JPEG that we wrote."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    head: str
    alt: str
    uri: str = Field(pattern=r"^data:image/(png|jpeg);base64,[A-Za-z0-9+/]+=*$")


class Pictures(_Finding):
    """Small pictures, in rows of as many as there is room for."""

    kind: Literal["pictures"] = "pictures"
    pictures: list[Picture]
    note: str = ""


class AuditRow(BaseModel):
    """One anti-pattern, what was found, and where."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: str
    verdict: Literal["avoided", "look", "found"]
    evidence: str
    cell: str = ""  # "stage#finding"


class Audit(_Finding):
    """The anti-patterns, each with its evidence."""

    kind: Literal["audit"] = "audit"
    rows: list[AuditRow]


class RequirementRow(BaseModel):
    """A bound the user asked for, what came out, and the verdict."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    bound: str
    value: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    cell: str = ""


class Verdicts(_Finding):
    """All requirements of the request with their verdicts."""

    kind: Literal["verdicts"] = "verdicts"
    rows: list[RequirementRow]


Finding = Annotated[
    Table | Estimates | Facts | Note | Figure | Passages | Pictures | Audit | Verdicts,
    Field(discriminator="kind"),
]
_adapter: TypeAdapter[Finding] = TypeAdapter(Finding)


def read_finding(value: Mapping[str, Any]) -> Finding:
    """The finding that was saved as `value`."""
    return _adapter.validate_python(dict(value))


class NamedFinding(BaseModel):
    """A finding as a stage showed it: under a name that is also the anchor of its cell, and whether the report takes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    report: bool = False
    finding: Finding


def read_findings(value: Sequence[Mapping[str, Any]]) -> dict[str, NamedFinding]:
    """The content of a `findings.json` or `measured.json`: what was shown, by name, in the order it was shown."""
    shown = [NamedFinding.model_validate(item) for item in value]
    return {item.name: item for item in shown}

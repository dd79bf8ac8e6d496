"""What is asked: the request's schema, its tasks and metrics, bounds and sizes."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from glassbox.errors import RequestError
from glassbox.request_secrets import holds_literal_secret, malformed_reference
from glassbox.request_secrets import reveal as reveal

Op = Literal[">", ">=", "<", "<="]
Cost = Literal["low", "medium", "high"]
RequestType = Literal["model_development", "deployment", "optimization", "integration"]


@dataclass(frozen=True)
class Task:
    """One row of the table of tasks: the family that answers it, and the metrics a request may name.

    `metrics` maps a metric's name to whether more of it is better; `ranges` holds the lowest and highest value of the
    metrics that are not shares (0 to 1).
    """

    family: str
    metrics: dict[str, bool]
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)


# A new family is one row here, one folder in `families/` and one in `notebooks/`.
TASKS: dict[str, Task] = {
    "classification": Task(
        family="tabular",
        metrics={
            "roc_auc": True,
            "average_precision": True,
            "accuracy": True,
            "balanced_accuracy": True,
            "f1": True,
            "precision": True,
            "recall": True,
            "log_loss": False,
            "brier": False,
            "calibration_error": False,
        },
        ranges={"log_loss": (0.0, math.inf)},
    ),
}
# Named in the design and not answered yet: a request for one gets told so.
PLANNED = ("regression", "nlp", "computer_vision", "forecasting", "recommendation", "anomaly_detection", "retrieval")
# Measured on the running service, whatever the task; never decided by. In milliseconds; less is better.
MEASURED = {"latency": "ms"}
# Names whose folders or files stand beside those of requests, under `data/`, `reports/` and `notebooks/`.
RESERVED = frozenset(
    ["raw", "assets", "mlflow", "index", "catalog", "bench", "store", "scratch", "request", "requests", "con", "prn", "aux", "nul"]
    + ["tabular", "text", "vision", "forecasting", "recommendation", "anomaly", "retrieval"]
)
NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")

_PERCENT, _MS_A_SECOND = Decimal(100), Decimal(1000)
_BOUND = re.compile(r"(>=|<=|>|<|≥|≤)?\s*([+-]?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,2})?)\s*(%|ms|s)?")
_OPS: dict[str, Op] = {">": ">", ">=": ">=", "≥": ">=", "<": "<", "<=": "<=", "≤": "<="}
_SIZE = re.compile(r"(\d{1,3}(?:,\d{3})+|\d{1,15})(\.\d{1,15})?\s*([KMB])?(?:\s*(?:rows?|records?|lines?))?", re.IGNORECASE)
_TIMES = {"": 1, "K": 1_000, "M": 1_000_000, "B": 1_000_000_000}


class Bound(BaseModel):
    """A bound on a metric: `>95%` is `Bound(op=">", value=0.95)`; `<0.2s` is `Bound(op="<", value=200, unit="ms")`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    op: Op
    value: FiniteFloat
    unit: Literal["", "ms"] = ""
    text: str = ""  # as the user wrote it

    @model_validator(mode="before")
    @classmethod
    def _with_text(cls, given: Any) -> Any:
        if isinstance(given, str):
            try:
                return cls.parse(given).model_dump()
            except ValueError as error:
                raise PydanticCustomError("glassbox", "{expected}", {"expected": str(error)}) from error
        if isinstance(given, Mapping) and not given.get("text") and isinstance(given.get("value"), (int, float)):
            return {**given, "text": f"{given.get('op')}{_written(given['value'])}{given.get('unit', '')}"}
        return given

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a bound as a person writes it; percent become shares, seconds become milliseconds.

        Raises
        ------
        ValueError
            When `text` is no bound; the message says what was expected.

        Examples
        --------
        >>> bound = Bound.parse(">95%")
        >>> bound.op, bound.value, bound.unit
        ('>', 0.95, '')
        >>> Bound.parse("< 0.2s").value, Bound.parse("< 0.2s").unit
        (200.0, 'ms')
        """
        match = _BOUND.fullmatch(text.strip())
        if match is None:
            raise ValueError("expected a bound such as '>95%', '>=0.9' or '<100ms'")
        sign, digits, unit = match.groups()
        if sign is None:
            raise ValueError(f"expected a bound that begins with >, >=, < or <=, such as '>={text.strip()}'")
        value = Decimal(digits)
        value = value / _PERCENT if unit == "%" else value * _MS_A_SECOND if unit == "s" else value
        return cls(op=_OPS[sign], value=float(value), unit="ms" if unit in ("ms", "s") else "", text=text.strip())

    @property
    def upward(self) -> bool:
        """Whether more is asked for (`>`, `>=`) rather than less."""
        return self.op in (">", ">=")

    def holds(self, value: float) -> bool:
        """Whether `value`, in the bound's own unit, keeps the bound.

        >>> Bound.parse(">=90%").holds(0.9), Bound.parse(">90%").holds(0.9)
        (True, False)
        """
        match self.op:
            case ">":
                return value > self.value
            case ">=":
                return value >= self.value
            case "<":
                return value < self.value
            case "<=":
                return value <= self.value

    def verdict(
        self, value: float | None, low: float | None = None, high: float | None = None
    ) -> Literal["met", "not met", "not proven"]:
        """What an estimate with its interval says about the bound.

        Parameters
        ----------
        value, low, high
            The estimate and the ends of its interval, in the bound's unit. None and NaN mean unknown: without a value
            nothing is proven; an unknown end is taken to be the value.

        Returns
        -------
        str
            `met` when the whole interval keeps the bound, `not met` when none of it does, else `not proven`.

        Examples
        --------
        >>> bound = Bound.parse(">80%")
        >>> bound.verdict(0.84, 0.82, 0.86), bound.verdict(0.81, 0.79, 0.83), bound.verdict(0.75, 0.73, 0.77)
        ('met', 'not proven', 'not met')
        """
        if value is None or math.isnan(value):
            return "not proven"
        ends = [value if end is None or math.isnan(end) else end for end in (low, high)]
        kept = {self.holds(end) for end in ends}
        return "not proven" if len(kept) == 2 else "met" if kept == {True} else "not met"

    def __str__(self) -> str:
        return self.text


def _written(number: float) -> str:
    return repr(float(number)).removesuffix(".0")


def size_rows(text: str) -> int:
    """The number of rows that a promised size means.

    Raises
    ------
    ValueError
        When `text` is no such number; the message says what was expected.

    Examples
    --------
    >>> size_rows("7K rows"), size_rows("1.2M"), size_rows("7,043")
    (7000, 1200000, 7043)
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError("expected a number of rows such as '7K rows', '1.2M' or '7043'")
    whole, part, scale = match.groups()
    rows = round(Decimal(whole.replace(",", "") + (part or "")) * _TIMES[(scale or "").upper()])
    if rows < 1:
        raise ValueError("expected at least one row")
    return rows


def size_kept(promised: int, arrived: int) -> bool:
    """Whether as many rows arrived as were promised, give or take a factor of two.

    >>> size_kept(7000, 3500), size_kept(7000, 14001)
    (True, False)
    """
    return promised <= 2 * arrived and arrived <= 2 * promised


def _refuse(expected: str) -> PydanticCustomError:
    return PydanticCustomError("glassbox", "{expected}", {"expected": expected})


def _size(text: str) -> str:
    try:
        size_rows(text)
    except ValueError as error:
        raise _refuse(str(error)) from error
    return text


def _address(text: str) -> str:
    """Refuse what an address must never hold: a password, a step out of the folder, a sign that cannot be seen."""
    if holds_literal_secret(text):
        raise _refuse("expected no password that is written out; put ${env:NAME} in its place and set the variable NAME")
    if wrong := malformed_reference(text):
        raise _refuse(f"expected secrets to be written ${{env:NAME}}, not {wrong}")
    if not text.isprintable() or not text.strip():
        raise _refuse("expected an address without line breaks and invisible signs")
    if ".." in re.split(r"[/\\]", text):
        raise _refuse("expected a path without '..'; write it from the project's folder, or in full")
    if re.match(r"catalog:", text) and not NAME.fullmatch(text.partition(":")[2]):
        raise _refuse("expected an entry of data/catalog.yaml after 'catalog:', such as 'catalog:churn'")
    return text


def _column(text: str) -> str:
    if not text.strip():
        raise _refuse("expected the name of a column")
    return text


def _cutoff(text: str) -> str:
    try:
        float(text)
    except ValueError:
        try:
            datetime.fromisoformat(text)
        except ValueError as error:
            raise _refuse("expected a date such as '2024-06-30'") from error
    return text


ColumnName = Annotated[str, BeforeValidator(lambda given: _column(given) if isinstance(given, str) else given)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Data(_Part):
    """Where the data comes from and which of it is meant."""

    source: Literal["files", "database", "api"] = "files"
    """What kind of place the data comes from: files (needs path), database (url and table or query) or api (url)."""
    path: str | None = None
    """A file, a glob such as data/raw/*.csv, an fsspec URL, or an entry of data/catalog.yaml as catalog:NAME."""
    url: str | None = None
    """The address of the database or the service. Passwords and tokens are written ${env:NAME}."""
    table: str | None = None
    """The table of the database to read."""
    query: str | None = None
    """The SELECT to read from the database, in place of a table."""
    size: str | None = None
    """How many rows are promised, such as 7K rows or 1.2M; checked within a factor of two against what arrives."""
    id: ColumnName | None = None
    """The column that names a row. Left out: rows are known by a hash of their content without the target."""
    target: ColumnName | None = None
    """The column to predict."""
    positive: str | None = None
    """Of two classes the one that is looked for, as it is written in the data. Left out: the rarer one."""
    features: list[ColumnName] | None = None
    """The columns that the model may see. Left out: all but the id and the target."""
    allow: list[ColumnName] = []
    """Suspected leaks that you vouch for, by column name; other suspected leaks are left out of the model."""

    _checked_size = field_validator("size")(lambda text: None if text is None else _size(text))
    _checked_address = field_validator("path", "url")(lambda text: None if text is None else _address(text))


class Split(_Part):
    """How the holdout is set apart."""

    by: Literal["hash", "group", "time", "column"] = "hash"
    """What decides: a hash of the row, a group that stays together, time (needs cutoff), or a column that says train or holdout."""
    holdout: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """The share of the rows, or of the groups, that is sealed until evaluation."""
    column: ColumnName | None = None
    """The column of the group, of the time, or of the official part."""
    cutoff: str | None = None
    """With by: time, rows from this date on are the holdout, such as 2024-06-30."""

    _checked_cutoff = field_validator("cutoff")(lambda text: None if text is None else _cutoff(text))


class Request(_Part):
    """A request as resolved: every default written out. Attribute reads are what a stage's key is made of."""

    name: str
    """The request's name: lower case, digits, - and _; the same as its file's. Left out: the file's."""
    type: RequestType = "model_development"
    """How far to go: model_development runs every stage; deployment, optimization and integration run a part."""
    task: str
    """What kind of question is asked."""
    problem: str = ""
    """The question in a stakeholder's words; it opens the report."""
    data: Data
    """Where the data comes from and which of it is meant."""
    split: Split = Split()
    """How the holdout is set apart."""
    requirements: dict[str, Bound] = {}
    """What must hold on the holdout: a bound for each metric."""
    cost: Cost = "low"
    """How much is searched, counted in trials and never in seconds."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 42
    """Where every random choice starts: the same seed gives the same bytes."""
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    """Into how many parts train is cut for cross-validation."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1  # sums in another order are other bytes
    """Threads of one fit. Another number may give other last digits."""

    @field_validator("name")
    @classmethod
    def _checked_name(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise _refuse("expected a name that begins with a letter a-z, then up to 63 of a-z, 0-9, '-' and '_'")
        if name in RESERVED:
            raise _refuse("expected another name; this one is reserved")
        return name

    def resolved(self) -> dict[str, Any]:
        """The request as plain data, every default written out; `from_resolved` reads it back."""
        return self.model_dump(mode="json")

    @classmethod
    def from_resolved(cls, resolved: Mapping[str, Any]) -> Self:
        """The request that `resolved` wrote.

        Raises
        ------
        RequestError
            When it was not written by this version of Glassbox.
        """
        try:
            return cls.model_validate(resolved)
        except ValidationError as error:
            fields = sorted({".".join(map(str, problem["loc"])) for problem in error.errors()})
            raise RequestError(
                f"The resolved request does not fit this version of Glassbox (at {', '.join(fields)}); run the request again."
            ) from error

    def to_yaml(self) -> str:
        """The request as a file that `load_request` reads back as the same request."""
        written = self.model_dump(mode="json", exclude_none=True)
        written["requirements"] = {name: bound.text for name, bound in self.requirements.items()}
        return yaml.safe_dump(written, sort_keys=False, allow_unicode=True, width=math.inf)

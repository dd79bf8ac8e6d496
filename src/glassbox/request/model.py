"""What is asked: the request's schema, and the tasks and metrics that it may name."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from glassbox.errors import RequestError
from glassbox.request.bounds import Bound as Bound
from glassbox.request.bounds import size_kept as size_kept
from glassbox.request.bounds import size_rows as size_rows
from glassbox.request.secrets import holds_literal_secret, malformed_reference
from glassbox.request.secrets import reveal as reveal

Cost = Literal["low", "medium", "high"]
RequestType = Literal["model_development", "deployment", "optimization", "integration"]


@dataclass(frozen=True)
class Task:
    """One row of the table of tasks: the family that answers it, and the metrics a request may name.

    `metrics` maps a metric's name to whether more of it is better; `ranges` holds the lowest and highest value of the
    metrics that are not shares (0 to 1). `splits` are the ways in which its holdout can be set apart, the first of them
    unless the request says otherwise. `unit` names the columns that the family may make when it arranges what arrived: the
    series, then the time. `keys` are those of a request that only some tasks read, `needs` those of them
    that it cannot do without. `target` is what is predicted. `reads` is how files are read: tables; a file of plain text
    may be a case; a picture is a case. `answers` are rows of their own, by
    the request's `answer`, for what is asked otherwise of the same kind of data.
    """

    family: str
    metrics: dict[str, bool]
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    splits: tuple[str, ...] = ("hash", "group", "time", "column")
    keys: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    reads: Literal["tables", "documents", "pictures"] = "tables"
    target: Literal["classes", "number", "spans", "boxes"] = "classes"
    answers: "Mapping[str, Task]" = field(default_factory=dict)


CLASS_METRICS = {
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
}
# A new family is one row here, one folder in `families/` and one in `notebooks/`.
TASKS: dict[str, Task] = {
    "classification": Task(
        family="tabular",
        metrics=CLASS_METRICS,
        ranges={"log_loss": (0.0, math.inf)},
        keys=("data.positive", "data.allow", "data.id"),
    ),
    "forecasting": Task(
        family="forecasting",
        metrics={
            "mase": False,
            "rmsse": False,
            "smape": False,
            "pinball": False,
            "coverage": True,
            "mae": False,
            "rmse": False,
        },
        ranges={
            "smape": (0.0, 2.0),
            **{name: (0.0, math.inf) for name in ("mase", "rmsse", "pinball", "mae", "rmse")},
        },
        splits=("horizon",),
        unit=("series", "time"),
        keys=(
            "horizon",
            "data.time",
            "data.series",
            "data.frequency",
            "data.start",
            "data.aggregate",
            "data.known",
            "data.holidays",
            "data.most_series",
        ),
        needs=("horizon",),
        target="number",
    ),
    "nlp": Task(
        family="text",
        metrics=CLASS_METRICS,
        ranges={"log_loss": (0.0, math.inf)},
        keys=("answer", "data.positive", "data.id", "weights.encoder"),
        reads="documents",
        answers={
            "spans": Task(
                family="entities",
                metrics={"f1": True, "precision": True, "recall": True},
                keys=("answer", "data.id", "weights.encoder", "weights.pipeline"),
                reads="documents",
                target="spans",
            )
        },
    ),
    "computer_vision": Task(
        family="vision",
        metrics=CLASS_METRICS,
        ranges={"log_loss": (0.0, math.inf)},
        keys=("answer", "data.positive", "data.id", "weights.backbones"),
        reads="pictures",
        answers={
            "boxes": Task(
                family="detection",
                metrics={"map": True, "map_50": True, "map_75": True, "f1": True, "precision": True, "recall": True},
                keys=("answer", "data.id", "weights.backbones", "weights.detector"),
                reads="pictures",
                target="boxes",
            )
        },
    ),
}
# Named in the design and not answered yet: a request for one gets told so.
PLANNED = ("regression", "recommendation", "anomaly_detection", "retrieval")
# Of the values that a request may have, those that are acted on so far; others get told so.
BUILT = {("type",): ("model_development",), ("data", "source"): ("files",)}
# Measured on the running service, whatever the task; never decided by. In milliseconds; less is better.
MEASURED = {"latency": "ms"}
# Names whose folders or files stand beside those of requests, under `data/`, `reports/` and `notebooks/`.
# fmt: off
RESERVED = frozenset([
    "raw", "packages", "assets", "mlflow", "index", "catalog", "bench", "store", "scratch", "request", "requests", "con", "prn", "aux", "nul",
    "tabular", "text", "entities", "vision", "detection", "forecasting", "recommendation", "anomaly", "retrieval",
])
# fmt: on
NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_WORDS = r"[^\W_]+(?:[ -][^\W_]+)*"
NOUN = re.compile(rf"{_WORDS}(?:/{_WORDS})?")
LONGEST_NOUN = 40


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


def _noun(text: str) -> str:
    if len(text) > LONGEST_NOUN or not NOUN.fullmatch(text):
        raise _refuse(
            f"expected a singular noun of at most {LONGEST_NOUN} letters, digits, spaces and hyphens, such as 'customer'; "
            "write an irregular plural after a slash, as in 'person/people'"
        )
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


def _country(text: str) -> str:
    if not re.fullmatch("[A-Z]{2}", text):
        raise _refuse("expected a country as two letters, such as DE or US")
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
    row: str = "row"
    """The noun for a row in the report, in the singular, such as customer; with an irregular plural, person/people."""
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
    time: ColumnName | None = None
    """Forecasting: the column that says when. Left out: the table has a column for each moment, or for each step."""
    series: Annotated[list[ColumnName] | None, BeforeValidator(lambda given: [given] if isinstance(given, str) else given)] = None
    """Forecasting: the column, or columns, that say which series a row belongs to. Left out: there is one series."""
    frequency: Literal["minute", "hour", "day", "week", "month", "quarter", "year"] | None = None
    """Forecasting: how far two steps are apart. Left out: found in the data. Coarser than the data: its rows are put together."""
    start: str | None = None
    """Forecasting: the moment of the first step, for tables whose columns are numbered steps, such as 2011-01-29."""
    aggregate: Literal["sum", "mean"] = "mean"
    """Forecasting: what becomes of several rows in one step: the target's sum or mean. Covariates are averaged."""
    known: list[ColumnName] = []
    """Forecasting: columns whose values are known ahead, for all steps that are asked for; all others are known to the present."""
    holidays: str | None = None
    """Forecasting: the country whose public holidays matter, as two letters, such as DE or US."""
    most_series: Annotated[int, Field(ge=1)] | None = None
    """Forecasting: how many series are taken, chosen by a hash of their names. Left out: all."""

    _checked_holidays = field_validator("holidays")(lambda text: None if text is None else _country(text))
    _checked_start = field_validator("start")(lambda text: None if text is None else _cutoff(text))
    _checked_row = field_validator("row")(_noun)
    _checked_size = field_validator("size")(lambda text: None if text is None else _size(text))
    _checked_address = field_validator("path", "url")(lambda text: None if text is None else _address(text))


class Split(_Part):
    """How the holdout is set apart."""

    by: Literal["hash", "group", "time", "column", "horizon"] = "hash"
    """What decides: a hash of the row, a group that stays together, time with a cutoff, a column of official parts, or,
    for forecasting and nothing else, the last horizons of all series."""
    holdout: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """The share of the rows, or of the groups, that is sealed until evaluation."""
    column: ColumnName | None = None
    """The column of the group, of the time, or of the official part."""
    cutoff: str | None = None
    """With by: time, rows from this date on are the holdout, such as 2024-06-30."""

    origins: Annotated[int, Field(ge=1, le=100)] = 4
    """With by: horizon, how many horizons from the end are the holdout: it is forecast from so many origins."""

    @property
    def words(self) -> str:
        """What is held back, in words."""
        if self.by == "horizon":
            return "the last horizon" if self.origins == 1 else f"the last {self.origins} horizons"
        if self.by == "column":
            return f"the official part, by {self.column}"
        return f"{100 * self.holdout:.0f}\u00a0% of the rows, by {self.by}"

    _checked_cutoff = field_validator("cutoff")(lambda text: None if text is None else _cutoff(text))


class Weights(_Part):
    """Models that were trained elsewhere, as catalog:NAME, a folder, hub:NAME or, for backbones, torchvision:NAME."""

    encoder: str | None = None
    """Text: a sentence encoder in the format of Sentence Transformers. Left out: models of words and characters alone."""
    pipeline: str | None = None
    """Entities: a spaCy pipeline with an entity recogniser. Left out: recognisers start from nothing."""

    backbones: Annotated[list[str], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)] = []
    """Pictures: networks trained on other pictures, in torchvision's architectures. Left out: networks start from nothing."""
    detector: str | None = None
    """Objects in pictures: a detector as it comes, for the classes that it was trained on."""

    _checked_address = field_validator("encoder", "pipeline", "detector")(lambda text: None if text is None else _address(text))
    _checked_addresses = field_validator("backbones")(lambda texts: [_address(text) for text in texts])

    @property
    def named(self) -> dict[str, str]:
        """The addresses that are given, by what they are for."""
        alone = {role: address for role in ("encoder", "pipeline", "detector") if (address := getattr(self, role))}
        return alone | {f"backbone {place}": address for place, address in enumerate(self.backbones)}


def task_row(task: str, answer: str | None = None) -> Task | None:
    """The row of a task, and of what is asked in it; None when there is none."""
    row = TASKS.get(task)
    return row.answers.get(answer, row) if row is not None and answer is not None else row


def task_rows() -> list[Task]:
    """The rows of all tasks and of all that is asked in them."""
    return [row for task in TASKS.values() for row in (task, *task.answers.values())]


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
    answer: Literal["classes", "spans", "boxes"] = "classes"
    """Text and pictures: what is asked, the class of each (classes), the entities in a text (spans) or the objects in a picture (boxes)."""
    data: Data
    """Where the data comes from and which of it is meant."""
    weights: Weights = Weights()
    """Models that were trained elsewhere and are started from."""
    horizon: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Forecasting: how many steps ahead are forecast."""
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

    @model_validator(mode="before")
    @classmethod
    def _default_split(cls, given: Any) -> Any:
        """A split that does not say by what is the task's own."""
        task = TASKS.get(str(given.get("task"))) if isinstance(given, Mapping) else None
        split = given.get("split") if isinstance(given, Mapping) else None
        if task is None or not isinstance(split, Mapping | None) or (split or {}).get("by") is not None:
            return given
        return {**given, "split": {**(split or {}), "by": task.splits[0]}}

    @field_validator("name")
    @classmethod
    def _checked_name(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise _refuse("expected a name that begins with a letter a-z, then up to 63 of a-z, 0-9, '-' and '_'")
        if name in RESERVED:
            raise _refuse("expected another name; this one is reserved")
        return name

    @property
    def row(self) -> Task:
        """What this request's task, and what is asked in it, come with; of a task that is not known, nothing."""
        return task_row(self.task, self.answer) or Task(family=self.task, metrics={}, target="number")

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

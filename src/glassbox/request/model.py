"""The pydantic models of a request: its fields, their defaults and the checks of single values."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from glassbox.errors import RequestError
from glassbox.request.bounds import Bound, parse_size
from glassbox.request.secrets import holds_literal_secret, malformed_reference
from glassbox.request.tasks import TASKS, Task, task_row

Cost = Literal["low", "medium", "high"]
COSTS: tuple[Cost, ...] = ("low", "medium", "high")
RequestType = Literal["model_development", "deployment", "optimization", "integration"]

# Names that would collide with other folders and files in `data/`, `reports/` and `notebooks/`.
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


def _invalid(expected: str) -> PydanticCustomError:
    return PydanticCustomError("glassbox", "{expected}", {"expected": expected})


def _size(text: str) -> str:
    try:
        parse_size(text)
    except ValueError as error:
        raise _invalid(str(error)) from error
    return text


def _address(text: str) -> str:
    """Reject an address with a literal password, a `..` step or a non-printable character."""
    if holds_literal_secret(text):
        raise _invalid("expected no literal password; write ${env:NAME} instead and set the environment variable NAME")
    if wrong := malformed_reference(text):
        raise _invalid(f"expected secrets in the form ${{env:NAME}}, not {wrong}")
    if not text.isprintable() or not text.strip():
        raise _invalid("expected an address without line breaks and non-printable characters")
    if ".." in re.split(r"[/\\]", text):
        raise _invalid("expected a path without '..'; write it relative to the project folder, or as an absolute path")
    if re.match(r"catalog:", text) and not NAME.fullmatch(text.partition(":")[2]):
        raise _invalid("expected an entry of data/catalog.yaml after 'catalog:', such as 'catalog:churn'")
    return text


def _noun(text: str) -> str:
    if len(text) > LONGEST_NOUN or not NOUN.fullmatch(text):
        raise _invalid(
            f"expected a singular noun of at most {LONGEST_NOUN} letters, digits, spaces and hyphens, such as 'customer'; "
            "write an irregular plural after a slash, as in 'person/people'"
        )
    return text


def _column(text: str) -> str:
    if not text.strip():
        raise _invalid("expected the name of a column")
    return text


def _cutoff(text: str) -> str:
    try:
        float(text)
    except ValueError:
        try:
            datetime.fromisoformat(text)
        except ValueError as error:
            raise _invalid("expected a date such as '2024-06-30'") from error
    return text


def _country(text: str) -> str:
    if not re.fullmatch("[A-Z]{2}", text):
        raise _invalid("expected a two-letter country code, such as DE or US")
    return text


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


ColumnName = Annotated[str, BeforeValidator(lambda value: _column(value) if isinstance(value, str) else value)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Data(_Part):
    """The data source and the columns to use."""

    source: Literal["files", "database", "api"] = "files"
    """The type of the data source: files (requires path), database (url, and table or query) or api (url)."""
    path: str | None = None
    """A file, a glob such as data/raw/*.csv, an fsspec URL, or an entry of data/catalog.yaml as catalog:NAME."""
    url: str | None = None
    """The URL of the database or the service. Write passwords and tokens as ${env:NAME}."""
    table: str | None = None
    """The table of the database to read."""
    query: str | None = None
    """The SELECT statement to read from the database, instead of a table."""
    size: str | None = None
    """The expected number of rows, such as 7K rows or 1.2M; the actual number may differ by a factor of two."""
    row: str = "row"
    """The noun for a row in the report, in the singular, such as customer; with an irregular plural, person/people."""
    id: ColumnName | None = None
    """The column that identifies a row. Default: rows are identified by a hash of their content without the target."""
    target: ColumnName | None = None
    """The column to predict."""
    positive: str | None = None
    """The positive class of a binary target, as written in the data. Default: the rarer class."""
    features: list[ColumnName] | None = None
    """The columns that the model may use. Default: all columns except the id and the target."""
    missing: list[str] | None = None
    """The words that mean a missing value, in every column. Default: NA, null, None and the like in features; elsewhere only blanks."""
    decimal: Literal[".", ","] | None = None
    """The decimal mark of numbers. Default: inferred from the whole file."""
    dates: Literal["dayfirst", "monthfirst"] | None = None
    """The order of dates such as 01/02/2020. Default: inferred from the data."""
    rare_classes: Literal["drop", "merge", "keep"] = "drop"
    """Classes with too few rows for the folds and the holdout: drop their rows, merge them into the class other, or keep them and stop."""
    allow: list[ColumnName] = []
    """Columns to keep although they are suspected of target leakage; other suspected columns are excluded from the model."""
    time: ColumnName | None = None
    """Forecasting: the column of timestamps. Without it, the table is wide: one column for each timestamp or numbered step."""
    series: Annotated[list[ColumnName] | None, BeforeValidator(_as_list)] = None
    """Forecasting: the column, or columns, that identify the series of a row. Default: a single series."""
    frequency: Literal["minute", "hour", "day", "week", "month", "quarter", "year"] | None = None
    """Forecasting: the time between two steps. Default: inferred from the data. A coarser frequency than that of the data aggregates its rows."""
    start: str | None = None
    """Forecasting: the date of the first step, such as 2011-01-29, for numbered steps."""
    aggregate: Literal["sum", "mean"] = "mean"
    """Forecasting: the aggregation of the target over several rows in one step. Covariates are averaged."""
    known: list[ColumnName] = []
    """Forecasting: covariates whose future values are known for the whole horizon; of all others, only past values are known."""
    holidays: str | None = None
    """Forecasting: the country whose public holidays are used, as a two-letter code such as DE or US."""
    most_series: Annotated[int, Field(ge=1)] | None = None
    """Forecasting: the maximum number of series, sampled by a hash of their names. Default: all."""

    _checked_holidays = field_validator("holidays")(lambda text: None if text is None else _country(text))
    _checked_start = field_validator("start")(lambda text: None if text is None else _cutoff(text))
    _checked_row = field_validator("row")(_noun)
    _checked_size = field_validator("size")(lambda text: None if text is None else _size(text))
    _checked_address = field_validator("path", "url")(lambda text: None if text is None else _address(text))


class Split(_Part):
    """The split of the data into train and holdout."""

    by: Literal["hash", "group", "time", "column", "horizon"] = "hash"
    """The rule that assigns rows to the holdout: a hash of the row, a group that stays together, time with a cutoff, a column
    with an official split or, for forecasting only, the last horizons of all series."""
    holdout: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """The share of the rows, or of the groups, that is held out until evaluation."""
    column: ColumnName | None = None
    """The column that holds the group, the time, or the official split."""
    holdout_values: Annotated[list[str] | None, BeforeValidator(_as_list)] = None
    """With by: column, the values that mark the holdout. Default: words such as test and holdout, or else valid."""
    cutoff: str | None = None
    """With by: time, the first date of the holdout, such as 2024-06-30."""

    origins: Annotated[int, Field(ge=1, le=100)] = 4
    """With by: horizon, the number of forecast origins in the holdout, which is that many horizons long."""

    @property
    def words(self) -> str:
        """The description of the holdout for a sentence."""
        if self.by == "horizon":
            return "the last horizon" if self.origins == 1 else f"the last {self.origins} horizons"
        if self.by == "column":
            return f"the official split, by {self.column}"
        return f"{100 * self.holdout:.0f}\u00a0% of the rows, by {self.by}"

    _checked_cutoff = field_validator("cutoff")(lambda text: None if text is None else _cutoff(text))


class Weights(_Part):
    """Pretrained models, as catalog:NAME, a folder, hub:NAME or, for backbones, torchvision:NAME."""

    encoder: str | None = None
    """Text: a sentence encoder in the format of Sentence Transformers. Default: only word and character n-gram models."""
    pipeline: str | None = None
    """Entities: a spaCy pipeline with an entity recogniser. Default: recognisers are trained from scratch."""

    backbones: Annotated[list[str], BeforeValidator(_as_list)] = []
    """Images: pretrained backbones in torchvision's architectures. Default: networks are trained from scratch."""
    detector: str | None = None
    """Object detection: a pretrained detector, used without training for the classes that it knows."""

    _checked_address = field_validator("encoder", "pipeline", "detector")(lambda text: None if text is None else _address(text))
    _checked_addresses = field_validator("backbones")(lambda texts: [_address(text) for text in texts])

    @property
    def named(self) -> dict[str, str]:
        """The addresses of the request's pretrained models, by their role."""
        single = {role: address for role in ("encoder", "pipeline", "detector") if (address := getattr(self, role))}
        return single | {f"backbone {position}": address for position, address in enumerate(self.backbones)}


class Request(_Part):
    """A resolved request, with every default filled in. The fields that a stage reads are part of its store key."""

    name: str
    """The request's name: lower-case letters, digits, - and _; equal to the name of its file. Default: the name of the file."""
    type: RequestType = "model_development"
    """The type of the request: model_development runs every stage; deployment, optimization and integration run a part."""
    task: str
    """The type of the machine learning task."""
    problem: str = ""
    """The question in the stakeholder's words; the report begins with it."""
    answer: Literal["classes", "spans", "boxes"] = "classes"
    """Text and images: what to predict, the class of each (classes), the entities in a text (spans) or the objects in an image (boxes)."""
    data: Data
    """The data source and the columns to use."""
    weights: Weights = Weights()
    """Pretrained models to start from."""
    horizon: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Forecasting: the number of steps to forecast."""
    split: Split = Split()
    """The split of the data into train and holdout."""
    requirements: dict[str, Bound] = {}
    """The bounds that the metrics must meet on the holdout."""
    serve: Literal["refitted", "evaluated"] = "refitted"
    """The model to serve: the evaluated model fitted again on train and holdout (refitted), or the evaluated model itself."""
    cost: Cost = "low"
    """The search budget, counted in trials and never in seconds."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 42
    """The random seed: the same seed gives the same bytes."""
    folds: Annotated[int, Field(ge=2, le=20)] = 5
    """The number of cross-validation folds."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1  # floating-point sums depend on their order
    """The number of threads of one fit. Another number may change the last digits of results."""

    @model_validator(mode="before")
    @classmethod
    def _default_split(cls, values: Any) -> Any:
        """Fill in the task's default rule when the split names none."""
        task = TASKS.get(str(values.get("task"))) if isinstance(values, Mapping) else None
        split = values.get("split") if isinstance(values, Mapping) else None
        if task is None or not isinstance(split, Mapping | None) or (split or {}).get("by") is not None:
            return values
        return {**values, "split": {**(split or {}), "by": task.splits[0]}}

    @field_validator("name")
    @classmethod
    def _checked_name(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise _invalid("expected a name that begins with a letter a-z, followed by up to 63 of a-z, 0-9, '-' and '_'")
        if name in RESERVED:
            raise _invalid("expected another name; this one is reserved")
        return name

    @property
    def task_spec(self) -> Task:
        """The row of this request's task and answer in the table of tasks; for an unknown task, a row without metrics."""
        return task_row(self.task, self.answer) or Task(family=self.task, metrics=(), target="number")

    def resolved(self) -> dict[str, Any]:
        """Return the request as plain data with every default filled in; `from_resolved` reads it back."""
        return self.model_dump(mode="json")

    @classmethod
    def from_resolved(cls, resolved: Mapping[str, Any]) -> Self:
        """Read the request that `resolved` returned.

        Raises
        ------
        RequestError
            When another version of Glassbox wrote it.
        """
        try:
            return cls.model_validate(resolved)
        except ValidationError as error:
            fields = sorted({".".join(map(str, problem["loc"])) for problem in error.errors()})
            raise RequestError(
                f"The resolved request does not fit this version of Glassbox (at {', '.join(fields)}); run the request again."
            ) from error

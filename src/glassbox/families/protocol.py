"""The interface of a family: everything that the shared stages need to know of a task.

A family is one folder with a module `family` that holds `FAMILY`, an instance of a subclass of `Family`, and a module
`predictor` with a function `load`; `glassbox.request.tasks` names the folder. Methods import what they need when they are
called, because the key of a stage holds the code of every module that the stage loads.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol, TypeVar, cast

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError
from glassbox.families.predictor_protocol import Predictor, family_name, load_predictor
from glassbox.families.registry import ModelSpec
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import CandidateRun
from glassbox.findings.model import Estimate, Finding
from glassbox.runtime.resources import Resources

if TYPE_CHECKING:
    from glassbox.data.sources import RawData
    from glassbox.request.model import Cost, Request

D = TypeVar("D", bound="Dataset")
P = TypeVar("P")
Space = Mapping[str, Mapping[str, Any] | Sequence[Any]]


class Dataset(Protocol):
    """Train in canonical row order, with its folds."""

    @property
    def folds(self) -> Sequence[int]:
        """The numbers of the folds, or the origins of a backtest."""
        ...


class Scorer(Protocol[P]):
    """Evaluates out-of-fold predictions on one dataset by one metric."""

    @property
    def metric(self) -> str: ...

    @property
    def units(self) -> int:
        """The number of rows (windows, for forecasts) that are predicted."""
        ...

    @property
    def n(self) -> int:
        """The number of rows (steps, for forecasts) that the metric is computed on."""
        ...

    def assemble(self, folds: Sequence[Mapping[str, Any]]) -> P:
        """Put the predictions of all folds together; raises ValueError where they cannot be used."""
        ...

    def value(self, predictions: P) -> float:
        """The metric."""
        ...

    def estimates(self, predictions: P) -> dict[str, Estimate]:
        """Every metric of the leaderboard, with its interval."""
        ...

    def gain(self, better: P, worse: P) -> Estimate:
        """By how much the first is better than the second on the same rows; above zero is better, whatever the metric."""
        ...

    def to_frame(self, predictions: P) -> pd.DataFrame:
        """Out-of-fold predictions as they are saved."""
        ...

    def from_frame(self, frame: pd.DataFrame) -> P:
        """Read what `to_frame` wrote."""
        ...


@dataclass(frozen=True)
class Effort:
    """The effort of a level of `cost`: counted, never timed, so that a slower machine gives the same answer.

    Attributes
    ----------
    summary
        What is compared and how large the models are, in one sentence.
    trials
        Trials of the hyperparameter search, the default included.
    resamples
        Bootstrap resamples of an interval.
    sizes
        Sizes of models by name, such as the number of trees.
    """

    summary: str
    trials: int
    resamples: int
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class BatchMetric:
    """The metric that a model was selected by, for batches of rows whose labels have arrived."""

    name: str
    higher_is_better: bool
    score: Callable[[pd.Series, pd.DataFrame], float]  # of the labels and the predictions


@dataclass(frozen=True)
class Reference:
    """The data that monitoring compares later data with, one row per unit: a row, or a season of a series.

    Attributes
    ----------
    rows, schema
        The monitored fields, and their schema.
    predictions
        Out-of-fold predictions of the same rows, postprocessed as the served ones are.
    truth
        The labels.
    batch
        How many rows are evaluated together by default.
    unit
        What a row is, in the plural.
    """

    rows: pd.DataFrame
    schema: Schema
    predictions: pd.DataFrame
    truth: pd.Series
    batch: int = 500
    unit: str = "rows"


class Family(ABC, Generic[D, P]):
    """A family of models: datasets of type D, and out-of-fold predictions of type P.

    Attributes
    ----------
    unit
        What is predicted, in the plural: rows, texts, images, windows.
    leaderboard_metrics
        Metrics that the leaderboard shows beside the deciding one.
    leaderboard_note
        How the metrics are averaged, and what the intervals resample.
    baseline
        The name of the candidate that every model has to beat; None where there is none.
    rival
        What tuning has to beat: the simplest candidate that is tied with the leader, or the leader.
    tunes
        Which candidate is tuned: the most flexible of those tied with the leader, or the best that has hyperparameters.
    limits
        What a comparison of this family does not show, in sentences.
    """

    unit: ClassVar[str]
    leaderboard_metrics: ClassVar[tuple[str, ...]]
    leaderboard_note: ClassVar[str]
    baseline: ClassVar[str | None] = None
    rival: ClassVar[Literal["simplest", "leader"]] = "leader"
    tunes: ClassVar[Literal["most flexible", "best"]] = "most flexible"
    limits: ClassVar[tuple[str, ...]] = ()

    # --- ingest

    def prepare_rows(self, raw: "RawData", request: "Request") -> "tuple[RawData, dict[str, Finding]]":
        """Turn the data as read into one row per unit, with findings about how."""
        from glassbox.findings.model import Note

        say = "Each row is trained on and predicted by itself."
        return raw, {"unit": Note(title="Rows are independent", say=say, tone="good")}

    def near_duplicate_groups(self, cells: pd.DataFrame, request: "Request") -> Any:
        """Return a name for each row, shared by near-duplicates; None where only identical rows are duplicates."""
        return None

    # --- compare and tune

    @abstractmethod
    def effort(self, cost: "Cost") -> Effort:
        """Return the effort of a level of cost."""

    @abstractmethod
    def kinds(self) -> Mapping[str, ModelSpec[Any, Any]]:
        """Return the kinds of model."""

    @abstractmethod
    def primary_metric(self, requirements: Mapping[str, Any]) -> str:
        """Return the metric that candidates are compared by, given the requirements of a request."""

    @abstractmethod
    def dataset(
        self,
        train: pd.DataFrame,
        schema: Schema,
        recipe: Mapping[str, Any],
        folds: pd.DataFrame,
        request: "Request",
        resources: Resources,
    ) -> D:
        """Return train in the form that the models of this family take."""

    @abstractmethod
    def candidates(self, dataset: D, cost: "Cost") -> list[Candidate]:
        """Return the candidates by default."""

    @abstractmethod
    def search_space(self, dataset: D, candidate: Candidate, cost: "Cost") -> Space:
        """Return the hyperparameters of a candidate that are searched by default; empty where there are none."""

    @abstractmethod
    def scorer(self, dataset: D, metric: str, effort: Effort, seed: int) -> Scorer[P]:
        """Return the scorer of out-of-fold predictions of a dataset."""

    @abstractmethod
    def fit_fold(self, dataset: D, candidate: Candidate, fold: int, resources: Resources) -> dict[str, Any]:
        """Fit a candidate without one fold and predict that fold, cached."""

    def ensemble(self, dataset: D, runs: Sequence[CandidateRun[P]], scorer: Scorer[P]) -> CandidateRun[P] | None:
        """Return an ensemble of candidates that were run, as one more candidate; None where there is none."""
        return None

    # --- monitor

    @abstractmethod
    def batch_metric(self, predictor: Predictor, truth: pd.Series, request: "Request") -> BatchMetric:
        """Return the metric that a model was selected by, for later batches; `truth` is the target of train."""

    @abstractmethod
    def reference(self, predictor: Any, train: pd.DataFrame, oof: pd.DataFrame, resources: Resources) -> Reference:
        """Return the data that later data are compared with: train, and out-of-fold predictions for it."""


def load_family(name: str) -> Family[Any, Any]:
    """Return the family of a name.

    Raises
    ------
    GlassboxError
        When there is none.
    """
    module = f"glassbox.families.{name}.family"
    try:
        return cast("Family[Any, Any]", import_module(module).FAMILY)
    except ModuleNotFoundError as error:
        if error.name and module.startswith(error.name):
            raise GlassboxError(f"There is no family {name!r} in this Glassbox.") from error
        raise


def family_of(request: "Request") -> Family[Any, Any]:
    """Return the family that answers a request."""
    return load_family(request.task_spec.family)


def monitored(
    folder: Path, train: pd.DataFrame, oof: pd.DataFrame, request: "Request", resources: Resources
) -> tuple[Reference, BatchMetric]:
    """Return the reference and the metric by which the model saved in `folder` is monitored.

    Raises
    ------
    GlassboxError
        When the folder holds no predictor, or the out-of-fold predictions are of another run than train.
    """
    family, predictor = load_family(family_name(folder)), load_predictor(folder)
    reference = family.reference(predictor, train, oof, resources)
    return reference, family.batch_metric(predictor, reference.truth, request)

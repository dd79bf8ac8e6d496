"""The interface of a model family: everything that differs between tasks in the shared stages.

A family is one folder with a module `family` that holds `FAMILY`, an instance of a subclass of `Family`, and a module
`predictor` with a function `load`; `glassbox.request.tasks` names the folder. Methods import what they need when they are
called, because the key of a stage holds the code of every module that the stage loads.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar, cast

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
    """A training set in canonical row order, with its folds."""

    @property
    def folds(self) -> Sequence[int]:
        """The numbers of the folds, or the origins of a backtest."""
        ...


class Scorer(Protocol[P]):
    """Scorer of out-of-fold predictions on one dataset by one metric."""

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
        """Combine the predictions of all folds in row order; raise ValueError when they are incomplete or invalid."""
        ...

    def value(self, predictions: P) -> float:
        """Return the metric of the predictions."""
        ...

    def estimates(self, predictions: P) -> dict[str, Estimate]:
        """Return every metric of the leaderboard with its interval."""
        ...

    def gain(self, better: P, worse: P) -> Estimate:
        """Return the gain of the first predictions over the second on the same rows; positive means better for every metric."""
        ...

    def to_frame(self, predictions: P) -> pd.DataFrame:
        """Return out-of-fold predictions as a table that can be saved."""
        ...

    def from_frame(self, frame: pd.DataFrame) -> P:
        """Convert the table from `to_frame` back to predictions."""
        ...


@dataclass(frozen=True)
class Effort:
    """The effort of a `cost` level, in trials and sizes rather than seconds, so that results do not depend on the machine.

    Attributes
    ----------
    summary
        The candidates and the sizes of their models, in one sentence.
    trials
        Number of trials of the hyperparameter search, including the default.
    resamples
        Number of bootstrap resamples of an interval.
    sizes
        Sizes of models by name, such as the number of trees.
    """

    summary: str
    trials: int
    resamples: int
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class BatchMetric:
    """The metric of model selection, to score later batches whose labels have become known."""

    name: str
    higher_is_better: bool
    score: Callable[[pd.Series, pd.DataFrame], float]  # of the labels and the predictions


@dataclass(frozen=True)
class Reference:
    """Reference data for monitoring, one row per unit of analysis: a row, or a season of a series.

    Attributes
    ----------
    rows, schema
        The monitored fields, and their schema.
    predictions
        Out-of-fold predictions of the same rows, postprocessed like served predictions.
    truth
        The labels.
    batch
        The default batch size.
    unit
        The plural noun for rows.
    """

    rows: pd.DataFrame
    schema: Schema
    predictions: pd.DataFrame
    truth: pd.Series
    batch: int = 500
    unit: str = "rows"


class Family(ABC, Generic[D, P]):
    """Interface of a model family, with datasets of type D and out-of-fold predictions of type P.

    Attributes
    ----------
    unit
        The plural noun for units of prediction: rows, texts, images, windows.
    leaderboard_metrics
        Metrics that the leaderboard shows beside the primary metric.
    leaderboard_note
        A note on how metrics are averaged and which units intervals resample.
    limits
        Limitations of a comparison in this family, as sentences.
    """

    unit: ClassVar[str]
    leaderboard_metrics: ClassVar[tuple[str, ...]]
    leaderboard_note: ClassVar[str]
    limits: ClassVar[tuple[str, ...]] = ()

    # --- ingest

    def prepare_rows(self, raw: "RawData", request: "Request") -> "tuple[RawData, dict[str, Finding]]":
        """Convert raw data to one row per unit of analysis; return it with findings about the conversion."""
        from glassbox.findings.model import Note

        say = "Each row is a separate training example and is predicted independently."
        return raw, {"unit": Note(title="Rows are independent", say=say, tone="good")}

    def near_duplicate_groups(self, cells: pd.DataFrame, request: "Request") -> Any:
        """Return the group of near-duplicates of each row; None if only identical rows count as duplicates."""
        return None

    # --- compare and tune

    @abstractmethod
    def effort(self, cost: "Cost") -> Effort:
        """Return the effort of a cost level."""

    @abstractmethod
    def kinds(self) -> Mapping[str, ModelSpec[Any, Any]]:
        """Return the specification of each kind of model by name."""

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
        """Return the training set in the form that the models of this family take."""

    @abstractmethod
    def candidates(self, dataset: D, cost: "Cost") -> list[Candidate]:
        """Return the default candidates."""

    @abstractmethod
    def search_space(self, dataset: D, candidate: Candidate, cost: "Cost") -> Space:
        """Return the default search space of a candidate; empty if it has no hyperparameters to search."""

    @abstractmethod
    def scorer(self, dataset: D, metric: str, effort: Effort, seed: int) -> Scorer[P]:
        """Return a scorer of out-of-fold predictions on a dataset."""

    @abstractmethod
    def fit_fold(self, dataset: D, candidate: Candidate, fold: int, resources: Resources) -> dict[str, Any]:
        """Fit a candidate on all folds but one and predict that fold; the result is cached."""

    def ensemble(self, dataset: D, runs: Sequence[CandidateRun[P]], scorer: Scorer[P]) -> CandidateRun[P] | None:
        """Return an ensemble of the compared candidates as a further candidate; None if the family has none."""
        return None

    def ensembles(self, dataset: D, runs: Sequence[CandidateRun[P]], scorer: Scorer[P]) -> list[CandidateRun[P]]:
        """Return all ensembles of the compared candidates; by default, the one of `ensemble`."""
        ensemble = self.ensemble(dataset, runs, scorer)
        return [] if ensemble is None else [ensemble]

    def baseline(self, runs: Sequence[CandidateRun[P]], scorer: Scorer[P]) -> str | None:
        """Return the name of the candidate that every model has to beat; None if the family has none."""
        return None

    # --- monitor

    @abstractmethod
    def batch_metric(self, predictor: Predictor, truth: pd.Series, request: "Request") -> BatchMetric:
        """Return the metric of model selection for later batches; `truth` is the target of the training set."""

    @abstractmethod
    def reference(self, predictor: Any, train: pd.DataFrame, oof: pd.DataFrame, resources: Resources) -> Reference:
        """Return the reference data for monitoring: the training set and its out-of-fold predictions."""


def load_family(name: str) -> Family[Any, Any]:
    """Return the family with this name.

    Raises
    ------
    GlassboxError
        When no family has this name.
    """
    module = f"glassbox.families.{name}.family"
    try:
        return cast("Family[Any, Any]", import_module(module).FAMILY)
    except ModuleNotFoundError as error:
        if error.name and module.startswith(error.name):
            raise GlassboxError(f"There is no family {name!r} in this Glassbox.") from error
        raise


def family_of(request: "Request") -> Family[Any, Any]:
    """Return the family of a request's task."""
    return load_family(request.task_spec.family)


def monitored(
    folder: Path, train: pd.DataFrame, oof: pd.DataFrame, request: "Request", resources: Resources
) -> tuple[Reference, BatchMetric]:
    """Return the reference and the metric by which the model saved in `folder` is monitored.

    Raises
    ------
    GlassboxError
        When the folder holds no predictor, or the out-of-fold predictions and train are from different runs.
    """
    family, predictor = load_family(family_name(folder)), load_predictor(folder)
    reference = family.reference(predictor, train, oof, resources)
    return reference, family.batch_metric(predictor, reference.truth, request)

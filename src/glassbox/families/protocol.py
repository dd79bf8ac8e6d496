"""What every family offers to deploy, monitor and conclude: a predictor that can be saved, loaded and asked, and its score."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, cast, runtime_checkable

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError
from glassbox.files import read_json

if TYPE_CHECKING:
    from glassbox.data.sources import Arrange
    from glassbox.request.model import Request

DESCRIPTION = "predictor.json"
Score = Callable[[pd.Series, pd.DataFrame], float]


@dataclass(frozen=True)
class Scorer:
    """A metric by name, with its direction, and how it is computed from truth and predictions."""

    metric: str
    higher_is_better: bool
    of: Score


@dataclass(frozen=True)
class Reference:
    """What monitoring compares later data with, a row a unit: a case, or a season of a series.

    Attributes
    ----------
    rows, schema
        The fields that are watched, and what they are.
    predictions
        Made out of fold for the same rows, finished as the served ones are.
    truth
        What was to be predicted.
    batch
        How many rows are judged together when nobody says otherwise.
    unit
        What a row is, in the plural.
    """

    rows: pd.DataFrame
    schema: Schema
    predictions: pd.DataFrame
    truth: pd.Series
    batch: int = 500
    unit: str = "rows"


@runtime_checkable
class Predictor(Protocol):
    """A fitted model with all that stands between a row and its prediction."""

    schema: Schema

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Predictions for a conformed frame, in its row order.

        For classification ``y_pred`` and one ``proba_<class>`` a class; for forecasting the step, ``y_pred`` and quantiles.
        """
        ...

    @property
    def served(self) -> Schema:
        """The schema at the door of a service: what a row that is sent looks like."""
        ...

    @property
    def refit_note(self) -> str:
        """How the model was brought up to date since it was evaluated, in words; empty when it was not."""
        ...

    def expand_query(self, question: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """The rows that a question in short form stands for; None when it is a row.

        Raises
        ------
        ValueError
            When it is a question in short form and cannot be read, with what was found and expected.
        """
        ...

    @property
    def fields(self) -> list[str]:
        """The columns of the data that the model looks at: the others need not be sent."""
        ...

    def postprocess(self, raw: pd.DataFrame) -> pd.DataFrame:
        """What would be answered for raw out-of-fold predictions: calibrated and labelled as `predict` does."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model into `folder`: the same model gives the same bytes; never pickle."""
        ...


def arrange_of(request: "Request") -> "Arrange":
    """How the family that answers a request brings what arrived into a row for each unit that it learns from, and says what it found."""
    return cast("Arrange", import_module(f"glassbox.families.{request.row.family}.prepare_rows").arrange)


def looks_of(cells: pd.DataFrame, request: "Request") -> Any:
    """A name for each row, the same where rows look alike to a model, where the family has its own way to tell; else None."""
    module = import_module(f"glassbox.families.{request.row.family}.prepare_rows")
    return module.looks(cells, request) if hasattr(module, "looks") else None


def served_schema(schema: Schema, fields: Sequence[str]) -> Schema:
    """A schema in which columns that a model does not look at are set aside."""
    unused = [field.name for field in schema.features if field.name not in fields]
    return schema.model_copy(update={"aside": [*schema.aside, *unused]})


def read_description(folder: Path, version: int) -> dict[str, Any]:
    """What a family wrote of the predictor in `folder`, beside the model itself.

    Raises
    ------
    GlassboxError
        When it was written in another format than `version`.
    """
    told: dict[str, Any] = read_json(folder / DESCRIPTION)
    if told.get("format") != version:
        raise GlassboxError(f"{folder / DESCRIPTION}: format is {told.get('format')!r}; this Glassbox reads {version}.")
    return told


def load_predictor(folder: Path) -> Predictor:
    """The predictor that was saved in `folder`.

    Raises
    ------
    GlassboxError
        When the folder holds no predictor, or one of a family that is not known here.
    """
    return cast(Predictor, _module(folder, "predictor").load(folder))


def scorer_of(folder: Path, truth: pd.Series, request: "Request") -> Scorer:
    """The metric that the predictor saved in `folder` was chosen by, for batches of rows whose labels have arrived.

    Parameters
    ----------
    truth
        The target of the training data.
    request
        Its requirements name the metric.

    Raises
    ------
    GlassboxError
        When the folder holds no predictor, or one of a family that is not known here.
    """
    schema = load_predictor(folder).schema
    return cast(Scorer, _module(folder, "scoring").scorer(schema, truth, request.requirements, request.data.positive))


def watched(folder: Path, train: pd.DataFrame, oof: pd.DataFrame, kept: Path | None = None) -> Reference:
    """What later data are compared with: train, and predictions for it by models that had not seen it.

    `kept` is the folder of what is costly to compute and kept by its content (`Stage.kept`).

    Raises
    ------
    GlassboxError
        When the folder holds no predictor, or the predictions are of another run than train.
    """
    return cast(Reference, _module(folder, "scoring").watched(load_predictor(folder), train, oof, kept))


def _module(folder: Path, name: str) -> ModuleType:
    """A module of the family that saved the predictor in `folder`."""
    path = folder / DESCRIPTION
    if not path.is_file():
        raise GlassboxError(f"{folder}: no {DESCRIPTION} here; expected the folder of a saved model.")
    family = str(read_json(path).get("family"))
    if not family.isidentifier():
        raise GlassboxError(f"{path}: family is {family!r}; expected the name of a family, such as 'tabular'.")
    full = f"glassbox.families.{family}.{name}"
    try:
        return import_module(full)
    except ModuleNotFoundError as error:
        if error.name and full.startswith(error.name):
            raise GlassboxError(f"{path}: no family {family!r} here; was the model saved by a newer Glassbox?") from error
        raise

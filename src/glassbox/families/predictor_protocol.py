"""The interface of a predictor: a fitted model with its preprocessing, used by `deploy`, `monitor` and the service.

This module imports no training code: a served package holds the code of this module and of its family's `predictor`.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError
from glassbox.files import read_json

DESCRIPTION = "predictor.json"


@runtime_checkable
class Predictor(Protocol):
    """A fitted model with every step from an input row to its prediction."""

    @property
    def schema(self) -> Schema:
        """The schema of the training set, with the classes in the order of the probability columns."""
        ...

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Predict the rows of a conformed frame, in their order.

        For classification ``y_pred`` and one ``proba_<class>`` per class; for forecasting the step, ``y_pred`` and quantiles.
        """
        ...

    @property
    def input_schema(self) -> Schema:
        """The schema of a row that is sent to the service."""
        ...

    @property
    def refit_note(self) -> str:
        """A sentence on the refit after evaluation; empty if the evaluated model is served."""
        ...

    def expand_query(self, question: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Expand a query in short form to rows; return None if the query is a row.

        Raises
        ------
        ValueError
            When the short query is invalid; the message states what was found and what was expected.
        """
        ...

    @property
    def fields(self) -> list[str]:
        """The columns that the model uses; a request may omit all others."""
        ...

    def postprocess(self, raw: pd.DataFrame) -> pd.DataFrame:
        """Convert raw out-of-fold predictions to the format of `predict`, with calibration and labels."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model into `folder`; the same model gives the same bytes, and nothing is pickled."""
        ...


def restrict_schema(schema: Schema, fields: Sequence[str]) -> Schema:
    """Return a schema without the columns that a model does not use."""
    unused = [field.name for field in schema.features if field.name not in fields]
    return schema.model_copy(update={"excluded": [*schema.excluded, *unused]})


def read_description(folder: Path, version: int) -> dict[str, Any]:
    """Read the description that a family saved beside its model.

    Raises
    ------
    GlassboxError
        When its format is not `version`.
    """
    description: dict[str, Any] = read_json(folder / DESCRIPTION)
    if description.get("format") != version:
        raise GlassboxError(f"{folder / DESCRIPTION}: format is {description.get('format')!r}; this Glassbox reads {version}.")
    return description


def family_name(folder: Path) -> str:
    """Return the name of the family that saved the predictor in `folder`.

    Raises
    ------
    GlassboxError
        When the folder holds no predictor, or does not name a family.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise GlassboxError(f"{folder}: no {DESCRIPTION} here; expected the folder of a saved model.")
    name = str(read_json(path).get("family"))
    if not name.isidentifier():
        raise GlassboxError(f"{path}: family is {name!r}; expected the name of a family, such as 'tabular'.")
    return name


def load_predictor(folder: Path) -> Predictor:
    """Load the predictor that was saved in `folder`.

    Raises
    ------
    GlassboxError
        When the folder holds no predictor, or one of an unknown family.
    """
    name = family_name(folder)
    module = f"glassbox.families.{name}.predictor"
    try:
        return cast(Predictor, import_module(module).load(folder))
    except ModuleNotFoundError as error:
        if error.name and module.startswith(error.name):
            raise GlassboxError(
                f"{folder / DESCRIPTION}: no family {name!r} here; was the model saved by a newer Glassbox?"
            ) from error
        raise

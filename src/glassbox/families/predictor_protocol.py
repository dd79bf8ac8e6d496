"""The interface of a fitted model in service: a predictor that is saved, loaded and called by `deploy`, `monitor` and the service.

Nothing of training is imported here: a served package holds the code of this module and of its family's `predictor`.
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
    """A fitted model with every step between a row and its prediction."""

    @property
    def schema(self) -> Schema:
        """The schema of train, with the classes in the order of the probabilities."""
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
        """A sentence about how the model was refitted after it was evaluated; empty when it was not."""
        ...

    def expand_query(self, question: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Return the rows that a short query stands for; None when it is a row already.

        Raises
        ------
        ValueError
            When it is a short query that cannot be read, with what was found and expected.
        """
        ...

    @property
    def fields(self) -> list[str]:
        """The columns that the model uses; others need not be sent."""
        ...

    def postprocess(self, raw: pd.DataFrame) -> pd.DataFrame:
        """Turn raw out-of-fold predictions into what `predict` returns: calibrated and labelled."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model into `folder`; the same model gives the same bytes, and nothing is pickled."""
        ...


def restrict_schema(schema: Schema, fields: Sequence[str]) -> Schema:
    """Return a schema in which the columns that a model does not use are left out."""
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

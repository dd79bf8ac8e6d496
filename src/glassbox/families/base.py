"""What every family offers to deploy, monitor and conclude: a predictor that can be saved, loaded and asked."""

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError
from glassbox.files import read_json

DESCRIPTION = "predictor.json"


@runtime_checkable
class Predictor(Protocol):
    """A fitted model with all that stands between a row and its prediction."""

    schema: Schema

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Predictions for a conformed frame, in its row order.

        For classification: ``y_pred`` and one ``proba_<class>`` a class.
        """
        ...

    @property
    def fields(self) -> list[str]:
        """The columns of the data that the model looks at: the others need not be sent."""
        ...

    def finish(self, raw: pd.DataFrame) -> pd.DataFrame:
        """What would be answered for raw out-of-fold predictions: calibrated and labelled as `predict` does."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model into `folder`: the same model gives the same bytes; never pickle."""
        ...


def served_schema(predictor: Predictor) -> Schema:
    """The schema at the door of a service: columns that the model does not look at are set aside."""
    unused = [field.name for field in predictor.schema.features if field.name not in predictor.fields]
    return predictor.schema.model_copy(update={"aside": [*predictor.schema.aside, *unused]})


def load_predictor(folder: Path) -> Predictor:
    """The predictor that was saved in `folder`.

    Raises
    ------
    GlassboxError
        When the folder holds no predictor, or one of a family that is not known here.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise GlassboxError(f"{folder}: no {DESCRIPTION} here; expected the folder of a saved model.")
    family = str(read_json(path).get("family"))
    name = f"glassbox.families.{family}.predictor"
    if not family.isidentifier():
        raise GlassboxError(f"{path}: family is {family!r}; expected the name of a family, such as 'tabular'.")
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name and name.startswith(error.name):
            raise GlassboxError(f"{path}: no family {family!r} here; was the model saved by a newer Glassbox?") from error
        raise
    return cast(Predictor, module.load(folder))

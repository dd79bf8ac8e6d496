"""The pyfunc flavour of a registered model, loaded from the logged code and files without pickle and without mlflow."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from glassbox.data.schema import conform
from glassbox.errors import DataError
from glassbox.families.predictor_protocol import Predictor, load_predictor


class TrackedModel:
    """Adapter of a predictor to MLflow's pyfunc interface; rows are validated against the schema."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def predict(self, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Predict rows, in their order.

        Raises
        ------
        DataError
            A field is missing or unknown, or a value does not match the schema.
        """
        conformed = conform(model_input, self.predictor.schema)
        if conformed.problems:
            raise DataError([f"row {p.row}: {p.field} is {p.found}; expected {p.expected}." for p in conformed.problems])
        return self.predictor.predict(conformed.frame)


def _load_pyfunc(path: str) -> TrackedModel:
    """Load the model; `mlflow.pyfunc.load_model` calls this function with the folder of the logged model."""
    return TrackedModel(load_predictor(Path(path)))

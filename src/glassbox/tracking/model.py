"""A registered model as MLflow loads it, from the code and the files that were logged with it: no pickle, no mlflow."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from glassbox.data.schema import conform
from glassbox.errors import DataError
from glassbox.families.predictor_protocol import Predictor, load_predictor


class TrackedModel:
    """A predictor behind MLflow's interface: rows come in by the schema's door, as everywhere else."""

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor

    def predict(self, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Predictions for rows as they come, in their order.

        Raises
        ------
        DataError
            A field is missing, not known, or holds what does not fit the schema.
        """
        conformed = conform(model_input, self.predictor.schema)
        if conformed.problems:
            raise DataError([f"row {p.row}: {p.field} is {p.found}; expected {p.expected}." for p in conformed.problems])
        return self.predictor.predict(conformed.frame)


def _load_pyfunc(path: str) -> TrackedModel:
    """What `mlflow.pyfunc.load_model` calls with the folder of the logged model."""
    return TrackedModel(load_predictor(Path(path)))

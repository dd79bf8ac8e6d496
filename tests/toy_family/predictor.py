"""The model of the toy family, and how it is saved and loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.predictor_protocol import DESCRIPTION, read_description, restrict_schema
from glassbox.files import write_json

Floats = npt.NDArray[np.float64]
FORMAT = 1


def features_of(frame: pd.DataFrame, columns: Sequence[str]) -> Floats:
    """Return the features, missing values as 0."""
    return frame[list(columns)].to_numpy(dtype=np.float64, na_value=0.0)


@dataclass(frozen=True)
class Line:
    """A constant and a weight per feature."""

    constant: float
    weights: list[float]

    @classmethod
    def fit(cls, kind: str, params: Mapping[str, Any], x: Floats, y: Floats) -> "Line":
        """Fit the median, or ridge regression."""
        if kind == "median":
            return cls(float(np.median(y)), [0.0] * x.shape[1])
        centre = x.mean(axis=0)
        inside = (x - centre).T @ (x - centre) + params["ridge"] * np.eye(x.shape[1])
        weights = np.linalg.solve(inside, (x - centre).T @ (y - y.mean()))
        return cls(float(y.mean() - centre @ weights), weights.tolist())

    def predict(self, x: Floats) -> Floats:
        """Return one number per row."""
        return np.asarray(self.constant + (x * np.array(self.weights)).sum(axis=1))


@dataclass(frozen=True)
class ToyPredictor:
    """A line with the columns that it reads."""

    schema: Schema
    columns: list[str]
    line: Line
    refit_note: str = ""

    @property
    def fields(self) -> list[str]:
        """The columns that the model uses."""
        return self.columns

    @property
    def input_schema(self) -> Schema:
        """The schema of a row that is sent to the service."""
        return restrict_schema(self.schema, self.columns)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return ``y_pred``."""
        return pd.DataFrame({"y_pred": self.line.predict(features_of(frame, self.columns))}, index=frame.index)

    def expand_query(self, question: Mapping[str, Any]) -> None:
        """Return None: there is no short query."""

    def postprocess(self, raw: pd.DataFrame) -> pd.DataFrame:
        """Return out-of-fold predictions unchanged."""
        return raw[["y_pred"]]

    def save(self, folder: Path) -> None:
        """Write the model as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        line = {"constant": self.line.constant, "weights": self.line.weights}
        description = {"family": "toy", "format": FORMAT, "columns": self.columns, "line": line, "schema": self.schema}
        write_json(folder / DESCRIPTION, description)


def load(folder: Path) -> ToyPredictor:
    """Read what `save` wrote."""
    saved = read_description(folder, FORMAT)
    line = Line(saved["line"]["constant"], saved["line"]["weights"])
    return ToyPredictor(Schema.model_validate(saved["schema"]), saved["columns"], line)

"""Mixin that converts class probabilities to predictions."""

from typing import Any

import numpy as np
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.classification.calibration.apply import Calibration, Floats, label


class ClassificationMixin:
    """Mixin of classification predictors: labels and one probability per class.

    Attributes
    ----------
    schema
        Its `classes` are the probability columns, in order.
    calibration, threshold
        Calibration of the probabilities, and the decision threshold; None predicts the most probable class.
    positive
        The positive class.
    refit_note
        Describes the refit since the evaluation; empty if the evaluated model is served.
    """

    schema: Schema
    calibration: Calibration
    threshold: float | None
    positive: str
    refit_note: str

    @property
    def classes(self) -> list[str]:
        return list(self.schema.classes or [])

    @property
    def positive_at(self) -> int:
        """Position of the positive class in `classes`."""
        return self.classes.index(self.positive)

    def postprocess(self, raw: pd.DataFrame) -> pd.DataFrame:
        """Return calibrated probabilities and labels for raw out-of-fold probabilities."""
        proba = raw[[f"proba_{name}" for name in self.classes]].to_numpy(dtype=np.float64)
        return self.answers(self.calibration.apply(proba), raw.index)

    def answers(self, proba: Floats, index: pd.Index) -> pd.DataFrame:
        """Return ``y_pred`` and one ``proba_<class>`` column per class from calibrated probabilities."""
        labels = label(proba, self.positive_at, self.threshold)
        columns: dict[str, Any] = {"y_pred": np.array(self.classes, dtype=object)[labels]}
        columns.update({f"proba_{name}": proba[:, k] for k, name in enumerate(self.classes)})
        return pd.DataFrame(columns, index=index)

"""What predictors of every family answer where the answer is a class: a label and a probability a class."""

from typing import Any

import numpy as np
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.classification.calibration.apply import Calibration, Floats, label


class ClassAnswers:
    """Probabilities as an answer, for a predictor with these attributes.

    Attributes
    ----------
    schema
        Its `classes` are the columns of probabilities, in order.
    calibration, threshold
        How probabilities are bent, and from which on a row is called positive; None: the most probable class.
    positive
        The class that is looked for.
    """

    schema: Schema
    calibration: Calibration
    threshold: float | None
    positive: str

    @property
    def classes(self) -> list[str]:
        return list(self.schema.classes or [])

    @property
    def positive_at(self) -> int:
        """The number of the positive class among `classes`."""
        return self.classes.index(self.positive)

    @property
    def refit_note(self) -> str:
        """Nothing: the model that was evaluated is served as it is."""
        return ""

    def postprocess(self, raw: pd.DataFrame) -> pd.DataFrame:
        """What is answered for out-of-fold probabilities: those, calibrated, and the labels that follow."""
        proba = raw[[f"proba_{name}" for name in self.classes]].to_numpy(dtype=np.float64)
        return self.answers(self.calibration.apply(proba), raw.index)

    def answers(self, proba: Floats, index: pd.Index) -> pd.DataFrame:
        """``y_pred`` and one ``proba_<class>`` a class, of calibrated probabilities."""
        labels = label(proba, self.positive_at, self.threshold)
        found: dict[str, Any] = {"y_pred": np.array(self.classes, dtype=object)[labels]}
        found.update({f"proba_{name}": proba[:, k] for k, name in enumerate(self.classes)})
        return pd.DataFrame(found, index=index)

"""Scoring of out-of-fold class probabilities: the mean of a metric over folds, and paired gains on the same rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.classification.dataset import LabelledRows
from glassbox.families.classification.metrics import NAMES, Floats, Sample, over_folds, paired_gain, score
from glassbox.findings.model import Estimate

OVER_ROWS = "Means over folds; intervals are 95 % bootstrap over rows within folds. Label metrics use a threshold of 0.5."


@dataclass(frozen=True)
class ProbabilityScorer:
    """Scorer of class probabilities, (rows, classes); implements `glassbox.families.protocol.Scorer`.

    Label metrics use a threshold of 0.5, or the most probable of several classes.
    """

    data: LabelledRows
    metric: str
    resamples: int
    seed: int

    @property
    def units(self) -> int:
        return len(self.data.y)

    @property
    def n(self) -> int:
        return len(self.data.y)

    def assemble(self, folds: Sequence[Mapping[str, Any]]) -> Floats:
        proba = np.empty((len(self.data.y), len(self.data.classes)))
        for fold, result in zip(self.data.folds, folds, strict=True):
            proba[self.data.fold == fold] = result["proba"]
        if missing := int((~np.isfinite(proba)).any(axis=1).sum()):
            raise ValueError(f"{missing} rows have no probability")
        return proba

    def samples(self, proba: Floats) -> list[Sample]:
        """Truth and predictions of each fold."""
        return [Sample.of(y, fold, positive=self.data.positive) for y, fold in self._by_fold(proba)]

    def value(self, proba: Floats) -> float:
        return float(np.mean([score(sample, [self.metric])[self.metric] for sample in self.samples(proba)]))

    def estimates(self, proba: Floats) -> dict[str, Estimate]:
        return over_folds(self.samples(proba), NAMES, resamples=self.resamples, seed=self.seed)

    def gain(self, better: Floats, worse: Floats) -> Estimate:
        return paired_gain(
            self._by_fold(better),
            self._by_fold(worse),
            self.metric,
            positive=self.data.positive,
            resamples=self.resamples,
            seed=self.seed,
        )

    def to_frame(self, proba: Floats) -> pd.DataFrame:
        """Return ``row_id`` and one ``proba_<class>`` per class."""
        frame = pd.DataFrame(proba, columns=self._columns)
        frame.insert(0, "row_id", self.data.row_ids)
        return frame

    def from_frame(self, frame: pd.DataFrame) -> Floats:
        return frame.set_index("row_id").loc[self.data.row_ids, self._columns].to_numpy(dtype=np.float64)

    @property
    def _columns(self) -> list[str]:
        return [f"proba_{name}" for name in self.data.classes]

    def _by_fold(self, proba: Floats) -> list[tuple[np.ndarray, Floats]]:
        return [(self.data.y[self.data.fold == fold], proba[self.data.fold == fold]) for fold in self.data.folds]

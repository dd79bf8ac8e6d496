"""A toy family for tests: predicts a number by the median of train, or by a straight line in each feature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from glassbox.families.toy.predictor import Line, features_of

from glassbox.data.schema import Schema
from glassbox.families.predictor_protocol import Predictor
from glassbox.families.protocol import BatchMetric, Effort, Family, Reference, Space
from glassbox.families.registry import ModelSpec
from glassbox.families.shared.bootstrap import percentile_interval, resample_weights
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import CandidateRun, align_folds, cache_key, fit_and_predict_cached
from glassbox.files import hash_value
from glassbox.findings.model import Estimate
from glassbox.runtime.resources import Resources

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Kind:
    """The attributes of a kind of model that the leaderboard reads."""

    complexity: int
    learns: bool = True
    searched: bool = False


@dataclass(frozen=True)
class ToyDataset:
    """The training data in canonical row order, with its folds."""

    x: Floats
    y: Floats
    fold: npt.NDArray[np.int64]
    row_ids: list[str]

    @property
    def folds(self) -> range:
        """The numbers of the folds."""
        return range(int(self.fold.max()) + 1)


@dataclass(frozen=True)
class AbsoluteErrorScorer:
    """The mean absolute error."""

    data: ToyDataset
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
        predictions = np.empty(len(self.data.y))
        for fold, result in zip(self.data.folds, folds, strict=True):
            predictions[self.data.fold == fold] = result["prediction"]
        return predictions

    def value(self, predictions: Floats) -> float:
        return float(np.abs(self.data.y - predictions).mean())

    def estimates(self, predictions: Floats) -> dict[str, Estimate]:
        return {"mae": interval_of_mean(np.abs(self.data.y - predictions), self.resamples, self.seed)}

    def gain(self, better: Floats, worse: Floats) -> Estimate:
        return interval_of_mean(np.abs(self.data.y - worse) - np.abs(self.data.y - better), self.resamples, self.seed)

    def to_frame(self, predictions: Floats) -> pd.DataFrame:
        return pd.DataFrame({"row_id": self.data.row_ids, "y_pred": predictions})

    def from_frame(self, frame: pd.DataFrame) -> Floats:
        return frame.set_index("row_id").loc[self.data.row_ids, "y_pred"].to_numpy()


def interval_of_mean(values: Floats, resamples: int, seed: int) -> Estimate:
    """Return a mean with its bootstrap interval."""
    draws = np.concatenate([weights @ values / len(values) for weights in resample_weights(len(values), resamples, seed)])
    return percentile_interval(float(values.mean()), draws, len(values))


class ToyFamily(Family[ToyDataset, Floats]):
    """The family of the toy task, which predicts a number."""

    unit: ClassVar[str] = "rows"
    leaderboard_metrics: ClassVar[tuple[str, ...]] = ()
    leaderboard_note: ClassVar[str] = "Means over rows; intervals are 95 % bootstrap over rows."

    def effort(self, cost: str) -> Effort:
        return Effort("The median and a straight line.", trials=3, resamples=100)

    def kinds(self) -> Mapping[str, ModelSpec[Any, Any]]:
        return {"median": Kind(0, learns=False), "line": Kind(1, searched=True)}

    def baseline(self, runs: Sequence[CandidateRun[Floats]], scorer: Any) -> str | None:
        return "median"

    def primary_metric(self, requirements: Mapping[str, Any]) -> str:
        return "mae"

    def dataset(
        self,
        train: pd.DataFrame,
        schema: Schema,
        recipe: Mapping[str, Any],
        folds: pd.DataFrame,
        request: Any,
        resources: Resources,
    ) -> ToyDataset:
        rows = train.sort_values("row_id").reset_index(drop=True)
        row_ids = rows["row_id"].tolist()
        x, y = features_of(rows, recipe["columns"]), rows[str(schema.target)].to_numpy(dtype=np.float64)
        return ToyDataset(x, y, align_folds(row_ids, folds), row_ids)

    def candidates(self, dataset: ToyDataset, cost: str) -> list[Candidate]:
        return [Candidate(name="median", kind="median"), Candidate(name="line", kind="line", params={"ridge": 100.0})]

    def search_space(self, dataset: ToyDataset, candidate: Candidate, cost: str) -> Space:
        return {"ridge": {"low": 0.001, "high": 100.0, "log": True}} if candidate.kind == "line" else {}

    def scorer(self, dataset: ToyDataset, metric: str, effort: Effort, seed: int) -> AbsoluteErrorScorer:
        return AbsoluteErrorScorer(dataset, metric, effort.resamples, seed)

    def fit_fold(self, dataset: ToyDataset, candidate: Candidate, fold: int, resources: Resources) -> dict[str, Any]:
        out = dataset.fold == fold
        data = hash_value([dataset.x.tolist(), dataset.y.tolist(), dataset.fold.tolist()])
        return fit_and_predict_cached(
            cache_key("toy fold", data, fold, candidate.kind, candidate.params, resources),
            lambda: Line.fit(candidate.kind, candidate.params, dataset.x[~out], dataset.y[~out]),
            lambda line: {"prediction": line.predict(dataset.x[out])},
            resources=resources,
            code="glassbox.families.toy.family",
        )

    def batch_metric(self, predictor: Predictor, truth: pd.Series, request: Any) -> BatchMetric:
        return BatchMetric("mae", False, lambda true, predicted: float((true - predicted["y_pred"]).abs().mean()))

    def reference(self, predictor: Any, train: pd.DataFrame, oof: pd.DataFrame, resources: Resources) -> Reference:
        predictions = oof.set_index("row_id").loc[train["row_id"], ["y_pred"]].reset_index(drop=True)
        return Reference(train, predictor.input_schema, predictions, train[str(predictor.schema.target)])


FAMILY = ToyFamily()

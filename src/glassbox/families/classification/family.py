"""Base class of classification families: metric, scorer, ensemble and monitoring."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import pandas as pd

from glassbox.families.predictor_protocol import Predictor
from glassbox.families.protocol import BatchMetric, Effort, Family
from glassbox.families.shared.cross_fit import CandidateRun

if TYPE_CHECKING:
    from glassbox.families.classification.dataset import ClassificationDataset
    from glassbox.families.classification.metrics import Floats
    from glassbox.families.classification.scorer import ProbabilityScorer
    from glassbox.families.protocol import Scorer
    from glassbox.request.model import Request

D = TypeVar("D", bound="ClassificationDataset")


class ClassificationFamily(Family[D, "Floats"]):
    """Base class of families whose predictions are a class and a probability per class."""

    leaderboard_metrics: ClassVar[tuple[str, ...]] = ("log_loss", "average_precision", "accuracy")
    leaderboard_note: ClassVar[str] = (
        "Means over folds; intervals are 95 % bootstrap over rows within folds. Label metrics use a threshold of 0.5."
    )

    def primary_metric(self, requirements: Mapping[str, Any]) -> str:
        from glassbox.families.classification.metrics import leading_metric

        return leading_metric(requirements)

    def scorer(self, dataset: D, metric: str, effort: Effort, seed: int) -> "ProbabilityScorer":
        from glassbox.families.classification.scorer import ProbabilityScorer

        return ProbabilityScorer(dataset.data, metric, effort.resamples, seed)

    def ensemble(
        self, dataset: D, runs: "Sequence[CandidateRun[Floats]]", scorer: "Scorer[Floats]"
    ) -> "CandidateRun[Floats] | None":
        from glassbox.families.classification.ensemble import weighted_ensemble

        return weighted_ensemble(runs, dataset.data, self.kinds(), scorer.metric)

    def batch_metric(self, predictor: Predictor, truth: pd.Series, request: "Request") -> BatchMetric:
        from glassbox.families.classification.monitoring import batch_metric

        return batch_metric(predictor.schema, truth, request.requirements, request.data.positive)

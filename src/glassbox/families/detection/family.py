"""The detection family: object detection with labelled boxes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.predictor_protocol import Predictor
from glassbox.families.protocol import BatchMetric, Effort, Family, Reference, Space
from glassbox.families.registry import ModelSpec
from glassbox.families.shared.candidates import Candidate
from glassbox.runtime.resources import Resources

if TYPE_CHECKING:
    from glassbox.data.sources import RawData
    from glassbox.families.detection.dataset import DetectionDataset
    from glassbox.families.detection.predictor import BoxPredictor
    from glassbox.families.detection.scorer import BoxScorer, Predictions  # noqa: F401  # used in the base class
    from glassbox.findings.model import Finding
    from glassbox.request.model import Cost, Request


class DetectionFamily(Family["DetectionDataset", "Predictions"]):
    """Family of object detectors."""

    unit: ClassVar[str] = "pictures"
    leaderboard_metrics: ClassVar[tuple[str, ...]] = ("map", "map_50", "map_75", "f1")
    leaderboard_note: ClassVar[str] = (
        "Over all out-of-fold images together; intervals are 95 % bootstrap over images. F1 is at each candidate's best score threshold."
    )
    limits: ClassVar[tuple[str, ...]] = (
        "A pretrained detector predicts only the labels that match its own by name.",
        "Intervals cover the sampling of the evaluated images, not the variation of models trained on other images.",
    )

    def prepare_rows(self, raw: "RawData", request: "Request") -> "tuple[RawData, dict[str, Finding]]":
        from glassbox.families.detection.prepare_rows import prepare_rows

        return prepare_rows(raw, request)

    def near_duplicate_groups(self, cells: pd.DataFrame, request: "Request") -> Any:
        from glassbox.families.vision.prepare_rows import near_duplicate_groups

        return near_duplicate_groups(cells, request)

    def effort(self, cost: "Cost") -> Effort:
        from glassbox.families.detection.effort import EFFORT

        return EFFORT[cost]

    def kinds(self) -> Mapping[str, ModelSpec[Any, Any]]:
        from glassbox.families.detection.models import KINDS

        return KINDS

    def primary_metric(self, requirements: Mapping[str, Any]) -> str:
        from glassbox.families.detection.metrics import leading_metric

        return leading_metric(requirements)

    def dataset(
        self,
        train: pd.DataFrame,
        schema: Schema,
        recipe: Mapping[str, Any],
        folds: pd.DataFrame,
        request: "Request",
        resources: Resources,
    ) -> "DetectionDataset":
        from glassbox.families.detection.load_dataset import detection_dataset
        from glassbox.families.detection.recipe import Recipe

        return detection_dataset(train, schema, Recipe.model_validate(recipe), folds, request, resources)

    def candidates(self, dataset: "DetectionDataset", cost: "Cost") -> list[Candidate]:
        from glassbox.families.detection.candidates import candidates, finest_stride

        finest = finest_stride(dataset.boxes, dataset.sizes, dataset.recipe.side)
        backbones = [backbone.name for backbone in dataset.images.backbones]
        return candidates(cost, self.effort(cost), backbones, dataset.detector is not None, finest)

    def search_space(self, dataset: "DetectionDataset", candidate: Candidate, cost: "Cost") -> Space:
        from glassbox.families.detection.candidates import search_space

        return search_space(candidate, dataset.recipe.side)

    def scorer(self, dataset: "DetectionDataset", metric: str, effort: Effort, seed: int) -> "BoxScorer":
        from glassbox.families.detection.scorer import BoxScorer

        return BoxScorer(dataset, metric, effort.resamples, seed)

    def fit_fold(self, dataset: "DetectionDataset", candidate: Candidate, fold: int, resources: Resources) -> dict[str, Any]:
        from glassbox.families.detection.fit import fit_fold

        return fit_fold(dataset, candidate, fold, resources)

    def batch_metric(self, predictor: Predictor, truth: pd.Series, request: "Request") -> BatchMetric:
        from glassbox.families.detection.monitoring import batch_metric

        return batch_metric(truth, request.requirements)

    def reference(self, predictor: "BoxPredictor", train: pd.DataFrame, oof: pd.DataFrame, resources: Resources) -> Reference:
        from glassbox.families.classification.monitoring import described_reference

        return described_reference(predictor, train, oof, unit=self.unit, batch=200)


FAMILY = DetectionFamily()

"""The entity family: named-entity recognition in texts."""

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
    from glassbox.families.entities.dataset import EntityDataset
    from glassbox.families.entities.predictor import SpanPredictor
    from glassbox.families.entities.scorer import Predictions, SpanScorer  # noqa: F401  # used in the base class
    from glassbox.findings.model import Finding
    from glassbox.request.model import Cost, Request


class EntityFamily(Family["EntityDataset", "Predictions"]):
    """Family of named-entity recognisers."""

    unit: ClassVar[str] = "texts"
    leaderboard_metrics: ClassVar[tuple[str, ...]] = ("precision", "recall")
    leaderboard_note: ClassVar[str] = (
        "Over all out-of-fold texts together; intervals are 95 % bootstrap over documents, or over texts if there are no documents."
    )
    limits: ClassVar[tuple[str, ...]] = (
        "A pretrained pipeline follows other annotation guidelines, so a plausible span may count as an error because it is not labelled here.",
        "Intervals cover the sampling of the evaluated texts, not the variation of models trained on other texts.",
    )

    def prepare_rows(self, raw: "RawData", request: "Request") -> "tuple[RawData, dict[str, Finding]]":
        from glassbox.families.entities.prepare_rows import prepare_rows

        return prepare_rows(raw, request)

    def near_duplicate_groups(self, cells: pd.DataFrame, request: "Request") -> Any:
        from glassbox.families.entities.prepare_rows import near_duplicate_groups

        return near_duplicate_groups(cells, request)

    def effort(self, cost: "Cost") -> Effort:
        from glassbox.families.entities.effort import EFFORT

        return EFFORT[cost]

    def kinds(self) -> Mapping[str, ModelSpec[Any, Any]]:
        from glassbox.families.entities.models import KINDS

        return KINDS

    def primary_metric(self, requirements: Mapping[str, Any]) -> str:
        from glassbox.families.entities.metrics import leading_metric

        return leading_metric(requirements)

    def dataset(
        self,
        train: pd.DataFrame,
        schema: Schema,
        recipe: Mapping[str, Any],
        folds: pd.DataFrame,
        request: "Request",
        resources: Resources,
    ) -> "EntityDataset":
        from glassbox.families.entities.load_dataset import entity_dataset
        from glassbox.families.entities.recipe import Recipe

        return entity_dataset(train, schema, Recipe.model_validate(recipe), folds, request, resources)

    def candidates(self, dataset: "EntityDataset", cost: "Cost") -> list[Candidate]:
        from glassbox.families.entities.candidates import candidates

        weights = dataset.shared
        has_encoder, has_pipeline = weights.encoder is not None, weights.pipeline is not None
        return candidates(cost, self.effort(cost), encoder=has_encoder, pipeline=has_pipeline)

    def search_space(self, dataset: "EntityDataset", candidate: Candidate, cost: "Cost") -> Space:
        from glassbox.families.entities.candidates import search_space

        return search_space(candidate)

    def scorer(self, dataset: "EntityDataset", metric: str, effort: Effort, seed: int) -> "SpanScorer":
        from glassbox.families.entities.scorer import SpanScorer

        return SpanScorer(dataset, metric, effort.resamples, seed)

    def fit_fold(self, dataset: "EntityDataset", candidate: Candidate, fold: int, resources: Resources) -> dict[str, Any]:
        from glassbox.families.entities.fit import fit_fold

        return fit_fold(dataset, candidate, fold, resources)

    def batch_metric(self, predictor: Predictor, truth: pd.Series, request: "Request") -> BatchMetric:
        from glassbox.families.entities.monitoring import batch_metric

        return batch_metric(request.requirements)

    def reference(self, predictor: "SpanPredictor", train: pd.DataFrame, oof: pd.DataFrame, resources: Resources) -> Reference:
        from glassbox.families.classification.monitoring import described_reference

        return described_reference(predictor, train, oof, unit=self.unit, sample=False)


FAMILY = EntityFamily()

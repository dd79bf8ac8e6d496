"""The vision family: image classification."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.classification.family import ClassificationFamily
from glassbox.families.protocol import Effort, Reference, Space
from glassbox.families.registry import ModelSpec
from glassbox.families.shared.candidates import Candidate
from glassbox.runtime.resources import Resources

if TYPE_CHECKING:
    from glassbox.data.sources import RawData
    from glassbox.families.vision.dataset import VisionDataset
    from glassbox.families.vision.predictor import VisionPredictor
    from glassbox.findings.model import Finding
    from glassbox.request.model import Cost, Request


class VisionFamily(ClassificationFamily["VisionDataset"]):
    """Family of image classifiers and their weighted ensemble."""

    unit: ClassVar[str] = "pictures"
    limits: ClassVar[tuple[str, ...]] = (
        "Intervals cover the sampling of the evaluated images, not the variation of models trained on other images.",
        "A backbone was pretrained on other images, which may have included images of this dataset.",
    )

    def prepare_rows(self, raw: "RawData", request: "Request") -> "tuple[RawData, dict[str, Finding]]":
        from glassbox.families.vision.prepare_rows import prepare_rows

        return prepare_rows(raw, request)

    def near_duplicate_groups(self, cells: pd.DataFrame, request: "Request") -> Any:
        from glassbox.families.vision.prepare_rows import near_duplicate_groups

        return near_duplicate_groups(cells, request)

    def effort(self, cost: "Cost") -> Effort:
        from glassbox.families.vision.effort import EFFORT

        return EFFORT[cost]

    def kinds(self) -> Mapping[str, ModelSpec[Any, Any]]:
        from glassbox.families.vision.models import KINDS

        return KINDS

    def dataset(
        self,
        train: pd.DataFrame,
        schema: Schema,
        recipe: Mapping[str, Any],
        folds: pd.DataFrame,
        request: "Request",
        resources: Resources,
    ) -> "VisionDataset":
        from glassbox.families.vision.load_dataset import vision_dataset
        from glassbox.families.vision.recipe import Recipe

        return vision_dataset(train, schema, Recipe.model_validate(recipe), folds, request, resources)

    def candidates(self, dataset: "VisionDataset", cost: "Cost") -> list[Candidate]:
        from glassbox.families.vision.candidates import candidates

        names = [backbone.name for backbone in dataset.images.backbones]
        return candidates(cost, self.effort(cost), names, dataset.images.recipe.side)

    def search_space(self, dataset: "VisionDataset", candidate: Candidate, cost: "Cost") -> Space:
        from glassbox.families.vision.candidates import search_space

        return search_space(candidate, cost, dataset.images.recipe.side)

    def fit_fold(self, dataset: "VisionDataset", candidate: Candidate, fold: int, resources: Resources) -> dict[str, Any]:
        from glassbox.families.vision.fit import fit_fold

        return fit_fold(dataset, candidate, fold, resources)

    def reference(self, predictor: "VisionPredictor", train: pd.DataFrame, oof: pd.DataFrame, resources: Resources) -> Reference:
        from dataclasses import replace

        from glassbox.families.classification.monitoring import described_reference

        cached = replace(predictor, store=resources.vector_cache_dir)
        return described_reference(cached, train, oof, unit=self.unit)


FAMILY = VisionFamily()

"""The text family: text classification."""

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
    from glassbox.families.text.dataset import TextDataset
    from glassbox.families.text.predictor import TextPredictor
    from glassbox.findings.model import Finding
    from glassbox.request.model import Cost, Request


class TextFamily(ClassificationFamily["TextDataset"]):
    """Family of text classifiers and their weighted ensemble."""

    unit: ClassVar[str] = "texts"
    limits: ClassVar[tuple[str, ...]] = (
        "Intervals cover the sampling of the evaluated texts, not the variation of models trained on other texts.",
        "A sentence encoder was pretrained on other texts, which may have included texts of this dataset.",
    )

    def prepare_rows(self, raw: "RawData", request: "Request") -> "tuple[RawData, dict[str, Finding]]":
        from glassbox.families.text.prepare_rows import prepare_rows

        return prepare_rows(raw, request)

    def near_duplicate_groups(self, cells: pd.DataFrame, request: "Request") -> Any:
        from glassbox.families.text.prepare_rows import near_duplicate_groups

        return near_duplicate_groups(cells, request)

    def effort(self, cost: "Cost") -> Effort:
        from glassbox.families.text.effort import EFFORT

        return EFFORT[cost]

    def kinds(self) -> Mapping[str, ModelSpec[Any, Any]]:
        from glassbox.families.text.models import KINDS

        return KINDS

    def dataset(
        self,
        train: pd.DataFrame,
        schema: Schema,
        recipe: Mapping[str, Any],
        folds: pd.DataFrame,
        request: "Request",
        resources: Resources,
    ) -> "TextDataset":
        from glassbox.families.text.load_dataset import text_dataset
        from glassbox.families.text.recipe import Recipe

        return text_dataset(train, schema, Recipe.model_validate(recipe), folds, request, resources)

    def candidates(self, dataset: "TextDataset", cost: "Cost") -> list[Candidate]:
        from glassbox.families.text.candidates import candidates

        return candidates(cost, encoder=dataset.encoder is not None)

    def search_space(self, dataset: "TextDataset", candidate: Candidate, cost: "Cost") -> Space:
        from glassbox.families.text.candidates import search_space

        return search_space(candidate)

    def fit_fold(self, dataset: "TextDataset", candidate: Candidate, fold: int, resources: Resources) -> dict[str, Any]:
        from glassbox.families.text.fit import fit_fold

        return fit_fold(dataset, candidate, fold, resources)

    def reference(self, predictor: "TextPredictor", train: pd.DataFrame, oof: pd.DataFrame, resources: Resources) -> Reference:
        from dataclasses import replace

        from glassbox.families.classification.monitoring import described_reference

        cached = replace(predictor, store=resources.vector_cache_dir)
        return described_reference(cached, train, oof, unit=self.unit)


FAMILY = TextFamily()

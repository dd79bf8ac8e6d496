"""The tabular family: tables of numbers, categories, dates and short texts."""

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
    from glassbox.families.tabular.dataset import TabularDataset
    from glassbox.families.tabular.predictor import TabularPredictor
    from glassbox.request.model import Cost, Request


class TabularFamily(ClassificationFamily["TabularDataset"]):
    """Family of tabular classifiers, and the weighted ensemble of them."""

    unit: ClassVar[str] = "rows"
    limits: ClassVar[tuple[str, ...]] = (
        "Intervals cover the sampling of the evaluated rows, not the variation of models trained on other rows.",
    )

    def effort(self, cost: "Cost") -> Effort:
        from glassbox.families.tabular.effort import EFFORT

        return EFFORT[cost]

    def kinds(self) -> Mapping[str, ModelSpec[Any, Any]]:
        from glassbox.families.tabular.models import KINDS

        return KINDS

    def dataset(
        self,
        train: pd.DataFrame,
        schema: Schema,
        recipe: Mapping[str, Any],
        folds: pd.DataFrame,
        request: "Request",
        resources: Resources,
    ) -> "TabularDataset":
        from glassbox.families.classification.dataset import labelled_rows
        from glassbox.families.tabular.dataset import TabularDataset
        from glassbox.families.tabular.recipe import Recipe

        data = labelled_rows(train, str(schema.target), schema.classes or [], folds, positive=request.data.positive)
        return TabularDataset(data, Recipe.model_validate(recipe))

    def candidates(self, dataset: "TabularDataset", cost: "Cost") -> list[Candidate]:
        from glassbox.families.tabular.candidates import candidates

        return candidates(self.effort(cost))

    def search_space(self, dataset: "TabularDataset", candidate: Candidate, cost: "Cost") -> Space:
        from glassbox.families.tabular.candidates import SPACES

        return SPACES.get(candidate.kind, {})

    def fit_fold(self, dataset: "TabularDataset", candidate: Candidate, fold: int, resources: Resources) -> dict[str, Any]:
        from glassbox.families.tabular.fit import fit_fold

        return fit_fold(dataset, candidate, fold, resources)

    def reference(self, predictor: "TabularPredictor", train: pd.DataFrame, oof: pd.DataFrame, resources: Resources) -> Reference:
        from glassbox.families.classification.monitoring import reference

        return reference(predictor, train, oof)


FAMILY = TabularFamily()

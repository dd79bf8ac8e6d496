"""Tabular datasets: the rows of train with labels, folds and feature recipe."""

from dataclasses import dataclass

from glassbox.families.classification.dataset import ClassificationDataset, LabelledRows
from glassbox.families.tabular.recipe import Recipe


@dataclass(frozen=True)
class TabularDataset(ClassificationDataset):
    """The rows of train in canonical order, with the feature recipe."""

    data: LabelledRows
    recipe: Recipe

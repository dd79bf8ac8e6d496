"""Fitting of a recipe and a model, with cached fold predictions of candidates and trials."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer

from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import cache_key, fit_and_predict_cached
from glassbox.families.tabular.dataset import TabularDataset
from glassbox.families.tabular.models import KINDS, Codes, Fitting, Floats, Model
from glassbox.families.tabular.recipe import Recipe, build
from glassbox.runtime.resources import Resources

CODE = "glassbox.families.tabular.fit"  # part of the cache key, with all that it imports


@dataclass(frozen=True)
class Fitted:
    """A fitted transformer and a fitted model."""

    transformer: ColumnTransformer
    model: Model
    kind: str

    def matrix(self, frame: pd.DataFrame) -> Floats:
        """Return the feature matrix of `frame`."""
        return np.ascontiguousarray(self.transformer.transform(frame), dtype=np.float64)

    def proba(self, frame: pd.DataFrame) -> Floats:
        """Return uncalibrated probabilities of shape (rows, classes)."""
        return self.model.proba(self.matrix(frame))


def fit(
    kind: str,
    params: Mapping[str, Any],
    recipe: Recipe,
    frame: pd.DataFrame,
    y: Codes,
    classes: int,
    *,
    seed: int,
    threads: int = 1,
) -> Fitted:
    """Fit a recipe and a model of `kind` on all rows of `frame`; `y` holds class numbers."""
    transformer = build(recipe, seed=seed)
    columns = frame[list(recipe.columns)]
    matrix = np.ascontiguousarray(transformer.fit_transform(columns, y), dtype=np.float64)
    model = KINDS[kind].fit(matrix, y, Fitting(dict(params), classes, seed, threads))
    return Fitted(transformer, model, kind)


def fit_fold(dataset: TabularDataset, candidate: Candidate, fold: int, resources: Resources) -> dict[str, Any]:
    """Predict the rows of one fold with a model fitted on the other folds; the result is cached.

    Returns
    -------
    dict
        ``proba`` of shape (rows of the fold, classes), and the seconds ``fit_s`` and ``predict_s``.
    """
    data, recipe = dataset.data, dataset.recipe
    out, columns = data.fold == fold, list(recipe.columns)

    def fit_others() -> Fitted:
        return fit(
            candidate.kind,
            candidate.params,
            recipe,
            data.frame[~out],
            data.y[~out],
            len(data.classes),
            seed=resources.seed,
            threads=resources.threads,
        )

    key = cache_key(
        "fold",
        {name: data.digests[name] for name in ["", *columns]},
        fold,
        candidate.kind,
        candidate.params,
        resources,
        recipe=recipe.model_dump(exclude={"left_out"}),
    )
    return fit_and_predict_cached(
        key, fit_others, lambda model: {"proba": model.proba(data.frame.loc[out, columns])}, resources=resources, code=CODE
    )

"""One fit: recipe and model on some rows, asked on others. What candidates and trials are remembered by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer

from glassbox.families.classification.dataset import Problem
from glassbox.families.shared.cross_fit import Cache, cache_key, fit_and_predict_cached
from glassbox.families.tabular.models import Codes, Fitting, Floats, Model, kind_of
from glassbox.families.tabular.recipe import Recipe, build

CODE = "glassbox.families.tabular.fit"  # what results are remembered by: this module and all that it imports


@dataclass(frozen=True)
class Fitted:
    """A recipe and a model, fitted together."""

    transformer: ColumnTransformer
    model: Model
    kind: str

    def matrix(self, frame: pd.DataFrame) -> Floats:
        """What the model sees of `frame`."""
        return np.ascontiguousarray(self.transformer.transform(frame), dtype=np.float64)

    def proba(self, frame: pd.DataFrame) -> Floats:
        """Probabilities of shape (rows, classes), not calibrated."""
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
    """Fit a recipe and a model of `kind` on all rows of `frame`, classes by number in `y`."""
    how = kind_of(kind)
    transformer = build(recipe, linear=how.linear, seed=seed)
    columns = frame[list(recipe.columns)]
    matrix = np.ascontiguousarray(transformer.fit_transform(columns, y), dtype=np.float64)
    model = how.fit(matrix, y, Fitting(dict(params), classes, seed, threads))
    return Fitted(transformer, model, kind)


def fit_fold(
    problem: Problem,
    fold: int,
    kind: str,
    params: Mapping[str, Any],
    recipe: Recipe,
    *,
    seed: int,
    threads: int = 1,
    memo: Cache | None = None,
) -> dict[str, Any]:
    """Probabilities for the rows of one fold, by a model that saw the others.

    Returns
    -------
    dict
        ``proba`` of shape (rows of the fold, classes), and ``fit_s``, ``predict_s``: the seconds that it took when it
        was computed.
    """
    out = problem.fold == fold
    columns = list(recipe.columns)

    def fitted() -> Fitted:
        return fit(kind, params, recipe, problem.frame[~out], problem.y[~out], len(problem.classes), seed=seed, threads=threads)

    parts = cache_key(
        "fold",
        {name: problem.digests[name] for name in ["", *columns]},
        fold,
        kind,
        params,
        seed=seed,
        threads=threads,
        recipe=recipe.model_dump(exclude={"left_out"}),
    )
    return fit_and_predict_cached(
        parts, fitted, lambda model: {"proba": model.proba(problem.frame.loc[out, columns])}, memo=memo, code=CODE
    )

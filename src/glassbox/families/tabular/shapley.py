"""Shapley values by data column: the contribution of each column to the difference between a prediction and the average.

Each kind of model uses the fastest exact explainer for it; kinds without one are explained by sampling. The values of all features that
are derived from a column are summed, as Shapley values are additive.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.tabular.models import Floats
from glassbox.families.tabular.predictor import TabularPredictor

PERMUTATIONS = 16
LOG_ODDS, LOG_SCORE, PROBABILITY = "log-odds", "log score", "probability"


@dataclass(frozen=True)
class Attribution:
    """The Shapley values of some rows.

    Attributes
    ----------
    columns
        The columns of the data that the model reads.
    values
        The contributions of columns to the output of the model before calibration, of shape (rows, columns, classes).
    base
        The average output, of shape (classes,). ``base + values.sum(axis=1)`` is the output of each row.
    unit
        The scale of the output: log-odds (two classes), log score (more classes, before softmax) or probability.
    """

    columns: list[str]
    values: Floats
    base: Floats
    unit: str

    @property
    def output(self) -> Floats:
        """The output of the model for each row, of shape (rows, classes)."""
        return np.asarray(self.base + self.values.sum(axis=1))

    def strength(self) -> Floats:
        """Return the mean absolute value of each column over rows and classes, of shape (columns,)."""
        return np.asarray(np.abs(self.values).mean(axis=(0, 2)))


@dataclass(frozen=True)
class ExplainerSpec:
    """The explainer of a kind of model, and the number of rows that it explains quickly."""

    explain: "Explainer"
    rows: int = 500


Explained = tuple[Floats, Floats, str]  # (rows, features, classes), (classes,), unit
Explainer = Callable[[Any, Floats, Floats, int], Explained]


def attribute(predictor: TabularPredictor, rows: pd.DataFrame, background: pd.DataFrame, *, seed: int = 0) -> Attribution:
    """Return the Shapley values of conformed rows (Lundberg and Lee 2017).

    Parameters
    ----------
    predictor
        The fitted model.
    rows
        The rows to explain.
    background
        The background sample, for explainers that need one; tree ensembles do not.
    seed
        The seed of the sampling, for a kind of model without an exact explainer.
    """
    spec = EXPLAINERS.get(predictor.kind)
    if spec is None:
        return by_sampling(predictor, rows, background, seed=seed)
    classes = len(predictor.classes)
    values, base, unit = spec.explain(predictor.model.native, predictor.matrix(rows), predictor.matrix(background), classes)
    index_of = {name: i for i, name in enumerate(predictor.fields)}
    summed = np.zeros((len(rows), len(index_of), classes))
    for j, feature in enumerate(predictor.features):
        summed[:, index_of[feature.column]] += values[:, j]
    return Attribution(predictor.fields, summed, base, unit)


def _both(of_second: Floats) -> Floats:
    """Stack the contributions to both classes; those to the first are the negated contributions to the second."""
    return np.stack([-of_second, of_second], axis=-1)


def _linear(native: Any, matrix: Floats, background: Floats, classes: int) -> Explained:
    """Return coefficient times deviation from the average, exact for a linear model (Lundberg and Lee 2017, corollary 1)."""
    centre = background.mean(axis=0)
    weights, intercept = np.asarray(native.coef_, dtype=np.float64), np.asarray(native.intercept_, dtype=np.float64)
    values = (matrix - centre)[:, :, None] * weights.T[None]
    base = intercept + weights @ centre
    if len(weights) == 1:
        return _both(values[:, :, 0]), _both(base[0]), LOG_ODDS
    return _placed(values, native, classes), _placed(base, native, classes), LOG_SCORE


def _placed(values: Floats, native: Any, classes: int) -> Floats:
    """Insert zeros for classes that are absent from the training data of the model."""
    full = np.zeros((*values.shape[:-1], classes))
    full[..., native.classes_] = values
    return full


def _forest(native: Any, matrix: Floats, background: Floats, classes: int) -> Explained:
    """Compute path-dependent TreeSHAP (Lundberg et al. 2020, algorithm 2) with the shap package."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=PendingDeprecationWarning)  # shap's colour maps trigger it in Matplotlib
        import shap

    explainer = shap.TreeExplainer(native)
    values = np.asarray(explainer.shap_values(matrix, check_additivity=False), dtype=np.float64)
    base = np.atleast_1d(np.asarray(explainer.expected_value, dtype=np.float64))
    return _placed(values, native, classes), _placed(base, native, classes), PROBABILITY


def _xgboost(native: Any, matrix: Floats, background: Floats, classes: int) -> Explained:
    """Compute TreeSHAP with XGBoost, in single precision."""
    import xgboost

    contributions = np.asarray(
        native.predict(xgboost.DMatrix(matrix, nthread=1), pred_contribs=True, strict_shape=True), dtype=np.float64
    )
    return _boosted(np.moveaxis(contributions, 1, 2), classes)


def _lightgbm(native: Any, matrix: Floats, background: Floats, classes: int) -> Explained:
    """Compute TreeSHAP with LightGBM."""
    contributions = np.asarray(native.predict(matrix, pred_contrib=True, num_threads=1), dtype=np.float64)
    return _boosted(np.moveaxis(contributions.reshape(len(matrix), -1, matrix.shape[1] + 1), 1, 2), classes)


def _boosted(contributions: Floats, classes: int) -> Explained:
    """Split contributions of shape (rows, features and base, outputs); a booster of two classes has one output, for the second class."""
    base = contributions[0, -1] if len(contributions) else np.zeros(contributions.shape[2])
    if classes == 2:
        return _both(contributions[:, :-1, 0]), _both(base[0]), LOG_ODDS
    return contributions[:, :-1], base, LOG_SCORE


# Kinds that are not listed are explained by sampling.
EXPLAINERS: dict[str, ExplainerSpec] = {
    "logistic_regression": ExplainerSpec(_linear),
    "random_forest": ExplainerSpec(_forest, rows=120),
    "xgboost": ExplainerSpec(_xgboost),
    "lightgbm": ExplainerSpec(_lightgbm),
}
SAMPLED_ROWS = 100


def affordable_rows(kind: str) -> int:
    """Return the number of rows that can be explained quickly for a kind of model."""
    return EXPLAINERS[kind].rows if kind in EXPLAINERS else SAMPLED_ROWS


def by_sampling(
    predictor: TabularPredictor, rows: pd.DataFrame, background: pd.DataFrame, *, seed: int, permutations: int = PERMUTATIONS
) -> Attribution:
    """Estimate Shapley values of the probabilities of any model by sampling (Štrumbelj and Kononenko 2014, algorithm 1).

    Columns are replaced one after the other, in random order, from a row of the background to the explained row. Each order is also used
    in reverse, which reduces the variance. The values sum to the output exactly for any draw.
    """
    rng = np.random.default_rng(seed)
    columns, matrix, others = predictor.fields, predictor.matrix(rows), predictor.matrix(background)
    derived = [
        np.array([j for j, feature in enumerate(predictor.features) if feature.column == name], dtype=int) for name in columns
    ]
    values = np.zeros((len(rows), len(columns), len(predictor.classes)))
    base = np.zeros(len(predictor.classes))
    for _ in range(permutations // 2):
        order = rng.permutation(len(columns))
        start = np.repeat(others[rng.integers(len(others), size=1)], len(rows), axis=0)
        for direction in (order, order[::-1]):
            now, before = start.copy(), predictor.model.proba(start)
            base += before.mean(axis=0)
            for column in direction:
                now[:, derived[column]] = matrix[:, derived[column]]
                after = predictor.model.proba(now)
                values[:, column] += after - before
                before = after
    walks = 2 * (permutations // 2)
    return Attribution(columns, values / walks, base / walks, PROBABILITY)

"""Shapley values by column of the data: how far each column moves one row's prediction from the average.

Each kind of model is explained in the quickest way that is exact for it; a kind without one of its own by sampling. Values of
a column that enters the model as several features are added up, which Shapley values allow (they are additive).
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
    """Shapley values of rows.

    Attributes
    ----------
    columns
        The columns of the data that the model looks at.
    values
        (rows, columns, classes): how far each column moves the model's own output, before calibration.
    base
        (classes,): the output on average. ``base + values.sum(axis=1)`` is the output of each row.
    unit
        What the output is: log-odds (of two classes), log score (before softmax, of more) or probability.
    """

    columns: list[str]
    values: Floats
    base: Floats
    unit: str

    @property
    def output(self) -> Floats:
        """(rows, classes): the model's own output for each row."""
        return np.asarray(self.base + self.values.sum(axis=1))

    def strength(self) -> Floats:
        """(columns,): the mean size of each column's values, over rows and classes."""
        return np.asarray(np.abs(self.values).mean(axis=(0, 2)))


@dataclass(frozen=True)
class ExplainerSpec:
    """How a kind of model is explained, and for how many rows that is quick enough."""

    explain: "Explainer"
    rows: int = 500


Explained = tuple[Floats, Floats, str]  # (rows, features, classes), (classes,), unit
Explainer = Callable[[Any, Floats, Floats, int], Explained]


def attribute(predictor: TabularPredictor, rows: pd.DataFrame, background: pd.DataFrame, *, seed: int = 0) -> Attribution:
    """Shapley values of conformed rows (Lundberg and Lee 2017).

    Parameters
    ----------
    predictor
        The fitted model.
    rows
        What is to be explained.
    background
        Rows that stand for the average, where the way of explaining needs such; forests of trees bring their own.
    seed
        Of the sampling, for a kind of model that has no exact way.
    """
    way = EXPLAINERS.get(predictor.kind)
    if way is None:
        return by_sampling(predictor, rows, background, seed=seed)
    classes = len(predictor.classes)
    values, base, unit = way.explain(predictor.model.native, predictor.matrix(rows), predictor.matrix(background), classes)
    place = {name: i for i, name in enumerate(predictor.fields)}
    summed = np.zeros((len(rows), len(place), classes))
    for j, feature in enumerate(predictor.features):
        summed[:, place[feature.column]] += values[:, j]
    return Attribution(predictor.fields, summed, base, unit)


def _both(of_second: Floats) -> Floats:
    """What speaks for the second of two classes speaks against the first."""
    return np.stack([-of_second, of_second], axis=-1)


def _linear(native: Any, matrix: Floats, background: Floats, classes: int) -> Explained:
    """Weight times distance from the average, exact for a linear model (Lundberg and Lee 2017, corollary 1)."""
    centre = background.mean(axis=0)
    weights, intercept = np.asarray(native.coef_, dtype=np.float64), np.asarray(native.intercept_, dtype=np.float64)
    values = (matrix - centre)[:, :, None] * weights.T[None]
    base = intercept + weights @ centre
    if len(weights) == 1:
        return _both(values[:, :, 0]), _both(base[0]), LOG_ODDS
    return _placed(values, native, classes), _placed(base, native, classes), LOG_SCORE


def _placed(found: Floats, native: Any, classes: int) -> Floats:
    """Zeros for classes that the model never saw."""
    full = np.zeros((*found.shape[:-1], classes))
    full[..., native.classes_] = found
    return full


def _forest(native: Any, matrix: Floats, background: Floats, classes: int) -> Explained:
    """Path-dependent TreeSHAP (Lundberg et al. 2020, algorithm 2) by the shap package."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=PendingDeprecationWarning)  # of Matplotlib, by shap's own colours
        import shap

    explainer = shap.TreeExplainer(native)
    values = np.asarray(explainer.shap_values(matrix, check_additivity=False), dtype=np.float64)
    base = np.atleast_1d(np.asarray(explainer.expected_value, dtype=np.float64))
    return _placed(values, native, classes), _placed(base, native, classes), PROBABILITY


def _xgboost(native: Any, matrix: Floats, background: Floats, classes: int) -> Explained:
    """TreeSHAP by XGBoost itself, in single precision."""
    import xgboost

    found = np.asarray(
        native.predict(xgboost.DMatrix(matrix, nthread=1), pred_contribs=True, strict_shape=True), dtype=np.float64
    )
    return _boosted(np.moveaxis(found, 1, 2), classes)


def _lightgbm(native: Any, matrix: Floats, background: Floats, classes: int) -> Explained:
    """TreeSHAP by LightGBM itself."""
    found = np.asarray(native.predict(matrix, pred_contrib=True, num_threads=1), dtype=np.float64)
    return _boosted(np.moveaxis(found.reshape(len(matrix), -1, matrix.shape[1] + 1), 1, 2), classes)


def _boosted(found: Floats, classes: int) -> Explained:
    """From (rows, features and base, outputs): a booster of two classes has one output, that of the second."""
    base = found[0, -1] if len(found) else np.zeros(found.shape[2])
    if classes == 2:
        return _both(found[:, :-1, 0]), _both(base[0]), LOG_ODDS
    return found[:, :-1], base, LOG_SCORE


# How each kind of model is explained; a kind that is not here is explained by sampling.
EXPLAINERS: dict[str, ExplainerSpec] = {
    "logistic_regression": ExplainerSpec(_linear),
    "random_forest": ExplainerSpec(_forest, rows=120),
    "xgboost": ExplainerSpec(_xgboost),
    "lightgbm": ExplainerSpec(_lightgbm),
}
SAMPLED_ROWS = 100


def affordable_rows(kind: str) -> int:
    """How many rows of a kind of model can be explained quickly."""
    return EXPLAINERS[kind].rows if kind in EXPLAINERS else SAMPLED_ROWS


def by_sampling(
    predictor: TabularPredictor, rows: pd.DataFrame, background: pd.DataFrame, *, seed: int, permutations: int = PERMUTATIONS
) -> Attribution:
    """Shapley values of any model's probabilities, by sampling (Štrumbelj and Kononenko 2014, algorithm 1).

    Columns are switched one after the other, in random orders, from a row of the background to the row explained; each order is
    walked there and back, which takes out half of the noise. Values add up to the output exactly, whatever was drawn.
    """
    rng = np.random.default_rng(seed)
    columns, matrix, others = predictor.fields, predictor.matrix(rows), predictor.matrix(background)
    belongs = [
        np.array([j for j, feature in enumerate(predictor.features) if feature.column == name], dtype=int) for name in columns
    ]
    values = np.zeros((len(rows), len(columns), len(predictor.classes)))
    base = np.zeros(len(predictor.classes))
    for _ in range(permutations // 2):
        order = rng.permutation(len(columns))
        start = np.repeat(others[rng.integers(len(others), size=1)], len(rows), axis=0)
        for way in (order, order[::-1]):
            now, before = start.copy(), predictor.model.proba(start)
            base += before.mean(axis=0)
            for column in way:
                now[:, belongs[column]] = matrix[:, belongs[column]]
                after = predictor.model.proba(now)
                values[:, column] += after - before
                before = after
    walks = 2 * (permutations // 2)
    return Attribution(columns, values / walks, base / walks, PROBABILITY)

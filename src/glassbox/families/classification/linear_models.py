"""Linear classification heads: training on a feature matrix, class probabilities, and storage."""

import threading
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.special import expit, softmax

from glassbox.families.shared.arrays import read_array, write_array
from glassbox.files import read_json, write_json

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
MIN_SPREAD = 0.01  # share of the largest standard deviation, below which features are not scaled up further
# LIBLINEAR has one global random number generator, which each fit reseeds; parallel fits would disturb each other.
LIBLINEAR = threading.Lock()
TEMPERATURES = np.exp(np.linspace(np.log(0.05), np.log(20.0), 240))


@dataclass(frozen=True)
class Head:
    """A linear head: scores are ``x @ weights + bias``, which `link` turns into probabilities.

    Binary problems have one score. `link` is ``softmax`` (of the scores divided by `temperature`) or ``each`` (one sigmoid per
    class, normalised to sum to 1).
    """

    weights: Singles
    bias: Singles
    link: str = "softmax"
    temperature: float = 1.0

    def scores(self, x: Any) -> Floats:
        """Return the scores, of shape (rows, scores)."""
        weights = self.weights.astype(np.float64)
        # Row by row: a matrix product sums in an order that depends on the number of rows, and scores must not depend on the batch.
        product = x @ weights if sp.issparse(x) or not len(x) else np.stack([row @ weights for row in np.ascontiguousarray(x)])
        return np.asarray(product, dtype=np.float64) + self.bias.astype(np.float64)

    def proba(self, x: Any) -> Floats:
        scores = self.scores(x) / self.temperature
        if scores.shape[1] == 1:
            positive = expit(scores[:, 0])
            return np.column_stack([1 - positive, positive])
        if self.link == "each":
            sigmoids = expit(scores)
            return cast(Floats, sigmoids / np.maximum(sigmoids.sum(axis=1, keepdims=True), 1e-12))
        return cast(Floats, softmax(scores, axis=1))

    def save(self, folder: Path) -> None:
        write_array(folder / "weights.npy", self.weights)
        write_array(folder / "bias.npy", self.bias)
        write_json(folder / "head.json", {"link": self.link, "temperature": self.temperature})

    @classmethod
    def load(cls, folder: Path) -> "Head":
        saved = read_json(folder / "head.json")
        return cls(read_array(folder / "weights.npy"), read_array(folder / "bias.npy"), saved["link"], saved["temperature"])


def log_opinion_pool(probas: list[Floats], weights: list[float]) -> Floats:
    """Combine probabilities by the logarithmic opinion pool (Genest and Zidek 1986, eq. 3.6): ``p ∝ prod(p_m ** w_m)``.

    >>> log_opinion_pool([np.array([[0.2, 0.8]]), np.array([[0.2, 0.8]])], [0.5, 0.5]).round(3).tolist()
    [[0.2, 0.8]]
    """
    logs = [weight * np.log(np.clip(proba, 1e-9, 1.0)) for weight, proba in zip(weights, probas, strict=True)]
    return cast(Floats, softmax(np.sum(logs, axis=0), axis=1))


def logistic(x: Any, y: Codes, classes: int, *, c: float, seed: int) -> Head:
    """Fit logistic regression; classes without rows get a score that is never the highest."""
    from sklearn.linear_model import LogisticRegression

    sparse = classes == 2 and sp.issparse(x)
    model = LogisticRegression(C=c, max_iter=1000, random_state=seed, solver="liblinear" if sparse else "lbfgs")
    with LIBLINEAR if sparse else nullcontext():
        model.fit(x, y)
    return _to_all_classes(model.coef_, model.intercept_, model.classes_, classes)


def standardised(x: Floats, y: Codes, classes: int, *, c: float, seed: int) -> Head:
    """Fit logistic regression on standardised features, with weights converted back to the original features.

    Features with near-zero variance in train are not scaled up to unit variance, since they may vary in later data.
    """
    centre, spread = x.mean(axis=0), x.std(axis=0)
    scale = np.maximum(spread, max(MIN_SPREAD * float(spread.max(initial=0.0)), 1e-9))
    head = logistic((x - centre) / scale, y, classes, c=c, seed=seed)
    weights = head.weights.astype(np.float64) / scale[:, None]
    bias = head.bias.astype(np.float64) - centre @ weights
    return Head(weights.astype(np.float32), bias.astype(np.float32))


def support_vectors(x: Any, y: Codes, classes: int, *, c: float, seed: int) -> Head:
    """Fit a one-vs-rest linear support vector machine, with probabilities by temperature scaling.

    The temperature minimises the log loss (Guo et al. 2017, sec. 4.2) on every fifth row, for a model fitted on the others.
    """
    from sklearn.svm import LinearSVC

    def fit_svm(rows: Any) -> Head:
        with LIBLINEAR:
            model = LinearSVC(C=c, random_state=seed).fit(x[rows], y[rows])
        return _to_all_classes(model.coef_, model.intercept_, model.classes_, classes)

    held_out = np.arange(len(y)) % 5 == 0
    temperature = 1.0
    if len(np.unique(y[~held_out])) == len(np.unique(y)):
        scores = fit_svm(~held_out).scores(x[held_out])
        temperature = _best_temperature(scores, y[held_out])
    final = fit_svm(np.ones(len(y), dtype=bool))
    return Head(final.weights, final.bias, "softmax", temperature)


def _best_temperature(scores: Floats, y: Codes) -> float:
    losses = []
    for temperature in TEMPERATURES:
        proba = Head(
            np.eye(scores.shape[1], dtype=np.float32), np.zeros(scores.shape[1], np.float32), "softmax", float(temperature)
        )
        of_true_class = proba.proba(scores)[np.arange(len(y)), y]
        losses.append(float(-np.log(np.maximum(of_true_class, 1e-12)).mean()))
    return float(TEMPERATURES[int(np.argmin(losses))])


def _to_all_classes(coef: Floats, intercept: Floats, fitted_classes: Codes, classes: int) -> Head:
    """Expand the weights of the fitted classes to all classes."""
    if len(fitted_classes) == 2 and classes == 2:
        return Head(coef.T.astype(np.float32), intercept.astype(np.float32))
    weights, bias = np.zeros((coef.shape[1], classes)), np.full(classes, -50.0)
    if len(fitted_classes) == 2:  # only two of several classes have rows, so the model has one score
        coef, intercept = np.vstack([-coef[0] / 2, coef[0] / 2]), np.array([-intercept[0] / 2, intercept[0] / 2])
    weights[:, fitted_classes], bias[fitted_classes] = coef.T, intercept
    return Head(weights.astype(np.float32), bias.astype(np.float32))

"""Linear heads: how they are learnt on a matrix of numbers, how their scores become probabilities, and how they are written."""

import io
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from glassbox.files import read_json, write_bytes, write_json

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Singles = npt.NDArray[np.float32]
LEAST_SPREAD = 0.01  # of the widest: numbers that spread less are scaled as if they spread so far
# LIBLINEAR has one source of random numbers for all threads, which each fit begins anew: fits side by side would draw from one another's.
LIBLINEAR = threading.Lock()
TEMPERATURES = np.exp(np.linspace(np.log(0.05), np.log(20.0), 240))


@dataclass(frozen=True)
class Head:
    """A linear head: scores are ``x @ weights + bias``, which `link` turns into probabilities.

    Of two classes there is one score; `link` is ``softmax`` (with the scores divided by `temperature`) or ``each``: a sigmoid a
    class, brought to a sum of one.
    """

    weights: Singles
    bias: Singles
    link: str = "softmax"
    temperature: float = 1.0

    def scores(self, x: Any) -> Floats:
        """(rows, scores)."""
        weights = self.weights.astype(np.float64)
        # Row by row: a product of many rows sums in another order than that of one, and a row is to get the same digits anywhere.
        found = x @ weights if sp.issparse(x) or not len(x) else np.stack([row @ weights for row in np.ascontiguousarray(x)])
        return np.asarray(found, dtype=np.float64) + self.bias.astype(np.float64)

    def proba(self, x: Any) -> Floats:
        scores = self.scores(x) / self.temperature
        if scores.shape[1] == 1:
            positive = 1 / (1 + np.exp(-np.clip(scores[:, 0], -500, 500)))
            return np.column_stack([1 - positive, positive])
        if self.link == "each":
            each = 1 / (1 + np.exp(-np.clip(scores, -500, 500)))
            return cast(Floats, each / np.maximum(each.sum(axis=1, keepdims=True), 1e-12))
        return softmax(scores)

    def save(self, folder: Path) -> None:
        write_array(folder / "weights.npy", self.weights)
        write_array(folder / "bias.npy", self.bias)
        write_json(folder / "head.json", {"link": self.link, "temperature": self.temperature})

    @classmethod
    def load(cls, folder: Path) -> "Head":
        told = read_json(folder / "head.json")
        return cls(read_array(folder / "weights.npy"), read_array(folder / "bias.npy"), told["link"], told["temperature"])


def softmax(scores: Floats) -> Floats:
    """Each row's scores as probabilities."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return cast(Floats, raised / raised.sum(axis=1, keepdims=True))


def log_opinion_pool(probas: list[Floats], weights: list[float]) -> Floats:
    """The logarithmic opinion pool (Genest and Zidek 1986, eq. 3.6): ``p ∝ prod(p_m ** w_m)``.

    >>> pooled([np.array([[0.2, 0.8]]), np.array([[0.2, 0.8]])], [0.5, 0.5]).round(3).tolist()
    [[0.2, 0.8]]
    """
    logs = [weight * np.log(np.clip(proba, 1e-9, 1.0)) for weight, proba in zip(weights, probas, strict=True)]
    return softmax(np.sum(logs, axis=0))


def logistic(x: Any, y: Codes, classes: int, *, c: float, seed: int) -> Head:
    """Logistic regression; classes that no row has get a score that is never the highest."""
    from sklearn.linear_model import LogisticRegression

    sparse = classes == 2 and sp.issparse(x)
    model = LogisticRegression(C=c, max_iter=1000, random_state=seed, solver="liblinear" if sparse else "lbfgs")
    with LIBLINEAR if sparse else nullcontext():
        model.fit(x, y)
    return _spread(model.coef_, model.intercept_, model.classes_, classes)


def standardised(x: Floats, y: Codes, classes: int, *, c: float, seed: int) -> Head:
    """Logistic regression on standardised numbers, written back to the numbers as they are.

    Numbers that hardly vary, such as those of a map that is nearly always empty, are not blown up: later they might vary.
    """
    centre, spread = x.mean(axis=0), x.std(axis=0)
    scale = np.maximum(spread, max(LEAST_SPREAD * float(spread.max(initial=0.0)), 1e-9))
    head = logistic((x - centre) / scale, y, classes, c=c, seed=seed)
    weights = head.weights.astype(np.float64) / scale[:, None]
    bias = head.bias.astype(np.float64) - centre @ weights
    return Head(weights.astype(np.float32), bias.astype(np.float32))


def support_vectors(x: Any, y: Codes, classes: int, *, c: float, seed: int) -> Head:
    """A linear support vector machine, one against the rest; its scores become probabilities by a temperature.

    The temperature is that of least log loss (Guo et al. 2017, sec. 4.2) on every fifth row, for a machine that had not seen it.
    """
    from sklearn.svm import LinearSVC

    def machine(rows: Any) -> Head:
        with LIBLINEAR:
            found = LinearSVC(C=c, random_state=seed).fit(x[rows], y[rows])
        return _spread(found.coef_, found.intercept_, found.classes_, classes)

    judged = np.arange(len(y)) % 5 == 0
    temperature = 1.0
    if len(np.unique(y[~judged])) == len(np.unique(y)):
        scores = machine(~judged).scores(x[judged])
        temperature = _coolest(scores, y[judged])
    whole = machine(np.ones(len(y), dtype=bool))
    return Head(whole.weights, whole.bias, "softmax", temperature)


def _coolest(scores: Floats, y: Codes) -> float:
    losses = []
    for temperature in TEMPERATURES:
        proba = Head(
            np.eye(scores.shape[1], dtype=np.float32), np.zeros(scores.shape[1], np.float32), "softmax", float(temperature)
        )
        found = proba.proba(scores)[np.arange(len(y)), y]
        losses.append(float(-np.log(np.maximum(found, 1e-12)).mean()))
    return float(TEMPERATURES[int(np.argmin(losses))])


def _spread(coef: Floats, intercept: Floats, seen: Codes, classes: int) -> Head:
    """Weights of the classes that were seen in the places of all classes."""
    if len(seen) == 2 and classes == 2:
        return Head(coef.T.astype(np.float32), intercept.astype(np.float32))
    weights, bias = np.zeros((coef.shape[1], classes)), np.full(classes, -50.0)
    if len(seen) == 2:  # of more, only two were seen: one score tells them apart
        coef, intercept = np.vstack([-coef[0] / 2, coef[0] / 2]), np.array([-intercept[0] / 2, intercept[0] / 2])
    weights[:, seen], bias[seen] = coef.T, intercept
    return Head(weights.astype(np.float32), bias.astype(np.float32))


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """An array in NumPy's own format."""
    sink = io.BytesIO()
    np.save(sink, np.ascontiguousarray(array), allow_pickle=False)
    write_bytes(path, sink.getvalue())


def read_array(path: Path) -> Any:
    """What `write_array` wrote."""
    return np.load(path, allow_pickle=False)

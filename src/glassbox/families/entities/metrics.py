"""Entity metrics by exact match of boundaries and type, as in the CoNLL-2003 shared task and in seqeval.

``precision`` is the share of predicted spans that are correct, ``recall`` the share of true spans that are predicted, ``f1`` their
harmonic mean; all are micro-averaged over types. Confidence intervals are bootstrap percentiles over texts, or over documents where
there are any (Efron and Tibshirani 1993, ch. 13).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from glassbox.families.entities.spans import Span
from glassbox.request.model import Cost, task_row

Floats = npt.NDArray[np.float64]
_ROW = task_row("nlp", "spans")
assert _ROW is not None
NAMES = tuple(_ROW.metrics)
RESAMPLES: dict[Cost, int] = {"low": 500, "medium": 1000, "high": 2000}
_CELLS = 4_000_000


@dataclass(frozen=True)
class Counts:
    """The number of correct, predicted and true spans by text and type, of shape (texts, types) each.

    The bootstrap resamples the texts of a `cluster` together.
    """

    correct: Floats
    predicted: Floats
    true: Floats
    cluster: npt.NDArray[np.int64]
    types: list[str]

    @classmethod
    def of(
        cls,
        truth: Sequence[Sequence[Span]],
        predicted: Sequence[Sequence[Span]],
        types: Sequence[str],
        clusters: Sequence[str] | None = None,
    ) -> "Counts":
        """Count the matches of true and predicted spans, text by text."""
        column = {name: i for i, name in enumerate(types)}
        shape = (len(truth), len(types))
        correct, named, true = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        for i, (true_row, predicted_row) in enumerate(zip(truth, predicted, strict=True)):
            actual = set(true_row)
            for span in true_row:
                true[i, column[span.type]] += 1
            for span in predicted_row:
                named[i, column[span.type]] += 1
                correct[i, column[span.type]] += span in actual
        cluster = (
            np.arange(len(truth)) if clusters is None else np.unique(np.asarray(clusters, dtype=str), return_inverse=True)[1]
        )
        return cls(correct, named, true, cluster.astype(np.int64), list(types))

    def sums(self) -> Floats:
        """Return the correct, predicted and true spans over all types and texts."""
        return np.array([self.correct.sum(), self.predicted.sum(), self.true.sum()])

    def clustered(self) -> Floats:
        """Return the correct, predicted and true spans of each cluster, of shape (clusters, 3)."""
        rows = np.column_stack([self.correct.sum(axis=1), self.predicted.sum(axis=1), self.true.sum(axis=1)])
        sums = np.zeros((int(self.cluster.max(initial=-1)) + 1, 3))
        np.add.at(sums, self.cluster, rows)
        return sums


def scores(sums: Floats) -> dict[str, Floats]:
    """Return the metrics of sums of shape (..., 3); 0/0 is 0, as in seqeval.

    >>> {name: float(value) for name, value in scores(np.array([1.0, 2.0, 4.0])).items()}
    {'f1': 0.3333333333333333, 'precision': 0.5, 'recall': 0.25}
    """
    correct, predicted, true = sums[..., 0], sums[..., 1], sums[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        values = {"f1": 2 * correct / (predicted + true), "precision": correct / predicted, "recall": correct / true}
    return {name: np.nan_to_num(value) for name, value in values.items()}


def score(counts: Counts) -> dict[str, float]:
    """Return the metrics over all texts."""
    return {name: float(value) for name, value in scores(counts.sums()).items()}


def leading_metric(requirements: Mapping[str, Any]) -> str:
    """Return the metric for model selection: the first required one, else F1."""
    return next((name for name in requirements if name in NAMES), "f1")


def resampled(clusters: int, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield the number of times that each cluster is drawn, in blocks of shape (resamples of the block, clusters)."""
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, at_once := max(1, _CELLS // max(1, clusters))):
        some = min(at_once, resamples - start)
        drawn = rng.integers(0, clusters, size=(some, clusters)) + clusters * np.arange(some)[:, None]
        yield np.bincount(drawn.ravel(), minlength=some * clusters).reshape(some, clusters).astype(np.float64)


def bootstrap(counts: Sequence[Counts], resamples: int, seed: int) -> list[dict[str, Floats]]:
    """Return the metrics of bootstrap resamples for several counts of the same texts; all use the same draws."""
    tables = [count.clustered() for count in counts]
    sums = [np.concatenate([weights @ table for weights in resampled(len(table), resamples, seed)]) for table in tables]
    return [scores(table) for table in sums]

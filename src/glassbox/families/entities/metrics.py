"""Entity metrics by exact match of boundaries and type, as in the CoNLL-2003 shared task and in seqeval.

``precision`` is the share of predicted spans that are correct, ``recall`` the share of true spans that are predicted, ``f1`` their
harmonic mean; all are micro-averaged over types. Confidence intervals are bootstrap percentiles over texts, or over documents where
there are any (Efron and Tibshirani 1993, ch. 13).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from glassbox.families.entities.spans import Span
from glassbox.families.shared.bootstrap import percentile_interval, resample_weights
from glassbox.families.shared.micro_scores import micro_scores
from glassbox.findings.model import Estimate
from glassbox.request.tasks import TASKS

Floats = npt.NDArray[np.float64]
NAMES = TASKS["nlp"].answers["spans"].metrics


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


def score(counts: Counts) -> dict[str, float]:
    """Return the metrics over all texts."""
    return {name: float(value) for name, value in micro_scores(counts.sums()).items()}


def leading_metric(requirements: Mapping[str, Any]) -> str:
    """Return the metric for model selection: the first required metric, else F1."""
    return next((name for name in requirements if name in NAMES), "f1")


def bootstrap(counts: Sequence[Counts], resamples: int, seed: int) -> list[dict[str, Floats]]:
    """Return the metrics of bootstrap resamples for several counts of the same texts; all use the same draws."""
    tables = [count.clustered() for count in counts]
    sums = [np.concatenate([weights @ table for weights in resample_weights(len(table), resamples, seed)]) for table in tables]
    return [micro_scores(table) for table in sums]


def estimates(counts: Counts, *, resamples: int = 500, seed: int = 0) -> dict[str, Estimate]:
    """Return every metric with its 95 % bootstrap interval; `n` is the number of texts."""
    [drawn] = bootstrap([counts], resamples, seed)
    values = score(counts)
    return {name: percentile_interval(values[name], drawn[name], len(counts.correct)) for name in NAMES}


def paired_gain(better: Counts, worse: Counts, metric: str, *, resamples: int, seed: int) -> Estimate:
    """Return the difference in `metric` between two recognisers on the same texts, with its paired interval; above 0 is better."""
    drawn_better, drawn_worse = bootstrap([better, worse], resamples, seed)
    value = score(better)[metric] - score(worse)[metric]
    return percentile_interval(value, np.asarray(drawn_better[metric] - drawn_worse[metric]), len(better.correct))

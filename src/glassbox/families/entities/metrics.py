"""The metrics of spans, by exact match of both ends and the type, as the shared task of CoNLL-2003 and seqeval count them.

``precision`` is the share of the spans that were found which are right, ``recall`` the share of the true ones that were found, ``f1`` their
harmonic mean; over all types together (micro). Intervals are percentiles over resamples of the texts, or of whole documents where
texts belong to some (Efron and Tibshirani 1993, ch. 13).
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
    """For each text and type: spans that are right, found, and true; shape (texts, types) each. `cluster` is redrawn as one."""

    right: Floats
    found: Floats
    true: Floats
    cluster: npt.NDArray[np.int64]
    types: list[str]

    @classmethod
    def of(
        cls,
        truth: Sequence[Sequence[Span]],
        found: Sequence[Sequence[Span]],
        types: Sequence[str],
        clusters: Sequence[str] | None = None,
    ) -> "Counts":
        """Count matches; the order of the texts is theirs."""
        place = {name: i for i, name in enumerate(types)}
        shape = (len(truth), len(types))
        right, said, true = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        for i, (own, other) in enumerate(zip(truth, found, strict=True)):
            wanted = set(own)
            for span in own:
                true[i, place[span.type]] += 1
            for span in other:
                said[i, place[span.type]] += 1
                right[i, place[span.type]] += span in wanted
        names = np.arange(len(truth)) if clusters is None else np.unique(np.asarray(clusters, dtype=str), return_inverse=True)[1]
        return cls(right, said, true, names.astype(np.int64), list(types))

    def sums(self) -> Floats:
        """Right, found and true over all types and texts."""
        return np.array([self.right.sum(), self.found.sum(), self.true.sum()])

    def clustered(self) -> Floats:
        """(clusters, 3) right, found and true."""
        rows = np.column_stack([self.right.sum(axis=1), self.found.sum(axis=1), self.true.sum(axis=1)])
        made = np.zeros((int(self.cluster.max(initial=-1)) + 1, 3))
        np.add.at(made, self.cluster, rows)
        return made


def score(counts: Counts) -> dict[str, float]:
    """The metrics of all texts together."""
    return {name: float(value) for name, value in micro_scores(counts.sums()).items()}


def leading_metric(requirements: Mapping[str, Any]) -> str:
    """The metric that models are chosen by: the first one required, else F1."""
    return next((name for name in requirements if name in NAMES), "f1")


def bootstrap(counts: Sequence[Counts], resamples: int, seed: int) -> list[dict[str, Floats]]:
    """The metrics of resamples of the same texts, for several counts of them: each is judged on the same draws."""
    tables = [one.clustered() for one in counts]
    sums = [np.concatenate([weights @ table for weights in resample_weights(len(table), resamples, seed)]) for table in tables]
    return [micro_scores(one) for one in sums]


def estimates(counts: Counts, *, resamples: int = 500, seed: int = 0) -> dict[str, Estimate]:
    """Return every metric with its 95 % interval; `n` is the number of texts."""
    [drawn] = bootstrap([counts], resamples, seed)
    values = score(counts)
    return {name: percentile_interval(values[name], drawn[name], len(counts.right)) for name in NAMES}


def paired_gain(better: Counts, worse: Counts, metric: str, *, resamples: int, seed: int) -> Estimate:
    """Return how much better the first is than the second on the same texts, with its interval; above 0 is better."""
    one, other = bootstrap([better, worse], resamples, seed)
    value = score(better)[metric] - score(worse)[metric]
    return percentile_interval(value, np.asarray(one[metric] - other[metric]), len(better.right))

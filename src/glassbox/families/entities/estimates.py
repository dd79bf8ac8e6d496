"""Metrics of spans with their intervals, and by how much one recogniser is better than another on the same texts."""

import numpy as np

from glassbox.families.classification.metrics import interval
from glassbox.families.entities.metrics import NAMES, Counts, bootstrap, score
from glassbox.findings.model import Estimate


def estimates(counts: Counts, *, resamples: int = 500, seed: int = 0) -> dict[str, Estimate]:
    """Every metric with its 95 % interval; `n` is the number of texts."""
    [drawn] = bootstrap([counts], resamples, seed)
    values = score(counts)
    return {name: interval(values[name], drawn[name], len(counts.right)) for name in NAMES}


def paired_gain(better: Counts, worse: Counts, metric: str, *, resamples: int, seed: int) -> Estimate:
    """How much better the first is than the second on the same texts, with its interval; above 0 is better."""
    one, other = bootstrap([better, worse], resamples, seed)
    value = score(better)[metric] - score(worse)[metric]
    return interval(value, np.asarray(one[metric] - other[metric]), len(better.right))

"""Bootstrap confidence intervals for entity metrics, and for the difference between two recognisers on the same texts."""

import numpy as np

from glassbox.families.classification.metrics import interval
from glassbox.families.entities.metrics import NAMES, Counts, bootstrap, score
from glassbox.findings.model import Estimate


def estimates(counts: Counts, *, resamples: int = 500, seed: int = 0) -> dict[str, Estimate]:
    """Return every metric with its 95 % confidence interval; `n` is the number of texts."""
    [drawn] = bootstrap([counts], resamples, seed)
    values = score(counts)
    return {name: interval(values[name], drawn[name], len(counts.correct)) for name in NAMES}


def paired_gain(better: Counts, worse: Counts, metric: str, *, resamples: int, seed: int) -> Estimate:
    """Return the difference in a metric between two recognisers on the same texts, with its confidence interval."""
    better_draws, worse_draws = bootstrap([better, worse], resamples, seed)
    value = score(better)[metric] - score(worse)[metric]
    return interval(value, np.asarray(better_draws[metric] - worse_draws[metric]), len(better.correct))

"""The metric of a labelled batch of texts, for monitoring."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.entities.metrics import leading_metric
from glassbox.families.entities.spans import read_spans
from glassbox.families.protocol import BatchMetric
from glassbox.families.shared.micro_scores import micro_scores


def batch_metric(requirements: Mapping[str, Any]) -> BatchMetric:
    """Return the metric of a batch, by exact match of spans over all types."""
    metric = leading_metric(requirements)

    def score(truth: pd.Series, predictions: pd.DataFrame) -> float:
        correct = predicted = true = 0
        for true_cell, predicted_cell in zip(truth.tolist(), predictions["y_pred"].tolist(), strict=True):
            expected, given = _spans(true_cell), _spans(predicted_cell)
            correct, predicted, true = correct + len(expected & given), predicted + len(given), true + len(expected)
        return float(micro_scores(np.array([correct, predicted, true], dtype=np.float64))[metric])

    return BatchMetric(metric, True, score)


def _spans(cell: str) -> set[Any]:
    spans = read_spans(cell)
    return set() if isinstance(spans, str) else set(spans)

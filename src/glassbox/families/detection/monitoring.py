"""The metric of a labelled batch of images, for monitoring."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from glassbox.families.detection.boxes import read_boxes
from glassbox.families.detection.dataset import labels_of
from glassbox.families.detection.metrics import Matches, joined, leading_metric, score
from glassbox.families.protocol import BatchMetric


def batch_metric(truth: pd.Series, requirements: Mapping[str, Any]) -> BatchMetric:
    """Return the metric of a batch, over the labels of train. Each image is matched once, however often it is drawn."""
    metric = leading_metric(requirements)
    labels = labels_of(read_boxes(cell) for cell in truth)
    matched: dict[tuple[str, str], Matches] = {}

    def match(true_cell: str, predicted_cell: str) -> Matches:
        if (true_cell, predicted_cell) not in matched:
            true, predicted = ([box for box in read_boxes(cell) if box.label in labels] for cell in (true_cell, predicted_cell))
            matched[true_cell, predicted_cell] = Matches.of([true], [predicted], labels)
        return matched[true_cell, predicted_cell]

    def metric_of(truth: pd.Series, predictions: pd.DataFrame) -> float:
        pairs = zip(truth.tolist(), predictions["y_pred"].tolist(), strict=True)
        return score(joined([match(true, predicted) for true, predicted in pairs]), 0.0)[metric]

    return BatchMetric(metric, True, metric_of)

"""The table of metrics: display name, direction, range and required predictions."""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """One row of the metric table.

    Attributes
    ----------
    name
        The metric's name in requests and in saved products.
    label
        The display name, for sentences and tables.
    higher_is_better
        Whether a higher value is better.
    low, high
        The lowest and the highest possible value. A bound on a metric with a finite highest value may be given in percent.
    needs
        The predictions that the metric compares with the truth: class, span or box `labels` after the decision threshold,
        class `probabilities`, `points` (numeric predictions), `quantiles`, `boxes` with scores, or `requests` to the running
        service, whatever it predicts.
    unit
        The unit of the values; empty for plain numbers.
    """

    name: str
    label: str
    higher_is_better: bool
    low: float = 0.0
    high: float = 1.0
    needs: Literal["labels", "probabilities", "points", "quantiles", "boxes", "requests"] = "labels"
    unit: str = ""


_ROWS = (
    # Classes, spans and boxes
    Metric("roc_auc", "ROC-AUC", True, needs="probabilities"),
    Metric("average_precision", "average precision", True, needs="probabilities"),
    Metric("accuracy", "accuracy", True),
    Metric("balanced_accuracy", "balanced accuracy", True),
    Metric("f1", "F1", True),
    Metric("precision", "precision", True),
    Metric("recall", "recall", True),
    Metric("log_loss", "log loss", False, high=math.inf, needs="probabilities"),
    Metric("brier", "Brier score", False, needs="probabilities"),
    Metric("calibration_error", "calibration error", False, needs="probabilities"),
    Metric("map", "mean average precision", True, needs="boxes"),
    Metric("map_50", "mean average precision at IoU 0.5", True, needs="boxes"),
    Metric("map_75", "mean average precision at IoU 0.75", True, needs="boxes"),
    # Numbers
    Metric("mase", "MASE", False, high=math.inf, needs="points"),
    Metric("rmsse", "RMSSE", False, high=math.inf, needs="points"),
    Metric("smape", "sMAPE", False, high=2.0, needs="points"),
    Metric("pinball", "scaled pinball loss", False, high=math.inf, needs="quantiles"),
    Metric("coverage", "coverage of 90 % intervals", True, needs="quantiles"),
    Metric("mae", "MAE", False, high=math.inf, needs="points"),
    Metric("rmse", "RMSE", False, high=math.inf, needs="points"),
    Metric("season_error", "scaled error of the seasonal mean", False, high=math.inf, needs="points"),
    # The running service
    Metric("latency", "p95 latency", False, high=math.inf, needs="requests", unit="ms"),
    Metric("latency_p50", "p50 latency", False, high=math.inf, needs="requests", unit="ms"),
    Metric("latency_p99", "p99 latency", False, high=math.inf, needs="requests", unit="ms"),
)
METRICS = {metric.name: metric for metric in _ROWS}


def higher_is_better(name: str) -> bool:
    """Return whether a higher value of a metric is better; True for an unknown metric.

    >>> higher_is_better("roc_auc"), higher_is_better("log_loss")
    (True, False)
    """
    return METRICS[name].higher_is_better if name in METRICS else True

"""Micro-averaged precision, recall and F1 of set predictions, such as spans in a text or boxes on an image."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def micro_scores(sums: Floats) -> dict[str, Floats]:
    """Compute F1, precision and recall from counts of correct, predicted and true items, (..., 3); 0/0 is 0, as in seqeval.

    >>> {name: float(value) for name, value in micro_scores(np.array([1.0, 2.0, 4.0])).items()}
    {'f1': 0.3333333333333333, 'precision': 0.5, 'recall': 0.25}
    """
    correct, predicted, true = sums[..., 0], sums[..., 1], sums[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        metrics = {"f1": 2 * correct / (predicted + true), "precision": correct / predicted, "recall": correct / true}
    return {name: np.nan_to_num(value) for name, value in metrics.items()}

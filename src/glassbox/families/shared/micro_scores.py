"""Precision, recall and F1 of predictions that are sets of things: spans in a text, boxes on an image."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def micro_scores(sums: Floats) -> dict[str, Floats]:
    """The metrics of sums of shape (..., 3); what is 0/0 is 0, as seqeval has it.

    >>> {name: float(value) for name, value in scores(np.array([1.0, 2.0, 4.0])).items()}
    {'f1': 0.3333333333333333, 'precision': 0.5, 'recall': 0.25}
    """
    right, found, true = sums[..., 0], sums[..., 1], sums[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        made = {"f1": 2 * right / (found + true), "precision": right / found, "recall": right / true}
    return {name: np.nan_to_num(value) for name, value in made.items()}

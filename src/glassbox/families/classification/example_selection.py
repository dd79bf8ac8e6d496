"""Selection of example rows to explain: the most confident correct one, the most confident error, the least certain one."""

from dataclasses import dataclass

import numpy as np

from glassbox.families.classification.calibration.apply import Codes, Floats
from glassbox.families.classification.calibration.apply import label as labelled


@dataclass(frozen=True)
class Example:
    """A selected row: the reason, its position and its predicted class."""

    why: str
    at: int
    label: int  # predicted class code


def select_examples(proba: Floats, truth: Codes, positive: int, threshold: float | None) -> list[Example]:
    """Select the most confident correct row (predicted positive if there is one), the most confident error, and the least certain row.

    Parameters
    ----------
    proba
        (rows, classes).
    truth
        (rows,) class codes.
    positive, threshold
        The positive class and its decision threshold; without a threshold, the most probable class is predicted.
    """
    predicted = labelled(proba, positive, threshold)
    if threshold is None or proba.shape[1] != 2:
        ordered = np.sort(proba, axis=1)
        confidence = ordered[:, -1] - ordered[:, -2]
    else:
        p, cutoff = proba[:, positive], float(np.clip(threshold, 1e-9, 1 - 1e-9))
        confidence = np.where(p >= cutoff, (p - cutoff) / (1 - cutoff), (cutoff - p) / cutoff)
    correct = predicted == truth
    correct_pool = correct & (predicted == positive) if (correct & (predicted == positive)).any() else correct
    chosen = []
    for reason, pool in (("Most confident and correct", correct_pool), ("Most confident error", ~correct)):
        if pool.any():
            chosen.append((reason, int(np.where(pool, confidence, -1.0).argmax())))
    chosen.append(("Least certain", int(confidence.argmin())))
    return [Example(reason, row, int(predicted[row])) for reason, row in chosen]

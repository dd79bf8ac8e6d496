"""Rows that are worth a look: where the model was surest, right and wrong, and where it could not decide."""

from dataclasses import dataclass

import numpy as np

from glassbox.families.classification.calibration.apply import Codes, Floats
from glassbox.families.classification.calibration.apply import label as labelled


@dataclass(frozen=True)
class Example:
    """A row that is worth a look, and why it was chosen."""

    why: str
    at: int
    label: int  # what the model said, by number of class


def worth_a_look(proba: Floats, truth: Codes, positive: int, threshold: float | None) -> list[Example]:
    """The surest row that was right (if there are such, one called positive), the surest that was wrong, the most undecided.

    Parameters
    ----------
    proba
        (rows, classes).
    truth
        (rows,) classes by number.
    positive, threshold
        From which probability of the positive class on a row is called so; None: the most probable class.
    """
    said = labelled(proba, positive, threshold)
    if threshold is None or proba.shape[1] != 2:
        ordered = np.sort(proba, axis=1)
        sure = ordered[:, -1] - ordered[:, -2]
    else:
        p, middle = proba[:, positive], float(np.clip(threshold, 1e-9, 1 - 1e-9))
        sure = np.where(p >= middle, (p - middle) / (1 - middle), (middle - p) / middle)
    right = said == truth
    hits = right & (said == positive) if (right & (said == positive)).any() else right
    chosen = []
    for why, among in (("Surest and right", hits), ("Surest and wrong", ~right)):
        if among.any():
            chosen.append((why, int(np.where(among, sure, -1.0).argmax())))
    chosen.append(("Most undecided", int(sure.argmin())))
    return [Example(why, at, int(said[at])) for why, at in chosen]

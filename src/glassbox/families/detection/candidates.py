"""What is tried when nobody says otherwise, and how much is searched."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassbox.families.detection.boxes import Box
from glassbox.families.shared.candidates import Candidate
from glassbox.request.model import Cost

# Counted, never timed: a slower machine gives the same answer later.
TRIALS: dict[Cost, int] = {"low": 1, "medium": 2, "high": 12}
EPOCHS: dict[Cost, int] = {"low": 8, "medium": 16, "high": 40}
FROM_NOTHING = 3  # times as many epochs, where nothing is known to begin with
SMALL, MANY = (
    40.0,
    0.25,
)  # pixels of the side of an object below which it is small as seen, and the share of them from which on they count


def candidates(cost: Cost, backbones: Sequence[str], detector: bool, finest: int) -> list[Candidate]:
    """From saying nothing to a detector that learns.

    Parameters
    ----------
    backbones
        The names of the request's pretrained networks.
    detector
        Whether the request names a detector as it comes.
    finest
        The stride of the finest maps that are read, as `finest_stride` finds it.
    """
    found = [Candidate(name="nothing", kind="nothing")]
    if detector:
        found.append(Candidate(name="detector as it comes", kind="as_it_comes"))
    asked: dict[str, Any] = {"epochs": EPOCHS[cost], "batch": 8, "learning_rate": 2e-3, "finest": finest}
    for place, name in enumerate(backbones if cost == "high" else backbones[:1]):
        params = {**asked, "backbone": place, "unfrozen": "half"}
        found.append(Candidate(name=f"detector on {name}", kind="detector", params=params))
    if not backbones:
        params = {**asked, "epochs": FROM_NOTHING * EPOCHS[cost], "start": "nothing"}
        found.append(Candidate(name="detector from nothing", kind="detector", params=params))
    return found


def finest_stride(boxes: Sequence[Sequence[Box]], sizes: Sequence[tuple[int, int]], side: int) -> int:
    """8 where many objects are small at the size that detectors see, else 16, in half of the time.

    >>> finest_stride([[Box(0, 0, 10, 10, "a")]], [(100, 100)], 320), finest_stride([[Box(0, 0, 90, 90, "a")]], [(100, 100)], 320)
    (8, 16)
    """
    seen = [(box.width * box.height) ** 0.5 * side / max(size) for row, size in zip(boxes, sizes, strict=True) for box in row]
    return 8 if seen and float(np.mean(np.array(seen) < SMALL)) >= MANY else 16

"""Default candidates and search spaces for object detection."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassbox.families.detection.boxes import Box
from glassbox.families.protocol import Effort, Space
from glassbox.families.shared.candidates import Candidate
from glassbox.request.model import Cost

FROM_SCRATCH = 3  # times as many epochs, where there is no pretrained backbone
SMALL = 40.0  # pixels: an object whose side is below this, at the size that detectors see, is small
MANY_SMALL = 0.25  # share of small objects from which a finer stride is used


def candidates(cost: Cost, effort: Effort, backbones: Sequence[str], has_detector: bool, finest: int) -> list[Candidate]:
    """Return the default candidates, from an empty baseline to trained detectors.

    Parameters
    ----------
    backbones
        The names of the request's pretrained networks.
    has_detector
        True if the request names a pretrained detector.
    finest
        The stride of the finest feature maps, from `finest_stride`.
    """
    defaults = [Candidate(name="nothing", kind="nothing")]
    if has_detector:
        defaults.append(Candidate(name="pretrained detector", kind="pretrained"))
    epochs = effort.sizes["epochs"]
    settings: dict[str, Any] = {"epochs": epochs, "batch": 8, "learning_rate": 2e-3, "finest": finest}
    for index, name in enumerate(backbones if cost == "high" else backbones[:1]):
        params = {**settings, "backbone": index, "unfrozen": "half"}
        defaults.append(Candidate(name=f"detector on {name}", kind="detector", params=params))
    if not backbones:
        params = {**settings, "epochs": FROM_SCRATCH * epochs, "start": "nothing"}
        defaults.append(Candidate(name="detector from scratch", kind="detector", params=params))
    return defaults


def search_space(candidate: Candidate, side: int) -> Space:
    """Return the default search space of a candidate; empty if its kind has no hyperparameters to search."""
    if candidate.kind != "detector":
        return {}
    return {
        "learning_rate": {"low": 0.001, "high": 0.004, "log": True},
        "zoom": {"low": 0.2, "high": 0.6},
        "colour": {"low": 0.0, "high": 0.3},
        "side": [side, 3 * side // 4],
        "unfrozen": ["block", "half"],
    }


def finest_stride(boxes: Sequence[Sequence[Box]], sizes: Sequence[tuple[int, int]], side: int) -> int:
    """Return stride 8 if many objects are small at the input size of detectors, else 16, which halves the training time.

    >>> finest_stride([[Box(0, 0, 10, 10, "a")]], [(100, 100)], 320), finest_stride([[Box(0, 0, 90, 90, "a")]], [(100, 100)], 320)
    (8, 16)
    """
    sides = [(box.width * box.height) ** 0.5 * side / max(size) for row, size in zip(boxes, sizes, strict=True) for box in row]
    return 8 if sides and float(np.mean(np.array(sides) < SMALL)) >= MANY_SMALL else 16

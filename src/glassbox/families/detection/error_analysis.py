"""Error analysis of a detector at IoU 0.5, with the error types of TIDE (Bolya et al. 2020; see also Hoiem et al. 2012).

The kind of a predicted box is the first of these that applies:

- ``correct``: it is matched to an object of its label, as in the metrics;
- ``duplicate``: IoU 0.5 or more with an object of its label that is matched to a box with a higher score;
- ``localisation error``: the label is right, but the IoU is between 0.1 and 0.5;
- ``classification error``: IoU 0.5 or more with an object of another label;
- ``classification and localisation error``: IoU between 0.1 and 0.5 with an object of another label;
- ``background``: IoU below 0.1 with all objects.

An object is ``detected`` if a correct box is matched to it, and ``missed`` otherwise. So correct boxes and missed objects add up to the
number of objects, and (unlike in TIDE) an object with only a localisation error on it is missed too.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glassbox.families.detection.boxes import Box, Floats, iou, scores_of, xywh
from glassbox.families.detection.metrics import best_first, match_boxes

CORRECT, DUPLICATE, LOCALISATION, CLASSIFICATION = "correct", "duplicate", "localisation error", "classification error"
BOTH, BACKGROUND, MISSED = "classification and localisation error", "background", "missed"
KINDS = (CORRECT, DUPLICATE, LOCALISATION, CLASSIFICATION, BOTH, BACKGROUND, MISSED)
FOREGROUND_IOU, BACKGROUND_IOU = 0.5, 0.1


@dataclass(frozen=True)
class BoxOutcome:
    """The outcome of a predicted box.

    Attributes
    ----------
    kind
        One of `KINDS`, except ``missed``.
    object
        The index of the object that the kind refers to; None for ``background``.
    iou
        The IoU with that object.
    """

    kind: str
    object: int | None = None
    iou: float = 0.0


@dataclass(frozen=True)
class ErrorAnalysis:
    """The outcomes of all predicted boxes and all objects.

    Attributes
    ----------
    counts
        The number of boxes of each of `KINDS`, in that order.
    predicted
        The outcome of each predicted box of each image; None where its score is below the threshold, or where a hundred boxes of its
        label on the image have a higher score.
    true
        The outcome of each true box of each image, ``detected`` or ``missed``.
    """

    counts: dict[str, int]
    predicted: list[list[BoxOutcome | None]]
    true: list[list[str]]


def analyse_errors(truth: Sequence[Sequence[Box]], predicted: Sequence[Sequence[Box]], threshold: float) -> ErrorAnalysis:
    """Classify all predicted boxes with a score of at least `threshold`, and all objects.

    Examples
    --------
    >>> truth = [[Box(0, 0, 10, 10, "Pear"), Box(50, 50, 10, 10, "Apple")]]
    >>> analysis = analyse_errors(truth, [[Box(0, 0, 10, 10, "Pear", 0.9), Box(0, 0, 10, 9, "Pear", 0.8)]], 0.5)
    >>> {kind: count for kind, count in analysis.counts.items() if count}
    {'correct': 1, 'duplicate': 1, 'missed': 1}
    """
    images = [_analyse_image(true, boxes, threshold) for true, boxes in zip(truth, predicted, strict=True)]
    tally = Counter(outcome.kind for outcomes, _ in images for outcome in outcomes if outcome is not None)
    tally[MISSED] = sum(kind == MISSED for _, true in images for kind in true)
    return ErrorAnalysis(
        {kind: tally[kind] for kind in KINDS}, [outcomes for outcomes, _ in images], [true for _, true in images]
    )


def _analyse_image(true: Sequence[Box], predicted: Sequence[Box], threshold: float) -> tuple[list[BoxOutcome | None], list[str]]:
    overlaps = iou(xywh(predicted), xywh(true))
    matched = _match_all_labels(true, predicted)
    above = scores_of(predicted) >= threshold
    labels = [box.label for box in true]
    outcomes: list[BoxOutcome | None] = []
    for i, box in enumerate(predicted):
        same_label = np.array([label == box.label for label in labels], dtype=bool)
        outcomes.append(_outcome(overlaps[i], same_label, matched[i]) if i in matched and above[i] else None)
    detected = {outcome.object for outcome in outcomes if outcome is not None and outcome.kind == CORRECT}
    return outcomes, ["detected" if i in detected else MISSED for i in range(len(true))]


def _match_all_labels(true: Sequence[Box], predicted: Sequence[Box]) -> dict[int, int]:
    """Return the index of the object that is matched to each ranked box, or -1."""
    matched: dict[int, int] = {}
    for label in {box.label for box in predicted}:
        candidates = [i for i, box in enumerate(predicted) if box.label == label]
        objects = [i for i, box in enumerate(true) if box.label == label]
        ranked = [candidates[j] for j in best_first([predicted[i] for i in candidates])]
        [matches] = match_boxes([predicted[i] for i in ranked], [true[i] for i in objects], np.array([FOREGROUND_IOU]))
        matched.update({i: objects[j] if j >= 0 else -1 for i, j in zip(ranked, matches, strict=True)})
    return matched


def _outcome(overlaps: Floats, same_label: npt.NDArray[np.bool_], match: int) -> BoxOutcome:
    """Classify a box by its IoU with each object; `match` is the object that it is matched to, or -1."""
    if match >= 0:
        return BoxOutcome(CORRECT, match, float(overlaps[match]))
    for kind, objects, least in (
        (DUPLICATE, same_label, FOREGROUND_IOU),
        (LOCALISATION, same_label, BACKGROUND_IOU),
        (CLASSIFICATION, ~same_label, FOREGROUND_IOU),
        (BOTH, ~same_label, BACKGROUND_IOU),
    ):
        ious = np.where(objects, overlaps, -1.0)
        if ious.max(initial=-1.0) >= least:
            return BoxOutcome(kind, int(ious.argmax()), float(ious.max()))
    return BoxOutcome(BACKGROUND)

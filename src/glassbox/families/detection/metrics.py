"""The metrics of boxes, as COCO defines and pycocotools computes them (Lin et al. 2014, "Microsoft COCO", and its `COCOeval`).

Average precision: on each picture the boxes of a label, from the highest score down, each take the true box of that label that they
cover best and that is still free, if their IoU is at least a threshold; at most 100 boxes a picture and label are looked at. Over all
pictures, again from the highest score down, precision is made not to rise with recall, and read at the 101 recalls 0, 0.01, …, 1;
their mean is the average precision. ``map`` is its mean over the IoU thresholds 0.50, 0.55, …, 0.95 and over labels, ``map_50`` and
``map_75`` are at one threshold. A label without a true box does not count. Of COCO's ranges of area only "all" is computed, and
there are no crowds. Equal scores stay in the order of the pictures and boxes, as a stable sort leaves them.

``precision``, ``recall`` and ``f1`` are of the boxes with at least a given score, at IoU 0.5, over all labels together (micro).

Intervals are percentiles over resamples of the pictures (Efron and Tibshirani 1993, ch. 13). A picture that is drawn twice counts
twice; what was matched on it stays as it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from glassbox.families.classification.metrics import interval
from glassbox.families.detection.boxes import Box, iou, xywh, scores_of
from glassbox.families.entities.metrics import resampled
from glassbox.families.entities.metrics import scores as of_counts
from glassbox.findings.model import Estimate
from glassbox.request.model import Cost

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NAMES = ("map", "map_50", "map_75", "f1", "precision", "recall")
THRESHOLDED = ("f1", "precision", "recall")  # they judge boxes above a score, not rankings
RESAMPLES: dict[Cost, int] = {"low": 500, "medium": 1000, "high": 2000}
IOUS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
MAX_DETECTIONS = 100  # boxes of one label on one picture
_AT_50, _AT_75 = 0, 5
_CELLS = 2_000_000  # resamples × boxes that are held in memory at once


@dataclass(frozen=True)
class RankedBoxes:
    """The predicted boxes of one label on all pictures, from the highest score down.

    Attributes
    ----------
    picture, score
        (n,) which picture each is on, and its score.
    right
        (IoU thresholds, n) whether it took a true box.
    """

    picture: Ints
    score: Floats
    right: Flags


@dataclass(frozen=True)
class Matches:
    """What was matched on each picture: of every label its ranked boxes, and (pictures, labels) how many are true."""

    labels: list[str]
    ranked: list[RankedBoxes]
    true: Floats

    @classmethod
    def of(cls, truth: Sequence[Sequence[Box]], found: Sequence[Sequence[Box]], labels: Sequence[str]) -> "Matches":
        """Match the boxes of each picture once; the order of the pictures is theirs.

        Raises
        ------
        ValueError
            When a box has a label that is not among `labels`, or a predicted one has no score.
        """
        unknown = {box.label for boxes in (*truth, *found) for box in boxes} - set(labels)
        if unknown:
            raise ValueError(f"boxes of labels that are not known: {', '.join(sorted(unknown))}")
        pairs = list(zip(truth, found, strict=True))
        true = np.array([[sum(box.label == name for box in own) for name in labels] for own, _ in pairs], dtype=np.float64)
        return cls(list(labels), [_ranked(pairs, name) for name in labels], true.reshape(len(pairs), len(labels)))

    @property
    def pictures(self) -> int:
        return len(self.true)

    @property
    def found(self) -> int:
        """How many boxes were predicted."""
        return sum(len(ranked.score) for ranked in self.ranked)


def _ranked(pairs: Sequence[tuple[Sequence[Box], Sequence[Box]]], label: str) -> RankedBoxes:
    pictures, scores, right = [], [], []
    for i, (own, other) in enumerate(pairs):
        said = [box for box in other if box.label == label]
        by = best_first(said)
        takes = match_boxes([said[j] for j in by], [box for box in own if box.label == label], IOUS)
        pictures.append(np.full(len(by), i, dtype=np.int64))
        scores.append(scores_of(said)[by])
        right.append(takes >= 0)
    score = np.concatenate(scores) if scores else np.zeros(0)
    order = np.argsort(-score, kind="mergesort")
    if not len(order):
        return RankedBoxes(np.zeros(0, dtype=np.int64), score, np.zeros((len(IOUS), 0), dtype=bool))
    return RankedBoxes(np.concatenate(pictures)[order], score[order], np.concatenate(right, axis=1)[:, order])


def joined(parts: Sequence[Matches]) -> Matches:
    """The matches of several sets of pictures as those of one; their labels are the same."""
    starts = np.cumsum([0, *(part.pictures for part in parts)])
    ranked = []
    for rows in zip(*(part.ranked for part in parts), strict=True):
        score = np.concatenate([row.score for row in rows])
        picture = np.concatenate([row.picture + start for row, start in zip(rows, starts[:-1], strict=True)])
        order = np.argsort(-score, kind="mergesort")
        ranked.append(RankedBoxes(picture[order], score[order], np.concatenate([row.right for row in rows], axis=1)[:, order]))
    return Matches(parts[0].labels, ranked, np.concatenate([part.true for part in parts]))


def best_first(boxes: Sequence[Box]) -> Ints:
    """Places of at most 100 boxes, from the highest score down; equal scores stay in their order."""
    return np.argsort(-scores_of(boxes), kind="mergesort")[:MAX_DETECTIONS].astype(np.int64)


def match_boxes(said: Sequence[Box], true: Sequence[Box], thresholds: Floats) -> Ints:
    """Which true box each predicted one takes, the best first.

    Parameters
    ----------
    said, true
        n and m boxes of one label on one picture; `said` by descending score.
    thresholds
        (t,) the least IoU.

    Returns
    -------
    array of shape (t, n)
        The place in `true`, or -1. Of several that are covered as well, the last one is taken, as pycocotools does.
    """
    found = np.full((len(thresholds), len(said)), -1, dtype=np.int64)
    covered = iou(xywh(said), xywh(true))
    free = np.ones((len(thresholds), len(true)), dtype=bool)
    least = np.minimum(thresholds, 1 - 1e-10)[:, None]
    for i in np.flatnonzero(covered.max(axis=1, initial=0.0) >= least.min()) if len(true) else []:
        may = np.where(free & (covered[i] >= least), covered[i], -1.0)
        best = len(true) - 1 - may[:, ::-1].argmax(axis=1)
        takes = np.flatnonzero(may[np.arange(len(thresholds)), best] >= 0)
        found[takes, i] = best[takes]
        free[takes, best[takes]] = False
    return found


# ------------------------------------------------------------------------------------------------------------ metrics


def leading_metric(requirements: Mapping[str, Any]) -> str:
    """The metric that models are chosen by: the first one required that judges rankings, else ``map``.

    The others wait for a score threshold, which is only chosen once the model stands.
    """
    return next((name for name in requirements if name in NAMES and name not in THRESHOLDED), "map")


def score(matches: Matches, threshold: float) -> dict[str, float]:
    """The metrics of all pictures; `threshold` is the least score of the boxes that ``precision``, ``recall`` and ``f1`` judge.

    Without a true box average precision is not defined: NaN. What is 0/0 of the others is 0.

    Examples
    --------
    One object is found, and another one seen where none is, with less certainty.

    >>> own, other = Box(0, 0, 10, 10, "Pear"), Box(0, 0, 10, 10, "Pear", 0.9)
    >>> matches = Matches.of([[own]], [[other, Box(50, 50, 10, 10, "Pear", 0.5)]], ["Pear"])
    >>> found = score(matches, 0.4)
    >>> round(found["map"], 6), found["precision"], found["recall"]
    (1.0, 0.5, 1.0)
    """
    found = _weighted(matches, threshold, np.ones((1, matches.pictures)))
    return {name: float(found[name][0]) for name in NAMES}


def by_label(matches: Matches) -> dict[str, dict[str, float]]:
    """Of each label its average precision (``map``, ``map_50``, ``map_75``), NaN without a true box, and how many boxes are ``true``."""
    precisions = _average_precisions(matches, np.ones((1, matches.pictures)))[0]
    return {
        label: {
            "map": float(row.mean()),
            "map_50": float(row[_AT_50]),
            "map_75": float(row[_AT_75]),
            "true": float(matches.true[:, i].sum()),
        }
        for i, (label, row) in enumerate(zip(matches.labels, precisions, strict=True))
    }


def _weighted(matches: Matches, threshold: float, weights: Floats) -> dict[str, Floats]:
    """The metrics under (resamples, pictures) weights: how often each picture counts."""
    precisions = _average_precisions(matches, weights)
    return {
        "map": _mean_known(precisions.mean(axis=2)),
        "map_50": _mean_known(precisions[:, :, _AT_50]),
        "map_75": _mean_known(precisions[:, :, _AT_75]),
        **of_counts(weights @ _counted(matches, threshold)),
    }


def _mean_known(values: Floats) -> Floats:
    """The mean over labels (columns) of those that are defined."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.asarray(np.divide(total, known.sum(axis=1), out=np.full(len(values), np.nan), where=known.any(axis=1)))


def _counted(matches: Matches, threshold: float) -> Floats:
    """(pictures, 3) boxes that are right, found and true, at IoU 0.5 and with at least the score `threshold`.

    Since boxes choose from the highest score down, leaving out low scores changes nothing of what the others took.
    """
    counts = np.zeros((matches.pictures, 3))
    counts[:, 2] = matches.true.sum(axis=1)
    for ranked in matches.ranked:
        kept = ranked.score >= threshold
        np.add.at(counts[:, 0], ranked.picture[kept], ranked.right[_AT_50, kept])
        np.add.at(counts[:, 1], ranked.picture[kept], 1)
    return counts


def _average_precisions(matches: Matches, weights: Floats) -> Floats:
    """(resamples, labels, IoU thresholds); NaN where a label has no true box in a resample."""
    made = np.empty((len(weights), len(matches.labels), len(IOUS)))
    for k, ranked in enumerate(matches.ranked):
        at_once = max(1, _CELLS // max(1, len(ranked.score)))
        for start in range(0, len(weights), at_once):
            some = weights[start : start + at_once]
            made[start : start + at_once, k] = _of_label(ranked, some, some @ matches.true[:, k])
    return made


def _of_label(ranked: RankedBoxes, weights: Floats, true: Floats) -> Floats:
    """(resamples, IoU thresholds) the average precision of one label with (resamples,) `true` boxes.

    Only the boxes that are right are looked at: at the others recall does not rise, and precision is not above that of the last right
    one. A box that counts k times is k right ones in a row, along which precision rises: the last of them stands for all.
    """
    drawn = weights[:, ranked.picture]
    seen = np.cumsum(drawn, axis=1)
    made = np.full((len(weights), len(IOUS)), np.nan)
    for t, right in enumerate(ranked.right):
        at = np.flatnonzero(right)
        hits = np.cumsum(drawn[:, at], axis=1)
        precision = hits / (seen[:, at] + np.spacing(1))
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        read = np.column_stack([precision, np.zeros(len(weights))])  # a recall that is not reached: 0
        for i in np.flatnonzero(true > 0):
            made[i, t] = read[i, np.searchsorted(hits[i] / true[i], RECALLS, side="left")].mean()
    return made


# --------------------------------------------------------------------------------------------------------- intervals


def bootstrap(matches: Sequence[Matches], thresholds: Sequence[float], resamples: int, seed: int) -> Iterator[dict[str, Floats]]:
    """The metrics of resamples of the same pictures, for the matches of several models: each is judged on the same draws."""
    for one, threshold in zip(matches, thresholds, strict=True):
        parts = [_weighted(one, threshold, weights) for weights in resampled(one.pictures, resamples, seed)]
        yield {name: np.concatenate([part[name] for part in parts]) for name in NAMES}


def estimates(matches: Matches, threshold: float, *, resamples: int = 500, seed: int = 0) -> dict[str, Estimate]:
    """Every metric with its 95 % interval; `n` is the number of pictures."""
    [drawn] = bootstrap([matches], [threshold], resamples, seed)
    values = score(matches, threshold)
    return {name: interval(values[name], drawn[name], matches.pictures) for name in NAMES}


def paired_gain(
    better: Matches, worse: Matches, metric: str, thresholds: tuple[float, float], *, resamples: int = 500, seed: int = 0
) -> Estimate:
    """How much better the first is than the second on the same pictures, each at its own threshold, with its interval."""
    one, other = bootstrap([better, worse], thresholds, resamples, seed)
    value = score(better, thresholds[0])[metric] - score(worse, thresholds[1])[metric]
    return interval(value, np.asarray(one[metric] - other[metric]), better.pictures)

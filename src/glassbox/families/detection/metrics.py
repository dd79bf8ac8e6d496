"""Detection metrics as defined by COCO and computed by pycocotools (Lin et al. 2014, "Microsoft COCO", and its `COCOeval`).

Average precision: on each image the boxes of a label are matched by descending score. Each is matched to the unmatched true box of its
label with the highest IoU, if that IoU reaches the threshold; at most 100 boxes of a label on an image are considered. Over all images,
again by descending score, precision is made non-increasing in recall and interpolated at the 101 recalls 0, 0.01, …, 1; the mean is the
average precision. ``map`` is its mean over the IoU thresholds 0.50, 0.55, …, 0.95 and over labels, ``map_50`` and ``map_75`` are at one
threshold. Labels without a true box are excluded. Of COCO's area ranges only "all" is computed, and there are no crowd annotations. Equal
scores stay in the order of the images and boxes (stable sort).

``precision``, ``recall`` and ``f1`` are micro-averages over the boxes with at least a given score, at IoU 0.5.

Intervals are bootstrap percentiles over resampled images (Efron and Tibshirani 1993, ch. 13). An image that is drawn twice counts twice;
its matches do not change.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from glassbox.families.detection.boxes import Box, iou, scores_of, xywh
from glassbox.families.shared.bootstrap import percentile_interval, resample_weights
from glassbox.families.shared.micro_scores import micro_scores
from glassbox.findings.model import Estimate

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

NAMES = ("map", "map_50", "map_75", "f1", "precision", "recall")
THRESHOLDED = ("f1", "precision", "recall")  # metrics of the boxes above a score threshold
IOUS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
MAX_DETECTIONS = 100  # boxes of one label on one image
_AT_50, _AT_75 = 0, 5
_CELLS = 2_000_000  # resamples × boxes in memory at once


@dataclass(frozen=True)
class RankedBoxes:
    """The predicted boxes of one label on all images, by descending score.

    Attributes
    ----------
    picture, score
        (n,) the index of the image of each box, and its score.
    right
        (IoU thresholds, n) True where the box is matched to a true box.
    """

    picture: Ints
    score: Floats
    right: Flags


@dataclass(frozen=True)
class Matches:
    """The matched boxes of all images: the ranked boxes of each label, and the number of true boxes, (images, labels)."""

    labels: list[str]
    ranked: list[RankedBoxes]
    true: Floats

    @classmethod
    def of(cls, truth: Sequence[Sequence[Box]], predicted: Sequence[Sequence[Box]], labels: Sequence[str]) -> "Matches":
        """Match the boxes of each image.

        Raises
        ------
        ValueError
            When a box has a label that is not among `labels`, or a predicted one has no score.
        """
        unknown = {box.label for boxes in (*truth, *predicted) for box in boxes} - set(labels)
        if unknown:
            raise ValueError(f"boxes with unknown labels: {', '.join(sorted(unknown))}")
        pairs = list(zip(truth, predicted, strict=True))
        true = np.array([[sum(box.label == name for box in boxes) for name in labels] for boxes, _ in pairs], dtype=np.float64)
        return cls(list(labels), [_ranked(pairs, name) for name in labels], true.reshape(len(pairs), len(labels)))

    @property
    def pictures(self) -> int:
        return len(self.true)

    @property
    def predicted(self) -> int:
        """The number of predicted boxes."""
        return sum(len(ranked.score) for ranked in self.ranked)


def _ranked(pairs: Sequence[tuple[Sequence[Box], Sequence[Box]]], label: str) -> RankedBoxes:
    pictures, scores, right = [], [], []
    for i, (truth, predicted) in enumerate(pairs):
        boxes = [box for box in predicted if box.label == label]
        order = best_first(boxes)
        matches = match_boxes([boxes[j] for j in order], [box for box in truth if box.label == label], IOUS)
        pictures.append(np.full(len(order), i, dtype=np.int64))
        scores.append(scores_of(boxes)[order])
        right.append(matches >= 0)
    score = np.concatenate(scores) if scores else np.zeros(0)
    order = np.argsort(-score, kind="mergesort")
    if not len(order):
        return RankedBoxes(np.zeros(0, dtype=np.int64), score, np.zeros((len(IOUS), 0), dtype=bool))
    return RankedBoxes(np.concatenate(pictures)[order], score[order], np.concatenate(right, axis=1)[:, order])


def joined(parts: Sequence[Matches]) -> Matches:
    """Concatenate the matches of several sets of images with the same labels."""
    starts = np.cumsum([0, *(part.pictures for part in parts)])
    ranked = []
    for rows in zip(*(part.ranked for part in parts), strict=True):
        score = np.concatenate([row.score for row in rows])
        picture = np.concatenate([row.picture + start for row, start in zip(rows, starts[:-1], strict=True)])
        order = np.argsort(-score, kind="mergesort")
        ranked.append(RankedBoxes(picture[order], score[order], np.concatenate([row.right for row in rows], axis=1)[:, order]))
    return Matches(parts[0].labels, ranked, np.concatenate([part.true for part in parts]))


def best_first(boxes: Sequence[Box]) -> Ints:
    """Return the indices of at most 100 boxes by descending score; equal scores stay in their order."""
    return np.argsort(-scores_of(boxes), kind="mergesort")[:MAX_DETECTIONS].astype(np.int64)


def match_boxes(predicted: Sequence[Box], true: Sequence[Box], thresholds: Floats) -> Ints:
    """Match each predicted box, by descending score, to a true box.

    Parameters
    ----------
    predicted, true
        n and m boxes of one label on one image; `predicted` by descending score.
    thresholds
        (t,) the smallest IoU of a match.

    Returns
    -------
    array of shape (t, n)
        The index of the true box, or -1. Among equal IoUs the last true box is matched, as in pycocotools.
    """
    matches = np.full((len(thresholds), len(predicted)), -1, dtype=np.int64)
    overlaps = iou(xywh(predicted), xywh(true))
    free = np.ones((len(thresholds), len(true)), dtype=bool)
    least = np.minimum(thresholds, 1 - 1e-10)[:, None]
    for i in np.flatnonzero(overlaps.max(axis=1, initial=0.0) >= least.min()) if len(true) else []:
        eligible = np.where(free & (overlaps[i] >= least), overlaps[i], -1.0)
        best = len(true) - 1 - eligible[:, ::-1].argmax(axis=1)
        matched = np.flatnonzero(eligible[np.arange(len(thresholds)), best] >= 0)
        matches[matched, i] = best[matched]
        free[matched, best[matched]] = False
    return matches


# ------------------------------------------------------------------------------------------------------------ metrics


def leading_metric(requirements: Mapping[str, Any]) -> str:
    """Return the metric for model selection: the first required metric that needs no score threshold, else ``map``.

    The score threshold is chosen after the model.
    """
    return next((name for name in requirements if name in NAMES and name not in THRESHOLDED), "map")


def score(matches: Matches, threshold: float) -> dict[str, float]:
    """Compute the metrics of all images; ``precision``, ``recall`` and ``f1`` use the boxes with a score of at least `threshold`.

    Without a true box, average precision is undefined (NaN). For the other metrics, 0/0 counts as 0.

    Examples
    --------
    The object is detected, and a box with a lower score lies on the background.

    >>> true, predicted = Box(0, 0, 10, 10, "Pear"), Box(0, 0, 10, 10, "Pear", 0.9)
    >>> matches = Matches.of([[true]], [[predicted, Box(50, 50, 10, 10, "Pear", 0.5)]], ["Pear"])
    >>> values = score(matches, 0.4)
    >>> round(values["map"], 6), values["precision"], values["recall"]
    (1.0, 0.5, 1.0)
    """
    values = _weighted(matches, threshold, np.ones((1, matches.pictures)))
    return {name: float(values[name][0]) for name in NAMES}


def by_label(matches: Matches) -> dict[str, dict[str, float]]:
    """Return the average precision of each label (``map``, ``map_50``, ``map_75``), NaN without a true box, and the number of ``true`` boxes."""
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
    """Compute the metrics under weights (resamples, images): the number of times that each image is drawn."""
    precisions = _average_precisions(matches, weights)
    return {
        "map": _mean_known(precisions.mean(axis=2)),
        "map_50": _mean_known(precisions[:, :, _AT_50]),
        "map_75": _mean_known(precisions[:, :, _AT_75]),
        **micro_scores(weights @ _counted(matches, threshold)),
    }


def _mean_known(values: Floats) -> Floats:
    """Average each row over its defined labels (columns)."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=1)
    return np.asarray(np.divide(total, known.sum(axis=1), out=np.full(len(values), np.nan), where=known.any(axis=1)))


def _counted(matches: Matches, threshold: float) -> Floats:
    """Count the correct, predicted and true boxes of each image, (images, 3), at IoU 0.5 and a score of at least `threshold`.

    Boxes are matched by descending score, so removing low scores does not change the matches of the others.
    """
    counts = np.zeros((matches.pictures, 3))
    counts[:, 2] = matches.true.sum(axis=1)
    for ranked in matches.ranked:
        above = ranked.score >= threshold
        np.add.at(counts[:, 0], ranked.picture[above], ranked.right[_AT_50, above])
        np.add.at(counts[:, 1], ranked.picture[above], 1)
    return counts


def _average_precisions(matches: Matches, weights: Floats) -> Floats:
    """Compute average precision, (resamples, labels, IoU thresholds); NaN where a label has no true box in a resample."""
    precisions = np.empty((len(weights), len(matches.labels), len(IOUS)))
    for k, ranked in enumerate(matches.ranked):
        at_once = max(1, _CELLS // max(1, len(ranked.score)))
        for start in range(0, len(weights), at_once):
            chunk = weights[start : start + at_once]
            precisions[start : start + at_once, k] = _of_label(ranked, chunk, chunk @ matches.true[:, k])
    return precisions


def _of_label(ranked: RankedBoxes, weights: Floats, true: Floats) -> Floats:
    """Compute the average precision of one label, (resamples, IoU thresholds), from the number of `true` boxes, (resamples,).

    Only correct boxes are evaluated: at the others recall does not rise, and precision is below that of the last correct one. A box
    that is drawn k times is a run of k correct boxes with rising precision, so the last of them is sufficient.
    """
    drawn = weights[:, ranked.picture]
    seen = np.cumsum(drawn, axis=1)
    result = np.full((len(weights), len(IOUS)), np.nan)
    for t, right in enumerate(ranked.right):
        at = np.flatnonzero(right)
        hits = np.cumsum(drawn[:, at], axis=1)
        precision = hits / (seen[:, at] + np.spacing(1))
        precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        padded = np.column_stack([precision, np.zeros(len(weights))])  # 0 at recalls that are not reached
        for i in np.flatnonzero(true > 0):
            result[i, t] = padded[i, np.searchsorted(hits[i] / true[i], RECALLS, side="left")].mean()
    return result


# --------------------------------------------------------------------------------------------------------- intervals


def bootstrap(matches: Sequence[Matches], thresholds: Sequence[float], resamples: int, seed: int) -> Iterator[dict[str, Floats]]:
    """Yield the metrics of bootstrap resamples for several models, all on the same draws of images."""
    for model, threshold in zip(matches, thresholds, strict=True):
        parts = [_weighted(model, threshold, weights) for weights in resample_weights(model.pictures, resamples, seed)]
        yield {name: np.concatenate([part[name] for part in parts]) for name in NAMES}


def estimates(matches: Matches, threshold: float, *, resamples: int = 500, seed: int = 0) -> dict[str, Estimate]:
    """Return every metric with its 95 % interval; `n` is the number of images."""
    [drawn] = bootstrap([matches], [threshold], resamples, seed)
    values = score(matches, threshold)
    return {name: percentile_interval(values[name], drawn[name], matches.pictures) for name in NAMES}


def paired_gain(
    better: Matches, worse: Matches, metric: str, thresholds: tuple[float, float], *, resamples: int = 500, seed: int = 0
) -> Estimate:
    """Return the gain of the first model over the second on the same images, each at its own threshold, with its interval."""
    better_draws, worse_draws = bootstrap([better, worse], thresholds, resamples, seed)
    value = score(better, thresholds[0])[metric] - score(worse, thresholds[1])[metric]
    return percentile_interval(value, np.asarray(better_draws[metric] - worse_draws[metric]), better.pictures)

"""Classification metrics and their 95 % bootstrap intervals, from one weighted implementation.

In binary problems, ``precision``, ``recall``, ``f1``, ``roc_auc`` and ``average_precision`` refer to the positive class, ``brier``
is the mean of (p - y)², and ``calibration_error`` uses the probability of the positive class. With more classes, the former five
are macro averages over one-vs-rest problems; ``brier`` is the sum over classes of (p - y)² (Brier 1950), as in scikit-learn;
``calibration_error`` uses the probability of the most probable class (Guo et al. 2017, eq. 3).

Intervals are percentiles of the metric over bootstrap resamples of the rows (Efron & Tibshirani 1993, ch. 13). Resampling is not
stratified by class, because the number of positives is random too. With groups, whole groups are resampled (ibid., sec. 8.3),
since rows of a group are correlated. A resample in which a metric is undefined (no positive in it) is ignored for that metric.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from glassbox.families.classification.calibration.apply import label
from glassbox.findings.model import Estimate
from glassbox.metrics import METRICS
from glassbox.request.bounds import Bound
from glassbox.request.model import Cost
from glassbox.request.tasks import CLASS_METRICS

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

NAMES = CLASS_METRICS
THRESHOLDED = ("accuracy", "balanced_accuracy", "f1", "precision", "recall")  # metrics of labels, not of probabilities
RESAMPLES: dict[Cost, int] = {"low": 1000, "medium": 2000, "high": 5000}
BINS = 10
_CELLS = 500_000  # rows × resamples held in memory at once
_TINY = float(np.finfo(np.float64).eps)


def more_is_better(metric: str) -> bool:
    """Return True if larger values of the metric are better."""
    return METRICS[metric].higher_is_better


def leading_metric(requirements: Mapping[str, Any]) -> str:
    """Return the metric for model selection: the first required metric of probabilities or rankings, else ROC-AUC.

    Label metrics need a threshold, which is chosen only after model selection.
    """
    return next((name for name in requirements if name in NAMES and name not in THRESHOLDED), "roc_auc")


def threshold_rule(requirements: Mapping[str, Bound]) -> tuple[str, Bound | None]:
    """Return the metric for threshold selection and its bound: the first required label metric, else F1."""
    return next(((name, bound) for name, bound in requirements.items() if name in THRESHOLDED), ("f1", None))


@dataclass(frozen=True)
class Sample:
    """True classes, probabilities and predicted classes of a set of rows, in canonical order.

    The order depends only on the content of the rows, so metrics and figures do not depend on the row order.
    """

    y: Codes
    proba: Floats
    predicted: Codes
    positive: int
    cluster: Codes

    @classmethod
    def of(
        cls, y: Codes, proba: Floats, *, predicted: Codes | None = None, positive: int = 1, clusters: Sequence[str] | None = None
    ) -> "Sample":
        """Build a sample; by default, `predicted` is the most probable class."""
        labels = proba.argmax(axis=1) if predicted is None else predicted
        groups = np.arange(len(y)) if clusters is None else np.unique(np.asarray(clusters, dtype=str), return_inverse=True)[1]
        keys = [*proba.T, labels, y] if clusters is None else [*proba.T, labels, y, groups]
        order = np.lexsort(keys)
        of_row = groups if clusters is None else groups[order]
        return cls(y[order].astype(np.int64), proba[order], labels[order].astype(np.int64), positive, of_row.astype(np.int64))

    @property
    def classes(self) -> int:
        return int(self.proba.shape[1])


def score(sample: Sample, names: Sequence[str] = NAMES) -> dict[str, float]:
    """Compute metrics of a sample; NaN where a metric is undefined (ROC-AUC with a single class)."""
    values = _weighted_metrics(sample, np.ones((1, len(sample.y))), names)
    return {name: float(values[name][0]) for name in names}


def metrics(
    y_true: Sequence[str], proba: Floats, classes: Sequence[str], positive: str, threshold: float | None = None
) -> dict[str, float]:
    """Compute all metrics of predictions.

    Parameters
    ----------
    y_true
        (n,) class names.
    proba
        (n, classes) probabilities, columns in the order of `classes`.
    positive
        The positive class of a binary problem.
    threshold
        Decision threshold; without one, or with more than two classes, the most probable class is predicted.

    Examples
    --------
    >>> values = metrics(["no", "yes"], np.array([[0.8, 0.2], [0.4, 0.6]]), ["no", "yes"], "yes")
    >>> values["accuracy"], round(values["brier"], 2), values["roc_auc"]
    (1.0, 0.1, 1.0)
    """
    code_of = {name: i for i, name in enumerate(classes)}
    y = np.array([code_of[name] for name in y_true], dtype=np.int64)
    labels = label(proba, code_of[positive], threshold)
    return score(Sample.of(y, proba, predicted=labels, positive=code_of[positive]))


# --------------------------------------------------------------------------------------------------------- intervals


def estimates(sample: Sample, names: Sequence[str] = NAMES, *, resamples: int = 1000, seed: int = 0) -> dict[str, Estimate]:
    """Estimate metrics with 95 % bootstrap intervals."""
    resampled = bootstrap(sample, names, resamples=resamples, seed=seed)
    return {name: interval(value, resampled[name], len(sample.y)) for name, value in score(sample, names).items()}


def bootstrap(sample: Sample, names: Sequence[str], *, resamples: int, seed: int) -> dict[str, Floats]:
    """Return each metric on `resamples` bootstrap resamples, of shape (resamples,)."""
    parts = [_weighted_metrics(sample, weights, names) for weights in _resample_counts(sample.cluster, resamples, seed)]
    resampled = {name: np.concatenate([part[name] for part in parts]) for name in names}
    if "calibration_error" in resampled:  # resampling adds the same upward bias again that the sample has; it is subtracted
        bias = np.mean(resampled["calibration_error"]) - score(sample, ["calibration_error"])["calibration_error"]
        resampled["calibration_error"] = np.maximum(0.0, resampled["calibration_error"] - bias)
    return resampled


def over_folds(
    samples: Sequence[Sample], names: Sequence[str] = NAMES, *, resamples: int = 1000, seed: int = 0
) -> dict[str, Estimate]:
    """Estimate the mean of each metric over folds, with an interval from resampling rows within their fold.

    The interval covers the sampling of the validation rows, not the variation of models trained on other rows.
    """
    n = sum(len(sample.y) for sample in samples)
    values = [score(sample, names) for sample in samples]
    resampled = [bootstrap(sample, names, resamples=resamples, seed=seed + fold) for fold, sample in enumerate(samples)]
    return {
        name: interval(float(np.mean([value[name] for value in values])), np.mean([part[name] for part in resampled], axis=0), n)
        for name in names
    }


def paired_gain(
    better: Sequence[tuple[Codes, Floats]],
    worse: Sequence[tuple[Codes, Floats]],
    metric: str,
    *,
    positive: int,
    resamples: int,
    seed: int,
) -> Estimate:
    """Estimate the gain of one model over another on the same rows, with an interval; positive means better for every metric.

    Parameters
    ----------
    better, worse
        One pair ``(y, proba)`` per fold, with the rows in the same order; both are scored on the same resamples.
    """
    sign = 1.0 if more_is_better(metric) else -1.0
    value, draws = 0.0, np.zeros(resamples)
    for fold, ((y, better_proba), (_, worse_proba)) in enumerate(zip(better, worse, strict=True)):
        order = np.lexsort([*worse_proba.T, *better_proba.T, y])  # canonical order: both resample the same rows
        y, pair = y[order], (better_proba[order], worse_proba[order])
        first, second = (Sample(y, p, p.argmax(axis=1).astype(np.int64), positive, np.arange(len(y))) for p in pair)
        value += sign * (score(first, [metric])[metric] - score(second, [metric])[metric]) / len(better)
        a, b = (bootstrap(sample, [metric], resamples=resamples, seed=seed + fold)[metric] for sample in (first, second))
        draws += sign * (a - b) / len(better)
    return interval(value, draws, sum(len(y) for y, _ in better))


def interval(value: float, resampled: Floats, n: int) -> Estimate:
    """Return a value with its percentile interval; without one where fewer than half of the resamples are defined."""
    if not np.isfinite(value):
        return Estimate(value=None, n=n)
    known = resampled[np.isfinite(resampled)]
    if len(known) < max(2, len(resampled) // 2):
        return Estimate(value=float(value), n=n)
    low, high = np.percentile(known, [2.5, 97.5])
    return Estimate(value=float(value), low=float(low), high=float(high), n=n)


def _resample_counts(cluster: Codes, resamples: int, seed: int) -> Iterator[Floats]:
    """Yield the number of draws of each row in blocks of shape (resamples, rows); draws do not depend on the block size."""
    rng = np.random.default_rng(seed)
    n, clusters = len(cluster), int(cluster.max()) + 1
    ungrouped = clusters == n
    for start in range(0, resamples, at_once := max(1, _CELLS // n)):
        count = min(at_once, resamples - start)
        drawn = rng.integers(0, clusters, size=(count, clusters)) + clusters * np.arange(count)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=count * clusters).reshape(count, clusters)
        yield (counts if ungrouped else counts[:, cluster]).astype(np.float64)


# ----------------------------------------------------------------------------------------- metrics of weighted rows


def _weighted_metrics(sample: Sample, weights: Floats, names: Sequence[str]) -> dict[str, Floats]:
    """Compute metrics for each row of `weights`, which has shape (resamples, rows)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        values: dict[str, Floats] = {}
        if selected := [name for name in names if name in THRESHOLDED]:
            values.update({name: _OF_COUNTS[name](_confusion(sample, weights), sample.positive) for name in selected})
        if selected := [name for name in names if name in _OF_RANKS]:
            values.update(_against_rest(sample, weights, selected))
        values.update({name: _OF_PROBA[name](sample, weights) for name in names if name in _OF_PROBA})
    return values


def _confusion(sample: Sample, weights: Floats) -> Floats:
    """Return confusion matrices of shape (resamples, classes, classes), true classes in rows."""
    k = sample.classes
    cell = sample.y * k + sample.predicted
    return _sum_by_group(weights, cell, k * k).reshape(len(weights), k, k)


def _sum_by_group(weights: Floats, group: Codes, groups: int) -> Floats:
    """Sum weights by group, giving shape (resamples, groups)."""
    order = np.argsort(group, kind="stable")
    present, starts = np.unique(group[order], return_index=True)
    sums = np.zeros((len(weights), groups))
    sums[:, present] = np.add.reduceat(weights[:, order], starts, axis=1)
    return sums


def _accuracy(counts: Floats, positive: int) -> Floats:
    return cast(Floats, np.trace(counts, axis1=1, axis2=2) / counts.sum(axis=(1, 2)))


def _recalls(counts: Floats) -> Floats:
    """Return the recall of each class; NaN for absent classes."""
    return cast(Floats, np.diagonal(counts, axis1=1, axis2=2) / counts.sum(axis=2))


def _balanced_accuracy(counts: Floats, positive: int) -> Floats:
    """Return the mean recall of the classes present (Brodersen et al. 2010)."""
    recalls = _recalls(counts)
    present = np.isfinite(recalls)
    return cast(Floats, np.where(present, recalls, 0.0).sum(axis=1) / present.sum(axis=1))


def _of_positive(values: Floats, positive: int) -> Floats:
    """Return the value of the positive class in binary problems, else the mean over classes; 0/0 counts as 0, as in scikit-learn."""
    known = np.where(np.isfinite(values), values, 0.0)
    return cast(Floats, known[:, positive] if values.shape[1] == 2 else known.mean(axis=1))


def _recall(counts: Floats, positive: int) -> Floats:
    return _of_positive(_recalls(counts), positive)


def _precision(counts: Floats, positive: int) -> Floats:
    return _of_positive(np.diagonal(counts, axis1=1, axis2=2) / counts.sum(axis=1), positive)


def _f1(counts: Floats, positive: int) -> Floats:
    """Return F1 = 2 tp / (2 tp + fp + fn) (van Rijsbergen 1979)."""
    return _of_positive(2 * np.diagonal(counts, axis1=1, axis2=2) / (counts.sum(axis=1) + counts.sum(axis=2)), positive)


@dataclass(frozen=True)
class _Ranks:
    """Weights at each distinct score of a positive row, ascending; (resamples, scores) each, except `total` of shape (resamples,).

    Attributes
    ----------
    hits, equal
        Weight of the positive rows, and of all rows, with exactly this score.
    upto
        Weight of all rows with this score or a lower one.
    total
        Weight of all rows.
    """

    hits: Floats
    equal: Floats
    upto: Floats
    total: Floats

    @classmethod
    def of(cls, hit: npt.NDArray[np.bool_], scores: Floats, weights: Floats) -> "_Ranks":
        order = np.argsort(scores, kind="stable")
        ranked, hit = scores[order], hit[order]
        group = np.cumsum(np.append(False, ranked[1:] != ranked[:-1]))  # ties share a group
        all_weights = weights[:, order]
        if len(order) and group[-1] + 1 < len(order):
            all_weights = np.add.reduceat(all_weights, np.flatnonzero(np.append(True, np.diff(group))), axis=1)
        groups_with_hits, starts = np.unique(group[hit], return_index=True)
        hits = weights[:, order[hit]]
        if len(groups_with_hits) < hits.shape[1]:
            hits = np.add.reduceat(hits, starts, axis=1)
        equal = all_weights[:, groups_with_hits]
        upto = np.cumsum(all_weights, axis=1)
        return cls(hits, equal, upto[:, groups_with_hits], upto[:, -1])


def _against_rest(sample: Sample, weights: Floats, names: Sequence[str]) -> dict[str, Floats]:
    """Compute one-vs-rest ranking metrics: of the positive class in binary problems, else the mean over classes."""
    classes = [sample.positive] if sample.classes == 2 else range(sample.classes)
    values: dict[str, list[Floats]] = {name: [] for name in names}
    for k in classes:
        ranks = _Ranks.of(sample.y == k, sample.proba[:, k], weights)
        for name in names:
            values[name].append(_OF_RANKS[name](ranks))
    return {name: cast(Floats, np.mean(per_class, axis=0)) for name, per_class in values.items()}


def _roc_auc(ranks: _Ranks) -> Floats:
    """Return the share of (positive, negative) pairs ranked correctly, ties counting half (Hanley & McNeil 1982)."""
    hits, misses = ranks.hits, ranks.equal - ranks.hits
    below = ranks.upto - ranks.equal - (np.cumsum(hits, axis=1) - hits)
    positives = hits.sum(axis=1)
    return cast(Floats, (hits * (below + misses / 2)).sum(axis=1) / (positives * (ranks.total - positives)))


def _average_precision(ranks: _Ranks) -> Floats:
    """Return Σ (R_i - R_{i-1}) P_i over distinct scores in descending order, without interpolation."""
    hits, positives = ranks.hits, ranks.hits.sum(axis=1)
    recalled = positives[:, None] - np.cumsum(hits, axis=1) + hits
    predicted_positive = ranks.total[:, None] - ranks.upto + ranks.equal
    precision = np.where(predicted_positive > 0, recalled / predicted_positive, 0.0)
    return cast(Floats, (hits * precision).sum(axis=1) / positives)


def _mean(loss: Floats, weights: Floats) -> Floats:
    return cast(Floats, (weights * loss).sum(axis=1) / weights.sum(axis=1))


def _log_loss(sample: Sample, weights: Floats) -> Floats:
    return _mean(row_log_loss(sample.y, sample.proba), weights)


def row_log_loss(y: Codes, proba: Floats) -> Floats:
    """Return -log of the probability of each row's true class, clipped at machine epsilon."""
    clipped = np.clip(proba, _TINY, 1 - _TINY)
    return cast(Floats, -np.log(clipped[np.arange(len(y)), y] / clipped.sum(axis=1)))


def _brier(sample: Sample, weights: Floats) -> Floats:
    true = np.eye(sample.classes)[sample.y]
    loss = ((sample.proba - true) ** 2).sum(axis=1)
    return _mean(loss / 2 if sample.classes == 2 else loss, weights)


def _calibration_error(sample: Sample, weights: Floats) -> Floats:
    """Return Σ_b n_b/n · |predicted_b - observed_b| over ten equal-mass bins (Naeini et al. 2015).

    Equal probabilities stay in one bin. All resamples use the bins of the sample. As an average of absolute values, the error is
    biased upwards, more so in small samples. Resamples have about the same bias once more, which `bootstrap` subtracts.
    """
    if sample.classes == 2:
        predicted, observed = sample.proba[:, sample.positive], sample.y == sample.positive
    else:
        top = sample.proba.argmax(axis=1)
        predicted, observed = sample.proba.max(axis=1), sample.y == top
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, BINS + 1)[1:-1]))
    group = np.searchsorted(edges, predicted, side="left").astype(np.int64)
    gaps = np.abs(_sum_by_group(weights * (predicted - observed), group, BINS))
    return cast(Floats, gaps.sum(axis=1) / weights.sum(axis=1))


_OF_COUNTS: dict[str, Callable[[Floats, int], Floats]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1": _f1,
    "precision": _precision,
    "recall": _recall,
}
_OF_RANKS: dict[str, Callable[[_Ranks], Floats]] = {"roc_auc": _roc_auc, "average_precision": _average_precision}
_OF_PROBA: dict[str, Callable[[Sample, Floats], Floats]] = {
    "log_loss": _log_loss,
    "brier": _brier,
    "calibration_error": _calibration_error,
}

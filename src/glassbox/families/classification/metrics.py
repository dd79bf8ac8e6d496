"""The metrics of classification, and their 95 % bootstrap intervals; one implementation gives both.

Two classes: ``precision``, ``recall``, ``f1``, ``roc_auc`` and ``average_precision`` are of the positive class, ``brier`` is the
mean of (p - y)², ``calibration_error`` is of the positive class's probability. More classes: those five are the plain
mean over classes, each against the rest (macro); ``brier`` is the sum over classes of (p - y)² (Brier 1950), as
scikit-learn has it; ``calibration_error`` is of the most probable class's probability (Guo et al. 2017, eq. 3).

Intervals are percentiles of the metric over resamples of the rows with replacement (Efron & Tibshirani 1993, ch. 13). They
are not stratified by class: how many positives there are is as much by chance as the rest. Where groups are given, whole
groups are drawn (ibid., sec. 8.3), since rows of one group say the same thing twice. A resample in which a metric is not
defined (no positive in it) does not count for it.
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
THRESHOLDED = ("accuracy", "balanced_accuracy", "f1", "precision", "recall")  # they judge labels, not probabilities
LABELS = {"roc_auc": "ROC-AUC", "f1": "F1", "brier": "Brier score"}  # as people write them, where it is not the name itself
RESAMPLES: dict[Cost, int] = {"low": 1000, "medium": 2000, "high": 5000}
BINS = 10
_CELLS = 500_000  # rows × resamples that are held in memory at once
_TINY = float(np.finfo(np.float64).eps)


def more_is_better(metric: str) -> bool:
    """Whether more of a metric is better."""
    return METRICS[metric].higher_is_better


def spoken(metric: str) -> str:
    """A metric's name as people write it.

    >>> spoken("roc_auc"), spoken("log_loss")
    ('ROC-AUC', 'log loss')
    """
    return LABELS.get(metric, metric.replace("_", " "))


def leading_metric(requirements: Mapping[str, Any]) -> str:
    """The metric that models are chosen by: the first one required that judges probabilities or rankings, else ROC-AUC.

    Metrics of labels wait for a threshold, which is only chosen once the model stands.
    """
    return next((name for name in requirements if name in NAMES and name not in THRESHOLDED), "roc_auc")


def threshold_rule(requirements: Mapping[str, Bound]) -> tuple[str, Bound | None]:
    """The metric that the threshold is chosen for: the first one required that judges labels, else F1."""
    return next(((name, bound) for name, bound in requirements.items() if name in THRESHOLDED), ("f1", None))


@dataclass(frozen=True)
class Sample:
    """Rows with their truth, probabilities and labels, by number of class, in an order of their own.

    Rows are put in an order that depends on their content alone; so does every figure drawn from them.
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
        """A sample; labels left out are the most probable class's."""
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
    """The metrics of a sample; NaN where one is not defined (ROC-AUC without both classes)."""
    found = _weighted(sample, np.ones((1, len(sample.y))), names)
    return {name: float(found[name][0]) for name in names}


def metrics(
    y_true: Sequence[str], proba: Floats, classes: Sequence[str], positive: str, threshold: float | None = None
) -> dict[str, float]:
    """All metrics of predictions.

    Parameters
    ----------
    y_true
        (n,) classes by name.
    proba
        (n, classes) probabilities, columns in the order of `classes`.
    positive
        The class that is looked for; of two.
    threshold
        From which probability on a row is called positive; left out, or with more than two classes, the most probable class.

    Examples
    --------
    >>> found = metrics(["no", "yes"], np.array([[0.8, 0.2], [0.4, 0.6]]), ["no", "yes"], "yes")
    >>> found["accuracy"], round(found["brier"], 2), found["roc_auc"]
    (1.0, 0.1, 1.0)
    """
    place = {name: i for i, name in enumerate(classes)}
    y = np.array([place[name] for name in y_true], dtype=np.int64)
    labels = label(proba, place[positive], threshold)
    return score(Sample.of(y, proba, predicted=labels, positive=place[positive]))


# --------------------------------------------------------------------------------------------------------- intervals


def estimates(sample: Sample, names: Sequence[str] = NAMES, *, resamples: int = 1000, seed: int = 0) -> dict[str, Estimate]:
    """Every metric with its 95 % interval."""
    drawn = bootstrap(sample, names, resamples=resamples, seed=seed)
    return {name: interval(value, drawn[name], len(sample.y)) for name, value in score(sample, names).items()}


def bootstrap(sample: Sample, names: Sequence[str], *, resamples: int, seed: int) -> dict[str, Floats]:
    """The metrics of `resamples` resamples."""
    parts = [_weighted(sample, weights, names) for weights in _resampled(sample.cluster, resamples, seed)]
    drawn = {name: np.concatenate([part[name] for part in parts]) for name in names}
    if "calibration_error" in drawn:  # resamples lie higher than the sample as it lies higher than the truth: that is taken off
        bias = np.mean(drawn["calibration_error"]) - score(sample, ["calibration_error"])["calibration_error"]
        drawn["calibration_error"] = np.maximum(0.0, drawn["calibration_error"] - bias)
    return drawn


def over_folds(
    samples: Sequence[Sample], names: Sequence[str] = NAMES, *, resamples: int = 1000, seed: int = 0
) -> dict[str, Estimate]:
    """The mean over folds of every metric, with the interval of that mean: rows are redrawn within their fold.

    The interval speaks of the rows that judged; that other rows would have taught other models is not in it.
    """
    n = sum(len(sample.y) for sample in samples)
    values = [score(sample, names) for sample in samples]
    drawn = [bootstrap(sample, names, resamples=resamples, seed=seed + fold) for fold, sample in enumerate(samples)]
    return {
        name: interval(float(np.mean([value[name] for value in values])), np.mean([part[name] for part in drawn], axis=0), n)
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
    """How much better the first is than the second on the same rows, with its interval; above 0 is better, whatever the metric.

    Parameters
    ----------
    better, worse
        A pair ``(y, proba)`` a fold, the rows in the same order in both: both are judged on the same resamples.
    """
    sign = 1.0 if more_is_better(metric) else -1.0
    value, draws = 0.0, np.zeros(resamples)
    for fold, ((y, one), (_, other)) in enumerate(zip(better, worse, strict=True)):
        order = np.lexsort([*other.T, *one.T, y])  # the same rows drawn for both, whatever order they came in
        y, pair = y[order], (one[order], other[order])
        first, second = (Sample(y, p, p.argmax(axis=1).astype(np.int64), positive, np.arange(len(y))) for p in pair)
        value += sign * (score(first, [metric])[metric] - score(second, [metric])[metric]) / len(better)
        a, b = (bootstrap(sample, [metric], resamples=resamples, seed=seed + fold)[metric] for sample in (first, second))
        draws += sign * (a - b) / len(better)
    return interval(value, draws, sum(len(y) for y, _ in better))


def interval(value: float, drawn: Floats, n: int) -> Estimate:
    """A value with the percentiles of its resamples; no interval where fewer than half of them are defined."""
    if not np.isfinite(value):
        return Estimate(value=None, n=n)
    known = drawn[np.isfinite(drawn)]
    if len(known) < max(2, len(drawn) // 2):
        return Estimate(value=float(value), n=n)
    low, high = np.percentile(known, [2.5, 97.5])
    return Estimate(value=float(value), low=float(low), high=float(high), n=n)


def _resampled(cluster: Codes, resamples: int, seed: int) -> Iterator[Floats]:
    """How often each row is drawn, (some resamples, rows) at a time. What is drawn does not depend on how many at a time."""
    rng = np.random.default_rng(seed)
    n, clusters = len(cluster), int(cluster.max()) + 1
    whole = clusters == n
    for start in range(0, resamples, at_once := max(1, _CELLS // n)):
        some = min(at_once, resamples - start)
        drawn = rng.integers(0, clusters, size=(some, clusters)) + clusters * np.arange(some)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=some * clusters).reshape(some, clusters)
        yield (counts if whole else counts[:, cluster]).astype(np.float64)


# ----------------------------------------------------------------------------------------- metrics of weighted rows


def _weighted(sample: Sample, weights: Floats, names: Sequence[str]) -> dict[str, Floats]:
    """The metrics for each row of `weights`, of shape (resamples, rows)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found: dict[str, Floats] = {}
        if wanted := [name for name in names if name in THRESHOLDED]:
            found.update({name: _OF_COUNTS[name](_confusion(sample, weights), sample.positive) for name in wanted})
        if wanted := [name for name in names if name in _OF_RANKS]:
            found.update(_against_rest(sample, weights, wanted))
        found.update({name: _OF_PROBA[name](sample, weights) for name in names if name in _OF_PROBA})
    return found


def _confusion(sample: Sample, weights: Floats) -> Floats:
    """Confusion matrices of shape (resamples, classes, classes), truth in rows."""
    k = sample.classes
    cell = sample.y * k + sample.predicted
    return _summed(weights, cell, k * k).reshape(len(weights), k, k)


def _summed(weights: Floats, group: Codes, groups: int) -> Floats:
    """Weights added up by group: (resamples, groups)."""
    order = np.argsort(group, kind="stable")
    present, starts = np.unique(group[order], return_index=True)
    sums = np.zeros((len(weights), groups))
    sums[:, present] = np.add.reduceat(weights[:, order], starts, axis=1)
    return sums


def _accuracy(counts: Floats, positive: int) -> Floats:
    return cast(Floats, np.trace(counts, axis1=1, axis2=2) / counts.sum(axis=(1, 2)))


def _recalls(counts: Floats) -> Floats:
    """Recall of each class; NaN of a class that is not there."""
    return cast(Floats, np.diagonal(counts, axis1=1, axis2=2) / counts.sum(axis=2))


def _balanced_accuracy(counts: Floats, positive: int) -> Floats:
    """The mean of the recalls of the classes that are there (Brodersen et al. 2010)."""
    recalls = _recalls(counts)
    there = np.isfinite(recalls)
    return cast(Floats, np.where(there, recalls, 0.0).sum(axis=1) / there.sum(axis=1))


def _of_positive(values: Floats, positive: int) -> Floats:
    """The positive class's of two; the mean over classes of more. What is 0/0 is 0, as scikit-learn has it."""
    known = np.where(np.isfinite(values), values, 0.0)
    return cast(Floats, known[:, positive] if values.shape[1] == 2 else known.mean(axis=1))


def _recall(counts: Floats, positive: int) -> Floats:
    return _of_positive(_recalls(counts), positive)


def _precision(counts: Floats, positive: int) -> Floats:
    return _of_positive(np.diagonal(counts, axis1=1, axis2=2) / counts.sum(axis=1), positive)


def _f1(counts: Floats, positive: int) -> Floats:
    """2 tp / (2 tp + fp + fn) (van Rijsbergen 1979)."""
    return _of_positive(2 * np.diagonal(counts, axis1=1, axis2=2) / (counts.sum(axis=1) + counts.sum(axis=2)), positive)


@dataclass(frozen=True)
class _Ranks:
    """Weights at each distinct score that a hit has, ascending; (resamples, scores) each, but for `whole`, of shape (resamples,).

    Attributes
    ----------
    hits, own
        Of hits, and of hits and misses, with this very score.
    upto
        Of all with this score or a lower one.
    whole
        Of all.
    """

    hits: Floats
    own: Floats
    upto: Floats
    whole: Floats

    @classmethod
    def of(cls, hit: npt.NDArray[np.bool_], given: Floats, weights: Floats) -> "_Ranks":
        order = np.argsort(given, kind="stable")
        ranked, hit = given[order], hit[order]
        group = np.cumsum(np.append(False, ranked[1:] != ranked[:-1]))  # equal scores are one
        every = weights[:, order]
        if len(order) and group[-1] + 1 < len(order):
            every = np.add.reduceat(every, np.flatnonzero(np.append(True, np.diff(group))), axis=1)
        there, starts = np.unique(group[hit], return_index=True)
        hits = weights[:, order[hit]]
        if len(there) < hits.shape[1]:
            hits = np.add.reduceat(hits, starts, axis=1)
        own = every[:, there]
        upto = np.cumsum(every, axis=1)
        return cls(hits, own, upto[:, there], upto[:, -1])


def _against_rest(sample: Sample, weights: Floats, names: Sequence[str]) -> dict[str, Floats]:
    """Metrics of the order of one class against the rest: the positive class's of two, the mean over classes of more."""
    classes = [sample.positive] if sample.classes == 2 else range(sample.classes)
    found: dict[str, list[Floats]] = {name: [] for name in names}
    for k in classes:
        ranks = _Ranks.of(sample.y == k, sample.proba[:, k], weights)
        for name in names:
            found[name].append(_OF_RANKS[name](ranks))
    return {name: cast(Floats, np.mean(values, axis=0)) for name, values in found.items()}


def _roc_auc(ranks: _Ranks) -> Floats:
    """The share of pairs of a hit and a miss that are in the right order, ties counting half (Hanley & McNeil 1982)."""
    hits, misses = ranks.hits, ranks.own - ranks.hits
    below = ranks.upto - ranks.own - (np.cumsum(hits, axis=1) - hits)
    found = hits.sum(axis=1)
    return cast(Floats, (hits * (below + misses / 2)).sum(axis=1) / (found * (ranks.whole - found)))


def _average_precision(ranks: _Ranks) -> Floats:
    """Σ (R_i - R_{i-1}) P_i over distinct scores from the highest down; not interpolated."""
    hits, found = ranks.hits, ranks.hits.sum(axis=1)
    recalled = found[:, None] - np.cumsum(hits, axis=1) + hits
    called = ranks.whole[:, None] - ranks.upto + ranks.own
    precision = np.where(called > 0, recalled / called, 0.0)
    return cast(Floats, (hits * precision).sum(axis=1) / found)


def _mean(loss: Floats, weights: Floats) -> Floats:
    return cast(Floats, (weights * loss).sum(axis=1) / weights.sum(axis=1))


def _log_loss(sample: Sample, weights: Floats) -> Floats:
    return _mean(row_log_loss(sample.y, sample.proba), weights)


def row_log_loss(y: Codes, proba: Floats) -> Floats:
    """-log of the probability that each row's own class was given, no smaller than the float's epsilon."""
    clipped = np.clip(proba, _TINY, 1 - _TINY)
    return cast(Floats, -np.log(clipped[np.arange(len(y)), y] / clipped.sum(axis=1)))


def _brier(sample: Sample, weights: Floats) -> Floats:
    true = np.eye(sample.classes)[sample.y]
    loss = ((sample.proba - true) ** 2).sum(axis=1)
    return _mean(loss / 2 if sample.classes == 2 else loss, weights)


def _calibration_error(sample: Sample, weights: Floats) -> Floats:
    """Σ_b n_b/n · |said_b - came_b| over ten bins of like size (Naeini et al. 2015, with equal-mass bins).

    Equal probabilities stay in one bin. The bins are those of the sample, not of each resample. Being an average of
    absolute values, it is above 0 by chance alone, more so in a small sample; resamples lie higher still, by about as much,
    which is taken off before the interval is read.
    """
    if sample.classes == 2:
        said, came = sample.proba[:, sample.positive], sample.y == sample.positive
    else:
        top = sample.proba.argmax(axis=1)
        said, came = sample.proba.max(axis=1), sample.y == top
    edges = np.unique(np.quantile(said, np.linspace(0, 1, BINS + 1)[1:-1]))
    group = np.searchsorted(edges, said, side="left").astype(np.int64)
    off = np.abs(_summed(weights * (said - came), group, BINS))
    return cast(Floats, off.sum(axis=1) / weights.sum(axis=1))


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

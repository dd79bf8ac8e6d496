"""The weighted ensemble of classifiers: a logarithmic opinion pool with weights fitted on out-of-fold probabilities.

The weights are fitted for the metric that decides: by convex optimisation for the log loss, else by greedy selection with
replacement (Caruana et al. 2004, *Ensemble selection from libraries of models*).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax

from glassbox.families.classification.dataset import Codes, LabelledRows
from glassbox.families.classification.linear_models import log_opinion_pool
from glassbox.families.classification.metrics import Floats, Sample, more_is_better, row_log_loss, score
from glassbox.families.registry import ModelSpec
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import CandidateRun

ENSEMBLE = "weighted ensemble"
MEMBERS = 6  # at most: the best by the metric that decides
MIN_WEIGHT = 0.05  # share of the total weight; a member below it is dropped, because it costs time and changes little
MAX_WEIGHT = 5.0
STEPS = 20  # members, with repetition, that greedy selection adds
MAX_ROWS = 20_000  # rows that weights are fitted on


def log_loss_weights(probas: Sequence[Floats], y: Codes) -> Floats:
    """Return the non-negative weights of a logarithmic opinion pool with the lowest log loss (a convex problem).

    Parameters
    ----------
    probas
        (rows, classes) probabilities of each member.
    y
        (rows,) class numbers.

    >>> good, bad = np.array([[0.9, 0.1], [0.2, 0.8]] * 20), np.full((40, 2), 0.5)
    >>> bool(log_loss_weights([good, bad], np.array([0, 1] * 20))[0] > 1)
    True
    """
    logs = np.stack([np.log(np.clip(proba, 1e-9, 1.0)) for proba in probas])
    rows = np.arange(len(y))

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = np.tensordot(weights, logs, axes=1)
        proba = softmax(scores, axis=1)
        surplus = proba.copy()
        surplus[rows, y] -= 1.0
        gradient = np.array([float((surplus * log).sum()) for log in logs]) / len(y)
        return float(-np.log(np.maximum(proba[rows, y], 1e-12)).mean()), gradient

    start = np.full(len(probas), 1 / len(probas))
    optimum = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, MAX_WEIGHT)] * len(probas))
    return np.asarray(optimum.x, dtype=np.float64)


def greedy_weights(probas: Sequence[Floats], y: Codes, metric: str, positive: int) -> Floats:
    """Return the weights of a logarithmic opinion pool, found by greedy selection with replacement for a metric.

    Members are added one at a time, each time the one that improves the metric most; ties go to the lower log loss. Selection ends
    when no member improves it.

    Parameters
    ----------
    probas
        (rows, classes) probabilities of each member.
    y, positive
        (rows,) class numbers, and the number of the positive class.
    """
    every_nth = slice(None, None, max(1, len(y) // MAX_ROWS))
    y = y[every_nth]
    logs = [np.log(np.clip(proba[every_nth], 1e-9, 1.0)) for proba in probas]
    sign = 1.0 if more_is_better(metric) else -1.0

    def quality(total: Floats) -> tuple[float, float]:
        raised = np.exp(total - total.max(axis=1, keepdims=True))
        proba = raised / raised.sum(axis=1, keepdims=True)
        value = score(Sample.of(y, proba, positive=positive), [metric])[metric]
        return (round(sign * value, 9) if np.isfinite(value) else -np.inf), -float(row_log_loss(y, proba).mean())

    counts, total, best = np.zeros(len(logs)), np.zeros_like(logs[0]), (-np.inf, -np.inf)
    for size in range(1, STEPS + 1):
        qualities = [quality((total + log) / size) for log in logs]
        at = max(range(len(logs)), key=lambda i: qualities[i])
        if qualities[at][0] <= best[0]:
            break
        best, total = qualities[at], total + logs[at]
        counts[at] += 1
    return np.asarray(counts / counts.sum())


def weighted_ensemble(
    runs: Sequence[CandidateRun[Floats]], data: LabelledRows, kinds: Mapping[str, ModelSpec[Any, Any]], metric: str
) -> CandidateRun[Floats] | None:
    """Return the weighted ensemble of the best candidates by a metric; None where there are not two members.

    Its probabilities for a fold use weights that are fitted on the other folds.
    """

    def weights_of(probas: Sequence[Floats], y: Codes) -> Floats:
        return log_loss_weights(probas, y) if metric == "log_loss" else greedy_weights(probas, y, metric, data.positive)

    sign = -1.0 if more_is_better(metric) else 1.0
    usable = [run for run in runs if run.predictions is not None and kinds[run.candidate.kind].learns]

    def loss(run: CandidateRun[Floats]) -> float:
        return sign * float(np.nan_to_num(score(Sample.of(data.y, run.oof, positive=data.positive), [metric])[metric]))

    members = sorted(usable, key=lambda run: (loss(run), run.candidate.name))[:MEMBERS]
    if len(members) < 2:
        return None
    weights = weights_of([run.oof for run in members], data.y)
    members = [run for run, weight in zip(members, weights, strict=True) if weight >= MIN_WEIGHT * weights.sum()]
    if len(members) < 2:
        return None
    probas = [run.oof for run in members]
    pooled = np.empty_like(probas[0])
    for fold in data.folds:
        out = data.fold == fold
        weights = weights_of([proba[~out] for proba in probas], data.y[~out])
        pooled[out] = log_opinion_pool([proba[out] for proba in probas], weights.tolist())
    params = [
        {"name": c.name, "kind": c.kind, "params": c.params, "weight": round(float(weight), 4)}
        for c, weight in zip((run.candidate for run in members), weights_of(probas, data.y), strict=True)
        if weight > 0
    ]
    candidate = Candidate(name=ENSEMBLE, kind="ensemble", params={"members": params})
    fit_s, predict_s = sum(run.fit_s for run in members), sum(run.predict_s for run in members)
    return CandidateRun(candidate, pooled, "", fit_s, predict_s)

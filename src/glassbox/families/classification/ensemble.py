"""The weighted ensemble of classifiers: a logarithmic opinion pool with weights fitted on out-of-fold probabilities."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax

from glassbox.families.classification.dataset import Codes, LabelledRows
from glassbox.families.classification.linear_models import log_opinion_pool
from glassbox.families.classification.metrics import Floats, row_log_loss
from glassbox.families.registry import ModelSpec
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import CandidateRun

ENSEMBLE = "weighted ensemble"
MEMBERS = 6  # at most: the best by log loss
MIN_WEIGHT = 0.05  # share of the total weight; a member below it is dropped, because it costs time and changes little
MAX_WEIGHT = 5.0


def weights_of(probas: Sequence[Floats], y: Codes) -> Floats:
    """Return the non-negative weights of a logarithmic opinion pool with the lowest log loss (a convex problem).

    Parameters
    ----------
    probas
        (rows, classes) probabilities of each member.
    y
        (rows,) class numbers.

    >>> good, bad = np.array([[0.9, 0.1], [0.2, 0.8]] * 20), np.full((40, 2), 0.5)
    >>> bool(weights_of([good, bad], np.array([0, 1] * 20))[0] > 1)
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


def weighted_ensemble(
    runs: Sequence[CandidateRun[Floats]], data: LabelledRows, kinds: Mapping[str, ModelSpec[Any, Any]]
) -> CandidateRun[Floats] | None:
    """Return the weighted ensemble of the best candidates by log loss; None with fewer than two members.

    Its probabilities for a fold use weights that are fitted on the other folds.
    """
    trained = [run for run in runs if run.predictions is not None and kinds[run.candidate.kind].learns]
    trained.sort(key=lambda run: (float(row_log_loss(data.y, run.oof).mean()), run.candidate.name))
    members = trained[:MEMBERS]
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
    ]
    candidate = Candidate(name=ENSEMBLE, kind="ensemble", params={"members": params})
    fit_s, predict_s = sum(run.fit_s for run in members), sum(run.predict_s for run in members)
    return CandidateRun(candidate, pooled, "", fit_s, predict_s)

"""The weighted ensemble: several models of classes together, weighted by what they said out of fold."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize

from glassbox.families.classification.compare import Comparison, FitFold, Run, compare, run_candidates, run_of
from glassbox.families.classification.dataset import Codes, Problem
from glassbox.families.classification.linear_models import log_opinion_pool
from glassbox.families.classification.metrics import Floats, row_log_loss
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import Progress
from glassbox.families.shared.leaderboard import Ranked

ENSEMBLE = "weighted ensemble"
MEMBERS = 6  # at most: the best by log loss
LEAST_WEIGHT = 0.05  # a member below it is left out: it costs time and changes little
HEAVIEST = 5.0


def weights_of(probas: Sequence[Floats], y: Codes) -> Floats:
    """Weights of a logarithmic opinion pool: not negative, of least log loss on some rows (a convex problem).

    >>> good, bad = np.array([[0.9, 0.1], [0.2, 0.8]] * 20), np.full((40, 2), 0.5)
    >>> bool(weights_of([good, bad], np.array([0, 1] * 20))[0] > 1)
    True
    """
    logs = np.stack([np.log(np.clip(proba, 1e-9, 1.0)) for proba in probas])
    rows = np.arange(len(y))

    def loss(weights: Floats) -> tuple[float, Floats]:
        scores = np.tensordot(weights, logs, axes=1)
        raised = np.exp(scores - scores.max(axis=1, keepdims=True))
        proba = raised / raised.sum(axis=1, keepdims=True)
        surplus = proba.copy()
        surplus[rows, y] -= 1.0
        gradient = np.array([float((surplus * log).sum()) for log in logs]) / len(y)
        return float(-np.log(np.maximum(proba[rows, y], 1e-12)).mean()), gradient

    start = np.full(len(probas), 1 / len(probas))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, HEAVIEST)] * len(probas))
    return np.asarray(found.x, dtype=np.float64)


def ensemble_of(runs: Sequence[Run], problem: Problem, kinds: Mapping[str, Ranked]) -> Run | None:
    """The weighted ensemble of the best; what it says of a fold uses weights fitted on the other folds.

    None where there are not two members.
    """
    able = [(run, run.proba) for run in runs if run.proba is not None and kinds[run.candidate.kind].learns]
    able.sort(key=lambda pair: (float(row_log_loss(problem.y, pair[1]).mean()), pair[0].candidate.name))
    members = [run for run, _ in able[:MEMBERS]]
    if len(members) < 2:
        return None
    probas = [run.proba for run in members if run.proba is not None]
    whole = weights_of(probas, problem.y)
    kept = [i for i, weight in enumerate(whole) if weight >= LEAST_WEIGHT * whole.sum()]
    members, probas = [members[i] for i in kept], [probas[i] for i in kept]
    if len(members) < 2:
        return None
    proba = np.empty_like(probas[0])
    for fold in problem.folds:
        out = problem.fold == fold
        weights = weights_of([p[~out] for p in probas], problem.y[~out])
        proba[out] = log_opinion_pool([p[out] for p in probas], weights.tolist())
    weights = weights_of(probas, problem.y)
    told = [
        {
            "name": run.candidate.name,
            "kind": run.candidate.kind,
            "params": run.candidate.params,
            "weight": round(float(weight), 4),
        }
        for run, weight in zip(members, weights, strict=True)
    ]
    candidate = Candidate(name=ENSEMBLE, kind="ensemble", params={"members": told})
    return Run(candidate, proba, "", sum(run.fit_s for run in members), sum(run.predict_s for run in members))


def compare_together(
    tried: Sequence[Candidate],
    problem: Problem,
    fit: FitFold,
    kinds: Mapping[str, Ranked],
    *,
    metric: str = "roc_auc",
    seed: int = 0,
    resamples: int = 1000,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> Comparison:
    """Compare candidates on the same folds; the weighted ensemble of the best of them is one more.

    Parameters
    ----------
    tried
        Candidates, each with a name of its own.
    problem, fit
        Rows, target and folds; how the family fits a candidate on all folds but one.
    kinds
        What each kind is among the others.
    metric
        What decides: the mean over folds.

    Raises
    ------
    GlassboxError
        When no candidate could be fitted.
    """
    runs = run_candidates(tried, problem, fit, threads=threads, workers=workers, progress=progress)
    together = ensemble_of(runs, problem, kinds)
    every = [*runs, *([together] if together else [])]
    return compare(every, problem, kinds, metric=metric, seed=seed, resamples=resamples)


def leader_run(leaderboard: dict[str, Any], oof: Any, problem: Problem) -> Run:
    """The leader of the comparison: what tuning has to beat to be taken."""
    row = next(row for row in leaderboard["rows"] if row["candidate"] == leaderboard["leader"])
    return run_of(Candidate(name=row["candidate"], kind=row["kind"], params=row["params"]), oof, problem)

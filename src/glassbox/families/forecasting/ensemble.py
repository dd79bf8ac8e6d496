"""The weighted ensemble of forecasts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import nnls

from glassbox.families.forecasting.metrics import Forecasts, more_is_better, score
from glassbox.families.forecasting.panel import Floats
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import CandidateRun

ENSEMBLE = "weighted ensemble"
MEMBERS = 4  # at most: the best by the metric that decides
SHRINKAGE = 0.01  # towards equal weights, as a share of the forecasts' own weight in the fit
MIN_WEIGHT = 0.05  # a member below it is dropped, because it costs time and changes little


def weights_of(runs: Sequence[CandidateRun[Forecasts]], windows: Any, metric: str) -> Floats:
    """Return the non-negative ensemble weights with the least squared scaled error on some windows; they sum to one.

    Non-negative least squares of the actual values on the forecasts, both divided by the scale of their series, shrunk towards
    equal weights, which are hard to beat (Claeskens et al. 2016, International Journal of Forecasting, 32(3)).
    """
    first = runs[0].oof
    known = ~np.isnan(first.actual[windows])
    scale = (np.sqrt(first.scale2) if metric in ("rmsse", "rmse") else first.scale)[windows][:, None]
    target = (first.actual[windows] / scale)[known]
    columns = [(run.oof.point[windows] / scale)[known] for run in runs]
    matrix = np.column_stack(columns)
    count = matrix.shape[1]
    shrinkage = np.sqrt(SHRINKAGE * (matrix**2).sum() / count)
    penalty = 1e3 * np.sqrt((matrix**2).sum() / count)  # of weights that do not add up to one
    rows = np.vstack([matrix, shrinkage * np.eye(count), np.full(count, penalty)])
    target = np.concatenate([target, np.full(count, shrinkage / count), [penalty]])
    weights, _ = nnls(rows, target, maxiter=50 * count)
    weights = np.where(weights < MIN_WEIGHT, 0.0, weights)
    total = weights.sum()
    return np.asarray(weights / total if total > 0 else np.full(len(weights), 1 / len(weights)))


def weighted_ensemble(
    runs: Sequence[CandidateRun[Forecasts]], origins: Sequence[int], metric: str, baseline: str
) -> CandidateRun[Forecasts] | None:
    """Return the weighted ensemble of the best candidates that beat the baseline.

    Its forecasts from each origin use weights that are fitted on the other origins. None with fewer than two members, or
    too few origins to leave one out.
    """
    sign = -1.0 if more_is_better(metric) else 1.0
    base = next((run for run in runs if run.candidate.name == baseline and not run.reason), None)
    limit = np.inf if base is None else sign * score(base.oof, metric)
    scored = sorted((sign * score(run.oof, metric), i) for i, run in enumerate(runs) if not run.reason)
    members = [runs[i] for value, i in scored if value < limit][:MEMBERS]
    if len(members) < 2 or len(origins) < 3:
        return None
    first = members[0].oof
    point = np.zeros_like(first.point)
    for left_out in origins:
        weights = weights_of(members, first.origin != left_out, metric)
        inside = first.origin == left_out
        point[inside] = sum(weight * run.oof.point[inside] for weight, run in zip(weights, members, strict=True))
    weights = weights_of(members, np.ones(len(first.origin), dtype=bool), metric)
    params = [
        {"name": run.candidate.name, "kind": run.candidate.kind, "params": run.candidate.params, "weight": round(float(w), 4)}
        for w, run in zip(weights, members, strict=True)
        if w > 0
    ]
    candidate = Candidate(name=ENSEMBLE, kind="ensemble", params={"members": params})
    fit_s, predict_s = sum(run.fit_s for run in members), sum(run.predict_s for run in members)
    return CandidateRun(candidate, first.with_point(point), "", fit_s, predict_s)

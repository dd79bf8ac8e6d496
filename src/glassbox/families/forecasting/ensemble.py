"""Ensembles of forecasts: weights for all series, weights for each series, and the median."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassbox.families.forecasting.metrics import Forecasts, by_window, more_is_better, score
from glassbox.families.forecasting.panel import Floats
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import CandidateRun

MEMBERS = 6  # at most: the best by the metric that decides
MEDIAN_OF = 5  # members
ADDITIONS = 20  # of members, with repetition, to the ensemble; a weight is a share of them
MAX_WINDOWS = 3000  # weights of all series are fitted on evenly spaced windows of a larger backtest
BY_SERIES = 5  # from this number of series on, weights for each series are tried
SMOOTHING = 0.2  # share of equal weights in the weights that those of a series start from, so that each member can gain weight
PRIOR_WINDOWS = 2  # windows that the mean over all series counts for, beside the windows of the series itself
SHARPNESS = (1.0, 2.0, 4.0, 8.0)  # how much the weights of a series depend on its own backtest

Runs = Sequence[CandidateRun[Forecasts]]
Weights = Callable[[Any], Floats]  # of the windows that they are fitted on: (members,), or (series, members)


def weights_of(runs: Runs, windows: Any, metric: str) -> Floats:
    """Return the non-negative ensemble weights with the best metric on some windows; they sum to one.

    Members are added one at a time with repetition, each time the one that improves the metric most, and the best ensemble on the
    way is returned ([1]_). It starts from the best member, so on these windows it is never worse.

    References
    ----------
    .. [1] Caruana, R. et al. (2004). Ensemble selection from libraries of models. ICML.
    """
    rows = np.flatnonzero(windows)
    rows = rows[:: -(-len(rows) // MAX_WINDOWS)]
    first = runs[0].oof.take(rows)
    points = [run.oof.point[rows] for run in runs]
    sign = -1.0 if more_is_better(metric) else 1.0
    counts = np.zeros(len(runs))
    total, best_loss, best = np.zeros_like(first.point), np.inf, np.full(len(runs), 1 / len(runs))
    for size in range(1, ADDITIONS + 1):
        losses = [sign * score(first.with_point((total + point) / size), metric) for point in points]
        chosen = int(np.argmin(losses))
        counts[chosen] += 1
        total = total + points[chosen]
        if losses[chosen] < best_loss:
            best_loss, best = losses[chosen], counts / size
    return np.asarray(best)


def weights_by_series(runs: Runs, windows: Any, metric: str, sharpness: float, shared: Floats) -> Floats:
    """Return the weights of each series, (series, members): the shared ones, adapted to the series' own backtest.

    The weight of a member is multiplied by exp(-s (r - g)): r is its error on the series relative to the mean of the members, shrunk
    to g, its relative error over all series, and s the sharpness.
    """
    base = (1 - SMOOTHING) * shared + SMOOTHING / len(runs)
    series = runs[0].oof.series[windows]
    losses = np.column_stack([by_window(run.oof.take(windows), metric) for run in runs])
    count = int(runs[0].oof.series.max()) + 1
    scored = ~np.isnan(losses).any(axis=1)
    n = np.bincount(series[scored], minlength=count)[:, None]
    sums = np.column_stack([np.bincount(series[scored], column[scored], minlength=count) for column in losses.T])
    middle = sums.mean(axis=1, keepdims=True)
    relative = np.divide(sums, middle, out=np.ones_like(sums), where=middle > 0)
    overall = relative[n[:, 0] > 0].mean(axis=0) if (n > 0).any() else np.ones(len(runs))
    shrunk = (n * relative + PRIOR_WINDOWS * overall) / (n + PRIOR_WINDOWS)
    weights = base * np.exp(-sharpness * (shrunk - overall))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))


def ensembles(runs: Runs, names: Sequence[str], origins: Sequence[int], metric: str) -> list[CandidateRun[Forecasts]]:
    """Return the ensembles of the best candidates.

    The forecasts from each origin use weights that are fitted on the other origins. An empty list with fewer than two members, or
    too few origins to leave one out. Of several sharpnesses of the weights by series, the best one is returned.

    Parameters
    ----------
    names
        The names of the series.
    """
    sign = -1.0 if more_is_better(metric) else 1.0
    scored = sorted((sign * score(run.oof, metric), i) for i, run in enumerate(runs) if not run.reason)
    members = [runs[i] for _, i in scored][:MEMBERS]
    if len(members) < 2 or len(origins) < 3:
        return []
    everything = np.ones(len(members[0].oof.origin), dtype=bool)
    fitted: dict[bytes, Floats] = {}

    def shared(windows: Any) -> Floats:
        key = windows.tobytes()
        if key not in fitted:
            fitted[key] = weights_of(members, windows, metric)
        return fitted[key]

    def by_series(sharpness: float) -> Weights:
        return lambda windows: weights_by_series(members, windows, metric, sharpness, shared(windows))

    def weighted(name: str, weights: Weights) -> CandidateRun[Forecasts]:
        point = _leave_one_out(members, origins, weights)
        final = weights(everything)
        params: dict[str, Any] = {"members": _described(members, final.mean(axis=0) if final.ndim == 2 else final)}
        if final.ndim == 2:
            kept = [i for i, run in enumerate(members) if run.candidate.name in {m["name"] for m in params["members"]}]
            params["weights"] = {series: np.round(final[i, kept], 3).tolist() for i, series in enumerate(names)}
        return _run(name, params, members, point)

    best = members[:MEDIAN_OF]
    middle = np.median([run.oof.point for run in best], axis=0)
    equal = np.full(len(best), 1 / len(best))
    result = [
        weighted("weighted ensemble", shared),
        _run("median ensemble", {"combine": "median", "members": _described(best, equal)}, best, middle),
    ]
    if len(names) >= BY_SERIES:
        tried = [weighted("ensemble by series", by_series(sharpness)) for sharpness in SHARPNESS]
        result.append(min(tried, key=lambda run: sign * score(run.oof, metric)))
    return result


def _leave_one_out(members: Runs, origins: Sequence[int], weights: Weights) -> Floats:
    """Return the ensemble's forecasts; those of each origin have the weights fitted on the other origins."""
    first = members[0].oof
    points = np.stack([run.oof.point for run in members], axis=2)
    combined = np.zeros_like(first.point)
    for left_out in origins:
        inside = first.origin == left_out
        fitted = weights(first.origin != left_out)
        fitted = fitted[first.series[inside]][:, None, :] if fitted.ndim == 2 else fitted
        combined[inside] = (points[inside] * fitted).sum(axis=2)
    return combined


def _described(members: Runs, weights: Floats) -> list[dict[str, Any]]:
    """Return the members with a weight as hyperparameters of the ensemble."""
    return [
        {"name": run.candidate.name, "kind": run.candidate.kind, "params": run.candidate.params, "weight": round(float(w), 4)}
        for w, run in zip(weights, members, strict=True)
        if w > 0
    ]


def _run(name: str, params: dict[str, Any], members: Runs, point: Floats) -> CandidateRun[Forecasts]:
    fit_s, predict_s = sum(run.fit_s for run in members), sum(run.predict_s for run in members)
    return CandidateRun(
        Candidate(name=name, kind="ensemble", params=params), members[0].oof.with_point(point), "", fit_s, predict_s
    )

"""The comparison: every candidate from every origin, the ensemble of them, the leaderboard, and which one goes on.

A candidate that does not beat the seasonal naive forecast is never handed on: then the seasonal naive forecast is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import nnls

from glassbox.errors import GlassboxError
from glassbox.families.forecasting.backtest import Problem, forecast_from, oof_frame, read_oof
from glassbox.families.forecasting.metrics import (
    NAMES,
    Forecasts,
    estimate,
    more_is_better,
    paired_gain,
    score,
)
from glassbox.families.forecasting.models import KINDS
from glassbox.families.forecasting.panel import Floats
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import Cache, Progress, run_side_by_side
from glassbox.families.shared.leaderboard import timing_frame
from glassbox.findings.model import Note
from glassbox.findings.wording import metric_label, number

BASELINE = "seasonal naive"
ENSEMBLE = "weighted ensemble"
SEARCHED = ("boosting", "prophet")  # kinds with hyperparameters worth a search
MEMBERS = 4  # at most: the best by the metric that decides
TOWARDS_EQUAL = 0.01  # of what the forecasts weigh in the fit
LEAST_WEIGHT = 0.05  # members below it are left out: they cost time and change little
POINTS = ("mase", "rmsse", "smape", "mae", "rmse")  # metrics of point forecasts: all that a comparison knows


@dataclass(frozen=True)
class Run:
    """One candidate from all origins, or why there is nothing."""

    candidate: Candidate
    found: Forecasts | None = None
    reason: str = ""
    fit_s: float = 0.0
    predict_s: float = 0.0


@dataclass(frozen=True)
class Comparison:
    """What came out: the leaderboard as it is saved, all forecasts, and the seconds each took (measured)."""

    leaderboard: dict[str, Any]
    oof: pd.DataFrame
    timing: pd.DataFrame


def run_candidates(
    tried: Sequence[Candidate],
    problem: Problem,
    *,
    seed: int,
    memo: Cache | None = None,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> list[Run]:
    """Every candidate from every origin, several side by side; what fails is told with its reason, and the others go on."""

    def fit(candidate: Candidate, origin: int) -> dict[str, Any]:
        return forecast_from(problem, origin, candidate.kind, candidate.params, seed=seed, threads=threads, memo=memo)

    found = run_side_by_side(tried, problem.origins, fit, place="origin", threads=threads, workers=workers, progress=progress)
    return [_run(candidate, results, problem) for candidate, results in zip(tried, found, strict=True)]


def _run(candidate: Candidate, results: Sequence[Mapping[str, Any]], problem: Problem) -> Run:
    reasons = [str(result["reason"]) for result in results if "reason" in result]
    if reasons:
        return Run(candidate, reason=reasons[0])
    found = problem.frame({origin: result["point"] for origin, result in zip(problem.origins, results, strict=True)})
    if not np.isfinite(found.point).all():
        return Run(candidate, reason=f"{int((~np.isfinite(found.point)).any(axis=1).sum())} windows got no forecast")
    return Run(candidate, found, "", sum(float(r["fit_s"]) for r in results), sum(float(r["predict_s"]) for r in results))


def weights_of(runs: Sequence[Run], windows: Any, metric: str) -> Floats:
    """Weights of an ensemble: not negative, adding up to one, of least squared scaled error on some windows.

    Non-negative least squares of the actual values on the forecasts, both divided by their series' scale, drawn towards
    equal weights (which are hard to beat: Claeskens et al. 2016, International Journal of Forecasting, 32(3)).
    """
    first = runs[0].found
    assert first is not None
    there = ~np.isnan(first.actual[windows])
    by = (np.sqrt(first.scale2) if metric in ("rmsse", "rmse") else first.scale)[windows][:, None]
    target = ((first.actual[windows]) / by)[there]
    columns = [((run.found.point[windows]) / by)[there] for run in runs if run.found is not None]
    matrix = np.column_stack(columns)
    count = matrix.shape[1]
    drawn = np.sqrt(TOWARDS_EQUAL * (matrix**2).sum() / count)
    heavy = 1e3 * np.sqrt((matrix**2).sum() / count)  # a row that asks the weights to add up to one
    rows = np.vstack([matrix, drawn * np.eye(count), np.full(count, heavy)])
    found, _ = nnls(rows, np.concatenate([target, np.full(count, drawn / count), [heavy]]), maxiter=50 * count)
    found = np.where(found < LEAST_WEIGHT, 0.0, found)
    total = found.sum()
    return np.asarray(found / total if total > 0 else np.full(len(found), 1 / len(found)))


def ensemble_of(runs: Sequence[Run], problem: Problem, metric: str) -> Run | None:
    """The weighted ensemble of the best that beat the seasonal naive forecast; its forecasts from each origin use weights
    fitted on the other origins.

    None where there are not two members, or too few origins to leave one out.
    """
    sign = -1.0 if more_is_better(metric) else 1.0
    base = next(run.found for run in runs if run.candidate.name == BASELINE)
    scored = [(sign * score(run.found, metric), i) for i, run in enumerate(runs) if run.found is not None]
    limit = sign * score(base, metric) if base is not None else np.inf
    able = [runs[i] for value, i in sorted(scored) if value < limit][:MEMBERS]
    if len(able) < 2 or len(problem.origins) < 3:
        return None
    origin = able[0].found.origin  # type: ignore[union-attr]
    point = np.zeros_like(able[0].found.point)  # type: ignore[union-attr]
    for left_out in problem.origins:
        weights = weights_of(able, origin != left_out, metric)
        inside = origin == left_out
        point[inside] = sum(w * run.found.point[inside] for w, run in zip(weights, able, strict=True))  # type: ignore[union-attr]
    weights = weights_of(able, np.ones(len(origin), dtype=bool), metric)
    members = [
        {"name": run.candidate.name, "kind": run.candidate.kind, "params": run.candidate.params, "weight": round(float(w), 4)}
        for w, run in zip(weights, able, strict=True)
        if w > 0
    ]
    candidate = Candidate(name=ENSEMBLE, kind="ensemble", params={"members": members})
    fit_s, predict_s = sum(run.fit_s for run in able), sum(run.predict_s for run in able)
    return Run(candidate, able[0].found.with_point(point), "", fit_s, predict_s)  # type: ignore[union-attr]


def compare(
    tried: Sequence[Candidate],
    problem: Problem,
    *,
    metric: str = "mase",
    seed: int = 0,
    resamples: int = 500,
    memo: Cache | None = None,
    threads: int = 1,
    workers: int = 1,
    progress: Progress | None = None,
) -> Comparison:
    """Compare candidates from the same origins; the ensemble of them is one more.

    Parameters
    ----------
    tried
        Candidates, each with a name of its own; one of them is the seasonal naive forecast.
    metric
        What decides: the mean over windows.

    Raises
    ------
    GlassboxError
        When no candidate could be fitted, or the seasonal naive forecast is not among them.
    """
    if BASELINE not in [candidate.name for candidate in tried]:
        raise GlassboxError(f"The candidates lack {BASELINE!r}: every other has to beat it to be handed on.")
    runs = run_candidates(tried, problem, seed=seed, memo=memo, threads=threads, workers=workers, progress=progress)
    if not any(run.found is not None for run in runs):
        raise GlassboxError("No candidate could be fitted: " + "; ".join(f"{run.candidate.name}: {run.reason}" for run in runs))
    together = ensemble_of(runs, problem, metric)
    runs = [*runs, *([together] if together else [])]
    sign = -1.0 if more_is_better(metric) else 1.0
    values = {run.candidate.name: score(run.found, metric) if run.found is not None else np.nan for run in runs}
    runs.sort(
        key=lambda run: (
            np.isnan(values[run.candidate.name]),
            sign * values[run.candidate.name],
            KINDS[run.candidate.kind].complexity if run.candidate.kind in KINDS else 99,
        )
    )
    leader = runs[0]
    base = next(run for run in runs if run.candidate.name == BASELINE)
    rows = []
    for run in runs:
        gain = (
            paired_gain(leader.found, run.found, metric, resamples=resamples, seed=seed)
            if run.found is not None and leader.found is not None and run is not leader
            else None
        )
        rows.append(_row(run, gain, resamples, seed))
    tied = [row["candidate"] for row in rows if row["behind"] and (row["behind"]["low"] is None or row["behind"]["low"] <= 0)]
    better = [
        run
        for run in runs
        if run is base
        or (run.found is not None and base.found is not None and sign * (values[run.candidate.name] - values[BASELINE]) < 0)
    ]
    able = [run for run in better if run is leader or run.candidate.name in tied]
    simplest = min(able, key=lambda run: KINDS[run.candidate.kind].complexity).candidate
    chosen = _to_tune(leader if leader in better else base, better, values, sign)
    leaderboard = {
        "metric": metric,
        "rows": rows,
        "leader": leader.candidate.name,
        "tied": tied,
        "simplest": simplest.model_dump(),
        "chosen": chosen.model_dump(),
        "baseline": values[BASELINE],
        "beaten_by_baseline": [run.candidate.name for run in runs if run.found is not None and run not in better],
    }
    blocks = [oof_frame(run.found, problem, run.candidate.name) for run in runs if run.found is not None]
    return Comparison(
        leaderboard, pd.concat(blocks, ignore_index=True), timing_frame(runs, len(problem.origins) * len(problem.panel.names))
    )


def _to_tune(leader: Run, better: Sequence[Run], values: Mapping[str, float], sign: float) -> Candidate:
    """The best with hyperparameters to search (boosting or Prophet) among those that beat the baseline; else the leader."""
    found = [run for run in better if run.candidate.kind in SEARCHED]
    return min(found, key=lambda run: sign * values[run.candidate.name], default=leader).candidate


def _row(run: Run, gain: Any, resamples: int, seed: int) -> dict[str, Any]:
    names = [name for name in NAMES if name in POINTS]
    scores = {name: estimate(run.found, name, resamples=resamples, seed=seed) for name in names} if run.found is not None else {}
    return {
        "candidate": run.candidate.name,
        "kind": run.candidate.kind,
        "params": run.candidate.params,
        "scores": {name: found.model_dump() for name, found in scores.items()},
        "behind": gain.model_dump() if gain is not None else None,
        "note": f"failed: {run.reason}" if run.reason else "",
    }


def against_baseline(leaderboard: Mapping[str, Any]) -> Note:
    """Which candidates lose to the seasonal naive forecast, and so are never handed on."""
    metric, lost = metric_label(leaderboard["metric"]), leaderboard["beaten_by_baseline"]
    value = number(leaderboard["baseline"])
    lines = [f"{name} loses to it and is never handed on." for name in lost if name != "naive"]
    alone = leaderboard["chosen"]["name"] == BASELINE
    say = (
        f"Nothing tried beats the seasonal naive forecast ({metric} {value}): it is handed on itself."
        if alone
        else f"The seasonal naive forecast has {metric} {value}; what goes on does better."
    )
    return Note(
        title="Against the last season, again", say=say, lines=lines, tone="bad" if alone else "look" if lines else "good"
    )


def run_of(candidate: Candidate, oof: pd.DataFrame, problem: Problem) -> Run:
    """A candidate's run as saved among the forecasts."""
    return Run(candidate, read_oof(oof[oof["candidate"] == candidate.name], problem))


def strongest(leaderboard: Mapping[str, Any], oof: pd.DataFrame, problem: Problem) -> Run:
    """The leader of the comparison: what tuning has to beat to be taken."""
    row = next(row for row in leaderboard["rows"] if row["candidate"] == leaderboard["leader"])
    beaten = row["candidate"] in leaderboard["beaten_by_baseline"]
    name = BASELINE if beaten else row["candidate"]
    row = next(row for row in leaderboard["rows"] if row["candidate"] == name)
    return run_of(Candidate(name=name, kind=row["kind"], params=row["params"]), oof, problem)

"""The leaderboard: candidates ranked by the primary metric, ties with the leader, and the candidate to tune."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import pandas as pd

from glassbox.families.protocol import Scorer
from glassbox.families.registry import ModelSpec
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import CandidateRun
from glassbox.findings.evidence import LeaderboardEvidence
from glassbox.findings.model import Estimate, Note, Table
from glassbox.findings.wording import metric_label, number

P = TypeVar("P")
PROMISING_WITHIN = 0.05  # share of the leader's improvement over the baseline: a candidate within it may lead after tuning
UNKNOWN_KIND = 99  # complexity of a kind that failed because there is no such kind


def candidate_table(candidates: Sequence[Candidate]) -> Table:
    """List candidates with their hyperparameters."""
    rows = [
        {"candidate": c.name, "kind": c.kind, "hyperparameters": ", ".join(f"{k}={v}" for k, v in c.params.items()) or "–"}
        for c in candidates
    ]
    return Table.of(pd.DataFrame(rows), "Candidates", say=f"{len(candidates)} candidates on the same folds.")


def rank(
    runs: Sequence[CandidateRun[P]],
    kinds: Mapping[str, ModelSpec[Any, Any]],
    scorer: Scorer[P],
    *,
    more_is_better: bool,
    baseline: str | None = None,
) -> dict[str, Any]:
    """Rank candidates, find those tied with the leader, and choose the one to tune.

    A candidate is tied when the interval of the leader's gain over it, on the same rows, includes zero or is unknown.

    Parameters
    ----------
    baseline
        The name of the candidate that every model has to beat; a model that does not is neither selected nor tuned.

    Returns
    -------
    dict
        ``metric``, ``rows`` (best first), ``leader`` and ``tied`` by name; ``chosen``, the candidate to tune: the most flexible
        of those with hyperparameters to search that are nearly the best of them, or the best one. With a baseline, also its value ``baseline``, the
        candidate ``baseline_candidate``, and ``beaten_by_baseline``.
    """
    scores = {run.candidate.name: _scores(run, scorer) for run in runs}
    sign = -1.0 if more_is_better else 1.0

    def value(run: CandidateRun[P]) -> float | None:
        estimate = scores[run.candidate.name].get(scorer.metric)
        return None if estimate is None else estimate.value

    def complexity(run: CandidateRun[P]) -> int:
        kind = kinds.get(run.candidate.kind)
        return UNKNOWN_KIND if kind is None else kind.complexity

    order = sorted(runs, key=lambda run: (value(run) is None, sign * (value(run) or 0.0), complexity(run), run.candidate.name))
    leader, done = order[0], [run for run in order if not run.reason]
    behind = {run.candidate.name: scorer.gain(leader.oof, run.oof) for run in done if run is not leader}
    tied = [name for name, gain in behind.items() if gain.low is None or gain.low <= 0]

    base = next((run for run in done if run.candidate.name == baseline), None)
    limit = None if base is None else value(base)
    better = [run for run in done if run is base or limit is None or sign * ((value(run) or 0.0) - limit) < 0]
    eligible = [run for run in better if run is leader or run is base or kinds[run.candidate.kind].learns]
    searchable = [run for run in eligible if kinds[run.candidate.kind].searched]
    best = (searchable or eligible or [leader])[0]
    reference = base or next((run for run in done if not kinds[run.candidate.kind].learns), done[-1])
    allowed = PROMISING_WITHIN * abs((value(reference) or 0.0) - (value(leader) or 0.0))
    promising = [run for run in searchable if abs((value(run) or 0.0) - (value(best) or 0.0)) <= allowed]
    chosen = max(promising, key=complexity, default=best)  # max is stable: of equal complexity, the better
    leaderboard: dict[str, Any] = {
        "metric": scorer.metric,
        "rows": [_row(run, scores[run.candidate.name], behind.get(run.candidate.name)) for run in order],
        "leader": leader.candidate.name,
        "tied": tied,
        "chosen": chosen.candidate.model_dump(),
    }
    if baseline is not None:
        beaten = [run.candidate.name for run in done if run not in better]
        leaderboard |= {"baseline": limit, "beaten_by_baseline": beaten}
        if base is not None:
            leaderboard["baseline_candidate"] = base.candidate.model_dump()
    return leaderboard


def _scores(run: CandidateRun[P], scorer: Scorer[P]) -> Mapping[str, Estimate]:
    return {} if run.reason else scorer.estimates(run.oof)


def _row(run: CandidateRun[P], scores: Mapping[str, Estimate], behind: Estimate | None) -> dict[str, Any]:
    return {
        "candidate": run.candidate.name,
        "kind": run.candidate.kind,
        "params": run.candidate.params,
        "scores": {name: estimate.model_dump() for name, estimate in scores.items()},
        "behind": None if behind is None else behind.model_dump(),
        "note": f"failed: {run.reason}" if run.reason else "",
    }


def candidate_in(row: Mapping[str, Any]) -> Candidate:
    """Return the candidate of a row of a saved leaderboard."""
    return Candidate(name=row["candidate"], kind=row["kind"], params=row["params"])


# ------------------------------------------------------------------------------------------------------------- findings


def leaderboard_frame(leaderboard: Mapping[str, Any], metric: str | None = None) -> pd.DataFrame:
    """Return one row per candidate, best first: ``candidate``, ``value``, ``low``, ``high`` of a metric, ``note``."""
    name = metric or leaderboard["metric"]
    rows = [
        {"candidate": row["candidate"], **_interval(row["scores"].get(name)), "note": row["note"]} for row in leaderboard["rows"]
    ]
    return pd.DataFrame(rows).astype({"value": float, "low": float, "high": float})


def _interval(estimate: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: None if estimate is None else estimate[key] for key in ("value", "low", "high")}


def leaderboard_table(
    leaderboard: Mapping[str, Any], also: Sequence[str], *, note: str, title: str = "Leaderboard", say: str = "", best: int = 0
) -> Table:
    """Return the leaderboard as a table: primary metric with interval, the metrics in `also`, and the gap to the leader."""
    metric = leaderboard["metric"]
    others = [name for name in also if name != metric]
    rows = []
    for row in leaderboard["rows"]:
        deciding = _interval(row["scores"].get(metric))
        rows.append(
            {
                "candidate": row["candidate"],
                metric: deciding["value"],
                "low": deciding["low"],
                "high": deciding["high"],
                **{name: row["scores"].get(name, {}).get("value") for name in others},
                "note": row["note"] or _behind(row["behind"]),
            }
        )
    formats = dict.fromkeys([metric, "low", "high", *others], ".4f")
    evidence = LeaderboardEvidence(
        metric=metric, leader=leaderboard["leader"], tied=leaderboard["tied"], chosen=leaderboard["chosen"]["name"]
    )
    return Table.of(
        pd.DataFrame(rows), title, say=say or standing(leaderboard), best=best, formats=formats, note=note, evidence=evidence
    )


def _behind(gain: Mapping[str, Any] | None) -> str:
    if gain is None or gain["value"] is None:
        return ""
    bounds = "" if gain["low"] is None else f" ({gain['low']:.4f} to {gain['high']:.4f})"
    return f"behind by {gain['value']:.4f}{bounds}"


def standing(leaderboard: Mapping[str, Any]) -> str:
    """State who leads and who is tied with the leader."""
    leader, tied = leaderboard["leader"], leaderboard["tied"]
    failed = [row["candidate"] for row in leaderboard["rows"] if row["note"]]
    say = f"{leader} leads"
    say += f"; {', '.join(tied)} cannot be distinguished from it on these rows." if tied else ", clearly ahead of all others."
    return say + (f" Failed: {', '.join(failed)}." if failed else "")


def choice(leaderboard: Mapping[str, Any]) -> Note:
    """Explain which candidate is tuned."""
    leader, chosen = leaderboard["leader"], leaderboard["chosen"]["name"]
    say = f"{chosen} is tuned."
    if chosen != leader:
        say = f"{chosen} is tuned: the most flexible of the candidates with hyperparameters whose {metric_label(leaderboard['metric'])} is near the best."
    lines = ["The stage tune selects among all candidates, the tuned one and the ensemble of them by the expected score."]
    return Note(title="Candidate to tune", say=say, lines=lines, tone="good")


def baseline_note(leaderboard: Mapping[str, Any]) -> Note:
    """List the candidates that do not beat the baseline and are therefore not selected."""
    baseline = str(leaderboard["baseline_candidate"]["name"])
    metric, value = metric_label(leaderboard["metric"]), number(leaderboard["baseline"])
    lines = [f"{name} does not beat it and is not selected." for name in leaderboard["beaten_by_baseline"]]
    alone = leaderboard["chosen"]["name"] == baseline
    say = (
        f"No candidate beats the baseline, {baseline} ({metric} {value}), so the baseline is selected."
        if alone
        else f"The best simple candidate, {baseline}, is the baseline, with {metric} {value}; the candidate to tune is better."
    )
    return Note(title="Baseline", say=say, lines=lines, tone="bad" if alone else "good")


def limits_note(limits: Sequence[str]) -> Note:
    """List the limitations of a comparison."""
    return Note(title="Limits", lines=list(limits))


def timing_frame(runs: Sequence[CandidateRun[Any]], units: int) -> pd.DataFrame:
    """Return seconds to fit and to predict, and microseconds to predict one of `units` rows; missing where a candidate failed."""
    rows = [(run.candidate.name, run.fit_s, run.predict_s, 1e6 * run.predict_s / units) for run in runs if not run.reason]
    failed = [(run.candidate.name, None, None, None) for run in runs if run.reason]
    return pd.DataFrame([*rows, *failed], columns=["candidate", "fit", "predict", "per row"])


def timing_table(timing: pd.DataFrame) -> Table:
    """Return the measured seconds over all folds as a table."""
    return Table.of(
        timing,
        "Training time",
        units={"fit": "s", "predict": "s", "per row": "µs"},
        formats={"fit": ".2f", "predict": ".3f", "per row": ".1f"},
        note="Measured over all folds on this machine when each candidate was first fitted; later runs reuse the cached fits.",
    )

"""The leaderboard of every family: who leads, who cannot be told from the leader, who goes on, and how it is shown."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import pandas as pd

from glassbox.families.shared.candidates import Candidate
from glassbox.findings.evidence import LeaderboardEvidence
from glassbox.findings.model import Estimate, Note, Table
from glassbox.findings.wording import metric_label

OVER_WINDOWS = "Means over windows (a series from an origin); intervals are 95 % bootstrap over series, or over origins where series are few."
OVER_ROWS = "Means over folds; intervals are 95 % bootstrap over rows within folds. Metrics of labels call a row at a probability of a half."


class Ranked(Protocol):
    """What a kind of model is among the others: how complex, whether it looks at the rows at all, whether it can be searched."""

    @property
    def complexity(self) -> int: ...
    @property
    def learns(self) -> bool: ...
    @property
    def searched(self) -> bool: ...


R = TypeVar("R", bound="Timed")


def ranked(
    runs: Sequence[R],
    kinds: Mapping[str, Ranked],
    metric: str,
    scores: Callable[[R], Mapping[str, Estimate]],
    gain: Callable[[R, R], Estimate],
    *,
    more_is_better: bool = True,
) -> dict[str, Any]:
    """Candidates by their score, who cannot be told from the leader, and which one is tuned.

    Parameters
    ----------
    scores
        The metrics of a run; none where it failed.
    gain
        By how much the leader is better than another on the same rows.

    Returns
    -------
    dict
        ``metric``, ``rows`` (best first), ``leader``, ``tied`` (not told apart from the leader), and, whole with kind and
        hyperparameters, ``simplest`` of these and ``chosen``: the most flexible of these that can be searched, else the best that can.
    """
    rows = {run.candidate.name: _row(run, scores(run)) for run in runs}
    sign = -1.0 if more_is_better else 1.0

    def rank(run: R) -> tuple[bool, float, int, str]:
        found = rows[run.candidate.name]["scores"]
        value = found[metric]["value"] if found else None
        complexity = kinds[run.candidate.kind].complexity if run.candidate.kind in kinds else 99
        return (value is None, sign * (value or 0.0), complexity, run.candidate.name)

    order = sorted(runs, key=rank)
    leader = order[0]
    for run in order[1:]:
        if not run.reason:
            rows[run.candidate.name]["behind"] = gain(leader, run).model_dump()
    behind = {name: row["behind"] for name, row in rows.items() if row["behind"]}
    tied = [
        run.candidate.name
        for run in order
        if (found := behind.get(run.candidate.name)) and found["low"] is not None and found["low"] <= 0
    ]
    able = [run for run in order if run is leader or (run.candidate.name in tied and kinds[run.candidate.kind].learns)]
    searchable = [run for run in able if kinds[run.candidate.kind].searched] or [
        run for run in order if not run.reason and kinds[run.candidate.kind].searched
    ][:1]
    return {
        "metric": metric,
        "rows": [rows[run.candidate.name] for run in order],
        "leader": leader.candidate.name,
        "tied": tied,
        # min and max are stable: of like kinds, the better.
        "simplest": min(able, key=lambda run: kinds[run.candidate.kind].complexity).candidate.model_dump(),
        "chosen": max(searchable or able, key=lambda run: kinds[run.candidate.kind].complexity).candidate.model_dump(),
    }


def _row(run: "Timed", scores: Mapping[str, Estimate]) -> dict[str, Any]:
    return {
        "candidate": run.candidate.name,
        "kind": run.candidate.kind,
        "params": run.candidate.params,
        "scores": {name: estimate.model_dump() for name, estimate in scores.items()},
        "behind": None,
        "note": f"failed: {run.reason}" if run.reason else "",
    }


def leaderboard_frame(leaderboard: Mapping[str, Any], metric: str | None = None) -> pd.DataFrame:
    """One row a candidate, best first: ``candidate``, ``value``, ``low``, ``high`` of the deciding metric, ``note``."""
    name = metric or leaderboard["metric"]
    rows = [
        {"candidate": row["candidate"], **_interval(row["scores"].get(name)), "note": row["note"]} for row in leaderboard["rows"]
    ]
    return pd.DataFrame(rows).astype({"value": float, "low": float, "high": float})


def _interval(estimate: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: None if estimate is None else estimate[key] for key in ("value", "low", "high")}


def leaderboard_table(
    leaderboard: Mapping[str, Any], also: Sequence[str] = ("log_loss", "average_precision", "accuracy"), *, note: str = OVER_ROWS
) -> Table:
    """The leaderboard: the deciding metric with its interval, some others, and what is to be said of a candidate."""
    metric = leaderboard["metric"]
    others = [name for name in also if name != metric]
    rows = []
    for row in leaderboard["rows"]:
        behind = row["behind"]
        remark = row["note"] or (
            "" if not behind else f"behind by {behind['value']:.4f} ({behind['low']:.4f} to {behind['high']:.4f})"
        )
        rest = {name: row["scores"].get(name, {}).get("value") for name in others}
        rows.append(
            {
                "candidate": row["candidate"],
                metric: _interval(row["scores"].get(metric))["value"],
                **_bounds(row, metric),
                **rest,
                "note": remark,
            }
        )
    evidence = LeaderboardEvidence(
        metric=metric, leader=leaderboard["leader"], tied=leaderboard["tied"], chosen=leaderboard["chosen"]["name"]
    )
    return Table.of(
        pd.DataFrame(rows), "Leaderboard", say=said(leaderboard), best=0, formats=dict.fromkeys([metric, "low", "high", *others], ".4f"),
        note=note, evidence=evidence,
    )  # fmt: skip


def _bounds(row: Mapping[str, Any], metric: str) -> dict[str, Any]:
    found = _interval(row["scores"].get(metric))
    return {"low": found["low"], "high": found["high"]}


def said(leaderboard: Mapping[str, Any]) -> str:
    """Who leads, who cannot be told from the leader, and who goes on."""
    leader, tied = leaderboard["leader"], leaderboard["tied"]
    simplest, chosen = leaderboard["simplest"]["name"], leaderboard["chosen"]["name"]
    failed = [row["candidate"] for row in leaderboard["rows"] if row["note"]]
    say = f"{leader} leads"
    if tied:
        say += f"; {', '.join(tied)} cannot be told from it on these rows. The simplest of them is {simplest}"
        say += f"; {chosen} has most to gain from tuning." if chosen != simplest else ", which goes on."
    else:
        say += (
            ", clear of all others, and goes on." if chosen == leader else f", clear of all others; {chosen} is tuned against it."
        )
    return say + (f" Failed: {', '.join(failed)}." if failed else "")


def choice(leaderboard: Mapping[str, Any]) -> Note:
    """Which candidate goes on, and by which rule."""
    leader, tied = leaderboard["leader"], leaderboard["tied"]
    simplest, chosen = leaderboard["simplest"]["name"], leaderboard["chosen"]["name"]
    lines = [
        f"{leader} has the best {metric_label(leaderboard['metric'])}.",
        f"Not told from it by a paired bootstrap over the same rows: {', '.join(tied) if tied else 'none'}.",
        f"So {chosen} is tuned."
        if leader == chosen and not tied
        else f"Tuned is the most flexible of these: {chosen}."
        if chosen in (leader, *tied)
        else f"It has nothing to be searched; {chosen} is tuned, and has to beat it.",
    ]
    if simplest != chosen:
        lines.append(f"It will be taken only if it then beats the simplest of these: {simplest}.")
    return Note(title="Which one is tuned", say=said(leaderboard), lines=lines, tone="good")


class Timed(Protocol):
    """A candidate that was run, or failed for a reason, and the seconds that it took."""

    @property
    def candidate(self) -> Candidate: ...
    @property
    def reason(self) -> str: ...
    @property
    def fit_s(self) -> float: ...
    @property
    def predict_s(self) -> float: ...


def timing_frame(runs: Sequence[Timed], units: int) -> pd.DataFrame:
    """Seconds to fit and to predict, and microseconds to predict one of `units` rows (windows); missing where it failed."""
    rows = [(run.candidate.name, run.fit_s, run.predict_s, 1e6 * run.predict_s / units) for run in runs if not run.reason]
    failed = [(run.candidate.name, None, None, None) for run in runs if run.reason]
    return pd.DataFrame([*rows, *failed], columns=["candidate", "fit", "predict", "per row"])


def timing_table(timing: pd.DataFrame) -> Table:
    """Seconds over all folds, as measured when each was fitted."""
    return Table.of(
        timing, "Time", units={"fit": "s", "predict": "s", "per row": "µs"}, formats={"fit": ".2f", "predict": ".3f", "per row": ".1f"},
        note="Over all folds, on this machine, when each was fitted; remembered since.",
    )  # fmt: skip


def candidate_in(leaderboard: Mapping[str, Any], role: str = "chosen") -> Candidate:
    """A candidate as saved in a leaderboard: the ``chosen`` one, or the ``simplest``."""
    return Candidate.model_validate(leaderboard[role])

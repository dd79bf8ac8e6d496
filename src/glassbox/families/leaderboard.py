"""The leaderboard of every family: who leads, who cannot be told from the leader, who goes on, and how it is shown."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import pandas as pd

from glassbox.families.candidates import Candidate
from glassbox.findings import Note, Table
from glassbox.markup import metric_words

OVER_WINDOWS = "Means over windows (a series from an origin); intervals are 95 % bootstrap over series, or over origins where series are few."
OVER_ROWS = "Means over folds; intervals are 95 % bootstrap over rows within folds. Metrics of labels call a row at a probability of a half."


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
        note = row["note"] or (
            "" if not behind else f"behind by {behind['value']:.4f} ({behind['low']:.4f} to {behind['high']:.4f})"
        )
        rest = {name: row["scores"].get(name, {}).get("value") for name in others}
        rows.append(
            {
                "candidate": row["candidate"],
                metric: _interval(row["scores"].get(metric))["value"],
                **_bounds(row, metric),
                **rest,
                "note": note,
            }
        )
    return Table.of(
        pd.DataFrame(rows), "Leaderboard", say=said(leaderboard), best=0, formats=dict.fromkeys([metric, "low", "high", *others], ".4f"),
        note=note,
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
        f"{leader} has the best {metric_words(leaderboard['metric'])}.",
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

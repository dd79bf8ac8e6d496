"""What should be decided: the answer in a sentence and the next steps, computed from what the stages found, never invented."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glassbox.files import read_json
from glassbox.findings.model import Audit, Estimate, Note, RequirementRow, Verdicts, read_findings
from glassbox.findings.wording import metric_label, number
from glassbox.reports.audit import audit as audit_of
from glassbox.reports.lookup import Findings, counted, estimates, facts, pick, rows, said
from glassbox.reports.sections import STAGES
from glassbox.reports.verdicts import bound_words, interval_words, value_words, verdicts
from glassbox.request.bounds import Bound
from glassbox.request.model import Request
from glassbox.request.tasks import MEASURED

ENOUGH = 20  # times as many rows as there are: beyond that, collecting more is no advice


def measured_estimates(folder: Path) -> dict[str, Estimate]:
    """What was measured on the running service, from the view of `deploy`; nothing when it was not measured.

    Parameters
    ----------
    folder
        `data/<request>/deploy`.
    """
    path = folder / "measured.json"
    shown = {"deploy": read_findings(read_json(path))} if path.is_file() else {}
    return estimates(shown, "deploy", "latency")


def requirement_rows(findings: Findings, request: Request, measured: dict[str, Estimate] | None = None) -> list[RequirementRow]:
    """The requirements of a request with their verdicts, from the metrics on the holdout."""
    return verdicts(request, estimates(findings, "evaluate", "metrics"), measured or {})


def verdict_table(requirements: Sequence[RequirementRow]) -> Verdicts:
    """The requirements as a finding, with what they come to in a sentence."""
    total = len(requirements)
    if not total:
        return Verdicts(title="Requirements", say="The request asks for no bound.", rows=[])
    counts = {v: sum(row.verdict == v for row in requirements) for v in ("met", "not met", "not proven")}
    parts = [f"{count} {verdict}" for verdict, count in counts.items() if count]
    return Verdicts(title="Requirements", say=f"Of {total}: {', '.join(parts)}.", rows=list(requirements))


def answer(findings: Findings, request: Request) -> Note:
    """The answer to the question of the request in one sentence, and below it what this means for what was asked.

    What is measured (latency) is left out: it depends on the machine and is said beside the answer.
    """
    decided = [row for row in requirement_rows(findings, request) if row.name not in MEASURED]
    asked = _asked(decided)
    bad = any(row.verdict == "not met" for row in decided)
    proven = bool(decided) and all(row.verdict == "met" for row in decided)
    return Note(
        title="Answer", say=_reach(findings), lines=[asked] if asked else [], tone="bad" if bad else "good" if proven else "plain"
    )


def _reach(findings: Findings) -> str:
    if reach := said(findings, "evaluate", "headline") or said(findings, "evaluate", "gain_curve"):
        return reach
    metrics = estimates(findings, "evaluate", "metrics")
    name = next((name for name, e in metrics.items() if e.value is not None), None)
    if name is None:
        leader = said(findings, "compare", "leaderboard")
        return leader or "There is no answer yet: no model has been evaluated."
    e = metrics[name]
    between = f" (95 % interval {number(e.low)} to {number(e.high)})" if e.low is not None and e.high is not None else ""
    seen = (
        f"On {number(e.n)} rows that it never saw, the model reaches" if e.n else "On rows that it never saw, the model reaches"
    )
    return f"{seen} {metric_label(name)} {number(e.value)}{between}."


def _asked(decided: Sequence[RequirementRow]) -> str:
    words = {
        v: [f"{metric_label(r.name)} {bound_words(r.bound)}" for r in decided if r.verdict == v]
        for v in ("met", "not met", "not proven")
    }
    parts = []
    if words["met"]:
        parts.append(f"it meets {_and(words['met'])}")
    if words["not met"]:
        parts.append(f"it misses {_and(words['not met'])}")
    if words["not proven"]:
        parts.append(f"whether it reaches {_and(words['not proven'])} is not proven")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def next_steps(findings: Findings, request: Request, requirements: Sequence[RequirementRow], audit: Audit | None = None) -> Note:
    """What to do next, each step for a reason that a finding gives.

    Parameters
    ----------
    findings
        What the stages of the run showed.
    request
        The request as resolved.
    requirements
        As `requirement_rows` gives them. What is measured is left out.
    audit
        As `audit` gives it; made here when left out.
    """
    audit = audit or audit_of(findings, request)
    steps = [_requirement_step(row, findings) for row in requirements if row.name not in MEASURED]
    steps += [f"{row.pattern}: {row.evidence}" for row in audit.rows if row.verdict != "avoided" and row.cell]
    steps += [_slice_step(findings), _tie_step(findings), _serve_step(findings, request)]
    if missing := [stage for stage in STAGES if stage != "conclude" and not findings.get(stage)]:
        steps.append(f"Run what was not run: {_and(missing)} (glassbox run {request.name}).")
    kept = list(dict.fromkeys(step for step in steps if step))
    say = "In this order." if len(kept) > 1 else "" if kept else "Nothing stands open."
    return Note(title="Next steps", say=say, lines=kept)


def _requirement_step(row: RequirementRow, findings: Findings) -> str:
    asked = f"{metric_label(row.name)} {bound_words(row.bound)}"
    if row.verdict == "met":
        return ""
    if row.value is None:
        return f"Find out about {asked}: it was not evaluated in this run."
    value = value_words(row, row.value)
    if row.verdict == "not met":
        return f"Decide about {asked}: {value} was reached ({interval_words(row) or 'no interval'}), so it takes better data or another bound."
    rows_needed = rows_to_decide(row, findings)
    if rows_needed is None:
        return f"Leave {asked} undecided: {value} lies so near the bound that more rows of this kind would hardly settle it."
    return f"To decide {asked}, hold back about {number(rows_needed)} rows: with {value} the interval would then clear the bound."


def rows_to_decide(row: RequirementRow, findings: Findings) -> int | None:
    """How many holdout rows would make the interval clear the bound, if the value stayed as it is.

    An interval narrows with the square root of the rows: n' = n (w / d)², where w is its half towards the bound and d the
    distance from the value to the bound.

    Returns
    -------
    int or None
        To two significant digits, rounded up; None when it is not known, or more than `ENOUGH` times as many as there are.
    """
    n = next((e.n for name, e in estimates(findings, "evaluate", "metrics").items() if name == row.name), None)
    if n is None or row.value is None or row.low is None or row.high is None:
        return None
    bound = Bound.parse(row.bound).value
    distance = abs(row.value - bound)
    half = row.value - row.low if bound < row.value else row.high - row.value
    if distance == 0 or (half / distance) ** 2 > ENOUGH:
        return None
    wanted = n * (half / distance) ** 2
    step: int = 10 ** max(0, math.floor(math.log10(wanted)) - 1)
    return math.ceil(wanted / step) * step


def _slice_step(findings: Findings) -> str:
    parts, words = rows(findings, "evaluate", "slices"), said(findings, "evaluate", "slices")
    weak = [row for row in parts if row.get("beyond chance", "weaker")]
    return f"Look at where the model is weak before relying on it there. {words}" if weak and words else ""


def _tie_step(findings: Findings) -> str:
    """Where a simpler model came near: what the other gains over it, once tuned; before that, that none leads for sure."""
    if findings.get("tune"):
        gained = estimates(findings, "tune", "gain")
        name = next((name for name in gained if name.startswith("gain ") and not name.endswith(" the default")), "")
        gain = gained.get(name)
        if gain is None or gain.low is None or gain.high is None or gain.low <= 0:  # else the simpler one was taken
            return ""
        return (
            f"Weigh whether the {name}, {gain.value:.4f} ({gain.low:.4f} to {gain.high:.4f}), "
            "is worth a model that is harder to explain."
        )
    ends = [(counted(row.get("low")), counted(row.get("high"))) for row in rows(findings, "compare", "leaderboard")]
    scored = [(low, high) for low, high in ends if low is not None and high is not None]
    overlap = any(low <= scored[0][1] and high >= scored[0][0] for low, high in scored[1:])
    words = said(findings, "compare", "choice") or said(findings, "compare", "leaderboard")
    return f"Weigh whether a simpler model would do. {words[:1].upper()}{words[1:]}" if overlap and words else ""


def _serve_step(findings: Findings, request: Request) -> str:
    if not findings.get("deploy"):
        return ""
    trigger = said(findings, "monitor", "trigger") or str(pick(facts(findings, "monitor", "trigger"), "retrain") or "")
    return f"Serve it (glassbox serve {request.name}) and watch it. {trigger}".rstrip()


def conclusion(answered: Note, requirements: Sequence[RequirementRow], audited: Audit, steps: Note) -> dict[str, Any]:
    """What `conclude` hands on: everything that was decided, without what is measured."""
    return {
        "answer": " ".join([answered.say, *answered.lines]),
        "requirements": [row for row in requirements if row.name not in MEASURED],
        "audit": audited.rows,
        "next_steps": steps.lines,
    }


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

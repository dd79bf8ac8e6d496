"""The conclusion of a run: the answer in one sentence, and the next steps based on requirements, audit and evidence."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glassbox.files import read_json
from glassbox.findings.evidence import GainEvidence, LeaderboardEvidence, SliceEvidence
from glassbox.findings.model import Audit, Estimate, Note, RequirementRow, Verdicts, read_findings
from glassbox.findings.wording import between, clean, counted, join_names, metric_label, number, plural
from glassbox.reports.audit import audit as audit_of
from glassbox.reports.lookup import Findings, estimates, evidence_of, sentence
from glassbox.reports.sections import STAGES
from glassbox.reports.verdicts import bound_words, interval_words, value_words, verdicts
from glassbox.request.bounds import Bound
from glassbox.request.model import Request
from glassbox.request.tasks import MEASURED

MOST_TIMES_MORE = 20  # a holdout of more than this many times its present size is not recommended


def measured_estimates(folder: Path) -> dict[str, Estimate]:
    """Return the latencies of the service that `deploy` measured; empty if they were not measured.

    Parameters
    ----------
    folder
        `data/<request>/deploy`.
    """
    path = folder / "measured.json"
    shown = {"deploy": read_findings(read_json(path))} if path.is_file() else {}
    return estimates(shown, "deploy", "latency")


def requirement_rows(findings: Findings, request: Request, measured: dict[str, Estimate] | None = None) -> list[RequirementRow]:
    """Return the requirements of a request with their verdicts, from the metrics on the holdout."""
    return verdicts(request, estimates(findings, "evaluate", "metrics"), measured or {})


def verdict_table(requirements: Sequence[RequirementRow]) -> Verdicts:
    """Return the requirements as a finding whose sentence counts the verdicts."""
    total = len(requirements)
    if not total:
        return Verdicts(title="Requirements", say="The request has no requirements.", rows=[])
    counts = {v: sum(row.verdict == v for row in requirements) for v in ("met", "not met", "not proven")}
    parts = [f"{count} {verdict}" for verdict, count in counts.items() if count]
    say = f"{counted(total, 'requirement')}: {', '.join(parts)}."
    return Verdicts(title="Requirements", say=say, rows=list(requirements))


def answer(findings: Findings, request: Request) -> Note:
    """Return the answer to the question of the request in one sentence, followed by the verdicts on the requirements.

    Measured requirements (latency) are excluded, because they depend on the machine; the report adds them to the answer.
    """
    decided = [row for row in requirement_rows(findings, request) if row.name not in MEASURED]
    required = _required(decided)
    missed = any(row.verdict == "not met" for row in decided)
    proven = bool(decided) and all(row.verdict == "met" for row in decided)
    return Note(
        title="Answer",
        say=_headline(findings, request),
        lines=[required] if required else [],
        tone="bad" if missed else "good" if proven else "plain",
    )


def _headline(findings: Findings, request: Request) -> str:
    if quoted := sentence(findings, "evaluate", "headline") or sentence(findings, "evaluate", "gain_curve"):
        return quoted
    metrics = estimates(findings, "evaluate", "metrics")
    name = next((name for name, e in metrics.items() if e.value is not None), None)
    if name is None:
        leaderboard = evidence_of(findings, "compare", LeaderboardEvidence)
        leads = f" {clean(leaderboard.evidence.leader)} leads the comparison." if leaderboard else ""
        return f"There is no answer yet: no model has been evaluated.{leads}"
    e = metrics[name]
    rows = plural(request.data.row)
    unseen = f"On {number(e.n)} unseen {rows}" if e.n else f"On unseen {rows}"
    return f"{unseen}, the model reaches {metric_label(name)} {number(e.value)}{between(e.low, e.high)}."


def _required(decided: Sequence[RequirementRow]) -> str:
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
    """Return the next steps in order of priority, each with its reason.

    Parameters
    ----------
    findings
        The findings of the run.
    request
        The resolved request.
    requirements
        The result of `requirement_rows`. Measured requirements are ignored.
    audit
        The result of `glassbox.reports.audit.audit`; by default, it is computed.
    """
    audit = audit or audit_of(findings, request)
    steps = [_requirement_step(row, findings, request) for row in requirements if row.name not in MEASURED]
    steps += [f"{row.pattern}: {row.evidence}" for row in audit.rows if row.verdict != "avoided" and row.cell]
    steps += [_slice_step(findings), _simpler_model_step(findings), _serve_step(findings, request)]
    if missing := [stage for stage in STAGES if stage != "conclude" and not findings.get(stage)]:
        steps.append(f"Run the remaining stages: {_and(missing)} (glassbox run {request.name}).")
    lines = list(dict.fromkeys(step for step in steps if step))
    return Note(
        title="Next steps",
        say="In order of priority." if len(lines) > 1 else "" if lines else "There are no next steps.",
        lines=lines,
    )


def _requirement_step(row: RequirementRow, findings: Findings, request: Request) -> str:
    required = f"{metric_label(row.name)} {bound_words(row.bound)}"
    if row.verdict == "met":
        return ""
    if row.value is None:
        return f"Evaluate {required}: it was not evaluated in this run."
    value = value_words(row, row.value)
    if row.verdict == "not met":
        return (
            f"Decide how to proceed with {required}: the model reaches {value} ({interval_words(row) or 'no interval'}), "
            "so the requirement needs better data or another bound."
        )
    rows_needed = rows_to_decide(row, findings)
    if rows_needed is None:
        return f"Accept that {required} is not proven: {value} is too close to the bound for a larger holdout to decide it."
    rows = plural(request.data.row)
    return f"To decide {required}, hold out about {number(rows_needed)} {rows}: if the value remains {value}, the interval then excludes the bound."


def rows_to_decide(row: RequirementRow, findings: Findings) -> int | None:
    """Return the size of a holdout whose interval would exclude the bound if the value stayed the same.

    The width of an interval is inversely proportional to the square root of the number of rows: n' = n (w / d)², where w is the
    half of the interval towards the bound, and d is the distance from the value to the bound.

    Returns
    -------
    int or None
        Rounded up to two significant digits; None if it is unknown or more than `MOST_TIMES_MORE` times the present size.
    """
    n = next((e.n for name, e in estimates(findings, "evaluate", "metrics").items() if name == row.name), None)
    if n is None or row.value is None or row.low is None or row.high is None:
        return None
    bound = Bound.parse(row.bound).value
    distance = abs(row.value - bound)
    half = row.value - row.low if bound < row.value else row.high - row.value
    if distance == 0 or (half / distance) ** 2 > MOST_TIMES_MORE:
        return None
    wanted = n * (half / distance) ** 2
    step: int = 10 ** max(0, math.floor(math.log10(wanted)) - 1)
    return math.ceil(wanted / step) * step


def _slice_step(findings: Findings) -> str:
    slices = evidence_of(findings, "evaluate", SliceEvidence)
    if slices is None or not slices.evidence.weak:
        return ""
    weak = join_names([clean(name) for name in slices.evidence.weak])
    return f"Review the slices on which the model is significantly weaker before relying on it there: {weak}."


def _simpler_model_step(findings: Findings) -> str:
    """Return the step to consider a simpler model: one that is slightly worse than the tuned model or, before tuning, tied with the leader."""
    if findings.get("tune"):
        gains = evidence_of(findings, "tune", GainEvidence)
        gain = gains.evidence.over_simpler if gains is not None else None
        if gains is None or gain is None or gain.value is None or gains.evidence.simpler is None:
            return ""
        bounds = between(gain.low, gain.high)
        return (
            f"Consider whether the gain in {metric_label(gains.evidence.metric)} over {clean(gains.evidence.simpler)}, "
            f"{number(gain.value)}{bounds}, is worth a model that is harder to explain."
        )
    leaderboard = evidence_of(findings, "compare", LeaderboardEvidence)
    if leaderboard is None or not leaderboard.evidence.tied:
        return ""
    tied = [clean(name) for name in leaderboard.evidence.tied]
    metric = metric_label(leaderboard.evidence.metric)
    verb = "does" if len(tied) == 1 else "do"
    return (
        f"Consider whether a simpler model is sufficient: {join_names(tied)} {verb} not differ significantly in {metric} "
        f"from {clean(leaderboard.evidence.leader)}."
    )


def _serve_step(findings: Findings, request: Request) -> str:
    if not findings.get("deploy"):
        return ""
    return f"Serve the model (glassbox serve {request.name}) and monitor it. {sentence(findings, 'monitor', 'trigger')}".rstrip()


def conclusion(answered: Note, requirements: Sequence[RequirementRow], audited: Audit, steps: Note) -> dict[str, Any]:
    """Return the product of `conclude`: all decisions, without measured values."""
    return {
        "answer": " ".join([answered.say, *answered.lines]),
        "requirements": [row for row in requirements if row.name not in MEASURED],
        "audit": audited.rows,
        "next_steps": steps.lines,
    }


def _and(words: Sequence[str]) -> str:
    return join_names(words, most=len(words))

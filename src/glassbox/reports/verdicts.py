"""What was asked against what came out: the requirements of a request with their verdicts, and how they are written."""

from collections.abc import Mapping
from dataclasses import dataclass

from glassbox.findings.model import Estimate, RequirementRow
from glassbox.findings.wording import metric_label
from glassbox.request.bounds import Bound
from glassbox.request.model import Request
from glassbox.request.tasks import MEASURED

_SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<"}


def verdicts(request: Request, metrics: Mapping[str, Estimate], measured: Mapping[str, Estimate]) -> list[RequirementRow]:
    """Every requirement of the request with what came out, and what the interval says about the bound.

    Parameters
    ----------
    request
        Its `requirements` are the bounds, by metric.
    metrics
        On the holdout, by name.
    measured
        On the running service, by name: latency, in milliseconds.

    Returns
    -------
    list of RequirementRow
        In the order of the request. Without a value, or where the bound lies inside the interval, nothing is proven.
    """
    return [_row(name, bound, metrics, measured) for name, bound in request.requirements.items()]


def _row(name: str, bound: Bound, metrics: Mapping[str, Estimate], measured: Mapping[str, Estimate]) -> RequirementRow:
    live = name in MEASURED
    found = (measured if live else metrics).get(name) or Estimate(value=None)
    lucky = not live and found.low is None and found.high is None  # it may be: nothing says how far it could be off
    return RequirementRow(
        name=name,
        bound=str(bound),
        value=found.value,
        low=found.low,
        high=found.high,
        verdict="not proven" if lucky else bound.verdict(found.value, found.low, found.high),
        cell="" if found.value is None else "deploy#latency" if live else "evaluate#metrics",
    )


def bound_words(text: str) -> str:
    """A bound as it stands in a sentence; its spaces do not break.

    >>> bound_words(">95%"), bound_words("<0.2s"), bound_words(">=0.83")
    ('>\\xa095\\xa0%', '<\\xa0200\\xa0ms', '≥\\xa00.83')
    """
    bound = Bound.parse(text)
    return f"{_SIGNS[bound.op]}\u00a0{_value_words(bound.value, text, exact=True)}"


def value_words(row: RequirementRow, value: float | None) -> str:
    """A value in the unit in which the requirement was asked for.

    >>> row = RequirementRow(name="accuracy", bound=">80%", value=0.806, low=None, high=None, verdict="not proven")
    >>> value_words(row, row.value)
    '80.6\\xa0%'
    """
    return "–" if value is None else _value_words(value, row.bound)


def _value_words(value: float, bound: str, *, exact: bool = False) -> str:
    if "%" in bound:
        return f"{100 * value:.10g}\u00a0%" if exact else f"{100 * value:.1f}\u00a0%"
    if Bound.parse(bound).unit:
        return f"{value:.10g}\u00a0ms" if exact else f"{value:.1f}\u00a0ms" if abs(value) < 100 else f"{value:,.0f}\u00a0ms"
    return f"{value:.10g}" if exact else f"{value:.3f}" if abs(value) <= 10 else f"{value:,.4g}"


def interval_words(row: RequirementRow) -> str:
    """The interval in the unit in which the requirement was asked for; empty when there is none.

    >>> interval_words(RequirementRow(name="f1", bound=">=0.6", value=0.63, low=0.6, high=0.66, verdict="met"))
    '0.600 – 0.660'
    """
    if row.low is None or row.high is None:
        return ""
    low, high = value_words(row, row.low), value_words(row, row.high)
    unit = next((unit for unit in ("\u00a0%", "\u00a0ms") if low.endswith(unit)), "")
    return f"{low.removesuffix(unit)} – {high}"


@dataclass(frozen=True)
class Scale:
    """Where the parts of an interval bar stand, from 0 (left) to 100 (right)."""

    bound: float
    value: float
    low: float
    high: float


def scale(row: RequirementRow) -> Scale | None:
    """The interval bar of a requirement: wide enough for its interval, its value and its bound; None without a value.

    >>> scale(RequirementRow(name="f1", bound=">0.5", value=0.7, low=0.6, high=0.8, verdict="met"))
    Scale(bound=18.75, value=60.42, low=39.58, high=81.25)
    """
    if row.value is None:
        return None
    bound = Bound.parse(row.bound)
    low, high = (row.value if end is None else end for end in (row.low, row.high))
    left, right = min(low, row.value, bound.value), max(high, row.value, bound.value)
    pad = 0.3 * ((right - left) or abs(right) or 1.0)
    left, right = max(0.0, left - pad) if left >= 0 else left - pad, right + pad
    bound_at, value_at, low_at, high_at = (
        round(100 * (at - left) / (right - left), 2) for at in (bound.value, row.value, low, high)
    )
    return Scale(bound_at, value_at, low_at, high_at)


def measured_sentence(rows: list[RequirementRow]) -> str:
    """What the running service says about what was asked of it; empty when nothing was, or nothing was measured."""
    there = [row for row in rows if row.name in MEASURED and row.value is not None]
    ends = {"met": "as asked", "not met": "which is not what was asked", "not proven": "which does not prove what was asked"}
    return " ".join(
        f"Its {metric_label(row.name)} was measured at {value_words(row, row.value)}, {ends[row.verdict]} ({bound_words(row.bound)})."
        for row in there
    )

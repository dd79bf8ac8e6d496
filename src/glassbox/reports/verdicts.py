"""Verdicts on the requirements of a request, and their bounds, values and intervals in words."""

from collections.abc import Mapping
from dataclasses import dataclass

from glassbox.findings.model import Estimate, RequirementRow
from glassbox.findings.wording import metric_label
from glassbox.request.bounds import Bound
from glassbox.request.model import Request
from glassbox.request.tasks import MEASURED

_SIGNS = {">=": "≥", "<=": "≤", ">": ">", "<": "<"}


def verdicts(request: Request, metrics: Mapping[str, Estimate], measured: Mapping[str, Estimate]) -> list[RequirementRow]:
    """Compare every requirement of the request with its metric.

    Parameters
    ----------
    request
        Its `requirements` are the bounds, by metric.
    metrics
        Metrics on the holdout, by name.
    measured
        Measurements of the running service, by name: latency, in milliseconds.

    Returns
    -------
    list of RequirementRow
        In the order of the request. The verdict is `not proven` without a value, and where the bound lies inside the interval.
    """
    return [_row(name, bound, metrics, measured) for name, bound in request.requirements.items()]


def _row(name: str, bound: Bound, metrics: Mapping[str, Estimate], measured: Mapping[str, Estimate]) -> RequirementRow:
    live = name in MEASURED
    estimate = (measured if live else metrics).get(name) or Estimate(value=None)
    no_interval = not live and estimate.low is None and estimate.high is None  # the value may be chance
    return RequirementRow(
        name=name,
        bound=str(bound),
        value=estimate.value,
        low=estimate.low,
        high=estimate.high,
        verdict="not proven" if no_interval else bound.verdict(estimate.value, estimate.low, estimate.high),
        cell="" if estimate.value is None else "deploy#latency" if live else "evaluate#metrics",
    )


def bound_words(text: str) -> str:
    """Return a bound as text for a sentence, with non-breaking spaces.

    >>> bound_words(">95%"), bound_words("<0.2s"), bound_words(">=0.83")
    ('>\\xa095\\xa0%', '<\\xa0200\\xa0ms', '≥\\xa00.83')
    """
    bound = Bound.parse(text)
    return f"{_SIGNS[bound.op]}\u00a0{_value_words(bound.value, text, exact=True)}"


def value_words(row: RequirementRow, value: float | None) -> str:
    """Return a value as text, in the unit of its requirement.

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
    """Return the interval as text, in the unit of its requirement; empty when there is none.

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
    """Positions of the parts of an interval bar, from 0 (left) to 100 (right)."""

    bound: float
    value: float
    low: float
    high: float


def scale(row: RequirementRow) -> Scale | None:
    """Return the interval bar of a requirement, wide enough for interval, value and bound; None without a value.

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
    """Return a sentence on the requirements of the running service; empty if there are none or nothing was measured."""
    measured = [row for row in rows if row.name in MEASURED and row.value is not None]
    ends = {"met": "meets", "not met": "misses", "not proven": "does not prove"}
    return " ".join(
        f"The measured {metric_label(row.name)} of {value_words(row, row.value)} {ends[row.verdict]} the requirement "
        f"({bound_words(row.bound)})."
        for row in measured
    )

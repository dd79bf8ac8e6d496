"""Verdicts on the requirements of a request, and their values as text."""

import pytest

from fabricated_run import request
from glassbox.findings.model import Estimate, RequirementRow
from glassbox.reports.verdicts import bound_words, interval_words, measured_sentence, scale, value_words, verdicts


def rows(
    requirements: dict[str, str], metrics: dict[str, Estimate], measured: dict[str, Estimate] | None = None
) -> list[RequirementRow]:
    return verdicts(request(requirements=requirements), metrics, measured or {})


@pytest.mark.parametrize(
    ("low", "high", "verdict"), [(0.84, 0.86, "met"), (0.82, 0.86, "not proven"), (0.80, 0.82, "not met"), (0.83, 0.86, "met")]
)
def test_the_verdict_depends_on_the_interval(low: float, high: float, verdict: str) -> None:
    assert rows({"f1": ">=0.83"}, {"f1": Estimate(value=(low + high) / 2, low=low, high=high)})[0].verdict == verdict


def test_a_value_without_an_interval_is_not_proven() -> None:
    (row,) = rows({"roc_auc": ">=0.8"}, {"roc_auc": Estimate(value=0.99, n=3)})
    assert row.verdict == "not proven"


def test_a_metric_that_was_not_evaluated_is_not_proven_and_has_no_cell() -> None:
    (row,) = rows({"f1": ">0.5"}, {})
    assert (row.value, row.verdict, row.cell) == (None, "not proven", "")


def test_latency_is_taken_from_the_measurements() -> None:
    (row,) = rows({"latency": "<0.1s"}, {"latency": Estimate(value=900.0)}, {"latency": Estimate(value=3.0, unit="ms")})
    assert (row.value, row.verdict, row.cell) == (3.0, "met", "deploy#latency")


def test_verdicts_are_in_the_order_of_the_request() -> None:
    assert [row.name for row in rows({"recall": ">0", "accuracy": ">0", "f1": ">0"}, {})] == ["recall", "accuracy", "f1"]


@pytest.mark.parametrize(("bound", "words"), [(">95%", "80.6 %"), (">0.9", "0.806"), ("<1s", "0.8 ms")])
def test_a_value_is_written_in_the_unit_of_its_requirement(bound: str, words: str) -> None:
    row = RequirementRow(name="x", bound=bound, value=0.806, low=None, high=None, verdict="not met")
    assert value_words(row, row.value).replace("\u00a0", " ") == words


def test_an_interval_names_its_unit_once() -> None:
    row = RequirementRow(name="x", bound=">80%", value=0.806, low=0.787, high=0.824, verdict="not proven")
    assert interval_words(row).replace("\u00a0", " ") == "78.7 – 82.4 %"


@pytest.mark.parametrize(("bound", "words"), [(">=99.5%", "≥ 99.5 %"), ("<=3", "≤ 3"), ("<0.25s", "< 250 ms")])
def test_bounds_are_written_with_their_sign_and_unit(bound: str, words: str) -> None:
    assert bound_words(bound).replace("\u00a0", " ") == words


@pytest.mark.parametrize("value", [0.0, 0.5, -3.0, 1e9])
def test_the_bar_contains_interval_value_and_bound(value: float) -> None:
    bar = scale(RequirementRow(name="x", bound=">0.5", value=value, low=None, high=None, verdict="met"))
    assert bar is not None
    assert all(0 <= place <= 100 for place in (bar.bound, bar.value, bar.low, bar.high))
    assert (bar.value > bar.bound) == (value > 0.5)


def test_measured_verdicts_have_a_separate_sentence() -> None:
    both = rows({"f1": ">0.5", "latency": "<100ms"}, {"f1": Estimate(value=0.7)}, {"latency": Estimate(value=120.0)})
    assert measured_sentence(both).replace("\u00a0", " ") == (
        "The measured p95 latency of 120 ms misses the requirement (< 100 ms)."
    )
    assert measured_sentence(both[:1]) == ""

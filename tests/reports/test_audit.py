"""The eight anti-patterns: avoided where it was shown, found where it was planted, a look where nothing was shown."""

from typing import Any

import pytest

from fabricated_run import all_shown, request, table
from glassbox.findings.model import AuditRow, Estimate, Estimates, Facts, Finding, NamedFinding
from glassbox.reports.audit import CHECKS, audit

PATTERNS = [
    "Trained on all data",
    "Imbalance ignored",
    "Missing values ignored",
    "Leakage",
    "Overfitting",
    "Unversioned data or model",
    "Deployed without monitoring",
    "Hard-coded hyperparameters",
]


def checked(pattern: str, plant: dict[str, Finding | None] | None = None, **changes: Any) -> AuditRow:
    """The row of one pattern in a sound run, but for what is planted: `stage#name` -> finding, or None to take it away."""
    found = {stage: dict(items) for stage, items in all_shown().items()}
    for where, finding in (plant or {}).items():
        stage, _, name = where.partition("#")
        if not name:
            found.pop(stage)
        elif finding is None:
            found[stage].pop(name)
        else:
            found[stage][name] = NamedFinding(name=name, finding=finding)
    return next(row for row in audit(found, request(**changes)).rows if row.pattern == pattern)


def test_eight_patterns_in_order() -> None:
    assert [row.pattern for row in audit(all_shown(), request()).rows] == PATTERNS
    assert len(CHECKS) == 8


@pytest.mark.parametrize("pattern", [p for p in PATTERNS if p != "Leakage"])
def test_a_sound_run_avoids_each_with_evidence_and_a_cell(pattern: str) -> None:
    row = checked(pattern)
    assert row.verdict == "avoided"
    assert row.evidence
    stage, _, name = row.cell.partition("#")
    assert name in all_shown()[stage]


def test_what_was_not_checked_proves_nothing() -> None:
    assert {row.verdict for row in audit({}, request()).rows} == {"look"}


def test_no_holdout_is_found() -> None:
    split = Facts(title="", facts={"train rows": 100, "holdout rows": 0})
    assert checked("Trained on all data", {"ingest#split": split}).verdict == "found"


def test_metrics_on_more_rows_than_were_sealed_are_found() -> None:
    metrics = Estimates(title="", values={"roc_auc": Estimate(value=0.99, n=7043)})
    assert checked("Trained on all data", {"evaluate#metrics": metrics}).verdict == "found"


def test_accuracy_alone_on_a_rare_class_asks_for_a_look() -> None:
    split = Facts(
        title="", facts={"train rows": 9, "holdout rows": 1, "No, share of train": "97.0%", "Yes, share of train": "3.0%"}
    )
    row = checked("Imbalance ignored", {"ingest#split": split}, requirements={"accuracy": ">90%"})
    assert row.verdict == "look"
    assert checked("Imbalance ignored", {"ingest#split": split}, requirements={"roc_auc": ">0.9"}).verdict == "avoided"


def test_only_metrics_that_guessing_wins_ask_for_a_look() -> None:
    metrics = Estimates(title="", values={"accuracy": Estimate(value=0.9, n=1409)})
    assert checked("Imbalance ignored", {"evaluate#metrics": metrics}).verdict == "look"


def test_a_recipe_that_does_nothing_about_gaps_is_found() -> None:
    recipe = table("The recipe", "column treatment", [["tenure", "as it is"]])
    row = checked("Missing values ignored", {"features#recipe": recipe})
    assert (row.verdict, row.cell) == ("found", "features#recipe")


def test_a_column_kept_although_suspected_asks_for_a_look() -> None:
    assert checked("Leakage").verdict == "look"


def test_a_leak_that_is_left_out_is_avoided() -> None:
    leaks = table("Leakage audit", "column evidence verdict", [["ChgOffDate", "a near-copy of the target", "leak"]])
    assert checked("Leakage", {"features#leaks": leaks}).verdict == "avoided"


def test_a_leak_that_the_request_vouches_for_asks_for_a_look() -> None:
    leaks = table("Leakage audit", "column evidence verdict", [["casual", "a near-copy of the target", "allowed"]])
    data = {"path": "x.csv", "target": "y", "allow": ["casual"]}
    assert checked("Leakage", {"features#leaks": leaks}, data=data).verdict == "look"


def test_rows_on_both_sides_are_found() -> None:
    across = Facts(title="", say="3 rows stand on both sides.", facts={"names on both sides": 3})
    row = checked("Leakage", {"features#duplicates_across": across})
    assert (row.verdict, row.cell) == ("found", "features#duplicates_across")


@pytest.mark.parametrize(
    ("holdout", "verdict"), [(0.849, "avoided"), (0.9, "avoided"), (0.836, "avoided"), (0.82, "look"), (0.75, "found")]
)
def test_a_drop_is_held_against_the_interval(holdout: float, verdict: str) -> None:
    gap = Facts(title="", facts={"metric": "roc_auc", "train": 0.99, "out of fold": 0.849, "holdout": holdout})
    metrics = Estimates(title="", values={"roc_auc": Estimate(value=holdout, low=holdout - 0.014, high=holdout + 0.014, n=1409)})
    assert checked("Overfitting", {"evaluate#gap": gap, "evaluate#metrics": metrics}).verdict == verdict


def test_for_an_error_more_is_worse() -> None:
    gap = Facts(title="", facts={"metric": "log_loss", "train": 0.2, "out of fold": 0.4, "holdout": 0.6})
    metrics = Estimates(title="", values={"log_loss": Estimate(value=0.6, low=0.58, high=0.62, n=1409)})
    assert checked("Overfitting", {"evaluate#gap": gap, "evaluate#metrics": metrics}).verdict == "found"


def test_a_model_without_a_hash_asks_for_a_look() -> None:
    package = Facts(title="The package", facts={"Files": 12})
    assert checked("Unversioned data or model", {"deploy#package": package}).verdict == "look"


def test_a_package_that_nothing_watches_is_found() -> None:
    row = checked("Deployed without monitoring", {"monitor": None})
    assert (row.verdict, row.cell) == ("found", "deploy#package")


def test_nothing_tuned_asks_for_a_look() -> None:
    assert checked("Hard-coded hyperparameters", {"tune": None}).verdict == "look"


def test_findings_are_not_changed() -> None:
    found = all_shown()
    before = repr(found)
    audit(found, request())
    assert repr(found) == before

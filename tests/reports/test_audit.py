"""Tests of the audit: verdicts depend on the typed evidence of findings, never on their wording."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabricated_run import all_findings, request, scrambled
from glassbox.findings.evidence import (
    ClassBalanceEvidence,
    Evidence,
    GeneralizationEvidence,
    HashEvidence,
    LeakAction,
    LeakageEvidence,
    LeakSuspect,
    MissingHandling,
    MissingValuesEvidence,
    MonitoringEvidence,
    OverlapEvidence,
    RecipeEvidence,
    SearchEvidence,
    SplitEvidence,
)
from glassbox.findings.model import AuditRow, Estimate, Estimates, Finding, NamedFinding, Note
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
# Column names that occur in the sentences, verdicts and treatments of findings.
AWKWARD = [
    "native-country",
    "median_income",
    "missing",
    "imputed",
    "gap",
    "kept",
    "look",
    "allowed",
    "model hash",
    "holdout rows",
]


def checked(pattern: str, plant: dict[str, Finding | Evidence | None] | None = None, **changes: Any) -> AuditRow:
    """Audit a sound run with some findings replaced, and return the row of one pattern.

    `plant` maps `stage#name` to a finding, to the evidence of a finding without text, or to None to remove it.
    """
    findings = {stage: dict(items) for stage, items in all_findings().items()}
    for where, planted in (plant or {}).items():
        stage, _, name = where.partition("#")
        if not name:
            findings.pop(stage)
        elif planted is None:
            findings[stage].pop(name)
        else:
            finding = planted if hasattr(planted, "title") else Note(title="", evidence=planted)  # type: ignore[arg-type]
            findings[stage][name] = NamedFinding(name=name, finding=finding)
    return next(row for row in audit(findings, request(**changes)).rows if row.pattern == pattern)


def metrics(name: str, value: float, half: float = 0.014, n: int = 1409) -> Estimates:
    return Estimates(title="", values={name: Estimate(value=value, low=value - half, high=value + half, n=n)})


def generalization(holdout: float, metric: str = "roc_auc", *, higher: bool = True, oof: float = 0.849) -> GeneralizationEvidence:
    return GeneralizationEvidence(metric=metric, higher_is_better=higher, train=0.99, out_of_fold=oof, holdout=holdout)


def leaks(*actions: LeakAction, name: str = "ChgOffDate") -> LeakageEvidence:
    return LeakageEvidence(suspects=[LeakSuspect(name=name, action=action) for action in actions])


def test_the_audit_has_eight_patterns_in_order() -> None:
    assert [row.pattern for row in audit(all_findings(), request()).rows] == PATTERNS
    assert len(CHECKS) == 8


@pytest.mark.parametrize("pattern", [p for p in PATTERNS if p != "Leakage"])
def test_a_sound_run_avoids_each_pattern_with_evidence_and_a_cell(pattern: str) -> None:
    row = checked(pattern)
    assert row.verdict == "avoided"
    assert row.evidence
    stage, _, name = row.cell.partition("#")
    assert name in all_findings()[stage]


def test_a_check_without_evidence_is_to_review() -> None:
    assert {row.verdict for row in audit({}, request()).rows} == {"look"}


def test_the_sentence_counts_the_verdicts() -> None:
    assert audit(all_findings(), request()).say == "7 of 8 anti-patterns are avoided, 1 to review."


# ---------------------------------------------------------------------------------------- verdicts and wording of findings


@pytest.mark.parametrize("until", ["ingest", "features", "evaluate", "monitor"])
def test_no_verdict_depends_on_wording(until: str) -> None:
    before, after = (
        audit(findings, request()).rows for findings in (all_findings(until=until), scrambled(all_findings(until=until)))
    )
    assert [(row.verdict, row.cell, row.evidence) for row in after] == [(row.verdict, row.cell, row.evidence) for row in before]


def test_no_verdict_depends_on_wording_when_patterns_are_present() -> None:
    planted = {
        "ingest": {"split": SplitEvidence(train_rows=9, holdout_rows=0)},
        "features": {
            "leaks": leaks("allowed"),
            "duplicates_across": OverlapEvidence(shared_rows=3, near_duplicate_rows=3, holdout_rows=1409),
            "recipe": RecipeEvidence(missing_handling={"TotalCharges": "unhandled"}),
        },
        "evaluate": {"gap": generalization(0.5)},
    }
    findings = {stage: dict(items) for stage, items in all_findings().items() if stage != "monitor"}
    for stage, evidence in planted.items():
        for name, item in evidence.items():
            shown = findings[stage][name]
            findings[stage][name] = shown.model_copy(update={"finding": shown.finding.model_copy(update={"evidence": item})})
    verdicts = [row.verdict for row in audit(findings, request()).rows]
    assert verdicts.count("found") >= 4
    assert [row.verdict for row in audit(scrambled(findings), request()).rows] == verdicts


@given(st.sampled_from(AWKWARD) | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30))
def test_the_name_of_a_column_does_not_change_a_verdict(name: str) -> None:
    shares = MissingValuesEvidence(missing_shares={name: 0.1})
    for handling, verdict in (("unhandled", "found"), ("category", "avoided"), ("excluded", "avoided")):
        recipe = RecipeEvidence.model_validate({"missing_handling": {name: handling}})
        assert checked("Missing values ignored", {"ingest#missing": shares, "features#recipe": recipe}).verdict == verdict
    for action, verdict in (("excluded", "avoided"), ("review", "look"), ("allowed", "look"), ("used", "found")):
        suspects = LeakageEvidence.model_validate({"suspects": [{"name": name, "action": action}]})
        assert checked("Leakage", {"features#leaks": suspects}).verdict == verdict
    shares = ClassBalanceEvidence(class_shares={name: 0.03, f"not {name}": 0.97})
    bounded = checked("Imbalance ignored", {"features#imbalance": shares}, requirements={"accuracy": ">90%"})
    assert bounded.verdict == "look"


# -------------------------------------------------------------------------------------------------------- the eight checks


def test_a_run_without_a_holdout_is_found() -> None:
    row = checked("Trained on all data", {"ingest#split": SplitEvidence(train_rows=100, holdout_rows=0)})
    assert (row.verdict, row.evidence) == (
        "found",
        "No customer was held out, so the model cannot be evaluated on unseen data.",
    )


def test_metrics_on_more_rows_than_were_held_out_are_found() -> None:
    assert checked("Trained on all data", {"evaluate#metrics": metrics("roc_auc", 0.9, n=7043)}).verdict == "found"


def test_evidence_uses_the_row_noun_of_the_request() -> None:
    assert checked("Trained on all data").evidence.startswith("1,409 of 7,043 customers are held out")
    plain = checked("Trained on all data", data={"path": "x.csv", "target": "y"})
    assert plain.evidence.startswith("1,409 of 7,043 rows are held out")


def test_accuracy_alone_on_a_rare_class_is_to_review() -> None:
    rare = {"features#imbalance": ClassBalanceEvidence(class_shares={"No": 0.97, "Yes": 0.03})}
    assert checked("Imbalance ignored", rare, requirements={"accuracy": ">90%"}).verdict == "look"
    assert checked("Imbalance ignored", rare, requirements={"roc_auc": ">0.9"}).verdict == "avoided"


@pytest.mark.parametrize(("share", "verdict"), [(0.19999, "look"), (0.2, "avoided")])
def test_a_share_is_compared_in_full_precision(share: float, verdict: str) -> None:
    # Both are written as 20.0 %.
    balance = {"features#imbalance": ClassBalanceEvidence(class_shares={"No": 1 - share, "Yes": share})}
    row = checked("Imbalance ignored", balance, requirements={"accuracy": ">80%"})
    assert "20.0 %" in row.evidence
    assert row.verdict == verdict


def test_the_class_balance_of_explore_is_sufficient() -> None:
    row = checked("Imbalance ignored", {"features#imbalance": None})
    assert (row.verdict, row.cell) == ("avoided", "explore#target")


def test_only_metrics_that_the_majority_class_satisfies_are_to_review() -> None:
    assert checked("Imbalance ignored", {"evaluate#metrics": metrics("accuracy", 0.9)}).verdict == "look"


@pytest.mark.parametrize("handling", ["imputed", "category", "native", "rows_dropped", "excluded"])
def test_missing_values_that_the_recipe_handles_are_avoided(handling: MissingHandling) -> None:
    missing = MissingValuesEvidence(missing_shares={"contract": 0.1})
    recipe = RecipeEvidence(missing_handling={"contract": handling, "tenure": "unhandled"})
    row = checked("Missing values ignored", {"ingest#missing": missing, "features#recipe": recipe})
    assert (row.verdict, row.cell) == ("avoided", "features#recipe")
    assert "contract" in row.evidence


def test_missing_values_that_the_recipe_ignores_are_found() -> None:
    missing = MissingValuesEvidence(missing_shares={"tenure": 0.1, "contract": 0.2})
    recipe = RecipeEvidence(missing_handling={"contract": "category", "tenure": "unhandled"})
    row = checked("Missing values ignored", {"ingest#missing": missing, "features#recipe": recipe})
    assert (row.verdict, row.cell) == ("found", "features#recipe")
    assert "does not handle missing values in tenure." in row.evidence


def test_missing_values_without_a_recipe_are_to_review() -> None:
    row = checked("Missing values ignored", {"features#recipe": None})
    assert (row.verdict, row.cell) == ("look", "ingest#missing")


def test_data_without_missing_values_is_avoided() -> None:
    recipe = RecipeEvidence(missing_handling={"tenure": "unhandled"})
    plant: dict[str, Finding | Evidence | None] = {
        "ingest#missing": MissingValuesEvidence(missing_shares={}),
        "features#recipe": recipe,
    }
    assert checked("Missing values ignored", plant).verdict == "avoided"


@pytest.mark.parametrize(
    ("actions", "verdict"),
    [
        ([], "avoided"),
        (["excluded"], "avoided"),
        (["excluded", "review"], "look"),
        (["allowed"], "look"),
        (["used", "review"], "found"),
    ],
)
def test_the_verdict_depends_on_the_action_on_a_suspect(actions: list[LeakAction], verdict: str) -> None:
    row = checked("Leakage", {"features#leaks": leaks(*actions)})
    assert (row.verdict, row.cell) == (verdict, "features#leaks")
    assert ("ChgOffDate" in row.evidence) == bool(actions)


@pytest.mark.parametrize(("shared", "near", "verdict"), [(0, 0, "avoided"), (0, 14, "avoided"), (0, 15, "look"), (1, 0, "found")])
def test_shared_rows_are_found_and_many_near_duplicates_are_to_review(shared: int, near: int, verdict: str) -> None:
    # One percent of 1,409 is 14.09.
    overlap = OverlapEvidence(shared_rows=shared, near_duplicate_rows=near, holdout_rows=1409)
    row = checked("Leakage", {"features#leaks": leaks(), "features#duplicates_across": overlap})
    assert row.verdict == verdict
    assert row.cell == ("features#duplicates_across" if shared else "features#leaks")


@pytest.mark.parametrize(
    ("holdout", "verdict"), [(0.849, "avoided"), (0.9, "avoided"), (0.836, "avoided"), (0.82, "look"), (0.75, "found")]
)
def test_a_drop_is_compared_with_the_interval(holdout: float, verdict: str) -> None:
    plant = {"evaluate#gap": generalization(holdout), "evaluate#metrics": metrics("roc_auc", holdout)}
    assert checked("Overfitting", plant).verdict == verdict  # type: ignore[arg-type]


def test_for_an_error_metric_a_higher_value_is_worse() -> None:
    gap = generalization(0.6, "log_loss", higher=False, oof=0.4)
    assert checked("Overfitting", {"evaluate#gap": gap, "evaluate#metrics": metrics("log_loss", 0.6, 0.02)}).verdict == "found"


@pytest.mark.parametrize(("drop", "verdict"), [(0.0139, "avoided"), (0.0141, "look")])
def test_a_drop_is_compared_in_full_precision(drop: float, verdict: str) -> None:
    # Both drops are 0.014 when rounded to three digits, as is half of the interval.
    plant = {"evaluate#gap": generalization(0.849 - drop), "evaluate#metrics": metrics("roc_auc", 0.849 - drop)}
    assert checked("Overfitting", plant).verdict == verdict  # type: ignore[arg-type]


def test_a_score_that_was_not_computed_is_to_review() -> None:
    gap = generalization(0.8).model_copy(update={"out_of_fold": None})
    assert checked("Overfitting", {"evaluate#gap": gap}).verdict == "look"


def test_a_model_without_a_hash_is_to_review() -> None:
    row = checked("Unversioned data or model", {"deploy#package": Note(title="Model (SHA-256)", say="e6b4" * 16)})
    assert row.verdict == "look"
    assert row.evidence == "No content hash of the model was reported. Identified: data 3f9a00c1d2e4."


def test_a_data_hash_is_not_a_model_hash() -> None:
    row = checked("Unversioned data or model", {"deploy#package": HashEvidence(of="data", digest="3f9a00c1d2e4b5a6")})
    assert row.verdict == "look"


def test_a_package_without_monitoring_is_found() -> None:
    row = checked("Deployed without monitoring", {"monitor": None})
    assert (row.verdict, row.cell) == ("found", "deploy#package")


def test_monitoring_without_thresholds_is_found() -> None:
    row = checked("Deployed without monitoring", {"monitor#trigger": MonitoringEvidence(monitored_columns=0)})
    assert row.verdict == "found"


def test_a_run_without_a_hyperparameter_search_is_to_review() -> None:
    assert checked("Hard-coded hyperparameters", {"tune": None}).verdict == "look"


@pytest.mark.parametrize(("trials", "searched"), [(1, ["C"]), (20, [])])
def test_a_search_without_tuned_hyperparameters_is_to_review(trials: int, searched: list[str]) -> None:
    search = SearchEvidence(candidate="Linear", trials=trials, hyperparameters=searched)
    row = checked("Hard-coded hyperparameters", {"tune#best": search})
    assert (row.verdict, row.cell) == ("look", "tune#best")


def test_findings_are_not_changed() -> None:
    findings = all_findings()
    before = repr(findings)
    audit(findings, request())
    assert repr(findings) == before

"""Tests of the retraining trigger."""

import numpy as np
import pandas as pd
import pytest

from glassbox.errors import GlassboxError
from glassbox.monitoring.drift import MATERIAL_PSI
from glassbox.monitoring.profile import Profile
from glassbox.monitoring.trigger import (
    Performance,
    Thresholds,
    compute_thresholds,
    decide,
    performance_limit,
    thresholds_table,
    trigger_facts,
)

THRESHOLDS = Thresholds(
    batch_rows=100,
    false_alarms=0.01,
    drifted_share=0.5,
    limits=[],
    performance=Performance(metric="roc_auc", higher_is_better=True, reference=0.8, limit=0.7, rows=100),
)


def batch(*drifted: bool, prediction: bool = False) -> pd.DataFrame:
    names = [f"f{i}" for i in range(len(drifted))]
    return pd.DataFrame(
        {"column": [*names, "proba_Yes"], "role": ["field"] * len(drifted) + ["prediction"], "drifted": [*drifted, prediction]}
    )


def test_without_drift_there_is_no_action() -> None:
    assert decide(batch(False, False, False), THRESHOLDS).action == "no action"


def test_one_drifted_field_of_three_needs_a_review_and_is_named() -> None:
    decision = decide(batch(False, True, False), THRESHOLDS)
    assert (decision.action, decision.reasons) == ("review", ["fields have drifted: f1"])


def test_the_configured_share_of_drifted_fields_triggers_retraining() -> None:
    assert decide(batch(True, True, False, False), THRESHOLDS).action == "retrain"


def test_drifted_predictions_trigger_retraining() -> None:
    decision = decide(batch(False, False, prediction=True), THRESHOLDS)
    assert (decision.action, decision.reasons) == ("retrain", ["predictions have drifted: proba_Yes"])


@pytest.mark.parametrize(
    ("score", "action"), [(0.69, "retrain"), (0.7, "no action"), (0.9, "no action"), (float("nan"), "retrain")]
)
def test_a_score_below_its_limit_triggers_retraining(score: float, action: str) -> None:
    assert decide(batch(False), THRESHOLDS, score).action == action


@pytest.mark.parametrize(("score", "action"), [(0.69, "no action"), (0.71, "retrain")])
def test_an_error_above_its_limit_triggers_retraining(score: float, action: str) -> None:
    assert THRESHOLDS.performance is not None
    performance = THRESHOLDS.performance.model_copy(update={"metric": "log_loss", "higher_is_better": False})
    assert decide(batch(False), THRESHOLDS.model_copy(update={"performance": performance}), score).action == action


def test_all_reasons_are_reported() -> None:
    assert len(decide(batch(True, prediction=True), THRESHOLDS, 0.1).reasons) == 3


def accuracy(truth: pd.Series, predictions: pd.DataFrame) -> float:
    return float((truth.to_numpy() == predictions["y_pred"].to_numpy()).mean())


def limit_of(rows: int, share: float, higher: bool = True) -> Performance:
    truth = pd.Series(["a"] * 800 + ["b"] * 200)
    predictions = pd.DataFrame({"y_pred": ["a"] * 1000})
    return performance_limit(
        truth, predictions, accuracy, metric="accuracy", higher_is_better=higher, batch_rows=rows, false_alarms=share, seed=1
    )


def test_the_limit_of_accuracy_is_its_binomial_quantile() -> None:
    performance = limit_of(rows=100, share=0.05)
    assert performance.reference == 0.8
    assert performance.limit == pytest.approx(0.8 - 1.645 * np.sqrt(0.8 * 0.2 / 100), abs=0.011)


def test_the_limit_of_an_error_is_above_its_reference() -> None:
    assert limit_of(rows=100, share=0.05, higher=False).limit > 0.84


def test_larger_batches_have_stricter_limits() -> None:
    assert limit_of(50, 0.01).limit < limit_of(500, 0.01).limit < 0.8


def test_a_score_undefined_on_most_batches_is_rejected() -> None:
    with pytest.raises(GlassboxError, match="increase `batch_rows`"):
        performance_limit(
            pd.Series(["a"]),
            pd.DataFrame({"y_pred": ["a"]}),
            lambda truth, predictions: float("nan"),
            metric="roc_auc",
            higher_is_better=True,
            batch_rows=1,
            false_alarms=0.01,
            seed=0,
        )


def test_thresholds_survive_a_json_round_trip(profile: Profile) -> None:
    thresholds = compute_thresholds(profile, batch_rows=100, false_alarms=0.01, drifted_share=0.3)
    assert Thresholds.model_validate_json(thresholds.model_dump_json()) == thresholds
    assert [limit.column for limit in thresholds.limits] == [column.name for column in profile.columns]


def test_the_drift_limit_is_the_chance_limit_with_a_floor(profile: Profile) -> None:
    thresholds = compute_thresholds(profile, batch_rows=200, false_alarms=0.01, drifted_share=0.3)
    table = thresholds_table(thresholds, profile).frame()
    assert table["chance limit"].min() < MATERIAL_PSI < table["chance limit"].max()
    assert table["drift limit"].tolist() == [max(MATERIAL_PSI, chance) for chance in table["chance limit"]]


def test_the_facts_state_the_thresholds() -> None:
    facts = trigger_facts(THRESHOLDS).facts
    assert facts["Retrain when ROC-AUC is"] == "below 0.700"
    assert facts["Allowed false alarm rate"] == "1.0\N{NO-BREAK SPACE}% of batches"

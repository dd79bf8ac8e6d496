"""Tests of the false alarm rate and the detection of injected drift."""

import pandas as pd
import pytest

from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError
from glassbox.families.classification.monitoring import batch_metric, out_of_fold
from glassbox.families.protocol import BatchMetric
from glassbox.monitoring import drift
from glassbox.monitoring.alarm_check import inject_drift, null_batches, proportion_estimate
from glassbox.monitoring.profile import Profile
from glassbox.monitoring.trigger import Thresholds, compute_thresholds, performance_limit


@pytest.fixture(scope="module")
def score(schema: Schema, train: pd.DataFrame) -> BatchMetric:
    return batch_metric(schema, train["churned"], {}, None)


@pytest.fixture(scope="module")
def thresholds(profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame, score: BatchMetric) -> Thresholds:
    performance = performance_limit(
        train["churned"],
        predictions,
        score.score,
        metric=score.name,
        higher_is_better=score.higher_is_better,
        batch_rows=400,
        false_alarms=0.01,
        seed=0,
    )
    return compute_thresholds(profile, batch_rows=400, false_alarms=0.01, drifted_share=0.5, performance=performance)


def test_the_false_alarm_rate_matches_the_allowed_rate(
    profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "MATERIAL_PSI", 0.0)  # removes the floor, which would lower the rate
    strict = compute_thresholds(profile, batch_rows=200, false_alarms=0.1, drifted_share=0.5)
    alarms = null_batches(profile, train, predictions, strict, batches=600).values["share_of_quiet_batches_with_an_alarm"]
    assert 0.04 <= alarms.value <= 0.12


def test_batches_without_drift_rarely_raise_an_alert(
    profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame, thresholds: Thresholds
) -> None:
    alarms = null_batches(profile, train, predictions, thresholds, batches=100).values["share_of_quiet_batches_with_an_alarm"]
    assert alarms.value <= 0.02


def test_a_single_row_gives_no_rate(
    profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame, thresholds: Thresholds
) -> None:
    alarms = null_batches(profile, train.head(1), predictions.head(1), thresholds)
    assert alarms.values["share_of_quiet_batches_with_an_alarm"].value is None
    assert "too few" in alarms.say


def test_every_injected_change_is_detected_and_no_change_is_not(
    profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame, thresholds: Thresholds, score: BatchMetric
) -> None:
    table = inject_drift(profile, train, predictions, thresholds, truth=train["churned"], score=score.score).frame()
    decisions = dict(zip(table["change"], table["decision"], strict=True))
    assert decisions["no change"] == "no action"
    assert decisions["tenure multiplied by 100"] == "review"
    assert decisions["half of tenure missing"] == "review"
    assert decisions["more rows with high proba_Yes"] == "retrain"
    assert decisions["shuffled labels"] == "retrain"
    assert "no action" not in list(decisions.values())[1:]


def test_injected_drift_is_reproducible(
    profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame, thresholds: Thresholds
) -> None:
    first, second = (inject_drift(profile, train, predictions, thresholds, seed=4) for _ in range(2))
    assert first == second


def test_a_proportion_of_zero_has_the_wilson_interval() -> None:
    estimate = proportion_estimate(0, 10)
    assert (estimate.low, round(estimate.high or 0, 4)) == (0, 0.2775)


def test_a_proportion_of_one_half_has_the_wilson_interval() -> None:
    estimate = proportion_estimate(5, 10)
    assert (round(estimate.low or 0, 4), round(estimate.high or 0, 4)) == (0.2366, 0.7634)


def test_the_score_is_the_metric_of_model_selection(schema: Schema, train: pd.DataFrame) -> None:
    assert batch_metric(schema, train["churned"], {"latency": None, "accuracy": None, "log_loss": None}, None).name == "log_loss"


def test_perfect_predictions_have_the_best_score(score: BatchMetric, train: pd.DataFrame) -> None:
    yes = (train["churned"] == "Yes").astype(float)
    assert score.score(train["churned"], pd.DataFrame({"proba_No": 1 - yes, "proba_Yes": yes})) == 1


def test_out_of_fold_predictions_are_aligned_by_row_id(train: pd.DataFrame, predictions: pd.DataFrame) -> None:
    shuffled = predictions.assign(row_id=train["row_id"]).sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(out_of_fold(train, shuffled), predictions)


def test_rows_without_a_prediction_are_counted(train: pd.DataFrame, predictions: pd.DataFrame) -> None:
    with pytest.raises(GlassboxError, match="2 rows of train"):
        out_of_fold(train, predictions.assign(row_id=train["row_id"]).iloc[2:])

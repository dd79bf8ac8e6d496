"""The alarm rings when it should, and only then."""

import pandas as pd
import pytest

from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError
from glassbox.families.classification.scoring import out_of_fold, scorer
from glassbox.families.protocol import Scorer
from glassbox.monitoring import drift
from glassbox.monitoring.alarm_check import inject_drift, null_batches, proportion_estimate
from glassbox.monitoring.profile import Profile
from glassbox.monitoring.trigger import Thresholds, compute_thresholds, performance_limit


@pytest.fixture(scope="module")
def score(schema: Schema, train: pd.DataFrame) -> Scorer:
    return scorer(schema, train["churned"], {}, None)


@pytest.fixture(scope="module")
def rule(profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame, score: Scorer) -> Thresholds:
    performance = performance_limit(
        train["churned"],
        predictions,
        score.of,
        metric=score.metric,
        higher_is_better=score.higher_is_better,
        batch_rows=400,
        false_alarms=0.01,
        seed=0,
    )
    return compute_thresholds(profile, batch_rows=400, false_alarms=0.01, drifted_share=0.5, performance=performance)


def test_by_chance_alone_it_rings_as_often_as_it_may(
    profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift, "MATERIAL_PSI", 0.0)  # what chance does, without the floor that makes it rarer still
    rule = compute_thresholds(profile, batch_rows=200, false_alarms=0.1, drifted_share=0.5)
    alarms = null_batches(profile, train, predictions, rule, batches=600).values["share_of_quiet_batches_with_an_alarm"]
    assert 0.04 <= alarms.value <= 0.12


def test_quiet_batches_are_quiet(profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame, rule: Thresholds) -> None:
    alarms = null_batches(profile, train, predictions, rule, batches=100).values["share_of_quiet_batches_with_an_alarm"]
    assert alarms.value <= 0.02


def test_every_planted_shift_is_noticed_and_the_quiet_batch_is_not(
    profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame, rule: Thresholds, score: Scorer
) -> None:
    table = inject_drift(profile, train, predictions, rule, truth=train["churned"], score=score.of).frame()
    decisions = dict(zip(table["changed on purpose"], table["decision"], strict=True))
    assert decisions["nothing"] == "go on"
    assert decisions["tenure a hundred times too large"] == "look"
    assert decisions["half of tenure missing"] == "look"
    assert decisions["more rows with high proba_Yes"] == "retrain"
    assert decisions["outcomes no longer follow the fields"] == "retrain"
    assert "go on" not in list(decisions.values())[1:]


def test_the_demonstration_is_the_same_at_every_run(
    profile: Profile, train: pd.DataFrame, predictions: pd.DataFrame, rule: Thresholds
) -> None:
    assert inject_drift(profile, train, predictions, rule, seed=4) == inject_drift(profile, train, predictions, rule, seed=4)


def test_a_share_of_none_has_the_interval_of_wilson() -> None:
    found = proportion_estimate(0, 10)
    assert (found.low, round(found.high or 0, 4)) == (0, 0.2775)


def test_a_share_of_half_has_the_interval_of_wilson() -> None:
    found = proportion_estimate(5, 10)
    assert (round(found.low or 0, 4), round(found.high or 0, 4)) == (0.2366, 0.7634)


def test_the_score_is_the_metric_that_models_were_chosen_by(schema: Schema, train: pd.DataFrame) -> None:
    assert scorer(schema, train["churned"], {"latency": None, "accuracy": None, "log_loss": None}, None).metric == "log_loss"


def test_perfect_predictions_score_perfectly(score: Scorer, train: pd.DataFrame) -> None:
    yes = (train["churned"] == "Yes").astype(float)
    assert score.of(train["churned"], pd.DataFrame({"proba_No": 1 - yes, "proba_Yes": yes})) == 1


def test_out_of_fold_predictions_are_found_by_row(train: pd.DataFrame, predictions: pd.DataFrame) -> None:
    shuffled = predictions.assign(row_id=train["row_id"]).sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(out_of_fold(train, shuffled), predictions)


def test_a_row_without_prediction_is_counted(train: pd.DataFrame, predictions: pd.DataFrame) -> None:
    with pytest.raises(GlassboxError, match="2 rows of train"):
        out_of_fold(train, predictions.assign(row_id=train["row_id"]).iloc[2:])

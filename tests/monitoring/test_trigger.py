"""The rule: what makes it ring, and what does not."""

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

RULE = Thresholds(
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


def test_nothing_drifted_goes_on() -> None:
    assert decide(batch(False, False, False), RULE).action == "go on"


def test_one_field_of_three_asks_for_a_look_and_is_named() -> None:
    found = decide(batch(False, True, False), RULE)
    assert (found.action, found.reasons) == ("look", ["drifted: f1"])


def test_the_stated_share_of_fields_asks_for_a_new_model() -> None:
    assert decide(batch(True, True, False, False), RULE).action == "retrain"


def test_drifted_predictions_ask_for_a_new_model() -> None:
    found = decide(batch(False, False, prediction=True), RULE)
    assert (found.action, found.reasons) == ("retrain", ["predictions have drifted: proba_Yes"])


@pytest.mark.parametrize(("score", "action"), [(0.69, "retrain"), (0.7, "go on"), (0.9, "go on"), (float("nan"), "retrain")])
def test_a_score_below_its_limit_asks_for_a_new_model(score: float, action: str) -> None:
    assert decide(batch(False), RULE, score).action == action


@pytest.mark.parametrize(("score", "action"), [(0.69, "go on"), (0.71, "retrain")])
def test_an_error_is_judged_from_the_other_side(score: float, action: str) -> None:
    assert RULE.performance is not None
    performance = RULE.performance.model_copy(update={"metric": "log_loss", "higher_is_better": False})
    assert decide(batch(False), RULE.model_copy(update={"performance": performance}), score).action == action


def test_every_reason_is_given() -> None:
    assert len(decide(batch(True, prediction=True), RULE, 0.1).reasons) == 3


def accuracy(truth: pd.Series, predictions: pd.DataFrame) -> float:
    return float((truth.to_numpy() == predictions["y_pred"].to_numpy()).mean())


def limit_of(rows: int, share: float, higher: bool = True) -> Performance:
    truth = pd.Series(["a"] * 800 + ["b"] * 200)
    said = pd.DataFrame({"y_pred": ["a"] * 1000})
    return performance_limit(
        truth, said, accuracy, metric="accuracy", higher_is_better=higher, batch_rows=rows, false_alarms=share, seed=1
    )


def test_the_limit_of_a_share_is_its_binomial_quantile() -> None:
    found = limit_of(rows=100, share=0.05)
    assert found.reference == 0.8
    assert found.limit == pytest.approx(0.8 - 1.645 * np.sqrt(0.8 * 0.2 / 100), abs=0.011)


def test_the_limit_of_an_error_lies_above() -> None:
    assert limit_of(rows=100, share=0.05, higher=False).limit > 0.84


def test_larger_batches_are_judged_more_strictly() -> None:
    assert limit_of(50, 0.01).limit < limit_of(500, 0.01).limit < 0.8


def test_a_score_that_most_batches_do_not_have_is_refused() -> None:
    with pytest.raises(GlassboxError, match="more rows a batch"):
        performance_limit(
            pd.Series(["a"]),
            pd.DataFrame({"y_pred": ["a"]}),
            lambda truth, said: float("nan"),
            metric="roc_auc",
            higher_is_better=True,
            batch_rows=1,
            false_alarms=0.01,
            seed=0,
        )


def test_thresholds_are_read_back_as_themselves(profile: Profile) -> None:
    made = compute_thresholds(profile, batch_rows=100, false_alarms=0.01, drifted_share=0.3)
    assert Thresholds.model_validate_json(made.model_dump_json()) == made
    assert [limit.column for limit in made.limits] == [column.name for column in profile.columns]


def test_a_limit_is_what_chance_may_do_but_no_small_shift(profile: Profile) -> None:
    made = compute_thresholds(profile, batch_rows=200, false_alarms=0.01, drifted_share=0.3)
    table = thresholds_table(made, profile).frame()
    assert table["by chance up to"].min() < MATERIAL_PSI < table["by chance up to"].max()
    assert table["drifted above"].tolist() == [max(MATERIAL_PSI, chance) for chance in table["by chance up to"]]


def test_the_facts_hold_every_number_of_the_rule() -> None:
    facts = trigger_facts(RULE).facts
    assert facts["Retrain when ROC-AUC is"] == "below 0.700"
    assert facts["False alarms allowed"] == "1.0\N{NO-BREAK SPACE}% of batches"

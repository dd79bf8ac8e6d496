"""Classification metrics and their bootstrap intervals, compared with scikit-learn and with calculations by hand."""

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.families.classification import metrics
from glassbox.families.classification.metrics import Sample, bootstrap, estimates, over_folds, paired_gain, score
from glassbox.request.bounds import Bound
from glassbox.request.tasks import TASKS


def sample(n: int = 200, k: int = 2, seed: int = 0, positive: int = 1, rounded: int = 2) -> Sample:
    rng = np.random.default_rng(seed)
    y = np.append(np.arange(k), rng.integers(0, k, n - k))
    raw = rng.random((n, k)) + 0.6 * np.eye(k)[y]
    proba = np.round(raw / raw.sum(axis=1, keepdims=True), rounded)  # rounded, so that there are ties
    return Sample.of(y, proba / proba.sum(axis=1, keepdims=True), positive=positive)


def test_every_metric_of_the_task_is_computed() -> None:
    assert list(score(sample())) == list(TASKS["classification"].metrics)


@pytest.mark.parametrize("positive", [0, 1])
def test_binary_metrics_agree_with_scikit_learn(positive: int) -> None:
    s = sample(positive=positive)
    hit, p, predicted = s.y == positive, s.proba[:, positive], s.predicted == positive
    expected = {
        "roc_auc": sk.roc_auc_score(hit, p),
        "average_precision": sk.average_precision_score(hit, p),
        "accuracy": sk.accuracy_score(hit, predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(hit, predicted),
        "f1": sk.f1_score(hit, predicted),
        "precision": sk.precision_score(hit, predicted),
        "recall": sk.recall_score(hit, predicted),
        "log_loss": sk.log_loss(hit, p),
        "brier": sk.brier_score_loss(hit, p),
    }
    values = score(s)
    assert {name: values[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_multiclass_metrics_agree_with_scikit_learn() -> None:
    s = sample(k=4)
    labels = list(range(4))
    one_hot = np.eye(4)[s.y]
    expected = {
        "roc_auc": sk.roc_auc_score(s.y, s.proba, multi_class="ovr", average="macro", labels=labels),
        "average_precision": sk.average_precision_score(one_hot, s.proba, average="macro"),
        "accuracy": sk.accuracy_score(s.y, s.predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(s.y, s.predicted),
        "f1": sk.f1_score(s.y, s.predicted, average="macro"),
        "precision": sk.precision_score(s.y, s.predicted, average="macro", zero_division=0),
        "recall": sk.recall_score(s.y, s.predicted, average="macro"),
        "log_loss": sk.log_loss(s.y, s.proba, labels=labels),
        "brier": float(((s.proba - one_hot) ** 2).sum(axis=1).mean()),
    }
    values = score(s)
    assert {name: values[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_metrics_match_a_calculation_by_hand() -> None:
    # Ranked: 0.9 positive, 0.8 negative, 0.7 positive, 0.2 negative. 3 of the 4 pairs are in order; precision at the positives is 1 and 2/3.
    proba = np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.8, 0.2]])
    values = metrics.metrics(["yes", "no", "yes", "no"], proba, ["no", "yes"], "yes", threshold=0.75)
    expected = {
        "roc_auc": 3 / 4,
        "average_precision": (1 + 2 / 3) / 2,
        "accuracy": 2 / 4,
        "balanced_accuracy": 1 / 2,
        "precision": 1 / 2,
        "recall": 1 / 2,
        "f1": 1 / 2,
        "brier": (0.1**2 + 0.8**2 + 0.3**2 + 0.2**2) / 4,
        "log_loss": -(np.log(0.9) + np.log(0.2) + np.log(0.7) + np.log(0.8)) / 4,
    }
    assert {name: values[name] for name in expected} == pytest.approx(expected)


def test_calibration_error_matches_a_calculation_by_hand() -> None:
    # Two bins by ties: predicted 0.2, observed 1 of 4 (0.25); predicted 0.6, observed 3 of 4 (0.75): (0.05 + 0.15) / 2.
    p = np.array([0.2] * 4 + [0.6] * 4)
    y = np.array([1, 0, 0, 0, 1, 1, 1, 0])
    values = score(Sample.of(y, np.column_stack([1 - p, p])), ["calibration_error"])
    assert values["calibration_error"] == pytest.approx(0.1)


def test_constant_probabilities_equal_to_the_share_are_calibrated() -> None:
    y = np.array([1, 0, 0, 0])
    assert score(Sample.of(y, np.full((4, 2), [0.75, 0.25])), ["calibration_error"])["calibration_error"] == pytest.approx(0)


def test_weights_equal_repeated_rows() -> None:
    s = sample(60, k=3)
    counts = np.random.default_rng(5).integers(0, 4, len(s.y))
    counts[:3] = 1
    repeated = Sample.of(np.repeat(s.y, counts), np.repeat(s.proba, counts, axis=0))
    names = [name for name in metrics.NAMES if name != "calibration_error"]  # its bins depend on the sample
    values = metrics._weighted_metrics(s, counts[None, :].astype(float), names)
    assert {name: values[name][0] for name in names} == pytest.approx(score(repeated, names), abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([2, 3]))
def test_estimates_do_not_depend_on_row_order(seed: int, k: int) -> None:
    s = sample(50, k=k, seed=seed)
    order = np.random.default_rng(seed).permutation(len(s.y))
    again = Sample.of(s.y[order], s.proba[order])
    assert estimates(again, resamples=20) == estimates(s, resamples=20)


def test_intervals_have_their_nominal_coverage() -> None:
    # 95 % intervals of an accuracy of 0.7 on 200 rows should miss it in about 5 of 100 samples.
    missed = 0
    for seed in range(200):
        correct = np.random.default_rng(seed).random(200) < 0.7
        estimate = estimates(
            Sample.of(np.zeros(200, dtype=int), np.eye(2)[1 - correct.astype(int)]), ["accuracy"], resamples=200, seed=seed
        )
        low, high = estimate["accuracy"].low, estimate["accuracy"].high
        assert low is not None
        assert high is not None
        missed += not low <= 0.7 <= high
    assert 2 <= missed <= 22


def test_interval_of_calibration_error_contains_its_value() -> None:
    estimate = estimates(sample(400), ["calibration_error"], resamples=200)["calibration_error"]
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.value is not None
    assert estimate.low <= estimate.value <= estimate.high


def test_groups_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(40), 10)
    correct = np.repeat(rng.random(40) < 0.7, 10)  # rows of a group are right or wrong together
    y, proba = np.zeros(400, dtype=int), np.eye(2)[1 - correct.astype(int)]
    by_row = estimates(Sample.of(y, proba), ["accuracy"], resamples=400)["accuracy"]
    by_group = estimates(Sample.of(y, proba, clusters=[str(g) for g in group]), ["accuracy"], resamples=400)["accuracy"]
    assert (by_group.high or 0) - (by_group.low or 0) > 2 * ((by_row.high or 0) - (by_row.low or 0))


def test_resamples_do_not_depend_on_the_block_size(monkeypatch: pytest.MonkeyPatch) -> None:
    in_one_block = bootstrap(sample(), ["roc_auc"], resamples=30, seed=1)["roc_auc"]
    monkeypatch.setattr(metrics, "_CELLS", 900)
    assert np.array_equal(bootstrap(sample(), ["roc_auc"], resamples=30, seed=1)["roc_auc"], in_one_block)


def test_an_undefined_metric_has_no_value() -> None:
    one_class = Sample.of(np.ones(20, dtype=int), np.full((20, 2), 0.5))
    assert estimates(one_class, ["roc_auc"], resamples=10)["roc_auc"].value is None


def test_over_folds_averages_the_folds() -> None:
    folds = [sample(seed=1), sample(seed=2)]
    expected = np.mean([score(fold, ["roc_auc"])["roc_auc"] for fold in folds])
    estimate = over_folds(folds, ["roc_auc"], resamples=50)["roc_auc"]
    assert estimate.value == pytest.approx(expected)
    assert estimate.n == 400


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_gain_of_the_better_model_is_positive_for_either_direction(metric: str) -> None:
    s = sample(400)
    blurred = 0.5 + 0.2 * (s.proba - 0.5) + np.random.default_rng(0).normal(0, 0.1, (400, 1)) * [1, -1]
    gain = paired_gain([(s.y, s.proba)], [(s.y, blurred)], metric, positive=1, resamples=200, seed=0)
    assert gain.low is not None
    assert gain.low > 0


def test_gain_over_the_same_model_is_zero() -> None:
    s = sample()
    gain = paired_gain([(s.y, s.proba)], [(s.y, s.proba)], "roc_auc", positive=1, resamples=50, seed=0)
    assert (gain.value, gain.low, gain.high) == (0, 0, 0)


def test_paired_intervals_are_narrower() -> None:
    s = sample(400)
    near = s.proba + np.random.default_rng(1).normal(0, 0.01, (400, 1)) * [1, -1]
    paired = paired_gain([(s.y, s.proba)], [(s.y, near)], "roc_auc", positive=1, resamples=200, seed=0)
    exclusive_gpu = estimates(s, ["roc_auc"], resamples=200)["roc_auc"]
    assert (paired.high or 0) - (paired.low or 0) < 0.5 * ((exclusive_gpu.high or 0) - (exclusive_gpu.low or 0))


def test_leading_metric_is_the_first_metric_of_probabilities() -> None:
    assert metrics.leading_metric({"accuracy": 1, "latency": 2, "log_loss": 3, "roc_auc": 4}) == "log_loss"
    assert metrics.leading_metric({"accuracy": 1}) == "roc_auc"


def test_threshold_rule_is_the_first_label_metric() -> None:
    bound = Bound(op=">", value=0.9)
    assert metrics.threshold_rule({"roc_auc": bound, "recall": bound, "f1": bound}) == ("recall", bound)
    assert metrics.threshold_rule({"roc_auc": bound}) == ("f1", None)


def test_arguments_are_unchanged() -> None:
    y, proba = np.array([1, 0, 1]), np.array([[0.1, 0.9], [0.6, 0.4], [0.5, 0.5]])
    before = pd.DataFrame(proba).copy()
    estimates(Sample.of(y, proba), resamples=5)
    assert before.equals(pd.DataFrame(proba))
    assert y.tolist() == [1, 0, 1]

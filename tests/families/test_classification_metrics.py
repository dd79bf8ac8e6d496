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


def test_every_metric_a_request_may_name_is_computed() -> None:
    assert list(score(sample())) == list(TASKS["classification"].metrics)


@pytest.mark.parametrize("positive", [0, 1])
def test_two_classes_agree_with_scikit_learn(positive: int) -> None:
    s = sample(positive=positive)
    hit, p, called = s.y == positive, s.proba[:, positive], s.predicted == positive
    expected = {
        "roc_auc": sk.roc_auc_score(hit, p),
        "average_precision": sk.average_precision_score(hit, p),
        "accuracy": sk.accuracy_score(hit, called),
        "balanced_accuracy": sk.balanced_accuracy_score(hit, called),
        "f1": sk.f1_score(hit, called),
        "precision": sk.precision_score(hit, called),
        "recall": sk.recall_score(hit, called),
        "log_loss": sk.log_loss(hit, p),
        "brier": sk.brier_score_loss(hit, p),
    }
    found = score(s)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_several_classes_agree_with_scikit_learn() -> None:
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
    found = score(s)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_by_hand() -> None:
    # Ranked: 0.9 hit, 0.8 miss, 0.7 hit, 0.2 miss. Of the 4 pairs 3 are in order; precision at the hits is 1 and 2/3.
    proba = np.array([[0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.8, 0.2]])
    found = metrics.metrics(["yes", "no", "yes", "no"], proba, ["no", "yes"], "yes", threshold=0.75)
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
    assert {name: found[name] for name in expected} == pytest.approx(expected)


def test_calibration_error_by_hand() -> None:
    # Two bins by ties: 0.2 said of four rows, one came (0.25); 0.6 said of four, three came (0.75): (0.05 + 0.15) / 2.
    p = np.array([0.2] * 4 + [0.6] * 4)
    y = np.array([1, 0, 0, 0, 1, 1, 1, 0])
    found = score(Sample.of(y, np.column_stack([1 - p, p])), ["calibration_error"])
    assert found["calibration_error"] == pytest.approx(0.1)


def test_equal_probabilities_are_perfectly_calibrated_when_they_are_the_share() -> None:
    y = np.array([1, 0, 0, 0])
    assert score(Sample.of(y, np.full((4, 2), [0.75, 0.25])), ["calibration_error"])["calibration_error"] == pytest.approx(0)


def test_weights_of_a_resample_are_repeats_of_rows() -> None:
    s = sample(60, k=3)
    counts = np.random.default_rng(5).integers(0, 4, len(s.y))
    counts[:3] = 1
    repeated = Sample.of(np.repeat(s.y, counts), np.repeat(s.proba, counts, axis=0))
    names = [name for name in metrics.NAMES if name != "calibration_error"]  # whose bins are the sample's own
    found = metrics._weighted(s, counts[None, :].astype(float), names)
    assert {name: found[name][0] for name in names} == pytest.approx(score(repeated, names), abs=1e-12)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([2, 3]))
def test_row_order_changes_nothing_not_even_the_intervals(seed: int, k: int) -> None:
    s = sample(50, k=k, seed=seed)
    order = np.random.default_rng(seed).permutation(len(s.y))
    again = Sample.of(s.y[order], s.proba[order])
    assert estimates(again, resamples=20) == estimates(s, resamples=20)


def test_intervals_hold_their_promise() -> None:
    # 95 % intervals of an accuracy of 0.7 on 200 rows should miss it in about 5 of 100 samples.
    missed = 0
    for seed in range(200):
        right = np.random.default_rng(seed).random(200) < 0.7
        found = estimates(
            Sample.of(np.zeros(200, dtype=int), np.eye(2)[1 - right.astype(int)]), ["accuracy"], resamples=200, seed=seed
        )
        low, high = found["accuracy"].low, found["accuracy"].high
        assert low is not None
        assert high is not None
        missed += not low <= 0.7 <= high
    assert 2 <= missed <= 22


def test_interval_of_calibration_error_holds_its_value() -> None:
    found = estimates(sample(400), ["calibration_error"], resamples=200)["calibration_error"]
    assert found.low is not None
    assert found.high is not None
    assert found.value is not None
    assert found.low <= found.value <= found.high


def test_groups_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(40), 10)
    right = np.repeat(rng.random(40) < 0.7, 10)  # rows of a group are right or wrong together
    y, proba = np.zeros(400, dtype=int), np.eye(2)[1 - right.astype(int)]
    alone = estimates(Sample.of(y, proba), ["accuracy"], resamples=400)["accuracy"]
    together = estimates(Sample.of(y, proba, clusters=[str(g) for g in group]), ["accuracy"], resamples=400)["accuracy"]
    assert (together.high or 0) - (together.low or 0) > 2 * ((alone.high or 0) - (alone.low or 0))


def test_what_is_drawn_does_not_depend_on_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = bootstrap(sample(), ["roc_auc"], resamples=30, seed=1)["roc_auc"]
    monkeypatch.setattr(metrics, "_CELLS", 900)
    assert np.array_equal(bootstrap(sample(), ["roc_auc"], resamples=30, seed=1)["roc_auc"], whole)


def test_metric_that_is_not_defined_has_no_value() -> None:
    one_class = Sample.of(np.ones(20, dtype=int), np.full((20, 2), 0.5))
    assert estimates(one_class, ["roc_auc"], resamples=10)["roc_auc"].value is None


def test_mean_over_folds_is_the_mean_over_folds() -> None:
    folds = [sample(seed=1), sample(seed=2)]
    expected = np.mean([score(fold, ["roc_auc"])["roc_auc"] for fold in folds])
    found = over_folds(folds, ["roc_auc"], resamples=50)["roc_auc"]
    assert found.value == pytest.approx(expected)
    assert found.n == 400


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_gain_is_above_zero_for_the_better_whatever_the_direction(metric: str) -> None:
    s = sample(400)
    blurred = 0.5 + 0.2 * (s.proba - 0.5) + np.random.default_rng(0).normal(0, 0.1, (400, 1)) * [1, -1]
    found = paired_gain([(s.y, s.proba)], [(s.y, blurred)], metric, positive=1, resamples=200, seed=0)
    assert found.low is not None
    assert found.low > 0


def test_nothing_gained_over_itself() -> None:
    s = sample()
    found = paired_gain([(s.y, s.proba)], [(s.y, s.proba)], "roc_auc", positive=1, resamples=50, seed=0)
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_pairing_narrows_the_interval() -> None:
    s = sample(400)
    near = s.proba + np.random.default_rng(1).normal(0, 0.01, (400, 1)) * [1, -1]
    paired = paired_gain([(s.y, s.proba)], [(s.y, near)], "roc_auc", positive=1, resamples=200, seed=0)
    alone = estimates(s, ["roc_auc"], resamples=200)["roc_auc"]
    assert (paired.high or 0) - (paired.low or 0) < 0.5 * ((alone.high or 0) - (alone.low or 0))


def test_leading_metric_is_the_first_that_judges_probabilities() -> None:
    assert metrics.leading_metric({"accuracy": 1, "latency": 2, "log_loss": 3, "roc_auc": 4}) == "log_loss"
    assert metrics.leading_metric({"accuracy": 1}) == "roc_auc"


def test_threshold_rule_is_the_first_that_judges_labels() -> None:
    bound = Bound(op=">", value=0.9)
    assert metrics.threshold_rule({"roc_auc": bound, "recall": bound, "f1": bound}) == ("recall", bound)
    assert metrics.threshold_rule({"roc_auc": bound}) == ("f1", None)


def test_arguments_are_unchanged() -> None:
    y, proba = np.array([1, 0, 1]), np.array([[0.1, 0.9], [0.6, 0.4], [0.5, 0.5]])
    before = pd.DataFrame(proba).copy()
    estimates(Sample.of(y, proba), resamples=5)
    assert before.equals(pd.DataFrame(proba))
    assert y.tolist() == [1, 0, 1]

"""Probability calibration and the choice of the decision threshold."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from glassbox.families.classification.calibration.apply import Calibration, Curve, label
from glassbox.families.classification.calibration.fit import calibrate, choose_threshold, fit_calibration, threshold_curve
from glassbox.request.bounds import Bound

RNG = np.random.default_rng(0)


def simulate(n: int, slope: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Simulate rows whose true log-odds are `slope` times the predicted ones: probabilities, classes and folds."""
    rng = np.random.default_rng(1)
    p = rng.uniform(0.02, 0.98, n)
    y = (rng.random(n) < expit(slope * logit(p))).astype(np.int64)
    return np.column_stack([1 - p, p]), y, np.arange(n) % 4


def test_calibrated_probabilities_are_not_changed() -> None:
    selected = calibrate(*simulate(3000, 1.0), positive=1)
    assert selected.calibration.method == "none"
    assert np.array_equal(selected.proba, simulate(3000, 1.0)[0])


def test_an_improvement_within_one_standard_error_is_not_selected() -> None:
    selected = calibrate(*simulate(150, 0.85), positive=1)
    best = min(selected.losses, key=lambda method: selected.losses[method])
    assert (best, selected.calibration.method) == ("sigmoid", "none")


def test_overconfident_probabilities_get_a_sigmoid_calibration() -> None:
    selected = calibrate(*simulate(3000, 0.4), positive=1)
    assert selected.calibration.method == "sigmoid"
    assert selected.calibration.curves[0].slope == pytest.approx(0.4, abs=0.05)
    assert selected.losses["sigmoid"] < selected.losses["none"]


def test_a_step_shaped_miscalibration_gets_an_isotonic_calibration() -> None:
    rng = np.random.default_rng(2)
    p = rng.uniform(0.01, 0.99, 6000)
    y = (rng.random(6000) < np.where(p < 0.3, 0.05, np.where(p < 0.7, 0.5, 0.55))).astype(np.int64)
    selected = calibrate(np.column_stack([1 - p, p]), y, np.arange(6000) % 4, positive=1)
    assert selected.calibration.method == "isotonic"


def test_sigmoid_is_logistic_regression_with_platts_targets() -> None:
    proba, y, _ = simulate(500, 0.5)
    p, hits = proba[:, 1], int(y.sum())
    high, low = (hits + 1) / (hits + 2), 1 / (500 - hits + 2)
    # A row of target t is a hit with weight t and a miss with weight 1 - t.
    target = np.where(y == 1, high, low)
    x = np.tile(logit(p), 2)[:, None]
    expected = LogisticRegression(C=1e10, tol=1e-10, max_iter=1000).fit(x, np.repeat([1, 0], 500), np.append(target, 1 - target))
    curve = fit_calibration("sigmoid", proba, y, 1).curves[0]
    assert (curve.slope, curve.intercept) == pytest.approx((expected.coef_[0, 0], expected.intercept_[0]), abs=1e-4)


def test_isotonic_has_the_values_of_scikit_learn_at_the_centres_of_its_blocks() -> None:
    proba, y, _ = simulate(200, 1.0)
    blocks = IsotonicRegression(y_min=1 / 402, y_max=1 - 1 / 402).fit_transform(proba[:, 1], y)
    calibration = fit_calibration("isotonic", proba, y, 1)
    for value in np.unique(blocks):
        centre = proba[blocks == value, 1].mean()
        assert calibration.apply(np.array([[1 - centre, centre]]))[0, 1] == pytest.approx(value)


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
@pytest.mark.parametrize("extreme", [False, True])
def test_calibration_keeps_the_order_of_rows(method: str, extreme: bool) -> None:
    proba, y, _ = simulate(300, 1.0)
    if extreme:  # perfectly separated, with probabilities of exactly 0 and 1
        proba, y = np.column_stack([1 - np.linspace(0, 1, 300), np.linspace(0, 1, 300)]), (np.arange(300) >= 150).astype(np.int64)
    new = np.linspace(0.001, 0.999, 1000)
    calibrated = fit_calibration(method, proba, y, 1).apply(np.column_stack([1 - new, new]))[:, 1]  # type: ignore[arg-type]
    differences = np.diff(calibrated)
    if method == "sigmoid" and extreme:  # so steep that neighbours round to the same float
        assert (differences >= 0).all()
    else:
        assert (differences > 0).all()
        assert 0 < calibrated[0] < calibrated[-1] < 1


def test_a_calibration_that_would_reverse_the_order_is_not_fitted() -> None:
    proba, y, _ = simulate(300, -1.0)
    assert fit_calibration("sigmoid", proba, y, 1).curves == [Curve()]


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibrated_probabilities_of_several_classes_sum_to_one(method: str) -> None:
    proba = RNG.dirichlet([1, 1, 1], 300)
    y = np.array([RNG.choice(3, p=row) for row in proba])
    calibrated = fit_calibration(method, proba, y, 2).apply(proba)  # type: ignore[arg-type]
    assert calibrated.sum(axis=1) == pytest.approx(np.ones(300))
    assert len(fit_calibration(method, proba, y, 2).curves) == 3  # type: ignore[arg-type]


def test_positive_class_may_be_the_first() -> None:
    calibration = Calibration(method="sigmoid", positive=0, curves=[Curve(slope=1.0, intercept=1.0)])
    calibrated = calibration.apply(np.array([[0.5, 0.5]]))
    assert calibrated[0] == pytest.approx([expit(1.0), 1 - expit(1.0)])


def test_calibration_handles_constant_probabilities() -> None:
    y = np.arange(100) % 4 == 0
    selected = calibrate(np.full((100, 2), [0.75, 0.25]), y.astype(np.int64), np.arange(100) % 5, positive=1)
    assert np.isfinite(selected.proba).all()


def test_calibration_round_trips_through_json() -> None:
    proba, y, _ = simulate(200, 0.5)
    calibration = fit_calibration("isotonic", proba, y, 1)
    assert Calibration.model_validate_json(calibration.model_dump_json()) == calibration


# --------------------------------------------------------------------------------------------------------- threshold

P = np.array([0.1, 0.2, 0.3, 0.6, 0.8, 0.9])
HIT = np.array([False, False, True, False, True, True])


def test_threshold_curve_matches_a_calculation_by_hand() -> None:
    curve = threshold_curve(HIT, P).set_index("threshold").round(4)
    assert curve.index.tolist() == pytest.approx([0.0, 0.15, 0.25, 0.45, 0.7, 0.85])
    at = curve.loc[0.7]  # predicts 0.8 and 0.9 positive: two of the three positives
    assert at.to_dict() == pytest.approx(
        {"precision": 1, "recall": 0.6667, "f1": 0.8, "accuracy": 0.8333, "balanced_accuracy": 0.8333}
    )


def test_threshold_curve_agrees_with_the_labels_at_each_threshold() -> None:
    p = np.round(RNG.random(100), 1)
    hit = RNG.random(100) < p
    for row in threshold_curve(hit, p).itertuples():
        called = label(np.column_stack([1 - p, p]), 1, float(row.threshold)) == 1
        assert row.accuracy == pytest.approx((called == hit).mean())


@pytest.mark.parametrize(("metric", "expected"), [("accuracy", 0.7), ("f1", 0.25), ("balanced_accuracy", 0.7)])
def test_threshold_maximises_its_metric(metric: str, expected: float) -> None:
    assert choose_threshold(HIT, P, metric).value == pytest.approx(expected)


def test_a_precision_bound_maximises_recall() -> None:
    threshold = choose_threshold(HIT, P, "precision", Bound(op=">=", value=0.75, text=">=75%"))
    assert threshold.value == pytest.approx(0.25)  # precision 3/4, recall 1
    assert threshold.rule == "highest out-of-fold recall with precision >=75%"


def test_a_recall_bound_maximises_precision() -> None:
    assert choose_threshold(HIT, P, "recall", Bound(op=">", value=0.5)).value == pytest.approx(0.7)


def test_a_strict_bound_is_strict() -> None:
    assert choose_threshold(HIT, P, "precision", Bound(op=">", value=0.75)).value == pytest.approx(0.7)


def test_threshold_has_a_margin_for_sampling_error_on_the_holdout() -> None:
    p = np.linspace(0.001, 0.999, 4000)
    hit = np.random.default_rng(0).random(4000) < p
    bound = Bound(op=">", value=0.8)
    no_margin, margin, wider_margin = (
        choose_threshold(hit, p, "recall", bound, holdout_ratio=rows) for rows in (None, 0.25, 0.05)
    )
    recalls = [hit[p >= threshold.value].sum() / hit.sum() for threshold in (no_margin, margin, wider_margin)]
    assert recalls[0] == pytest.approx(0.8, abs=0.002)
    assert recalls[1] == pytest.approx(0.8 + 1.96 * np.sqrt(0.8 * 0.2 / (0.25 * hit.sum())), abs=0.005)  # 1.96 standard errors
    assert recalls[2] > recalls[1]
    assert margin.rule.endswith("with a margin for sampling error")


def test_without_a_threshold_with_margin_the_bound_itself_is_enough() -> None:
    assert choose_threshold(HIT, P, "precision", Bound(op=">=", value=0.75), holdout_ratio=0.25).value == pytest.approx(0.25)


def test_an_unreachable_precision_falls_back_to_f1() -> None:
    threshold = choose_threshold(~HIT, P, "precision", Bound(op=">", value=0.9))
    assert "no threshold reaches" in threshold.rule


def test_label_at_the_threshold_is_positive() -> None:
    proba = np.array([[0.7, 0.3], [0.71, 0.29]])
    assert label(proba, 1, 0.3).tolist() == [1, 0]
    assert label(proba, 0, 0.705).tolist() == [1, 0]
    assert label(proba, 1, None).tolist() == [0, 0]

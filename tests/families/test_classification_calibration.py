import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from glassbox.families.classification.calibration.apply import Calibration, Curve, label
from glassbox.families.classification.calibration.fit import calibrate, choose_threshold, fit_calibration, threshold_curve
from glassbox.request.bounds import Bound

RNG = np.random.default_rng(0)


def said_and_came(n: int, bend: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows whose true log-odds are `bend` times those that the model gives; with folds."""
    rng = np.random.default_rng(1)
    p = rng.uniform(0.02, 0.98, n)
    y = (rng.random(n) < expit(bend * logit(p))).astype(np.int64)
    return np.column_stack([1 - p, p]), y, np.arange(n) % 4


def test_honest_probabilities_are_left_alone() -> None:
    found = calibrate(*said_and_came(3000, 1.0), positive=1)
    assert found.calibration.method == "none"
    assert np.array_equal(found.proba, said_and_came(3000, 1.0)[0])


def test_bending_that_helps_by_less_than_chance_is_left() -> None:
    found = calibrate(*said_and_came(150, 0.85), positive=1)
    best = min(found.losses, key=lambda method: found.losses[method])
    assert (best, found.calibration.method) == ("sigmoid", "none")


def test_overconfident_probabilities_are_bent_back() -> None:
    found = calibrate(*said_and_came(3000, 0.4), positive=1)
    assert found.calibration.method == "sigmoid"
    assert found.calibration.curves[0].slope == pytest.approx(0.4, abs=0.05)
    assert found.losses["sigmoid"] < found.losses["none"]


def test_a_step_is_bent_by_steps() -> None:
    rng = np.random.default_rng(2)
    p = rng.uniform(0.01, 0.99, 6000)
    y = (rng.random(6000) < np.where(p < 0.3, 0.05, np.where(p < 0.7, 0.5, 0.55))).astype(np.int64)
    found = calibrate(np.column_stack([1 - p, p]), y, np.arange(6000) % 4, positive=1)
    assert found.calibration.method == "isotonic"


def test_sigmoid_is_logistic_regression_with_platts_targets() -> None:
    proba, y, _ = said_and_came(500, 0.5)
    p, hits = proba[:, 1], int(y.sum())
    high, low = (hits + 1) / (hits + 2), 1 / (500 - hits + 2)
    # A row of target t is a hit with weight t and a miss with weight 1 - t.
    target = np.where(y == 1, high, low)
    x = np.tile(logit(p), 2)[:, None]
    expected = LogisticRegression(C=1e10, tol=1e-10, max_iter=1000).fit(x, np.repeat([1, 0], 500), np.append(target, 1 - target))
    curve = fit_calibration("sigmoid", proba, y, 1).curves[0]
    assert (curve.slope, curve.intercept) == pytest.approx((expected.coef_[0, 0], expected.intercept_[0]), abs=1e-4)


def test_isotonic_is_scikit_learns_and_never_sure() -> None:
    proba, y, _ = said_and_came(200, 1.0)
    bent = fit_calibration("isotonic", proba, y, 1).apply(proba)[:, 1]
    expected = IsotonicRegression(y_min=1 / 402, y_max=1 - 1 / 402).fit_transform(proba[:, 1], y)
    assert bent == pytest.approx(expected, abs=1e-9)
    assert 0 < bent.min() < bent.max() < 1


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_several_classes_add_up_to_one(method: str) -> None:
    proba = RNG.dirichlet([1, 1, 1], 300)
    y = np.array([RNG.choice(3, p=row) for row in proba])
    bent = fit_calibration(method, proba, y, 2).apply(proba)  # type: ignore[arg-type]
    assert bent.sum(axis=1) == pytest.approx(np.ones(300))
    assert len(fit_calibration(method, proba, y, 2).curves) == 3  # type: ignore[arg-type]


def test_positive_class_may_be_the_first() -> None:
    calibration = Calibration(method="sigmoid", positive=0, curves=[Curve(slope=1.0, intercept=1.0)])
    bent = calibration.apply(np.array([[0.5, 0.5]]))
    assert bent[0] == pytest.approx([expit(1.0), 1 - expit(1.0)])


def test_model_that_says_one_thing_does_not_break_it() -> None:
    y = np.arange(100) % 4 == 0
    found = calibrate(np.full((100, 2), [0.75, 0.25]), y.astype(np.int64), np.arange(100) % 5, positive=1)
    assert np.isfinite(found.proba).all()


def test_calibration_written_out_and_read_back_is_itself() -> None:
    proba, y, _ = said_and_came(200, 0.5)
    calibration = fit_calibration("isotonic", proba, y, 1)
    assert Calibration.model_validate_json(calibration.model_dump_json()) == calibration


# --------------------------------------------------------------------------------------------------------- threshold

P = np.array([0.1, 0.2, 0.3, 0.6, 0.8, 0.9])
HIT = np.array([False, False, True, False, True, True])


def test_curve_by_hand() -> None:
    curve = threshold_curve(HIT, P).set_index("threshold").round(4)
    assert curve.index.tolist() == pytest.approx([0.0, 0.15, 0.25, 0.45, 0.7, 0.85])
    at = curve.loc[0.7]  # calls 0.8 and 0.9: both hits, of three
    assert at.to_dict() == pytest.approx(
        {"precision": 1, "recall": 0.6667, "f1": 0.8, "accuracy": 0.8333, "balanced_accuracy": 0.8333}
    )


def test_curve_agrees_with_labels_that_the_threshold_gives() -> None:
    p = np.round(RNG.random(100), 1)
    hit = RNG.random(100) < p
    for row in threshold_curve(hit, p).itertuples():
        called = label(np.column_stack([1 - p, p]), 1, float(row.threshold)) == 1
        assert row.accuracy == pytest.approx((called == hit).mean())


@pytest.mark.parametrize(("metric", "expected"), [("accuracy", 0.7), ("f1", 0.25), ("balanced_accuracy", 0.7)])
def test_threshold_has_most_of_its_metric(metric: str, expected: float) -> None:
    assert choose_threshold(HIT, P, metric).value == pytest.approx(expected)


def test_precision_asked_for_takes_most_recall_with_it() -> None:
    found = choose_threshold(HIT, P, "precision", Bound(op=">=", value=0.75, text=">=75%"))
    assert found.value == pytest.approx(0.25)  # precision 3/4, recall 1
    assert found.rule == "most recall out of fold with precision >=75%"


def test_recall_asked_for_takes_most_precision_with_it() -> None:
    assert choose_threshold(HIT, P, "recall", Bound(op=">", value=0.5)).value == pytest.approx(0.7)


def test_bound_is_strict_where_it_says_so() -> None:
    assert choose_threshold(HIT, P, "precision", Bound(op=">", value=0.75)).value == pytest.approx(0.7)


def test_room_is_made_for_chance_on_the_rows_that_judge() -> None:
    p = np.linspace(0.001, 0.999, 4000)
    hit = np.random.default_rng(0).random(4000) < p
    bound = Bound(op=">", value=0.8)
    tight, roomy, roomier = (choose_threshold(hit, p, "recall", bound, judged_rows=rows) for rows in (None, 0.25, 0.05))
    recalls = [hit[p >= found.value].sum() / hit.sum() for found in (tight, roomy, roomier)]
    assert recalls[0] == pytest.approx(0.8, abs=0.002)
    assert recalls[1] == pytest.approx(0.8 + 1.96 * np.sqrt(0.8 * 0.2 / (0.25 * hit.sum())), abs=0.005)  # 1.96 standard errors
    assert recalls[2] > recalls[1]
    assert roomy.rule.endswith("with room for chance")


def test_without_room_the_bound_itself_is_enough() -> None:
    assert choose_threshold(HIT, P, "precision", Bound(op=">=", value=0.75), judged_rows=0.25).value == pytest.approx(0.25)


def test_precision_out_of_reach_is_said() -> None:
    found = choose_threshold(~HIT, P, "precision", Bound(op=">", value=0.9))
    assert "no threshold reaches" in found.rule


def test_label_at_the_threshold_is_positive() -> None:
    proba = np.array([[0.7, 0.3], [0.71, 0.29]])
    assert label(proba, 1, 0.3).tolist() == [1, 0]
    assert label(proba, 0, 0.705).tolist() == [1, 0]
    assert label(proba, 1, None).tolist() == [0, 0]

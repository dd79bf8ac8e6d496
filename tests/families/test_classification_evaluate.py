"""Holdout evaluation of classifiers: predictions, metrics, generalisation gap, slices and summary."""

import numpy as np
import pandas as pd
import pytest

from glassbox.errors import DataError
from glassbox.families.classification import evaluate
from glassbox.families.classification.calibration.apply import Calibration, Curve
from glassbox.families.shared import holdout_ledger
from glassbox.families.tabular.predictor import TabularPredictor
from glassbox.families.tabular.refit import refit
from glassbox.files import hash_tree
from glassbox.runtime.resources import Resources
from toy_tables import FULL, customers, labelled


def model(classes: int = 2, threshold: float | None = 0.5, calibration: Calibration | None = None) -> TabularPredictor:
    _, schema = customers(classes=classes)
    best = {"kind": "logistic_regression", "params": {}, "recipe": FULL.model_dump()}
    return refit(best, labelled(classes=classes), schema, calibration or Calibration(), threshold, Resources())


def test_predictions_have_the_documented_columns_and_order() -> None:
    holdout, _ = customers(seed=5)
    predicted = evaluate.predictions(model(), holdout.sample(frac=1, random_state=0))
    assert predicted.columns.tolist() == ["row_id", "y_true", "y_pred", "proba_no", "proba_yes"]
    assert predicted["row_id"].tolist() == sorted(holdout["row_id"])
    assert predicted["y_true"].tolist() == holdout.sort_values("row_id")["label"].tolist()


def test_label_follows_the_threshold() -> None:
    holdout, _ = customers(seed=5)
    predicted = evaluate.predictions(model(threshold=0.3), holdout)
    assert ((predicted["proba_yes"] >= 0.3) == (predicted["y_pred"] == "yes")).all()


def test_the_most_probable_of_several_classes_is_predicted() -> None:
    holdout, _ = customers(seed=5, classes=3)
    predictor = model(classes=3)
    predicted = evaluate.predictions(predictor, holdout)
    assert predictor.threshold is None
    assert (
        predicted["y_pred"].tolist()
        == predicted[["proba_c0", "proba_c1", "proba_c2"]].idxmax(axis=1).str.removeprefix("proba_").tolist()
    )


def test_calibration_is_part_of_the_prediction() -> None:
    holdout, _ = customers(seed=5)
    calibration = Calibration(method="sigmoid", positive=1, curves=[Curve(slope=1.0, intercept=5.0)])
    uncalibrated, calibrated = (model(calibration=c).predict(holdout)["proba_yes"] for c in (None, calibration))
    assert (calibrated > uncalibrated).all()


def test_postprocess_calibrates_and_labels_out_of_fold_predictions() -> None:
    calibration = Calibration(method="sigmoid", positive=1, curves=[Curve(slope=1.0, intercept=5.0)])
    predictor = model(threshold=0.9, calibration=calibration)
    predicted = predictor.postprocess(pd.DataFrame({"proba_no": [0.5, 0.99], "proba_yes": [0.5, 0.01]}))
    assert predicted["proba_yes"].tolist() == pytest.approx([1 / (1 + np.exp(-5)), 1 / (1 + 99 * np.exp(-5))])
    assert predicted["y_pred"].tolist() == ["yes", "no"]


def test_refit_is_reproducible(tmp_path) -> None:  # type: ignore[no-untyped-def]
    model().save(tmp_path / "one")
    model().save(tmp_path / "two")
    assert hash_tree(tmp_path / "one") == hash_tree(tmp_path / "two")


def test_holdout_metrics_start_with_the_leading_metric() -> None:
    holdout, _ = customers(seed=5)
    estimates = evaluate.holdout_metrics(
        evaluate.predictions(model(), holdout), ["no", "yes"], "yes", leading="log_loss", resamples=30
    )
    assert next(iter(estimates.values)) == "log_loss"
    assert len(estimates.values) == 10
    assert all(e.low is not None and e.value is not None and e.low <= e.value <= (e.high or 0) for e in estimates.values.values())


def test_rows_without_an_out_of_fold_prediction_are_an_error() -> None:
    train = labelled()
    oof = pd.DataFrame({"row_id": train.row_ids[:-1], "proba_no": 0.5, "proba_yes": 0.5})
    with pytest.raises(DataError, match="no out-of-fold prediction"):
        evaluate.oof_proba(oof, train)


def test_gap_shows_an_overfitted_model() -> None:
    _, schema = customers()
    train = labelled()
    best = {"kind": "random_forest", "params": {"n_estimators": 30}, "recipe": FULL.model_dump()}
    predictor = refit(best, train, schema, Calibration(), 0.5, Resources())
    oof = np.column_stack([1 - train.y * 0.2 - 0.4, train.y * 0.2 + 0.4])
    oof[::3] = oof[::3, ::-1]
    facts = evaluate.generalization_gap(
        predictor, train, oof, evaluate.predictions(predictor, customers(seed=5)[0]), "roc_auc", 0.5
    ).facts
    assert facts["train"] == pytest.approx(1.0, abs=0.01)
    assert facts["train over out of fold"] == pytest.approx(facts["train"] - facts["out of fold"])  # type: ignore[operator]


# ------------------------------------------------------------------------------------------------------------ slices


def weak_on(plan: str, n: int = 2000) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate predictions that are good except for one plan, where they are random."""
    holdout, _ = customers(n, seed=5)
    rng = np.random.default_rng(0)
    p = np.clip((holdout["label"] == "yes") * 0.4 + 0.3 + rng.normal(0, 0.2, n), 0.01, 0.99)
    p = np.where(holdout["plan"] == plan, rng.random(n), p)
    frame = {"row_id": holdout["row_id"], "y_true": holdout["label"], "y_pred": np.where(p >= 0.5, "yes", "no")}
    return holdout, pd.DataFrame({**frame, "proba_no": 1 - p, "proba_yes": p})


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_the_simulated_weak_slice_is_first_and_marked(metric: str) -> None:
    holdout, predicted = weak_on("year")
    slices = evaluate.slices(holdout, predicted, customers()[1], "yes", metric=metric)
    assert slices["slice"].iloc[0] == "plan: year"
    assert bool(slices["weak"].iloc[0])
    assert not slices["weak"].iloc[3:].any()


def test_slices_do_not_depend_on_row_order() -> None:
    holdout, predicted = weak_on("year", 400)
    shuffled = evaluate.slices(holdout.sample(frac=1, random_state=1), predicted, customers()[1], "yes")
    assert shuffled.equals(evaluate.slices(holdout, predicted, customers()[1], "yes"))


def test_quartiles_contain_every_row_once_and_missing_values_are_a_slice() -> None:
    values = pd.Series([*range(100), np.nan, np.nan], dtype=float)
    parts = evaluate._levels(values, "number", 12)
    assert next(name for name, _ in parts) == "missing"
    assert np.sum([inside for _, inside in parts], axis=0).tolist() == [1] * 102
    assert [int(inside.sum()) for _, inside in parts[1:]] == pytest.approx([25, 25, 25, 25], abs=1)


def test_small_slices_are_not_evaluated() -> None:
    holdout, predicted = weak_on("year", 60)
    slices = evaluate.slices(holdout, predicted, customers()[1], "yes")
    assert not slices["slice"].str.startswith("plan").any()


def test_slices_table_reports_the_number_of_slices() -> None:
    holdout, predicted = weak_on("year", 400)
    slices = evaluate.slices(holdout, predicted, customers()[1], "yes")
    assert evaluate.slices_table(slices, "roc_auc", 0.8).note.startswith(f"{len(slices)} slices")


# -------------------------------------------------------------------------------------------------- for the stakeholder


@pytest.mark.parametrize(("reach", "expected"), [(0.5, 0.2), (1.0, 0.6), (0.75, 0.4)])
def test_share_to_reach_matches_a_calculation_by_hand(reach: float, expected: float) -> None:
    hit = np.array([True, False, True, False, False])
    assert evaluate.share_to_reach(hit, np.array([0.9, 0.8, 0.7, 0.2, 0.1]), reach) == pytest.approx(expected)


def test_ties_count_as_in_random_order() -> None:
    assert evaluate.share_to_reach(np.array([True, False, True, False]), np.full(4, 0.5), 0.7) == pytest.approx(0.7)


def test_headline_reports_the_share_of_rows_to_select() -> None:
    p = np.linspace(0.99, 0.01, 100)
    predicted = pd.DataFrame({"row_id": [f"{i:03d}" for i in range(100)], "y_true": ["yes"] * 20 + ["no"] * 80, "proba_yes": p})
    predicted["y_pred"] = predicted["y_true"]
    note = evaluate.headline(predicted, "left", "yes", ["no", "yes"])
    assert note.say.startswith("Calling the 14 % of rows with the highest scores reaches 70 % of those with left = yes.")
    assert note.lines == ["Of the 10 % of rows with the highest scores, 100 % have left = yes; of all rows, 20 %."]


def test_headline_uses_the_row_noun() -> None:
    predicted = pd.DataFrame(
        {"row_id": list("abcd"), "y_true": list("yynn"), "y_pred": list("yynn"), "proba_y": [0.9, 0.8, 0.2, 0.1]}
    )
    note = evaluate.headline(predicted, "left", "y", ["n", "y"], reach=0.5, rows="customers")
    assert note.say == (
        "Calling the 25 % of customers with the highest scores reaches 50 % of those with left = y. "
        "Chosen at random, it would take 50 % of customers."
    )
    assert "rows" not in " ".join([note.say, *note.lines])
    of_three = pd.DataFrame({"y_true": list("abc"), "y_pred": list("aba")})
    assert evaluate.headline(of_three, "kind", "a", list("abc"), rows="customers").say.endswith("for 67 of 100 unseen customers.")


def test_ledger_reports_how_often_the_holdout_was_evaluated() -> None:
    assert "first time" in holdout_ledger.holdout_reads(1).say
    assert "3 times" in holdout_ledger.holdout_reads(3).say


def test_holdout_clusters_are_in_the_order_of_predictions() -> None:
    holdout = pd.DataFrame({"row_id": ["b", "a", "c"], "house": ["h1", "h2", None]})
    assert evaluate.holdout_clusters(holdout, "house") == ["group h2", "group h1", "row c"]
    assert evaluate.holdout_clusters(holdout, None) is None

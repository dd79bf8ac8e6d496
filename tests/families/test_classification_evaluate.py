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
from toy_tables import FULL, customers, problem


def model(classes: int = 2, threshold: float | None = 0.5, calibration: Calibration | None = None) -> TabularPredictor:
    _, schema = customers(classes=classes)
    best = {"kind": "logistic_regression", "params": {}, "recipe": FULL.model_dump()}
    return refit(best, problem(classes=classes), schema, calibration or Calibration(), threshold, seed=0)


def test_predictions_are_as_the_contract_says() -> None:
    holdout, _ = customers(seed=5)
    found = evaluate.predictions(model(), holdout.sample(frac=1, random_state=0))
    assert found.columns.tolist() == ["row_id", "y_true", "y_pred", "proba_no", "proba_yes"]
    assert found["row_id"].tolist() == sorted(holdout["row_id"])
    assert found["y_true"].tolist() == holdout.sort_values("row_id")["label"].tolist()


def test_label_follows_the_threshold() -> None:
    holdout, _ = customers(seed=5)
    found = evaluate.predictions(model(threshold=0.3), holdout)
    assert ((found["proba_yes"] >= 0.3) == (found["y_pred"] == "yes")).all()


def test_several_classes_take_the_most_probable() -> None:
    holdout, _ = customers(seed=5, classes=3)
    predictor = model(classes=3)
    found = evaluate.predictions(predictor, holdout)
    assert predictor.threshold is None
    assert (
        found["y_pred"].tolist() == found[["proba_c0", "proba_c1", "proba_c2"]].idxmax(axis=1).str.removeprefix("proba_").tolist()
    )


def test_calibration_is_part_of_the_prediction() -> None:
    holdout, _ = customers(seed=5)
    bent = Calibration(method="sigmoid", positive=1, curves=[Curve(slope=1.0, intercept=5.0)])
    plain, raised = (model(calibration=c).predict(holdout)["proba_yes"] for c in (None, bent))
    assert (raised > plain).all()


def test_finished_out_of_fold_predictions_are_bent_and_labelled_like_others() -> None:
    bent = Calibration(method="sigmoid", positive=1, curves=[Curve(slope=1.0, intercept=5.0)])
    predictor = model(threshold=0.9, calibration=bent)
    found = predictor.postprocess(pd.DataFrame({"proba_no": [0.5, 0.99], "proba_yes": [0.5, 0.01]}))
    assert found["proba_yes"].tolist() == pytest.approx([1 / (1 + np.exp(-5)), 1 / (1 + 99 * np.exp(-5))])
    assert found["y_pred"].tolist() == ["yes", "no"]


def test_refit_does_not_depend_on_row_order_or_blas_limits(tmp_path) -> None:  # type: ignore[no-untyped-def]
    model().save(tmp_path / "one")
    model().save(tmp_path / "two")
    assert hash_tree(tmp_path / "one") == hash_tree(tmp_path / "two")


def test_metrics_lead_with_the_one_that_decides() -> None:
    holdout, _ = customers(seed=5)
    found = evaluate.holdout_metrics(
        evaluate.predictions(model(), holdout), ["no", "yes"], "yes", leading="log_loss", resamples=30
    )
    assert next(iter(found.values)) == "log_loss"
    assert len(found.values) == 10
    assert all(e.low is not None and e.value is not None and e.low <= e.value <= (e.high or 0) for e in found.values.values())


def test_rows_without_out_of_fold_prediction_are_said() -> None:
    judged = problem()
    oof = pd.DataFrame({"row_id": judged.row_ids[:-1], "proba_no": 0.5, "proba_yes": 0.5})
    with pytest.raises(DataError, match="no out-of-fold prediction"):
        evaluate.oof_proba(oof, judged)


def test_gap_shows_a_model_that_knows_rows_by_heart() -> None:
    _, schema = customers()
    judged = problem()
    best = {"kind": "random_forest", "params": {"n_estimators": 30}, "recipe": FULL.model_dump()}
    predictor = refit(best, judged, schema, Calibration(), 0.5, seed=0)
    oof = np.column_stack([1 - judged.y * 0.2 - 0.4, judged.y * 0.2 + 0.4])
    oof[::3] = oof[::3, ::-1]
    found = evaluate.gap(predictor, judged, oof, evaluate.predictions(predictor, customers(seed=5)[0]), "roc_auc", 0.5).facts
    assert found["train"] == pytest.approx(1.0, abs=0.01)
    assert found["train over out of fold"] == pytest.approx(found["train"] - found["out of fold"])  # type: ignore[operator]


# ------------------------------------------------------------------------------------------------------------ slices


def weak_on(plan: str, n: int = 2000) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Predictions that are good everywhere but for one plan, where they are noise."""
    holdout, _ = customers(n, seed=5)
    rng = np.random.default_rng(0)
    p = np.clip((holdout["label"] == "yes") * 0.4 + 0.3 + rng.normal(0, 0.2, n), 0.01, 0.99)
    p = np.where(holdout["plan"] == plan, rng.random(n), p)
    frame = {"row_id": holdout["row_id"], "y_true": holdout["label"], "y_pred": np.where(p >= 0.5, "yes", "no")}
    return holdout, pd.DataFrame({**frame, "proba_no": 1 - p, "proba_yes": p})


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss"])
def test_planted_weakness_stands_first_and_is_marked(metric: str) -> None:
    holdout, predicted = weak_on("year")
    found = evaluate.slices(holdout, predicted, customers()[1], "yes", metric=metric)
    assert found["slice"].iloc[0] == "plan: year"
    assert bool(found["weak"].iloc[0])
    assert not found["weak"].iloc[3:].any()


def test_slices_do_not_depend_on_row_order() -> None:
    holdout, predicted = weak_on("year", 400)
    shuffled = evaluate.slices(holdout.sample(frac=1, random_state=1), predicted, customers()[1], "yes")
    assert shuffled.equals(evaluate.slices(holdout, predicted, customers()[1], "yes"))


def test_quarters_hold_every_row_once_and_gaps_are_a_slice() -> None:
    values = pd.Series([*range(100), np.nan, np.nan], dtype=float)
    parts = evaluate._levels(values, "number", 12)
    assert next(name for name, _ in parts) == "missing"
    assert np.sum([inside for _, inside in parts], axis=0).tolist() == [1] * 102
    assert [int(inside.sum()) for _, inside in parts[1:]] == pytest.approx([25, 25, 25, 25], abs=1)


def test_small_slices_are_not_judged() -> None:
    holdout, predicted = weak_on("year", 60)
    found = evaluate.slices(holdout, predicted, customers()[1], "yes")
    assert not found["slice"].str.startswith("plan").any()


def test_table_counts_how_many_slices_were_looked_at() -> None:
    holdout, predicted = weak_on("year", 400)
    found = evaluate.slices(holdout, predicted, customers()[1], "yes")
    assert evaluate.slices_table(found, "roc_auc", 0.8).note.startswith(f"{len(found)} slices")


# -------------------------------------------------------------------------------------------------- for the stakeholder


@pytest.mark.parametrize(("reach", "expected"), [(0.5, 0.2), (1.0, 0.6), (0.75, 0.4)])
def test_share_to_reach_by_hand(reach: float, expected: float) -> None:
    hit = np.array([True, False, True, False, False])
    assert evaluate.share_to_reach(hit, np.array([0.9, 0.8, 0.7, 0.2, 0.1]), reach) == pytest.approx(expected)


def test_ties_count_as_in_random_order() -> None:
    assert evaluate.share_to_reach(np.array([True, False, True, False]), np.full(4, 0.5), 0.7) == pytest.approx(0.7)


def test_headline_says_how_far_down_the_list_to_go() -> None:
    p = np.linspace(0.99, 0.01, 100)
    predicted = pd.DataFrame({"row_id": [f"{i:03d}" for i in range(100)], "y_true": ["yes"] * 20 + ["no"] * 80, "proba_yes": p})
    predicted["y_pred"] = predicted["y_true"]
    note = evaluate.headline(predicted, "left", "yes", ["no", "yes"])
    assert note.say.startswith("Calling the 14 % of rows with the highest scores reaches 70 % of those with left = yes.")
    assert note.lines == ["Of the 10 % of rows with the highest scores, 100 % have left = yes; of all rows, 20 %."]


def test_headline_calls_rows_by_their_noun() -> None:
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


def test_seal_tells_how_often_it_was_broken() -> None:
    assert "first time" in holdout_ledger.opened(1).say
    assert "3 times" in holdout_ledger.opened(3).say


def test_clusters_follow_the_order_of_predictions() -> None:
    holdout = pd.DataFrame({"row_id": ["b", "a", "c"], "house": ["h1", "h2", None]})
    assert evaluate.holdout_clusters(holdout, "house") == ["group h2", "group h1", "row c"]
    assert evaluate.holdout_clusters(holdout, None) is None

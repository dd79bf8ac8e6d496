import warnings

import numpy as np
import pandas as pd
import pytest

from glassbox.families.classification import example_selection
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.classification.dataset import problem_of
from glassbox.families.classification.metrics import Sample, score
from glassbox.families.tabular import explain, shapley
from glassbox.families.tabular.models import KINDS
from glassbox.families.tabular.plots import explanations
from glassbox.families.tabular.predictor import TabularPredictor
from glassbox.families.tabular.refit import refit
from glassbox.families.tabular.sampling import by_hash
from glassbox.files import hash_value
from toy_tables import FULL, customers

PARAMS = {
    "dummy": {},
    "logistic_regression": {},
    "random_forest": {"n_estimators": 15, "max_depth": 5},
    "lightgbm": {"n_estimators": 15, "num_leaves": 6},
    "xgboost": {"n_estimators": 15, "max_depth": 3},
}


def fitted(kind: str, classes: int = 2, threshold: float | None = 0.4, positive: str | None = None) -> TabularPredictor:
    frame, schema = customers(300, classes=classes)
    problem = problem_of(frame, "label", list(schema.classes or []), positive=positive)
    best = {"kind": kind, "params": PARAMS[kind], "recipe": FULL.model_dump()}
    return refit(best, problem, schema, Calibration(), threshold, seed=0)


def unseen(n: int = 80, classes: int = 2) -> pd.DataFrame:
    return customers(n, seed=9, classes=classes)[0]


def raw_output(predictor: TabularPredictor, rows: pd.DataFrame, unit: str) -> np.ndarray:
    """The model's own output on the scale of `unit`, up to what softmax does not see."""
    proba = predictor.model.proba(predictor.matrix(rows))
    if unit == shapley.PROBABILITY:
        return proba
    if unit == shapley.LOG_ODDS:
        return np.log(proba / (1 - proba))
    return np.log(proba) - np.log(proba).mean(axis=1, keepdims=True)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_base_and_values_add_up_to_the_output(kind: str, classes: int) -> None:
    predictor, rows = fitted(kind, classes), unseen(classes=classes)
    found = explain.shapley_values(predictor, rows, rows)
    output = found.output
    if found.unit == shapley.LOG_SCORE:
        output = output - output.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(output, raw_output(predictor, rows, found.unit), atol=2e-5)
    assert found.values.shape == (len(rows), len(predictor.fields), classes)


def test_values_are_by_column_of_the_data() -> None:
    predictor, rows = fitted("logistic_regression"), unseen()
    found = explain.shapley_values(predictor, rows, rows)
    assert found.columns == list(FULL.columns)
    native, matrix = predictor.model.native, predictor.matrix(rows)
    own = [j for j, feature in enumerate(predictor.features) if feature.column == "plan"]
    assert len(own) > 1
    by_hand = (matrix[:, own] - matrix[:, own].mean(axis=0)) @ native.coef_[0, own]
    np.testing.assert_allclose(found.values[:, found.columns.index("plan"), 1], by_hand)


@pytest.mark.parametrize("kind", ["lightgbm", "xgboost"])
def test_boosters_agree_with_the_shap_package(kind: str) -> None:
    predictor, rows = fitted(kind), unseen()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the shap package, which warns when it is imported and of its own change of mind
        import shap

        values = np.asarray(shap.TreeExplainer(predictor.model.native).shap_values(predictor.matrix(rows)))
    found = explain.shapley_values(predictor, rows, rows)
    own = [j for j, feature in enumerate(predictor.features) if feature.column == "tenure"]
    np.testing.assert_allclose(found.values[:, 0, 1], values[:, own].sum(axis=1), atol=1e-5)


def test_sampling_settles_and_adds_up_whatever_is_drawn() -> None:
    predictor, rows = fitted("logistic_regression"), unseen(30)
    few = shapley.by_sampling(predictor, rows, rows.head(1), seed=0, permutations=4)
    many = shapley.by_sampling(predictor, rows, rows.head(1), seed=1, permutations=120)
    assert np.corrcoef(few.values[:, 0, 1], many.values[:, 0, 1])[0, 1] > 0.97
    np.testing.assert_allclose(few.output, predictor.model.proba(predictor.matrix(rows)), atol=1e-12)


def test_a_kind_without_a_way_of_its_own_is_explained_by_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor, rows = fitted("lightgbm"), unseen(20)
    monkeypatch.delitem(shapley.EXPLAINERS, "lightgbm")
    assert explain.shapley_values(predictor, rows, rows).unit == shapley.PROBABILITY


def test_of_two_classes_one_speaks_against_the_other() -> None:
    found = explain.shapley_values(fitted("xgboost"), unseen(), unseen())
    np.testing.assert_array_equal(found.values[:, :, 0], -found.values[:, :, 1])


# ------------------------------------------------------------------------------------------- permutation importance


def test_what_decides_is_missed_and_noise_is_not() -> None:
    table = explain.permutation_importances(fitted("lightgbm"), unseen(200), seed=1, repeats=5).set_index("column")
    assert table.index[0] == "tenure"
    assert table.loc["tenure", "low"] > 0.1
    assert abs(table.loc["remark", "value"]) < 0.03


def test_shuffling_features_together_is_shuffling_the_column() -> None:
    predictor = fitted("logistic_regression")
    rows = unseen(120).sort_values("row_id").reset_index(drop=True)
    found = explain.permutation_importances(predictor, rows, metric="log_loss", seed=3, repeats=3).set_index("column")
    y = (rows["label"] == "yes").to_numpy().astype(int)
    rng = np.random.default_rng(explain._seed_of(3, "plan"))

    def loss(frame: pd.DataFrame) -> float:
        return score(Sample.of(y, predictor.proba(frame), positive=1), ["log_loss"])["log_loss"]

    drops = [loss(rows.assign(plan=rows["plan"].to_numpy()[rng.permutation(len(rows))])) - loss(rows) for _ in range(3)]
    assert found.loc["plan", "value"] == pytest.approx(np.mean(drops))


def test_a_model_that_looks_at_nothing_misses_nothing() -> None:
    figure = explain.permutation_importance(fitted("dummy"), unseen(), repeats=3)
    assert figure.say == "No single column would be missed."


# ------------------------------------------------------------------------------------------------------ single rows


def test_rows_worth_a_look_are_the_surest_and_the_most_undecided() -> None:
    p = np.array([0.95, 0.99, 0.02, 0.41, 0.7])
    truth = np.array([1, 0, 0, 1, 0])
    found = example_selection.worth_a_look(np.column_stack([1 - p, p]), truth, 1, 0.4)
    assert [(case.why, case.at) for case in found] == [("Surest and right", 0), ("Surest and wrong", 1), ("Most undecided", 3)]


def test_without_a_mistake_none_is_shown() -> None:
    p = np.array([0.9, 0.1])
    found = example_selection.worth_a_look(np.column_stack([1 - p, p]), np.array([1, 0]), 1, 0.5)
    assert [case.why for case in found] == ["Surest and right", "Most undecided"]


def test_of_several_classes_the_lead_says_how_sure() -> None:
    proba = np.array([[0.5, 0.45, 0.05], [0.4, 0.1, 0.5], [0.1, 0.8, 0.1]])
    found = example_selection.worth_a_look(proba, np.array([0, 0, 1]), 2, None)
    assert [(case.at, case.label) for case in found] == [(2, 1), (1, 2), (0, 0)]


def test_steps_of_a_row_lead_from_the_average_to_its_output() -> None:
    walk = explanations.Waterfall("Surest", "r1", "yes", "no", 0.7, -1.0, [("a", 1.0, 2.0), ("b", None, -0.5), ("c", "x", 0.25)])
    figure = explanations.waterfalls([walk], "log-odds", most=2)
    assert "a 1 +2.00, b missing −0.50, c x +0.25" in figure.alt
    assert figure.svg is not None
    assert ">+0.25<" in figure.svg
    assert "1 other columns" in figure.svg


# ----------------------------------------------------------------------------------------------------- always, all kinds


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_explained_in_figures_that_do_not_depend_on_the_order_of_rows(kind: str) -> None:
    predictor, rows = fitted(kind), unseen(70)
    other = rows.sample(frac=1, random_state=2)
    drawn = [
        [explain.permutation_importance(predictor, frame, seed=1, repeats=2), explain.shap_global(predictor, frame), explain.shap_local(predictor, frame)]
        for frame in (rows, other)
    ]  # fmt: skip
    assert hash_value(drawn[0]) == hash_value(drawn[1])


def test_several_classes_are_explained_too() -> None:
    predictor, rows = fitted("lightgbm", 3, None), unseen(90, classes=3)
    assert explain.shap_global(predictor, rows).title == "How far each column pushes"
    assert "was c" in explain.shap_local(predictor, rows).alt


def test_pushes_are_towards_the_class_that_is_looked_for() -> None:
    rows = unseen()
    towards_yes = explain.shap_global(fitted("logistic_regression"), rows)
    towards_no = explain.shap_global(fitted("logistic_regression", positive="no"), rows)
    assert "a high tenure pushes yes down" in towards_yes.say
    assert "a high tenure pushes no up" in towards_no.say


def test_the_sample_behind_an_explanation_is_chosen_by_name() -> None:
    rows = unseen(50)
    assert by_hash(rows, 10, "explain")["row_id"].tolist() != by_hash(rows, 10, "background")["row_id"].tolist()
    assert len(by_hash(rows, 10, "explain")) == 10

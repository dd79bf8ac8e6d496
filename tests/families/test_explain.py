import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from glassbox.families.classification import example_selection
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.classification.dataset import labelled_rows
from glassbox.families.classification.metrics import Sample, score
from glassbox.families.tabular import explain, shapley
from glassbox.families.tabular.models import KINDS
from glassbox.families.tabular.plots import explanations
from glassbox.families.tabular.predictor import TabularPredictor
from glassbox.families.tabular.refit import refit
from glassbox.families.tabular.sampling import by_hash
from glassbox.files import hash_value
from glassbox.runtime.resources import Resources
from toy_tables import FULL, customers

PARAMS: dict[str, dict[str, Any]] = {
    "dummy": {},
    "logistic_regression": {},
    "random_forest": {"n_estimators": 15, "max_depth": 5},
    "lightgbm": {"n_estimators": 15, "num_leaves": 6},
    "xgboost": {"n_estimators": 15, "max_depth": 3},
}
PARAMS["ensemble"] = {
    "members": [
        {"name": kind, "kind": kind, "params": PARAMS[kind], "weight": 0.5} for kind in ("logistic_regression", "xgboost")
    ]
}


def fitted(kind: str, classes: int = 2, threshold: float | None = 0.4, positive: str | None = None) -> TabularPredictor:
    frame, schema = customers(300, classes=classes)
    labelled = labelled_rows(frame, "label", list(schema.classes or []), positive=positive)
    best = {"kind": kind, "params": PARAMS[kind], "recipe": FULL.model_dump()}
    return refit(best, labelled, schema, Calibration(), threshold, Resources())


def unseen(n: int = 80, classes: int = 2) -> pd.DataFrame:
    return customers(n, seed=9, classes=classes)[0]


def model_output(predictor: TabularPredictor, rows: pd.DataFrame, unit: str) -> np.ndarray:
    """Return the output of the model on the scale of `unit`; log scores are centred, as softmax ignores a constant."""
    proba = predictor.model.proba(predictor.matrix(rows))
    if unit == shapley.PROBABILITY:
        return proba
    if unit == shapley.LOG_ODDS:
        return np.log(proba / (1 - proba))
    return np.log(proba) - np.log(proba).mean(axis=1, keepdims=True)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_base_and_values_sum_to_the_output(kind: str, classes: int) -> None:
    predictor, rows = fitted(kind, classes), unseen(classes=classes)
    explained = explain.shapley_values(predictor, rows, rows)
    output = explained.output
    if explained.unit == shapley.LOG_SCORE:
        output = output - output.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(output, model_output(predictor, rows, explained.unit), atol=2e-5)
    assert explained.values.shape == (len(rows), len(predictor.fields), classes)


def test_values_are_summed_by_data_column() -> None:
    predictor, rows = fitted("logistic_regression"), unseen()
    explained = explain.shapley_values(predictor, rows, rows)
    assert explained.columns == list(FULL.columns)
    native, matrix = predictor.model.native, predictor.matrix(rows)
    derived = [j for j, feature in enumerate(predictor.features) if feature.column == "plan"]
    assert len(derived) > 1
    by_hand = (matrix[:, derived] - matrix[:, derived].mean(axis=0)) @ native.coef_[0, derived]
    np.testing.assert_allclose(explained.values[:, explained.columns.index("plan"), 1], by_hand)


@pytest.mark.parametrize("kind", ["lightgbm", "xgboost"])
def test_boosters_agree_with_the_shap_package(kind: str) -> None:
    predictor, rows = fitted(kind), unseen()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the shap package warns on import and about its API changes
        import shap

        values = np.asarray(shap.TreeExplainer(predictor.model.native).shap_values(predictor.matrix(rows)))
    explained = explain.shapley_values(predictor, rows, rows)
    derived = [j for j, feature in enumerate(predictor.features) if feature.column == "tenure"]
    np.testing.assert_allclose(explained.values[:, 0, 1], values[:, derived].sum(axis=1), atol=1e-5)


def test_sampling_converges_and_sums_to_the_output_for_any_draw() -> None:
    predictor, rows = fitted("logistic_regression"), unseen(30)
    few = shapley.by_sampling(predictor, rows, rows.head(1), seed=0, permutations=4)
    many = shapley.by_sampling(predictor, rows, rows.head(1), seed=1, permutations=120)
    assert np.corrcoef(few.values[:, 0, 1], many.values[:, 0, 1])[0, 1] > 0.97
    np.testing.assert_allclose(few.output, predictor.model.proba(predictor.matrix(rows)), atol=1e-12)


def test_a_kind_without_an_explainer_is_explained_by_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor, rows = fitted("lightgbm"), unseen(20)
    monkeypatch.delitem(shapley.EXPLAINERS, "lightgbm")
    assert explain.shapley_values(predictor, rows, rows).unit == shapley.PROBABILITY


def test_values_of_two_classes_have_opposite_signs() -> None:
    explained = explain.shapley_values(fitted("xgboost"), unseen(), unseen())
    np.testing.assert_array_equal(explained.values[:, :, 0], -explained.values[:, :, 1])


# ------------------------------------------------------------------------------------------- permutation importance


def test_permutation_importance_is_high_for_a_signal_and_near_zero_for_noise() -> None:
    table = explain.permutation_importances(fitted("lightgbm"), unseen(200), seed=1, repeats=5).set_index("column")
    assert table.index[0] == "tenure"
    assert table.loc["tenure", "low"] > 0.1
    assert abs(table.loc["remark", "value"]) < 0.03


def test_permuting_the_derived_features_equals_permuting_the_column() -> None:
    predictor = fitted("logistic_regression")
    rows = unseen(120).sort_values("row_id").reset_index(drop=True)
    importances = explain.permutation_importances(predictor, rows, metric="log_loss", seed=3, repeats=3).set_index("column")
    y = (rows["label"] == "yes").to_numpy().astype(int)
    rng = np.random.default_rng(explain._seed_of(3, "plan"))

    def loss(frame: pd.DataFrame) -> float:
        return score(Sample.of(y, predictor.proba(frame), positive=1), ["log_loss"])["log_loss"]

    drops = [loss(rows.assign(plan=rows["plan"].to_numpy()[rng.permutation(len(rows))])) - loss(rows) for _ in range(3)]
    assert importances.loc["plan", "value"] == pytest.approx(np.mean(drops))


def test_a_model_without_features_has_no_important_column() -> None:
    figure = explain.permutation_importance(fitted("dummy"), unseen(), repeats=3)
    assert figure.say == "No single column has a significant importance."


# ------------------------------------------------------------------------------------------------------ single rows


def test_examples_are_the_most_confident_and_the_most_uncertain_rows() -> None:
    p = np.array([0.95, 0.99, 0.02, 0.41, 0.7])
    truth = np.array([1, 0, 0, 1, 0])
    examples = example_selection.select_examples(np.column_stack([1 - p, p]), truth, 1, 0.4)
    assert [(example.why, example.at) for example in examples] == [
        ("Most confident and correct", 0),
        ("Most confident error", 1),
        ("Least certain", 3),
    ]


def test_without_errors_no_error_is_an_example() -> None:
    p = np.array([0.9, 0.1])
    examples = example_selection.select_examples(np.column_stack([1 - p, p]), np.array([1, 0]), 1, 0.5)
    assert [example.why for example in examples] == ["Most confident and correct", "Least certain"]


def test_confidence_of_several_classes_is_the_margin_of_the_top_class() -> None:
    proba = np.array([[0.5, 0.45, 0.05], [0.4, 0.1, 0.5], [0.1, 0.8, 0.1]])
    examples = example_selection.select_examples(proba, np.array([0, 0, 1]), 2, None)
    assert [(example.at, example.label) for example in examples] == [(2, 1), (1, 2), (0, 0)]


def test_a_waterfall_leads_from_the_average_to_the_output_of_a_row() -> None:
    row = explanations.Waterfall("Surest", "r1", "yes", "no", 0.7, -1.0, [("a", 1.0, 2.0), ("b", None, -0.5), ("c", "x", 0.25)])
    figure = explanations.waterfalls([row], "log-odds", most=2)
    assert "a 1 +2.00, b missing −0.50, c x +0.25" in figure.alt
    assert figure.svg is not None
    assert ">+0.25<" in figure.svg
    assert "1 other columns" in figure.svg


# ----------------------------------------------------------------------------------------------------- always, all kinds


@pytest.mark.parametrize("kind", KINDS)
def test_figures_of_every_kind_do_not_depend_on_the_row_order(kind: str) -> None:
    predictor, rows = fitted(kind), unseen(70)
    shuffled = rows.sample(frac=1, random_state=2)
    figures = [
        [explain.permutation_importance(predictor, frame, seed=1, repeats=2), explain.shap_global(predictor, frame), explain.shap_local(predictor, frame)]
        for frame in (rows, shuffled)
    ]  # fmt: skip
    assert hash_value(figures[0]) == hash_value(figures[1])


def test_explanations_support_several_classes() -> None:
    predictor, rows = fitted("lightgbm", 3, None), unseen(90, classes=3)
    assert explain.shap_global(predictor, rows).alt.startswith("Mean absolute Shapley values")
    assert "true class c" in explain.shap_local(predictor, rows).alt


def test_shap_values_are_those_of_the_positive_class() -> None:
    rows = unseen()
    towards_yes = explain.shap_global(fitted("logistic_regression"), rows)
    towards_no = explain.shap_global(fitted("logistic_regression", positive="no"), rows)
    assert "a higher tenure makes yes less likely" in towards_yes.say
    assert "a higher tenure makes no more likely" in towards_no.say


def test_samples_for_different_purposes_differ() -> None:
    rows = unseen(50)
    assert by_hash(rows, 10, "explain")["row_id"].tolist() != by_hash(rows, 10, "background")["row_id"].tolist()
    assert len(by_hash(rows, 10, "explain")) == 10

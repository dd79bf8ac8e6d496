"""Tests of the refit on train and holdout before serving."""

from pathlib import Path

import pandas as pd
import pytest

from glassbox.families.classification.calibration.apply import Calibration, Curve
from glassbox.families.entities import refit as entities_refit
from glassbox.families.entities.dataset import dataset_of
from glassbox.families.entities.predictor import SpanPredictor
from glassbox.families.predictor_protocol import load_predictor
from glassbox.families.shared.serving_refit import all_rows, refit_note
from glassbox.families.tabular.predictor import TabularPredictor
from glassbox.families.tabular.refit import refit, refit_on_all
from glassbox.files import hash_tree
from glassbox.runtime.resources import Resources
from toy_tables import FULL, customers, labelled

LOGISTIC = {"kind": "logistic_regression", "params": {"C": 1.0}, "recipe": FULL.model_dump()}


def fitted_on(rows: int) -> TabularPredictor:
    return refit(
        LOGISTIC,
        labelled(rows),
        customers()[1],
        Calibration(method="sigmoid", positive=1, curves=[Curve(slope=0.7, intercept=0.1)]),
        0.3,
        Resources(),
    )


def test_all_rows_are_in_canonical_order_without_unknown_classes() -> None:
    train = pd.DataFrame({"row_id": ["c", "a"], "y": ["no", "yes"]})
    holdout = pd.DataFrame({"row_id": ["d", "b"], "y": ["perhaps", "no"]})
    rows = all_rows(train, holdout, lambda frame: frame["y"].isin(["no", "yes"]))
    assert rows.to_dict("list") == {"row_id": ["a", "b", "c"], "y": ["yes", "no", "no"]}


def test_a_refit_equals_a_fit_on_all_rows_and_keeps_calibration_and_threshold(tmp_path: Path) -> None:
    evaluated, full = fitted_on(150), fitted_on(300)
    served = refit_on_all(evaluated, labelled(300), Resources())
    frame = customers(300)[0]
    pd.testing.assert_frame_equal(served.predict(frame), full.predict(frame))
    assert not served.predict(frame).equals(evaluated.predict(frame))
    assert (served.threshold, served.positive, served.calibration) == (0.3, evaluated.positive, evaluated.calibration)
    evaluated.save(tmp_path / "model")
    served.save(tmp_path / "served")
    assert "all 300 rows of train and holdout" in load_predictor(tmp_path / "served").refit_note
    assert load_predictor(tmp_path / "model").refit_note == ""
    assert "fitted again" in refit_note(served).say
    assert "without a refit" in refit_note(evaluated).say


@pytest.fixture
def news() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "row_id": ["a", "b"],
            "text": ["Anna sings .", "Paris is big ."],
            "entities": ['[[0, 4, "PER"]]', '[[0, 5, "LOC"]]'],
        }
    )


def test_a_pretrained_recogniser_is_not_refitted_and_unknown_types_are_left_out(news: pd.DataFrame) -> None:
    from types import SimpleNamespace

    predictor = SimpleNamespace(
        kind="pretrained", types=["PER"], schema=SimpleNamespace(target="entities"), recipe=SimpleNamespace(column="text")
    )
    dataset = dataset_of(news, "entities", "text")
    assert entities_refit.refit_on_all(predictor, dataset, Resources()) is predictor  # type: ignore[arg-type]
    assert entities_refit.has_known_types(news, predictor).tolist() == [True, False]  # type: ignore[arg-type]


def test_a_recogniser_is_refitted_on_all_texts(news: pd.DataFrame, tmp_path: Path) -> None:
    from glassbox.data.schema import infer_schema
    from glassbox.request.model import Data, Request

    request = Request(name="a", task="nlp", answer="spans", data=Data(path="x", target="entities", features=["text"]))
    best = {"kind": "gazetteer", "params": {}, "recipe": {"column": "text"}}
    both = dataset_of(news, "entities", "text")
    evaluated = entities_refit.refit(best, dataset_of(news[:1], "entities", "text"), infer_schema(news, request), Resources())
    served = entities_refit.refit_on_all(evaluated, both, Resources())
    assert isinstance(served, SpanPredictor)
    assert [len(spans) for spans in evaluated.find(news)] == [1, 0]
    assert [len(spans) for spans in served.find(news)] == [1, 1]
    evaluated.save(tmp_path / "a")
    served.save(tmp_path / "b")
    assert hash_tree(tmp_path / "a") != hash_tree(tmp_path / "b")

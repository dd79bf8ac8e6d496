"""Tests of the refit on train and holdout before serving."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from glassbox.families.classification.calibration.apply import Calibration, Curve
from glassbox.families.entities import refit as entities_refit
from glassbox.families.entities.dataset import dataset_of
from glassbox.families.entities.predictor import SpanPredictor
from glassbox.families.predictor_protocol import load_predictor
from glassbox.families.shared.serving_refit import Served, serve
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


class Saved:
    """A predictor that records the rows that it was fitted on, and the folder that it was saved in."""

    def __init__(self, rows: dict[str, list[str]], refit_note: str) -> None:
        self.rows, self.refit_note = rows, refit_note
        self.folder: Path | None = None

    def save(self, folder: Path) -> None:
        self.folder = folder


def served(choice: str, tmp_path: Path) -> Served:
    stage = SimpleNamespace(request=SimpleNamespace(serve=choice), folder=lambda name: tmp_path / name)
    train = pd.DataFrame({"row_id": ["c", "a"], "y": ["no", "yes"]})
    holdout = pd.DataFrame({"row_id": ["d", "b"], "y": ["perhaps", "no"]})
    return serve(
        stage,  # type: ignore[arg-type]
        Saved({}, ""),  # type: ignore[arg-type]
        tmp_path / "model",
        train,
        holdout,
        known=lambda frame: frame["y"].isin(["no", "yes"]),
        refit=lambda rows: Saved(rows.to_dict("list"), "fitted again"),  # type: ignore[arg-type, return-value]
    )


def test_a_refit_uses_all_known_rows_in_canonical_order_and_reports_the_others(tmp_path: Path) -> None:
    refitted = served("refitted", tmp_path)
    assert refitted.predictor.rows == {"row_id": ["a", "b", "c"], "y": ["yes", "no", "no"]}
    assert refitted.predictor.folder == refitted.folder == tmp_path / "served"
    assert refitted.note.say == "fitted again"
    assert refitted.note.lines == [
        "Rows of the holdout with a class that the evaluated model does not know, and that are not used: 1."
    ]


def test_the_evaluated_model_is_served_if_the_request_says_so(tmp_path: Path) -> None:
    evaluated = served("evaluated", tmp_path)
    assert (evaluated.folder, evaluated.predictor.folder) == (tmp_path / "model", None)
    assert evaluated.note.say == "The evaluated model is served without a refit."
    assert evaluated.note.lines == []


def test_a_refit_equals_a_fit_on_all_rows_and_keeps_calibration_and_threshold(tmp_path: Path) -> None:
    evaluated, full = fitted_on(150), fitted_on(300)
    refitted = refit_on_all(evaluated, labelled(300), Resources())
    frame = customers(300)[0]
    pd.testing.assert_frame_equal(refitted.predict(frame), full.predict(frame))
    assert not refitted.predict(frame).equals(evaluated.predict(frame))
    assert (refitted.threshold, refitted.positive, refitted.calibration) == (0.3, evaluated.positive, evaluated.calibration)
    evaluated.save(tmp_path / "model")
    refitted.save(tmp_path / "served")
    assert "fitted again on 300 rows of train and holdout" in load_predictor(tmp_path / "served").refit_note
    assert load_predictor(tmp_path / "model").refit_note == ""


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
    refitted = entities_refit.refit_on_all(evaluated, both, Resources())
    assert isinstance(refitted, SpanPredictor)
    assert [len(spans) for spans in evaluated.find(news)] == [1, 0]
    assert [len(spans) for spans in refitted.find(news)] == [1, 1]
    evaluated.save(tmp_path / "a")
    refitted.save(tmp_path / "b")
    assert hash_tree(tmp_path / "a") != hash_tree(tmp_path / "b")

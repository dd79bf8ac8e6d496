"""The stages of detection in the small: what is read, framed, varied, matched by name, chosen, compared, answered, told."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from glassbox.data.catalog import fetch, find_entry
from glassbox.data.images.cells import cell_of, content_of, png_of
from glassbox.data.raw_table import text_column
from glassbox.data.schema import Schema, infer_schema
from glassbox.data.sources import FileFacts, RawData
from glassbox.errors import DataError, GlassboxError
from glassbox.families.classification.plots import outcomes
from glassbox.families.detection import box_drawing, evaluate, explore, leakage, plots
from glassbox.families.detection.augment import augment
from glassbox.families.detection.boxes import Box, read_boxes, write_boxes
from glassbox.families.detection.candidates import candidates, finest_stride
from glassbox.families.detection.coco_labels import NAMES, answers
from glassbox.families.detection.dataset import DetectionDataset, boxes_in
from glassbox.families.detection.fit import fitter
from glassbox.families.detection.folds import folds_table
from glassbox.families.detection.load_dataset import scenes_of
from glassbox.families.detection.metrics import Matches, joined, score
from glassbox.families.detection.models import KINDS, Pretrained
from glassbox.families.detection.networks import Detector, segments_of, small_stages
from glassbox.families.detection.predictor import BoxPredictor
from glassbox.families.detection.prepare_rows import arrange
from glassbox.families.detection.recipe import Augmentation, Recipe, default_recipe, letterbox, recipe_table, default_side
from glassbox.families.detection.score_threshold import best_threshold, choose_thresholds, thresholds_table, curve_of
from glassbox.families.detection.scorer import BoxJudge
from glassbox.families.protocol import Predictor, scorer_of, watched
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.set_prediction import compare, leader_run, make_folds, read_oof, tune
from glassbox.families.vision.image_collection import ImageCollection
from glassbox.families.vision.prepare_rows import looks
from glassbox.request.model import Data, Request
from glassbox.runtime.result_cache import ResultCache
from toy_boxes import scenes as toy_scenes

REPOSITORY = Path(__file__).parents[2]
REQUEST = Request(
    name="a",
    task="computer_vision",
    answer="boxes",
    data=Data(path="x", target="boxes", features=["picture"]),
    cost="low",
    folds=2,
)
QUICK = Candidate(name="quick", kind="detector", params={"start": "nothing", "finest": 8, "epochs": 10, "learning_rate": 3e-3})
PEAR = Box(0, 0, 10, 10, "Pear")


def train(count: int = 30) -> tuple[pd.DataFrame, Schema]:
    frame = toy_scenes(count).assign(row_id=[f"r{i:04d}" for i in range(count)])[["row_id", "picture", "boxes"]]
    return frame, infer_schema(frame, REQUEST)


def scenes(count: int = 30, root: Path = REPOSITORY) -> tuple[DetectionDataset, Schema]:
    frame, schema = train(count)
    groups = looks(frame, REQUEST).tolist()
    recipe = default_recipe(schema, ["picture"], side=64, augmentation=Augmentation(zoom=0.2, colour=0.0))
    folds = make_folds(frame["row_id"].tolist(), groups, 2)
    return scenes_of(frame.sample(frac=1.0, random_state=1), schema, recipe, folds, REQUEST, root, None), schema


def arrival(frame: pd.DataFrame) -> RawData:
    cells = pd.DataFrame({name: text_column(frame[name].tolist()) for name in frame})
    empty = pd.DataFrame({"source": [], "line": [], "reason": [], "text": []})
    count = len(frame)
    facts = [FileFacts("x.parquet", 1, count, 0, "parquet")]
    return RawData(cells, np.zeros(count, dtype=np.int64), np.arange(count), empty, facts)


# ------------------------------------------------------------------------------------------------------------- reading


def test_boxes_are_cut_at_the_edge_and_what_cannot_be_read_is_set_aside() -> None:
    picture = cell_of(png_of(np.zeros((20, 30, 3), dtype=np.uint8)))
    rows = ['[[25, 10, 10, 20, "a"]]', "[]", "no boxes", '[[40, 0, 5, 5, "a"], [0, 0, 3, 3, "b"]]', "[[0, 0, 0, 5, 1]]", None]
    arranged, findings = arrange(arrival(pd.DataFrame({"picture": [picture] * 6, "boxes": rows})), REQUEST)
    assert [read_boxes(cell) for cell in arranged.cells["boxes"]] == [
        [Box(25, 10, 5, 10, "a")],
        [],
        [Box(0, 0, 3, 3, "b")],
    ]
    assert sorted(arranged.quarantine["reason"]) == ["a box of 0 × 5 pixels", "boxes that are no JSON", "the target is missing"]
    facts = findings["unit"].facts  # type: ignore[union-attr]
    assert (facts["pictures"], facts["pictures with an object"], facts["objects labelled a"]) == (3, 2, 1)
    lines = findings["unit_rules"].lines  # type: ignore[union-attr]
    assert [line.split()[0] for line in lines] == ["1", "1"]


def test_rows_without_a_picture_are_set_aside() -> None:
    frame, _ = train(4)
    frame.loc[2, "picture"] = None
    arranged, _ = arrange(arrival(frame[["picture", "boxes"]]), REQUEST)
    assert len(arranged.cells) == 3
    assert arranged.quarantine["reason"].tolist() == ["there is no picture"]


@pytest.mark.parametrize(("cell", "match"), [("oops", "cannot be read for any"), ("[]", "nothing to learn")])
def test_a_target_without_boxes_is_refused_in_words(cell: str, match: str) -> None:
    frame, _ = train(4)
    with pytest.raises(DataError, match=match):
        arrange(arrival(frame[["picture"]].assign(boxes=cell)), REQUEST)


def test_snapshots_that_cannot_be_read_ask_for_another_ingest() -> None:
    with pytest.raises(DataError, match="run ingest again"):
        boxes_in(pd.DataFrame({"boxes": ["[1]"]}), "boxes")


# ------------------------------------------------------------------------------------------------- framing and varying


def test_boxes_there_and_back() -> None:
    place = letterbox((200, 100), 50)
    where = np.array([[40.0, 20.0, 100.0, 60.0]])
    assert place.seen(where).tolist() == [[10.0, 17.5, 25.0, 15.0]]
    assert place.back(place.seen(where)) == pytest.approx(where)


def test_a_box_lies_on_what_it_lay_on() -> None:
    """A white square on black, wherever augmentation puts it: its box encloses the white."""
    picture = torch.zeros(3, 64, 64)
    picture[:, 20:36, 10:26] = 1.0
    edges = torch.tensor([[10.0, 20.0, 26.0, 36.0]])
    seen = 0
    for draw in range(40):
        asked = Augmentation(flip=True, zoom=0.4, colour=0.0)
        x, found, left = augment(picture, edges, asked, np.random.default_rng(draw))
        if not left.any():
            continue
        rows, columns = np.nonzero((x[0] > 0.75).numpy())
        drawn_at = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert found[0].tolist() == pytest.approx(drawn_at, abs=1.5)
        seen += 1
    assert seen > 30


def test_what_is_drawn_comes_from_the_generator_alone() -> None:
    picture, edges = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(1)), torch.tensor([[4.0, 4.0, 20.0, 20.0]])
    state = torch.random.get_rng_state()
    first, second = (augment(picture, edges, Augmentation(), np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_box_that_has_left_is_not_taught() -> None:
    edges = torch.tensor([[0.0, 0.0, 4.0, 4.0], [28.0, 28.0, 36.0, 36.0]])
    found = [augment(torch.zeros(3, 64, 64), edges, Augmentation(zoom=0.9), np.random.default_rng(i)) for i in range(30)]
    assert any(not left[0] for _, _, left in found)
    for _, boxes, left in found:
        assert len(boxes) == int(left.sum())
        assert (boxes >= 0).all()
        assert (boxes <= 64).all()


def test_recipe_and_side() -> None:
    assert Recipe(column="a", side=300).side == 288
    assert default_side([(640, 480)]) == 256
    assert default_side([(64, 60)]) == 64
    table = recipe_table(Recipe(column="picture"), train()[1], ["mobilenet_v2"])
    assert "256 × 256" in table.say


def test_segments_end_where_a_network_halves() -> None:
    found = segments_of(small_stages())
    assert [(stride, width) for _, stride, width in found] == [(8, 64), (16, 128)]


# ----------------------------------------------------------------------------------------------------------- by name


def test_a_name_of_coco_is_a_label_as_one_or_as_many() -> None:
    assert answers(["Apple", "Melon", "Orange", "Pear", "Satsumas"]) == {53: "Apple", 55: "Orange"}
    assert answers(["Buses", "wine glasses", "TVs", "knives", "Hot-dog"]) == {
        6: "Buses",
        46: "wine glasses",
        49: "knives",
        58: "Hot-dog",
        72: "TVs",
    }
    assert answers(["Widget"]) == {}
    assert answers(NAMES.values()) == NAMES


def test_a_detector_as_it_comes_that_knows_no_label_says_nothing(tmp_path: Path) -> None:
    found, _ = scenes(4)
    assert Pretrained({}, tmp_path).find(found.album.view_all()) == [[], [], [], []]


def test_a_detector_as_it_comes_is_the_same_after_loading(tmp_path: Path) -> None:
    entry = find_entry("ssd_mobilenet_coco", REPOSITORY)
    fetch(entry, REPOSITORY)
    model = Pretrained(dict(NAMES), REPOSITORY / entry.folder)
    y, x = np.mgrid[:200, :300]
    ball = np.where(((x - 150) ** 2 + (y - 100) ** 2 < 70**2)[..., None], (240, 130, 20), (250, 250, 250)).astype(np.uint8)
    view = ImageCollection([cell_of(png_of(ball)), None], Recipe(column="picture").image_recipe).view_all()
    model.save(tmp_path)
    found = model.find(view)
    assert found[0], "an orange ball on white is something to it"
    assert found[1] == []
    assert KINDS["as_it_comes"].load(tmp_path).find(view) == found
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["detector.pb", "detector.pbtxt", "labels.json"]


def test_what_is_tried_follows_from_the_request() -> None:
    assert [one.kind for one in candidates("low", [], False, 16)] == ["nothing", "detector"]
    assert candidates("low", [], False, 16)[-1].params["start"] == "nothing"
    tried = candidates("high", ["a", "b"], True, 8)
    assert [one.kind for one in tried] == ["nothing", "as_it_comes", "detector", "detector"]
    assert {one.params["finest"] for one in tried[2:]} == {8}
    assert finest_stride([[PEAR]], [(320, 320)], 320) == 8


# ------------------------------------------------------------------------------------------------------------ choosing


def test_the_threshold_is_that_of_the_best_f1() -> None:
    truth = [[PEAR], [PEAR], []]
    found = [[Box(0, 0, 10, 10, "Pear", 0.9)], [Box(0, 0, 10, 10, "Pear", 0.6)], [Box(0, 0, 10, 10, "Pear", 0.5)]]
    curve = curve_of(Matches.of(truth, found, ["Pear"]))
    assert curve["threshold"].tolist() == [0.9, 0.6, 0.5]
    assert curve["f1"].tolist() == pytest.approx([2 / 3, 1.0, 0.8])
    assert best_threshold(curve) == (0.6, 1.0)
    assert best_threshold(curve.iloc[:0]) == (0.5, 0.0)
    chosen = choose_thresholds(truth, found, ["Pear"])
    assert (chosen.threshold, chosen.overlap) == (pytest.approx(0.6), 0.5)
    assert "1" in thresholds_table(chosen).say


def test_two_answers_for_one_object_ask_for_a_stricter_overlap() -> None:
    truth = [[PEAR]] * 3
    double = [Box(0, 0, 10, 10, "Pear", 0.9), Box(4, 0, 10, 10, "Pear", 0.8)]  # they cover one another by 6/14
    found = [double, double, [Box(0, 0, 10, 10, "Pear", 0.3)]]
    assert choose_thresholds(truth, found, ["Pear"]).overlap == 0.4


def test_matches_of_parts_are_those_of_the_whole() -> None:
    truth = [[PEAR], [PEAR], [Box(5, 5, 4, 4, "Fig")]]
    found = [[Box(0, 0, 10, 9, "Pear", 0.5)], [], [Box(5, 5, 4, 4, "Fig", 0.7), Box(0, 0, 9, 9, "Pear", 0.8)]]
    labels = ["Fig", "Pear"]
    parts = [Matches.of([own], [other], labels) for own, other in zip(truth, found, strict=True)]
    assert score(joined(parts), 0.4) == score(Matches.of(truth, found, labels), 0.4)


# ------------------------------------------------------------------------------------------------------------- stages


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The stages from compare to evaluate, on few pictures."""
    found, schema = scenes(60)
    memo = ResultCache(tmp_path_factory.mktemp("memo"), {})
    tried = [Candidate(name="nothing", kind="nothing"), QUICK, Candidate(name="no weights", kind="as_it_comes")]
    judge, fit = BoxJudge(found), fitter(found, seed=0, memo=memo)
    comparison = compare(tried, judge, fit, KINDS, metric="map_50", resamples=50, workers=2)
    strongest = leader_run(comparison.leaderboard, comparison.oof, judge)
    space = {"learning_rate": {"low": 1e-3, "high": 5e-3, "log": True}}
    tuned = tune(
        QUICK,
        space,
        judge,
        fit,
        recipe=found.recipe.model_dump(),
        trials=1,
        strongest=strongest,
        metric="map_50",
        resamples=50,
    )
    oof = read_oof(tuned.oof, judge)
    chosen = choose_thresholds(found.boxes, oof, found.labels)
    predictor = evaluate.refit(tuned.best, found, schema, chosen, seed=0)
    holdout = toy_scenes(24, seed=9).assign(row_id=[f"h{i:04d}" for i in range(24)])
    return {
        "scenes": found,
        "comparison": comparison,
        "tuned": tuned,
        "oof": oof,
        "chosen": chosen,
        "predictor": predictor,
        "holdout": holdout,
        "predictions": evaluate.predictions(predictor, holdout),
    }


def test_the_one_that_learns_leads_and_what_fails_is_told(fitted: dict[str, Any]) -> None:
    rows = fitted["comparison"].leaderboard["rows"]
    assert [row["candidate"] for row in rows] == ["quick", "nothing", "no weights"]
    assert rows[1]["scores"]["map"]["value"] == 0
    assert "weights.detector" in rows[2]["note"]
    assert set(fitted["comparison"].oof["candidate"]) == {"quick", "nothing"}
    assert fitted["tuned"].best["kind"] == "detector"


def test_predictions_say_all_that_metrics_need(fitted: dict[str, Any]) -> None:
    predicted, predictor = fitted["predictions"], fitted["predictor"]
    matches = evaluate.matches_of(predicted, predictor.labels)
    found = evaluate.holdout_metrics(matches, predictor.threshold, leading="map_50", resamples=50, seed=0)
    assert list(found.values) == ["map_50", "map", "map_75", "f1", "precision", "recall"]
    assert found.values["map_50"].value is not None
    assert found.values["map_50"].value > 0.4
    truth, said = evaluate.true_and_predicted(predicted)
    assert score(Matches.of(truth, said, predictor.labels), predicted["threshold"][0])["f1"] == found.values["f1"].value
    assert predicted["row_id"].is_monotonic_increasing


def test_the_service_answers_what_is_sure_enough(fitted: dict[str, Any]) -> None:
    predictor: BoxPredictor = fitted["predictor"]
    assert isinstance(predictor, Predictor)
    answers = predictor.predict(fitted["holdout"])["y_pred"]
    ranked = {
        row: read_boxes(cell) for row, cell in zip(fitted["predictions"]["row_id"], fitted["predictions"]["y_pred"], strict=True)
    }
    for row, cell in zip(fitted["holdout"]["row_id"], answers, strict=True):
        assert all(set(box) == {"label", "score", "x", "y", "width", "height"} for box in cell)
        assert len(cell) == sum((box.score or 0) >= predictor.threshold for box in ranked[row])
    assert predictor.expand_query({"pictures": ["a", "b"]}) == [{"picture": "a"}, {"picture": "b"}]
    assert predictor.expand_query({"picture": "a"}) is None
    assert predictor.fields == ["picture"]


def test_findings_of_the_evaluation(fitted: dict[str, Any]) -> None:
    predicted, predictor, found = fitted["predictions"], fitted["predictor"], fitted["scenes"]
    matches = evaluate.matches_of(predicted, predictor.labels)
    assert set(evaluate.gap(predictor, found, fitted["oof"], matches, "map").facts) >= {"train", "out of fold", "holdout"}
    assert len(evaluate.label_table(matches, predicted).rows) == 2
    table = evaluate.error_table(predicted).frame().set_index("what")["boxes"]
    assert table["right"] + table["missed"] == matches.true.sum()
    assert evaluate.headline(matches, predicted).lines
    assert evaluate.slices(predicted, matches, "map_50").columns
    for wrong in (True, False):
        shown = evaluate.examples(predicted, fitted["holdout"], "picture", wrong=wrong)
        assert all(picture.uri.startswith("data:image/jpeg") for picture in shown.pictures)
    for figure in (
        plots.precision_recall(matches, predictor.threshold),
        plots.threshold_curve(fitted["chosen"].curve, fitted["chosen"].threshold),
        outcomes.calibration(*plots.correctness_and_scores(matches)),
    ):
        assert figure.svg
        assert figure.alt


def test_what_is_watched_and_how_it_is_scored(fitted: dict[str, Any], tmp_path: Path) -> None:
    fitted["predictor"].save(tmp_path)
    frame, _ = train(60)
    seen = watched(tmp_path, frame, fitted["tuned"].oof)
    assert seen.unit == "pictures"
    assert {"boxes", "mean score", "share of disc", "share of square"} <= set(seen.predictions)
    assert {"brightness", "width"} <= set(seen.rows)
    scorer = scorer_of(tmp_path, seen.truth, REQUEST)
    assert scorer.metric == "map"
    assert 0.2 < scorer.of(seen.truth, seen.predictions) <= 1
    assert scorer.of(seen.truth, seen.predictions.assign(y_pred="[]")) == 0
    twice = np.repeat(np.arange(60), 2)
    assert scorer.of(seen.truth.iloc[twice], seen.predictions.iloc[twice]) == pytest.approx(
        scorer.of(seen.truth, seen.predictions), abs=0.02
    )


def test_findings_of_train() -> None:
    found, _ = scenes(30)
    assert explore.balance(found)["n"].sum() == sum(len(row) for row in found.boxes)
    assert explore.object_facts(found).facts["pictures"] == 30
    assert explore.size_table(found).frame()["objects"].sum() == sum(len(row) for row in found.boxes)
    groups = looks(pd.DataFrame({"picture": list(found.album.cells)}), REQUEST)
    assert "2 pictures" in explore.near_duplicates(groups.tolist(), found).say
    assert len(explore.cooccurrence_table(found).rows) == 2
    assert len(box_drawing.grid(found).pictures) == 12
    assert len(box_drawing.varied(found, seed=1, rows=2, each=2).pictures) == 6
    for figure in (plots.sizes(found), plots.object_positions(found), plots.label_balance(explore.balance(found), "boxes")):
        assert figure.svg
    assert {row["verdict"] for row in leakage.audit(found)} <= {"look", "clear"}
    assert leakage.leaks_table(leakage.audit(found)).rows


def test_a_label_that_stands_in_one_corner_is_a_leak() -> None:
    found, _ = scenes(80)
    boxes = [[Box(0 if i % 2 else 40, 0, 20, 20, "a" if i % 2 else "b")] for i in range(80)]
    rows = leakage.audit(DetectionDataset(found.row_ids, boxes, ["a", "b"], np.arange(80) // 2 % 2, found.recipe, found.album))
    assert rows[0]["column"] == "from the left"
    assert rows[0]["verdict"] == "look"


def test_pictures_that_look_alike_are_in_one_fold() -> None:
    folds = make_folds(["a", "b", "c", "d"], ["x", "x", "y", "z"], 2)
    place = folds.set_index("row_id")["fold"]
    assert place["a"] == place["b"]
    assert set(place) == {0, 1}
    with pytest.raises(DataError, match="do not look alike"):
        make_folds(["a", "b"], ["x", "x"], 2, units="pictures that do not look alike")
    found, _ = scenes(30)
    assert folds_table(found, pd.DataFrame({"row_id": found.row_ids, "fold": found.fold})).frame()["pictures"].sum() == 30


def test_stages_of_different_runs_are_refused() -> None:
    found, _ = scenes(6)
    with pytest.raises(GlassboxError, match="different runs"):
        read_oof(pd.DataFrame({"row_id": ["x"], "y_pred": ["[]"]}), BoxJudge(found))


def test_the_order_of_rows_and_labels_does_not_matter() -> None:
    first, second = scenes(12)[0], scenes(12)[0]
    assert first.digest("detector") == second.digest("detector")
    assert first.row_ids == sorted(first.row_ids)
    assert write_boxes(first.boxes[0]) == write_boxes(reversed(first.boxes[0]))
    assert content_of(str(first.album.cells[0])).startswith(b"\x89PNG")


def test_boxes_begin_at_two_strides_and_no_edge_is_lost() -> None:
    net = Detector(small_stages(), ([0.5] * 3, [0.5] * 3), labels=2, finest=16)
    said = net(torch.rand(1, 3, 128, 128))["bbox_regression"]
    assert all(abs(float(level.detach().mean()) - 2.13) < 0.3 for level in said)
    distances = net.model.head.regression_head.bbox_reg[0]
    torch.nn.init.constant_(distances.bias, -4.0)  # an edge that a bad step has thrown to nothing
    net(torch.rand(1, 3, 128, 128))["bbox_regression"][0].sum().backward()
    assert float(distances.bias.grad.abs().min()) > 0

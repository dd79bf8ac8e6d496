"""The stages of detection on small data: reading, letterboxing, augmentation, label matching, thresholds, comparison, evaluation."""

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
from glassbox.families.detection.coco_labels import NAMES, match_labels
from glassbox.families.detection.dataset import DetectionDataset, boxes_in
from glassbox.families.detection.effort import EFFORT
from glassbox.families.detection.family import FAMILY
from glassbox.families.detection.folds import folds_table
from glassbox.families.detection.load_dataset import detection_dataset
from glassbox.families.detection.metrics import Matches, joined, score
from glassbox.families.detection.models import KINDS, Pretrained
from glassbox.families.detection.networks import Detector, segments_of, small_stages
from glassbox.families.detection.predictor import BoxPredictor
from glassbox.families.detection.prepare_rows import prepare_rows
from glassbox.families.detection.recipe import Augmentation, Recipe, default_recipe, default_side, letterbox, recipe_table
from glassbox.families.detection.refit import refit
from glassbox.families.detection.score_threshold import best_threshold, choose_thresholds, curve_of, thresholds_table
from glassbox.families.detection.scorer import read_oof
from glassbox.families.predictor_protocol import Predictor, load_predictor
from glassbox.families.protocol import Effort
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.compare import compare
from glassbox.families.shared.folds import group_folds
from glassbox.families.shared.tuning import tune
from glassbox.families.vision.image_collection import ImageCollection
from glassbox.families.vision.prepare_rows import near_duplicate_groups
from glassbox.request.model import Data, Request
from glassbox.runtime.resources import Resources
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
    groups = near_duplicate_groups(frame, REQUEST).tolist()
    recipe = default_recipe(schema, ["picture"], side=64, augmentation=Augmentation(zoom=0.2, colour=0.0))
    folds = group_folds(frame["row_id"].tolist(), groups, 2)
    resources = Resources(root=root)
    return detection_dataset(frame.sample(frac=1.0, random_state=1), schema, recipe, folds, REQUEST, resources), schema


def arrival(frame: pd.DataFrame) -> RawData:
    cells = pd.DataFrame({name: text_column(frame[name].tolist()) for name in frame})
    empty = pd.DataFrame({"source": [], "line": [], "reason": [], "text": []})
    count = len(frame)
    facts = [FileFacts("x.parquet", 1, count, 0, "parquet")]
    return RawData(cells, np.zeros(count, dtype=np.int64), np.arange(count), empty, facts)


# ------------------------------------------------------------------------------------------------------------- reading


def test_boxes_are_clipped_and_unreadable_rows_are_quarantined() -> None:
    picture = cell_of(png_of(np.zeros((20, 30, 3), dtype=np.uint8)))
    rows = ['[[25, 10, 10, 20, "a"]]', "[]", "no boxes", '[[40, 0, 5, 5, "a"], [0, 0, 3, 3, "b"]]', "[[0, 0, 0, 5, 1]]", None]
    arranged, findings = prepare_rows(arrival(pd.DataFrame({"picture": [picture] * 6, "boxes": rows})), REQUEST)
    assert [read_boxes(cell) for cell in arranged.cells["boxes"]] == [
        [Box(25, 10, 5, 10, "a")],
        [],
        [Box(0, 0, 3, 3, "b")],
    ]
    assert sorted(arranged.quarantine["reason"]) == ["a box of 0 × 5 pixels", "boxes that are not JSON", "the target is missing"]
    facts = findings["unit"].facts  # type: ignore[union-attr]
    assert (facts["pictures"], facts["pictures with an object"], facts["objects labelled a"]) == (3, 2, 1)
    lines = findings["unit_rules"].lines  # type: ignore[union-attr]
    assert [line.split()[0] for line in lines] == ["1", "1"]


def test_rows_without_an_image_are_quarantined() -> None:
    frame, _ = train(4)
    frame.loc[2, "picture"] = None
    arranged, _ = prepare_rows(arrival(frame[["picture", "boxes"]]), REQUEST)
    assert len(arranged.cells) == 3
    assert arranged.quarantine["reason"].tolist() == ["there is no picture"]


@pytest.mark.parametrize(("cell", "match"), [("oops", "cannot be read for any"), ("[]", "at least one box")])
def test_target_without_boxes_raises(cell: str, match: str) -> None:
    frame, _ = train(4)
    with pytest.raises(DataError, match=match):
        prepare_rows(arrival(frame[["picture"]].assign(boxes=cell)), REQUEST)


def test_unreadable_snapshot_requests_another_ingest() -> None:
    with pytest.raises(DataError, match="run ingest again"):
        boxes_in(pd.DataFrame({"boxes": ["[1]"]}), "boxes")


# -------------------------------------------------------------------------------------------- letterbox and augmentation


def test_letterbox_converts_boxes_in_both_directions() -> None:
    frame = letterbox((200, 100), 50)
    boxes = np.array([[40.0, 20.0, 100.0, 60.0]])
    assert frame.to_square(boxes).tolist() == [[10.0, 17.5, 25.0, 15.0]]
    assert frame.to_image(frame.to_square(boxes)) == pytest.approx(boxes)


def test_augmented_box_encloses_its_object() -> None:
    """Augment a white square on black and compare its box with the white pixels."""
    picture = torch.zeros(3, 64, 64)
    picture[:, 20:36, 10:26] = 1.0
    edges = torch.tensor([[10.0, 20.0, 26.0, 36.0]])
    checked = 0
    for draw in range(40):
        settings = Augmentation(flip=True, zoom=0.4, colour=0.0)
        x, boxes, visible = augment(picture, edges, settings, np.random.default_rng(draw))
        if not visible.any():
            continue
        rows, columns = np.nonzero((x[0] > 0.75).numpy())
        expected = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert boxes[0].tolist() == pytest.approx(expected, abs=1.5)
        checked += 1
    assert checked > 30


def test_augmentation_depends_on_its_generator_alone() -> None:
    picture, edges = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(1)), torch.tensor([[4.0, 4.0, 20.0, 20.0]])
    state = torch.random.get_rng_state()
    first, second = (augment(picture, edges, Augmentation(), np.random.default_rng(3)) for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert torch.equal(torch.random.get_rng_state(), state)


def test_box_outside_of_the_augmented_image_is_removed() -> None:
    edges = torch.tensor([[0.0, 0.0, 4.0, 4.0], [28.0, 28.0, 36.0, 36.0]])
    augmented = [augment(torch.zeros(3, 64, 64), edges, Augmentation(zoom=0.9), np.random.default_rng(i)) for i in range(30)]
    assert any(not visible[0] for _, _, visible in augmented)
    for _, boxes, visible in augmented:
        assert len(boxes) == int(visible.sum())
        assert (boxes >= 0).all()
        assert (boxes <= 64).all()


def test_recipe_rounds_the_side_and_default_side_is_limited() -> None:
    assert Recipe(column="a", side=300).side == 288
    assert default_side([(640, 480)]) == 256
    assert default_side([(64, 60)]) == 64
    table = recipe_table(Recipe(column="picture"), train()[1], ["mobilenet_v2"])
    assert "256 × 256" in table.say


def test_segments_end_where_the_resolution_is_halved() -> None:
    segments = segments_of(small_stages())
    assert [(stride, width) for _, stride, width in segments] == [(8, 64), (16, 128)]


# ----------------------------------------------------------------------------------------------------- label matching


def test_coco_names_match_labels_in_singular_and_plural() -> None:
    assert match_labels(["Apple", "Melon", "Orange", "Pear", "Satsumas"]) == {53: "Apple", 55: "Orange"}
    assert match_labels(["Buses", "wine glasses", "TVs", "knives", "Hot-dog"]) == {
        6: "Buses",
        46: "wine glasses",
        49: "knives",
        58: "Hot-dog",
        72: "TVs",
    }
    assert match_labels(["Widget"]) == {}
    assert match_labels(NAMES.values()) == NAMES


def test_pretrained_detector_without_matching_labels_predicts_nothing(tmp_path: Path) -> None:
    dataset, _ = scenes(4)
    assert Pretrained({}, tmp_path).find(dataset.images.view_all()) == [[], [], [], []]


def test_pretrained_detector_is_the_same_after_loading(tmp_path: Path) -> None:
    entry = find_entry("ssd_mobilenet_coco", REPOSITORY)
    fetch(entry, REPOSITORY)
    model = Pretrained(dict(NAMES), REPOSITORY / entry.folder)
    y, x = np.mgrid[:200, :300]
    ball = np.where(((x - 150) ** 2 + (y - 100) ** 2 < 70**2)[..., None], (240, 130, 20), (250, 250, 250)).astype(np.uint8)
    view = ImageCollection([cell_of(png_of(ball)), None], Recipe(column="picture").image_recipe).view_all()
    model.save(tmp_path)
    boxes = model.find(view)
    assert boxes[0], "it detects an orange ball on white"
    assert boxes[1] == []
    assert KINDS["pretrained"].load(tmp_path).find(view) == boxes
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["detector.pb", "detector.pbtxt", "labels.json"]


def test_candidates_follow_from_the_request() -> None:
    assert [candidate.kind for candidate in candidates("low", EFFORT["low"], [], False, 16)] == ["nothing", "detector"]
    assert candidates("low", EFFORT["low"], [], False, 16)[-1].params["start"] == "nothing"
    tried = candidates("high", EFFORT["high"], ["a", "b"], True, 8)
    assert [candidate.kind for candidate in tried] == ["nothing", "pretrained", "detector", "detector"]
    assert {candidate.params["finest"] for candidate in tried[2:]} == {8}
    assert finest_stride([[PEAR]], [(320, 320)], 320) == 8


# ---------------------------------------------------------------------------------------------------------- thresholds


def test_threshold_maximises_f1() -> None:
    truth = [[PEAR], [PEAR], []]
    predicted = [[Box(0, 0, 10, 10, "Pear", 0.9)], [Box(0, 0, 10, 10, "Pear", 0.6)], [Box(0, 0, 10, 10, "Pear", 0.5)]]
    curve = curve_of(Matches.of(truth, predicted, ["Pear"]))
    assert curve["threshold"].tolist() == [0.9, 0.6, 0.5]
    assert curve["f1"].tolist() == pytest.approx([2 / 3, 1.0, 0.8])
    assert best_threshold(curve) == (0.6, 1.0)
    assert best_threshold(curve.iloc[:0]) == (0.5, 0.0)
    thresholds = choose_thresholds(truth, predicted, ["Pear"])
    assert (thresholds.score, thresholds.nms_iou) == (pytest.approx(0.6), 0.5)
    assert "1" in thresholds_table(thresholds).say


def test_duplicate_boxes_lead_to_a_lower_nms_threshold() -> None:
    truth = [[PEAR]] * 3
    double = [Box(0, 0, 10, 10, "Pear", 0.9), Box(4, 0, 10, 10, "Pear", 0.8)]  # their IoU is 6/14
    predicted = [double, double, [Box(0, 0, 10, 10, "Pear", 0.3)]]
    assert choose_thresholds(truth, predicted, ["Pear"]).nms_iou == 0.4


def test_joined_matches_equal_the_matches_of_all_images() -> None:
    truth = [[PEAR], [PEAR], [Box(5, 5, 4, 4, "Fig")]]
    predicted = [[Box(0, 0, 10, 9, "Pear", 0.5)], [], [Box(5, 5, 4, 4, "Fig", 0.7), Box(0, 0, 9, 9, "Pear", 0.8)]]
    labels = ["Fig", "Pear"]
    parts = [Matches.of([true], [boxes], labels) for true, boxes in zip(truth, predicted, strict=True)]
    assert score(joined(parts), 0.4) == score(Matches.of(truth, predicted, labels), 0.4)


# ------------------------------------------------------------------------------------------------------------- stages


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run the stages from compare to evaluate on few images."""
    dataset, schema = scenes(60)
    tried = [Candidate(name="nothing", kind="nothing"), QUICK, Candidate(name="no weights", kind="pretrained")]
    effort = Effort("For tests.", trials=1, resamples=50)
    resources = Resources(workers=2, cache=ResultCache(tmp_path_factory.mktemp("cache"), {}))
    comparison = compare(FAMILY, dataset, tried, "map_50", effort, resources)
    tuned = tune(
        FAMILY,
        dataset,
        QUICK,
        {"learning_rate": {"low": 1e-3, "high": 5e-3, "log": True}},
        recipe=dataset.recipe.model_dump(),
        leaderboard=comparison.leaderboard,
        oof=comparison.oof,
        effort=effort,
        resources=resources,
    )
    oof = read_oof(tuned.oof, dataset)
    thresholds = choose_thresholds(dataset.boxes, oof, dataset.labels)
    predictor = refit(tuned.best, dataset, schema, thresholds, Resources())
    holdout = toy_scenes(24, seed=9).assign(row_id=[f"h{i:04d}" for i in range(24)])
    return {
        "dataset": dataset,
        "comparison": comparison,
        "tuned": tuned,
        "oof": oof,
        "thresholds": thresholds,
        "predictor": predictor,
        "holdout": holdout,
        "predictions": evaluate.predictions(predictor, holdout),
    }


def test_trained_detector_leads_and_failed_candidate_has_a_reason(fitted: dict[str, Any]) -> None:
    rows = fitted["comparison"].leaderboard["rows"]
    assert [row["candidate"] for row in rows] == ["quick", "nothing", "no weights"]
    assert rows[1]["scores"]["map"]["value"] == 0
    assert "weights.detector" in rows[2]["note"]
    assert set(fitted["comparison"].oof["candidate"]) == {"quick", "nothing"}
    assert fitted["tuned"].best["kind"] == "detector"


def test_predictions_contain_all_inputs_of_the_metrics(fitted: dict[str, Any]) -> None:
    predicted, predictor = fitted["predictions"], fitted["predictor"]
    matches = evaluate.matches_of(predicted, predictor.labels)
    estimates = evaluate.holdout_metrics(matches, predictor.threshold, leading="map_50", resamples=50, seed=0)
    assert list(estimates.values) == ["map_50", "map", "map_75", "f1", "precision", "recall"]
    assert estimates.values["map_50"].value is not None
    assert estimates.values["map_50"].value > 0.4
    truth, boxes = evaluate.true_and_predicted(predicted)
    assert score(Matches.of(truth, boxes, predictor.labels), predicted["threshold"][0])["f1"] == estimates.values["f1"].value
    assert predicted["row_id"].is_monotonic_increasing


def test_predict_returns_boxes_above_the_threshold(fitted: dict[str, Any]) -> None:
    predictor: BoxPredictor = fitted["predictor"]
    assert isinstance(predictor, Predictor)
    predicted = predictor.predict(fitted["holdout"])["y_pred"]
    boxes_by_row = {
        row: read_boxes(cell) for row, cell in zip(fitted["predictions"]["row_id"], fitted["predictions"]["y_pred"], strict=True)
    }
    for row, cell in zip(fitted["holdout"]["row_id"], predicted, strict=True):
        assert all(set(box) == {"label", "score", "x", "y", "width", "height"} for box in cell)
        assert len(cell) == sum((box.score or 0) >= predictor.threshold for box in boxes_by_row[row])
    assert predictor.expand_query({"pictures": ["a", "b"]}) == [{"picture": "a"}, {"picture": "b"}]
    assert predictor.expand_query({"picture": "a"}) is None
    assert predictor.fields == ["picture"]


def test_evaluation_findings_cover_every_label_and_error(fitted: dict[str, Any]) -> None:
    predicted, predictor, dataset = fitted["predictions"], fitted["predictor"], fitted["dataset"]
    matches = evaluate.matches_of(predicted, predictor.labels)
    assert set(evaluate.generalization_gap(predictor, dataset, fitted["oof"], matches, "map").facts) >= {
        "train",
        "out of fold",
        "holdout",
    }
    assert len(evaluate.label_table(matches, predicted).rows) == 2
    table = evaluate.error_table(predicted).frame().set_index("kind")["boxes"]
    assert table["correct"] + table["missed"] == matches.true.sum()
    assert evaluate.headline(matches, predicted).lines
    assert evaluate.slices(predicted, matches, "map_50").columns
    for wrong in (True, False):
        shown = evaluate.examples(predicted, fitted["holdout"], "picture", wrong=wrong)
        assert all(picture.uri.startswith("data:image/jpeg") for picture in shown.pictures)
    for figure in (
        plots.precision_recall(matches, predictor.threshold),
        plots.threshold_curve(fitted["thresholds"].curve, fitted["thresholds"].score),
        outcomes.calibration(*plots.correctness_and_scores(matches)),
    ):
        assert figure.svg
        assert figure.alt


def test_the_monitoring_reference_has_predictions_traits_and_a_score(fitted: dict[str, Any], tmp_path: Path) -> None:
    fitted["predictor"].save(tmp_path)
    predictor = load_predictor(tmp_path)
    frame, _ = train(60)
    reference = FAMILY.reference(predictor, frame, fitted["tuned"].oof, Resources())
    assert reference.unit == "pictures"
    assert {"boxes", "mean score", "share of disc", "share of square"} <= set(reference.predictions)
    assert {"brightness", "width"} <= set(reference.rows)
    metric = FAMILY.batch_metric(predictor, reference.truth, REQUEST)
    assert metric.name == "map"
    assert 0.2 < metric.score(reference.truth, reference.predictions) <= 1
    assert metric.score(reference.truth, reference.predictions.assign(y_pred="[]")) == 0
    twice = np.repeat(np.arange(60), 2)
    assert metric.score(reference.truth.iloc[twice], reference.predictions.iloc[twice]) == pytest.approx(
        metric.score(reference.truth, reference.predictions), abs=0.02
    )


def test_exploration_findings_count_objects_and_images() -> None:
    dataset, _ = scenes(30)
    assert explore.balance(dataset)["n"].sum() == sum(len(row) for row in dataset.boxes)
    assert explore.object_facts(dataset).facts["pictures"] == 30
    assert explore.size_table(dataset).frame()["objects"].sum() == sum(len(row) for row in dataset.boxes)
    groups = near_duplicate_groups(pd.DataFrame({"picture": list(dataset.images.cells)}), REQUEST)
    assert "2 pictures" in explore.near_duplicates(groups.tolist(), dataset).say
    assert len(explore.cooccurrence_table(dataset).rows) == 2
    assert len(box_drawing.grid(dataset).pictures) == 12
    assert len(box_drawing.augmentation_examples(dataset, seed=1, rows=2, each=2).pictures) == 6
    for figure in (
        plots.object_sizes(dataset),
        plots.object_positions(dataset),
        plots.label_balance(explore.balance(dataset), "boxes"),
    ):
        assert figure.svg
    assert {row["verdict"] for row in leakage.audit(dataset)} <= {"look", "clear"}
    assert leakage.leaks_table(leakage.audit(dataset)).rows


def test_label_that_depends_on_position_is_flagged() -> None:
    dataset, _ = scenes(80)
    boxes = [[Box(0 if i % 2 else 40, 0, 20, 20, "a" if i % 2 else "b")] for i in range(80)]
    rows = leakage.audit(
        DetectionDataset(dataset.row_ids, boxes, ["a", "b"], np.arange(80) // 2 % 2, dataset.recipe, dataset.images)
    )
    assert rows[0]["column"] == "horizontal position"
    assert rows[0]["verdict"] == "look"


def test_near_duplicates_are_in_one_fold() -> None:
    folds = group_folds(["a", "b", "c", "d"], ["x", "x", "y", "z"], 2)
    fold = folds.set_index("row_id")["fold"]
    assert fold["a"] == fold["b"]
    assert set(fold) == {0, 1}
    with pytest.raises(DataError, match="groups of near-duplicates"):
        group_folds(["a", "b"], ["x", "x"], 2, units="groups of near-duplicates")
    dataset, _ = scenes(30)
    assert folds_table(dataset, pd.DataFrame({"row_id": dataset.row_ids, "fold": dataset.fold})).frame()["pictures"].sum() == 30


def test_predictions_of_another_run_raise() -> None:
    dataset, _ = scenes(6)
    with pytest.raises(GlassboxError, match="different runs"):
        read_oof(pd.DataFrame({"row_id": ["x"], "y_pred": ["[]"]}), dataset)


def test_row_order_does_not_matter() -> None:
    first, second = scenes(12)[0], scenes(12)[0]
    assert first.digest("detector") == second.digest("detector")
    assert first.row_ids == sorted(first.row_ids)
    assert write_boxes(first.boxes[0]) == write_boxes(reversed(first.boxes[0]))
    assert content_of(str(first.images.cells[0])).startswith(b"\x89PNG")


def test_initial_distances_are_two_strides_and_edges_have_a_gradient() -> None:
    net = Detector(small_stages(), ([0.5] * 3, [0.5] * 3), labels=2, finest=16)
    levels = net(torch.rand(1, 3, 128, 128))["bbox_regression"]
    assert all(abs(float(level.detach().mean()) - 2.13) < 0.3 for level in levels)
    distances = net.model.head.regression_head.bbox_reg[0]
    torch.nn.init.constant_(distances.bias, -4.0)  # as after a step that was too large
    net(torch.rand(1, 3, 128, 128))["bbox_regression"][0].sum().backward()
    assert float(distances.bias.grad.abs().min()) > 0

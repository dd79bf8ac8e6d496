"""Detection metrics against pycocotools and values by hand, box handling, and error analysis."""

import contextlib
import copy
import io
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.errors import DataError
from glassbox.families.detection.boxes import Box, iou, nms, read_boxes, write_boxes, xywh
from glassbox.families.detection.error_analysis import KINDS, analyse_errors
from glassbox.families.detection.metrics import NAMES, Matches, bootstrap, by_label, estimates, paired_gain, score
from glassbox.families.shared.bootstrap import resample_weights

LABELS = ["Apple", "Melon", "Pear"]
Pictures = list[list[Box]]


def _random(seed: int, pictures: int = 60, *, decimals: int = 6) -> tuple[Pictures, Pictures]:
    """Generate true boxes, and predictions near them or at random; some images have none. Few decimals give many equal scores."""
    rng = np.random.default_rng(seed)
    truth, predicted = [], []
    for _ in range(pictures):
        true = [Box(*rng.uniform(0, 80, 2), *rng.uniform(10, 60, 2), str(rng.choice(LABELS))) for _ in range(rng.integers(0, 5))]
        near = [
            Box(
                *(np.array([box.x, box.y]) + rng.normal(0, 4, 2)),
                *(np.array([box.width, box.height]) * rng.uniform(0.8, 1.25, 2)),
                box.label if rng.random() < 0.8 else str(rng.choice(LABELS)),
                round(float(rng.beta(4, 2)), decimals),
            )
            for box in true
            for _ in range(rng.integers(0, 3))
        ]
        background = [
            Box(*rng.uniform(0, 80, 2), *rng.uniform(10, 60, 2), str(rng.choice(LABELS)), round(float(rng.random()), decimals))
            for _ in range(rng.integers(0, 4))
        ]
        truth.append(true)
        predicted.append(near + background)
    return truth, predicted


def _pycocotools(truth: Pictures, predicted: Pictures, labels: list[str]) -> tuple[dict[str, float], np.ndarray]:
    """Return the three means of COCOeval, and its precisions (IoU thresholds, recalls, labels)."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def rows(pictures: Pictures) -> list[dict]:
        return [
            {"image_id": i, "category_id": labels.index(b.label), "bbox": [b.x, b.y, b.width, b.height], "score": b.score}
            for i, boxes in enumerate(pictures)
            for b in boxes
        ]

    with contextlib.redirect_stdout(io.StringIO()):  # it prints
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": i} for i in range(len(truth))],
            "categories": [{"id": i} for i in range(len(labels))],
            "annotations": [
                {**row, "id": i + 1, "iscrowd": 0, "area": row["bbox"][2] * row["bbox"][3]} for i, row in enumerate(rows(truth))
            ],
        }
        coco.createIndex()
        evaluation = COCOeval(coco, coco.loadRes(rows(predicted)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    names = dict(zip(("map", "map_50", "map_75"), evaluation.stats[:3].tolist(), strict=True))
    return names, evaluation.eval["precision"][:, :, :, 0, -1]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("decimals", [6, 1])
def test_average_precision_equals_pycocotools(seed: int, decimals: int) -> None:
    truth, predicted = _random(seed, decimals=decimals)
    expected, precision = _pycocotools(truth, predicted, LABELS)
    matches = Matches.of(truth, predicted, LABELS)
    values = score(matches, 0.5)
    assert {name: values[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    assert [row["map"] for row in by_label(matches).values()] == pytest.approx(precision.mean(axis=(0, 1)).tolist(), abs=1e-12)


def test_at_most_100_boxes_of_a_label_and_image_are_used_as_in_pycocotools() -> None:
    truth = [[Box(0, 0, 10, 10, "Pear")], [Box(0, 0, 10, 10, "Pear")]]
    predicted = [[Box(50, 50, 9, 9, "Pear", 0.9 - i / 1000) for i in range(100)] + [Box(0, 0, 10, 10, "Pear", 0.1)]]
    predicted.append([Box(0, 0, 10, 10, "Pear", 0.95)])
    expected, _ = _pycocotools(truth, predicted, ["Pear"])
    assert score(Matches.of(truth, predicted, ["Pear"]), 0.5)["map"] == pytest.approx(expected["map"], abs=1e-12)
    assert score(Matches.of(truth, predicted, ["Pear"]), 0.05)["recall"] == 0.5


def test_label_without_a_true_box_is_excluded_as_in_pycocotools() -> None:
    truth = [[Box(0, 0, 10, 10, "Pear")]]
    predicted = [[Box(0, 0, 10, 10, "Pear", 0.9), Box(0, 0, 10, 10, "Apple", 0.95)]]
    expected, _ = _pycocotools(truth, predicted, LABELS)
    matches = Matches.of(truth, predicted, LABELS)
    assert score(matches, 0.5)["map"] == expected["map"] == pytest.approx(1.0)
    assert math.isnan(by_label(matches)["Apple"]["map"])
    assert score(matches, 0.5)["precision"] == 0.5  # in precision the box counts


def test_average_precision_matches_values_by_hand() -> None:
    # Three objects; hits at ranks 1 and 3 at IoU 0.5: precision 1 up to recall 1/3 (34 recalls), 2/3 up to 2/3 (33), then 0.
    truth = [[Box(0, 0, 10, 10, "Pear")], [Box(0, 0, 10, 10, "Pear")], [Box(0, 0, 10, 10, "Pear")]]
    predicted = [[Box(0, 0, 10, 10, "Pear", 0.9)], [Box(50, 0, 10, 10, "Pear", 0.8), Box(0, 0, 10, 6, "Pear", 0.7)], []]
    matches = Matches.of(truth, predicted, ["Pear"])
    at_50, above = (34 + 33 * 2 / 3) / 101, 34 / 101
    values = score(matches, 0.75)
    assert values["map_50"] == pytest.approx(at_50)
    assert values["map_75"] == pytest.approx(above)
    assert values["map"] == pytest.approx((3 * at_50 + 7 * above) / 10)  # IoU 0.6 is enough for 0.50, 0.55 and 0.60
    assert (values["precision"], values["recall"], values["f1"]) == (
        pytest.approx(1 / 2),
        pytest.approx(1 / 3),
        pytest.approx(2 / 5),
    )
    assert score(matches, 0.1)["precision"] == pytest.approx(2 / 3)


def test_metrics_are_zero_without_predictions_and_undefined_without_objects() -> None:
    truth: Pictures = [[Box(0, 0, 1, 1, "Pear")]]
    assert score(Matches.of(truth, [[]], LABELS), 0.5) == dict.fromkeys(NAMES, 0.0)
    empty = score(Matches.of([[]], [[]], LABELS), 0.5)
    assert math.isnan(empty["map"])
    assert estimates(Matches.of([[]], [[]], LABELS), 0.5, resamples=5)["map"].value is None
    assert score(Matches.of([], [], LABELS), 0.5)["f1"] == 0.0


def test_row_order_does_not_matter() -> None:
    truth, predicted = _random(3, decimals=12)
    order = np.random.default_rng(0).permutation(len(truth))
    moved = Matches.of([truth[i] for i in order], [predicted[i][::-1] for i in order], LABELS)
    assert score(moved, 0.3) == score(Matches.of(truth, predicted, LABELS), 0.3)


def test_arguments_are_unchanged() -> None:
    truth, predicted = _random(1, pictures=8)
    before = copy.deepcopy((truth, predicted))
    estimates(Matches.of(truth, predicted, LABELS), 0.5, resamples=5)
    analyse_errors(truth, predicted, 0.5)
    nms(predicted[0], 0.5)
    write_boxes(predicted[0])
    assert (truth, predicted) == before


@pytest.mark.parametrize("decimals", [12, 1])
def test_resample_equals_the_metrics_of_its_images(decimals: int) -> None:
    truth, predicted = _random(2, pictures=15, decimals=decimals)
    [drawn] = bootstrap([Matches.of(truth, predicted, LABELS)], [0.4], resamples=20, seed=7)
    [weights] = resample_weights(15, 20, 7)
    for i, row in enumerate(weights.astype(int)):
        picked = np.repeat(np.arange(15), row)
        resample = Matches.of([truth[j] for j in picked], [predicted[j] for j in picked], LABELS)
        expected = score(resample, 0.4)
        # The order of equal scores within the copies of an image is a convention.
        tolerance = 1e-12 if decimals == 12 else 0.05
        assert {name: drawn[name][i] for name in NAMES} == pytest.approx(expected, abs=tolerance, nan_ok=True)


def test_resamples_do_not_depend_on_the_chunk_size(monkeypatch) -> None:
    from glassbox.families.detection import metrics

    truth, predicted = _random(2, pictures=15)
    matches = Matches.of(truth, predicted, LABELS)
    once = estimates(matches, 0.4, resamples=30)
    monkeypatch.setattr(metrics, "_CELLS", 100)
    assert estimates(matches, 0.4, resamples=30) == once


def test_interval_contains_its_value_and_gain_uses_the_same_draws() -> None:
    truth, predicted = _random(4)
    matches = Matches.of(truth, predicted, LABELS)
    for estimate in estimates(matches, 0.4, resamples=200).values():
        assert estimate.value is not None
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.n == len(truth)
    objects: Pictures = [[Box(0, 0, 10, 10, "Pear")] for _ in range(60)]
    complete = Matches.of(objects, [[Box(0, 0, 10, 10, "Pear", 0.9)] for _ in range(60)], LABELS)
    half = Matches.of(objects, [[Box(0, 0, 10, 10, "Pear", 0.9)] if i % 2 else [] for i in range(60)], LABELS)
    gain = paired_gain(complete, half, "recall", (0.4, 0.4), resamples=100)
    assert gain.value == pytest.approx(0.5)
    assert gain.low is not None
    assert gain.low > 0.3
    no_gain = paired_gain(matches, matches, "map", (0.4, 0.4), resamples=20)
    assert (no_gain.value, no_gain.low, no_gain.high) == (0.0, 0.0, 0.0)


def test_unknown_label_and_missing_score_raise() -> None:
    with pytest.raises(ValueError, match="unknown labels: Kiwi"):
        Matches.of([[]], [[Box(0, 0, 1, 1, "Kiwi", 0.5)]], LABELS)
    with pytest.raises(ValueError, match="no score"):
        Matches.of([[]], [[Box(0, 0, 1, 1, "Pear")]], LABELS)


# ------------------------------------------------------------------------------------------------------------ boxes

_SIZES = st.floats(0.01, 500).map(lambda value: max(0.01, round(value, 2)))
_PLACES = st.floats(-50, 500)
_BOXES = st.builds(Box, _PLACES, _PLACES, _SIZES, _SIZES, st.sampled_from(LABELS), st.none() | st.floats(0, 1))


@given(st.lists(_BOXES, max_size=5), st.lists(_BOXES, max_size=5))
def test_iou_is_symmetric_and_between_0_and_1(first: list[Box], second: list[Box]) -> None:
    overlaps = iou(xywh(first), xywh(second))
    assert overlaps.shape == (len(first), len(second))
    assert np.allclose(overlaps, iou(xywh(second), xywh(first)).T)
    assert ((overlaps >= 0) & (overlaps <= 1 + 1e-9)).all()
    assert np.allclose(np.diag(iou(xywh(first), xywh(first))), 1)


@given(st.lists(_BOXES, max_size=5), st.randoms(use_true_random=False))
def test_written_boxes_are_read_back(boxes: list[Box], random) -> None:
    text = write_boxes(boxes)
    read = read_boxes(text)
    assert write_boxes(read) == text
    shuffled = boxes.copy()
    random.shuffle(shuffled)
    assert write_boxes(shuffled) == text
    assert sorted(box.label for box in read) == sorted(box.label for box in boxes)
    assert sum(box.width for box in read) == pytest.approx(sum(box.width for box in boxes))


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("nothing", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ('{"a": 1}', "not a list"),
        ("[3]", "not [x, y, width, height, label]"),
        ('[[0, 0, 3, "Pear"]]', "not [x, y, width, height, label]"),
        ('[[0, NaN, 3, 3, "Pear"]]', "not a number"),
        ('[[0, true, 3, 3, "Pear"]]', "not a number"),
        ('[[0, "1", 3, 3, "Pear"]]', "not a number"),
        (f'[[0, {10**400}, 3, 3, "Pear"]]', "not a number"),
        ('[[0, 0, 3, 0, "Pear"]]', "a box of 3 × 0 pixels"),
        ('[[0, 0, -3, 2, "Pear"]]', "a box of -3 × 2 pixels"),
        ('[[0, 0, 3, 3, " "]]', "without a label"),
        ("[[0, 0, 3, 3, 1]]", "without a label"),
        ('[[0, 0, 3, 3, "Pear", 1.5]]', "not between 0 and 1"),
        ('[[0, 0, 3, 3, "Pear", null]]', "not between 0 and 1"),
    ],
)
def test_invalid_boxes_raise(cell: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read_boxes(cell)
    assert message in str(caught.value)


def test_image_without_objects_round_trips() -> None:
    assert read_boxes(write_boxes([])) == []
    assert json.loads(write_boxes([])) == []


def test_nms_keeps_the_best_of_overlapping_boxes_of_a_label() -> None:
    a = Box(0, 0, 10, 10, "Pear", 0.9)
    b = Box(0, 0, 10, 5, "Pear", 0.8)  # IoU 0.5 with the first: not above the threshold
    c = Box(0, 0, 10, 9, "Pear", 0.7)
    d = Box(0, 0, 10, 10, "Apple", 0.6)
    assert nms([d, c, b, a], 0.5) == [a, b, d]
    assert nms([], 0.5) == []


def test_nms_of_equal_scores_does_not_depend_on_order() -> None:
    boxes = [Box(i, 0, 10, 10, "Pear", 0.5) for i in range(4)]
    assert nms(boxes, 0.6) == nms(boxes[::-1], 0.6) == [boxes[0], boxes[3]]


@pytest.mark.parametrize("seed", range(3))
def test_nms_equals_torchvision(seed: int) -> None:
    import torch
    import torchvision

    _, predicted = _random(seed, pictures=12, decimals=12)
    for boxes in predicted:
        if boxes:
            corners = xywh(boxes)
            corners[:, 2:] += corners[:, :2]
            groups = torch.tensor([LABELS.index(box.label) for box in boxes])
            scores = torch.tensor([box.score for box in boxes], dtype=torch.float64)
            expected = torchvision.ops.batched_nms(torch.from_numpy(corners), scores, groups, 0.4)
            assert nms(boxes, 0.4) == [boxes[i] for i in expected.tolist()]


# ----------------------------------------------------------------------------------------------------- error analysis

PEAR, APPLE = Box(0, 0, 10, 10, "Pear"), Box(40, 40, 10, 10, "Apple")


@pytest.mark.parametrize(
    ("box", "kind", "of"),
    [
        (Box(0, 0, 10, 10, "Pear", 0.9), "correct", 0),
        (Box(0, 0, 10, 5, "Pear", 0.9), "correct", 0),  # IoU 0.5 is enough
        (Box(0, 0, 10, 4, "Pear", 0.9), "localisation error", 0),
        (Box(0, 0, 10, 1, "Pear", 0.9), "localisation error", 0),  # IoU 0.1 is enough
        (Box(40, 40, 10, 9, "Pear", 0.9), "classification error", 1),
        (Box(40, 40, 10, 3, "Pear", 0.9), "classification and localisation error", 1),
        (Box(0, 0, 10, 0.9, "Pear", 0.9), "background", None),
        (Box(80, 80, 10, 10, "Pear", 0.9), "background", None),
        (Box(0, 0, 10, 10, "Melon", 0.9), "classification error", 0),
    ],
)
def test_each_type_of_outcome_is_assigned(box: Box, kind: str, of: int | None) -> None:
    analysis = analyse_errors([[PEAR, APPLE]], [[box]], 0.5)
    [[outcome]] = analysis.predicted
    assert outcome is not None
    assert (outcome.kind, outcome.object) == (kind, of)
    assert outcome.iou == (0.0 if of is None else pytest.approx(float(iou(xywh([box]), xywh([(PEAR, APPLE)[of]]))[0, 0])))
    assert analysis.counts == {**dict.fromkeys(KINDS, 0), kind: 1, "missed": 1 + (kind != "correct")}
    assert analysis.true == [["detected" if kind == "correct" else "missed", "missed"]]


def test_second_box_on_an_object_is_a_duplicate_in_any_order() -> None:
    analysis = analyse_errors([[PEAR]], [[Box(0, 0, 10, 9, "Pear", 0.6), Box(0, 0, 10, 8, "Pear", 0.9)]], 0.5)
    assert [outcome.kind for outcome in analysis.predicted[0] if outcome] == ["duplicate", "correct"]
    assert analysis.counts["missed"] == 0


def test_boxes_below_the_threshold_have_no_outcome() -> None:
    analysis = analyse_errors([[PEAR]], [[Box(0, 0, 10, 10, "Pear", 0.4)]], 0.5)
    assert analysis.predicted == [[None]]
    assert analysis.counts == {**dict.fromkeys(KINDS, 0), "missed": 1}


def test_images_without_objects_or_without_boxes() -> None:
    analysis = analyse_errors([[], [PEAR], []], [[Box(0, 0, 5, 5, "Pear", 0.9)], [], []], 0.5)
    assert analysis.counts == {**dict.fromkeys(KINDS, 0), "background": 1, "missed": 1}
    assert [len(row) for row in analysis.predicted] == [1, 0, 0]


def test_outcomes_agree_with_precision_and_recall() -> None:
    truth, predicted = _random(5)
    counts = analyse_errors(truth, predicted, 0.3).counts
    boxes = sum(counts.values()) - counts["missed"]
    values = score(Matches.of(truth, predicted, LABELS), 0.3)
    assert counts["correct"] / boxes == pytest.approx(values["precision"])
    assert counts["correct"] / (counts["correct"] + counts["missed"]) == pytest.approx(values["recall"])
    assert counts["correct"] + counts["missed"] == sum(len(boxes) for boxes in truth)

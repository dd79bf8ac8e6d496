"""Boxes: average precision as pycocotools has it, values by hand, and the kinds of mistakes."""

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
from glassbox.families.detection.boxes import Box, iou, xywh, read_boxes, nms, write_boxes
from glassbox.families.detection.error_analysis import KINDS, analyse_errors
from glassbox.families.detection.metrics import NAMES, Matches, bootstrap, by_label, estimates, paired_gain, score

LABELS = ["Apple", "Melon", "Pear"]
Pictures = list[list[Box]]


def _random(seed: int, pictures: int = 60, *, decimals: int = 6) -> tuple[Pictures, Pictures]:
    """True boxes, and predictions near them or anywhere; some pictures have neither. Few decimals: many equal scores."""
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(pictures):
        own = [Box(*rng.uniform(0, 80, 2), *rng.uniform(10, 60, 2), str(rng.choice(LABELS))) for _ in range(rng.integers(0, 5))]
        near = [
            Box(
                *(np.array([box.x, box.y]) + rng.normal(0, 4, 2)),
                *(np.array([box.width, box.height]) * rng.uniform(0.8, 1.25, 2)),
                box.label if rng.random() < 0.8 else str(rng.choice(LABELS)),
                round(float(rng.beta(4, 2)), decimals),
            )
            for box in own
            for _ in range(rng.integers(0, 3))
        ]
        other = [
            Box(*rng.uniform(0, 80, 2), *rng.uniform(10, 60, 2), str(rng.choice(LABELS)), round(float(rng.random()), decimals))
            for _ in range(rng.integers(0, 4))
        ]
        truth.append(own)
        found.append(near + other)
    return truth, found


def _pycocotools(truth: Pictures, found: Pictures, labels: list[str]) -> tuple[dict[str, float], np.ndarray]:
    """COCOeval's three means, and its precisions (IoU thresholds, recalls, labels)."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    def rows(pictures: Pictures) -> list[dict]:
        return [
            {"image_id": i, "category_id": labels.index(b.label), "bbox": [b.x, b.y, b.width, b.height], "score": b.score}
            for i, boxes in enumerate(pictures)
            for b in boxes
        ]

    with contextlib.redirect_stdout(io.StringIO()):  # it reports as it goes
        known = COCO()
        known.dataset = {
            "info": {},
            "images": [{"id": i} for i in range(len(truth))],
            "categories": [{"id": i} for i in range(len(labels))],
            "annotations": [
                {**row, "id": i + 1, "iscrowd": 0, "area": row["bbox"][2] * row["bbox"][3]} for i, row in enumerate(rows(truth))
            ],
        }
        known.createIndex()
        judged = COCOeval(known, known.loadRes(rows(found)), "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    names = dict(zip(("map", "map_50", "map_75"), judged.stats[:3].tolist(), strict=True))
    return names, judged.eval["precision"][:, :, :, 0, -1]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("decimals", [6, 1])
def test_the_same_as_pycocotools(seed: int, decimals: int) -> None:
    truth, found = _random(seed, decimals=decimals)
    expected, precision = _pycocotools(truth, found, LABELS)
    matches = Matches.of(truth, found, LABELS)
    got = score(matches, 0.5)
    assert {name: got[name] for name in expected} == pytest.approx(expected, abs=1e-12)
    assert [row["map"] for row in by_label(matches).values()] == pytest.approx(precision.mean(axis=(0, 1)).tolist(), abs=1e-12)


def test_as_pycocotools_a_picture_and_label_has_a_hundred_boxes_at_most() -> None:
    truth = [[Box(0, 0, 10, 10, "Pear")], [Box(0, 0, 10, 10, "Pear")]]
    found = [[Box(50, 50, 9, 9, "Pear", 0.9 - i / 1000) for i in range(100)] + [Box(0, 0, 10, 10, "Pear", 0.1)]]
    found.append([Box(0, 0, 10, 10, "Pear", 0.95)])
    expected, _ = _pycocotools(truth, found, ["Pear"])
    assert score(Matches.of(truth, found, ["Pear"]), 0.5)["map"] == pytest.approx(expected["map"], abs=1e-12)
    assert score(Matches.of(truth, found, ["Pear"]), 0.05)["recall"] == 0.5


def test_as_pycocotools_a_label_without_a_true_box_does_not_count() -> None:
    truth = [[Box(0, 0, 10, 10, "Pear")]]
    found = [[Box(0, 0, 10, 10, "Pear", 0.9), Box(0, 0, 10, 10, "Apple", 0.95)]]
    expected, _ = _pycocotools(truth, found, LABELS)
    matches = Matches.of(truth, found, LABELS)
    assert score(matches, 0.5)["map"] == expected["map"] == pytest.approx(1.0)
    assert math.isnan(by_label(matches)["Apple"]["map"])
    assert score(matches, 0.5)["precision"] == 0.5  # of the boxes that are said, it counts


def test_average_precision_by_hand() -> None:
    # Three objects; hits at ranks 1 and 3 at IoU 0.5: precision 1 up to recall 1/3 (34 recalls), 2/3 up to 2/3 (33), then 0.
    truth = [[Box(0, 0, 10, 10, "Pear")], [Box(0, 0, 10, 10, "Pear")], [Box(0, 0, 10, 10, "Pear")]]
    found = [[Box(0, 0, 10, 10, "Pear", 0.9)], [Box(50, 0, 10, 10, "Pear", 0.8), Box(0, 0, 10, 6, "Pear", 0.7)], []]
    matches = Matches.of(truth, found, ["Pear"])
    at_50, above = (34 + 33 * 2 / 3) / 101, 34 / 101
    got = score(matches, 0.75)
    assert got["map_50"] == pytest.approx(at_50)
    assert got["map_75"] == pytest.approx(above)
    assert got["map"] == pytest.approx((3 * at_50 + 7 * above) / 10)  # IoU 0.6 is enough for 0.50, 0.55 and 0.60
    assert (got["precision"], got["recall"], got["f1"]) == (pytest.approx(1 / 2), pytest.approx(1 / 3), pytest.approx(2 / 5))
    assert score(matches, 0.1)["precision"] == pytest.approx(2 / 3)


def test_nothing_found_and_nothing_there() -> None:
    own: Pictures = [[Box(0, 0, 1, 1, "Pear")]]
    assert score(Matches.of(own, [[]], LABELS), 0.5) == dict.fromkeys(NAMES, 0.0)
    empty = score(Matches.of([[]], [[]], LABELS), 0.5)
    assert math.isnan(empty["map"])
    assert estimates(Matches.of([[]], [[]], LABELS), 0.5, resamples=5)["map"].value is None
    assert score(Matches.of([], [], LABELS), 0.5)["f1"] == 0.0


def test_row_order_does_not_matter() -> None:
    truth, found = _random(3, decimals=12)
    order = np.random.default_rng(0).permutation(len(truth))
    moved = Matches.of([truth[i] for i in order], [found[i][::-1] for i in order], LABELS)
    assert score(moved, 0.3) == score(Matches.of(truth, found, LABELS), 0.3)


def test_arguments_are_unchanged() -> None:
    truth, found = _random(1, pictures=8)
    before = copy.deepcopy((truth, found))
    estimates(Matches.of(truth, found, LABELS), 0.5, resamples=5)
    analyse_errors(truth, found, 0.5)
    nms(found[0], 0.5)
    write_boxes(found[0])
    assert (truth, found) == before


@pytest.mark.parametrize("decimals", [12, 1])
def test_a_resample_is_the_list_of_its_pictures(decimals: int) -> None:
    from glassbox.families.entities.metrics import resampled

    truth, found = _random(2, pictures=15, decimals=decimals)
    [drawn] = bootstrap([Matches.of(truth, found, LABELS)], [0.4], resamples=20, seed=7)
    [weights] = resampled(15, 20, 7)
    for i, row in enumerate(weights.astype(int)):
        picked = np.repeat(np.arange(15), row)
        own = Matches.of([truth[j] for j in picked], [found[j] for j in picked], LABELS)
        expected = score(own, 0.4)
        # With equal scores, what of one picture comes between those of its own copy is by convention.
        close = 1e-12 if decimals == 12 else 0.05
        assert {name: drawn[name][i] for name in NAMES} == pytest.approx(expected, abs=close, nan_ok=True)


def test_resamples_are_the_same_whether_held_at_once_or_not(monkeypatch) -> None:
    from glassbox.families.detection import metrics

    truth, found = _random(2, pictures=15)
    matches = Matches.of(truth, found, LABELS)
    once = estimates(matches, 0.4, resamples=30)
    monkeypatch.setattr(metrics, "_CELLS", 100)
    assert estimates(matches, 0.4, resamples=30) == once


def test_an_interval_holds_its_value_and_a_gain_is_judged_on_the_same_draws() -> None:
    truth, found = _random(4)
    matches = Matches.of(truth, found, LABELS)
    for one in estimates(matches, 0.4, resamples=200).values():
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        assert one.low <= one.value <= one.high
        assert one.n == len(truth)
    own: Pictures = [[Box(0, 0, 10, 10, "Pear")] for _ in range(60)]
    all_of_them = Matches.of(own, [[Box(0, 0, 10, 10, "Pear", 0.9)] for _ in range(60)], LABELS)
    half = Matches.of(own, [[Box(0, 0, 10, 10, "Pear", 0.9)] if i % 2 else [] for i in range(60)], LABELS)
    gain = paired_gain(all_of_them, half, "recall", (0.4, 0.4), resamples=100)
    assert gain.value == pytest.approx(0.5)
    assert gain.low is not None
    assert gain.low > 0.3
    none = paired_gain(matches, matches, "map", (0.4, 0.4), resamples=20)
    assert (none.value, none.low, none.high) == (0.0, 0.0, 0.0)


def test_a_label_that_is_not_known_and_a_score_that_is_not_there_are_told() -> None:
    with pytest.raises(ValueError, match="not known: Kiwi"):
        Matches.of([[]], [[Box(0, 0, 1, 1, "Kiwi", 0.5)]], LABELS)
    with pytest.raises(ValueError, match="no score"):
        Matches.of([[]], [[Box(0, 0, 1, 1, "Pear")]], LABELS)


# ------------------------------------------------------------------------------------------------------------ boxes

_SIZES = st.floats(0.01, 500).map(lambda value: max(0.01, round(value, 2)))
_PLACES = st.floats(-50, 500)
_BOXES = st.builds(Box, _PLACES, _PLACES, _SIZES, _SIZES, st.sampled_from(LABELS), st.none() | st.floats(0, 1))


@given(st.lists(_BOXES, max_size=5), st.lists(_BOXES, max_size=5))
def test_iou_is_symmetric_and_between_0_and_1(one: list[Box], other: list[Box]) -> None:
    found = iou(xywh(one), xywh(other))
    assert found.shape == (len(one), len(other))
    assert np.allclose(found, iou(xywh(other), xywh(one)).T)
    assert ((found >= 0) & (found <= 1 + 1e-9)).all()
    assert np.allclose(np.diag(iou(xywh(one), xywh(one))), 1)


@given(st.lists(_BOXES, max_size=5), st.randoms(use_true_random=False))
def test_boxes_that_are_written_are_read_as_they_were(boxes: list[Box], random) -> None:
    text = write_boxes(boxes)
    read = read_boxes(text)
    assert write_boxes(read) == text
    shuffled = boxes.copy()
    random.shuffle(shuffled)
    assert write_boxes(shuffled) == text
    assert sorted(box.label for box in read) == sorted(box.label for box in boxes)
    assert sum(box.width for box in read) == pytest.approx(sum(box.width for box in boxes))


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("nothing", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ('{"a": 1}', "no list"),
        ("[3]", "no [x, y, width, height, label]"),
        ('[[0, 0, 3, "Pear"]]', "no [x, y, width, height, label]"),
        ('[[0, NaN, 3, 3, "Pear"]]', "no number"),
        ('[[0, true, 3, 3, "Pear"]]', "no number"),
        ('[[0, "1", 3, 3, "Pear"]]', "no number"),
        (f'[[0, {10**400}, 3, 3, "Pear"]]', "no number"),
        ('[[0, 0, 3, 0, "Pear"]]', "a box of 3 × 0 pixels"),
        ('[[0, 0, -3, 2, "Pear"]]', "a box of -3 × 2 pixels"),
        ('[[0, 0, 3, 3, " "]]', "without a label"),
        ("[[0, 0, 3, 3, 1]]", "without a label"),
        ('[[0, 0, 3, 3, "Pear", 1.5]]', "not between 0 and 1"),
        ('[[0, 0, 3, 3, "Pear", null]]', "not between 0 and 1"),
    ],
)
def test_boxes_that_cannot_be_meant_are_told(cell: str, says: str) -> None:
    with pytest.raises(DataError) as caught:
        read_boxes(cell)
    assert says in str(caught.value)


def test_a_picture_with_nothing_on_it() -> None:
    assert read_boxes(write_boxes([])) == []
    assert json.loads(write_boxes([])) == []


def test_of_boxes_that_cover_one_another_the_best_of_each_label_stays() -> None:
    a = Box(0, 0, 10, 10, "Pear", 0.9)
    b = Box(0, 0, 10, 5, "Pear", 0.8)  # IoU 0.5 with the first: not above the threshold
    c = Box(0, 0, 10, 9, "Pear", 0.7)
    d = Box(0, 0, 10, 10, "Apple", 0.6)
    assert nms([d, c, b, a], 0.5) == [a, b, d]
    assert nms([], 0.5) == []


def test_equal_scores_are_thinned_the_same_way_in_any_order() -> None:
    boxes = [Box(i, 0, 10, 10, "Pear", 0.5) for i in range(4)]
    assert nms(boxes, 0.6) == nms(boxes[::-1], 0.6) == [boxes[0], boxes[3]]


@pytest.mark.parametrize("seed", range(3))
def test_the_same_boxes_stay_as_torchvision_keeps(seed: int) -> None:
    import torch
    import torchvision

    _, found = _random(seed, pictures=12, decimals=12)
    for boxes in found:
        if boxes:
            corners = xywh(boxes)
            corners[:, 2:] += corners[:, :2]
            groups = torch.tensor([LABELS.index(box.label) for box in boxes])
            scores = torch.tensor([box.score for box in boxes], dtype=torch.float64)
            kept = torchvision.ops.batched_nms(torch.from_numpy(corners), scores, groups, 0.4)
            assert nms(boxes, 0.4) == [boxes[i] for i in kept.tolist()]


# --------------------------------------------------------------------------------------------------------- mistakes

PEAR, APPLE = Box(0, 0, 10, 10, "Pear"), Box(40, 40, 10, 10, "Apple")


@pytest.mark.parametrize(
    ("box", "kind", "of"),
    [
        (Box(0, 0, 10, 10, "Pear", 0.9), "right", 0),
        (Box(0, 0, 10, 5, "Pear", 0.9), "right", 0),  # IoU 0.5 is enough
        (Box(0, 0, 10, 4, "Pear", 0.9), "loose", 0),
        (Box(0, 0, 10, 1, "Pear", 0.9), "loose", 0),  # IoU 0.1 is enough
        (Box(40, 40, 10, 9, "Pear", 0.9), "wrong class", 1),
        (Box(40, 40, 10, 3, "Pear", 0.9), "loose and wrong class", 1),
        (Box(0, 0, 10, 0.9, "Pear", 0.9), "background", None),
        (Box(80, 80, 10, 10, "Pear", 0.9), "background", None),
        (Box(0, 0, 10, 10, "Melon", 0.9), "wrong class", 0),
    ],
)
def test_each_kind_of_mistake(box: Box, kind: str, of: int | None) -> None:
    made = analyse_errors([[PEAR, APPLE]], [[box]], 0.5)
    [[judged]] = made.found
    assert judged is not None
    assert (judged.kind, judged.object) == (kind, of)
    assert judged.iou == (0.0 if of is None else pytest.approx(float(iou(xywh([box]), xywh([(PEAR, APPLE)[of]]))[0, 0])))
    assert made.counts == {**dict.fromkeys(KINDS, 0), kind: 1, "missed": 1 + (kind != "right")}
    assert made.true == [["found" if kind == "right" else "missed", "missed"]]


def test_a_second_box_on_an_object_is_double_whatever_order_they_come_in() -> None:
    made = analyse_errors([[PEAR]], [[Box(0, 0, 10, 9, "Pear", 0.6), Box(0, 0, 10, 8, "Pear", 0.9)]], 0.5)
    assert [judged.kind for judged in made.found[0] if judged] == ["double", "right"]
    assert made.counts["missed"] == 0


def test_boxes_below_the_threshold_are_not_judged() -> None:
    made = analyse_errors([[PEAR]], [[Box(0, 0, 10, 10, "Pear", 0.4)]], 0.5)
    assert made.found == [[None]]
    assert made.counts == {**dict.fromkeys(KINDS, 0), "missed": 1}


def test_pictures_without_objects_and_without_boxes() -> None:
    made = analyse_errors([[], [PEAR], []], [[Box(0, 0, 5, 5, "Pear", 0.9)], [], []], 0.5)
    assert made.counts == {**dict.fromkeys(KINDS, 0), "background": 1, "missed": 1}
    assert [len(row) for row in made.found] == [1, 0, 0]


def test_kinds_add_up_to_what_the_metrics_count() -> None:
    truth, found = _random(5)
    counts = analyse_errors(truth, found, 0.3).counts
    said = sum(counts.values()) - counts["missed"]
    got = score(Matches.of(truth, found, LABELS), 0.3)
    assert counts["right"] / said == pytest.approx(got["precision"])
    assert counts["right"] / (counts["right"] + counts["missed"]) == pytest.approx(got["recall"])
    assert counts["right"] + counts["missed"] == sum(len(boxes) for boxes in truth)

"""Synthetic scenes: exact boxes, deterministic bytes, and no photo in both parts."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from glassbox.data import synthetic_scenes
from glassbox.data.synthetic_scenes import MAX_OVERLAP, PlacedObject, compose, cut_out, fingerprint_of, mask, paste, placements
from glassbox.errors import DataError
from glassbox.families.detection.boxes import iou, read_boxes, write_boxes, xywh

SIDE = 96
COLOURS = {"Apple": (250, 10, 10), "Pear": (10, 250, 10)}


def _photo(colour: tuple[int, int, int], size: tuple[int, int] = (40, 40)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, format="PNG")
    return stream.getvalue()


@pytest.fixture
def photos(tmp_path) -> Path:
    """Photos of one colour each: six of train, three of test that occur twice, and one of another part."""
    rows = [("train", "Apple", _photo((200 + i, 0, 0))) for i in range(3)]
    rows += [("train", "Pear", _photo((230 + i, 0, 0))) for i in range(3)]
    rows += [("test", "Pear", _photo((60 + i, 0, 0))) for i in range(3)] * 2
    rows += [("val", "Apple", _photo((0, 0, 255)))]
    path = tmp_path / "photos.parquet"
    pd.DataFrame(rows, columns=["dataset", "coarse_cat", "image_data"]).to_parquet(path)
    return path


def _read(content: bytes) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(content))


def _pixels(picture: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(picture)))


def test_a_file_contains_pictures_boxes_and_parts(photos):
    frame = _read(compose(photos, train=5, test=3, side=SIDE, seed=1))
    assert list(frame.columns) == ["picture", "boxes", "part"]
    assert frame["part"].tolist() == ["train"] * 5 + ["test"] * 3
    for picture, boxes in zip(frame["picture"], frame["boxes"], strict=True):
        assert _pixels(picture).shape == (SIDE, SIDE, 3)
        read = read_boxes(boxes)
        assert 1 <= len(read) <= 5
        assert write_boxes(read) == boxes
        assert {box.label for box in read} <= set(COLOURS)
        assert all(min(box.x, box.y) >= 0 for box in read)
        assert all(max(box.x + box.width, box.y + box.height) <= SIDE for box in read)


@given(st.integers(4, 160), st.integers(4, 160))
def test_a_mask_touches_each_side_of_its_box_but_no_corner(width, height):
    if not 0.6 <= width / height <= 1.6:
        return
    opacity = mask(width, height)
    assert opacity.shape == (height, width)
    assert all(side.any() for side in (opacity[0], opacity[-1], opacity[:, 0], opacity[:, -1]))
    assert not any(opacity[y, x] for y in (0, -1) for x in (0, -1)) or min(width, height) < 8
    assert (opacity == opacity[::-1]).all()
    assert (opacity == opacity[:, ::-1]).all()


def test_a_box_is_the_extent_of_the_pasted_object():
    rng = np.random.default_rng(0)
    photo = Image.new("RGB", (40, 40), (255, 255, 255))
    for _ in range(30):
        [*_, item] = placements(["Pear"], SIDE, rng)
        canvas = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
        paste(canvas, cut_out(photo, item.width, item.height, rng), item.x, item.y)
        ys, xs = np.nonzero(canvas.any(axis=2))
        assert (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) == (item.x, item.y, item.x + item.width, item.y + item.height)


def test_the_middle_of_an_uncovered_object_is_its_photo(monkeypatch):
    monkeypatch.setattr(synthetic_scenes, "MAX_OVERLAP", 0)
    photos = {label: [_photo(colour)] for label, colour in COLOURS.items()}
    for seed in range(10):
        canvas, placed = synthetic_scenes.compose_scene(photos, SIDE, np.random.default_rng(seed))
        for item in placed:
            assert tuple(canvas[item.y + item.height // 2, item.x + item.width // 2]) == COLOURS[item.label]


def test_objects_overlap_by_at_most_a_fifth_and_smaller_ones_are_in_front():
    for seed in range(200):
        placed = placements(["Apple", "Pear"], 320, np.random.default_rng(seed))
        text = synthetic_scenes.boxes_text(placed)
        covered = iou(xywh(read_boxes(text)), xywh(read_boxes(text)))
        assert (covered[~np.eye(len(placed), dtype=bool)] <= 0.2 + 1e-9).all()
        assert all(a.overlap(b) <= MAX_OVERLAP for i, a in enumerate(placed) for b in placed[:i])
        sizes = [item.width * item.height for item in placed]
        assert sizes == sorted(sizes, reverse=True)
        assert all(48 <= max(o.width, o.height) <= 150 and 0.68 <= o.width / o.height <= 1.43 for o in placed)


def test_overlaps_match_values_by_hand():
    item = PlacedObject(0, 0, 10, 10, "Pear")
    assert item.overlap(PlacedObject(5, 0, 10, 20, "Pear")) == 0.5
    assert item.overlap(PlacedObject(2, 2, 4, 4, "Pear")) == 1
    assert item.overlap(PlacedObject(10, 0, 10, 10, "Pear")) == 0
    assert item.overlap(PlacedObject(20, 20, 10, 10, "Pear")) == 0


def test_bytes_do_not_depend_on_the_order_of_photos(photos, tmp_path):
    options = {"train": 4, "test": 2, "side": SIDE, "seed": 3, "fingerprint": "f"}
    content = compose(photos, **options)
    shuffled = tmp_path / "shuffled.parquet"
    pd.read_parquet(photos).sample(frac=1, random_state=0).to_parquet(shuffled)
    assert compose(photos, **options) == content
    assert compose(shuffled, **options) == content
    assert compose(photos, **{**options, "seed": 4}) != content


def test_a_larger_number_of_scenes_leaves_the_first_unchanged(photos):
    few = _read(compose(photos, train=2, test=2, side=SIDE, seed=3))
    many = _read(compose(photos, train=4, test=3, side=SIDE, seed=3))
    assert many["picture"][:2].tolist() == few["picture"][:2].tolist()
    assert many["picture"][4:6].tolist() == few["picture"][2:].tolist()


def test_no_photo_is_used_in_both_parts(photos, monkeypatch):
    rows = pd.read_parquet(photos)
    rows.loc[len(rows)] = ["test", "Apple", rows["image_data"][0]]  # a photo of train that is in test too
    rows.to_parquet(photos)
    used: set[bytes] = set()
    opened = synthetic_scenes._open
    monkeypatch.setattr(synthetic_scenes, "_open", lambda photo: used.add(photo) or opened(photo))
    sides = []
    for train, test in ((60, 0), (0, 60)):
        used.clear()
        compose(photos, train=train, test=test, side=SIDE, seed=1)
        sides.append(set(used))
    assert sides == [set(rows["image_data"][1:6]), set(rows["image_data"][6:9])]


def test_a_file_stores_its_fingerprint_and_detects_changes(photos, tmp_path):
    path = tmp_path / "made.parquet"
    path.write_bytes(compose(photos, train=2, test=1, side=SIDE, seed=1, fingerprint="abc"))
    assert fingerprint_of(path) == "abc"
    pd.read_parquet(path).to_parquet(path)
    assert fingerprint_of(path) is None
    path.write_bytes(b"PAR1")
    assert fingerprint_of(path) is None
    assert fingerprint_of(tmp_path / "nothing") is None


def test_invalid_photos_are_errors(photos, tmp_path):
    options = {"train": 1, "test": 1, "side": SIDE, "seed": 1}
    rows = pd.read_parquet(photos)
    rows[rows["dataset"] != "test"].to_parquet(photos)
    with pytest.raises(DataError, match="there is no photo of the part 'test'"):
        compose(photos, **options)
    rows.drop(columns="coarse_cat").to_parquet(photos)
    with pytest.raises(DataError, match="no column coarse_cat"):
        compose(photos, **options)
    rows.assign(image_data=[f"{i}".encode() for i in range(len(rows))]).to_parquet(photos)
    with pytest.raises(DataError, match="a photo cannot be read"):
        compose(photos, **options)
    (tmp_path / "no.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match=r"no\.parquet: cannot be read as a table of photos"):
        compose(tmp_path / "no.parquet", **options)


def test_boxes_are_json(photos):
    frame = _read(compose(photos, train=1, test=1, side=SIDE, seed=1))
    for row in json.loads(frame["boxes"][0]):
        assert [type(value) for value in row] == [float, float, float, float, str]

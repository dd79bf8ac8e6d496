"""Pictures composed of photos: boxes to the pixel, the same bytes twice, and no photo on both sides."""

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
from glassbox.data.synthetic_scenes import MOST_HIDDEN, Placed, compose, cut_out, fingerprint_of, mask, paste, placements
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
    """Photos of one colour each: six of train, three of test that stand there twice, and one of another part."""
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


def test_a_file_has_pictures_boxes_and_parts(photos):
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
def test_a_mask_reaches_each_side_of_its_box_and_no_corner(width, height):
    if not 0.6 <= width / height <= 1.6:
        return
    seen = mask(width, height)
    assert seen.shape == (height, width)
    assert all(side.any() for side in (seen[0], seen[-1], seen[:, 0], seen[:, -1]))
    assert not any(seen[y, x] for y in (0, -1) for x in (0, -1)) or min(width, height) < 8
    assert (seen == seen[::-1]).all()
    assert (seen == seen[:, ::-1]).all()


def test_a_box_is_the_extent_of_what_was_pasted():
    rng = np.random.default_rng(0)
    photo = Image.new("RGB", (40, 40), (255, 255, 255))
    for _ in range(30):
        [*_, one] = placements(["Pear"], SIDE, rng)
        canvas = np.zeros((SIDE, SIDE, 3), dtype=np.uint8)
        paste(canvas, cut_out(photo, one.width, one.height, rng), one.x, one.y)
        ys, xs = np.nonzero(canvas.any(axis=2))
        assert (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) == (one.x, one.y, one.x + one.width, one.y + one.height)


def test_the_middle_of_an_object_that_nothing_covers_is_its_photo(monkeypatch):
    monkeypatch.setattr(synthetic_scenes, "MOST_HIDDEN", 0)
    photos = {label: [_photo(colour)] for label, colour in COLOURS.items()}
    for seed in range(10):
        canvas, placed = synthetic_scenes.composed(photos, SIDE, np.random.default_rng(seed))
        for one in placed:
            assert tuple(canvas[one.y + one.height // 2, one.x + one.width // 2]) == COLOURS[one.label]


def test_objects_overlap_by_at_most_a_fifth_and_the_smaller_are_in_front():
    for seed in range(200):
        placed = placements(["Apple", "Pear"], 320, np.random.default_rng(seed))
        text = synthetic_scenes.boxes_text(placed)
        covered = iou(xywh(read_boxes(text)), xywh(read_boxes(text)))
        assert (covered[~np.eye(len(placed), dtype=bool)] <= 0.2 + 1e-9).all()
        assert all(a.hidden(b) <= MOST_HIDDEN for i, a in enumerate(placed) for b in placed[:i])
        sizes = [one.width * one.height for one in placed]
        assert sizes == sorted(sizes, reverse=True)
        assert all(48 <= max(one.width, one.height) <= 150 and 0.68 <= one.width / one.height <= 1.43 for one in placed)


def test_what_is_hidden_by_hand():
    one = Placed(0, 0, 10, 10, "Pear")
    assert one.hidden(Placed(5, 0, 10, 20, "Pear")) == 0.5
    assert one.hidden(Placed(2, 2, 4, 4, "Pear")) == 1
    assert one.hidden(Placed(10, 0, 10, 10, "Pear")) == 0
    assert one.hidden(Placed(20, 20, 10, 10, "Pear")) == 0


def test_the_same_bytes_twice_whatever_order_the_photos_are_in(photos, tmp_path):
    asked = {"train": 4, "test": 2, "side": SIDE, "seed": 3, "fingerprint": "f"}
    once = compose(photos, **asked)
    shuffled = tmp_path / "shuffled.parquet"
    pd.read_parquet(photos).sample(frac=1, random_state=0).to_parquet(shuffled)
    assert compose(photos, **asked) == once
    assert compose(shuffled, **asked) == once
    assert compose(photos, **{**asked, "seed": 4}) != once


def test_asking_for_more_pictures_changes_none(photos):
    few = _read(compose(photos, train=2, test=2, side=SIDE, seed=3))
    many = _read(compose(photos, train=4, test=3, side=SIDE, seed=3))
    assert many["picture"][:2].tolist() == few["picture"][:2].tolist()
    assert many["picture"][4:6].tolist() == few["picture"][2:].tolist()


def test_no_photo_is_on_both_sides(photos, monkeypatch):
    rows = pd.read_parquet(photos)
    rows.loc[len(rows)] = ["test", "Apple", rows["image_data"][0]]  # a photo of train that stands in test too
    rows.to_parquet(photos)
    used: set[bytes] = set()
    opened = synthetic_scenes._opened
    monkeypatch.setattr(synthetic_scenes, "_opened", lambda photo: used.add(photo) or opened(photo))
    sides = []
    for train, test in ((60, 0), (0, 60)):
        used.clear()
        compose(photos, train=train, test=test, side=SIDE, seed=1)
        sides.append(set(used))
    assert sides == [set(rows["image_data"][1:6]), set(rows["image_data"][6:9])]


def test_a_file_knows_how_it_was_made_and_whether_it_was_changed(photos, tmp_path):
    path = tmp_path / "made.parquet"
    path.write_bytes(compose(photos, train=2, test=1, side=SIDE, seed=1, fingerprint="abc"))
    assert fingerprint_of(path) == "abc"
    pd.read_parquet(path).to_parquet(path)
    assert fingerprint_of(path) is None
    path.write_bytes(b"PAR1")
    assert fingerprint_of(path) is None
    assert fingerprint_of(tmp_path / "nothing") is None


def test_photos_that_are_none_are_told(photos, tmp_path):
    asked = {"train": 1, "test": 1, "side": SIDE, "seed": 1}
    rows = pd.read_parquet(photos)
    rows[rows["dataset"] != "test"].to_parquet(photos)
    with pytest.raises(DataError, match="no photo of the part 'test'"):
        compose(photos, **asked)
    rows.drop(columns="coarse_cat").to_parquet(photos)
    with pytest.raises(DataError, match="no column coarse_cat"):
        compose(photos, **asked)
    rows.assign(image_data=[f"{i}".encode() for i in range(len(rows))]).to_parquet(photos)
    with pytest.raises(DataError, match="a photo cannot be read"):
        compose(photos, **asked)
    (tmp_path / "no.parquet").write_bytes(b"no")
    with pytest.raises(DataError, match=r"no\.parquet: cannot be read as a table of photos"):
        compose(tmp_path / "no.parquet", **asked)


def test_boxes_of_a_picture_are_json(photos):
    frame = _read(compose(photos, train=1, test=1, side=SIDE, seed=1))
    for row in json.loads(frame["boxes"][0]):
        assert [type(value) for value in row] == [float, float, float, float, str]

"""The stages of pictures in the small: how they are framed, varied, told apart, measured, compared, explained."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from glassbox.families.vision.scoring import watched
from PIL import Image, ImageFilter
from torch import nn

from glassbox.data.images.cells import PictureError, cell_of, content_of, decoded, png_of
from glassbox.data.schema import ColumnSchema, Schema, infer_schema
from glassbox.errors import DataError, GlassboxError
from glassbox.families.classification import evaluate
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.classification.dataset import problem_of
from glassbox.families.classification.ensemble import compare_together
from glassbox.families.classification.folds import make_folds
from glassbox.families.shared.embedding_drift import Directions
from glassbox.families.shared.vector_cache import VectorCache
from glassbox.families.vision import explain, explore, leakage
from glassbox.families.vision.augment import augmented
from glassbox.families.vision.candidates import EPOCHS, candidates
from glassbox.families.vision.fit import Pictures, fitter
from glassbox.families.vision.image_dataset import ImageCollection
from glassbox.families.vision.models import KINDS, Majority, Network, kind_of, places_of
from glassbox.families.vision.near_duplicates import alike
from glassbox.families.vision.networks import Net
from glassbox.families.vision.predictor import VisionPredictor
from glassbox.families.vision.prepare_rows import arrange, column_of
from glassbox.families.vision.recipe import (
    Augmentation,
    Recipe,
    default_recipe,
    picture_column,
    recipe_table,
    squared,
    usual_side,
)
from glassbox.families.vision.reference_features import TRAITS, Watch, coarse, traits, traits_of
from glassbox.families.vision.slices import by_traits
from glassbox.families.vision.thumbnails import small, varied
from glassbox.families.vision.training import rate
from glassbox.platform_info import platform_facts
from glassbox.request.model import Data, Request
from glassbox.runtime.result_cache import ResultCache
from made_pictures import rotated, two_halves, written
from toy_pictures import again, photo, shapes

REQUEST = Request(name="a", task="computer_vision", data=Data(path="x", target="shape", features=["picture"]))
STILL = Augmentation(flip=False, crop=1.0, shift=0, colour=0.0, erase=0.0)
Pixels = npt.NDArray[np.uint8]


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (20, 20)) -> Image.Image:
    return Image.new("RGB", size, colour)


def album(cells: list[str | None], side: int = 16) -> ImageCollection:
    return ImageCollection(cells, Recipe(column="picture", side=side))


def pictures(count: int = 60, classes: int = 2) -> Pictures:
    frame = shapes(count, classes)
    folds = make_folds(frame["row_id"], frame["shape"], 3)
    problem = problem_of(frame, "shape", sorted(set(frame["shape"])), folds)
    return Pictures(problem, album(problem.frame["picture"].tolist(), 32))


# ---------------------------------------------------------------------------------------------------------------- recipe


def test_each_framing_shows_what_it_says() -> None:
    wide = two_halves(40, 20)  # red on the left, blue on the right
    wide.paste((0, 250, 0), (0, 0, 5, 20))
    crop, pad, squeeze = (squared(wide, 20, framing) for framing in ("crop", "pad", "squeeze"))  # type: ignore[arg-type]
    assert crop.tolist() == np.asarray(wide.crop((10, 0, 30, 20))).tolist()
    assert pad[0].tolist() == [[127, 127, 127]] * 20
    assert pad[10, 0].tolist() == [0, 250, 0]
    assert pad[10, 19].tolist() == [0, 0, 250]
    assert squeeze[0, 0].tolist() == squeeze[19, 1].tolist() == [0, 250, 0]
    assert squeeze[10, 15].tolist() == [0, 0, 250]
    assert squared(wide.rotate(90, expand=True), 20, "crop").shape == (20, 20, 3)


def test_a_picture_that_fits_is_seen_as_it_is() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype="uint8")
    recipe = Recipe(column="picture", side=16)
    assert (recipe.pixels(cell_of(png_of(pixels))) == pixels).all()
    assert (recipe.all_pixels([cell_of(png_of(pixels)), None])[1] == 127).all()
    assert recipe.pixels(cell_of(png_of(pixels))).flags.writeable


def test_a_picture_is_turned_before_it_is_framed_and_one_that_is_broken_is_told() -> None:
    recipe = Recipe(column="picture", side=20, framing="squeeze")
    assert recipe.pixels(cell_of(rotated(6)))[2, 10, 0] > 200  # red, on the left in the file, is above
    assert recipe.pixels(cell_of(rotated(1)))[10, 2, 0] > 200
    with pytest.raises(PictureError, match="cut off"):
        recipe.pixels(cell_of(rotated(1)[:-200]))


def test_the_usual_side_is_that_of_small_pictures_and_never_more_than_networks_see() -> None:
    from glassbox.families.vision.recipe import LARGEST

    cells = [cell_of(written(plain((9, 9, 9), (40, 28)), "PNG"))] * 3
    assert usual_side(cells) == 28
    assert usual_side([*cells, "data:image/png;base64,AAAA", None]) == 28
    assert usual_side([cell_of(written(plain((9, 9, 9), (LARGEST + 300, LARGEST + 80)), "PNG"))]) == LARGEST
    assert usual_side([cell_of(written(plain((9, 9, 9), (5, 2)), "PNG"))]) == 8
    assert usual_side([None]) == LARGEST


def test_the_column_of_pictures_is_the_only_one_or_the_one_that_is_named() -> None:
    two = Schema(columns=[ColumnSchema(name=name, kind="picture") for name in ("front", "back")])
    assert picture_column(two, ["back"]) == "back"
    with pytest.raises(DataError, match=r"2 columns hold pictures \(front, back\); name the one"):
        picture_column(two, None)
    with pytest.raises(DataError, match="no column holds pictures"):
        default_recipe(Schema(columns=[ColumnSchema(name="a", kind="text")]), None)


def test_the_recipe_says_what_is_done() -> None:
    schema = Schema(columns=[ColumnSchema(name="picture", kind="picture", missing=0.25)])
    recipe = default_recipe(schema, None, side=32, augmentation=Augmentation(erase=0.3, shift=2))
    told = recipe_table(recipe, schema, ["squeezenet1_1"]).frame().set_index("step")["setting"]
    assert told["size"] == "32 × 32"
    assert told["missing pictures"] == "25.0%"
    assert told["backbones"] == "squeezenet1_1"
    assert (
        told["augmentation"]
        == "mirrored, cropped to 60% of the area or more, moved by up to 2 pixels, colours changed by up to 20%, a part blanked in 30%"
    )
    assert STILL.words == "nothing"


# ---------------------------------------------------------------------------------------------------------- augmentation


def noise(count: int = 40, side: int = 12) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(3).random((count, 3, side, side), dtype=np.float32))


def test_nothing_asked_changes_nothing() -> None:
    x = noise()
    assert torch.equal(augmented(x, STILL, np.random.default_rng(0)), x)


def test_a_flip_gives_a_picture_or_its_mirror_image() -> None:
    x = noise()
    found = augmented(x, STILL.model_copy(update={"flip": True}), np.random.default_rng(0))
    same, mirrored = ((found == other).flatten(1).all(dim=1) for other in (x, x.flip(3)))
    assert (same ^ mirrored).all()
    assert 5 < int(mirrored.sum()) < 35


def test_a_shift_moves_by_whole_pixels_and_not_beyond() -> None:
    x = noise(60)
    found = augmented(x, STILL.model_copy(update={"shift": 2}), np.random.default_rng(0))
    padded = nn.functional.pad(x, (2, 2, 2, 2))
    seen = set()
    for i in range(60):
        at = [
            (top, left)
            for top in range(5)
            for left in range(5)
            if torch.equal(found[i], padded[i, :, top : top + 12, left : left + 12])
        ]
        assert len(at) == 1
        seen.update(at)
    assert len(seen) > 10


def test_a_crop_keeps_the_size_and_enlarges_a_part() -> None:
    ramp = torch.linspace(0, 1, 24).repeat(24, 1).expand(30, 3, 24, 24)
    found = augmented(ramp, STILL.model_copy(update={"crop": 0.25}), np.random.default_rng(0))
    assert found.shape == ramp.shape
    spans = found.amax(dim=(1, 2, 3)) - found.amin(dim=(1, 2, 3))
    assert spans.min() > 0.35  # a quarter of the area at 3:4 is 0.43 of the width
    assert spans.min() < 0.7
    assert (found.diff(dim=3) > -1e-5).all()


def test_colour_keeps_grey_grey_and_stays_within_bounds() -> None:
    grey = torch.full((30, 3, 8, 8), 0.5)
    found = augmented(grey, STILL.model_copy(update={"colour": 0.4}), np.random.default_rng(0))
    assert found.std(dim=1).max() < 1e-6
    means = found.mean(dim=(1, 2, 3))
    assert 0.3 <= float(means.min()) < 0.4
    assert 0.6 < float(means.max()) <= 0.7
    strong = augmented(noise(), STILL.model_copy(update={"colour": 0.9}), np.random.default_rng(0))
    assert float(strong.min()) >= 0
    assert float(strong.max()) <= 1


def test_erasing_blanks_one_rectangle_with_the_mean() -> None:
    x = noise(30, 20)
    found = augmented(x, STILL.model_copy(update={"erase": 0.5}), np.random.default_rng(0))
    changed = (found != x).any(dim=1)
    touched = changed.flatten(1).any(dim=1)
    assert 5 < int(touched.sum()) < 25
    for i in torch.nonzero(touched)[:, 0].tolist():
        rows, columns = torch.nonzero(changed[i], as_tuple=True)
        area = int(changed[i].sum())
        assert area == (int(rows.max() - rows.min()) + 1) * (int(columns.max() - columns.min()) + 1)
        assert 0.01 < area / 400 < 0.25
        assert torch.allclose(found[i][:, changed[i]].mean(dim=1), x[i].mean(dim=(1, 2)), atol=1e-6)


EVERYTHING = Augmentation(flip=True, crop=0.5, shift=3, colour=0.5, erase=0.5)


def test_the_same_generator_varies_the_same_way_and_torchs_own_is_left_alone() -> None:
    x = noise()
    before, kept = torch.random.get_rng_state(), x.clone()
    first, second, other = (augmented(x, EVERYTHING, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(x, kept)
    assert float(first.min()) >= 0
    assert float(first.max()) <= 1
    assert first.shape == x.shape


def test_what_augmentation_does_is_shown() -> None:
    found = varied(album([None, *shapes(5)["picture"]]), seed=1, rows=2, each=3)
    assert [picture.head for picture in found.pictures] == ["as it is", "varied", "varied", "varied"] * 2
    assert len({picture.uri for picture in found.pictures}) == 8


def test_tiny_pictures_are_enlarged_by_whole_pixels_and_large_ones_made_small() -> None:
    assert small(plain((1, 2, 3), (28, 20))).size == (168, 120)
    assert small(plain((1, 2, 3), (1000, 500))).size == (192, 96)
    assert small(plain((1, 2, 3), (150, 20))).size == (150, 20)


# ----------------------------------------------------------------------------------------------------------------- alike


def test_a_picture_saved_anew_is_alike_and_another_is_not() -> None:
    own = [photo(seed) for seed in range(12)]
    copies = [
        again(content, quality, times)
        for content, quality, times in zip(own, (40, 60, 95) * 4, (1.15, 0.7, 1.0) * 4, strict=True)
    ]
    names = alike([cell_of(content) for content in [*own, *copies]]).tolist()
    assert names[:12] == names[12:]
    assert len(set(names)) == 12


def test_a_mirror_image_or_a_darker_one_is_another_picture() -> None:
    own = decoded(photo(0))
    others = [own.transpose(Image.Transpose.FLIP_LEFT_RIGHT), own.point(lambda value: value // 2)]
    assert len(set(alike([cell_of(written(image, "PNG")) for image in (own, *others)]))) == 3


def test_names_do_not_depend_on_order_or_on_who_else_is_there() -> None:
    cells = [cell_of(content) for content in (*(photo(seed) for seed in range(5)), again(photo(0)))]
    names = alike(cells)
    assert [names.tolist().index(name) for name in names] == [0, 1, 2, 3, 4, 0]
    order = np.random.default_rng(0).permutation(6)
    assert alike([cells[i] for i in order]).tolist() == names[order].tolist()
    assert alike(cells[1:4]).tolist() == names[1:4].tolist()
    assert alike(cells, workers=1).tolist() == names.tolist()
    assert len(alike([])) == 0


def test_what_cannot_be_seen_is_like_nothing_else() -> None:
    cut = [cell_of(content[:-100]) for content in (photo(0), photo(1))]
    names = alike([*cut, "", cell_of(photo(0))]).tolist()
    assert len(set(names)) == 4


def test_pictures_of_one_colour_are_told_apart_by_how_light_they_are() -> None:
    greys = [cell_of(written(plain((value, value, value)), "PNG")) for value in (100, 104, 108, 112, 140)]
    names = alike(greys).tolist()  # to the hash they are all one; four are within 0.04 of the next
    assert [names.index(name) for name in names] == [0, 0, 0, 0, 4]


# ------------------------------------------------------------------------------------------------------------ arrangement


def test_rows_without_a_picture_are_set_aside_and_the_rest_is_described(tmp_path: Path) -> None:
    from glassbox.data.sources import read_source

    rows = shapes(40)[["picture", "shape"]]
    rows["picture"] = [content_of(cell) for cell in rows["picture"]]
    rows.loc[3, "picture"] = None
    rows.loc[4, "picture"] = rotated(6)
    rows.to_parquet(tmp_path / "a.parquet")
    asked = Request(name="a", task="computer_vision", data=Data(path="a.parquet", target="shape"))
    arrival, shown = arrange(read_source(asked, tmp_path), asked)
    assert len(arrival.cells) == 39
    assert arrival.quarantine["reason"].tolist() == ["there is no picture"]
    facts = shown["unit"].facts  # type: ignore[union-attr]
    assert (facts["pictures"], facts["written as"], facts["width, median"]) == (39, "JPEG, PNG", "32 pixels")
    assert facts["turned upright, as the camera said"] == "2.6\u00a0%"


def test_two_columns_of_pictures_or_none_are_told() -> None:
    two = shapes(4).assign(back=shapes(4)["picture"])
    asked = Request(name="a", task="computer_vision", data=Data(path="x", target="shape"))
    with pytest.raises(DataError, match="'picture', 'back' all hold pictures; name the one"):
        column_of(two, asked)
    assert column_of(two, asked.model_copy(update={"data": Data(path="x", target="shape", features=["back"])})) == "back"
    with pytest.raises(DataError, match=r"no column holds pictures\. Columns: 'row_id', 'shape'"):
        column_of(two[["row_id", "shape"]], asked)


# ---------------------------------------------------------------------------------------------------------------- traits


def test_traits_by_hand() -> None:
    black, white, grey, red = (traits(plain(colour)) for colour in ((0, 0, 0), (255, 255, 255), (51, 51, 51), (255, 0, 0)))
    assert [found["brightness"] for found in (black, white, grey, red)] == pytest.approx([0, 1, 0.2, 0.299])
    for found in (black, white, grey, red):
        assert found["contrast"] == pytest.approx(0, abs=1e-9)
        assert found["sharpness"] == pytest.approx(0, abs=1e-9)
        assert (found["width"], found["height"]) == (20, 20)
    assert [found["colourfulness"] for found in (black, white, grey)] == pytest.approx([0, 0, 0], abs=1e-9)
    assert red["colourfulness"] == pytest.approx(0.3 * np.hypot(1, 0.5))  # red-green 1, yellow-blue 0.5, both everywhere
    halves = np.zeros((20, 20, 3), dtype=np.uint8)
    halves[:, 10:] = 255
    assert traits(Image.fromarray(halves))["contrast"] == pytest.approx(0.5)


def test_colourfulness_counts_the_spread_of_both_axes() -> None:
    found = traits(two_halves(40, 20))  # (250, 0, 0) and (0, 0, 250): red-green ±0 and 0.98, yellow-blue 0.49 and -0.98
    part = 250 / 255
    spread = np.hypot(part / 2, 1.5 * part / 2)
    middle = np.hypot(part / 2, part / 4)
    assert found["colourfulness"] == pytest.approx(spread + 0.3 * middle)


def test_a_blurred_picture_is_less_sharp_at_any_size() -> None:
    pixels = np.kron(np.indices((30, 30)).sum(axis=0) % 2, np.ones((8, 8))) * 255
    sharp = Image.fromarray(pixels.astype("uint8")).convert("RGB")
    blurred = sharp.filter(ImageFilter.GaussianBlur(4))
    assert traits(blurred)["sharpness"] < 0.25 * traits(sharp)["sharpness"]
    larger = sharp.resize((960, 960), Image.Resampling.BILINEAR)
    assert traits(larger)["width"] == 960
    assert traits(larger)["sharpness"] == pytest.approx(traits(sharp)["sharpness"], rel=0.5)


def test_a_missing_picture_has_no_traits_and_is_grey_in_the_coarse() -> None:
    found = album([None, cell_of(written(plain((255, 255, 255)), "PNG"))])
    assert traits_of(found).isna().all(axis=1).tolist() == [True, False]
    assert coarse(found).shape == (2, 144)
    assert coarse(found)[0].tolist() == [0.5] * 144
    assert coarse(found)[1].tolist() == [1.0] * 144


def test_pictures_unlike_those_of_train_lie_far_from_them(tmp_path: Path) -> None:
    train = album(shapes(40)["picture"].tolist())
    watch = Watch.of(train, None)
    known, dark = watch.describe(train), watch.describe(album([cell_of(written(plain((0, 0, 0)), "PNG"))]))
    assert [*known] == [*TRAITS, "distance from the centre", *(f"coarse picture, direction {i}" for i in (1, 2, 3))]
    assert dark["distance from the centre"][0] > known["distance from the centre"].quantile(0.9)
    watch.save(tmp_path)
    assert Watch.load(tmp_path).describe(train).equals(known)
    assert {column.kind for column in watch.schema(known).columns} == {"number"}


def test_directions_are_those_of_the_largest_spread_whatever_the_order() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 5)) * [1, 9, 3, 1, 1] + [5, 0, 0, 0, -2]
    found = Directions.of(x)
    assert np.abs(found.along).argmax(axis=1).tolist()[:2] == [1, 2]
    assert np.allclose(found.along[[0, 1], [1, 2]], 1, atol=0.05)  # the largest part is positive
    told = found.describe(x[:3])
    assert told["distance from the centre"] == pytest.approx(np.linalg.norm(x[:3] - x.mean(axis=0), axis=1), rel=1e-5)
    assert np.allclose(Directions.of(x[::-1]).along, found.along, atol=1e-5)


def test_what_is_kept_is_not_computed_again_and_a_spoiled_file_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def compute(things: list[str]) -> npt.NDArray[np.float32]:
        asked.extend(things)
        return np.array([[float(len(thing))] for thing in things], dtype=np.float32)

    kept = VectorCache(tmp_path, compute)  # type: ignore[arg-type]
    assert kept.of({"00a": "x", "00b": "yy", "ff0": "zzz"})["00b"].tolist() == [2.0]
    assert kept.of({"00b": "yy", "00c": "wwww"})["00c"].tolist() == [4.0]
    assert sorted(asked) == ["wwww", "x", "yy", "zzz"]
    first, last = sorted(tmp_path.rglob("*.npz"))
    assert (first.name, last.name) == ("00.npz", "ff.npz")
    whole = first.read_bytes()
    for spoiled in (b"", b"spoiled", whole[: len(whole) // 2], whole[:-30], whole[:200] + b"\0" * 60 + whole[260:]):
        first.write_bytes(spoiled)
        asked.clear()
        assert kept.of({"00a": "x"})["00a"].tolist() == [1.0]
        assert asked == ["x"], spoiled
    assert kept.of({}) == {}
    here = platform_facts(1)
    monkeypatch.setattr("glassbox.families.shared.vector_cache.platform_facts", lambda threads: {**here, "device": "NVIDIA H200"})
    asked.clear()
    assert kept.of({"00a": "x"})["00a"].tolist() == [1.0]
    assert asked == ["x"]  # on another platform the last digits are others


# ------------------------------------------------------------------------------------------------------ explore and leaks


def test_neighbours_by_hand_and_labels_that_look_wrong() -> None:
    angles = np.array([0, 1, 2, 3, 90, 91, 92, 93, 1.5]) * np.pi / 180
    found = np.column_stack([np.cos(angles), np.sin(angles)])
    rows = np.arange(9)
    near = explore.neighbours(found, rows)
    assert near[0].tolist()[:4] == [1, 8, 2, 3]
    assert near.shape == (9, 8)
    frame = shapes(9).assign(shape=["disc"] * 4 + ["square"] * 5)  # the last lies among the discs
    problem = problem_of(frame, "shape", ["disc", "square"])
    four = near[:, :4]
    assert explore.agreement(four, problem.y).tolist() == [0.75, 0.75, 0.75, 0.75, 0.75, 0.75, 0.75, 0.75, 0.0]
    said = explore.mislabelled(four, rows, album(problem.frame["picture"].tolist()), problem)
    assert [picture.head for picture in said.pictures] == ["Labelled square; its neighbours: disc"]
    assert said.say.startswith("1 of 9 pictures")
    none = explore.mislabelled(explore.neighbours(found, rows[4:8]), rows[4:8], album(problem.frame["picture"].tolist()), problem)
    assert none.pictures == []
    assert explore.some(problem, 4).tolist() == [0, 3, 6]
    assert explore.some(problem, 9).tolist() == list(range(9))


def test_near_duplicates_with_two_labels_are_told() -> None:
    found = pictures(12)
    groups = [f"g{i}" for i in range(12)]
    assert explore.near_duplicates(groups, found.album, found.problem).say.startswith("No two")
    groups[3] = groups[0]  # a disc and a square
    shown = explore.near_duplicates(groups, found.album, found.problem)
    assert "2 pictures" in shown.say
    assert "in 1 of them the labels differ" in shown.say
    assert len(shown.pictures) == 2


def test_some_of_each_class_are_shown_and_traits_counted() -> None:
    found = pictures(30, 3)
    heads = [picture.head for picture in explore.grid(found.album, found.problem).pictures]
    assert heads == [name for name in ("bar", "disc", "square") for _ in range(explore.EACH)]
    table = explore.trait_table(traits_of(found.album)).frame().set_index("trait")
    assert table.loc["width"].tolist() == [32] * 5
    assert explore.balance(found.problem)["n"].tolist() == [10, 10, 10]
    assert explore.vectors(found.album).shape == (30, 144)
    assert np.linalg.norm(explore.vectors(found.album), axis=1) == pytest.approx(np.ones(30))


def lit(found: Pictures, by_class: bool) -> Pictures:
    """Plain pictures that are lighter where they are squares; or by turns."""
    cells: list[str | None] = []
    for i, y in enumerate(found.problem.y):
        grey = 60 + (i * 7) % 60 + (90 if (y if by_class else i // 2 % 2) else 0)
        cells.append(cell_of(png_of(np.full((16, 16, 3), grey, dtype="uint8"))))
    return Pictures(found.problem, album(cells))


def test_light_is_worth_a_look_where_it_decides_and_not_otherwise() -> None:
    found = pictures()
    rows = leakage.audit(lit(found, True).album, found.problem)
    assert (rows[0]["column"], rows[0]["verdict"]) == ("brightness", "look")
    assert rows[0]["evidence"].startswith("alone it names the right class for 100.0")
    assert {row["column"]: row["verdict"] for row in rows}["width"] == "clear"
    assert "brightness" in leakage.leaks_table(rows).say
    clear = {row["column"]: row["verdict"] for row in leakage.audit(lit(found, False).album, found.problem)}
    assert clear == dict.fromkeys([*TRAITS, "bytes"], "clear")


def test_how_a_picture_is_written_is_worth_a_look_where_it_decides() -> None:
    found = pictures()
    cells: list[str | None] = []
    for y, cell in zip(found.problem.y, found.album.cells, strict=True):
        content = content_of(str(cell))
        cells.append(cell_of(content + b"\0" * 500) if y else str(cell))  # what stands after the end is not seen
    rows = {row["column"]: row["verdict"] for row in leakage.audit(album(cells), found.problem)}
    assert rows["bytes"] == "look"
    assert rows["brightness"] == "clear"


# ----------------------------------------------------------------------------------------- candidates, comparison, answers


@pytest.mark.parametrize(
    ("cost", "backbones", "side", "kinds"),
    [
        ("low", [], 224, ["majority", "small_network"]),
        ("low", ["a"], 28, ["majority", "embeddings"]),
        ("medium", ["a"], 28, ["majority", "embeddings", "small_network", "fine_tuned"]),
        ("medium", ["a", "b"], 224, ["majority", *["embeddings"] * 3, "fine_tuned"]),
        ("high", ["a", "b"], 224, ["majority", *["embeddings"] * 3, "small_network", *["fine_tuned"] * 4]),
        ("high", ["a"], 224, ["majority", "embeddings", "small_network", "fine_tuned", "fine_tuned"]),
    ],
)
def test_what_is_tried_grows_with_the_cost(cost: str, backbones: list[str], side: int, kinds: list[str]) -> None:
    found = candidates(cost, backbones, side)  # type: ignore[arg-type]
    assert [candidate.kind for candidate in found] == kinds
    assert len({candidate.name for candidate in found}) == len(found)
    assert all(candidate.params["side"] <= side for candidate in found if candidate.kind == "small_network")
    assert {candidate.params["epochs"] for candidate in found if candidate.kind == "small_network"} <= {EPOCHS[cost]}  # type: ignore[index]


def test_the_comparison_ranks_and_remembers(tmp_path: Path) -> None:
    found = pictures(48)
    quick = {"epochs": 4, "batch": 8, "learning_rate": 0.003, "crop": 1.0, "colour": 0.0}
    tried = [
        candidates("low", [], 32)[0],
        candidates("low", [], 32)[1].model_copy(update={"params": quick}),
        candidates("low", ["a"], 32)[1],  # of a backbone that is not there
    ]
    first = compare_together(tried, found.problem, fitter(found, seed=0, memo=ResultCache(tmp_path, {})), KINDS, resamples=50)
    names = [row["candidate"] for row in first.leaderboard["rows"]]
    assert names == ["small network from nothing", "majority", "embeddings of a, linear"]
    assert "weights.backbones" in first.leaderboard["rows"][-1]["note"]
    kept = sorted(tmp_path.rglob("*.json"))
    assert kept
    assert compare_together(
        tried, found.problem, fitter(found, seed=0, memo=ResultCache(tmp_path, {})), KINDS, resamples=50, workers=2
    ).oof.equals(first.oof)
    assert sorted(tmp_path.rglob("*.json")) == kept


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [rate(step, 40) for step in range(40)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert rates[22] == pytest.approx(0.5)
    assert rate(0, 1) == 1.0


def test_an_unknown_kind_is_refused_and_places_are_counted() -> None:
    with pytest.raises(GlassboxError, match="there are majority, embeddings, small_network, fine_tuned, ensemble"):
        kind_of("forest")
    members = [{"kind": "embeddings", "params": {"backbones": [2, 0]}}, {"kind": "fine_tuned", "params": {"backbone": 1}}]
    assert places_of("ensemble", {"members": members}) == [0, 2]
    assert places_of("embeddings", {}) == [0]
    assert places_of("small_network", {}) == places_of("fine_tuned", {"backbone": 1}) == []


# ------------------------------------------------------------------------------------------------- predictor and holdout


def by_hand(towards: list[list[float]]) -> VisionPredictor:
    """A network of one map, the picture's red in fields of four pixels, under a head with these weights."""
    net = Net([nn.Conv2d(3, 1, 4, stride=4, bias=False)], ([0.0] * 3, [1.0] * 3), 2)
    with torch.no_grad():
        net.stages[0].weight.zero_()  # type: ignore[operator]
        net.stages[0].weight[0, 0] = 1 / 16  # type: ignore[index]
        net.head.weight.copy_(torch.tensor(towards))
        net.head.bias.copy_(torch.tensor([0.0, -1.0]))
    frame = shapes(6)
    schema = infer_schema(frame, REQUEST)
    recipe = Recipe(column="picture", side=32)
    watch = Watch.of(ImageCollection(frame["picture"].tolist(), recipe), None)
    return VisionPredictor(schema, recipe, "small_network", {}, Network(net.eval(), "", 32), Calibration(), None, "square", watch)


def corner() -> Pixels:
    pixels = np.full((32, 32, 3), 20, dtype=np.uint8)
    pixels[:8, 24:] = [250, 0, 0]
    return pixels


def test_what_decides_is_found_in_the_corner_where_it_is() -> None:
    predictor = by_hand([[0.0], [30.0]])
    found = explain.looked_at(predictor, corner(), 1)
    assert found is not None
    heat, name = found
    assert (heat.shape, name) == ((32, 32), "the small network")
    assert heat[:8, 24:].mean() > 0.8
    assert heat[12:, :20].max() < 0.2
    assert heat.max() <= 1.0
    assert heat.min() >= 0.0
    against = explain.looked_at(predictor, corner(), 0)
    assert against is not None
    assert against[0].max() == 0.0  # nothing speaks for the other class
    faded = explain.heated(corner(), heat)
    assert faded[2, 29, 0] > 200
    assert faded[2, 29, 1] < 60
    assert np.ptp(faded[20, 5].astype(int)) < 10  # the rest is pale


def test_a_model_that_looks_at_nothing_is_said_to() -> None:
    predictor = replace(by_hand([[0.0], [1.0]]), model=Majority(np.array([0.4, 0.6])))
    assert explain.looked_at(predictor, corner(), 1) is None
    shown = explain.explained(predictor, shapes(6), evaluate.predictions(predictor, shapes(6)))
    assert shown.say == "The model looks at no picture."
    assert len(shown.pictures) == len({picture.head for picture in shown.pictures})


def test_single_pictures_are_explained_and_the_surest_mistakes_shown() -> None:
    predictor = by_hand([[0.0], [6.0]])
    frame = shapes(12)
    shown = explain.explained(predictor, frame, evaluate.predictions(predictor, frame))
    assert len(shown.pictures) == 6
    assert shown.pictures[0].head.startswith("Most confident and correct: called ")
    predicted = evaluate.predictions(predictor, frame)
    wrong = int((predicted["y_pred"] != predicted["y_true"]).sum())
    assert wrong > 1
    said = explain.mistakes(predictor, frame, predicted)
    assert len(said.pictures) == min(12, wrong)
    assert said.say.startswith(f"{wrong} of 12 pictures are called wrong")
    right = predicted.assign(y_pred=predicted["y_true"])
    assert explain.mistakes(predictor, frame, right).pictures == []


def test_pictures_that_stand_twice_count_once_in_the_intervals() -> None:
    rng = np.random.default_rng(0)
    truth = rng.choice(["disc", "square"], 80)
    p = np.where(rng.random(80) < 0.75, truth == "square", truth != "square") * 0.8 + 0.1
    once = pd.DataFrame(
        {"row_id": [f"r{i:03d}" for i in range(80)], "y_true": truth, "y_pred": np.where(p > 0.5, "square", "disc")}
    )
    once = once.assign(proba_disc=1 - p, proba_square=p)
    twice = pd.concat([once, once.assign(row_id=once["row_id"] + "again")]).sort_values("row_id").reset_index(drop=True)
    split = pd.DataFrame({"row_id": twice["row_id"], "content": twice["row_id"].str[:4]})

    def width(predicted: pd.DataFrame, table: pd.DataFrame | None) -> float:
        clusters = evaluate.holdout_clusters(predicted, None, table)
        found = evaluate.holdout_metrics(
            predicted, ["disc", "square"], "square", leading="accuracy", resamples=400, seed=1, clusters=clusters
        )
        low, high = found.values["accuracy"].low, found.values["accuracy"].high
        assert low is not None
        assert high is not None
        return high - low

    assert width(twice, split) > 1.25 * width(twice, None)
    assert width(twice, split) == pytest.approx(width(once, None), rel=0.25)
    assert evaluate.holdout_clusters(twice.iloc[::-1], None, split) == split["content"].tolist()


def test_parts_of_a_holdout_are_told_by_traits_in_the_place_of_the_picture() -> None:
    predictor = by_hand([[0.0], [6.0]])
    rows = shapes(240).assign(shop=["north", "north", "south", "south"] * 60)
    holdout = rows.iloc[::-1]
    schema = infer_schema(rows, REQUEST.model_copy(update={"data": Data(path="x", target="shape")}))
    widened, told = by_traits(holdout, predictor, schema)
    assert "picture" not in widened
    assert [column.name for column in told.columns][-6:] == list(TRAITS)
    assert widened["brightness"].tolist() == [traits(decoded(content_of(cell)))["brightness"] for cell in holdout["picture"]]
    parts = evaluate.slices(widened, evaluate.predictions(predictor, holdout), told, "square", metric="accuracy")
    named = " ".join(parts["slice"])
    assert "brightness" in named
    assert "shop" in named
    assert "picture" not in named


def test_what_is_watched_is_a_sample_of_train_with_its_predictions() -> None:
    predictor = by_hand([[0.0], [6.0]])
    frame = shapes(20)
    oof = evaluate.predictions(predictor, frame)[["row_id", "proba_disc", "proba_square"]].sample(frac=1, random_state=1)
    found = watched(predictor, frame.sample(frac=1, random_state=2), oof)
    assert found.unit == "pictures"
    assert len(found.rows) == 20
    assert found.rows["brightness"].tolist() == traits_of(predictor.album(frame))["brightness"].tolist()
    assert found.predictions["y_pred"].tolist() == predictor.predict(frame)["y_pred"].tolist()


def test_a_short_question_is_a_row_a_picture() -> None:
    predictor = by_hand([[0.0], [6.0]])
    cells = shapes(2)["picture"].tolist()
    assert predictor.expand_query({"pictures": cells}) == [{"picture": cell} for cell in cells]
    assert predictor.expand_query({"picture": cells[0]}) is None
    assert predictor.expand_query({"pictures": cells, "top": 3}) is None
    for wrong in ([], "x", [1], [None], {"a": 1}):
        with pytest.raises(ValueError, match="no list of pictures"):
            predictor.expand_query({"pictures": wrong})


def test_the_jpeg_on_a_page_is_written_by_us() -> None:
    from glassbox.families.vision.thumbnails import shown

    exif = Image.Exif()
    exif[0x010E] = "<script>secret</script>"
    content = written(two_halves(200, 100), "JPEG", exif=exif)
    picture = shown(cell_of(content), "a", "b")
    own = content_of(picture.uri)
    assert b"secret" in content
    assert b"secret" not in own
    assert Image.open(io.BytesIO(own)).size == (192, 96)

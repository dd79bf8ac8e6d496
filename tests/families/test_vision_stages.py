"""The stages of image classification on small data: framing, augmentation, near-duplicates, traits, comparison, explanation."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from PIL import Image, ImageFilter
from torch import nn

from glassbox.data.images.cells import PictureError, cell_of, content_of, decoded, png_of
from glassbox.data.schema import ColumnSchema, Schema, infer_schema
from glassbox.errors import DataError, GlassboxError
from glassbox.families.classification import evaluate
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.classification.dataset import labelled_rows
from glassbox.families.classification.folds import make_folds
from glassbox.families.protocol import Effort
from glassbox.families.shared.compare import compare
from glassbox.families.shared.embedding_drift import Directions
from glassbox.families.shared.vector_cache import VectorCache
from glassbox.families.vision import explain, explore, leakage
from glassbox.families.vision.augment import augment
from glassbox.families.vision.candidates import candidates
from glassbox.families.vision.dataset import VisionDataset
from glassbox.families.vision.effort import EFFORT
from glassbox.families.vision.family import FAMILY
from glassbox.families.vision.image_collection import ImageCollection
from glassbox.families.vision.input_size import compare_sides, sensible_sides
from glassbox.families.vision.models import KINDS, Majority, Network, backbone_indices
from glassbox.families.vision.near_duplicates import near_duplicate_groups
from glassbox.families.vision.networks import Net, load_backbone
from glassbox.families.vision.predictor import VisionPredictor
from glassbox.families.vision.prepare_rows import find_picture_column, prepare_rows
from glassbox.families.vision.recipe import (
    Augmentation,
    Recipe,
    default_recipe,
    default_side,
    picture_column,
    recipe_table,
    to_square,
)
from glassbox.families.vision.reference_features import TRAITS, ReferenceFeatures, coarse_pixels, traits, traits_of
from glassbox.families.vision.slices import add_traits
from glassbox.families.vision.thumbnails import augmentation_examples, thumbnail
from glassbox.families.vision.training import learning_rate_factor
from glassbox.platform_info import platform_facts
from glassbox.request.model import Data, Request
from glassbox.runtime.resources import Resources
from glassbox.runtime.result_cache import ResultCache
from made_pictures import rotated, two_halves, written
from toy_pictures import photo, resaved, shapes, toy_backbone

REQUEST = Request(name="a", task="computer_vision", data=Data(path="x", target="shape", features=["picture"]))
DISABLED = Augmentation(flip=False, crop=1.0, shift=0, colour=0.0, erase=0.0)
Pixels = npt.NDArray[np.uint8]


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (20, 20)) -> Image.Image:
    return Image.new("RGB", size, colour)


def images(cells: list[str | None], side: int = 16) -> ImageCollection:
    return ImageCollection(cells, Recipe(column="picture", side=side))


def pictures(count: int = 60, classes: int = 2) -> VisionDataset:
    frame = shapes(count, classes)
    folds = make_folds(frame["row_id"], frame["shape"], 3)
    labelled = labelled_rows(frame, "shape", sorted(set(frame["shape"])), folds)
    return VisionDataset(labelled, images(labelled.frame["picture"].tolist(), 32))


# ---------------------------------------------------------------------------------------------------------------- recipe


def test_framings_crop_pad_and_squeeze() -> None:
    wide = two_halves(40, 20)  # red on the left, blue on the right
    wide.paste((0, 250, 0), (0, 0, 5, 20))
    crop, pad, squeeze = (to_square(wide, 20, framing) for framing in ("crop", "pad", "squeeze"))  # type: ignore[arg-type]
    assert crop.tolist() == np.asarray(wide.crop((10, 0, 30, 20))).tolist()
    assert pad[0].tolist() == [[127, 127, 127]] * 20
    assert pad[10, 0].tolist() == [0, 250, 0]
    assert pad[10, 19].tolist() == [0, 0, 250]
    assert squeeze[0, 0].tolist() == squeeze[19, 1].tolist() == [0, 250, 0]
    assert squeeze[10, 15].tolist() == [0, 0, 250]
    assert to_square(wide.rotate(90, expand=True), 20, "crop").shape == (20, 20, 3)


def test_image_of_the_input_size_is_not_resampled() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype="uint8")
    recipe = Recipe(column="picture", side=16)
    assert (recipe.pixels(cell_of(png_of(pixels))) == pixels).all()
    assert (recipe.pixels(None) == 127).all()
    assert recipe.pixels(cell_of(png_of(pixels))).flags.writeable


def test_image_is_rotated_by_exif_before_framing_and_truncated_file_raises() -> None:
    recipe = Recipe(column="picture", side=20, framing="squeeze")
    assert recipe.pixels(cell_of(rotated(6)))[2, 10, 0] > 200  # red, on the left in the file, is above
    assert recipe.pixels(cell_of(rotated(1)))[10, 2, 0] > 200
    with pytest.raises(PictureError, match="cut off"):
        recipe.pixels(cell_of(rotated(1)[:-200]))


def test_default_side_is_the_median_side_between_8_and_the_largest_input() -> None:
    from glassbox.families.vision.recipe import LARGEST

    cells = [cell_of(written(plain((9, 9, 9), (40, 28)), "PNG"))] * 3
    assert default_side(cells) == 28
    assert default_side([*cells, "data:image/png;base64,AAAA", None]) == 28
    assert default_side([cell_of(written(plain((9, 9, 9), (LARGEST + 300, LARGEST + 80)), "PNG"))]) == LARGEST
    assert default_side([cell_of(written(plain((9, 9, 9), (5, 2)), "PNG"))]) == 8
    assert default_side([None]) == LARGEST


def test_small_images_are_enlarged_for_pretrained_networks(tmp_path: Path) -> None:
    assert sensible_sides(32, pretrained=True) == [160, 224]
    assert sensible_sides(180, pretrained=True) == [160, 180, 224]
    assert sensible_sides(32, pretrained=False) == [32]
    frame = shapes(24)
    labelled = labelled_rows(frame, "shape", ["disc", "square"], make_folds(frame["row_id"], frame["shape"], 2))
    backbone = load_backbone(toy_backbone(tmp_path / "backbone"))
    images = ImageCollection(labelled.frame["picture"].tolist(), Recipe(column="picture", side=8, backbones=[0]), [backbone])
    side, table = compare_sides(images, labelled, [32, 48], Resources())
    scores = table.frame().set_index("side")["log loss"]
    assert side == scores.idxmin()
    assert set(scores.index) == {32, 48}
    assert f"{side} × {side} pixels" in table.say
    assert compare_sides(images, labelled, [8], Resources())[0] == 8


def test_picture_column_is_the_only_one_or_the_requested_one() -> None:
    schema = Schema(columns=[ColumnSchema(name=name, kind="picture") for name in ("front", "back")])
    assert picture_column(schema, ["back"]) == "back"
    with pytest.raises(DataError, match=r"2 columns hold pictures \(front, back\); name the one to use"):
        picture_column(schema, None)
    with pytest.raises(DataError, match="no column holds pictures"):
        default_recipe(Schema(columns=[ColumnSchema(name="a", kind="text")]), None)


def test_recipe_table_lists_the_settings() -> None:
    schema = Schema(columns=[ColumnSchema(name="picture", kind="picture", missing=0.25)])
    recipe = default_recipe(schema, None, side=32, augmentation=Augmentation(erase=0.3, shift=2))
    settings = recipe_table(recipe, schema, ["squeezenet1_1"]).frame().set_index("step")["setting"]
    assert settings["size"] == "32 × 32"
    assert settings["missing pictures"] == "25.0%"
    assert settings["backbones"] == "squeezenet1_1"
    assert settings["augmentation"] == (
        "mirrored, cropped to 60% of the area or more, shifted by up to 2 pixels, colours changed by up to 20%, "
        "a rectangle erased in 30% of cases"
    )
    assert DISABLED.description == "none"


# ---------------------------------------------------------------------------------------------------------- augmentation


def noise(count: int = 40, side: int = 12) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(3).random((count, 3, side, side), dtype=np.float32))


def test_disabled_augmentation_changes_nothing() -> None:
    x = noise()
    assert torch.equal(augment(x, DISABLED, np.random.default_rng(0)), x)


def test_flip_returns_the_image_or_its_mirror_image() -> None:
    x = noise()
    augmented = augment(x, DISABLED.model_copy(update={"flip": True}), np.random.default_rng(0))
    same, mirrored = ((augmented == expected).flatten(1).all(dim=1) for expected in (x, x.flip(3)))
    assert (same ^ mirrored).all()
    assert 5 < int(mirrored.sum()) < 35


def test_shift_moves_by_whole_pixels_within_its_limit() -> None:
    x = noise(60)
    augmented = augment(x, DISABLED.model_copy(update={"shift": 2}), np.random.default_rng(0))
    padded = nn.functional.pad(x, (2, 2, 2, 2))
    seen = set()
    for i in range(60):
        at = [
            (top, left)
            for top in range(5)
            for left in range(5)
            if torch.equal(augmented[i], padded[i, :, top : top + 12, left : left + 12])
        ]
        assert len(at) == 1
        seen.update(at)
    assert len(seen) > 10


def test_crop_enlarges_a_part_to_the_full_size() -> None:
    ramp = torch.linspace(0, 1, 24).repeat(24, 1).expand(30, 3, 24, 24)
    augmented = augment(ramp, DISABLED.model_copy(update={"crop": 0.25}), np.random.default_rng(0))
    assert augmented.shape == ramp.shape
    spans = augmented.amax(dim=(1, 2, 3)) - augmented.amin(dim=(1, 2, 3))
    assert spans.min() > 0.35  # a quarter of the area at 3:4 is 0.43 of the width
    assert spans.min() < 0.7
    assert (augmented.diff(dim=3) > -1e-5).all()


def test_colour_jitter_leaves_grey_grey_and_stays_within_0_and_1() -> None:
    grey = torch.full((30, 3, 8, 8), 0.5)
    augmented = augment(grey, DISABLED.model_copy(update={"colour": 0.4}), np.random.default_rng(0))
    assert augmented.std(dim=1).max() < 1e-6
    means = augmented.mean(dim=(1, 2, 3))
    assert 0.3 <= float(means.min()) < 0.4
    assert 0.6 < float(means.max()) <= 0.7
    strong = augment(noise(), DISABLED.model_copy(update={"colour": 0.9}), np.random.default_rng(0))
    assert float(strong.min()) >= 0
    assert float(strong.max()) <= 1


def test_erase_fills_one_rectangle_with_the_mean() -> None:
    x = noise(30, 20)
    augmented = augment(x, DISABLED.model_copy(update={"erase": 0.5}), np.random.default_rng(0))
    changed = (augmented != x).any(dim=1)
    touched = changed.flatten(1).any(dim=1)
    assert 5 < int(touched.sum()) < 25
    for i in torch.nonzero(touched)[:, 0].tolist():
        rows, columns = torch.nonzero(changed[i], as_tuple=True)
        area = int(changed[i].sum())
        assert area == (int(rows.max() - rows.min()) + 1) * (int(columns.max() - columns.min()) + 1)
        assert 0.01 < area / 400 < 0.25
        assert torch.allclose(augmented[i][:, changed[i]].mean(dim=1), x[i].mean(dim=(1, 2)), atol=1e-6)


ALL_PARTS = Augmentation(flip=True, crop=0.5, shift=3, colour=0.5, erase=0.5)


def test_augmentation_depends_on_its_generator_alone() -> None:
    x = noise()
    state, original = torch.random.get_rng_state(), x.clone()
    first, second, different = (augment(x, ALL_PARTS, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, different)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(x, original)
    assert float(first.min()) >= 0
    assert float(first.max()) <= 1
    assert first.shape == x.shape


def test_augmentation_examples_show_each_image_and_its_augmented_copies() -> None:
    shown = augmentation_examples(images([None, *shapes(5)["picture"]]), seed=1, rows=2, each=3)
    assert [picture.head for picture in shown.pictures] == ["original", "augmented", "augmented", "augmented"] * 2
    assert len({picture.uri for picture in shown.pictures}) == 8


def test_thumbnail_enlarges_tiny_images_by_an_integer_factor_and_shrinks_large_ones() -> None:
    assert thumbnail(plain((1, 2, 3), (28, 20))).size == (168, 120)
    assert thumbnail(plain((1, 2, 3), (1000, 500))).size == (192, 96)
    assert thumbnail(plain((1, 2, 3), (150, 20))).size == (150, 20)


# ------------------------------------------------------------------------------------------------------- near-duplicates


def test_resaved_image_is_a_near_duplicate_and_another_image_is_not() -> None:
    originals = [photo(seed) for seed in range(12)]
    copies = [
        resaved(content, quality, scale)
        for content, quality, scale in zip(originals, (40, 60, 95) * 4, (1.15, 0.7, 1.0) * 4, strict=True)
    ]
    groups = near_duplicate_groups([cell_of(content) for content in [*originals, *copies]]).tolist()
    assert groups[:12] == groups[12:]
    assert len(set(groups)) == 12


def test_mirrored_or_darker_image_is_not_a_near_duplicate() -> None:
    original = decoded(photo(0))
    changed = [original.transpose(Image.Transpose.FLIP_LEFT_RIGHT), original.point(lambda value: value // 2)]
    assert len(set(near_duplicate_groups([cell_of(written(image, "PNG")) for image in (original, *changed)]))) == 3


def test_group_names_do_not_depend_on_order_or_on_other_images() -> None:
    cells = [cell_of(content) for content in (*(photo(seed) for seed in range(5)), resaved(photo(0)))]
    groups = near_duplicate_groups(cells)
    assert [groups.tolist().index(group) for group in groups] == [0, 1, 2, 3, 4, 0]
    order = np.random.default_rng(0).permutation(6)
    assert near_duplicate_groups([cells[i] for i in order]).tolist() == groups[order].tolist()
    assert near_duplicate_groups(cells[1:4]).tolist() == groups[1:4].tolist()
    assert near_duplicate_groups(cells, workers=1).tolist() == groups.tolist()
    assert len(near_duplicate_groups([])) == 0


def test_unreadable_image_is_a_near_duplicate_of_nothing() -> None:
    truncated = [cell_of(content[:-100]) for content in (photo(0), photo(1))]
    groups = near_duplicate_groups([*truncated, "", cell_of(photo(0))]).tolist()
    assert len(set(groups)) == 4


def test_plain_images_are_distinguished_by_brightness() -> None:
    greys = [cell_of(written(plain((value, value, value)), "PNG")) for value in (100, 104, 108, 112, 140)]
    groups = near_duplicate_groups(
        greys
    ).tolist()  # the hashes are identical; four of the greys differ from the next by at most 0.04
    assert [groups.index(group) for group in groups] == [0, 0, 0, 0, 4]


# ------------------------------------------------------------------------------------------------------------ prepare rows


def test_rows_without_an_image_are_quarantined_and_the_rest_is_described(tmp_path: Path) -> None:
    from glassbox.data.sources import read_source

    rows = shapes(40)[["picture", "shape"]]
    rows["picture"] = [content_of(cell) for cell in rows["picture"]]
    rows.loc[3, "picture"] = None
    rows.loc[4, "picture"] = rotated(6)
    rows.to_parquet(tmp_path / "a.parquet")
    request = Request(name="a", task="computer_vision", data=Data(path="a.parquet", target="shape"))
    arrival, findings = prepare_rows(read_source(request, tmp_path), request)
    assert len(arrival.cells) == 39
    assert arrival.quarantine["reason"].tolist() == ["there is no picture"]
    facts = findings["unit"].facts  # type: ignore[union-attr]
    assert (facts["pictures"], facts["formats"], facts["width, median"]) == (39, "JPEG, PNG", "32 pixels")
    assert facts["rotated upright by EXIF"] == "2.6\u00a0%"


def test_two_picture_columns_or_none_raise() -> None:
    two = shapes(4).assign(back=shapes(4)["picture"])
    request = Request(name="a", task="computer_vision", data=Data(path="x", target="shape"))
    with pytest.raises(DataError, match="'picture', 'back' all hold pictures; name the one to use"):
        find_picture_column(two, request)
    assert (
        find_picture_column(two, request.model_copy(update={"data": Data(path="x", target="shape", features=["back"])})) == "back"
    )
    with pytest.raises(DataError, match=r"no column holds pictures\. Columns: 'row_id', 'shape'"):
        find_picture_column(two[["row_id", "shape"]], request)


# ---------------------------------------------------------------------------------------------------------------- traits


def test_traits_match_values_by_hand() -> None:
    black, white, grey, red = (traits(plain(colour)) for colour in ((0, 0, 0), (255, 255, 255), (51, 51, 51), (255, 0, 0)))
    assert [values["brightness"] for values in (black, white, grey, red)] == pytest.approx([0, 1, 0.2, 0.299])
    for values in (black, white, grey, red):
        assert values["contrast"] == pytest.approx(0, abs=1e-9)
        assert values["sharpness"] == pytest.approx(0, abs=1e-9)
        assert (values["width"], values["height"]) == (20, 20)
    assert [values["colourfulness"] for values in (black, white, grey)] == pytest.approx([0, 0, 0], abs=1e-9)
    assert red["colourfulness"] == pytest.approx(0.3 * np.hypot(1, 0.5))  # red-green 1, yellow-blue 0.5, both everywhere
    halves = np.zeros((20, 20, 3), dtype=np.uint8)
    halves[:, 10:] = 255
    assert traits(Image.fromarray(halves))["contrast"] == pytest.approx(0.5)


def test_colourfulness_uses_the_spread_of_both_axes() -> None:
    measured = traits(two_halves(40, 20))  # (250, 0, 0) and (0, 0, 250): red-green ±0 and 0.98, yellow-blue 0.49 and -0.98
    part = 250 / 255
    spread = np.hypot(part / 2, 1.5 * part / 2)
    middle = np.hypot(part / 2, part / 4)
    assert measured["colourfulness"] == pytest.approx(spread + 0.3 * middle)


def test_blurred_image_is_less_sharp_at_any_size() -> None:
    pixels = np.kron(np.indices((30, 30)).sum(axis=0) % 2, np.ones((8, 8))) * 255
    sharp = Image.fromarray(pixels.astype("uint8")).convert("RGB")
    blurred = sharp.filter(ImageFilter.GaussianBlur(4))
    assert traits(blurred)["sharpness"] < 0.25 * traits(sharp)["sharpness"]
    larger = sharp.resize((960, 960), Image.Resampling.BILINEAR)
    assert traits(larger)["width"] == 960
    assert traits(larger)["sharpness"] == pytest.approx(traits(sharp)["sharpness"], rel=0.5)


def test_missing_image_has_nan_traits_and_grey_coarse_pixels() -> None:
    collection = images([None, cell_of(written(plain((255, 255, 255)), "PNG"))])
    assert traits_of(collection).isna().all(axis=1).tolist() == [True, False]
    assert coarse_pixels(collection).shape == (2, 144)
    assert coarse_pixels(collection)[0].tolist() == [0.5] * 144
    assert coarse_pixels(collection)[1].tolist() == [1.0] * 144


def test_images_unlike_the_training_set_are_far_from_its_centre(tmp_path: Path) -> None:
    train = images(shapes(40)["picture"].tolist())
    reference = ReferenceFeatures.of(train, None)
    described, dark = reference.describe(train), reference.describe(images([cell_of(written(plain((0, 0, 0)), "PNG"))]))
    assert [*described] == [*TRAITS, "distance from the centre", *(f"coarse picture, direction {i}" for i in (1, 2, 3))]
    assert dark["distance from the centre"][0] > described["distance from the centre"].quantile(0.9)
    reference.save(tmp_path)
    assert ReferenceFeatures.load(tmp_path).describe(train).equals(described)
    assert {column.kind for column in reference.schema(described).columns} == {"number"}


def test_directions_are_the_principal_components_in_any_row_order() -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(200, 5)) * [1, 9, 3, 1, 1] + [5, 0, 0, 0, -2]
    directions = Directions.of(x)
    assert np.abs(directions.along).argmax(axis=1).tolist()[:2] == [1, 2]
    assert np.allclose(directions.along[[0, 1], [1, 2]], 1, atol=0.05)  # the largest part is positive
    described = directions.describe(x[:3])
    assert described["distance from the centre"] == pytest.approx(np.linalg.norm(x[:3] - x.mean(axis=0), axis=1), rel=1e-5)
    assert np.allclose(Directions.of(x[::-1]).along, directions.along, atol=1e-5)


def test_cached_vectors_are_not_recomputed_and_corrupt_files_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[str] = []

    def compute(items: list[str]) -> npt.NDArray[np.float32]:
        computed.extend(items)
        return np.array([[float(len(item))] for item in items], dtype=np.float32)

    cache = VectorCache(tmp_path, compute)  # type: ignore[arg-type]
    assert cache.of({"00a": "x", "00b": "yy", "ff0": "zzz"})["00b"].tolist() == [2.0]
    assert cache.of({"00b": "yy", "00c": "wwww"})["00c"].tolist() == [4.0]
    assert sorted(computed) == ["wwww", "x", "yy", "zzz"]
    first, last = sorted(tmp_path.rglob("*.npz"))
    assert (first.name, last.name) == ("00.npz", "ff.npz")
    whole = first.read_bytes()
    for corrupt in (b"", b"corrupt", whole[: len(whole) // 2], whole[:-30], whole[:200] + b"\0" * 60 + whole[260:]):
        first.write_bytes(corrupt)
        computed.clear()
        assert cache.of({"00a": "x"})["00a"].tolist() == [1.0]
        assert computed == ["x"], corrupt
    assert cache.of({}) == {}
    facts = platform_facts(1)
    monkeypatch.setattr(
        "glassbox.families.shared.vector_cache.platform_facts", lambda threads: {**facts, "device": "NVIDIA H200"}
    )
    computed.clear()
    assert cache.of({"00a": "x"})["00a"].tolist() == [1.0]
    assert computed == ["x"]  # vectors of another platform are rounded differently


# ---------------------------------------------------------------------------------------------------- explore and leakage


def test_nearest_neighbours_and_label_errors_match_values_by_hand() -> None:
    angles = np.array([0, 1, 2, 3, 90, 91, 92, 93, 1.5]) * np.pi / 180
    vectors = np.column_stack([np.cos(angles), np.sin(angles)])
    rows = np.arange(9)
    neighbours = explore.nearest_neighbours(vectors, rows)
    assert neighbours[0].tolist()[:4] == [1, 8, 2, 3]
    assert neighbours.shape == (9, 8)
    frame = shapes(9).assign(shape=["disc"] * 4 + ["square"] * 5)  # the last lies among the discs
    labelled = labelled_rows(frame, "shape", ["disc", "square"])
    nearest_four = neighbours[:, :4]
    assert explore.label_agreement(nearest_four, labelled.y).tolist() == [0.75, 0.75, 0.75, 0.75, 0.75, 0.75, 0.75, 0.75, 0.0]
    shown = explore.label_errors(nearest_four, rows, images(labelled.frame["picture"].tolist()), labelled)
    assert [picture.head for picture in shown.pictures] == ["Labelled square; its neighbours: disc"]
    assert shown.say.startswith("1 of 9 pictures")
    none = explore.label_errors(
        explore.nearest_neighbours(vectors, rows[4:8]), rows[4:8], images(labelled.frame["picture"].tolist()), labelled
    )
    assert none.pictures == []
    assert explore.sample_rows(labelled, 4).tolist() == [0, 3, 6]
    assert explore.sample_rows(labelled, 9).tolist() == list(range(9))


def test_near_duplicates_with_conflicting_labels_are_reported() -> None:
    data = pictures(12)
    groups = [f"g{i}" for i in range(12)]
    assert explore.near_duplicates(groups, data.images, data.data).say.startswith("There are no near-duplicates")
    groups[3] = groups[0]  # a disc and a square
    shown = explore.near_duplicates(groups, data.images, data.data)
    assert "2 pictures" in shown.say
    assert "in 1 of them the labels differ" in shown.say
    assert len(shown.pictures) == 2


def test_examples_of_each_class_and_trait_summary() -> None:
    data = pictures(30, 3)
    heads = [picture.head for picture in explore.grid(data.images, data.data).pictures]
    assert heads == [name for name in ("bar", "disc", "square") for _ in range(explore.EACH)]
    table = explore.trait_table(traits_of(data.images)).frame().set_index("trait")
    assert table.loc["width"].tolist() == [32] * 5
    assert explore.balance(data.data)["n"].tolist() == [10, 10, 10]
    assert explore.unit_vectors(data.images).shape == (30, 144)
    assert np.linalg.norm(explore.unit_vectors(data.images), axis=1) == pytest.approx(np.ones(30))


def lit(data: VisionDataset, by_class: bool) -> VisionDataset:
    """Replace the images by plain ones that are brighter for one class, or independently of the class."""
    cells: list[str | None] = []
    for i, y in enumerate(data.data.y):
        grey = 60 + (i * 7) % 60 + (90 if (y if by_class else i // 2 % 2) else 0)
        cells.append(cell_of(png_of(np.full((16, 16, 3), grey, dtype="uint8"))))
    return VisionDataset(data.data, images(cells))


def test_brightness_is_flagged_only_where_it_determines_the_class() -> None:
    data = pictures()
    rows = leakage.audit(lit(data, True).images, data.data)
    assert (rows[0]["column"], rows[0]["verdict"]) == ("brightness", "look")
    assert rows[0]["evidence"].startswith("alone it predicts the right class for 100.0")
    assert {row["column"]: row["verdict"] for row in rows}["width"] == "clear"
    assert "brightness" in leakage.leaks_table(rows).say
    clear = {row["column"]: row["verdict"] for row in leakage.audit(lit(data, False).images, data.data)}
    assert clear == dict.fromkeys([*TRAITS, "bytes"], "clear")


def test_file_size_is_flagged_where_it_determines_the_class() -> None:
    data = pictures()
    cells: list[str | None] = []
    for y, cell in zip(data.data.y, data.images.cells, strict=True):
        content = content_of(str(cell))
        cells.append(cell_of(content + b"\0" * 500) if y else str(cell))  # bytes after the end of the file are not decoded
    rows = {row["column"]: row["verdict"] for row in leakage.audit(images(cells), data.data)}
    assert rows["bytes"] == "look"
    assert rows["brightness"] == "clear"


# ----------------------------------------------------------------------------------- candidates, comparison, learning rate


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
def test_candidates_grow_with_the_cost(cost: str, backbones: list[str], side: int, kinds: list[str]) -> None:
    tried = candidates(cost, EFFORT[cost], backbones, side)  # type: ignore[arg-type]
    assert [candidate.kind for candidate in tried] == kinds
    assert len({candidate.name for candidate in tried}) == len(tried)
    assert all(candidate.params["side"] <= side for candidate in tried if candidate.kind == "small_network")
    assert {candidate.params["epochs"] for candidate in tried if candidate.kind == "small_network"} <= {
        EFFORT[cost].sizes["epochs"]
    }  # type: ignore[index]


def test_comparison_ranks_candidates_and_caches_results(tmp_path: Path) -> None:
    data = pictures(48)
    quick = {"epochs": 4, "batch": 8, "learning_rate": 0.003, "crop": 1.0, "colour": 0.0}
    tried = [
        candidates("low", EFFORT["low"], [], 32)[0],
        candidates("low", EFFORT["low"], [], 32)[1].model_copy(update={"params": quick}),
        candidates("low", EFFORT["low"], ["a"], 32)[1],  # a backbone that the request does not list
    ]
    effort, cache = Effort("For tests.", trials=1, resamples=50), ResultCache(tmp_path, {})
    first = compare(FAMILY, data, tried, "log_loss", effort, Resources(cache=cache))
    names = [row["candidate"] for row in first.leaderboard["rows"]]
    assert names == ["small network from scratch", "majority", "embeddings of a, linear"]
    assert "weights.backbones" in first.leaderboard["rows"][-1]["note"]
    cached = sorted(tmp_path.rglob("*.json"))
    assert cached
    again = compare(FAMILY, data, tried, "log_loss", effort, Resources(cache=cache, workers=2))
    assert again.oof.equals(first.oof)
    assert sorted(tmp_path.rglob("*.json")) == cached


def test_learning_rate_warms_up_and_decays() -> None:
    rates = [learning_rate_factor(step, 40) for step in range(40)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert rates[22] == pytest.approx(0.5)
    assert learning_rate_factor(0, 1) == 1.0


def test_unknown_kind_raises_and_backbone_indices_are_collected() -> None:
    with pytest.raises(GlassboxError, match="expected one of majority, embeddings, small_network, fine_tuned, ensemble"):
        KINDS["forest"]
    members = [{"kind": "embeddings", "params": {"backbones": [2, 0]}}, {"kind": "fine_tuned", "params": {"backbone": 1}}]
    assert backbone_indices("ensemble", {"members": members}) == [0, 2]
    assert backbone_indices("embeddings", {}) == [0]
    assert backbone_indices("small_network", {}) == backbone_indices("fine_tuned", {"backbone": 1}) == []


# ------------------------------------------------------------------------------------------------- predictor and holdout


def red_detector(weights: list[list[float]]) -> VisionPredictor:
    """A network with one feature map, the mean red of each 4 × 4 block, under a head with these weights."""
    net = Net([nn.Conv2d(3, 1, 4, stride=4, bias=False)], ([0.0] * 3, [1.0] * 3), 2)
    with torch.no_grad():
        net.stages[0].weight.zero_()  # type: ignore[operator]
        net.stages[0].weight[0, 0] = 1 / 16  # type: ignore[index]
        net.head.weight.copy_(torch.tensor(weights))
        net.head.bias.copy_(torch.tensor([0.0, -1.0]))
    frame = shapes(6)
    schema = infer_schema(frame, REQUEST)
    recipe = Recipe(column="picture", side=32)
    reference = ReferenceFeatures.of(ImageCollection(frame["picture"].tolist(), recipe), None)
    return VisionPredictor(
        schema, recipe, "small_network", {}, Network(net.eval(), "", 32), Calibration(), None, "square", reference
    )


def corner() -> Pixels:
    pixels = np.full((32, 32, 3), 20, dtype=np.uint8)
    pixels[:8, 24:] = [250, 0, 0]
    return pixels


def test_grad_cam_highlights_the_region_that_determines_the_class() -> None:
    predictor = red_detector([[0.0], [30.0]])
    cam = explain.grad_cam(predictor, corner(), 1)
    assert cam is not None
    heat, name = cam
    assert (heat.shape, name) == ((32, 32), "the small network")
    assert heat[:8, 24:].mean() > 0.8
    assert heat[12:, :20].max() < 0.2
    assert heat.max() <= 1.0
    assert heat.min() >= 0.0
    opposite = explain.grad_cam(predictor, corner(), 0)
    assert opposite is not None
    assert opposite[0].max() == 0.0  # there is no evidence for the other class
    faded = explain.overlay_heatmap(corner(), heat)
    assert faded[2, 29, 0] > 200
    assert faded[2, 29, 1] < 60
    assert np.ptp(faded[20, 5].astype(int)) < 10  # the rest is faded


def test_model_without_an_image_has_no_grad_cam() -> None:
    predictor = replace(red_detector([[0.0], [1.0]]), model=Majority(np.array([0.4, 0.6])))
    assert explain.grad_cam(predictor, corner(), 1) is None
    shown = explain.grad_cam_examples(predictor, shapes(6), evaluate.predictions(predictor, shapes(6)))
    assert shown.say == "The model does not use the picture."
    assert len(shown.pictures) == len({picture.head for picture in shown.pictures})


def test_examples_are_explained_and_confident_errors_shown() -> None:
    predictor = red_detector([[0.0], [6.0]])
    frame = shapes(12)
    shown = explain.grad_cam_examples(predictor, frame, evaluate.predictions(predictor, frame))
    assert len(shown.pictures) == 6
    assert shown.pictures[0].head.startswith("Most confident and correct: predicted ")
    predicted = evaluate.predictions(predictor, frame)
    wrong = int((predicted["y_pred"] != predicted["y_true"]).sum())
    assert wrong > 1
    errors = explain.error_examples(predictor, frame, predicted)
    assert len(errors.pictures) == min(12, wrong)
    assert errors.say.startswith(f"{wrong} of 12 pictures are misclassified")
    correct = predicted.assign(y_pred=predicted["y_true"])
    assert explain.error_examples(predictor, frame, correct).pictures == []


def test_duplicate_images_count_once_in_the_intervals() -> None:
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
        estimates = evaluate.holdout_metrics(
            predicted, ["disc", "square"], "square", leading="accuracy", resamples=400, seed=1, clusters=clusters
        )
        low, high = estimates.values["accuracy"].low, estimates.values["accuracy"].high
        assert low is not None
        assert high is not None
        return high - low

    assert width(twice, split) > 1.25 * width(twice, None)
    assert width(twice, split) == pytest.approx(width(once, None), rel=0.25)
    assert evaluate.holdout_clusters(twice.iloc[::-1], None, split) == split["content"].tolist()


def test_slices_use_traits_in_place_of_the_image() -> None:
    predictor = red_detector([[0.0], [6.0]])
    rows = shapes(240).assign(shop=["north", "north", "south", "south"] * 60)
    holdout = rows.iloc[::-1]
    schema = infer_schema(rows, REQUEST.model_copy(update={"data": Data(path="x", target="shape")}))
    widened, widened_schema = add_traits(holdout, predictor, schema)
    assert "picture" not in widened
    assert [column.name for column in widened_schema.columns][-6:] == list(TRAITS)
    assert widened["brightness"].tolist() == [traits(decoded(content_of(cell)))["brightness"] for cell in holdout["picture"]]
    parts = evaluate.slices(widened, evaluate.predictions(predictor, holdout), widened_schema, "square", metric="accuracy")
    names = " ".join(parts["slice"])
    assert "brightness" in names
    assert "shop" in names
    assert "picture" not in names


def test_monitoring_reference_is_a_sample_of_train_with_its_predictions() -> None:
    predictor = red_detector([[0.0], [6.0]])
    frame = shapes(20)
    oof = evaluate.predictions(predictor, frame)[["row_id", "proba_disc", "proba_square"]].sample(frac=1, random_state=1)
    reference = FAMILY.reference(predictor, frame.sample(frac=1, random_state=2), oof, Resources())
    assert reference.unit == "pictures"
    assert len(reference.rows) == 20
    assert reference.rows["brightness"].tolist() == traits_of(predictor.images(frame))["brightness"].tolist()
    assert reference.predictions["y_pred"].tolist() == predictor.predict(frame)["y_pred"].tolist()


def test_query_of_several_pictures_is_expanded_to_one_row_each() -> None:
    predictor = red_detector([[0.0], [6.0]])
    cells = shapes(2)["picture"].tolist()
    assert predictor.expand_query({"pictures": cells}) == [{"picture": cell} for cell in cells]
    assert predictor.expand_query({"picture": cells[0]}) is None
    assert predictor.expand_query({"pictures": cells, "top": 3}) is None
    for wrong in ([], "x", [1], [None], {"a": 1}):
        with pytest.raises(ValueError, match="not a list of pictures"):
            predictor.expand_query({"pictures": wrong})


def test_thumbnail_contains_no_metadata_of_the_original() -> None:
    from glassbox.families.vision.thumbnails import cell_thumbnail

    exif = Image.Exif()
    exif[0x010E] = "<script>secret</script>"
    content = written(two_halves(200, 100), "JPEG", exif=exif)
    picture = cell_thumbnail(cell_of(content), "a", "b")
    reencoded = content_of(picture.uri)
    assert b"secret" in content
    assert b"secret" not in reencoded
    assert Image.open(io.BytesIO(reencoded)).size == (192, 96)

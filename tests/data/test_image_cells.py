"""Picture cells: encoding, decoding, validation, and columns of pictures in a schema."""

import base64
import contextlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from glassbox.data.images import cells
from glassbox.data.images.cells import (
    PictureError,
    cell_of,
    content_of,
    decoded,
    describe_cell,
    looks_like_picture,
    orientation,
    png_of,
)
from glassbox.data.ingest import conform_parts
from glassbox.data.schema import ColumnSchema, Schema, conform, infer_schema
from glassbox.data.split import split
from glassbox.data.target_checks import check_target
from glassbox.errors import DataError
from glassbox.request.model import Data, Request, Split
from glassbox.request.tasks import CLASS_METRICS, TASKS, Task
from made_pictures import LEFT, RIGHT, png_claiming, rotated, two_halves, written


def near(image: Image.Image, at: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    return all(abs(a - b) < 40 for a, b in zip(image.getpixel(at), colour, strict=True))  # type: ignore[arg-type]


@pytest.fixture
def picture_request(monkeypatch: pytest.MonkeyPatch) -> Request:
    """A request of a task that reads pictures."""
    row = Task(family="vision", metrics=CLASS_METRICS, reads="pictures")
    monkeypatch.setitem(TASKS, "computer_vision", row)
    return Request(name="a", task="computer_vision", data=Data(path="x", target="y"), folds=2)


EVERY_FORMAT = {
    "JPEG": written(two_halves(), "JPEG"),
    "PNG": written(two_halves(), "PNG"),
    "WEBP": written(two_halves(), "WEBP"),
    "GIF": written(two_halves(), "GIF"),
    "BMP": written(two_halves(), "BMP"),
    "TIFF": written(two_halves(), "TIFF", compression="tiff_lzw"),
}


@pytest.mark.parametrize("form", EVERY_FORMAT)
def test_every_format_is_detected_and_decoded_to_rgb(form: str) -> None:
    content = EVERY_FORMAT[form]
    assert looks_like_picture(content[:32])
    assert cell_of(content).startswith(f"data:image/{form.lower()};base64,")
    image = decoded(content)
    assert (image.mode, image.size) == ("RGB", (40, 20))
    assert near(image, (5, 10), LEFT)
    assert near(image, (35, 10), RIGHT)


@pytest.mark.parametrize(
    "content", [b"", b"a,b\n1,2\n", b"BM is a text", b"%PDF-1.7", b"RIFFxxxxWAVE", b"\x00\x00\x01\x00ico", b"<svg/>"]
)
def test_bytes_of_other_formats_are_not_pictures(content: bytes) -> None:
    assert not looks_like_picture(content)
    with pytest.raises(PictureError, match=r"not a picture \(JPEG, PNG, WebP, GIF, BMP or TIFF\)|empty"):
        decoded(content)


def test_a_cell_preserves_the_bytes() -> None:
    content = EVERY_FORMAT["JPEG"]
    bare = base64.b64encode(content).decode()
    assert content_of(cell_of(content)) == content
    assert content_of(bare) == content
    assert content_of("\n".join(bare[i : i + 76] for i in range(0, len(bare), 76)) + " ") == content
    assert content_of("DATA:application/octet-stream;BASE64," + bare) == content


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("", "empty"),
        ("data:image/png;base64,", "empty"),
        ("a cat!", "invalid base64"),
        ("data:image/svg+xml,%3Csvg/%3E", "a data URI that is not in base64"),
        ("data:image/png;base64", "a data URI that is not in base64"),
        ("data:image/png;base64,\u00fc", "invalid base64"),
        ("AAAAA", "invalid base64"),
    ],
)
def test_invalid_cells_are_rejected(cell: str, reason: str) -> None:
    with pytest.raises(PictureError) as caught:
        content_of(cell)
    assert str(caught.value) == reason


def test_a_decompression_bomb_is_rejected_by_its_header() -> None:
    with pytest.raises(PictureError) as caught:
        decoded(png_claiming(60_000, 60_000))
    assert str(caught.value) == "3,600 million pixels, more than the 50 million that are read"
    with pytest.raises(PictureError, match="101 million pixels"):  # Pillow itself would only warn
        decoded(png_claiming(10_001, 10_000))
    with pytest.raises(PictureError, match="million pixels"):
        orientation(png_claiming(60_000, 60_000))


def test_a_picture_of_too_many_bytes_is_rejected_before_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    content = EVERY_FORMAT["PNG"] + b"\0" * (3 * 2**20)
    monkeypatch.setattr(cells, "MOST_BYTES", 2**20)
    for read in (lambda: decoded(content), lambda: content_of(cell_of(content))):
        with pytest.raises(PictureError, match="4 MB, more than the 1 MB that are read"):
            read()


@pytest.mark.parametrize("form", EVERY_FORMAT)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_picture_is_rejected(form: str, share: float) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (80, 90, 3), dtype="uint8"))
    content = written(noise, form)
    assert decoded(content).size == (90, 80)
    with pytest.raises(PictureError, match="cut off or broken"):
        decoded(content[: int(share * len(content))])


def test_a_png_without_its_end_chunk_is_rejected_even_with_all_pixels() -> None:
    with pytest.raises(PictureError, match="cut off"):
        decoded(EVERY_FORMAT["PNG"][:-12])


def test_a_wrong_checksum_is_rejected() -> None:
    content = bytearray(EVERY_FORMAT["PNG"])
    content[40] ^= 0xFF
    with pytest.raises(PictureError, match="cut off or broken"):
        decoded(bytes(content))


@settings(max_examples=150, deadline=None)
@given(form=st.sampled_from(sorted(EVERY_FORMAT)), data=st.data())
def test_corrupt_bytes_raise_only_picture_errors(form: str, data: st.DataObject) -> None:
    content = bytearray(EVERY_FORMAT[form])
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(PictureError):
        assert decoded(bytes(content)).mode == "RGB"
    with contextlib.suppress(PictureError):
        assert 0 <= orientation(bytes(content)) <= 8


# The position of the red half, on the left in the file, in the upright picture.
@pytest.mark.parametrize(
    ("value", "size", "red"),
    [
        (1, (40, 20), (5, 5)),
        (2, (40, 20), (35, 5)),
        (3, (40, 20), (35, 5)),
        (4, (40, 20), (5, 5)),
        (5, (20, 40), (5, 5)),
        (6, (20, 40), (5, 5)),
        (7, (20, 40), (5, 35)),
        (8, (20, 40), (5, 35)),
    ],
)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_pictures_are_rotated_by_their_exif_orientation(
    form: str, value: int, size: tuple[int, int], red: tuple[int, int]
) -> None:
    content = rotated(value, form)
    assert orientation(content) == value
    image = decoded(content)
    assert image.size == size
    assert near(image, red, LEFT)


def test_an_invalid_orientation_is_ignored() -> None:
    assert orientation(EVERY_FORMAT["JPEG"]) == 1
    assert orientation(rotated(9)) == 0
    assert decoded(rotated(9)).size == (40, 20)


def test_transparency_is_composited_on_white() -> None:
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    half = Image.new("RGBA", (4, 4), (0, 0, 0, 128))
    assert decoded(written(clear, "PNG")).getpixel((0, 0)) == (255, 255, 255)
    assert decoded(written(clear, "WEBP", lossless=True)).getpixel((0, 0)) == (255, 255, 255)
    assert decoded(written(half, "PNG")).getpixel((0, 0)) == (127, 127, 127)
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    assert decoded(written(palette, "PNG")).getpixel((0, 0)) == (10, 20, 30)
    assert decoded(written(palette, "PNG", transparency=1)).getpixel((0, 0)) == (255, 255, 255)
    assert decoded(written(palette, "PNG", transparency=bytes([255, 0]))).getpixel((0, 0)) == (255, 255, 255)
    greys = Image.new("LA", (4, 4), (0, 0))
    assert decoded(written(greys, "PNG")).getpixel((0, 0)) == (255, 255, 255)


def test_cmyk_and_greyscale_are_converted_to_rgb() -> None:
    assert near(decoded(written(two_halves().convert("CMYK"), "JPEG")), (5, 5), LEFT)
    assert decoded(written(Image.new("L", (4, 4), 77), "PNG")).getpixel((0, 0)) == (77, 77, 77)
    assert decoded(written(Image.new("1", (4, 4), 1), "PNG")).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_16_bit_greyscale_is_scaled_to_8_bits(form: str) -> None:
    wide = np.array([[0, 257, 32_896, 65_535]], dtype="uint16")
    pixels = np.asarray(decoded(written(Image.fromarray(wide), form)))
    assert pixels[0, :, 0].tolist() == [0, 1, 128, 255]


def test_float_pixels_are_rejected() -> None:
    with pytest.raises(PictureError, match="32-bit pixels"):
        decoded(written(Image.fromarray(np.ones((4, 4), dtype="float32")), "TIFF"))


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP"])
def test_the_first_of_several_frames_is_decoded(form: str) -> None:
    content = written(two_halves(), form, save_all=True, append_images=[Image.new("RGB", (40, 20), (0, 250, 0))])
    assert near(decoded(content), (5, 5), LEFT)


def test_png_encoding_is_lossless_and_deterministic() -> None:
    for shape in ((5, 7), (5, 7, 3)):
        pixels = np.random.default_rng(2).integers(0, 256, shape, dtype="uint8")
        content = png_of(pixels)
        assert content == png_of(pixels.copy(order="F"))
        decoded_pixels = np.asarray(decoded(content))
        assert (decoded_pixels == (pixels if len(shape) == 3 else pixels[..., None])).all()


def test_descriptions_of_cells_contain_no_picture() -> None:
    content = EVERY_FORMAT["JPEG"]
    assert describe_cell(cell_of(content)) == f"(a picture of {len(content)} bytes)"
    assert describe_cell("data about cats") == "data about cats"


# ----------------------------------------------------------------------------------------------------------- schema


def shop(rows: int = 120) -> pd.DataFrame:
    """Make uniform grey pictures, every third of them missing."""
    cells = [None if i % 3 == 2 else cell_of(png_of(np.full((4, 4), i, dtype="uint8"))) for i in range(rows)]
    return pd.DataFrame({"photo": cells, "y": ["a", "b"] * (rows // 2)})


def test_a_column_of_pictures_has_the_kind_picture(picture_request: Request) -> None:
    column = infer_schema(shop(), picture_request).column("photo")
    assert (column.kind, column.missing, column.distinct, column.categories) == ("picture", 1 / 3, 80, None)
    same = shop().assign(photo=shop()["photo"][0])
    assert infer_schema(same, picture_request).column("photo").kind == "picture"
    named = picture_request.model_copy(update={"data": picture_request.data.model_copy(update={"id": "photo"})})
    assert infer_schema(shop(), named).column("photo").kind == "picture"
    mixed = shop().assign(photo=shop()["photo"].fillna("a cat!"))
    assert infer_schema(mixed, picture_request).column("photo").kind != "picture"


def test_other_tasks_have_no_kind_picture(make_request) -> None:
    assert infer_schema(shop(), make_request()).column("photo").kind != "picture"


PHOTO = Schema(columns=[ColumnSchema(name="photo", kind="picture")])


def test_conform_decodes_pictures_and_returns_data_uris() -> None:
    content = EVERY_FORMAT["JPEG"]
    bare = base64.b64encode(content).decode()
    sent = pd.DataFrame({"photo": [cell_of(content), bare, f" {bare[:50]}\n{bare[50:]} ", f"data:;base64,{bare}", None, " "]})
    conformed = conform(sent, PHOTO)
    assert conformed.problems == []
    assert conformed.frame["photo"].tolist() == [cell_of(content)] * 4 + [None, None]


def test_problems_with_pictures_contain_no_base64() -> None:
    cut = cell_of(EVERY_FORMAT["JPEG"][:-200])
    conformed = conform(pd.DataFrame({"photo": [cut, "a cat!", 5, cell_of(b"a,b\n1,2")]}), PHOTO)
    assert [problem.row for problem in conformed.problems] == [0, 1, 2, 3]
    assert conformed.problems[0].found == f"cut off or broken ({len(cut):,} characters)"
    assert conformed.problems[1].found == "invalid base64 (6 characters)"
    assert {problem.expected for problem in conformed.problems} == {"a picture (JPEG, PNG, WebP, GIF, BMP or TIFF) in base64"}
    assert conformed.frame["photo"].tolist() == [None] * 4


def test_pictures_are_decoded_only_once_by_ingest(picture_request: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = shop()
    schema = infer_schema(frame, picture_request)
    parts = split(frame.assign(photo=frame["photo"].fillna(frame["photo"][0])), picture_request)

    def refuse(content: bytes) -> None:
        raise AssertionError("decoded")

    monkeypatch.setattr(cells, "decoded", refuse)
    snapshot = conform_parts(parts, schema)
    assert snapshot.notes == []
    assert set(snapshot.train["photo"]) <= set(frame["photo"])
    with pytest.raises(AssertionError, match="decoded"):
        conform(frame[["photo"]], schema)
    assert conform(
        pd.DataFrame({"photo": ["a cat!"]}), schema, pictures_read=True
    ).problems  # not a data URI, so it is decoded regardless


def test_error_messages_contain_no_picture(picture_request: Request) -> None:
    frame = shop().dropna(ignore_index=True).convert_dtypes(dtype_backend="pyarrow")
    picture_target = picture_request.model_copy(update={"data": picture_request.data.model_copy(update={"target": "photo"})})
    with pytest.raises(DataError, match="'photo' contains the pictures; name the column"):
        check_target(frame, picture_target)
    picture_split = picture_request.model_copy(update={"split": Split(by="column", column="photo")})
    with pytest.raises(DataError) as caught:
        split(frame, picture_split)
    assert len(str(caught.value)) < 700

"""Pictures at the door: their bytes, or base64 in JSON; and what is none, cut off, or would fill the memory."""

import base64
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from glassbox.data.images.cells import cell_of, content_of, decoded
from glassbox.data.schema import ColumnSchema, Schema
from glassbox.serving import openapi
from glassbox.serving.dependencies import libraries_of, serving_code
from glassbox.serving.example_rows import broken_row, example_rows
from glassbox.serving.request_parsing import (
    MAX_BODY_BYTES,
    MAX_PICTURE_BYTES,
    RefusedError,
    admit,
    body_limit,
    expectation,
    parse_rows,
    picture_field,
    picture_row,
)
from glassbox.serving.service import check_headers, predicted
from made_pictures import png_claiming, rotated, two_halves, written

PHOTO = Schema(columns=[ColumnSchema(name="photo", kind="picture"), ColumnSchema(name="fruit", kind="category")], target="fruit")
PRICED = PHOTO.model_copy(update={"columns": [*PHOTO.columns, ColumnSchema(name="price", kind="number", low=0, high=9)]})
TABLE = Schema(columns=[ColumnSchema(name="price", kind="number", low=0, high=9)])
PNG, JPEG = written(two_halves(), "PNG"), written(two_halves(), "JPEG")
IMAGE, BYTES, JSON = ({"content-type": kind} for kind in ("image/png", "application/octet-stream", "application/json"))


class Sizes:
    """Says of each picture how wide and high it is."""

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        sizes = [(0, 0) if cell is None else decoded(content_of(cell)).size for cell in frame["photo"]]
        return pd.DataFrame({"y_pred": [f"{width} x {height}" for width, height in sizes]})

    def expand_query(self, question: dict[str, Any]) -> list[dict[str, Any]] | None:
        return [{"photo": picture} for picture in question["pictures"]] if set(question) == {"pictures"} else None


def sent(body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """What the service answers, but for its transport."""
    package: Any = SimpleNamespace(schema=PHOTO, predictor=Sizes(), model="m")
    try:
        answer = predicted(package, body, check_headers(headers, PHOTO))
    except RefusedError as refused:
        return refused.status, {"detail": refused.detail, "problems": refused.problems}
    return answer.status_code, json.loads(bytes(answer.body))


def based(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (PNG, IMAGE),
        (PNG, BYTES),
        (JPEG, IMAGE),  # what it is, is seen by its bytes
        (JPEG, {"content-type": "IMAGE/JPEG; q=1"}),
        (json.dumps({"photo": based(PNG)}).encode(), JSON),
        (json.dumps({"photo": cell_of(JPEG)}).encode(), JSON),
        (json.dumps({"rows": [{"photo": f" {based(PNG)}\n"}]}).encode(), JSON),
        (json.dumps({"pictures": [based(PNG)]}).encode(), JSON),
    ],
)
def test_a_picture_gets_an_answer_however_it_is_sent(body: bytes, headers: dict[str, str]) -> None:
    status, answer = sent(body, headers)
    assert (status, answer["predictions"], answer["warnings"]) == (200, [{"y_pred": "40 x 20"}], [])


def test_a_picture_is_turned_upright_at_the_door_as_in_training() -> None:
    assert sent(rotated(6), IMAGE)[1]["predictions"] == [{"y_pred": "20 x 40"}]


def test_several_pictures_are_answered_in_order_and_a_missing_one_with_a_warning() -> None:
    status, answer = sent(json.dumps({"pictures": [based(JPEG), based(rotated(6)), None]}).encode(), JSON)
    assert status == 200
    assert [row["y_pred"] for row in answer["predictions"]] == ["40 x 20", "20 x 40", "0 x 0"]
    assert [(row["row"], row["expected"]) for row in answer["warnings"]] == [(2, "never missing in the training data")]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (png_claiming(60_000, 60_000), "3,600 million pixels, more than the 50 million that are read"),
        (PNG[:-20], "cut off or broken"),
        (JPEG[: len(JPEG) // 2], "cut off or broken"),
        (b"GIF89a", "cut off or broken"),
        (b"no picture", "no picture (JPEG, PNG, WebP, GIF, BMP or TIFF)"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no picture (JPEG"),
        (b'{"photo": null}', "no picture (JPEG"),
        (b"\0" * 1000, "no picture (JPEG"),
    ],
    ids=["bomb", "cut png", "cut jpeg", "head alone", "text", "svg", "json", "zeros"],
)
def test_what_is_no_sound_picture_is_refused_in_words(content: bytes, says: str) -> None:
    for body, headers in ((content, IMAGE), (content, BYTES), (json.dumps({"photo": based(content)}).encode(), JSON)):
        status, answer = sent(body, headers)
        assert status == 422
        assert f"Row 0, field photo: found {says}" in answer["detail"]
        assert len(answer["detail"]) < 300
        (problem,) = answer["problems"]
        assert problem.expected == "a picture (JPEG, PNG, WebP, GIF, BMP or TIFF) in base64"


@pytest.mark.parametrize("value", ["a cat!", "data:image/png,abc", 5, True, ["x"], {"a": 1}])
def test_a_field_that_holds_no_base64_is_refused(value: object) -> None:
    status, answer = sent(json.dumps({"photo": value}).encode(), JSON)
    assert status == 422
    assert "field photo" in answer["detail"]


def test_an_empty_body_is_refused_with_what_to_send() -> None:
    for headers in (IMAGE, BYTES):
        status, answer = sent(b"", headers)
        assert (status, answer["detail"]) == (400, "The request is empty; send the bytes of a picture.")
    assert sent(b"", JSON)[0] == 400
    with pytest.raises(RefusedError):
        picture_row(b"", "photo")


@pytest.mark.parametrize("schema", [PRICED, TABLE], ids=["two fields", "no picture"])
@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "application/octet-stream"])
def test_bytes_are_taken_where_a_row_is_a_picture_and_nowhere_else(schema: Schema, kind: str) -> None:
    with pytest.raises(RefusedError) as caught:
        check_headers({"content-type": kind}, schema)
    assert caught.value.status == 415
    assert caught.value.detail == f"Found content-type {kind}; send JSON, with the header content-type: application/json."
    assert picture_field(schema) is None
    assert check_headers(JSON, schema) is None


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {},
        {**IMAGE, "content-encoding": "gzip"},
        {"content-type": "multipart/form-data; boundary=x"},
    ],
)
def test_other_headers_are_refused_with_the_ones_to_send(headers: dict[str, str]) -> None:
    status, answer = sent(PNG, headers)
    assert status == 415
    assert answer["detail"].endswith("application/json, or the bytes of a picture, with content-type: image/jpeg or image/png.")


def test_a_request_may_be_larger_where_a_row_holds_a_picture() -> None:
    assert [body_limit(schema) for schema in (PHOTO, PRICED, TABLE)] == [MAX_PICTURE_BYTES, MAX_PICTURE_BYTES, MAX_BODY_BYTES]
    assert MAX_PICTURE_BYTES == 16 * MAX_BODY_BYTES
    aside = PRICED.model_copy(update={"aside": ["photo"]})
    assert body_limit(aside) == MAX_BODY_BYTES
    assert picture_field(aside) is None
    assert picture_field(PRICED.model_copy(update={"aside": ["price"]})) == "photo"


def test_a_large_picture_is_answered() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1500, 3), dtype="uint8")
    from PIL import Image

    content = written(Image.fromarray(noise), "PNG")
    assert MAX_BODY_BYTES < len(content) < MAX_PICTURE_BYTES
    assert sent(content, IMAGE)[1]["predictions"] == [{"y_pred": "1500 x 1200"}]


def test_what_a_picture_field_takes_is_said() -> None:
    assert expectation(PHOTO.column("photo")) == "a picture in base64 (JPEG, PNG, WebP, GIF, BMP or TIFF)"
    with pytest.raises(RefusedError, match="a picture in base64"):
        admit([{}], PHOTO)


def test_examples_are_pictures_that_are_let_in() -> None:
    rows = example_rows(PRICED, 20)
    frame, warnings = admit(rows, PRICED)
    assert warnings == []
    assert [decoded(content_of(cell)).size for cell in frame["photo"]] == [(32, 32)] * 20
    assert len(set(frame["photo"])) == 20
    assert example_rows(PRICED, 20) == rows
    with pytest.raises(RefusedError, match="field photo"):
        admit([broken_row(example_rows(PHOTO)[0], PHOTO)], PHOTO)


def test_openapi_says_that_bytes_are_taken_and_how_many() -> None:
    body = openapi.predict_body(PHOTO, example_rows(PHOTO)[0])
    assert list(body["content"]) == ["image/jpeg", "image/png", "application/octet-stream", "application/json"]
    assert body["description"] == "At most 16,777,216 bytes: JSON in UTF-8, or a picture."
    photo = openapi.row_schema(PHOTO)["properties"]["photo"]
    assert photo["type"] == ["string", "null"]
    assert photo["description"] == "picture: a picture in base64 (JPEG, PNG, WebP, GIF, BMP or TIFF)"
    for schema, limit in ((PRICED, "16,777,216"), (TABLE, "1,048,576")):
        other = openapi.predict_body(schema, example_rows(schema)[0])
        assert list(other["content"]) == ["application/json"]
        assert other["description"] == f"At most {limit} bytes: JSON in UTF-8."
    assert openapi.fields(PHOTO)[0]["kind"] == "picture"


def test_rows_with_and_without_pictures_are_read_as_ever() -> None:
    assert parse_rows(json.dumps({"photo": based(PNG)}).encode()) == [{"photo": based(PNG)}]
    frame, _ = admit([{"photo": based(PNG), "price": 3}], PRICED)
    assert frame["photo"][0] == cell_of(PNG)


# ------------------------------------------------------------------------------------------------- what is carried along


@pytest.mark.parametrize("family", ["tabular", "text", "entities", "forecasting"])
def test_packages_of_other_families_carry_nothing_of_pictures(family: str) -> None:
    files = serving_code(family)
    assert not {"PIL", "cv2", "torchvision", "imagehash"} & set(libraries_of(files.values()))
    assert [name for name in files if "picture" in name or "/vision/" in name or "/detection/" in name] == []


def test_a_package_of_pictures_carries_what_reads_them_and_nothing_of_reading_data() -> None:
    files = serving_code("vision")
    assert {"glassbox/data/images/cells.py", "glassbox/families/vision/predictor.py"} <= set(files)
    assert {"PIL", "torch", "torchvision", "cv2"} <= set(libraries_of(files.values()))
    assert [
        name for name in files if "/data/picture_" in name or name.endswith(("/explain.py", "/onnx_export.py"))
    ] == []
    assert "imagehash" not in libraries_of(files.values())


LOADED = """
import sys
from pathlib import Path
from glassbox.serving.service import create_app
create_app(Path(sys.argv[1]))
print(sorted({"PIL", "cv2", "glassbox.data.images.cells"} & set(sys.modules)))
"""


def test_a_service_of_tables_never_loads_what_reads_pictures(package: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LOADED, str(package)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

"""Tests of requests with pictures: raw bytes, base64 in JSON, and invalid, truncated or oversized pictures."""

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
    RequestRejectedError,
    body_limit,
    expectation,
    parse_rows,
    picture_field,
    picture_row,
    validate_rows,
)
from glassbox.serving.service import check_headers, predict_response
from made_pictures import png_claiming, rotated, two_halves, written

PHOTO = Schema(columns=[ColumnSchema(name="photo", kind="picture"), ColumnSchema(name="fruit", kind="category")], target="fruit")
PRICED = PHOTO.model_copy(update={"columns": [*PHOTO.columns, ColumnSchema(name="price", kind="number", low=0, high=9)]})
TABLE = Schema(columns=[ColumnSchema(name="price", kind="number", low=0, high=9)])
PNG, JPEG = written(two_halves(), "PNG"), written(two_halves(), "JPEG")
IMAGE, BYTES, JSON = ({"content-type": kind} for kind in ("image/png", "application/octet-stream", "application/json"))


class Sizes:
    """A predictor that returns the width and height of each picture."""

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        sizes = [(0, 0) if cell is None else decoded(content_of(cell)).size for cell in frame["photo"]]
        return pd.DataFrame({"y_pred": [f"{width} x {height}" for width, height in sizes]})

    def expand_query(self, query: dict[str, Any]) -> list[dict[str, Any]] | None:
        return [{"photo": picture} for picture in query["pictures"]] if set(query) == {"pictures"} else None


def sent(body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Return the status and content of the service's response, without HTTP."""
    package: Any = SimpleNamespace(schema=PHOTO, predictor=Sizes(), model="m")
    try:
        answer = predict_response(package, body, check_headers(headers, PHOTO))
    except RequestRejectedError as rejection:
        return rejection.status, {"detail": rejection.detail, "problems": rejection.problems}
    return answer.status_code, json.loads(bytes(answer.body))


def base64_text(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (PNG, IMAGE),
        (PNG, BYTES),
        (JPEG, IMAGE),  # the format is detected from the bytes, not from the header
        (JPEG, {"content-type": "IMAGE/JPEG; q=1"}),
        (json.dumps({"photo": base64_text(PNG)}).encode(), JSON),
        (json.dumps({"photo": cell_of(JPEG)}).encode(), JSON),
        (json.dumps({"rows": [{"photo": f" {base64_text(PNG)}\n"}]}).encode(), JSON),
        (json.dumps({"pictures": [base64_text(PNG)]}).encode(), JSON),
    ],
)
def test_a_picture_is_predicted_in_every_accepted_form(body: bytes, headers: dict[str, str]) -> None:
    status, answer = sent(body, headers)
    assert (status, answer["predictions"], answer["warnings"]) == (200, [{"y_pred": "40 x 20"}], [])


def test_exif_rotation_is_applied_as_in_training() -> None:
    assert sent(rotated(6), IMAGE)[1]["predictions"] == [{"y_pred": "20 x 40"}]


def test_pictures_are_predicted_in_order_and_a_missing_one_with_a_warning() -> None:
    status, answer = sent(json.dumps({"pictures": [base64_text(JPEG), base64_text(rotated(6)), None]}).encode(), JSON)
    assert status == 200
    assert [row["y_pred"] for row in answer["predictions"]] == ["40 x 20", "20 x 40", "0 x 0"]
    assert [(row["row"], row["expected"]) for row in answer["warnings"]] == [(2, "never missing in the training data")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (png_claiming(60_000, 60_000), "3,600 million pixels, more than the 50 million that are read"),
        (PNG[:-20], "cut off or broken"),
        (JPEG[: len(JPEG) // 2], "cut off or broken"),
        (b"GIF89a", "cut off or broken"),
        (b"no picture", "not a picture (JPEG, PNG, WebP, GIF, BMP or TIFF)"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture (JPEG"),
        (b'{"photo": null}', "not a picture (JPEG"),
        (b"\0" * 1000, "not a picture (JPEG"),
    ],
    ids=["bomb", "cut png", "cut jpeg", "head alone", "text", "svg", "json", "zeros"],
)
def test_invalid_pictures_are_rejected_with_a_message(content: bytes, message: str) -> None:
    for body, headers in ((content, IMAGE), (content, BYTES), (json.dumps({"photo": base64_text(content)}).encode(), JSON)):
        status, answer = sent(body, headers)
        assert status == 422
        assert f"Row 0, field photo: found {message}" in answer["detail"]
        assert len(answer["detail"]) < 300
        (problem,) = answer["problems"]
        assert problem.expected == "a picture (JPEG, PNG, WebP, GIF, BMP or TIFF) in base64"


@pytest.mark.parametrize("value", ["a cat!", "data:image/png,abc", 5, True, ["x"], {"a": 1}])
def test_a_field_without_base64_is_rejected(value: object) -> None:
    status, answer = sent(json.dumps({"photo": value}).encode(), JSON)
    assert status == 422
    assert "field photo" in answer["detail"]


def test_an_empty_body_is_rejected_with_advice() -> None:
    for headers in (IMAGE, BYTES):
        status, answer = sent(b"", headers)
        assert (status, answer["detail"]) == (400, "The request is empty; send the bytes of a picture.")
    assert sent(b"", JSON)[0] == 400
    with pytest.raises(RequestRejectedError):
        picture_row(b"", "photo")


@pytest.mark.parametrize("schema", [PRICED, TABLE], ids=["two fields", "no picture"])
@pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "application/octet-stream"])
def test_picture_bytes_are_rejected_for_other_schemas(schema: Schema, kind: str) -> None:
    with pytest.raises(RequestRejectedError) as caught:
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
def test_other_headers_are_rejected_with_the_accepted_ones(headers: dict[str, str]) -> None:
    status, answer = sent(PNG, headers)
    assert status == 415
    assert answer["detail"].endswith("application/json, or the bytes of a picture, with content-type: image/jpeg or image/png.")


def test_the_size_limit_is_larger_for_picture_schemas() -> None:
    assert [body_limit(schema) for schema in (PHOTO, PRICED, TABLE)] == [MAX_PICTURE_BYTES, MAX_PICTURE_BYTES, MAX_BODY_BYTES]
    assert MAX_PICTURE_BYTES == 16 * MAX_BODY_BYTES
    without_photo = PRICED.model_copy(update={"excluded": ["photo"]})
    assert body_limit(without_photo) == MAX_BODY_BYTES
    assert picture_field(without_photo) is None
    assert picture_field(PRICED.model_copy(update={"excluded": ["price"]})) == "photo"


def test_a_large_picture_is_predicted() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (1200, 1500, 3), dtype="uint8")
    from PIL import Image

    content = written(Image.fromarray(noise), "PNG")
    assert MAX_BODY_BYTES < len(content) < MAX_PICTURE_BYTES
    assert sent(content, IMAGE)[1]["predictions"] == [{"y_pred": "1500 x 1200"}]


def test_the_expected_value_of_a_picture_field_is_described() -> None:
    assert expectation(PHOTO.column("photo")) == "a picture in base64 (JPEG, PNG, WebP, GIF, BMP or TIFF)"
    with pytest.raises(RequestRejectedError, match="a picture in base64"):
        validate_rows([{}], PHOTO)


def test_example_pictures_are_valid() -> None:
    rows = example_rows(PRICED, 20)
    frame, warnings = validate_rows(rows, PRICED)
    assert warnings == []
    assert [decoded(content_of(cell)).size for cell in frame["photo"]] == [(32, 32)] * 20
    assert len(set(frame["photo"])) == 20
    assert example_rows(PRICED, 20) == rows
    with pytest.raises(RequestRejectedError, match="field photo"):
        validate_rows([broken_row(example_rows(PHOTO)[0], PHOTO)], PHOTO)


def test_openapi_describes_picture_bytes_and_the_size_limit() -> None:
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


def test_rows_with_a_picture_and_other_fields_are_parsed() -> None:
    assert parse_rows(json.dumps({"photo": base64_text(PNG)}).encode()) == [{"photo": base64_text(PNG)}]
    frame, _ = validate_rows([{"photo": base64_text(PNG), "price": 3}], PRICED)
    assert frame["photo"][0] == cell_of(PNG)


# ------------------------------------------------------------------------------------------------- package content


@pytest.mark.parametrize("family", ["tabular", "text", "entities", "forecasting"])
def test_packages_of_other_families_contain_no_image_code(family: str) -> None:
    files = serving_code(family)
    assert not {"PIL", "cv2", "torchvision", "imagehash"} & set(libraries_of(files.values()))
    assert [name for name in files if "picture" in name or "/vision/" in name or "/detection/" in name] == []


def test_a_picture_package_contains_image_decoding_but_no_data_reading() -> None:
    files = serving_code("vision")
    assert {"glassbox/data/images/cells.py", "glassbox/families/vision/predictor.py"} <= set(files)
    assert {"PIL", "torch", "torchvision", "cv2"} <= set(libraries_of(files.values()))
    assert [name for name in files if "/data/picture_" in name or name.endswith(("/explain.py", "/onnx_export.py"))] == []
    assert "imagehash" not in libraries_of(files.values())


LOADED = """
import sys
from pathlib import Path
from glassbox.serving.service import create_app
create_app(Path(sys.argv[1]))
print(sorted({"PIL", "cv2", "glassbox.data.images.cells"} & set(sys.modules)))
"""


def test_a_tabular_service_does_not_import_image_code(package: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LOADED, str(package)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

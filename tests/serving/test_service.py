"""Tests of the service over HTTP."""

import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from jsonschema import Draft202012Validator

from glassbox.data.schema import Schema
from glassbox.families.predictor_protocol import load_predictor
from glassbox.files import hash_tree
from glassbox.serving import request_parsing
from glassbox.serving.example_rows import example_rows
from glassbox.serving.request_parsing import validate_rows
from glassbox.serving.service import to_records

JSON = {"content-type": "application/json"}


def test_a_row_is_predicted(client: httpx.Client, row: dict[str, object], model: Path) -> None:
    response = client.post("/predict", json=row)
    answer = response.json()
    assert response.status_code == 200
    assert answer["model"] == hash_tree(model)
    assert answer["warnings"] == []
    (prediction,) = answer["predictions"]
    assert prediction["y_pred"] in ("No", "Yes")
    assert prediction["proba_No"] + prediction["proba_Yes"] == pytest.approx(1)


def test_predictions_equal_those_of_the_model_exactly(client: httpx.Client, served: Schema, model: Path) -> None:
    rows = example_rows(served, 100)
    frame, _ = validate_rows(rows, served)
    expected = to_records(load_predictor(model).predict(frame))
    assert client.post("/predict", json={"rows": rows}).json()["predictions"] == expected


def test_the_example_of_the_schema_is_predicted(client: httpx.Client) -> None:
    assert client.post("/predict", json=client.get("/schema").json()["example"]).status_code == 200


def test_an_invalid_row_gets_422_with_row_field_found_and_expected(client: httpx.Client, row: dict[str, object]) -> None:
    response = client.post("/predict", json={"rows": [row, {**row, "tenure": "many"}]})
    assert response.status_code == 422
    assert response.json()["problems"] == [{"row": 1, "field": "tenure", "found": "'many'", "expected": "a number"}]
    assert "many" in response.json()["detail"]


def test_an_unseen_category_is_predicted_with_a_warning(client: httpx.Client, row: dict[str, object]) -> None:
    response = client.post("/predict", json={**row, "contract": "week"})
    assert response.status_code == 200
    assert [w["field"] for w in response.json()["warnings"]] == ["contract"]


def test_many_warnings_are_truncated_and_counted(client: httpx.Client, row: dict[str, object]) -> None:
    answer = client.post("/predict", json={"rows": [{**row, "tenure": 99}] * 300}).json()
    assert (len(answer["warnings"]), answer["warnings_left_out"]) == (200, 100)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", JSON, 400),
        (b"not json", JSON, 400),
        (b'{"tenure": NaN}', JSON, 400),
        (b'{"tenure": -Infinity}', JSON, 400),
        (b"\xff\xfe\x00", JSON, 400),
        (b"[" * 500_000, JSON, 400),
        (b'{"a":' * 150_000, JSON, 400),
        (b'{"tenure": 1e999, "charges": 1, "contract": "year", "since": null}', JSON, 422),
        (b'{"tenure": ' + b"9" * 10_000 + b"}", JSON, 422),
        (b'{"tenure": "\\ud800"}', JSON, 422),
        (b'{"\\ud800": 1}', JSON, 422),
        (b'{"tenure": {"a": 1}}', JSON, 422),
        (b"null", JSON, 422),
        (b'"text"', JSON, 422),
        (b'{"rows": {}}', JSON, 422),
        (b'{"rows": [null]}', JSON, 422),
        (b"a=1", {"content-type": "application/x-www-form-urlencoded"}, 415),
        (b"{}", {}, 415),
        (b"{}", {"content-type": "application/json; charset=utf-16"}, 415),
        (b"{}", {**JSON, "content-encoding": "gzip"}, 415),
        (b" " * (request_parsing.MAX_BODY_BYTES + 1), JSON, 413),
        (json.dumps({"rows": [{}] * (request_parsing.MAX_ROWS + 1)}).encode(), JSON, 413),
    ],
)
def test_bad_requests_get_a_status_and_a_message(client: httpx.Client, body: bytes, headers: dict[str, str], status: int) -> None:
    response = client.post("/predict", content=body, headers=headers)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert response.json()["detail"].endswith((".", "}."))
    assert "Traceback" not in response.text


def test_a_body_far_above_the_limit_gets_413(client: httpx.Client) -> None:
    assert client.post("/predict", content=b" " * 12_000_000, headers=JSON).status_code == 413


def test_a_body_without_a_content_length_is_limited(client: httpx.Client) -> None:
    chunks = (b" " * 100_000 for _ in range(20))
    assert client.post("/predict", content=chunks, headers=JSON).status_code == 413


def test_json_media_types_with_a_suffix_are_accepted(client: httpx.Client, row: dict[str, object]) -> None:
    headers = {"content-type": 'application/vnd.api+json; charset="UTF-8"'}
    assert client.post("/predict", content=json.dumps(row), headers=headers).status_code == 200


def test_the_service_survives_a_client_that_disconnects(url: str, client: httpx.Client) -> None:
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port)) as raw:
        raw.sendall(b"POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{")
    assert client.get("/health").status_code == 200


def test_health_names_the_model_and_the_version(client: httpx.Client, package: Path, model: Path) -> None:
    answer = client.get("/health").json()
    assert (answer["status"], answer["name"], answer["model"]) == ("ok", "churn", hash_tree(model))
    assert answer["code"] == "as packaged"
    assert len(answer["version"]) == 12


def test_the_schema_names_kinds_ranges_and_categories(client: httpx.Client) -> None:
    answer = client.get("/schema").json()
    fields = {field["name"]: field for field in answer["row"]}
    assert list(fields) == ["tenure", "charges", "contract", "since"]
    assert (fields["tenure"]["kind"], fields["tenure"]["low"], fields["tenure"]["high"]) == ("number", 0, 72)
    assert fields["contract"]["categories"] == ["month", "two years", "year"]
    assert fields["since"]["date_format"] == "%d.%m.%Y"
    assert answer["prediction"] == {"y_pred": "text", "proba_No": "number", "proba_Yes": "number"}


def test_openapi_describes_every_field_with_an_example(client: httpx.Client) -> None:
    post = client.get("/openapi.json").json()["paths"]["/predict"]["post"]
    body = post["requestBody"]["content"]["application/json"]
    row = body["schema"]["oneOf"][0]
    assert set(row["required"]) == {"tenure", "charges", "contract", "since"}
    assert set(row["properties"]) == {*row["required"], "customer", "code", "churned"}
    assert "0 to 72" in row["properties"]["tenure"]["description"]
    assert set(body["examples"]["row"]["value"]) == set(row["required"])
    assert {"200", "400", "408", "413", "415", "422", "500", "503"} == set(post["responses"])


@pytest.mark.parametrize(
    ("more", "status"), [({}, 200), ({"customer": "c1", "churned": None}, 200), ({"rows": []}, 422), ({"tenur": 3}, 422)]
)
def test_openapi_refuses_the_same_fields_as_the_service(
    client: httpx.Client, row: dict[str, object], more: dict[str, object], status: int
) -> None:
    post = client.get("/openapi.json").json()["paths"]["/predict"]["post"]
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    for body in ({**row, **more}, {"rows": [{**row, **more}]}):
        assert Draft202012Validator(schema).is_valid(body) == (status == 200)
        assert client.post("/predict", json=body).status_code == status
    assert not Draft202012Validator(schema).is_valid({"rows": [row], "more": 1})


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/nothing"])
def test_documentation_pages_are_disabled(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


def test_other_methods_are_rejected(client: httpx.Client) -> None:
    assert client.get("/predict").status_code == 405


def test_responses_do_not_name_the_server(client: httpx.Client) -> None:
    assert "server" not in client.get("/health").headers

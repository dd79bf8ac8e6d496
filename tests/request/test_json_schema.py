"""The JSON schema of a request covers every field and rejects invalid values."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from glassbox.files import readable_json
from glassbox.request.json_schema import main, request_schema
from glassbox.request.loading import read_request
from glassbox.request.model import Data, Request, Split, Weights
from glassbox.request.tasks import MEASURED, task_rows

PARAMS = Path(__file__).parents[2] / "params"
VALID = {"task": "classification", "data": {"path": "a.csv", "target": "y"}}


def fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, below in schema.get("properties", {}).items():
        yield f"{path}{name}", below
        yield from fields(below, f"{path}{name}.")


def is_valid(request: dict[str, Any]) -> bool:
    return jsonschema.Draft202012Validator(request_schema()).is_valid(request)


def test_the_saved_schema_is_up_to_date() -> None:
    """Run `python -m glassbox.request.json_schema params/request.schema.json` when this fails."""
    assert (PARAMS / "request.schema.json").read_text(encoding="utf-8") == readable_json(request_schema())


def test_main_writes_the_schema(tmp_path: Path) -> None:
    main(tmp_path / "schema.json")
    assert json.loads((tmp_path / "schema.json").read_text(encoding="utf-8")) == request_schema()


def test_the_schema_is_valid_json_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(request_schema())


def test_every_field_has_a_description() -> None:
    assert [path for path, field in fields(request_schema()) if len(field.get("description", "")) < 10] == []


def test_the_schema_has_every_field_and_every_metric() -> None:
    paths = {path for path, _ in fields(request_schema())}
    expected = {
        *Request.model_fields,
        *(f"data.{name}" for name in Data.model_fields),
        *(f"split.{name}" for name in Split.model_fields),
        *(f"weights.{name}" for name in Weights.model_fields),
    }
    expected |= {f"requirements.{metric}" for task in task_rows() for metric in task.metrics}
    expected |= {f"requirements.{metric}" for metric in MEASURED} | {"requirements.cost"}
    assert paths == expected


@pytest.mark.parametrize("path", sorted(PARAMS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_example_requests_are_valid_and_refer_to_the_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.splitlines()[0] == "# yaml-language-server: $schema=request.schema.json"
    assert is_valid(yaml.safe_load(text))
    assert read_request(text, path).name == path.stem


def test_every_example_of_the_schema_is_valid() -> None:
    for path, field in fields(request_schema()["properties"]["requirements"]):
        for example in field.get("examples", []):
            assert is_valid({**VALID, "requirements": {path: example}}), (path, example)


@pytest.mark.parametrize(
    "change",
    [
        {"tsk": 1},
        {"cost": "lo"},
        {"name": "A b"},
        {"folds": 1},
        {"task": "regresion"},
        {"data": {"paht": "x"}},
        {"requirements": {"accuracy": "<0.9"}},
        {"requirements": {"accuracy": 0.9}},
        {"requirements": {"latency": "<100"}},
        {"requirements": {"log_loss": "<50%"}},
        {"requirements": {"acuracy": ">0.9"}},
    ],
)
def test_an_invalid_value_is_rejected(change: dict[str, Any]) -> None:
    assert is_valid(VALID)
    assert not is_valid({**VALID, **change})

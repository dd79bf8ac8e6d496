"""The JSON schema that editors complete a request by."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from glassbox.files import readable_json
from glassbox.request.json_schema import main, request_schema
from glassbox.request.model import MEASURED, Data, Request, Split, Weights, task_rows

PARAMS = Path(__file__).parents[2] / "params"
SOUND = {"task": "classification", "data": {"path": "a.csv", "target": "y"}}


def fields(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, below in schema.get("properties", {}).items():
        yield f"{path}{name}", below
        yield from fields(below, f"{path}{name}.")


def is_valid(request: dict[str, Any]) -> bool:
    return jsonschema.Draft202012Validator(request_schema()).is_valid(request)


def test_the_schema_that_is_shipped_is_the_models() -> None:
    """Run `python -m glassbox.request.json_schema params/request.schema.json` when this fails."""
    assert (PARAMS / "request.schema.json").read_text(encoding="utf-8") == readable_json(request_schema())


def test_main_writes_it(tmp_path: Path) -> None:
    main(tmp_path / "schema.json")
    assert json.loads((tmp_path / "schema.json").read_text(encoding="utf-8")) == request_schema()


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(request_schema())


def test_every_field_says_what_it_is() -> None:
    assert [path for path, field in fields(request_schema()) if len(field.get("description", "")) < 10] == []


def test_every_field_and_every_metric_is_there() -> None:
    paths = {path for path, _ in fields(request_schema())}
    wanted = {
        *Request.model_fields,
        *(f"data.{name}" for name in Data.model_fields),
        *(f"split.{name}" for name in Split.model_fields),
        *(f"weights.{name}" for name in Weights.model_fields),
    }
    wanted |= {f"requirements.{metric}" for task in task_rows() for metric in task.metrics}
    wanted |= {f"requirements.{metric}" for metric in MEASURED} | {"requirements.cost"}
    assert paths == wanted


@pytest.mark.parametrize("path", sorted(PARAMS.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_requests_that_come_along_fit_and_point_to_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.splitlines()[0] == "# yaml-language-server: $schema=request.schema.json"
    assert is_valid(yaml.safe_load(text))


def test_every_example_fits() -> None:
    for path, field in fields(request_schema()["properties"]["requirements"]):
        for example in field.get("examples", []):
            assert is_valid({**SOUND, "requirements": {path: example}}), (path, example)


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
def test_an_editor_marks_what_is_wrong(change: dict[str, Any]) -> None:
    assert is_valid(SOUND)
    assert not is_valid({**SOUND, **change})

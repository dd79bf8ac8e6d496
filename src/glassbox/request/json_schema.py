"""JSON schema of request files, for completion and validation in editors.

`python -m glassbox.request.json_schema params/request.schema.json` writes the schema.
"""

import math
import sys
from pathlib import Path
from typing import Any

from glassbox.files import readable_json, write_text
from glassbox.metrics import METRICS, Metric
from glassbox.request.model import NAME, Request
from glassbox.request.tasks import MEASURED, TASKS, task_rows

_PERCENT_OR_NUMBER = r"\s*[+-]?\d+(\.\d+)?([eE][+-]?\d+)?"
# Further types of text fields: YAML reads their unquoted values as numbers or booleans, which Glassbox takes as text.
_UNQUOTED_TYPES = {"size": ["number"], "cutoff": ["number"], "series": ["string"], "backbones": ["string"]} | {
    key: ["number", "boolean"] for key in ("id", "target", "positive", "column", "items")
}


def request_schema() -> dict[str, Any]:
    """Return the schema of a request file: bounds and sizes as text, `cost` also allowed below `requirements`.

    >>> request_schema()["properties"]["cost"]["enum"]
    ['low', 'medium', 'high']
    """
    schema = _tidied(Request.model_json_schema())
    properties = schema["properties"]
    for name, part in schema.pop("$defs").items():
        if name.lower() in properties:
            description = {key: value for key, value in properties[name.lower()].items() if key == "description"}
            properties[name.lower()] = {**part, **description}
    schema["required"] = ["task", "data"]
    properties["name"]["pattern"] = f"^{NAME.pattern}$"
    properties["task"]["enum"] = list(TASKS)
    properties["requirements"] = _requirements(properties["requirements"]["description"], properties["cost"])
    about = "The task, the data and the requirements of one model. `glassbox check FILE` reports all problems of a request."
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Glassbox request",
        "description": about,
        **{key: value for key, value in schema.items() if key not in ("title", "description")},
    }


def _requirements(description: str, cost: dict[str, Any]) -> dict[str, Any]:
    bounds = {name: _bound(METRICS[name]) for task in task_rows() for name in task.metrics}
    for metric in MEASURED:
        bounds[metric] = {
            "type": "string",
            "description": f"A bound on the {metric} of the running service, to be met by 95 of 100 predictions.",
            "pattern": r"^\s*(<=?|≤)" + _PERCENT_OR_NUMBER + r"\s*(ms|s)\s*$",
            "examples": ["<100ms", "<0.2s"],
        }
    return {
        "type": ["object", "null"],
        "description": description,
        "properties": bounds | {"cost": cost},
        "additionalProperties": False,
    }


def _bound(metric: Metric) -> dict[str, Any]:
    share = metric.high < math.inf
    examples = [">=0.85", ">85%"] if metric.higher_is_better else ["<0.1", "<=10%"] if share else ["<0.5"]
    operators = "(>=?|≥)" if metric.higher_is_better else "(<=?|≤)"
    return {
        "type": "string",
        "description": f"A bound on {metric.name}; {'higher' if metric.higher_is_better else 'lower'} is better.",
        "pattern": r"^\s*" + operators + _PERCENT_OR_NUMBER + (r"\s*%?" if share else "") + r"\s*$",
        "examples": examples,
    }


def _tidied(schema: Any, name: str = "") -> Any:
    """Remove pydantic's titles, and replace `anyOf` of a type and null by a list of types."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidied = {key: _tidied(value, key) for key, value in schema.items() if key != "title" or isinstance(value, dict)}
    options = tidied.pop("anyOf", None)
    if options is not None:
        option = next(option for option in options if option.get("type") != "null")
        tidied = {**tidied, **option, "type": [option["type"], "null"]}
    if name in _UNQUOTED_TYPES and "type" in tidied:
        types = tidied["type"] if isinstance(tidied["type"], list) else [tidied["type"]]
        tidied["type"] = [*types, *_UNQUOTED_TYPES[name]]
    if tidied.get("default", "") is None:
        del tidied["default"]
    return tidied


def main(path: Path) -> None:
    """Write the schema to `path`."""
    write_text(path, readable_json(request_schema()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

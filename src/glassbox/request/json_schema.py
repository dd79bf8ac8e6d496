"""The JSON schema of a request's file, from the model, so that editors complete and check what is typed.

`python -m glassbox.request.json_schema params/request.schema.json` writes it.
"""

import math
import sys
from pathlib import Path
from typing import Any

from glassbox.files import readable_json, write_text
from glassbox.request.model import MEASURED, NAME, TASKS, Request, task_rows

_PERCENT_OR_NUMBER = r"\s*[+-]?\d+(\.\d+)?([eE][+-]?\d+)?"
# YAML reads these without quotes as numbers or truth values; the field takes them as they are written.
_AS_WRITTEN = {"size": ["number"], "cutoff": ["number"], "series": ["string"], "backbones": ["string"]} | {
    key: ["number", "boolean"] for key in ("id", "target", "positive", "column", "items")
}


def request_schema() -> dict[str, Any]:
    """The schema of what a user writes: bounds and sizes as text, `cost` also among the requirements.

    >>> request_schema()["properties"]["cost"]["enum"]
    ['low', 'medium', 'high']
    """
    schema = _tidied(Request.model_json_schema())
    properties = schema["properties"]
    for name, part in schema.pop("$defs").items():
        if name.lower() in properties:
            own = {key: value for key, value in properties[name.lower()].items() if key == "description"}
            properties[name.lower()] = {**part, **own}
    schema["required"] = ["task", "data"]
    properties["name"]["pattern"] = f"^{NAME.pattern}$"
    properties["task"]["enum"] = list(TASKS)
    properties["requirements"] = _requirements(properties["requirements"]["description"], properties["cost"])
    about = "What is asked, of which data, and what must hold. `glassbox check FILE` says what is wrong with it."
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A request to Glassbox",
        "description": about,
        **{key: value for key, value in schema.items() if key not in ("title", "description")},
    }


def _requirements(description: str, cost: dict[str, Any]) -> dict[str, Any]:
    metrics = {metric: better for task in task_rows() for metric, better in task.metrics.items()}
    finite = {metric: task.ranges.get(metric, (0.0, 1.0))[1] < math.inf for task in task_rows() for metric in task.metrics}
    shares = {metric for metric, bounded in finite.items() if bounded}
    bounds: dict[str, Any] = {metric: _bound(metric, better, share=metric in shares) for metric, better in metrics.items()}
    for metric in MEASURED:
        bounds[metric] = {
            "type": "string",
            "description": f"A bound on the {metric} of the running service: 95 of 100 predictions are faster.",
            "pattern": r"^\s*(<=?|≤)" + _PERCENT_OR_NUMBER + r"\s*(ms|s)\s*$",
            "examples": ["<100ms", "<0.2s"],
        }
    return {
        "type": ["object", "null"],
        "description": description,
        "properties": bounds | {"cost": cost},
        "additionalProperties": False,
    }


def _bound(metric: str, better: bool, *, share: bool) -> dict[str, Any]:
    examples = [">=0.85", ">85%"] if better else ["<0.1", "<=10%"] if share else ["<0.5"]
    return {
        "type": "string",
        "description": f"A bound on {metric}; {'more' if better else 'less'} is better.",
        "pattern": r"^\s*" + ("(>=?|≥)" if better else "(<=?|≤)") + _PERCENT_OR_NUMBER + (r"\s*%?" if share else "") + r"\s*$",
        "examples": examples,
    }


def _tidied(schema: Any, name: str = "") -> Any:
    """Without pydantic's titles, and with `anyOf` of a type and null as one list of types."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: _tidied(value, key) for key, value in schema.items() if key != "title" or isinstance(value, dict)}
    options = found.pop("anyOf", None)
    if options is not None:
        one = next(option for option in options if option.get("type") != "null")
        found = {**found, **one, "type": [one["type"], "null"]}
    if name in _AS_WRITTEN and "type" in found:
        types = found["type"] if isinstance(found["type"], list) else [found["type"]]
        found["type"] = [*types, *_AS_WRITTEN[name]]
    if found.get("default", "") is None:
        del found["default"]
    return found


def main(path: Path) -> None:
    """Write the schema to `path`."""
    write_text(path, readable_json(request_schema()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

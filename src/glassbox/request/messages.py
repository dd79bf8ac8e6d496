"""Messages for the problems of a request: place, value, expectation and the closest valid name."""

import difflib
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from glassbox.request.model import Request
from glassbox.request.secrets import mask
from glassbox.request.tasks import MEASURED, TASKS, task_rows
from glassbox.request.yaml_tree import Node

Path = tuple[str | int, ...]

_LONGEST = 60
_MISSING = {
    "task": f"expected the type of task: {', '.join(TASKS)}",
    "data": "expected the data source, such as 'path: data/raw/customers.csv' below it",
}
_LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def format_value(value: object) -> str:
    """Format a value of a request in one short line, without passwords.

    >>> format_value("a\\nb"), format_value({"a": 1}), format_value(None)
    ("'a\\\\nb'", 'a mapping', 'empty')
    """
    if value is None:
        return "empty"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = mask(str(value))
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def join_choices(names: Iterable[str]) -> str:
    """Join quoted names with commas and "or".

    >>> join_choices(["files", "database", "api"])
    "'files', 'database' or 'api'"
    """
    *first, last = [repr(name) for name in names]
    return f"{', '.join(first)} or {last}" if first else last


def nearest(word: str, names: Iterable[str]) -> list[str]:
    """Return the names most similar to `word`, at most two, the most similar first.

    >>> nearest("Targt", ["target", "task", "url"])
    ['target']
    """
    by_lower = {name.lower(): name for name in names}
    return [by_lower[match] for match in difflib.get_close_matches(word.lower(), by_lower, n=2, cutoff=0.6)]


def hint(names: Sequence[str]) -> str:
    """Return the end of a message: the suggested names, or a full stop without any."""
    return f"; did you mean {join_choices(names)}?" if names else "."


def dotted(path: Path) -> str:
    """Format a path as dotted keys with positions in brackets.

    >>> dotted(("data", "features", 2))
    'data.features[2]'
    """
    return re.sub(r"\.\[", "[", ".".join(f"[{step}]" if isinstance(step, int) else step for step in path))


def where(tree: Node, path: Path) -> str:
    """Return the file and line of the value at `path`; of the nearest existing key above it when it is missing."""
    for length in range(len(path), -1, -1):
        node = tree.find(*path[:length])
        if node is not None:
            return node.where
    return tree.where


def problem(tree: Node, path: Path, message: str) -> str:
    """Return a message in one line: file, line and path, then `message`."""
    return f"{where(tree, path)}: {dotted(path)} {message}"


def pydantic_problem(tree: Node, error: Mapping[str, Any]) -> str:
    """Translate an error of pydantic into a message about the request."""
    path: Path = tuple(error["loc"])
    node = tree.find(*path)
    value = format_value(node.value if node else None)
    kind, context = str(error["type"]), error.get("ctx", {})
    if kind == "extra_forbidden":
        return problem(tree, path, unknown_key(path))
    if kind == "missing":
        return problem(tree, path, f"is missing; {_MISSING[dotted(path)]}.")
    if kind == "glassbox":
        return problem(tree, path, f"is {value}; {context['expected']}.")
    if kind == "literal_error":
        names = re.findall(r"'([^']+)'", context["expected"])
        return problem(
            tree, path, f"is {value}; expected {join_choices(names)}{hint(nearest(str(node.value) if node else '', names))}"
        )
    return problem(tree, path, f"is {value}; expected {_expected(path)}{hint(_share_hint(node))}")


def _share_hint(node: Node | None) -> list[str]:
    percent = re.fullmatch(r"(\d{1,2}(?:\.\d{1,9})?)\s*%", node.value) if node and isinstance(node.value, str) else None
    return [f"{float(percent[1]) / 100:.10g}"] if percent else []


def keys_of(path: Path) -> list[str]:
    """Return the keys that are allowed below `path`."""
    model = _model_at(path)
    return list(model.model_fields) if model else []


def unknown_key(path: Path) -> str:
    """Return the message about an unknown key: the allowed keys, and the closest one or the path where the key belongs."""
    key, siblings = str(path[-1]), keys_of(path[:-1])
    elsewhere = [dotted for dotted in _all_keys() if dotted.rpartition(".")[2] == key.lower()]
    suggestions = elsewhere or nearest(key, siblings) or nearest(key, _all_keys())
    return f"is not a known key; expected {join_choices(siblings)}{hint(suggestions)}"


def _all_keys() -> list[str]:
    keys = list(Request.model_fields)
    keys += [f"{part}.{key}" for part in keys for key in keys_of((part,))]
    return keys + [f"requirements.{metric}" for metric in [*(name for task in task_rows() for name in task.metrics), *MEASURED]]


def _model_at(path: Path) -> type[BaseModel] | None:
    model: Any = Request
    for step in path:
        field = model.model_fields.get(step) if isinstance(step, str) else None
        model = field.annotation if field else None
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return None
    return typing.cast(type[BaseModel], model)


def _expected(path: Path) -> str:
    """Describe the values that a field accepts, from its type and its limits."""
    model = _model_at(path[:-1])
    field = model.model_fields.get(str(path[-1])) if model else None
    if field is None:
        return "text"
    if _model_at(path):
        return f"keys below it: {', '.join(keys_of(path))}"
    kind, limits = _type_of(field)
    if kind in (int, float):
        return _limited("a whole number" if kind is int else "a number", limits)
    return "a list, such as [one, two]" if "list" in str(field.annotation) else "text"


def _type_of(field: FieldInfo) -> tuple[Any, Sequence[Any]]:
    """Return the type of a field and its limits, also for an optional field."""
    for option in typing.get_args(field.annotation):
        if typing.get_origin(option) is typing.Annotated:
            kind, *limits = typing.get_args(option)
            return kind, [limit for constraint in limits for limit in getattr(constraint, "metadata", [])]
    return field.annotation, field.metadata


def _limited(number: str, limits: Sequence[Any]) -> str:
    parts = [f"{words} {getattr(limit, name)}" for limit in limits for name, words in _LIMITS.items() if hasattr(limit, name)]
    return " ".join([number, " and ".join(parts)]).strip()

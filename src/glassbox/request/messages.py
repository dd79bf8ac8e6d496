"""How a problem of a request is worded: where, what was found, what was expected, the nearest valid name."""

import difflib
import re
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from glassbox.request.model import MEASURED, TASKS, Request, task_rows
from glassbox.request.secrets import mask
from glassbox.request.yaml_tree import Node

Path = tuple[str | int, ...]

_LONGEST = 60
_MISSING = {
    "task": f"expected the kind of question: {', '.join(TASKS)}",
    "data": "expected where the data comes from, such as 'path: data/raw/customers.csv' below it",
}
_LIMITS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def shown(value: object) -> str:
    """A found value in one short line, without passwords.

    >>> shown("a\\nb"), shown({"a": 1}), shown(None)
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


def one_of(names: Iterable[str]) -> str:
    """Names as a sentence lists them.

    >>> one_of(["files", "database", "api"])
    "'files', 'database' or 'api'"
    """
    *first, last = [repr(name) for name in names]
    return f"{', '.join(first)} or {last}" if first else last


def nearest(word: str, names: Iterable[str]) -> list[str]:
    """The names that look most like `word`, at most two, the likeliest first.

    >>> nearest("Targt", ["target", "task", "url"])
    ['target']
    """
    by_lower = {name.lower(): name for name in names}
    return [by_lower[match] for match in difflib.get_close_matches(word.lower(), by_lower, n=2, cutoff=0.6)]


def hint(names: Sequence[str]) -> str:
    """The end of a message: what may have been meant, or a full stop."""
    return f"; did you mean {one_of(names)}?" if names else "."


def label(path: Path) -> str:
    """A path as messages write it.

    >>> label(("data", "features", 2))
    'data.features[2]'
    """
    return re.sub(r"\.\[", "[", ".".join(f"[{step}]" if isinstance(step, int) else step for step in path))


def where(tree: Node, path: Path) -> str:
    """Where the value at `path` stands; where it is missing, the nearest key above it that is there."""
    for length in range(len(path), -1, -1):
        node = tree.find(*path[:length])
        if node is not None:
            return node.where
    return tree.where


def problem(tree: Node, path: Path, says: str) -> str:
    """One line: where the value at `path` stands, and what is to be said about it."""
    return f"{where(tree, path)}: {label(path)} {says}"


def pydantic_problem(tree: Node, error: Mapping[str, Any]) -> str:
    """One of pydantic's errors in words of ours."""
    path: Path = tuple(error["loc"])
    node = tree.find(*path)
    found = shown(node.value if node else None)
    kind, context = str(error["type"]), error.get("ctx", {})
    if kind == "extra_forbidden":
        return problem(tree, path, unknown_key(path))
    if kind == "missing":
        return problem(tree, path, f"is missing; {_MISSING[label(path)]}.")
    if kind == "glassbox":
        return problem(tree, path, f"is {found}; {context['expected']}.")
    if kind == "literal_error":
        names = re.findall(r"'([^']+)'", context["expected"])
        return problem(tree, path, f"is {found}; expected {one_of(names)}{hint(nearest(str(node.value) if node else '', names))}")
    return problem(tree, path, f"is {found}; expected {_expected(path)}{hint(_as_share(node))}")


def _as_share(node: Node | None) -> list[str]:
    percent = re.fullmatch(r"(\d{1,2}(?:\.\d{1,9})?)\s*%", node.value) if node and isinstance(node.value, str) else None
    return [f"{float(percent[1]) / 100:.10g}"] if percent else []


def keys_of(path: Path) -> list[str]:
    """The keys that may stand below `path`."""
    model = _model_at(path)
    return list(model.model_fields) if model else []


def unknown_key(path: Path) -> str:
    """What is said about a key that a request does not have: its neighbours, or where such a key does belong."""
    key, siblings = str(path[-1]), keys_of(path[:-1])
    elsewhere = [dotted for dotted in _all_keys() if dotted.rpartition(".")[2] == key.lower()]
    meant = elsewhere or nearest(key, siblings) or nearest(key, _all_keys())
    return f"is not a key; expected {one_of(siblings)}{hint(meant)}"


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
    """What a field takes, said from its type and its limits."""
    model = _model_at(path[:-1])
    field = model.model_fields.get(str(path[-1])) if model else None
    if field is None:
        return "text"
    if _model_at(path):
        return f"keys below it: {', '.join(keys_of(path))}"
    kind, limits = _kind_of(field)
    if kind in (int, float):
        return _limited("a whole number" if kind is int else "a number", limits)
    return "a list, such as [one, two]" if "list" in str(field.annotation) else "text"


def _kind_of(field: FieldInfo) -> tuple[Any, Sequence[Any]]:
    """The type of a field and its limits, also where it may be left out."""
    for option in typing.get_args(field.annotation):
        if typing.get_origin(option) is typing.Annotated:
            kind, *limits = typing.get_args(option)
            return kind, [limit for given in limits for limit in getattr(given, "metadata", [])]
    return field.annotation, field.metadata


def _limited(number: str, limits: Sequence[Any]) -> str:
    said = [f"{words} {getattr(limit, name)}" for limit in limits for name, words in _LIMITS.items() if hasattr(limit, name)]
    return " ".join([number, " and ".join(said)]).strip()

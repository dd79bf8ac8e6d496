"""Loading of request files. All problems are reported at once, each with its line and a suggestion."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from glassbox.errors import RequestError
from glassbox.request.messages import format_value, problem, pydantic_problem
from glassbox.request.model import Request
from glassbox.request.rules import read_bounds, rule_problems, text_at, unread_keys
from glassbox.request.yaml_tree import Node, read_located, read_text, read_value, write_yaml

_LONGEST = 1000  # characters of a message
NO_OVERRIDES: Mapping[str, str] = MappingProxyType({})


def load_request(path: Path, overrides: Mapping[str, str] = NO_OVERRIDES) -> Request:
    """Read, validate and resolve the request in a YAML or JSON file.

    Parameters
    ----------
    path
        The file. Its name without the extension is the name of the request.
    overrides
        Values that override those of the file, by dotted key (`data.target`), as `--set` passes them.

    Raises
    ------
    RequestError
        With all problems, one line each: file, line, key, value, and what was expected.
    """
    return read_request(read_text(path), path, overrides)


def read_request(content: str, path: Path, overrides: Mapping[str, str] = NO_OVERRIDES) -> Request:
    """Read, validate and resolve a request, as `load_request` does, from the text of the file at `path`; the file need not exist."""
    source = str(path)
    located = read_located(content, source)
    if located.tree is None and not located.problems:
        raise RequestError(f"{source}: is empty; expected a request with at least 'task' and 'data'.")
    if located.tree is None:
        raise _error(located.problems, source)
    if not isinstance(located.tree.value, dict):
        raise RequestError(
            [*located.problems, f"{located.tree.where}: is {_kind(located.tree)}; expected lines of 'key: value'."]
        )
    problems = located.problems
    tree = _lift_cost(_override(located.tree, overrides, problems), problems)
    request = _resolve(tree, path, problems)
    if problems or request is None:
        raise _error(problems, source)
    return request


def request_text(request: Request) -> str:
    """Return a resolved request as the text of a YAML file, from which the same request can be read."""
    values = request.model_dump(mode="json", exclude_none=True)
    for key in unread_keys(request):
        part, _, name = key.rpartition(".")
        (values[part] if part else values).pop(name, None)
    values["requirements"] = {metric: bound.text for metric, bound in request.requirements.items()}
    return write_yaml(values)


def split_overrides(assignments: Sequence[str]) -> dict[str, str]:
    """Split the `key=value` pairs of `--set`; the last value of a key wins.

    >>> split_overrides(["cost=high", "requirements.accuracy=>=90%"])
    {'cost': 'high', 'requirements.accuracy': '>=90%'}
    """
    wrong = [item for item in assignments if not re.match(r"[^=]+=", item)]
    if wrong:
        raise RequestError([f"--set {format_value(item)}: expected key=value, such as cost=high." for item in wrong])
    return {key.strip(): value for key, _, value in (item.partition("=") for item in assignments)}


def _kind(node: Node) -> str:
    return "a list" if isinstance(node.value, list) else "text" if isinstance(node.value, str) else "empty"


def _error(problems: Sequence[str], source: str) -> RequestError:
    """Sort the distinct problems by line, and escape non-printable characters."""
    ordered = sorted(dict.fromkeys(problems), key=lambda message: _line_number(message, source))
    printable = [message if message.isprintable() else ascii(message)[1:-1] for message in ordered]
    return RequestError([message[:_LONGEST] for message in printable])


def _line_number(message: str, source: str) -> float:
    match = re.match(rf"{re.escape(source)}:(\d+): ", message)
    return int(match[1]) if match else float("inf")


def _override(tree: Node, overrides: Mapping[str, str], problems: list[str]) -> Node:
    for key, value in overrides.items():
        where = f"--set {key}"
        tree = _with_value(tree, key.split("."), read_value(value, where, problems), where, problems)
    return tree


def _with_value(tree: Node, keys: Sequence[str], value: Node, where: str, problems: list[str]) -> Node:
    """Return the tree with one value replaced; missing keys above it are added."""
    if not isinstance(tree.value, dict):
        problems.append(f"{where}: expected an existing key; the part before '.{'.'.join(keys)}' holds a value, not keys.")
        return tree
    first, *rest = keys
    below = value
    if rest:
        node = tree.value.get(first)
        below = _with_value(node if node and node.value is not None else Node({}, where), rest, value, where, problems)
    return Node({**tree.value, first: below}, tree.where)


def _lift_cost(tree: Node, problems: list[str]) -> Node:
    """Move `cost` from `requirements`, where it may be written as well, to the top level."""
    requirements = tree.find("requirements")
    if requirements is None or not isinstance(requirements.value, dict) or "cost" not in requirements.value:
        return tree
    assert isinstance(tree.value, dict)
    nested, top = requirements.value["cost"], tree.find("cost")
    if top is not None and top.where.startswith("--set") == nested.where.startswith("--set"):
        problems.append(f"{nested.where}: requirements.cost is given as well as cost ({top.where}); remove one of them.")
    cost = top if top is not None and top.where.startswith("--set") else nested
    bounds = {name: node for name, node in requirements.value.items() if name != "cost"}
    return Node({**tree.value, "cost": cost, "requirements": Node(bounds, requirements.where)}, tree.where)


def _resolve(tree: Node, path: Path, problems: list[str]) -> Request | None:
    bounds, bound_problems = read_bounds(tree)
    problems += bound_problems
    problems += rule_problems(tree)
    values = _plain(tree)
    values["requirements"] = bounds
    name = text_at(tree, "name")
    values.setdefault("name", path.stem)
    try:
        request = Request.model_validate(values)
    except ValidationError as error:
        for details in error.errors():
            if details["loc"] == ("name",) and name is None and tree.find("name") is None:
                expected = details["ctx"]["expected"]
                problems.append(f"{path}: the name of the file is {format_value(path.stem)}; {expected}. Rename the file.")
            else:
                problems.append(pydantic_problem(tree, details))
        return None
    if request.name != path.stem:
        expected = f"expected {format_value(path.stem)}, the name of the file"
        problems.append(problem(tree, ("name",), f"is {format_value(request.name)}; {expected}."))
    return request


def _plain(node: Node) -> dict[str, Any]:
    """Return the values without their lines; empty values are dropped."""
    assert isinstance(node.value, dict)
    return {key: _plain_value(below) for key, below in node.value.items() if below.value is not None}


def _plain_value(node: Node) -> Any:
    if isinstance(node.value, dict):
        return _plain(node)
    if isinstance(node.value, list):
        return [_plain_value(item) for item in node.value]
    return node.value

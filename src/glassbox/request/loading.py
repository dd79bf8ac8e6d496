"""Loads a request from its file: every problem at once, each with its line and what may have been meant."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from glassbox.errors import RequestError
from glassbox.request.messages import problem, pydantic_problem, shown
from glassbox.request.model import Request
from glassbox.request.rules import read_bounds, rule_problems, text, unread_keys
from glassbox.request.yaml_tree import Node, read_located, read_text, read_value, write_yaml

_LONGEST = 1000  # characters of a problem
NO_OVERRIDES: Mapping[str, str] = MappingProxyType({})


def load_request(path: Path, overrides: Mapping[str, str] = NO_OVERRIDES) -> Request:
    """Read, check and resolve the request in a YAML or JSON file.

    Parameters
    ----------
    path
        The file. Its name without the ending is the request's name.
    overrides
        Values that win over the file's, by dotted key (`data.target`), as `--set` gives them.

    Raises
    ------
    RequestError
        With every problem that was found, one line each: file, line, key, what was found, what was expected.
    """
    return read_request(read_text(path), path, overrides)


def read_request(content: str, path: Path, overrides: Mapping[str, str] = NO_OVERRIDES) -> Request:
    """As `load_request`, from the text that stands, or would stand, in the file at `path`."""
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
    """A resolved request as the text of a YAML file: read back, it is the same request."""
    written = request.model_dump(mode="json", exclude_none=True)
    for key in unread_keys(request):
        part, _, name = key.rpartition(".")
        (written[part] if part else written).pop(name, None)
    written["requirements"] = {metric: bound.text for metric, bound in request.requirements.items()}
    return write_yaml(written)


def split_overrides(assignments: Sequence[str]) -> dict[str, str]:
    """`key=value` pairs as `--set` takes them, the last one winning.

    >>> split_overrides(["cost=high", "requirements.accuracy=>=90%"])
    {'cost': 'high', 'requirements.accuracy': '>=90%'}
    """
    wrong = [item for item in assignments if not re.match(r"[^=]+=", item)]
    if wrong:
        raise RequestError([f"--set {shown(item)}: expected key=value, such as cost=high." for item in wrong])
    return {key.strip(): value for key, _, value in (item.partition("=") for item in assignments)}


def _kind(node: Node) -> str:
    return "a list" if isinstance(node.value, list) else "text" if isinstance(node.value, str) else "empty"


def _error(problems: Sequence[str], source: str) -> RequestError:
    """Each problem once, in the order of the lines, in one line that shows no invisible signs."""
    ordered = sorted(dict.fromkeys(problems), key=lambda says: _line_number(says, source))
    return RequestError([says[:_LONGEST] if says.isprintable() else ascii(says)[1:-1][:_LONGEST] for says in ordered])


def _line_number(message: str, source: str) -> float:
    match = re.match(rf"{re.escape(source)}:(\d+): ", message)
    return int(match[1]) if match else float("inf")


def _override(tree: Node, overrides: Mapping[str, str], problems: list[str]) -> Node:
    for key, value in overrides.items():
        place = f"--set {key}"
        tree = _with_value(tree, key.split("."), read_value(value, place, problems), place, problems)
    return tree


def _with_value(tree: Node, keys: Sequence[str], value: Node, place: str, problems: list[str]) -> Node:
    """The tree with one value replaced; keys on the way are made."""
    if not isinstance(tree.value, dict):
        problems.append(f"{place}: expected a key that exists; what stands before '.{'.'.join(keys)}' holds a value, not keys.")
        return tree
    first, *rest = keys
    below = value
    if rest:
        node = tree.value.get(first)
        below = _with_value(node if node and node.value is not None else Node({}, place), rest, value, place, problems)
    return Node({**tree.value, first: below}, tree.where)


def _lift_cost(tree: Node, problems: list[str]) -> Node:
    """`cost` may stand under `requirements`, as on the request card; it is one of the request's own keys."""
    requirements = tree.find("requirements")
    if requirements is None or not isinstance(requirements.value, dict) or "cost" not in requirements.value:
        return tree
    assert isinstance(tree.value, dict)
    carded, own = requirements.value["cost"], tree.find("cost")
    if own is not None and own.where.startswith("--set") == carded.where.startswith("--set"):
        problems.append(f"{carded.where}: requirements.cost stands beside cost ({own.where}); keep one.")
    wins = own if own is not None and own.where.startswith("--set") else carded
    bounds = {name: node for name, node in requirements.value.items() if name != "cost"}
    return Node({**tree.value, "cost": wins, "requirements": Node(bounds, requirements.where)}, tree.where)


def _resolve(tree: Node, path: Path, problems: list[str]) -> Request | None:
    bounds, bound_problems = read_bounds(tree)
    problems += bound_problems
    problems += rule_problems(tree)
    values = _plain(tree)
    values["requirements"] = bounds
    named = text(tree, "name")
    values.setdefault("name", path.stem)
    try:
        request = Request.model_validate(values)
    except ValidationError as error:
        for found in error.errors():
            if found["loc"] == ("name",) and named is None and tree.find("name") is None:
                problems.append(f"{path}: the file is called {shown(path.stem)}; {found['ctx']['expected']}: rename the file.")
            else:
                problems.append(pydantic_problem(tree, found))
        return None
    if request.name != path.stem:
        wanted = f"expected {shown(path.stem)}, as the file is called; a request is found by its name"
        problems.append(problem(tree, ("name",), f"is {shown(request.name)}; {wanted}."))
    return request


def _plain(node: Node) -> dict[str, Any]:
    """The values without their places; an empty value is one that was left out."""
    assert isinstance(node.value, dict)
    return {key: _plain_value(below) for key, below in node.value.items() if below.value is not None}


def _plain_value(node: Node) -> Any:
    if isinstance(node.value, dict):
        return _plain(node)
    if isinstance(node.value, list):
        return [_plain_value(item) for item in node.value]
    return node.value

"""Rules between the fields of a request: source, columns, split, bounds. Each rule yields a message for every violation."""

import math
import re
from collections.abc import Iterator
from typing import get_args

from pydantic import BaseModel

from glassbox.metrics import METRICS, Metric
from glassbox.request.bounds import Bound
from glassbox.request.messages import Path, format_value, hint, join_choices, nearest, problem
from glassbox.request.model import Data, Request, RequestType, Split, Weights
from glassbox.request.tasks import BUILT, MEASURED, PLANNED, TASKS, Task, task_row, task_rows
from glassbox.request.yaml_tree import Node

_SPLITS = get_args(Split.model_fields["by"].annotation)
# The keys below `data` that each source reads.
_SOURCE_KEYS = {"files": ("path",), "database": ("url", "table", "query"), "api": ("url",)}
_LOOSE_BOUND = re.compile(r"(?P<op>>=|<=|>|<)?\s*(?P<digits>[0-9]{1,15}(?:\.[0-9]{1,15})?)\s*(?P<unit>%|ms|s|)", re.ASCII)
_REQUIRED = {"horizon": "the number of steps to forecast, such as 28"}
_FLIPPED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}


def text_at(tree: Node, *path: str) -> str | None:
    """Return the text at a path; None without one."""
    node = tree.find(*path)
    return node.value if node is not None and isinstance(node.value, str) else None


def is_given(tree: Node, *path: str) -> bool:
    """Return whether there is a value at a path; an empty value counts as missing."""
    node = tree.find(*path)
    return node is not None and node.value is not None


def _differs_from_default(tree: Node, *path: str) -> bool:
    """Return whether there is a value other than the default at a path: a resolved request holds all defaults."""
    if not is_given(tree, *path):
        return False
    parts: dict[str, type[BaseModel]] = {"data": Data, "split": Split, "weights": Weights}
    part = parts.get(path[0], Request) if len(path) > 1 else Request
    default, node = part.model_fields[path[-1]].default, tree.find(*path)
    return node is not None and str(node.value) != str(default)


def _task(tree: Node) -> Task | None:
    """Return the row of the task and its answer; None for an unknown task."""
    return task_row(text_at(tree, "task") or "", text_at(tree, "answer"))


def rule_problems(tree: Node) -> Iterator[str]:
    """Yield a message for every violated rule between the fields of a request."""
    yield from _task_problems(tree)
    yield from _answer_problems(tree)
    yield from _planned_problems(tree)
    yield from _key_problems(tree)
    data, split = tree.find("data"), tree.find("split")
    if data is not None and isinstance(data.value, dict):
        yield from _source_problems(tree)
        yield from _column_problems(tree)
    if split is not None and isinstance(split.value, dict):
        yield from _split_problems(tree)


def _task_problems(tree: Node) -> Iterator[str]:
    task = text_at(tree, "task")
    if task is None or task in TASKS:
        return
    expected = f"expected {join_choices(TASKS)}"
    planned = nearest(task, PLANNED)
    if planned and not nearest(task, TASKS):
        yield problem(tree, ("task",), f"is {format_value(task)}; {expected} ({planned[0]} is planned but not implemented yet).")
    else:
        yield problem(tree, ("task",), f"is {format_value(task)}; {expected}{hint(nearest(task, TASKS))}")


def _answer_problems(tree: Node) -> Iterator[str]:
    """Check that the task supports the answer."""
    task, answer = TASKS.get(text_at(tree, "task") or ""), text_at(tree, "answer")
    if task is None or not task.answers or answer not in get_args(Request.model_fields["answer"].annotation):
        return
    supported = (str(Request.model_fields["answer"].default), *task.answers)
    if answer not in supported:
        yield problem(
            tree,
            ("answer",),
            f"is {format_value(answer)}; expected {join_choices(supported)} when task is {text_at(tree, 'task')!r}.",
        )


def _planned_problems(tree: Node) -> Iterator[str]:
    known = {("type",): get_args(RequestType), ("data", "source"): tuple(_SOURCE_KEYS)}
    for path, built in BUILT.items():
        value = text_at(tree, *path)
        if value in known[path] and value not in built:
            yield problem(
                tree,
                path,
                f"is {format_value(value)}; expected {join_choices(built)}: the other values are planned but not implemented yet.",
            )


def unread_keys(request: Request) -> list[str]:
    """Return the keys that are not used by a request of this task and split."""
    unused = {key for task in task_rows() for key in task.keys} - set(request.task_spec.keys)
    split = ("holdout", "column", "cutoff", "holdout_values") if request.split.by == "horizon" else ("origins",)
    return [*sorted(unused), *(f"split.{key}" for key in split)]


def _key_problems(tree: Node) -> Iterator[str]:
    """Check that no key is used only by other tasks, and that the keys which this task requires are given."""
    task = _task(tree)
    if task is None:
        return
    name, answer = text_at(tree, "task") or "", text_at(tree, "answer")
    for key in sorted({key for row in task_rows() for key in row.keys} - set(task.keys)):
        if _differs_from_default(tree, *key.split(".")):
            users = [user for user, row in TASKS.items() if any(key in r.keys for r in (row, *row.answers.values()))]
            answered = f" and answer is {answer!r}" if answer in TASKS[name].answers else ""
            applies = f"it applies only to {join_choices(users)}" if users != [name] else "it applies only to another answer"
            yield problem(tree, tuple(key.split(".")), f"is not used when task is {name!r}{answered}; {applies}.")
    for key in task.needs:
        if not is_given(tree, *key.split(".")):
            yield problem(tree, tuple(key.split(".")), f"is missing; expected {_REQUIRED[key]}.")


def _source_problems(tree: Node) -> Iterator[str]:
    source = text_at(tree, "data", "source") if is_given(tree, "data", "source") else "files"
    if source not in _SOURCE_KEYS:
        return
    keys = {key for key in ("path", "url", "table", "query") if is_given(tree, "data", key)}
    for key in sorted(keys - set(_SOURCE_KEYS[source])):
        fits = [name for name, read in _SOURCE_KEYS.items() if key in read]
        yield problem(tree, ("data", key), f"is not used when data.source is {source!r}; expected source: {join_choices(fits)}.")
    if source == "files" and "path" not in keys:
        yield problem(tree, ("data", "path"), "is missing; expected a file, a glob, a URL or catalog:NAME.")
    if source != "files" and "url" not in keys:
        yield problem(tree, ("data", "url"), f"is missing; expected a URL, because data.source is {source!r}.")
    if source == "database" and not keys & {"table", "query"}:
        yield problem(tree, ("data", "table"), "is missing; expected a table or a query, because data.source is 'database'.")
    if source == "database" and {"table", "query"} <= keys:
        yield problem(tree, ("data", "query"), "is given together with data.table; expected only one of them.")


def _column_problems(tree: Node) -> Iterator[str]:
    target, row_id, task = text_at(tree, "data", "target"), text_at(tree, "data", "id"), text_at(tree, "task")
    if not is_given(tree, "data", "target") and task not in PLANNED:
        yield problem(tree, ("data", "target"), "is missing; expected the name of the column to predict.")
    if target is not None and target == row_id:
        yield problem(
            tree, ("data", "id"), f"is {format_value(row_id)}, which is the target; expected the column that identifies a row."
        )
    features = tree.find("data", "features")
    if features is None or not isinstance(features.value, list):
        return
    if not features.value:
        yield problem(tree, ("data", "features"), "is an empty list; expected column names. Remove the key to use all columns.")
    seen: set[str] = set()
    for position, node in enumerate(features.value):
        path: Path = ("data", "features", position)
        column = node.value
        if not isinstance(column, str):
            continue
        if column in seen:
            yield problem(tree, path, f"is {format_value(column)} a second time; remove one of them.")
        elif column == target:
            yield problem(tree, path, f"is {format_value(column)}, which is the target; expected columns other than the target.")
        elif column == row_id:
            yield problem(
                tree,
                path,
                f"is {format_value(column)}, which identifies the rows (data.id); expected columns that describe them.",
            )
        seen.add(column)


def _split_problems(tree: Node) -> Iterator[str]:
    task = _task(tree)
    splits = task.splits if task else ("hash",)
    by = text_at(tree, "split", "by") if is_given(tree, "split", "by") else splits[0]
    column = text_at(tree, "split", "column")
    if task and by in _SPLITS and by not in task.splits:
        yield problem(
            tree,
            ("split", "by"),
            f"is {format_value(by)}; expected {join_choices(task.splits)} when task is {text_at(tree, 'task')!r}.",
        )
        return
    if by == "horizon":
        for key in ("column", "cutoff", "holdout"):
            if _differs_from_default(tree, "split", key):
                yield problem(
                    tree,
                    ("split", key),
                    "is not used when split.by is 'horizon'; expected split.origins, the number of horizons.",
                )
    elif _differs_from_default(tree, "split", "origins"):
        yield problem(tree, ("split", "origins"), f"is not used when split.by is {by!r}; expected by: horizon.")
    if by in ("group", "time", "column") and not is_given(tree, "split", "column"):
        yield problem(tree, ("split", "column"), f"is missing; expected the name of a column, because split.by is {by!r}.")
    if by == "time" and not is_given(tree, "split", "cutoff"):
        yield problem(tree, ("split", "cutoff"), "is missing; expected a date such as '2024-06-30', because split.by is 'time'.")
    if by == "hash" and is_given(tree, "split", "column"):
        yield problem(tree, ("split", "column"), "is not used when split.by is 'hash'; expected by: group, time or column.")
    if by in ("hash", "group", "column") and is_given(tree, "split", "cutoff"):
        yield problem(tree, ("split", "cutoff"), f"is not used when split.by is {by!r}; expected by: time.")
    if by != "column" and is_given(tree, "split", "holdout_values"):
        yield problem(tree, ("split", "holdout_values"), f"is not used when split.by is {by!r}; expected by: column.")
    if column is not None and column == text_at(tree, "data", "target"):
        yield problem(tree, ("split", "column"), f"is {format_value(column)}, which is the target; expected another column.")


def read_bounds(tree: Node) -> tuple[dict[str, Bound], list[str]]:
    """Read the bounds below `requirements`; return the valid ones and messages about the others."""
    requirements = tree.find("requirements")
    if requirements is None or requirements.value is None:
        return {}, []
    if not isinstance(requirements.value, dict):
        expected = 'expected a bound for each metric below it, such as roc_auc: ">=0.8"'
        return {}, [problem(tree, ("requirements",), f"is {format_value(requirements.value)}; {expected}.")]
    bounds: dict[str, Bound] = {}
    problems: list[str] = []
    for metric, node in requirements.value.items():
        bound = _read_bound(metric, node, tree)
        if isinstance(bound, Bound):
            bounds[metric] = bound
        else:
            problems.append(problem(tree, ("requirements", metric), bound))
    return bounds, problems


def _example(metric: Metric) -> str:
    return "<100ms" if metric.unit == "ms" else ">=0.9" if metric.higher_is_better else "<0.1"


def _misfit(metric: Metric, bound: Bound) -> str | None:
    """Return the reason why a bound does not suit a metric; None when it does."""
    if metric.unit and bound.unit != metric.unit:
        return f"expected a bound with a unit, such as {_example(metric)!r}"
    if not metric.unit and bound.unit:
        return f"expected no unit of time, because {metric.name} is not a duration"
    if bound.upward != metric.higher_is_better:
        better, operators = ("higher", "'>' or '>='") if metric.higher_is_better else ("lower", "'<' or '<='")
        return f"expected {operators}, because a {better} {metric.name} is better"
    if metric.high == math.inf and "%" in bound.text:
        return f"expected a plain number, because {metric.name} is not a share"
    unreachable = bound.value == (metric.high if bound.upward else metric.low) and bound.op in ("<", ">")
    if unreachable or not metric.low <= bound.value <= metric.high:
        return "expected a share from 0% to 100% that can be reached" if metric.high == 1 else "expected a number above 0"
    return None


def _suggestions(metric: Metric, text: str) -> list[str]:
    """Return the bound that was probably meant: with another operator, or with the missing unit; empty without one."""
    match = _LOOSE_BOUND.fullmatch(text.strip())
    if match is None:
        return []
    op = match["op"] or (">=" if metric.higher_is_better else "<")
    if (op[0] == ">") != metric.higher_is_better:
        op = _FLIPPED[op]
    # 50% without its sign would be another number.
    units = [match["unit"], "%", "ms"] if match["unit"] == "%" else [match["unit"], "", "%", "ms"]
    for unit in dict.fromkeys(units):
        bound = Bound.parse(f"{op}{match['digits']}{unit}")
        if _misfit(metric, bound) is None:
            return [bound.text]
    return []


def _known_metrics(tree: Node) -> dict[str, Metric]:
    """Return the metrics that `requirements` may name: those of the task, or of all tasks when it is unknown."""
    task = _task(tree)
    names = [name for row in ([task] if task else task_rows()) for name in row.metrics]
    return {name: METRICS[name] for name in (*names, *MEASURED)}


def _read_bound(name: str, node: Node, tree: Node) -> Bound | str:
    known = _known_metrics(tree)
    metric = known.get(name)
    if metric is None:
        return f"is not a metric of this task; expected one of {', '.join(known)}{hint(nearest(name, known))}"
    example = _example(metric)
    if node.folded:
        return f"begins with '>', which has another meaning in YAML; put the bound in quotes: {name}: \"{example}\"."
    if not isinstance(node.value, str):
        return f"is {format_value(node.value)}; expected a bound such as {example!r}."
    suggestions = _suggestions(metric, node.value)
    try:
        bound = Bound.parse(node.value)
    except ValueError as error:
        expected = str(error) if suggestions else f"expected a bound such as {example!r}"
        return f"is {format_value(node.value)}; {expected}{hint(suggestions)}"
    misfit = _misfit(metric, bound)
    return f"is {format_value(node.value)}; {misfit}{hint(suggestions)}" if misfit else bound

"""What one field of a request asks of another: sources, splits, columns, bounds. Each rule names what it finds."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from pydantic import BaseModel

from glassbox.request.bounds import Bound
from glassbox.request.messages import Path, hint, nearest, one_of, problem, shown
from glassbox.request.model import (
    BUILT,
    MEASURED,
    PLANNED,
    TASKS,
    Data,
    Request,
    RequestType,
    Split,
    Task,
    Weights,
    task_row,
    task_rows,
)
from glassbox.request.yaml_tree import Node

# Which keys below `data` each source reads.
_SPLITS = get_args(Split.model_fields["by"].annotation)
_ADDRESS = {"files": ("path",), "database": ("url", "table", "query"), "api": ("url",)}
_WRITTEN = re.compile(r"(?P<op>>=|<=|>|<)?\s*(?P<digits>[0-9]{1,15}(?:\.[0-9]{1,15})?)\s*(?P<unit>%|ms|s|)", re.ASCII)
_NEEDED = {"horizon": "how many steps ahead are forecast, such as 28"}
_FLIPPED = {">": "<", ">=": "<=", "<": ">", "<=": ">="}


def text(tree: Node, *path: str) -> str | None:
    """The text at a path; None where there is none."""
    node = tree.find(*path)
    return node.value if node is not None and isinstance(node.value, str) else None


def given(tree: Node, *path: str) -> bool:
    """Whether something stands at a path; an empty value is one that was left out."""
    node = tree.find(*path)
    return node is not None and node.value is not None


def _said(tree: Node, *path: str) -> bool:
    """Whether something other than the default stands at a path: a resolved request has all defaults written out."""
    if not given(tree, *path):
        return False
    parts: dict[str, type[BaseModel]] = {"data": Data, "split": Split, "weights": Weights}
    part = parts.get(path[0], Request) if len(path) > 1 else Request
    default, node = part.model_fields[path[-1]].default, tree.find(*path)
    return node is not None and str(node.value) != str(default)


def _row(tree: Node) -> Task | None:
    """What the task, and what is asked in it, come with; None while the task is unknown."""
    return task_row(text(tree, "task") or "", text(tree, "answer"))


def rule_problems(tree: Node) -> Iterator[str]:
    """Everything that the fields of a request ask of one another and do not get."""
    yield from _task_problems(tree)
    yield from _answer_problems(tree)
    yield from _planned_problems(tree)
    yield from _own_problems(tree)
    data, split = tree.find("data"), tree.find("split")
    if data is not None and isinstance(data.value, dict):
        yield from _source_problems(tree)
        yield from _column_problems(tree)
    if split is not None and isinstance(split.value, dict):
        yield from _split_problems(tree)


def _task_problems(tree: Node) -> Iterator[str]:
    task = text(tree, "task")
    if task is None or task in TASKS:
        return
    stands = f"expected {one_of(TASKS)}" + (", the only task that can be answered so far" if len(TASKS) == 1 else "")
    planned = nearest(task, PLANNED)
    if planned and not nearest(task, TASKS):
        yield problem(tree, ("task",), f"is {shown(task)}; {stands} ({planned[0]} is planned and not built yet).")
    else:
        yield problem(tree, ("task",), f"is {shown(task)}; {stands}{hint(nearest(task, TASKS))}")


def _answer_problems(tree: Node) -> Iterator[str]:
    """An answer that only another task gives."""
    task, answer = TASKS.get(text(tree, "task") or ""), text(tree, "answer")
    if task is None or not task.answers or answer not in get_args(Request.model_fields["answer"].annotation):
        return
    able = (str(Request.model_fields["answer"].default), *task.answers)
    if answer not in able:
        yield problem(tree, ("answer",), f"is {shown(answer)}; expected {one_of(able)} when task is {text(tree, 'task')!r}.")


def _planned_problems(tree: Node) -> Iterator[str]:
    known = {("type",): get_args(RequestType), ("data", "source"): tuple(_ADDRESS)}
    for path, built in BUILT.items():
        value = text(tree, *path)
        if value in known[path] and value not in built:
            yield problem(tree, path, f"is {shown(value)}; expected {one_of(built)}: the others are planned and not built yet.")


def unread_keys(request: Request) -> list[str]:
    """The keys that a request of this task and this split means nothing by."""
    own = {key for row in task_rows() for key in row.keys} - set(request.row.keys)
    split = ("holdout", "column", "cutoff") if request.split.by == "horizon" else ("origins",)
    return [*sorted(own), *(f"split.{key}" for key in split)]


def _own_problems(tree: Node) -> Iterator[str]:
    """Keys that only other tasks read, and those that this one cannot do without."""
    task = _row(tree)
    if task is None:
        return
    for key in sorted({key for other in task_rows() for key in other.keys} - set(task.keys)):
        if _said(tree, *key.split(".")):
            readers = [name for name, other in TASKS.items() if any(key in row.keys for row in (other, *other.answers.values()))]
            answered = (
                f" and answer is {text(tree, 'answer')!r}"
                if text(tree, "answer") in TASKS[text(tree, "task") or ""].answers
                else ""
            )
            elsewhere = f"{one_of(readers)} reads it" if readers != [text(tree, "task")] else "another answer reads it"
            yield problem(
                tree, tuple(key.split(".")), f"means nothing when task is {text(tree, 'task')!r}{answered}; {elsewhere}."
            )
    for key in task.needs:
        if not given(tree, *key.split(".")):
            yield problem(tree, tuple(key.split(".")), f"is missing; expected {_NEEDED[key]}.")


def _source_problems(tree: Node) -> Iterator[str]:
    source = text(tree, "data", "source") if given(tree, "data", "source") else "files"
    if source not in _ADDRESS:
        return
    keys = {key for key in ("path", "url", "table", "query") if given(tree, "data", key)}
    for key in sorted(keys - set(_ADDRESS[source])):
        fits = [name for name, read in _ADDRESS.items() if key in read]
        yield problem(tree, ("data", key), f"means nothing when data.source is {source!r}; expected source: {one_of(fits)}.")
    if source == "files" and "path" not in keys:
        yield problem(tree, ("data", "path"), "is missing; expected a file, a glob, a URL or catalog:NAME.")
    if source != "files" and "url" not in keys:
        yield problem(tree, ("data", "url"), f"is missing; expected an address, for data.source is {source!r}.")
    if source == "database" and not keys & {"table", "query"}:
        yield problem(tree, ("data", "table"), "is missing; expected a table or a query, for data.source is 'database'.")
    if source == "database" and {"table", "query"} <= keys:
        yield problem(tree, ("data", "query"), "stands beside data.table; expected one of the two.")


def _column_problems(tree: Node) -> Iterator[str]:
    target, identity, task = text(tree, "data", "target"), text(tree, "data", "id"), text(tree, "task")
    if not given(tree, "data", "target") and task not in PLANNED:
        yield problem(tree, ("data", "target"), "is missing; expected the name of the column to predict.")
    if target is not None and target == identity:
        yield problem(tree, ("data", "id"), f"is {shown(identity)}, which is the target; expected the column that names a row.")
    features = tree.find("data", "features")
    if features is None or not isinstance(features.value, list):
        return
    if not features.value:
        yield problem(tree, ("data", "features"), "is an empty list; expected column names, or no such key for all columns.")
    seen: set[str] = set()
    for position, node in enumerate(features.value):
        path: Path = ("data", "features", position)
        column = node.value
        if not isinstance(column, str):
            continue
        if column in seen:
            yield problem(tree, path, f"is {shown(column)} a second time; keep one.")
        elif column == target:
            yield problem(tree, path, f"is {shown(column)}, which is the target; a model that sees the target learns nothing.")
        elif column == identity:
            yield problem(tree, path, f"is {shown(column)}, which names the rows (data.id); expected columns that describe them.")
        seen.add(column)


def _split_problems(tree: Node) -> Iterator[str]:
    task = _row(tree)
    splits = task.splits if task else ("hash",)
    by = text(tree, "split", "by") if given(tree, "split", "by") else splits[0]
    column = text(tree, "split", "column")
    if task and by in _SPLITS and by not in task.splits:
        yield problem(
            tree, ("split", "by"), f"is {shown(by)}; expected {one_of(task.splits)} when task is {text(tree, 'task')!r}."
        )
        return
    if by == "horizon":
        for key in ("column", "cutoff", "holdout"):
            if _said(tree, "split", key):
                yield problem(
                    tree, ("split", key), "means nothing when split.by is 'horizon'; expected split.origins, how many horizons."
                )
    elif _said(tree, "split", "origins"):
        yield problem(tree, ("split", "origins"), f"means nothing when split.by is {by!r}; expected by: horizon.")
    if by in ("group", "time", "column") and not given(tree, "split", "column"):
        yield problem(tree, ("split", "column"), f"is missing; expected the name of a column, for split.by is {by!r}.")
    if by == "time" and not given(tree, "split", "cutoff"):
        yield problem(tree, ("split", "cutoff"), "is missing; expected a date such as '2024-06-30', for split.by is 'time'.")
    if by == "hash" and given(tree, "split", "column"):
        yield problem(tree, ("split", "column"), "means nothing when split.by is 'hash'; expected by: group, time or column.")
    if by in ("hash", "group", "column") and given(tree, "split", "cutoff"):
        yield problem(tree, ("split", "cutoff"), f"means nothing when split.by is {by!r}; expected by: time.")
    if column is not None and column == text(tree, "data", "target"):
        yield problem(tree, ("split", "column"), f"is {shown(column)}, which is the target; expected another column.")


def read_bounds(tree: Node) -> tuple[dict[str, Bound], list[str]]:
    """The bounds under `requirements`, and what is wrong with the others."""
    requirements = tree.find("requirements")
    if requirements is None or requirements.value is None:
        return {}, []
    if not isinstance(requirements.value, dict):
        expected = 'expected a bound for each metric below it, such as roc_auc: ">=0.8"'
        return {}, [problem(tree, ("requirements",), f"is {shown(requirements.value)}; {expected}.")]
    bounds: dict[str, Bound] = {}
    problems: list[str] = []
    for metric, node in requirements.value.items():
        says = _read_bound(metric, node, tree)
        if isinstance(says, Bound):
            bounds[metric] = says
        else:
            problems.append(problem(tree, ("requirements", metric), says))
    return bounds, problems


@dataclass(frozen=True)
class _Metric:
    """What a bound on a metric can be: from which side, and between which values."""

    name: str
    better: bool  # when higher
    low: float = 0.0
    high: float = 1.0

    @property
    def measured(self) -> bool:
        return self.name in MEASURED

    @property
    def example(self) -> str:
        return "<100ms" if self.measured else ">=0.9" if self.better else "<0.1"

    def misfit(self, bound: Bound) -> str | None:
        """Why a bound cannot be meant for this metric; None when it can."""
        if self.measured and bound.unit != MEASURED[self.name]:
            return f"expected a bound with a unit, such as {self.example!r}"
        if not self.measured and bound.unit:
            return f"expected no unit of time: {self.name} is not measured in seconds"
        if bound.upward != self.better:
            more, signs = ("more", "'>' or '>='") if self.better else ("less", "'<' or '<='")
            return f"expected {signs}, for {more} of {self.name} is better"
        if self.high == math.inf and "%" in bound.text:
            return f"expected a plain number, for {self.name} is not a share"
        beyond_reach = bound.value == (self.high if bound.upward else self.low) and bound.op in ("<", ">")
        if beyond_reach or not self.low <= bound.value <= self.high:
            return "expected a share from 0% to 100% that can be reached" if self.high == 1 else "expected a number above 0"
        return None

    def meant(self, written: str) -> list[str]:
        """The bound that may have been meant: another operator, or a unit that was left out."""
        match = _WRITTEN.fullmatch(written.strip())
        if match is None:
            return []
        op = match["op"] or (">=" if self.better else "<")
        if (op[0] == ">") != self.better:
            op = _FLIPPED[op]
        # 50% without its sign would be another number.
        units = [match["unit"], "%", "ms"] if match["unit"] == "%" else [match["unit"], "", "%", "ms"]
        for unit in dict.fromkeys(units):
            bound = Bound.parse(f"{op}{match['digits']}{unit}")
            if self.misfit(bound) is None:
                return [bound.text]
        return []


def _known_metrics(tree: Node) -> dict[str, _Metric]:
    """The metrics that may be named: of all tasks while the task is unknown."""
    task = _row(tree)
    metrics = [
        _Metric(name, better, *one.ranges.get(name, (0.0, 1.0)))
        for one in ([task] if task else task_rows())
        for name, better in one.metrics.items()
    ]
    metrics += [_Metric(name, better=False, high=math.inf) for name in MEASURED]
    return {metric.name: metric for metric in metrics}


def _read_bound(name: str, node: Node, tree: Node) -> Bound | str:
    known = _known_metrics(tree)
    metric = known.get(name)
    if metric is None:
        return f"is not a metric of this task; expected one of {', '.join(known)}{hint(nearest(name, known))}"
    if node.folded:
        return f"begins with '>', which means something else in YAML; put the bound in quotes: {name}: \"{metric.example}\"."
    if not isinstance(node.value, str):
        return f"is {shown(node.value)}; expected a bound such as {metric.example!r}."
    meant = metric.meant(node.value)
    try:
        bound = Bound.parse(node.value)
    except ValueError as error:
        expected = str(error) if meant else f"expected a bound such as {metric.example!r}"
        return f"is {shown(node.value)}; {expected}{hint(meant)}"
    wrong = metric.misfit(bound)
    return f"is {shown(node.value)}; {wrong}{hint(meant)}" if wrong else bound

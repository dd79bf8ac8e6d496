"""Whether the data can answer the request at all: its columns are there, and its target is of the kind that the task asks for."""

import difflib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from glassbox.data.raw_table import RESERVED
from glassbox.data.schema import distinct
from glassbox.data.value_parsing import PICTURE, canonical, clean, read_number
from glassbox.errors import DataError

if TYPE_CHECKING:
    from glassbox.request.model import Request

MANY_NUMBERS = 20  # different numbers in a target are a quantity, no classes
MANY_CLASSES = 100
_SHOWN = 12


def check_columns(columns: Sequence[str], request: "Request") -> None:
    """Every column that the request names is there, and something is left to learn from.

    Raises
    ------
    DataError
        With one line for each name that is not there, and the nearest names that are.
    """
    data, split = request.data, request.split
    named: list[tuple[str, str | None]] = [("data.target", data.target)]
    named += [("data.id", None if data.id == RESERVED and f"{RESERVED}.2" in columns else data.id)]
    named += [("data.features", name) for name in data.features or []]
    named += [("data.allow", name) for name in data.allow]
    named += [("split.column", split.column), ("data.time", data.time)]
    named += [("data.known", name) for name in data.known]
    problems = [absent(key, name, columns) for key, name in named if name is not None and name not in columns]
    if data.target is None:
        problems.append(f"data.target: {request.task} needs the column to predict. Columns: {_listed(columns)}.")
    if split.by in ("group", "time", "column") and split.column is None:
        problems.append(f"split.column: a split by {split.by} needs the column that says it. Columns: {_listed(columns)}.")
    if not problems and not set(data.features or columns) - {data.target, data.id}:
        problems.append("data.features: nothing is left to predict from besides the target and the id.")
    if data.features and data.target in data.features:
        problems.append(f"data.features: {data.target!r} is the target; a model that sees it has nothing to predict.")
    if problems:
        raise DataError(problems)


def absent(key: str, name: str, columns: Sequence[str]) -> str:
    """That a request names a column which is not there, with the nearest that are."""
    by_folded = {column.casefold(): column for column in columns}
    near = [by_folded[n] for n in difflib.get_close_matches(name.casefold(), by_folded, n=3, cutoff=0.5)]
    hint = f"Nearest: {', '.join(map(repr, near))}." if near else f"Columns: {_listed(columns)}."
    return f"{key}: there is no column {name!r} in the data. {hint}"


def _listed(columns: Sequence[str]) -> str:
    more = f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else ""
    return ", ".join(map(repr, columns[:_SHOWN])) + more


def is_missing(series: pd.Series) -> Any:
    """For each text cell, whether it is blank or a word for "nothing"."""
    codes, values = distinct(series)
    return np.array([clean(value) is None for value in values], dtype=bool)[codes]


def count_labels(series: pd.Series) -> dict[str, int]:
    """How many rows hold each label, in the order of the labels. A number counts as one, however it is written."""
    codes, values = distinct(series)
    counted: Counter[str] = Counter()
    for value, n in zip(values, np.bincount(codes, minlength=len(values)), strict=True):
        counted[canonical(value)] += int(n)
    return dict(sorted(counted.items()))


def check_target(cells: pd.DataFrame, request: "Request", dropped: int = 0) -> None:
    """The target is of the kind that the task asks for, as far as can be told before the split.

    Parameters
    ----------
    cells : DataFrame
        The rows whose target is not missing.
    request : Request
        Says which column is the target.
    dropped : int
        How many rows had no target.

    Raises
    ------
    DataError
        In the user's words.
    """
    target = request.data.target
    if target is None:
        return
    if not len(cells):
        raise DataError(f"data.target: {target!r} is missing in all {dropped:,} rows; there is nothing to learn from.")
    if request.task_spec.reads == "pictures" and cells[target].str.startswith(PICTURE).all():
        raise DataError(f"data.target: {target!r} holds the pictures; name the column that says what is to be seen in them.")
    labels = count_labels(cells[target])
    if len(labels) == 1 and request.task_spec.target != "spans":
        raise DataError(
            f"data.target: {target!r} is {next(iter(labels))!r} in all {len(cells):,} rows that have one; "
            "where all are alike there is nothing to tell apart."
        )
    if len(cells) < request.folds:
        raise DataError(f"{len(cells):,} rows are fewer than the {request.folds} folds; more rows are needed, or fewer folds.")
    check = _KINDS.get(request.task_spec.target)
    if check is not None:
        check(target, labels, request)


def _task(request: "Request") -> str:
    return f"a {request.task}" if request.task == "classification" else f"{request.task} with this answer"


def _check_classes(target: str, labels: Mapping[str, int], request: "Request") -> None:
    numbers = [number for label in labels if (number := read_number(label)) is not None]
    whole = all(number.value.is_integer() for number in numbers)
    if len(numbers) == len(labels) and (len(labels) > MANY_NUMBERS or (not whole and len(labels) > MANY_NUMBERS // 2)):
        raise DataError(
            f"task: {_task(request)} asks for classes, but {target!r} holds {len(labels):,} different numbers: a quantity. "
            "Ask for `task: regression`, or name another target."
        )
    rows = sum(labels.values())
    if len(labels) > MANY_CLASSES or len(labels) > max(2, rows // 2):
        raise DataError(
            f"task: {_task(request)} asks for classes, but {target!r} holds {len(labels):,} different values in {rows:,} rows. "
            "Name a target with few values, each in many rows."
        )
    positive = request.data.positive
    if positive is not None and canonical(positive) not in labels:
        raise DataError(f"data.positive: {target!r} is never {positive!r}; it is {_listed(list(labels))}.")


_KINDS: dict[str, Callable[[str, Mapping[str, int], "Request"], None]] = {"classes": _check_classes}


def check_parts(train: Mapping[str, int], holdout: Mapping[str, int], request: "Request") -> None:
    """Both parts of the split hold enough of each class (rows by label) to learn from and to judge by.

    Raises
    ------
    DataError
        In the user's words.
    """
    rows, sealed = sum(train.values()), sum(holdout.values())
    how = f"the split by {request.split.by}"
    if not sealed or not rows:
        raise DataError(
            f"split: {how} puts {rows:,} rows into train and {sealed:,} into the holdout; both need some. "
            "More rows are needed, or another split."
        )
    if rows < request.folds:
        raise DataError(f"Train has {_rows(rows)}, fewer than the {request.folds} folds; more rows are needed, or fewer folds.")
    if request.task_spec.target != "classes":
        return
    problems = [
        f"data.target: the class {label!r} has {_rows(train.get(label, 0))} in train, fewer than the {request.folds} folds. "
        "More of its rows are needed, or fewer folds, or classes taken together."
        for label in _union(train, holdout)
        if train.get(label, 0) < request.folds
    ]
    problems += [
        f"data.target: the class {label!r} has no row in the holdout ({_rows(sealed)}), so nothing could be said of it. "
        "More rows are needed, or a larger `split.holdout`."
        for label in _union(train, holdout)
        if not holdout.get(label, 0)
    ]
    if problems:
        raise DataError(problems)


def _rows(n: int) -> str:
    return "1 row" if n == 1 else f"{n:,} rows"


def _union(*counts: Iterable[str]) -> list[str]:
    return sorted({label for labels in counts for label in labels})

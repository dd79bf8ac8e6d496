"""Checks that the data fits the request: its columns exist, and its target has the type that the task needs."""

import difflib
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from glassbox.data.raw_table import RESERVED
from glassbox.data.schema import distinct
from glassbox.data.value_parsing import MISSING_WORDS, PICTURE, canonical, clean, matching_label, read_number
from glassbox.errors import DataError
from glassbox.findings.wording import counted, join_names

if TYPE_CHECKING:
    from glassbox.request.model import Request

MAX_NUMERIC_CLASSES = 20  # a column of more distinct numbers is not guessed to be a target of classes
MAX_RARE_SHARE = 0.1  # of the rows may belong to classes that are too rare; with more, the target is probably wrong
_LISTED = 12


def check_columns(columns: Sequence[str], request: "Request") -> None:
    """Check that every column of the request exists, and that at least one feature remains.

    Raises
    ------
    DataError
        When columns are absent; the message has one line for each, with the nearest names.
    """
    data, split = request.data, request.split
    named: list[tuple[str, str | None]] = [("data.target", data.target)]
    named += [("data.id", None if data.id == RESERVED and f"{RESERVED}.2" in columns else data.id)]
    named += [("data.features", name) for name in data.features or []]
    named += [("data.allow", name) for name in data.allow]
    named += [("split.column", split.column), ("data.time", data.time)]
    named += [("data.known", name) for name in data.known]
    problems = [absent_column(key, name, columns) for key, name in named if name is not None and name not in columns]
    if data.target is None:
        problems.append(f"data.target: the key is missing; {request.task} needs the column to predict. {_columns(columns)}")
    if split.by in ("group", "time", "column") and split.column is None:
        problems.append(f"split.column: the key is missing; a split by {split.by} needs a column. {_columns(columns)}")
    if not problems and not set(data.features or columns) - {data.target, data.id}:
        problems.append("data.features: there is no feature besides the target and the id; add a column to predict from.")
    if data.features and data.target in data.features:
        problems.append(f"data.features: {data.target!r} is the target; remove it from the features.")
    if problems:
        raise DataError(problems)


def absent_column(key: str, name: str, columns: Sequence[str]) -> str:
    """Write the error message for a column of the request that the data lacks, with the nearest names."""
    by_folded = {column.casefold(): column for column in columns}
    matches = [by_folded[n] for n in difflib.get_close_matches(name.casefold(), by_folded, n=3, cutoff=0.5)]
    hint = f"Nearest: {', '.join(map(repr, matches))}." if matches else _columns(columns)
    return f"{key}: there is no column {name!r} in the data. {hint}"


def _columns(columns: Sequence[str]) -> str:
    return f"Columns: {join_names(list(map(repr, columns)), _LISTED)}."


def is_missing(series: pd.Series, missing: Collection[str] = MISSING_WORDS) -> Any:
    """Return for each text cell whether it is blank or one of the words that mean a missing value."""
    codes, values = distinct(series)
    return np.array([clean(value, missing) is None for value in values], dtype=bool)[codes]


def count_labels(series: pd.Series) -> dict[str, int]:
    """Count the rows of each label, sorted by label. Different notations of a number are one label."""
    codes, values = distinct(series)
    counts: Counter[str] = Counter()
    for value, n in zip(values, np.bincount(codes, minlength=len(values)), strict=True):
        counts[canonical(value, ())] += int(n)
    return dict(sorted(counts.items()))


def check_target(cells: pd.DataFrame, request: "Request", dropped: int = 0) -> None:
    """Check that the target has the type that the task needs, as far as possible before the split.

    Parameters
    ----------
    cells : DataFrame
        The rows whose target is not missing.
    request : Request
        Names the target.
    dropped : int
        Number of rows excluded because their target is missing.

    Raises
    ------
    DataError
        When the target does not suit the task; the message holds the value, the requirement and the remedy.
    """
    target = request.data.target
    if target is None:
        return
    if not len(cells):
        raise DataError(f"data.target: {target!r} is missing in all {dropped:,} rows; name a column that is filled.")
    if request.task_spec.reads == "pictures" and cells[target].str.startswith(PICTURE).all():
        raise DataError(f"data.target: {target!r} contains the pictures; name the column that contains their labels.")
    labels = count_labels(cells[target])
    if len(labels) == 1 and request.task_spec.target != "spans":
        raise DataError(
            f"data.target: {target!r} is {next(iter(labels))!r} in all {len(cells):,} rows that have one; "
            "expected at least two different values."
        )
    if len(cells) < request.folds:
        raise DataError(
            f"folds: the data has {_rows(len(cells))}, fewer than the {request.folds} folds; provide more rows, or reduce `folds`."
        )
    check = _CHECKS.get(request.task_spec.target)
    if check is not None:
        check(target, labels, request)


def looks_like_quantity(labels: Mapping[str, int]) -> bool:
    """Return whether labels are many different numbers, so that they measure something rather than name classes."""
    numbers = [number for label in labels if (number := read_number(label)) is not None]
    most = MAX_NUMERIC_CLASSES if all(number.value.is_integer() for number in numbers) else MAX_NUMERIC_CLASSES // 2
    return len(numbers) == len(labels) > most


def _check_classes(target: str, labels: Mapping[str, int], request: "Request") -> None:
    positive = request.data.positive
    if positive is not None and matching_label(positive, labels) is None:
        raise DataError(
            f"data.positive: {target!r} is never {positive!r}; its values are {join_names([repr(label) for label in labels], _LISTED)}."
        )
    if request.data.rare_classes == "keep":
        return
    rows, need = sum(labels.values()), request.folds + 1
    frequent = [label for label, n in labels.items() if n >= need]
    lost = rows - sum(labels[label] for label in frequent)
    if not frequent or lost > MAX_RARE_SHARE * rows:
        advice = (
            "its numbers look like a quantity rather than classes; name another target"
            if looks_like_quantity(labels)
            else ("name another target, reduce `folds`, or set data.rare_classes to merge")
        )
        raise DataError(
            f"data.target: {target!r} has {len(labels):,} different values in {rows:,} rows, and {lost:,} rows have a value that occurs "
            f"less than {need} times, too rarely for {request.folds} folds and a holdout; {advice}."
        )


_CHECKS: dict[str, Callable[[str, Mapping[str, int], "Request"], None]] = {"classes": _check_classes}


def check_parts(train: Mapping[str, int], holdout: Mapping[str, int], request: "Request") -> None:
    """Check that train and holdout (number of rows by label) have enough rows of each class to train and to evaluate on.

    Raises
    ------
    DataError
        When a part is empty or a class is too rare; the message holds the number of rows, the requirement and the remedy.
    """
    train_rows, holdout_rows = sum(train.values()), sum(holdout.values())
    if not holdout_rows or not train_rows:
        raise DataError(
            f"split: the split by {request.split.by} puts {_rows(train_rows)} into train and {_rows(holdout_rows)} into the holdout; "
            "both need rows. Provide more rows, or change the split."
        )
    if train_rows < request.folds:
        raise DataError(
            f"split: train has {_rows(train_rows)}, fewer than the {request.folds} folds; provide more rows, or reduce `folds`."
        )
    if request.task_spec.target != "classes":
        return
    rare = rare_classes(train, holdout, request)
    if rare:
        advice = "Provide more of its rows, reduce `folds`, or set data.rare_classes to drop or merge."
        raise DataError([f"data.target: {reason}. {advice}" for reason in rare.values()])
    if len(train) < 2:
        only = next(iter(train), "")
        raise DataError(
            f"data.target: only the class {only!r} has enough rows in train and in the holdout; expected at least two."
        )


def rare_classes(train: Mapping[str, int], holdout: Mapping[str, int], request: "Request") -> dict[str, str]:
    """Return the classes with too few rows in a part, and the reason as a clause."""
    reasons = {}
    for label in sorted({*train, *holdout}):
        in_train, in_holdout = train.get(label, 0), holdout.get(label, 0)
        if not in_train:
            reasons[label] = (
                f"the class {label!r} has {_rows(in_holdout)} in the holdout and none in train, so no model can learn it"
            )
        elif in_train < request.folds:
            reasons[label] = f"the class {label!r} has {_rows(in_train)} in train, fewer than the {request.folds} folds"
        elif not in_holdout:
            reasons[label] = (
                f"the class {label!r} has {_rows(in_train)} in train and none in the holdout, so it cannot be evaluated"
            )
    return reasons


def _rows(n: int) -> str:
    return counted(n, "row")

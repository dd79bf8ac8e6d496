"""The recipe of the ingest stage: read what arrived, set the holdout apart, infer the schema on train, enforce it on both."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from glassbox.data.raw_table import text_column
from glassbox.data.schema import Conformed, FieldProblem, Schema, conform
from glassbox.data.sources import Arrange, RawData, read_source
from glassbox.data.split import HOLDOUT_WORDS, TRAIN_WORDS, Parts, read_moments
from glassbox.data.target_checks import check_columns, check_target, is_missing
from glassbox.findings.model import Finding

if TYPE_CHECKING:
    from glassbox.request.model import Request

FILE = "file"  # the column of official parts, where each part is a file of its own
_NANOSECONDS_BEGIN = "1677-09-22"  # dates before are beyond what nanoseconds in 64 bits can count


@dataclass(frozen=True)
class Snapshot:
    """Train and holdout in the schema's types, with `row_id` in front, and what had to be given up to get there."""

    train: pd.DataFrame
    holdout: pd.DataFrame
    notes: list[str] = field(default_factory=list)


def read(request: "Request", root: Path, arrange: Arrange | None = None) -> tuple[RawData, dict[str, Finding]]:
    """What arrived, as text cells. Rows that no model can learn from (no target, no moment) are set aside.

    Parameters
    ----------
    request : Request
        Its `data` says where, and which columns.
    root : Path
        The project.
    arrange : callable, optional
        The family's: brings what arrived into a row for each unit that it learns from, and says what it found.

    Raises
    ------
    DataError
        When the data cannot be read, lacks a column, or cannot answer the request.
    """
    arrival, found = _with_parts(read_source(request, root), request), dict[str, Finding]()
    if arrange is not None:
        arrival, found = arrange(arrival, request)
    check_columns([str(name) for name in arrival.cells.columns], request)
    target, arrived = request.data.target, len(arrival.cells)
    if target is not None:
        arrival = arrival.set_aside(is_missing(arrival.cells[target]), "the target is missing")
    if request.split.by == "time" and request.split.column is not None and len(arrival.cells):
        undated = pd.isna(read_moments(arrival.cells[request.split.column]))
        arrival = arrival.set_aside(undated, f"no moment can be read in {request.split.column!r}, by which rows are split")
    check_target(arrival.cells, request, arrived - len(arrival.cells))
    return arrival, found


def _with_parts(arrival: RawData, request: "Request") -> RawData:
    """With a column `file`, where the split is by it and the data has none: the part that each file's name says."""
    if request.split.column != FILE or FILE in arrival.cells.columns:
        return arrival
    words = [
        [word for word in re.split(r"[^a-z]+", Path(file.name).stem.lower()) if word in TRAIN_WORDS | HOLDOUT_WORDS]
        for file in arrival.files
    ]
    named = [found[-1] if found else Path(file.name).name for found, file in zip(words, arrival.files, strict=True)]
    return replace(arrival, cells=arrival.cells.assign(**{FILE: text_column([named[i] for i in arrival.sources])}))


def conform_parts(parts: Parts, schema: Schema) -> Snapshot:
    """Both parts in the schema's types. What cannot be read becomes missing, and is said."""
    wanted = ["row_id", *(column.name for column in schema.columns)]
    train = conform(parts.train[wanted], schema, pictures_read=True)
    holdout = conform(parts.holdout[wanted], schema, pictures_read=True)
    notes = [*parts.notes, *_unread(schema, train, holdout), *_odd_columns(schema)]
    return Snapshot(train.frame, holdout.frame, notes)


def _unread(schema: Schema, *conformed: Conformed) -> list[str]:
    """One sentence for each column and kind of value that had to become missing."""
    found: dict[tuple[str, str], list[FieldProblem]] = {}
    for problem in (problem for part in conformed for problem in part.problems):
        found.setdefault((problem.field, problem.expected), []).append(problem)
    order = {column.name: i for i, column in enumerate(schema.columns)}
    notes = []
    for (name, expected), problems in sorted(found.items(), key=lambda item: (order[item[0][0]], item[0][1])):
        examples = sorted({problem.found for problem in problems})[:3]
        count = "1 value is" if len(problems) == 1 else f"{len(problems):,} values are"
        notes.append(f"{name}: {count} not {expected} ({', '.join(examples)}); missing from here on.")
    return notes


def _odd_columns(schema: Schema) -> Iterable[str]:
    for column in schema.columns:
        if column.kind == "empty":
            yield f"{column.name}: nothing in any row of train; a model can learn nothing from it."
        elif column.kind == "constant":
            yield f"{column.name}: the same in every row of train; a model can learn nothing from it."
        elif column.low_date is not None and datetime.fromisoformat(column.low_date) < datetime.fromisoformat(_NANOSECONDS_BEGIN):
            yield f"{column.name}: dates before 1677 are kept as they are, to the microsecond."
        elif "%y" in (column.date_format or ""):
            yield f"{column.name}: years have two digits; 69 to 99 are read as 1969 to 1999, others as 2000 to 2068."

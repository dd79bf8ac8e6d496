"""The ingest stage: read the raw data, and convert train and holdout to the types of a schema inferred on train."""

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
from glassbox.data.split import HOLDOUT_WORDS, TRAIN_WORDS, Parts, read_times
from glassbox.data.target_checks import check_columns, check_target, is_missing
from glassbox.findings.model import Finding

if TYPE_CHECKING:
    from glassbox.request.model import Request

FILE = "file"  # the column of official parts, when each part is a file of its own
_NANOSECONDS_BEGIN = "1677-09-22"  # earlier dates do not fit into datetime64[ns]


@dataclass(frozen=True)
class Snapshot:
    """Train and holdout in the schema's types, with `row_id` first, and notes on values that became missing."""

    train: pd.DataFrame
    holdout: pd.DataFrame
    notes: list[str] = field(default_factory=list)


def read(request: "Request", root: Path, arrange: Arrange | None = None) -> tuple[RawData, dict[str, Finding]]:
    """Read the raw data as text cells. Rows without a target, or without the time that a split needs, go to quarantine.

    Parameters
    ----------
    request : Request
        Its `data` names the files and columns.
    root : Path
        The folder of the project.
    arrange : callable, optional
        The family's function that turns the raw data into one row for each unit of prediction, and describes it in findings.

    Raises
    ------
    DataError
        When the data cannot be read, lacks a column, or cannot answer the request.
    """
    raw, findings = _with_parts(read_source(request, root), request), dict[str, Finding]()
    if arrange is not None:
        raw, findings = arrange(raw, request)
    check_columns([str(name) for name in raw.cells.columns], request)
    target, rows_read = request.data.target, len(raw.cells)
    if target is not None:
        raw = raw.exclude(is_missing(raw.cells[target]), "the target is missing")
    if request.split.by == "time" and request.split.column is not None and len(raw.cells):
        undated = pd.isna(read_times(raw.cells[request.split.column]))
        raw = raw.exclude(undated, f"no date or number can be read in {request.split.column!r}, the column of the split")
    check_target(raw.cells, request, rows_read - len(raw.cells))
    return raw, findings


def _with_parts(raw: RawData, request: "Request") -> RawData:
    """Add the column `file`, the part of the split that each file name states, if the request splits by `file` and the data lacks it."""
    if request.split.column != FILE or FILE in raw.cells.columns:
        return raw
    words = [
        [word for word in re.split(r"[^a-z]+", Path(file.name).stem.lower()) if word in TRAIN_WORDS | HOLDOUT_WORDS]
        for file in raw.files
    ]
    parts = [in_name[-1] if in_name else Path(file.name).name for in_name, file in zip(words, raw.files, strict=True)]
    return replace(raw, cells=raw.cells.assign(**{FILE: text_column([parts[i] for i in raw.sources])}))


def conform_parts(parts: Parts, schema: Schema) -> Snapshot:
    """Convert both parts to the schema's types. Values that cannot be read become missing, and the notes report them."""
    wanted = ["row_id", *(column.name for column in schema.columns)]
    train = conform(parts.train[wanted], schema, pictures_read=True)
    holdout = conform(parts.holdout[wanted], schema, pictures_read=True)
    notes = [*parts.notes, *_unreadable_values(schema, train, holdout), *_unusual_columns(schema)]
    return Snapshot(train.frame, holdout.frame, notes)


def _unreadable_values(schema: Schema, *conformed: Conformed) -> list[str]:
    """Write one sentence for each column and expected type of values that became missing."""
    grouped: dict[tuple[str, str], list[FieldProblem]] = {}
    for problem in (problem for part in conformed for problem in part.problems):
        grouped.setdefault((problem.field, problem.expected), []).append(problem)
    order = {column.name: i for i, column in enumerate(schema.columns)}
    notes = []
    for (name, expected), problems in sorted(grouped.items(), key=lambda item: (order[item[0][0]], item[0][1])):
        examples = sorted({problem.found for problem in problems})[:3]
        count = "1 value is" if len(problems) == 1 else f"{len(problems):,} values are"
        notes.append(f"{name}: {count} not {expected} ({', '.join(examples)}); treated as missing.")
    return notes


def _unusual_columns(schema: Schema) -> Iterable[str]:
    for column in schema.columns:
        if column.kind == "empty":
            yield f"{column.name}: empty in every row of train, so a model cannot learn from it."
        elif column.kind == "constant":
            yield f"{column.name}: constant in train, so a model cannot learn from it."
        elif column.low_date is not None and datetime.fromisoformat(column.low_date) < datetime.fromisoformat(_NANOSECONDS_BEGIN):
            yield f"{column.name}: dates before 1677 are stored to the microsecond."
        elif "%y" in (column.date_format or ""):
            yield f"{column.name}: years have two digits; 69 to 99 are read as 1969 to 1999, 00 to 68 as 2000 to 2068."

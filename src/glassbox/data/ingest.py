"""The ingest stage: read the raw data, and convert train and holdout to the types of a schema inferred on train."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from glassbox.data.raw_table import text_column
from glassbox.data.reading import missing_words
from glassbox.data.schema import Conformed, FieldProblem, Schema, conform, distinct
from glassbox.data.sources import Arrange, RawData, read_source
from glassbox.data.split import HOLDOUT_WORDS, TRAIN_WORDS, Parts, read_times
from glassbox.data.target_checks import check_columns, check_target, count_labels, is_missing
from glassbox.data.value_parsing import MISSING_WORDS, canonical, clean
from glassbox.findings.model import Finding
from glassbox.findings.wording import counted, join_names

if TYPE_CHECKING:
    from glassbox.request.model import Request

OTHER = "other"  # the class that rare classes are merged into
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
        raw = raw.exclude(is_missing(raw.cells[target], missing_words(request, target)), "the target is missing")
    if request.split.by == "time" and request.split.column is not None and len(raw.cells):
        undated = pd.isna(read_times(raw.cells[request.split.column], raw.reading))
        raw = raw.exclude(undated, f"no date or number can be read in {request.split.column!r}, the column of the split")
    check_target(raw.cells, request, rows_read - len(raw.cells))
    return _without_rare_classes(raw, request), findings


def _without_rare_classes(raw: RawData, request: "Request") -> RawData:
    """Exclude or merge the classes that have too few rows for the folds and the holdout, as the request says."""
    target = request.data.target
    if target is None or request.task_spec.target != "classes" or request.data.rare_classes == "keep":
        return raw
    need = request.folds + 1
    rare = {label: n for label, n in count_labels(raw.cells[target]).items() if n < need}
    if not rare:
        return raw
    codes, values = distinct(raw.cells[target])
    labels = [canonical(value, ()) for value in values]
    if request.data.rare_classes == "merge":
        merged = text_column([OTHER if label in rare else value for label, value in zip(labels, values, strict=True)]).take(codes)
        listed = join_names([f"{label!r} ({n:,})" for label, n in rare.items()], 12)
        note = f"{target}: classes with fewer than {need} rows are merged into {OTHER!r}: {listed}."
        return replace(raw, cells=raw.cells.assign(**{target: merged}), notes=[*raw.notes, note])
    for label, n in rare.items():
        mask = np.array([label == name for name in labels], dtype=bool)[codes]
        reason = f"the class {label!r} has {counted(n, 'row')}, too few for {request.folds} folds and a holdout"
        raw = raw.exclude(mask, reason)
        codes = codes[~mask]
    return raw


def exclude_left_out(raw: RawData, parts: Parts) -> RawData:
    """Move the rows that the split left out of both parts to quarantine."""
    remaining = np.ones(len(raw.cells), dtype=bool)
    for reason, mask in parts.left_out.items():
        raw = raw.exclude(mask[remaining], reason)
        remaining &= ~mask
    return raw


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
    notes = [
        *parts.notes,
        *_missing_words(schema, parts),
        *_similar_labels(schema),
        *_unreadable_values(schema, train, holdout),
        *_unusual_columns(schema),
    ]
    return Snapshot(train.frame, holdout.frame, notes)


def _missing_words(schema: Schema, parts: Parts) -> list[str]:
    """Report the words that were read as missing, and those that would be elsewhere but are values here."""
    notes = []
    for column in schema.columns:
        words = MISSING_WORDS if column.missing_words is None else frozenset(column.missing_words)
        counts: Counter[str] = Counter()
        for frame in (parts.train, parts.holdout):
            codes, values = distinct(frame[column.name])
            for value, n in zip(values, np.bincount(codes, minlength=len(values)), strict=True):
                if (text := clean(value, ())) is not None and (text in words or text in MISSING_WORDS):
                    counts[text] += int(n)
        missing = [f"{text!r} ({counted(n, 'row')})" for text, n in sorted(counts.items()) if text in words]
        values_ = [f"{text!r} ({counted(n, 'row')})" for text, n in sorted(counts.items()) if text not in words]
        if missing:
            notes.append(f"{column.name}: read as missing: {', '.join(missing)}. To change this, list the words in data.missing.")
        if values_:
            notes.append(
                f"{column.name}: read as a value, not as missing: {', '.join(values_)}. To change this, use data.missing."
            )
    return notes


def _similar_labels(schema: Schema) -> list[str]:
    """Name classes and categories that differ only in upper and lower case or in white space."""
    notes = []
    for column in schema.columns:
        groups: dict[str, list[str]] = {}
        for name in column.categories or []:
            groups.setdefault(" ".join(name.casefold().split()), []).append(name)
        similar = [" and ".join(map(repr, names)) for names in groups.values() if len(names) > 1]
        if similar:
            what, listed = "classes" if column.name == schema.target else "categories", "; ".join(similar[:6])
            notes.append(
                f"{column.name}: {listed} are different {what}, though they differ only in case or white space; "
                "if they mean the same, correct the data."
            )
    return notes


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

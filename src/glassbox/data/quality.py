"""Findings of the ingest stage about data quality, independent of the order of the rows."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure as Canvas

from glassbox.data.ingest import Snapshot
from glassbox.data.schema import ColumnSchema, Schema
from glassbox.data.sources import RawData
from glassbox.data.split import Parts
from glassbox.data.target_checks import count_labels
from glassbox.findings import plot_style
from glassbox.findings.evidence import HashEvidence, MissingValuesEvidence, SplitEvidence
from glassbox.findings.model import Cell, Facts, Figure, Note, Table
from glassbox.findings.svg import SOFT
from glassbox.findings.wording import counted, join_names, number
from glassbox.request.bounds import parse_size, size_matches

if TYPE_CHECKING:
    from glassbox.request.model import Request

_MAX_BARS = 20


def data_summary(raw: RawData, parts: Parts) -> Facts:
    """Summarise the raw data: its size, source and format."""
    rows, unreadable = _rows_read(raw), sum(file.unreadable for file in raw.files)
    columns = raw.cells.shape[1]
    names = [file.name for file in raw.files]
    facts: dict[str, Cell] = {
        "files": sum(file.files for file in raw.files),
        "source": names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}",
        "written as": "; ".join(dict.fromkeys(file.written for file in raw.files)),
        "bytes": sum(file.size_bytes for file in raw.files),
        "rows": rows,
        "columns": columns,
        "hash of the data": parts.data_hash,
    }
    readable = "every row was readable" if not unreadable else f"{_rows(unreadable)} could not be read"
    say = f"The data has {_rows(rows)} and {counted(columns, 'column')}; {readable}."
    return Facts(title="Data summary", say=say, facts=facts, evidence=HashEvidence(of="data", digest=parts.data_hash))


def _rows_read(raw: RawData) -> int:
    return sum(file.rows + file.unreadable for file in raw.files)


def _rows(n: int) -> str:
    return counted(n, "row")


def size_check(raw: RawData, request: "Request") -> Facts | Note:
    """Compare the number of rows with the size that the request states; a factor of two is tolerated."""
    rows, size = _rows_read(raw), request.data.size
    if size is None:
        return Note(
            title="Expected size", say="The request states no size. Set `data.size` to check the number of rows against it."
        )
    expected = parse_size(size)
    as_expected = size_matches(expected, rows)
    comparison = "more" if rows > expected else "fewer"
    say = (
        "The number of rows is within a factor of two of the expected size."
        if as_expected
        else f"The data has far {comparison} rows than expected; check that the file is the right one and complete."
    )
    return Facts(title="Expected size", say=say, facts={"expected": expected, "read": rows, "as expected": as_expected})


def repairs(raw: RawData, snapshot: Snapshot) -> Note:
    """List everything that was changed or became missing between the file and the snapshots."""
    lines = [*raw.notes, *snapshot.notes]
    if not lines:
        return Note(title="Repairs", say="No repair was necessary: all cells are unchanged.", tone="good")
    return Note(title="Repairs", say=f"{counted(len(lines), 'repair')}; all other cells are unchanged.", lines=lines, tone="look")


def quarantine(raw: RawData) -> Table:
    """Count the quarantined rows by reason."""
    total = _rows_read(raw)
    grouped = raw.quarantine.groupby("reason")
    frame = pd.DataFrame(
        {
            "reason": list(grouped.groups),
            "rows": [len(rows) for _, rows in grouped],
            "share": [len(rows) / total for _, rows in grouped],
            "one of them": [min(rows["text"])[:80] for _, rows in grouped],
        }
    ).sort_values(["rows", "reason"], ascending=[False, True])
    n = len(raw.quarantine)
    say = f"{_rows(n)} of {total:,} {'was' if n == 1 else 'were'} quarantined." if n else "No row was quarantined."
    note = "The file, line and reason of each row are in quarantine.parquet." if n else ""
    return Table.of(frame, "Quarantined rows", say=say, formats={"share": ".2%"}, note=note)


def types(schema: Schema) -> Table:
    """Tabulate the columns as inferred on train."""
    frame = pd.DataFrame(
        {
            "column": [column.name for column in schema.columns],
            "role": [_role(column.name, schema) for column in schema.columns],
            "kind": [column.kind for column in schema.columns],
            "written as": [_format(column) for column in schema.columns],
            "distinct": [column.distinct for column in schema.columns],
            "values": [_values(column) for column in schema.columns],
            "missing": [column.missing for column in schema.columns],
        }
    )
    counts = frame["kind"].value_counts().sort_index()
    say = f"{counted(len(frame), 'column')}: {join_names([f'{n} {kind}' for kind, n in counts.items()], len(counts))}."
    note = "Inferred on train only, and enforced in all later stages. Percentages are in percentage points."
    return Table.of(frame, "Columns", say=say, formats={"missing": ".2%", "distinct": ",d"}, note=note)


def _role(name: str, schema: Schema) -> str:
    if name == schema.target:
        return "target"
    return "id" if name == schema.id else "split" if name in schema.excluded else "feature"


def _format(column: ColumnSchema) -> str:
    if column.kind == "date":
        return column.date_format or ""
    if column.kind != "number":
        return ""
    return column.written_as if column.decimal == "." else f"{column.written_as}, decimal comma"


def _values(column: ColumnSchema) -> str:
    if column.low is not None and column.high is not None:
        return f"{_short(column.low)} to {_short(column.high)}"
    if column.low_date is not None and column.high_date is not None:
        return f"{column.low_date.removesuffix('T00:00:00')} to {column.high_date.removesuffix('T00:00:00')}"
    examples = [category if len(category) <= 30 else category[:29] + "…" for category in (column.categories or [])[:4]]
    more = column.distinct - len(examples)
    return ", ".join(examples) + (f" and {more:,} more" if examples and more > 0 else "")


def _short(number: float) -> str:
    return f"{int(number):,d}" if number.is_integer() and abs(number) < 1e15 else f"{number:,.6g}"


def missing(schema: Schema, snapshot: Snapshot) -> Table:
    """Tabulate the missing values of train, the column with the most first."""
    gaps = sorted((column for column in schema.columns if column.missing), key=lambda column: (-column.missing, column.name))
    train = snapshot.train
    frame = pd.DataFrame(
        {
            "column": [column.name for column in gaps],
            "rows": [int(train[column.name].isna().sum()) for column in gaps],
            "share": [column.missing for column in gaps],
        }
    )
    complete = float(train.notna().all(axis=1).mean())
    say = (
        f"{len(gaps)} of {len(schema.columns)} columns have missing values; {number(complete, '.1%')} of the rows are complete."
        if gaps
        else "Train has no missing values."
    )
    note = "Blanks, words such as NA, and values that could not be read as the column's kind count as missing."
    evidence = MissingValuesEvidence(missing_shares={column.name: column.missing for column in gaps})
    return Table.of(frame, "Missing values", say=say, formats={"share": ".2%"}, note=note, evidence=evidence)


def missing_plot(schema: Schema) -> Figure | Note:
    """Draw the shares of missing values as bars, the largest on top."""
    gaps = sorted((column for column in schema.columns if column.missing), key=lambda column: (-column.missing, column.name))
    if not gaps:
        return Note(title="Missing values by column", say="Train has no missing values.", tone="good")
    drawn = gaps[:_MAX_BARS][::-1]
    with plot_style.style():
        canvas = Canvas(figsize=(7.2, 0.7 + 0.26 * len(drawn)))
        axes = canvas.subplots()
        bars = axes.barh(range(len(drawn)), [100 * column.missing for column in drawn], height=0.62)
        axes.bar_label(bars, labels=[number(column.missing, ".2%") for column in drawn], padding=4, color=SOFT, fontsize=8.5)
        axes.set_yticks(range(len(drawn)), [_label(column.name) for column in drawn])
        axes.set_xlim(0, max(1.0, 115 * drawn[-1].missing))
        axes.set_xlabel("missing values, % of train rows")
        axes.grid(axis="y", visible=False)
        return plot_style.drawing(
            canvas,
            "Missing values by column",
            say=f"{gaps[0].name} has the most missing values: {number(gaps[0].missing, '.2%')} of train.",
            alt="Bar chart of missing values by column: "
            + "; ".join(f"{column.name} {number(column.missing, '.2%')}" for column in gaps[:_MAX_BARS]),
            caption=f"The {_MAX_BARS} columns with the most missing values." if len(gaps) > _MAX_BARS else "",
        )


def _label(name: str) -> str:
    return name if len(name) <= 28 else name[:27] + "…"


def duplicates(parts: Parts, schema: Schema) -> Facts:
    """Count duplicate rows: by id, by features, with different targets, and across the split."""
    table = parts.table
    duplicated = table["content"].duplicated(keep=False)
    across = table.groupby("content")["part"].nunique()
    facts: dict[str, Cell] = {}
    if schema.id is not None:
        facts[f"rows that share their {schema.id} with an earlier row"] = _repeated_ids(parts, schema.id)
    facts["rows with the features of another"] = int(duplicated.sum())
    conflicting = _conflicting(parts, schema)
    if conflicting is not None:
        facts["of these, with another target"] = conflicting
    both_sides = int(table["content"].isin(across.index[across > 1]).sum())
    facts["of these, on both sides of the split"] = both_sides
    if not duplicated.any():
        say = "No row is a duplicate of another."
    else:
        limit = (
            f"; {_rows(conflicting)} of them have different targets, which limits the accuracy of any model"
            if conflicting
            else ""
        )
        say = f"{_rows(int(duplicated.sum()))} ({number(duplicated.mean(), '.1%')}) are duplicates of another row{limit}."
    return Facts(title="Duplicate rows", say=say, facts=facts)


def _repeated_ids(parts: Parts, name: str) -> int:
    ids = pd.concat([parts.train[name], parts.holdout[name]])
    return int(ids[ids.notna()].duplicated().sum())


def _conflicting(parts: Parts, schema: Schema) -> int | None:
    """Count the rows whose duplicates have another target."""
    if schema.target is None:
        return None
    target = pd.concat([part.set_index("row_id")[schema.target] for part in (parts.train, parts.holdout)])
    labelled = parts.table.assign(target=parts.table["row_id"].map(target.astype(object)).str.strip())
    kinds = labelled.groupby("content")["target"].transform("nunique")
    return int((kinds > 1).sum())


def split_summary(parts: Parts, request: "Request", schema: Schema) -> Facts:
    """Summarise the split: its method, the size of both parts, and the share of each class in them."""
    train_rows, holdout_rows = len(parts.train), len(parts.holdout)
    methods = {
        "hash": "a hash of each row",
        "group": f"a hash of {request.split.column}",
        "time": f"{request.split.column}: the latest rows",
        "column": f"the column {request.split.column}",
        "horizon": f"time: {request.split.words} of {request.horizon} steps",
    }
    facts: dict[str, Cell] = {"split by": methods[request.split.by], "train rows": train_rows, "holdout rows": holdout_rows}
    facts["holdout share"] = number(holdout_rows / (train_rows + holdout_rows), ".2%")
    if schema.classes is not None and schema.target is not None:
        train, holdout = count_labels(parts.train[schema.target]), count_labels(parts.holdout[schema.target])
        for label in train:
            facts[f"share of train with {schema.target} = {label}"] = _share(train, label)
            facts[f"share of holdout with {schema.target} = {label}"] = _share(holdout, label)
    say = f"{_rows(train_rows)} for training; {_rows(holdout_rows)} held out until the final evaluation."
    evidence = SplitEvidence(train_rows=train_rows, holdout_rows=holdout_rows)
    return Facts(title="Train and holdout split", say=say, facts=facts, evidence=evidence)


def _share(counts: Mapping[str, int], label: str) -> str:
    return number(counts.get(label, 0) / sum(counts.values()), ".2%")

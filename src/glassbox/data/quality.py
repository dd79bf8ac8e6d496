"""Whether what arrived can be trusted: the findings of the ingest stage. None of them depends on the order of the rows."""

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
from glassbox.findings.wording import number
from glassbox.request.bounds import parse_size, size_matches

if TYPE_CHECKING:
    from glassbox.request.model import Request

_MOST_BARS = 20


def arrived(arrival: RawData, parts: Parts) -> Facts:
    """How much arrived, from where, in which format."""
    rows, unreadable = _rows_arrived(arrival), sum(file.unreadable for file in arrival.files)
    columns = arrival.cells.shape[1]
    names = [file.name for file in arrival.files]
    facts: dict[str, Cell] = {
        "files": sum(file.files for file in arrival.files),
        "source": names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}",
        "written as": "; ".join(dict.fromkeys(file.written for file in arrival.files)),
        "bytes": sum(file.size_bytes for file in arrival.files),
        "rows": rows,
        "columns": columns,
        "hash of the data": parts.data_hash,
    }
    readable = "every row could be read" if not unreadable else f"{_rows(unreadable)} could not be read"
    say = f"{_rows(rows)} of {columns:,} columns arrived; {readable}."
    return Facts(title="What arrived", say=say, facts=facts, evidence=HashEvidence(of="data", digest=parts.data_hash))


def _rows_arrived(arrival: RawData) -> int:
    return sum(file.rows + file.unreadable for file in arrival.files)


def _rows(n: int) -> str:
    return "1 row" if n == 1 else f"{n:,} rows"


def promised(arrival: RawData, request: "Request") -> Facts | Note:
    """The size that the request promises against what arrived: within a factor of two it is kept."""
    rows, size = _rows_arrived(arrival), request.data.size
    if size is None:
        return Note(title="No size was promised.", say="Write `size` in the request, and what arrives is checked against it.")
    asked = parse_size(size)
    kept = size_matches(asked, rows)
    way = "more" if rows > asked else "fewer"
    say = (
        "As many rows arrived as were promised, within a factor of two."
        if kept
        else f"Far {way} rows arrived than were promised: is this the right file, and all of it?"
    )
    return Facts(title="Promised and arrived", say=say, facts={"promised": asked, "arrived": rows, "kept": kept})


def repairs(arrival: RawData, snapshot: Snapshot) -> Note:
    """Everything that was changed or given up on the way from the file to the snapshots."""
    lines = [*arrival.notes, *snapshot.notes]
    if not lines:
        return Note(title="Nothing had to be repaired.", say="Cells are as they were written.", tone="good")
    return Note(title="What was repaired or left out", say="All else stands as it was written.", lines=lines, tone="look")


def quarantine(arrival: RawData) -> Table:
    """The rows that were set aside, by reason. Their lines stand in the quarantine file."""
    total = _rows_arrived(arrival)
    grouped = arrival.quarantine.groupby("reason")
    frame = pd.DataFrame(
        {
            "reason": list(grouped.groups),
            "rows": [len(rows) for _, rows in grouped],
            "share": [len(rows) / total for _, rows in grouped],
            "one of them": [min(rows["text"])[:80] for _, rows in grouped],
        }
    ).sort_values(["rows", "reason"], ascending=[False, True])
    aside = len(arrival.quarantine)
    say = f"{_rows(aside)} of {total:,} set aside." if aside else "No row had to be set aside."
    note = "File, line and reason of each are in quarantine.parquet." if aside else ""
    return Table.of(frame, "Rows set aside", say=say, formats={"share": ".2%"}, note=note)


def types(schema: Schema) -> Table:
    """What each column is, as inferred on train."""
    frame = pd.DataFrame(
        {
            "column": [column.name for column in schema.columns],
            "role": [_role(column.name, schema) for column in schema.columns],
            "kind": [column.kind for column in schema.columns],
            "written as": [_written(column) for column in schema.columns],
            "distinct": [column.distinct for column in schema.columns],
            "values": [_values(column) for column in schema.columns],
            "missing": [column.missing for column in schema.columns],
        }
    )
    counts = frame["kind"].value_counts().sort_index()
    say = f"{len(frame):,} columns: " + ", ".join(f"{n} {kind}" for kind, n in counts.items()) + "."
    note = "Inferred on train alone, and enforced from here on. Numbers written as percent are in percentage points."
    return Table.of(frame, "What each column is", say=say, formats={"missing": ".2%", "distinct": ",d"}, note=note)


def _role(name: str, schema: Schema) -> str:
    if name == schema.target:
        return "target"
    return "id" if name == schema.id else "split" if name in schema.aside else "feature"


def _written(column: ColumnSchema) -> str:
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
    shown = [category if len(category) <= 30 else category[:29] + "…" for category in (column.categories or [])[:4]]
    more = column.distinct - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if shown and more > 0 else "")


def _short(number: float) -> str:
    return f"{int(number):,d}" if number.is_integer() and abs(number) < 1e15 else f"{number:,.6g}"


def missing(schema: Schema, snapshot: Snapshot) -> Table:
    """Where train has gaps, the most first."""
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
        f"{len(gaps)} of {len(schema.columns)} columns have gaps; {number(complete, '.1%')} of the rows are complete."
        if gaps
        else "No value is missing in train."
    )
    note = "Blanks and words such as NA count as missing, and so does what could not be read as the column's kind."
    evidence = MissingValuesEvidence(missing_shares={column.name: column.missing for column in gaps})
    return Table.of(frame, "Missing values in train", say=say, formats={"share": ".2%"}, note=note, evidence=evidence)


def missing_drawn(schema: Schema) -> Figure | Note:
    """The shares of missing values as bars, the largest on top."""
    gaps = sorted((column for column in schema.columns if column.missing), key=lambda column: (-column.missing, column.name))
    if not gaps:
        return Note(title="Nothing to draw:", say="no value is missing in train.", tone="good")
    shown = gaps[:_MOST_BARS][::-1]
    with plot_style.style():
        canvas = Canvas(figsize=(7.2, 0.7 + 0.26 * len(shown)))
        axes = canvas.subplots()
        bars = axes.barh(range(len(shown)), [100 * column.missing for column in shown], height=0.62)
        axes.bar_label(bars, labels=[number(column.missing, ".2%") for column in shown], padding=4, color=SOFT, fontsize=8.5)
        axes.set_yticks(range(len(shown)), [_label(column.name) for column in shown])
        axes.set_xlim(0, max(1.0, 115 * shown[-1].missing))
        axes.set_xlabel("share of train's rows without a value, %")
        axes.grid(axis="y", visible=False)
        worst = gaps[0]
        return plot_style.drawing(
            canvas,
            "Where values are missing",
            say=f"{worst.name} has the most gaps: {number(worst.missing, '.2%')} of train.",
            alt="Bars, one a column: "
            + "; ".join(f"{column.name} {number(column.missing, '.2%')}" for column in gaps[:_MOST_BARS]),
            caption=f"The {_MOST_BARS} columns with the most gaps." if len(gaps) > _MOST_BARS else "",
        )


def _label(name: str) -> str:
    return name if len(name) <= 28 else name[:27] + "…"


def duplicates(parts: Parts, schema: Schema) -> Facts:
    """Rows that repeat: as a whole, to the eye of a model, with another target, and across the split."""
    table = parts.table
    repeated = table["content"].duplicated(keep=False)
    across = table.groupby("content")["part"].nunique()
    facts: dict[str, Cell] = {}
    if schema.id is not None:
        facts[f"rows that share their {schema.id} with an earlier row"] = _repeats(parts, schema.id)
    facts["rows that look like another to a model"] = int(repeated.sum())
    conflicting = _conflicting(parts, schema)
    if conflicting is not None:
        facts["of these, with another target"] = conflicting
    both_sides = int(table["content"].isin(across.index[across > 1]).sum())
    facts["of these, on both sides of the split"] = both_sides
    if not repeated.any():
        say = "No two rows look the same to a model."
    else:
        ceiling = f"; {_rows(conflicting)} of them have another target, so no model can be right on all" if conflicting else ""
        say = f"{_rows(int(repeated.sum()))} ({number(repeated.mean(), '.1%')}) look like another to a model{ceiling}."
    return Facts(title="Repeats", say=say, facts=facts)


def _repeats(parts: Parts, name: str) -> int:
    named = pd.concat([parts.train[name], parts.holdout[name]])
    return int(named[named.notna()].duplicated().sum())


def _conflicting(parts: Parts, schema: Schema) -> int | None:
    """Rows whose features another row has with another target."""
    if schema.target is None:
        return None
    target = pd.concat([part.set_index("row_id")[schema.target] for part in (parts.train, parts.holdout)])
    labelled = parts.table.assign(target=parts.table["row_id"].map(target.astype(object)).str.strip())
    kinds = labelled.groupby("content")["target"].transform("nunique")
    return int((kinds > 1).sum())


def parts_facts(parts: Parts, request: "Request", schema: Schema) -> Facts:
    """How the rows were divided, and the share of each class on both sides."""
    rows, sealed = len(parts.train), len(parts.holdout)
    how = {
        "hash": "a hash of each row",
        "group": f"a hash of {request.split.column}",
        "time": f"{request.split.column}, the latest rows",
        "column": f"the column {request.split.column}",
        "horizon": f"time, {request.split.words} of {request.horizon} steps",
    }
    facts: dict[str, Cell] = {"split by": how[request.split.by], "train rows": rows, "holdout rows": sealed}
    facts["holdout share"] = number(sealed / (rows + sealed), ".2%")
    if schema.classes is not None and schema.target is not None:
        train, holdout = count_labels(parts.train[schema.target]), count_labels(parts.holdout[schema.target])
        for label in train:
            facts[f"share of train with {schema.target} = {label}"] = _share(train, label)
            facts[f"share of holdout with {schema.target} = {label}"] = _share(holdout, label)
    say = f"{_rows(rows)} to learn from; {_rows(sealed)} sealed until the evaluation."
    return Facts(title="The split", say=say, facts=facts, evidence=SplitEvidence(train_rows=rows, holdout_rows=sealed))


def _share(counted: Mapping[str, int], label: str) -> str:
    return number(counted.get(label, 0) / sum(counted.values()), ".2%")

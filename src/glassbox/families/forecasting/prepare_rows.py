"""From a table as it arrived, long or wide, to one row a series and step; what is found and repaired on the way is said."""

import difflib
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from glassbox.data.raw_table import TEXT, text_column
from glassbox.data.schema import distinct
from glassbox.data.sources import RawData
from glassbox.data.split import TIME, read_times
from glassbox.data.target_checks import absent_column, is_missing
from glassbox.data.value_parsing import read_date, read_number
from glassbox.errors import DataError
from glassbox.families.forecasting.frequency import Step, find_step, named_step
from glassbox.families.forecasting.recipe import is_holiday
from glassbox.findings.model import Cell, Facts, Finding, Note

if TYPE_CHECKING:
    from glassbox.request.model import Request

SERIES = "series"  # what the column of names is called where the data had none of its own
VALUE = "value"
_OFF_GRID = 0.01  # of the rows may lie between two steps, and are moved to the step they lie in
_NUMBERED = re.compile(r"\D*?(\d+)$")


def time_column(request: "Request") -> str:
    """What the column of moments is called once the table is in order."""
    return request.data.time or TIME


def series_column(request: "Request", columns: Sequence[str]) -> str | None:
    """What the column of names is called once the table is in order; None for a single series."""
    named = request.data.series or []
    found = named[0] if len(named) == 1 else SERIES
    return found if found in columns else None


def prepare_rows(arrival: RawData, request: "Request") -> tuple[RawData, dict[str, Finding]]:
    """One row a series and step, in canonical order.

    Long tables have a column of moments (`data.time`) and one of values (`data.target`). Wide ones have a column for each
    series beside the moments, or a column for each moment (named by dates, or numbered from `data.start` on in steps of
    `data.frequency`).

    Rules, each counted in what is shown: moments with an offset from UTC are brought to UTC; rows that share a series and a
    step become one, by `data.aggregate`; moments between two steps are moved to the step they lie in, where these are few;
    steps without a row stay without one.

    Raises
    ------
    DataError
        When no moments can be found, or they keep to no step.
    """
    told: dict[str, Cell] = {}
    lines: list[str] = []
    _check_named(arrival, request)
    arrival = _chosen(_joined_names(arrival, request), request, lines)
    arrival = _long(arrival, request, told)
    time, target = time_column(request), str(request.data.target)
    series = series_column(request, list(arrival.cells.columns))
    moments = read_times(arrival.cells[time])
    if moments.dtype.kind == "f":
        raise DataError(f"data.time: {time!r} holds numbers, not moments; expected dates such as 2024-06-30.")
    undated = np.isnat(moments)
    if undated.all():
        raise DataError(f"data.time: no moment can be read in {time!r}; expected dates such as 2024-06-30.")
    _note_zones(arrival.cells[time], lines)
    arrival, moments = arrival.exclude(undated, f"no moment can be read in {time!r}"), moments[~undated]
    arrival, moments = _without_target(arrival, moments, target)
    if not len(arrival.cells):
        return arrival, {}
    found = pd.DatetimeIndex(moments).as_unit("us")
    step = named_step(request.data.frequency) if request.data.frequency else find_step(found)
    if request.data.holidays:
        is_holiday(found[:1], request.data.holidays)  # a country that is not known is told here, before anything is learnt
    placed = _on_grid(found, step, request, lines)
    arrival, placed = _one_a_step(arrival, placed, time, series, target, request, lines)
    told |= _facts(arrival.cells, placed, series, step, lines)
    say = f"{told['series']:,} series with a row for each {step.words}, from {told['from']} to {told['to']}."
    findings: dict[str, Finding] = {"unit": Facts(title="Series and steps", say=say, facts=told)}
    tone = "look" if lines else "good"
    title = "What was found in the order of time" if lines else "The series are regular."
    rest = "" if lines else "Every step has one row, and no rule had to be used."
    findings["unit_rules"] = Note(title=title, say=rest, lines=lines, tone=tone)
    return arrival, findings


def _check_named(arrival: RawData, request: "Request") -> None:
    """The columns that are named are there. A target that is none is the name of what a wide table holds, unless it looks
    like a column, or there is but one: then it was mistyped."""
    columns, data = [str(name) for name in arrival.cells.columns], request.data
    named = [*(("data.series", name) for name in data.series or []), ("data.time", data.time)]
    problems = [absent_column(key, name, columns) for key, name in named if name is not None and name not in columns]
    target = str(data.target)
    if not problems and data.time is not None and target not in columns:
        others = [name for name in columns if name not in (data.time, *(data.series or []))]
        if len(others) < 2 or difflib.get_close_matches(target, others, n=1):
            problems.append(absent_column("data.target", target, columns))
    if problems:
        raise DataError(problems)


def _joined_names(arrival: RawData, request: "Request") -> RawData:
    """Several columns that name a series as one."""
    named = request.data.series or []
    if len(named) < 2:
        return arrival
    parts = [arrival.cells[name].fillna("").astype(str) for name in named]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + "/" + part
    cells = arrival.cells.drop(columns=named).assign(**{SERIES: joined.astype(TEXT)})
    return replace(arrival, cells=cells)


def _chosen(arrival: RawData, request: "Request", lines: list[str]) -> RawData:
    """At most `data.most_series` of the series, by a hash of their names: the same ones whatever else is in the table."""
    column, most = series_column(request, list(arrival.cells.columns)), request.data.most_series
    if column is None or most is None:
        return arrival
    codes, values = distinct(arrival.cells[column])
    if len(values) <= most:
        return arrival
    ranked = sorted(range(len(values)), key=lambda i: hashlib.sha256(f"series:{values[i]}".encode()).hexdigest())
    kept = np.isin(codes, ranked[:most])
    lines.append(f"{most:,} of {len(values):,} series were taken, by a hash of their names (data.most_series).")
    return arrival.select(kept)


def _long(arrival: RawData, request: "Request", told: dict[str, Cell]) -> RawData:
    """A wide table made long."""
    data, columns = request.data, [str(name) for name in arrival.cells.columns]
    target = str(data.target)
    if data.time is not None and target in columns:
        told["table"] = "long: a row for each series and step"
        return arrival
    if data.time is not None:
        told["table"] = "wide: a column for each series"
        others = [name for name in columns if name != data.time]
        return _melted(arrival, [data.time], others, SERIES, target)
    series = series_column(request, columns)
    moments = _moments_in_names(columns, request)
    if len(moments) < 3:
        raise DataError(
            "data.time: is missing, and the columns are not called by moments either; name the column that says when, or, for "
            "columns that are numbered steps, data.start and data.frequency."
        )
    told["table"] = "wide: a column for each step"
    arrival = _melted(arrival, [series] if series else [], list(moments), TIME, target)
    codes, values = distinct(arrival.cells[TIME])
    iso = np.array([moments[str(value)].isoformat() for value in values], dtype=object)[codes]
    return replace(arrival, cells=arrival.cells.assign(**{TIME: text_column(iso.tolist())}))


def _moments_in_names(columns: Sequence[str], request: "Request") -> dict[str, pd.Timestamp]:
    """The moment of each column that is called by one."""
    start, frequency = request.data.start, request.data.frequency
    if start is not None and frequency is not None:
        numbered = {name: int(match[1]) for name in columns if (match := _NUMBERED.fullmatch(name))}
        first = min(numbered.values(), default=0)
        last = max(numbered.values(), default=0)
        begin = read_date(start)
        if begin is None:
            raise DataError(f"data.start: {start!r} is no date; expected one such as 2011-01-29.")
        steps = pd.date_range(begin, periods=last - first + 1, freq=named_step(frequency).offset)
        return {name: steps[number - first] for name, number in numbered.items()}
    dated = {name: read_date(name) for name in columns}
    return {name: pd.Timestamp(moment) for name, moment in dated.items() if moment is not None}


def _melted(arrival: RawData, kept: Sequence[str], turned: Sequence[str], name: str, value: str) -> RawData:
    """Columns turned into rows: `name` says which column it was, `value` what stood in it."""
    rows, count = len(arrival.cells), len(turned)
    at = np.repeat(np.arange(rows), count)
    cells = {column: arrival.cells[column].take(at).reset_index(drop=True) for column in kept}
    stacked = np.empty((rows, count), dtype=object)
    for i, column in enumerate(turned):
        stacked[:, i] = arrival.cells[column].array.__arrow_array__().to_pylist()
    cells[name] = pd.Series(text_column(list(turned) * rows))
    cells[value] = pd.Series(text_column(stacked.ravel().tolist()))
    return replace(arrival, cells=pd.DataFrame(cells), sources=arrival.sources[at], lines=arrival.lines[at])


def _note_zones(column: pd.Series, lines: list[str]) -> None:
    _, values = distinct(column)
    zoned = sorted(
        {match[0] for value in values if (match := re.search(r"(Z|[+-]\d\d:?\d\d)$", str(value).strip())) and ":" in str(value)}
    )
    if zoned:
        shown = ", ".join(zoned[:4])
        summer = (
            " More than one offset: the clock is set forward and back; in UTC no hour is twice or missing."
            if len(zoned) > 1
            else ""
        )
        lines.append(f"Moments are written with an offset from UTC ({shown}); all are brought to UTC.{summer}")


def _without_target(arrival: RawData, moments: Any, target: str) -> tuple[RawData, Any]:
    missing = is_missing(arrival.cells[target])
    return arrival.exclude(missing, "the target is missing"), moments[~missing]


def _on_grid(found: pd.DatetimeIndex, step: Step, request: "Request", lines: list[str]) -> pd.DatetimeIndex:
    """Each moment's step."""
    first = found.min()
    if request.data.frequency:
        return step.floor(found)
    if step.months:
        return found
    offset = (found.asi8 - first.value // 1000) % (step.seconds * 1_000_000)
    phases, counts = np.unique(offset, return_counts=True)
    usual = int(phases[np.argmax(counts)])
    off = int((offset != usual).sum())
    if off > _OFF_GRID * len(found):
        raise DataError(
            f"data.time: {off:,} of {len(found):,} rows lie between two steps of a {step.words}; name data.frequency, and rows "
            "are put together into steps of that length."
        )
    if off:
        lines.append(f"{off:,} rows lie between two steps of a {step.words}; each is moved to the step before it.")
    moved = found.asi8 - (offset - usual) % (step.seconds * 1_000_000)
    return pd.DatetimeIndex(moved.astype("datetime64[us]"))


def _one_a_step(
    arrival: RawData, placed: pd.DatetimeIndex, time: str, series: str | None, target: str, request: "Request", lines: list[str]
) -> tuple[RawData, pd.DatetimeIndex]:
    """Rows that share a series and a step become one; all rows in the order of series and time."""
    names = (
        arrival.cells[series].fillna("").astype(str).to_numpy(dtype=object) if series else np.full(len(placed), "", dtype=object)
    )
    keys = pd.DataFrame({"series": names, "time": placed})
    repeated = keys.duplicated(keep=False).to_numpy()
    cells = arrival.cells.assign(**{time: text_column(np.asarray(placed.strftime("%Y-%m-%d %H:%M:%S")).tolist())})
    if repeated.any():
        rule = "summed" if request.data.aggregate == "sum" else "averaged"
        shared = int(keys[repeated].drop_duplicates().shape[0])
        lines.append(
            f"{int(repeated.sum()):,} rows share their series and step with another ({shared:,} steps): the target is {rule}, covariates are averaged."
        )
        if hour := _autumn(placed[repeated], keys[repeated]):
            lines.append(hour)
        cells = _aggregated(cells, keys, target, time, series, request)
        kept = ~keys.duplicated().to_numpy()
        arrival = replace(
            arrival, cells=cells[kept].reset_index(drop=True), sources=arrival.sources[kept], lines=arrival.lines[kept]
        )
        keys = keys[kept].reset_index(drop=True)
    else:
        arrival = replace(arrival, cells=cells)
    order = keys.sort_values(["series", "time"], kind="stable").index.to_numpy()
    ordered = replace(
        arrival,
        cells=arrival.cells.iloc[order].reset_index(drop=True),
        sources=arrival.sources[order],
        lines=arrival.lines[order],
    )
    return ordered, pd.DatetimeIndex(keys["time"].iloc[order])


def _autumn(moments: pd.DatetimeIndex, keys: pd.DataFrame) -> str:
    """Whether the repeats are those of clocks set back in autumn: two rows in one night hour, in October or November."""
    nights = (moments.hour <= 3) & moments.month.isin([10, 11]) & (moments.weekday == 6)
    if not len(moments) or not nights.all():
        return ""
    return "All of them are in a Sunday night of October or November: local time, set back from summer time. The spring hour is missing likewise."


def _aggregated(
    cells: pd.DataFrame, keys: pd.DataFrame, target: str, time: str, series: str | None, request: "Request"
) -> pd.DataFrame:
    """Numbers of rows that share a step put together, in every row of it."""
    made = {}
    for name in cells.columns:
        if name in (time, series):
            continue
        codes, values = distinct(cells[name])
        numbers = np.array([np.nan if v is None or (n := read_number(str(v).strip())) is None else n.value for v in values])[
            codes
        ]
        if name == target and np.isnan(numbers).any():
            raise DataError(f"data.target: {target!r} holds text, and rows that share a step cannot be put together.")
        if np.isnan(numbers).all():
            continue
        how = request.data.aggregate if name == target else "mean"
        grouped = pd.Series(numbers).groupby([keys["series"].to_numpy(), keys["time"].to_numpy()]).transform(how)
        made[name] = text_column([None if np.isnan(v) else repr(float(v)) for v in grouped])
    dropped = [name for name in cells.columns if name not in (time, series, *made)]
    return cells.drop(columns=dropped).assign(**made)


def _facts(cells: pd.DataFrame, placed: pd.DatetimeIndex, series: str | None, step: Step, lines: list[str]) -> dict[str, Cell]:
    names = cells[series].astype(str) if series else pd.Series("", index=cells.index)
    spans = pd.DataFrame({"series": names.to_numpy(), "time": placed}).groupby("series")["time"].agg(["min", "max", "size"])
    axis = step.range(placed.min(), placed.max())
    wanted = np.asarray(axis.get_indexer(pd.Index(spans["max"]))) - np.asarray(axis.get_indexer(pd.Index(spans["min"]))) + 1
    gaps = wanted - spans["size"].to_numpy()
    if gaps.sum():
        with_gaps = int((gaps > 0).sum())
        lines.append(
            f"{int(gaps.sum()):,} steps inside {with_gaps:,} series have no row. They stay missing here; models that need every step "
            "see the value of the season before, and no metric counts them."
        )
    late = int((spans["max"] < placed.max()).sum())
    if late:
        lines.append(f"{late:,} series end before the last step.")
    return {
        "step": step.words,
        "series": len(spans),
        "from": _short(placed.min()),
        "to": _short(placed.max()),
        "steps": len(axis),
        "shortest series": int(wanted.min()),
        "longest series": int(wanted.max()),
        "steps without a row": int(gaps.sum()),
        "seasons, in steps": ", ".join(map(str, step.seasons)),
    }


def _short(moment: pd.Timestamp) -> str:
    return str(moment.date()) if moment == moment.normalize() else moment.strftime("%Y-%m-%d %H:%M")

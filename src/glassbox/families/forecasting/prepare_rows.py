"""Preparation of forecasting data: long or wide tables become one row per series and time step; repairs are reported."""

import difflib
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from glassbox.data.raw_table import TEXT, text_column
from glassbox.data.reading import AmbiguousDatesError, Reading, date_format, decimal_of, missing_words, time_formats
from glassbox.data.schema import distinct
from glassbox.data.sources import RawData
from glassbox.data.split import TIME, read_dates
from glassbox.data.target_checks import absent_column, is_missing
from glassbox.data.value_parsing import AMBIGUOUS_FORMATS, NUMERIC_FORMATS, clean, read_date, read_number
from glassbox.errors import DataError
from glassbox.families.forecasting.frequency import Step, find_step, named_step
from glassbox.families.forecasting.recipe import is_holiday
from glassbox.findings.model import Cell, Facts, Finding, Note
from glassbox.findings.wording import join_names

if TYPE_CHECKING:
    from glassbox.request.model import Request

SERIES = "series"  # name of the series column where the data has none
VALUE = "value"
_MAX_OFF_STEP = 0.01  # share of rows that may lie between two steps; they are moved to the earlier step
MIN_REGULARITY_GAIN = 0.1  # share of steps by which one order of day and month must be more regular than the other
_FORMAT_NAMES = {"%Y": "years", "%Y%m": "months", "%s": "seconds since 1970", "%s ms": "milliseconds since 1970"}
_NUMBERED = re.compile(r"\D*?(\d+)$")


def time_column(request: "Request") -> str:
    """Return the name of the time column in the prepared table."""
    return request.data.time or TIME


def series_column(request: "Request", columns: Sequence[str]) -> str | None:
    """Return the name of the series column in the prepared table; None for a single series."""
    names = request.data.series or []
    column = names[0] if len(names) == 1 else SERIES
    return column if column in columns else None


def prepare_rows(raw: RawData, request: "Request") -> tuple[RawData, dict[str, Finding]]:
    """Prepare one row per series and time step, in canonical order.

    Long tables have a time column (`data.time`) and a value column (`data.target`). Wide tables have one column per series
    next to the time column, or one column per timestamp (named by dates, or numbered from `data.start` in steps of
    `data.frequency`).

    The following repairs are made and reported. Timestamps with a UTC offset are converted to UTC. Rows that share a series
    and a step are aggregated by `data.aggregate`. The few timestamps between two steps are moved to the earlier step. Steps
    without a row stay missing.

    Raises
    ------
    DataError
        When no timestamps can be read, or they are irregular.
    """
    facts: dict[str, Cell] = {}
    lines: list[str] = []
    _check_columns(raw, request)
    raw = _select_series(_join_series_names(raw, request), request, lines)
    raw = _to_long(raw, request, facts)
    time, target = time_column(request), str(request.data.target)
    series = series_column(request, list(raw.cells.columns))
    raw = _clean_series_names(raw, series, request, lines)
    raw = _date_numbered_steps(raw, time, request, lines)
    timestamps, form = _read_timestamps(raw, time, series, lines)
    raw = replace(raw, reading=replace(raw.reading, time_format=form))
    unreadable = np.isnat(timestamps)
    if unreadable.all():
        raise DataError(f"data.time: no value of {time!r} can be read as a date; expected dates such as 2024-06-30.")
    _note_utc_offsets(raw.cells[time], lines)
    raw, timestamps = raw.exclude(unreadable, f"{time!r} cannot be read as a date"), timestamps[~unreadable]
    raw, timestamps = _drop_missing_target(raw, timestamps, target)
    if not len(raw.cells):
        return raw, {}
    times = pd.DatetimeIndex(timestamps).as_unit("us")
    names = None if series is None else raw.cells[series].to_numpy(dtype=object)
    step = named_step(request.data.frequency) if request.data.frequency else find_step(times, names)
    if request.data.holidays:
        is_holiday(times[:1], request.data.holidays)  # fails early for an unknown country
    steps = _to_steps(times, step, request, lines)
    raw, steps = _aggregate_duplicates(raw, steps, time, series, target, request, lines)
    facts |= _facts(raw.cells, steps, series, step, lines)
    _note_new_series(raw.cells, steps, series, request, lines)
    say = f"{facts['series']:,} series with one row per {step.name}, from {facts['from']} to {facts['to']}."
    findings: dict[str, Finding] = {"unit": Facts(title="Series and steps", say=say, facts=facts)}
    tone = "look" if lines else "good"
    say = "" if lines else "Every step has one row; nothing had to be repaired."
    findings["unit_rules"] = Note(title="Regularity of the series", say=say, lines=lines, tone=tone)
    return raw, findings


def _clean_series_names(raw: RawData, series: str | None, request: "Request", lines: list[str]) -> RawData:
    """Remove white space around the names of series, so that every stage and the service know a series by one name."""
    if series is None:
        return raw
    codes, values = distinct(raw.cells[series])
    names = [clean(value, missing_words(request, series)) for value in values]
    changed = np.array([isinstance(value, str) and value != (name or "") for value, name in zip(values, names, strict=True)])[
        codes
    ]
    if changed.any():
        lines.append(f"White space around the names in {series!r} is removed in {int(changed.sum()):,} rows.")
    return replace(raw, cells=raw.cells.assign(**{series: text_column(names).take(codes)}))


def _date_numbered_steps(raw: RawData, time: str, request: "Request", lines: list[str]) -> RawData:
    """Replace whole numbers in the time column that are not dates by dates: numbered steps from `data.start`, or seconds without a season."""
    codes, values = distinct(raw.cells[time])
    numbers = {text: int(text) for value in values if (text := clean(value)) is not None and text.isdigit()}
    texts = [text for value in values if (text := clean(value)) is not None]
    frequency, start = request.data.frequency, request.data.start
    dated = frequency is not None and start is not None
    if (
        not texts
        or len(numbers) < len(set(texts))
        or (not dated and date_format(dict.fromkeys(texts, 1), raw.reading, time_formats(texts)).form)
    ):
        return raw
    first = min(numbers.values())
    if dated:
        steps = _steps_from(str(start), str(frequency), max(numbers.values()) - first + 1)
        lines.append(
            f"{time!r} holds numbered steps; they are dated from {steps[0].date()} on, one per {frequency} (data.start)."
        )
    else:
        steps = pd.Timestamp(1970, 1, 1) + pd.to_timedelta(np.arange(max(numbers.values()) - first + 1) + first, unit="s")
        lines.append(
            f"{time!r} holds numbered steps; they are shown as seconds since 1970, without a calendar and seasons. Set data.start and "
            "data.frequency to date them."
        )
    iso = {text: steps[number - first].isoformat() for text, number in numbers.items()}
    dates = [iso.get(clean(value) or "") for value in values]
    return replace(raw, cells=raw.cells.assign(**{time: text_column([dates[code] for code in codes])}))


def _steps_from(start: str, frequency: str, count: int) -> pd.DatetimeIndex:
    """Return `count` steps from `data.start` on."""
    first = read_date(start)
    if first is None:
        raise DataError(f"data.start: {start!r} is not a date; expected one such as 2011-01-29.")
    return pd.date_range(first, periods=count, freq=named_step(frequency).offset)


def _read_timestamps(raw: RawData, time: str, series: str | None, lines: list[str]) -> tuple[Any, str]:
    """Return the time of each row, and its format; of two possible orders of day and month, the one in which the steps are regular.

    Raises
    ------
    DataError
        When the values are not dates, or the order of day and month cannot be told.
    """
    column = raw.cells[time]
    codes, values = distinct(column)
    counts = np.bincount(codes, minlength=len(values))
    texts = {text: int(n) for value, n in zip(values, counts, strict=True) if (text := clean(value)) is not None}
    best = date_format(texts, raw.reading, time_formats(texts))
    if best.form is None:
        example = next(iter(sorted(texts)), "")
        raise DataError(
            f"data.time: {time!r} has values such as {example!r}, which cannot be read as dates; expected dates such as 2024-06-30, "
            "2024-06, 2024Q2, 2024-W26 or 2024, or seconds since 1970."
        )
    if not best.ambiguous:
        if best.form in NUMERIC_FORMATS:
            lines.append(f"{time!r} holds numbers, read as {_FORMAT_NAMES[best.form]}.")
        return read_dates(column, best.form), best.form
    names = None if series is None else raw.cells[series].to_numpy(dtype=object)
    forms = (best.form, AMBIGUOUS_FORMATS[best.form])
    readings = [read_dates(column, form) for form in forms]
    filled_steps = [_share_of_steps(reading, names) for reading in readings]
    if abs(filled_steps[0] - filled_steps[1]) < MIN_REGULARITY_GAIN:
        raise AmbiguousDatesError(time, texts)
    chosen = int(filled_steps[1] > filled_steps[0])
    order = ("month", "day")[chosen]
    lines.append(
        f"Dates in {time!r} are read with the {order} first, because the steps are regular then; data.dates overrides this."
    )
    return readings[chosen], forms[chosen]


def _share_of_steps(timestamps: Any, names: Any) -> float:
    """Return the share of the steps from the first to the last timestamp that have a row; 0 where there is no regular step."""
    times = pd.DatetimeIndex(timestamps).as_unit("us")
    known = np.asarray(times.notna())
    try:
        step = find_step(times[known], None if names is None else names[known])
    except DataError:
        return 0.0
    distinct_times = times[known].unique()
    return len(distinct_times) / max(1, len(step.range(distinct_times.min(), distinct_times.max())))


def _check_columns(raw: RawData, request: "Request") -> None:
    """Check that the requested columns exist.

    A target that is not a column names the values of a wide table. It counts as mistyped when it resembles a column name, or
    when the table has only one other column.
    """
    columns, data = [str(name) for name in raw.cells.columns], request.data
    named = [*(("data.series", name) for name in data.series or []), ("data.time", data.time)]
    problems = [absent_column(key, name, columns) for key, name in named if name is not None and name not in columns]
    target = str(data.target)
    if not problems and data.time is not None and target not in columns:
        value_columns = [name for name in columns if name not in (data.time, *(data.series or []))]
        if len(value_columns) < 2 or difflib.get_close_matches(target, value_columns, n=1):
            problems.append(absent_column("data.target", target, columns))
    if problems:
        raise DataError(problems)


def _join_series_names(raw: RawData, request: "Request") -> RawData:
    """Join several columns that identify a series into one."""
    names = request.data.series or []
    if len(names) < 2:
        return raw
    parts = [raw.cells[name].fillna("").astype(str).str.strip() for name in names]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + "/" + part
    cells = raw.cells.drop(columns=names).assign(**{SERIES: joined.astype(TEXT)})
    return replace(raw, cells=cells)


def _select_series(raw: RawData, request: "Request", lines: list[str]) -> RawData:
    """Select at most `data.most_series` series by a hash of their names, independent of the other rows."""
    column, most = series_column(request, list(raw.cells.columns)), request.data.most_series
    if column is None or most is None:
        return raw
    codes, values = distinct(raw.cells[column])
    if len(values) <= most:
        return raw
    ranked = sorted(range(len(values)), key=lambda i: hashlib.sha256(f"series:{values[i]}".encode()).hexdigest())
    selected = np.isin(codes, ranked[:most])
    lines.append(f"{most:,} of {len(values):,} series were selected by a hash of their names (data.most_series).")
    return raw.select(selected)


def _to_long(raw: RawData, request: "Request", facts: dict[str, Cell]) -> RawData:
    """Convert a wide table to a long one."""
    data, columns = request.data, [str(name) for name in raw.cells.columns]
    target = str(data.target)
    if data.time is not None and target in columns:
        facts["table"] = "long: one row per series and step"
        return raw
    if data.time is not None:
        facts["table"] = "wide: one column per series"
        series_columns = [name for name in columns if name != data.time]
        return _melt(raw, [data.time], series_columns, SERIES, target)
    series = series_column(request, columns)
    timestamps = _timestamps_in_names(columns, request)
    if len(timestamps) < 3:
        raise DataError(
            "data.time: is missing, and the columns are not named by dates either; set data.time to the time column, or set "
            "data.start and data.frequency if the columns are numbered steps."
        )
    facts["table"] = "wide: one column per step"
    raw = _melt(raw, [series] if series else [], list(timestamps), TIME, target)
    codes, values = distinct(raw.cells[TIME])
    iso = np.array([timestamps[str(value)].isoformat() for value in values], dtype=object)[codes]
    return replace(raw, cells=raw.cells.assign(**{TIME: text_column(iso.tolist())}))


def _timestamps_in_names(columns: Sequence[str], request: "Request") -> dict[str, pd.Timestamp]:
    """Return the timestamp of each column whose name is a date or a step number."""
    start, frequency = request.data.start, request.data.frequency
    if start is not None and frequency is not None:
        numbered = {name: int(match[1]) for name in columns if (match := _NUMBERED.fullmatch(name))}
        first = min(numbered.values(), default=0)
        last = max(numbered.values(), default=0)
        steps = _steps_from(start, frequency, last - first + 1)
        return {name: steps[number - first] for name, number in numbered.items()}
    dated = {name: read_date(name) for name in columns}
    return {name: pd.Timestamp(timestamp) for name, timestamp in dated.items() if timestamp is not None}


def _melt(raw: RawData, id_columns: Sequence[str], value_columns: Sequence[str], name: str, value: str) -> RawData:
    """Unpivot `value_columns`: column `name` holds the column names, column `value` their cells."""
    rows, count = len(raw.cells), len(value_columns)
    row = np.repeat(np.arange(rows), count)
    cells = {column: raw.cells[column].take(row).reset_index(drop=True) for column in id_columns}
    stacked = np.empty((rows, count), dtype=object)
    for i, column in enumerate(value_columns):
        stacked[:, i] = raw.cells[column].array.__arrow_array__().to_pylist()
    cells[name] = pd.Series(text_column(list(value_columns) * rows))
    cells[value] = pd.Series(text_column(stacked.ravel().tolist()))
    return replace(raw, cells=pd.DataFrame(cells), sources=raw.sources[row], lines=raw.lines[row])


def _note_utc_offsets(column: pd.Series, lines: list[str]) -> None:
    _, values = distinct(column)
    offsets = sorted(
        {match[0] for value in values if (match := re.search(r"(Z|[+-]\d\d:?\d\d)$", str(value).strip())) and ":" in str(value)}
    )
    if offsets:
        shown = ", ".join(offsets[:4])
        summer = (
            " More than one offset means daylight saving time; in UTC no hour is repeated or missing." if len(offsets) > 1 else ""
        )
        lines.append(f"Timestamps have a UTC offset ({shown}); all are converted to UTC.{summer}")


def _drop_missing_target(raw: RawData, timestamps: Any, target: str) -> tuple[RawData, Any]:
    missing = is_missing(raw.cells[target])
    return raw.exclude(missing, "the target is missing"), timestamps[~missing]


def _to_steps(timestamps: pd.DatetimeIndex, step: Step, request: "Request", lines: list[str]) -> pd.DatetimeIndex:
    """Return the time step of each timestamp."""
    first = timestamps.min()
    if request.data.frequency:
        return step.floor(timestamps)
    if step.months or step.business:
        return timestamps
    offset = (timestamps.asi8 - first.value // 1000) % (step.seconds * 1_000_000)
    phases, counts = np.unique(offset, return_counts=True)
    usual = int(phases[np.argmax(counts)])
    off = int((offset != usual).sum())
    if off > _MAX_OFF_STEP * len(timestamps) and step.name == "week":
        lines.append(f"Weeks begin on different days; {off:,} rows are moved to the Monday of their week.")
        return step.floor(timestamps)
    if off > _MAX_OFF_STEP * len(timestamps):
        raise DataError(
            f"data.time: {off:,} of {len(timestamps):,} rows lie between two steps (step: {step.name}); set data.frequency, and "
            "rows are aggregated into steps of that length."
        )
    if off:
        lines.append(f"{off:,} rows lie between two steps (step: {step.name}); each is moved to the earlier step.")
    floored = timestamps.asi8 - (offset - usual) % (step.seconds * 1_000_000)
    return pd.DatetimeIndex(floored.astype("datetime64[us]"))


def _aggregate_duplicates(
    raw: RawData, steps: pd.DatetimeIndex, time: str, series: str | None, target: str, request: "Request", lines: list[str]
) -> tuple[RawData, pd.DatetimeIndex]:
    """Aggregate rows that share a series and a step, and sort rows by series and time."""
    names = raw.cells[series].fillna("").astype(str).to_numpy(dtype=object) if series else np.full(len(steps), "", dtype=object)
    keys = pd.DataFrame({"series": names, "time": steps})
    repeated = keys.duplicated(keep=False).to_numpy()
    cells = raw.cells.assign(**{time: text_column(np.asarray(steps.strftime("%Y-%m-%d %H:%M:%S")).tolist())})
    if repeated.any():
        rule = "summed" if request.data.aggregate == "sum" else "averaged"
        shared = int(keys[repeated].drop_duplicates().shape[0])
        lines.append(
            f"{int(repeated.sum()):,} rows share their series and step with another ({shared:,} steps): the target is {rule}, covariates are averaged."
        )
        if hour := _clock_change_note(steps[repeated]):
            lines.append(hour)
        cells = _aggregate_cells(cells, keys, target, time, series, request, raw.reading)
        first_of_step = ~keys.duplicated().to_numpy()
        raw = replace(
            raw,
            cells=cells[first_of_step].reset_index(drop=True),
            sources=raw.sources[first_of_step],
            lines=raw.lines[first_of_step],
        )
        keys = keys[first_of_step].reset_index(drop=True)
    else:
        raw = replace(raw, cells=cells)
    order = keys.sort_values(["series", "time"], kind="stable").index.to_numpy()
    ordered = replace(
        raw,
        cells=raw.cells.iloc[order].reset_index(drop=True),
        sources=raw.sources[order],
        lines=raw.lines[order],
    )
    return ordered, pd.DatetimeIndex(keys["time"].iloc[order])


def _clock_change_note(timestamps: pd.DatetimeIndex) -> str:
    """Return a note if all repeated steps are explained by the end of daylight saving time, else an empty string."""
    nights = (timestamps.hour <= 3) & timestamps.month.isin([10, 11]) & (timestamps.weekday == 6)
    if not len(timestamps) or not nights.all():
        return ""
    return "All of them are in a Sunday night in October or November: local time at the end of daylight saving time. The hour skipped in spring is missing."


def _aggregate_cells(
    cells: pd.DataFrame, keys: pd.DataFrame, target: str, time: str, series: str | None, request: "Request", reading: Reading
) -> pd.DataFrame:
    """Aggregate numeric cells over rows that share a step; every such row gets the result."""
    aggregated = {}
    for name in cells.columns:
        if name in (time, series):
            continue
        codes, values = distinct(cells[name])
        texts = [clean(value) for value in values]
        decimal = decimal_of([text for text in texts if text is not None]) or reading.decimal
        read = [None if text is None else read_number(text, decimal) for text in texts]
        numbers = np.array([np.nan if number is None else number.value for number in read])[codes]
        if name == target and np.isnan(numbers).any():
            text = next(str(text) for text, number in zip(texts, read, strict=True) if number is None)
            raise DataError(
                f"data.target: {target!r} has the value {text!r}, so rows that share a step cannot be aggregated; expected numbers."
            )
        if np.isnan(numbers).all():
            continue
        method = request.data.aggregate if name == target else "mean"
        grouped = pd.Series(numbers).groupby([keys["series"].to_numpy(), keys["time"].to_numpy()]).transform(method)
        aggregated[name] = text_column([None if np.isnan(v) else repr(float(v)).replace(".", decimal) for v in grouped])
    dropped = [name for name in cells.columns if name not in (time, series, *aggregated)]
    return cells.drop(columns=dropped).assign(**aggregated)


def _note_new_series(
    cells: pd.DataFrame, steps: pd.DatetimeIndex, series: str | None, request: "Request", lines: list[str]
) -> None:
    """Name the series that begin inside the holdout, which no model is trained or evaluated on."""
    held_out = (request.horizon or 1) * request.split.origins
    axis = np.unique(steps)
    if series is None or len(axis) <= held_out:
        return
    begins = pd.Series(steps).groupby(cells[series].astype(str).to_numpy()).min()
    new = begins.index[begins >= axis[-held_out]].tolist()
    if new:
        lines.append(
            f"{len(new):,} series begin in the last {held_out:,} steps, which are held out: {join_names([repr(name) for name in new], 6)}. "
            "They have no rows to train on and are not evaluated, but the served model, which is refitted on all history, forecasts them."
        )


def _facts(
    cells: pd.DataFrame, timestamps: pd.DatetimeIndex, series: str | None, step: Step, lines: list[str]
) -> dict[str, Cell]:
    names = cells[series].astype(str) if series else pd.Series("", index=cells.index)
    spans = pd.DataFrame({"series": names.to_numpy(), "time": timestamps}).groupby("series")["time"].agg(["min", "max", "size"])
    axis = step.range(timestamps.min(), timestamps.max())
    lengths = np.asarray(axis.get_indexer(pd.Index(spans["max"]))) - np.asarray(axis.get_indexer(pd.Index(spans["min"]))) + 1
    gaps = lengths - spans["size"].to_numpy()
    if gaps.sum():
        with_gaps = int((gaps > 0).sum())
        lines.append(
            f"{int(gaps.sum()):,} steps inside {with_gaps:,} series have no row. They stay missing; models that need every step use "
            "the value one season earlier, and metrics ignore them."
        )
    ended = spans.index[spans["max"] < timestamps.max()].tolist()
    if ended:
        shown = join_names([repr(name) for name in ended], 6)
        lines.append(
            f"{len(ended):,} series end before the last step: {shown}. They are forecast as if they continued; leave out those that do not."
        )
    return {
        "step": step.name,
        "series": len(spans),
        "from": _short_time(timestamps.min()),
        "to": _short_time(timestamps.max()),
        "steps": len(axis),
        "shortest series": int(lengths.min()),
        "longest series": int(lengths.max()),
        "steps without a row": int(gaps.sum()),
        "seasons, in steps": ", ".join(map(str, step.seasons)),
    }


def _short_time(timestamp: pd.Timestamp) -> str:
    return str(timestamp.date()) if timestamp == timestamp.normalize() else timestamp.strftime("%Y-%m-%d %H:%M")

"""Preparation of forecasting rows: one row per series and step, and every repair is reported."""

from io import StringIO

import numpy as np
import pandas as pd
import pytest

from glassbox.data.sources import RawData, read_file
from glassbox.errors import DataError
from glassbox.families.forecasting.frequency import Step, find_step
from glassbox.families.forecasting.panel import filled
from glassbox.families.forecasting.prepare_rows import prepare_rows
from glassbox.findings.model import Facts, Note
from glassbox.request.model import Data, Request


def raw_data(frame: pd.DataFrame) -> RawData:
    sink = StringIO()
    frame.to_csv(sink, index=False)
    table = read_file(sink.getvalue().encode(), "a.csv")
    empty = pd.DataFrame(columns=["source", "line", "reason", "text"])
    from glassbox.data.sources import FileFacts

    rows = len(table.lines)
    return RawData(table.cells, np.zeros(rows, dtype=int), table.lines, empty, [FileFacts("a.csv", 1, rows, 0, "csv")])


def request(**data: object) -> Request:
    return Request(name="a", task="forecasting", data=Data.model_validate({"target": "y", "time": "t", **data}), horizon=2)


def hours(n: int = 72, start: str = "2021-03-01") -> pd.DataFrame:
    return pd.DataFrame({"t": pd.date_range(start, periods=n, freq="h"), "y": range(n)})


def repairs(frame: pd.DataFrame, **data: object) -> list[str]:
    note = prepare_rows(raw_data(frame), request(**data))[1]["unit_rules"]
    assert isinstance(note, Note)
    return note.lines


def test_a_regular_series_is_unchanged() -> None:
    prepared, findings = prepare_rows(raw_data(hours()), request())
    assert isinstance(findings["unit"], Facts)
    assert findings["unit"].facts["step"] == "hour"
    assert findings["unit"].facts["seasons, in steps"] == "24, 168"
    assert prepared.cells["y"].tolist() == [str(i) for i in range(72)]
    assert repairs(hours()) == []


def test_a_gap_is_reported_and_not_filled_in_the_snapshot() -> None:
    frame = hours().drop(index=[10, 11])
    assert "2 steps inside 1 series have no row" in repairs(frame)[0]
    assert len(prepare_rows(raw_data(frame), request())[0].cells) == 70


def test_rows_that_share_a_step_are_aggregated_as_requested() -> None:
    frame = pd.concat([hours(), hours().iloc[[5]].assign(y=7)])
    mean, total = (prepare_rows(raw_data(frame), request(aggregate=method))[0].cells["y"][5] for method in ("mean", "sum"))
    assert (float(mean), float(total)) == (6.0, 12.0)
    assert "2 rows share their series and step" in repairs(frame)[0]


def test_the_hour_repeated_at_the_end_of_daylight_saving_time_is_recognised() -> None:
    frame = pd.concat([hours(start="2021-10-30"), pd.DataFrame({"t": ["2021-10-31 02:00:00"], "y": [1]})])
    assert any("end of daylight saving time" in line for line in repairs(frame))


def test_utc_offsets_are_converted_and_no_hour_is_repeated_or_missing() -> None:
    local = pd.date_range("2021-10-30", periods=72, freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame({"t": [timestamp.isoformat() for timestamp in local], "y": range(72)})
    notes = repairs(frame)
    assert len(notes) == 1
    assert "+01:00, +02:00" in notes[0]
    prepared = prepare_rows(raw_data(frame), request())[0]
    assert prepared.cells["t"][0] == "2021-10-29 22:00:00"
    assert len(prepared.cells) == 72


def test_few_rows_between_steps_are_moved_and_many_are_an_error() -> None:
    frame = hours(300)
    frame["t"] = frame["t"].astype("datetime64[s]")
    frame.loc[7, "t"] += pd.Timedelta(minutes=12)
    assert "1 rows lie between two steps" in repairs(frame)[0]
    frame.loc[10:40, "t"] += pd.Timedelta(minutes=12)
    with pytest.raises(DataError, match=r"between two steps.*data\.frequency"):
        prepare_rows(raw_data(frame), request())


def test_irregular_timestamps_are_an_error_unless_a_frequency_is_set() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"t": pd.Timestamp("2021-01-01") + pd.to_timedelta(rng.integers(0, 10**7, 60), unit="s"), "y": 1.0})
    with pytest.raises(DataError, match="timestamps are irregular"):
        prepare_rows(raw_data(frame), request())
    cells = prepare_rows(raw_data(frame), request(frequency="day", aggregate="sum"))[0].cells
    assert sum(map(float, cells["y"])) == 60


def test_hours_are_aggregated_into_days() -> None:
    cells = prepare_rows(raw_data(hours(48)), request(frequency="day", aggregate="sum"))[0].cells
    assert cells["t"].tolist() == ["2021-03-01 00:00:00", "2021-03-02 00:00:00"]
    assert [float(v) for v in cells["y"]] == [sum(range(24)), sum(range(24, 48))]


def test_one_column_per_series_becomes_rows() -> None:
    wide = pd.DataFrame({"t": pd.date_range("2021-01-01", periods=5), "north": range(5), "south": range(5, 10)})
    cells = prepare_rows(raw_data(wide), request())[0].cells
    assert cells.columns.tolist() == ["t", "series", "y"]
    assert cells[cells["series"] == "south"]["y"].tolist() == ["5", "6", "7", "8", "9"]


def test_one_column_per_timestamp_becomes_rows() -> None:
    wide = pd.DataFrame({"shop": ["a", "b"], **{f"2021-01-0{i}": [i, 10 * i] for i in range(1, 6)}})
    cells = prepare_rows(raw_data(wide), request(time=None, series=["shop"]))[0].cells
    assert cells[cells["shop"] == "b"]["y"].tolist() == ["10", "20", "30", "40", "50"]
    assert cells["time"][0] == "2021-01-01 00:00:00"


def test_numbered_columns_count_from_the_start_date() -> None:
    wide = pd.DataFrame({"shop": ["a"], **{f"d_{i}": [i] for i in range(1, 6)}})
    cells = prepare_rows(raw_data(wide), request(time=None, series=["shop"], start="2011-01-29", frequency="day"))[0].cells
    assert cells["time"].tolist()[-1] == "2011-02-02 00:00:00"


def test_a_table_without_any_timestamps_is_an_error() -> None:
    with pytest.raises(DataError, match=r"data\.time: is missing"):
        prepare_rows(raw_data(pd.DataFrame({"a": [1, 2], "b": [1, 2]})), request(time=None))


def test_several_columns_identify_a_series_together() -> None:
    frame = pd.concat([hours(5).assign(town="x", shop=shop) for shop in "ab"])
    assert set(prepare_rows(raw_data(frame), request(series=["town", "shop"]))[0].cells["series"]) == {"x/a", "x/b"}


def test_series_are_selected_by_their_names_alone() -> None:
    def chosen(names: str) -> set[str]:
        frame = pd.concat([hours(5).assign(shop=shop) for shop in names])
        return set(prepare_rows(raw_data(frame), request(series=["shop"], most_series=3))[0].cells["shop"])

    assert len(chosen("abcdefgh")) == 3
    assert chosen("abcdefgh") == chosen("hgfedcba")


def test_the_order_of_the_rows_does_not_matter() -> None:
    frame = pd.concat([hours(20).assign(shop=shop) for shop in "ab"])
    sorted_cells, shuffled_cells = (
        prepare_rows(raw_data(f), request(series=["shop"]))[0].cells for f in (frame, frame.sample(frac=1, random_state=1))
    )
    pd.testing.assert_frame_equal(sorted_cells, shuffled_cells)


@pytest.mark.parametrize(
    ("timestamps", "step"),
    [
        (pd.date_range("2020", periods=9, freq="15min"), Step(seconds=900)),
        (pd.date_range("2020", periods=9, freq="7D"), Step(seconds=7 * 86_400)),
        (pd.date_range("2020", periods=9, freq="MS"), Step(months=1)),
        (pd.date_range("2020", periods=9, freq="ME"), Step(months=1, at_end=True)),
        (pd.date_range("2020", periods=9, freq="QS"), Step(months=3)),
        (pd.date_range("2020", periods=9, freq="YS"), Step(months=12)),
    ],
)
def test_the_inferred_step_reproduces_the_timestamps(timestamps: pd.DatetimeIndex, step: Step) -> None:
    assert find_step(timestamps.delete(4)) == step
    assert list(step.range(timestamps[0], timestamps[-1])) == list(timestamps)


def test_gaps_are_filled_from_one_season_earlier_and_never_from_later_values() -> None:
    row = np.array([[1.0, 2.0, np.nan, np.nan, 9.0]])
    assert filled(row, 2).tolist() == [[1.0, 2.0, 1.0, 2.0, 9.0]]
    later = row.copy()
    later[0, 4] = -1.0
    assert filled(later, 2)[0, :4].tolist() == filled(row, 2)[0, :4].tolist()


def test_a_mistyped_target_does_not_name_the_values_of_a_wide_table() -> None:
    with pytest.raises(DataError, match=r"data\.target: there is no column 'yy' in the data\. Nearest: 'y'"):
        prepare_rows(raw_data(hours()), request(target="yy"))
    with pytest.raises(DataError, match=r"data\.target: there is no column 'cuont'.*'count'"):
        prepare_rows(raw_data(hours().assign(count=1, rain=2)), request(target="cuont"))


def test_an_unknown_holiday_country_is_an_error_before_training() -> None:
    with pytest.raises(DataError, match=r"data\.holidays: no public holidays are available for 'QQ'"):
        prepare_rows(raw_data(hours()), request(holidays="QQ"))


def written(times: list[str], values: list[str] | None = None, **columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"t": times, "y": [str(i) for i in range(len(times))] if values is None else values, **columns})


MONTHS = pd.date_range("2016-01-01", periods=30, freq="MS")


@pytest.mark.parametrize(
    ("times", "step", "first"),
    [
        ([str(year) for year in range(1960, 1990)], "year", "1960-01-01"),
        ([f"{month:%b-%y}" for month in MONTHS], "month", "2016-01-01"),
        ([f"{month:%Y%m}" for month in MONTHS], "month", "2016-01-01"),
        ([f"{month:%d/%m/%Y}" for month in MONTHS], "month", "2016-01-01"),
        ([f"{2010 + i // 4}Q{i % 4 + 1}" for i in range(30)], "quarter", "2010-01-01"),
        ([f"2020-W{week:02d}" for week in range(1, 31)], "week", "2019-12-30"),
        ([str(1_577_836_800 + 3600 * i) for i in range(30)], "hour", "2020-01-01"),
        ([f"2020-01-{1 + i // 24:02d} {i % 24:02d}:00 CET" for i in range(72)], "hour", "2019-12-31 23:00"),
    ],
)
def test_timestamps_are_read_as_people_write_them(times: list[str], step: str, first: str) -> None:
    facts = prepare_rows(raw_data(written(times)), request())[1]["unit"]
    assert isinstance(facts, Facts)
    assert (facts.facts["step"], facts.facts["from"]) == (step, first)
    assert facts.facts["steps without a row"] == 0


def test_days_of_an_ambiguous_order_are_read_where_the_steps_are_regular_or_named() -> None:
    times = [f"{month:%d/%m/%Y}" for month in MONTHS]
    assert "with the day first, because the steps are regular then" in repairs(written(times))[0]
    unclear = ["01/02/2020", "03/05/2020", "06/04/2020"]
    with pytest.raises(DataError, match=r"data\.dates: 't' has dates such as '01/02/2020'"):
        prepare_rows(raw_data(written(unclear)), request(frequency="day"))


def test_business_days_have_no_weekend() -> None:
    days = pd.bdate_range("2022-01-03", periods=60)
    step = find_step(days)
    assert (step.name, step.seasons) == ("business day", [5])
    assert step.after(pd.Timestamp("2022-09-09"), 3).tolist() == list(pd.to_datetime(["2022-09-12", "2022-09-13", "2022-09-14"]))
    assert find_step(pd.date_range("2022-01-03", periods=60)).name == "day"


def test_weeks_of_series_may_begin_on_different_days() -> None:
    frames = [
        written([f"{day:%Y-%m-%d}" for day in pd.date_range(start, periods=20, freq="7D")], shop=[name] * 20)
        for name, start in (("a", "2022-01-03"), ("b", "2022-01-09"))
    ]
    _, findings = prepare_rows(raw_data(pd.concat(frames)), request(series="shop"))
    assert isinstance(findings["unit"], Facts)
    assert (findings["unit"].facts["step"], findings["unit"].facts["steps without a row"]) == ("week", 0)
    assert "Weeks begin on different days; 20 rows are moved to the Monday" in repairs(pd.concat(frames), series="shop")[0]


def test_decimal_commas_are_read_alike_with_and_without_a_repeated_step() -> None:
    times = [f"{day:%d.%m.%Y}" for day in pd.date_range("2023-01-01", periods=20)]
    content = "t;y\n" + "".join(f"{time};{10 + i},345\n" for i, time in enumerate(times)) + f"{times[5]};15,345\n"
    table = read_file(content.encode(), "a.csv")
    from glassbox.data.reading import choose_reading

    reading, notes = choose_reading(table.cells, {table.separator}, request())
    assert "'10,345' is read with a decimal comma (10.345), because the cells are separated by semicolons" in notes[0]
    raw = raw_data(hours())
    raw = type(raw)(table.cells, np.zeros(21, dtype=int), table.lines, raw.quarantine, raw.files, reading=reading)
    prepared = prepare_rows(raw, request())[0]
    assert prepared.cells["y"][:7].tolist() == ["10,345", "11,345", "12,345", "13,345", "14,345", "15,345", "16,345"]


def test_names_of_series_are_cleaned_once_and_a_series_may_be_called_na() -> None:
    frame = hours(48)
    frame["shop"] = ["NA", "NA "] * 24
    prepared, _ = prepare_rows(raw_data(frame), request(series="shop"))
    assert set(prepared.cells["shop"]) == {"NA"}
    assert "White space around the names in 'shop' is removed in 24 rows" in repairs(frame, series="shop")[0]


def test_series_that_begin_in_the_holdout_are_named() -> None:
    frame = pd.concat([hours(48).assign(shop="old"), hours(3, start="2021-03-02 21:00").assign(shop="new")])
    assert any("1 series begin in the last 8 steps, which are held out: 'new'" in line for line in repairs(frame, series="shop"))


def test_whole_numbers_in_a_long_table_are_numbered_steps() -> None:
    frame = pd.DataFrame({"t": list(range(1, 41)), "y": range(40)})
    prepared, findings = prepare_rows(raw_data(frame), request())
    assert isinstance(findings["unit"], Facts)
    assert findings["unit"].facts["seasons, in steps"] == "1"
    assert len(prepared.cells) == 40
    assert "Set data.start and data.frequency" in repairs(frame)[0]


def test_numbered_steps_of_a_long_table_are_dated_from_the_start() -> None:
    frame = pd.DataFrame({"t": [3, 4, 5, 6, 7], "y": range(5)})
    prepared, findings = prepare_rows(raw_data(frame), request(start="2024-01-31", frequency="day"))
    assert prepared.cells["t"].tolist()[:2] == ["2024-01-31 00:00:00", "2024-02-01 00:00:00"]
    assert isinstance(findings["unit"], Facts)
    assert findings["unit"].facts["step"] == "day"

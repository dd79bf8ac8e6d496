"""From a table as it arrived to a row a series and step: what is found is said, what is repaired is repaired by a rule."""

from io import StringIO

import numpy as np
import pandas as pd
import pytest

from glassbox.data.sources import RawData, read_file
from glassbox.errors import DataError
from glassbox.families.forecasting.frequency import Step, find_step
from glassbox.families.forecasting.panel import filled
from glassbox.families.forecasting.prepare_rows import arrange
from glassbox.findings.model import Facts, Note
from glassbox.request.model import Data, Request


def arrived(frame: pd.DataFrame) -> RawData:
    sink = StringIO()
    frame.to_csv(sink, index=False)
    table = read_file(sink.getvalue().encode(), "a.csv")
    empty = pd.DataFrame(columns=["source", "line", "reason", "text"])
    from glassbox.data.sources import FileFacts

    rows = len(table.lines)
    return RawData(table.cells, np.zeros(rows, dtype=int), table.lines, empty, [FileFacts("a.csv", 1, rows, 0, "csv")])


def asked(**data: object) -> Request:
    return Request(name="a", task="forecasting", data=Data.model_validate({"target": "y", "time": "t", **data}), horizon=2)


def hours(n: int = 72, start: str = "2021-03-01") -> pd.DataFrame:
    return pd.DataFrame({"t": pd.date_range(start, periods=n, freq="h"), "y": range(n)})


def lines(frame: pd.DataFrame, **data: object) -> list[str]:
    note = arrange(arrived(frame), asked(**data))[1]["unit_rules"]
    assert isinstance(note, Note)
    return note.lines


def test_a_regular_series_is_left_as_it_is() -> None:
    found, said = arrange(arrived(hours()), asked())
    assert isinstance(said["unit"], Facts)
    assert said["unit"].facts["step"] == "hour"
    assert said["unit"].facts["seasons, in steps"] == "24, 168"
    assert found.cells["y"].tolist() == [str(i) for i in range(72)]
    assert lines(hours()) == []


def test_a_gap_is_said_and_not_filled_in_the_snapshot() -> None:
    frame = hours().drop(index=[10, 11])
    assert "2 steps inside 1 series have no row" in lines(frame)[0]
    assert len(arrange(arrived(frame), asked())[0].cells) == 70


def test_rows_that_share_a_step_are_averaged_or_summed_as_asked() -> None:
    frame = pd.concat([hours(), hours().iloc[[5]].assign(y=7)])
    mean, total = (arrange(arrived(frame), asked(aggregate=how))[0].cells["y"][5] for how in ("mean", "sum"))
    assert (float(mean), float(total)) == (6.0, 12.0)
    assert "2 rows share their series and step" in lines(frame)[0]


def test_the_hour_that_comes_twice_in_autumn_is_known_as_such() -> None:
    frame = pd.concat([hours(start="2021-10-30"), pd.DataFrame({"t": ["2021-10-31 02:00:00"], "y": [1]})])
    assert any("set back from summer time" in line for line in lines(frame))


def test_offsets_are_brought_to_utc_and_no_hour_is_twice_or_missing() -> None:
    local = pd.date_range("2021-10-30", periods=72, freq="h", tz="Europe/Berlin")
    frame = pd.DataFrame({"t": [moment.isoformat() for moment in local], "y": range(72)})
    said = lines(frame)
    assert len(said) == 1
    assert "+01:00, +02:00" in said[0]
    found = arrange(arrived(frame), asked())[0]
    assert found.cells["t"][0] == "2021-10-29 22:00:00"
    assert len(found.cells) == 72


def test_a_few_rows_between_steps_are_moved_and_many_are_refused() -> None:
    frame = hours(300)
    frame["t"] = frame["t"].astype("datetime64[s]")
    frame.loc[7, "t"] += pd.Timedelta(minutes=12)
    assert "1 rows lie between two steps" in lines(frame)[0]
    frame.loc[10:40, "t"] += pd.Timedelta(minutes=12)
    with pytest.raises(DataError, match=r"between two steps.*data\.frequency"):
        arrange(arrived(frame), asked())


def test_moments_without_a_step_are_refused_unless_a_frequency_is_named() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"t": pd.Timestamp("2021-01-01") + pd.to_timedelta(rng.integers(0, 10**7, 60), unit="s"), "y": 1.0})
    with pytest.raises(DataError, match="keep to no step"):
        arrange(arrived(frame), asked())
    found = arrange(arrived(frame), asked(frequency="day", aggregate="sum"))[0].cells
    assert sum(map(float, found["y"])) == 60


def test_hours_are_put_together_into_days() -> None:
    found = arrange(arrived(hours(48)), asked(frequency="day", aggregate="sum"))[0].cells
    assert found["t"].tolist() == ["2021-03-01 00:00:00", "2021-03-02 00:00:00"]
    assert [float(v) for v in found["y"]] == [sum(range(24)), sum(range(24, 48))]


def test_a_column_for_each_series_becomes_rows() -> None:
    wide = pd.DataFrame({"t": pd.date_range("2021-01-01", periods=5), "north": range(5), "south": range(5, 10)})
    found = arrange(arrived(wide), asked())[0].cells
    assert found.columns.tolist() == ["t", "series", "y"]
    assert found[found["series"] == "south"]["y"].tolist() == ["5", "6", "7", "8", "9"]


def test_a_column_for_each_moment_becomes_rows() -> None:
    wide = pd.DataFrame({"shop": ["a", "b"], **{f"2021-01-0{i}": [i, 10 * i] for i in range(1, 6)}})
    found = arrange(arrived(wide), asked(time=None, series=["shop"]))[0].cells
    assert found[found["shop"] == "b"]["y"].tolist() == ["10", "20", "30", "40", "50"]
    assert found["time"][0] == "2021-01-01 00:00:00"


def test_numbered_columns_count_from_the_start() -> None:
    wide = pd.DataFrame({"shop": ["a"], **{f"d_{i}": [i] for i in range(1, 6)}})
    found = arrange(arrived(wide), asked(time=None, series=["shop"], start="2011-01-29", frequency="day"))[0].cells
    assert found["time"].tolist()[-1] == "2011-02-02 00:00:00"


def test_columns_that_are_no_moments_are_told_apart() -> None:
    with pytest.raises(DataError, match=r"data\.time: is missing"):
        arrange(arrived(pd.DataFrame({"a": [1, 2], "b": [1, 2]})), asked(time=None))


def test_several_columns_name_a_series_together() -> None:
    frame = pd.concat([hours(5).assign(town="x", shop=shop) for shop in "ab"])
    assert set(arrange(arrived(frame), asked(series=["town", "shop"]))[0].cells["series"]) == {"x/a", "x/b"}


def test_series_are_chosen_by_their_names_alone() -> None:
    def chosen(names: str) -> set[str]:
        frame = pd.concat([hours(5).assign(shop=shop) for shop in names])
        return set(arrange(arrived(frame), asked(series=["shop"], most_series=3))[0].cells["shop"])

    assert len(chosen("abcdefgh")) == 3
    assert chosen("abcdefgh") == chosen("hgfedcba")


def test_the_order_of_the_rows_does_not_matter() -> None:
    frame = pd.concat([hours(20).assign(shop=shop) for shop in "ab"])
    one, two = (arrange(arrived(f), asked(series=["shop"]))[0].cells for f in (frame, frame.sample(frac=1, random_state=1)))
    pd.testing.assert_frame_equal(one, two)


@pytest.mark.parametrize(
    ("moments", "step"),
    [
        (pd.date_range("2020", periods=9, freq="15min"), Step(seconds=900)),
        (pd.date_range("2020", periods=9, freq="7D"), Step(seconds=7 * 86_400)),
        (pd.date_range("2020", periods=9, freq="MS"), Step(months=1)),
        (pd.date_range("2020", periods=9, freq="ME"), Step(months=1, at_end=True)),
        (pd.date_range("2020", periods=9, freq="QS"), Step(months=3)),
        (pd.date_range("2020", periods=9, freq="YS"), Step(months=12)),
    ],
)
def test_the_step_is_found_and_gives_the_moments_back(moments: pd.DatetimeIndex, step: Step) -> None:
    assert find_step(moments.delete(4)) == step
    assert list(step.range(moments[0], moments[-1])) == list(moments)


def test_gaps_are_filled_from_the_season_before_and_never_from_later() -> None:
    row = np.array([[1.0, 2.0, np.nan, np.nan, 9.0]])
    assert filled(row, 2).tolist() == [[1.0, 2.0, 1.0, 2.0, 9.0]]
    later = row.copy()
    later[0, 4] = -1.0
    assert filled(later, 2)[0, :4].tolist() == filled(row, 2)[0, :4].tolist()


def test_a_mistyped_target_is_not_taken_for_the_name_of_a_wide_table() -> None:
    with pytest.raises(DataError, match=r"data\.target: there is no column 'yy' in the data\. Nearest: 'y'"):
        arrange(arrived(hours()), asked(target="yy"))
    with pytest.raises(DataError, match=r"data\.target: there is no column 'cuont'.*'count'"):
        arrange(arrived(hours().assign(count=1, rain=2)), asked(target="cuont"))


def test_a_country_that_is_not_known_is_told_before_anything_is_learnt() -> None:
    with pytest.raises(DataError, match=r"data\.holidays: the public holidays of 'QQ' are not known"):
        arrange(arrived(hours()), asked(holidays="QQ"))

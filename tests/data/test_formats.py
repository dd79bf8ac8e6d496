"""JSON lines, Parquet and unsupported formats."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from glassbox.data.formats.json_lines import read_json_lines
from glassbox.data.formats.parquet import read_parquet_table
from glassbox.data.formats.signatures import unsupported_format
from glassbox.errors import DataError


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def test_json_lines_are_read_and_invalid_lines_are_bad_rows():
    content = b'{"a": 1, "b": "x"}\nnonsense\n\n[1]\n{"a": null, "b": [1, 2]}\n{"a": "\\ud800", "b": 1}\n{"a": "\xff"}\n'
    table = read_json_lines(content, "x.jsonl")
    assert table.cells.astype(object).where(table.cells.notna(), None).to_dict("list") == {"a": ["1", None], "b": ["x", "[1, 2]"]}
    assert table.lines.tolist() == [1, 5]
    assert [bad.line for bad in table.bad] == [2, 4, 6, 7]


def test_deeply_nested_json_is_a_bad_row():
    table = read_json_lines(b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b'}\n{"a": 1}', "x.jsonl")
    assert table.bad[0].reason == "JSON that is nested too deeply"


def test_columns_do_not_depend_on_the_order_of_lines():
    lines = [b'{"b": 1, "a": 2}', b'{"a": 3, "c": 4}']
    first, second = (read_json_lines(b"\n".join(order), "x") for order in (lines, lines[::-1]))
    assert first.cells.columns.tolist() == second.cells.columns.tolist() == ["a", "b", "c"]
    assert read_json_lines(lines[0], "x").cells.columns.tolist() == ["b", "a"]


def test_a_json_array_is_rejected_with_advice():
    with pytest.raises(DataError, match="one object per line"):
        read_json_lines(b'[{"a": 1}]', "x.json")


def test_parquet_values_become_the_same_text_as_in_a_csv():
    table = pa.table(
        {
            "i": pa.array([1, None]),
            "f": pa.array([1.0, 0.1]),
            "g": pa.array([0.1, 2.5], type=pa.float32()),
            "b": pa.array([True, False]),
            "d": pa.array([pd.Timestamp("2020-01-02"), pd.Timestamp("2020-01-02 03:04:05")], type=pa.timestamp("ns")),
            "c": pa.array(["x", "y"]).dictionary_encode(),
            "l": pa.array([[1], None]),
            "n": pa.nulls(2),
        }
    )
    cells = read_parquet_table(parquet(table), "x").cells
    assert cells.astype(object).where(cells.notna(), None).to_dict("list") == {
        "i": ["1", None],
        "f": ["1", "0.1"],
        "g": ["0.1", "2.5"],
        "b": ["True", "False"],
        "d": ["2020-01-02", "2020-01-02 03:04:05"],
        "c": ["x", "y"],
        "l": ["[1]", None],
        "n": [None, None],
    }


def test_parquet_dates_before_1677_are_preserved():
    table = pa.table({"d": pa.array([-10_000_000_000_000_000], type=pa.timestamp("us"))})
    assert read_parquet_table(parquet(table), "x").cells["d"].tolist()[0].startswith("1653-02-10")


def test_half_precision_and_extension_types_of_parquet_are_read():
    halves = pa.array([np.float16(0.1), None, np.float16(3)], type=pa.float16())
    cells = read_parquet_table(parquet(pa.table({"h": halves, "u": pa.array([b"0" * 16, None, None], pa.uuid())})), "x").cells
    assert cells["h"].fillna("").tolist() == ["0.1", "", "3"]
    assert cells["u"].fillna("").tolist() == ["30" * 16, "", ""]


def test_two_parquet_columns_of_one_name_are_renamed():
    table = read_parquet_table(parquet(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])), "x")
    assert table.cells.to_dict("list") == {"a": ["1"], "a.2": ["2"]}
    assert table.notes == ["Column 2 repeats the name 'a'; renamed 'a.2'."]


def test_a_parquet_column_whose_values_cannot_be_read_is_named():
    table = pa.table({"day": pa.array([2**30], pa.date32())})
    with pytest.raises(DataError, match=r"x\.parquet: the column 'day', of type date32\[day\], cannot be read"):
        read_parquet_table(parquet(table), "x.parquet")


def test_damaged_parquet_is_a_data_error():
    with pytest.raises(DataError, match=r"x\.parquet: this Parquet file is damaged"):
        read_parquet_table(parquet(pa.table({"a": [1]}))[:-6], "x.parquet")


@pytest.mark.parametrize(("content", "word"), [(b"PK\x03\x04", "Excel"), (b"\x80\x04\x95", "pickle"), (b"%PDF", "PDF")])
def test_unsupported_formats_are_named(content, word):
    assert word in unsupported_format(content)


def test_text_tables_are_not_reported_as_unsupported():
    assert unsupported_format("a,b\n€,1".encode()) == unsupported_format("€,b\n".encode("cp1252")) == ""

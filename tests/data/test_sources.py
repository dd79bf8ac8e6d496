"""Reading the files of a request as one frame of text cells, with a quarantine."""

import gzip
import io

import pandas as pd
import pytest

from glassbox.data.sources import read_source
from glassbox.errors import DataError


def rows_of(raw):
    return raw.cells.to_numpy().tolist()


def test_every_format_gives_the_same_cells(write, make_request, frame):
    sink = io.BytesIO()
    frame.to_parquet(sink)
    csv = frame.to_csv(index=False).encode()
    files = {
        "a.csv": csv,
        "a.csv.gz": gzip.compress(csv),
        "a.tsv": frame.to_csv(index=False, sep="\t").encode(),
        "a.parquet": sink.getvalue(),
        "a.jsonl": frame.to_json(orient="records", lines=True).encode(),
        "no-ending": csv,
    }
    for name, content in files.items():
        root = write(content, name)
        assert rows_of(read_source(make_request(path=name), root)) == frame.to_numpy().tolist(), name


def test_many_files_are_concatenated_and_each_row_has_its_file(write, make_request):
    write("a,y\n1,2\n", "p1.csv")
    root = write("y,a\n4,3\n", "p2.csv")
    raw = read_source(make_request(path="p*.csv"), root)
    assert rows_of(raw) == [["1", "2"], ["3", "4"]]
    assert [raw.files[i].name for i in raw.sources] == ["p1.csv", "p2.csv"]


def test_a_column_absent_from_one_file_is_missing_in_its_rows(write, make_request):
    write("a,b,y\n1,2,3\n", "p1.csv")
    root = write("a,y\n4,5\n", "p2.csv")
    raw = read_source(make_request(path="p*.csv"), root)
    assert raw.cells["b"].isna().tolist() == [False, True]
    assert raw.notes == ["p2.csv: it has no column 'b'; the values are missing in its rows."]


def test_empty_json_objects_are_rows(write, make_request):
    write('{"a": 1, "y": 2}', "p1.jsonl")
    root = write("{}\n{}", "p2.jsonl")
    raw = read_source(make_request(path="p*.jsonl"), root)
    assert raw.cells["a"].isna().tolist() == [False, True, True]
    assert raw.lines.tolist() == [1, 1, 2]


def test_the_quarantine_has_file_line_reason_and_text(write, make_request):
    root = write("a,y\n" + "1,2\n" * 50 + "only\n")
    quarantine = read_source(make_request(), root).quarantine
    assert quarantine.to_dict("records") == [
        {"source": "data.csv", "line": 52, "reason": "1 cell, where the header has 2", "text": "only"}
    ]


@pytest.mark.parametrize(("bad", "is_error"), [(5, False), (6, True)])
def test_more_than_five_percent_unreadable_rows_are_an_error(bad, is_error, write, make_request):
    root = write("a,y\n" + "1,2\n" * (100 - bad) + "x\n" * bad)
    if not is_error:
        assert len(read_source(make_request(), root).quarantine) == bad
        return
    with pytest.raises(DataError) as caught:
        read_source(make_request(), root)
    assert "6 of 100 rows cannot be read (6.0%, more than 5%)" in str(caught.value)
    assert "the first is data.csv:96: x" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf \n", "the file is empty"),
        (b"a,y\n", "a header, but no row"),
        (b"a,y\n\n\n", "a header, but no row"),
        (b"PK\x03\x04", "Excel"),
        (gzip.compress(b"a,y\n1,2\n" * 99, mtime=0)[:-9], "damaged or truncated"),
        (gzip.compress(b"", mtime=0), "the file is empty"),
        (b"{}\n{}\n", "none of them has a column"),
        (b"\x00\x01\x02\xff" * 99, r"data\.csv"),
    ],
)
def test_a_file_without_rows_is_an_error(content, words, write, make_request):
    root = write(content)
    with pytest.raises(DataError, match=words):
        read_source(make_request(), root)


def test_excluded_rows_keep_their_line_numbers(write, make_request):
    root = write("a,y\n1,\n2,x\n3,\n")
    raw = read_source(make_request(), root)
    remaining = raw.exclude(pd.Series([True, False, True]).to_numpy(), "no target")
    assert remaining.quarantine[["line", "reason", "text"]].to_numpy().tolist() == [
        [2, "no target", "1 | "],
        [4, "no target", "3 | "],
    ]
    assert (rows_of(remaining), remaining.lines.tolist()) == ([["2", "x"]], [3])

"""From a request to one frame of text, with the quarantine beside it."""

import gzip
import io

import pandas as pd
import pytest

from glassbox.data.sources import read_source
from glassbox.errors import DataError


def rows_of(arrival):
    return arrival.cells.to_numpy().tolist()


def test_every_format_gives_the_same_cells(write, ask, frame):
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
        assert rows_of(read_source(ask(path=name), root)) == frame.to_numpy().tolist(), name


def test_many_files_are_stacked_and_each_row_knows_its_file(write, ask):
    write("a,y\n1,2\n", "p1.csv")
    root = write("y,a\n4,3\n", "p2.csv")
    arrival = read_source(ask(path="p*.csv"), root)
    assert rows_of(arrival) == [["1", "2"], ["3", "4"]]
    assert [arrival.files[i].name for i in arrival.sources] == ["p1.csv", "p2.csv"]


def test_a_column_that_one_file_lacks_is_missing_there_and_said(write, ask):
    write("a,b,y\n1,2,3\n", "p1.csv")
    root = write("a,y\n4,5\n", "p2.csv")
    arrival = read_source(ask(path="p*.csv"), root)
    assert arrival.cells["b"].isna().tolist() == [False, True]
    assert arrival.notes == ["p2.csv: it has no 'b'; missing in its rows."]


def test_rows_without_any_field_are_rows_too(write, ask):
    write('{"a": 1, "y": 2}', "p1.jsonl")
    root = write("{}\n{}", "p2.jsonl")
    arrival = read_source(ask(path="p*.jsonl"), root)
    assert arrival.cells["a"].isna().tolist() == [False, True, True]
    assert arrival.lines.tolist() == [1, 1, 2]


def test_quarantine_has_file_line_reason_and_text(write, ask):
    root = write("a,y\n" + "1,2\n" * 50 + "only\n")
    quarantine = read_source(ask(), root).quarantine
    assert quarantine.to_dict("records") == [
        {"source": "data.csv", "line": 52, "reason": "1 cell, where the header has 2", "text": "only"}
    ]


@pytest.mark.parametrize(("bad", "stops"), [(5, False), (6, True)])
def test_more_than_one_row_in_twenty_unreadable_stops(bad, stops, write, ask):
    root = write("a,y\n" + "1,2\n" * (100 - bad) + "x\n" * bad)
    if not stops:
        assert len(read_source(ask(), root).quarantine) == bad
        return
    with pytest.raises(DataError) as caught:
        read_source(ask(), root)
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
        (gzip.compress(b"a,y\n1,2\n" * 99, mtime=0)[:-9], "damaged or cut off"),
        (gzip.compress(b"", mtime=0), "the file is empty"),
        (b"{}\n{}\n", "no column in any"),
        (b"\x00\x01\x02\xff" * 99, r"data\.csv"),
    ],
)
def test_what_holds_no_rows_is_said_in_plain_words(content, words, write, ask):
    root = write(content)
    with pytest.raises(DataError, match=words):
        read_source(ask(), root)


def test_rows_that_are_set_aside_later_keep_their_lines(write, ask):
    root = write("a,y\n1,\n2,x\n3,\n")
    arrival = read_source(ask(), root)
    moved = arrival.set_aside(pd.Series([True, False, True]).to_numpy(), "no target")
    assert moved.quarantine[["line", "reason", "text"]].to_numpy().tolist() == [
        [2, "no target", "1 | "],
        [4, "no target", "3 | "],
    ]
    assert (rows_of(moved), moved.lines.tolist()) == ([["2", "x"]], [3])

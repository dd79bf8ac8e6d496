"""Delimited text files: encodings, dialects and malformed rows."""

import contextlib
import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.data.formats.delimited import MAX_FIELD, Dialect, _read_clean, _read_line_by_line, detect_dialect, read_delimited
from glassbox.errors import DataError


def rows(content: bytes, name: str = "") -> list[list[str]]:
    return read_delimited(content, name).cells.to_numpy().tolist()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_every_encoding_gives_the_same_text(encoding):
    table = read_delimited("name,ort\nJosé,Köln\nAnna,Zürich\n".encode(encoding))
    assert table.cells.to_dict("list") == {"name": ["José", "Anna"], "ort": ["Köln", "Zürich"]}


@pytest.mark.parametrize(
    ("text", "encoding"), [("Иван,Москва", "cp1251"), ("太郎,東京都渋谷区", "shift_jis"), ("李明,北京市朝阳区", "gb18030")]
)
def test_legacy_encodings_are_detected(text, encoding):
    content = ("a,b\n" + f"{text}\n" * 20).encode(encoding)
    assert rows(content)[0] == text.split(",")


def test_lines_in_another_encoding_are_decoded_with_a_note():
    table = read_delimited("a,b\n1,é\n".encode() + "2,é\n".encode("cp1252"))
    assert table.cells["b"].tolist() == ["é", "é"]
    assert any("Mixed encodings: 1 line" in note for note in table.notes)


def test_undecodable_bytes_exclude_only_their_line():
    table = read_delimited("a,b\n1,é\n".encode() + b"2,\x81\x8d\n3,x\n")
    assert table.cells["a"].tolist() == ["1", "3"]
    assert [(bad.line, "cannot be decoded" in bad.reason) for bad in table.bad] == [(3, True)]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_detected(separator):
    content = f"a{separator}b{separator}c\n1{separator}x y{separator}3\n"
    assert rows(content.encode()) == [["1", "x y", "3"]]


def test_decimal_commas_are_not_separators():
    assert rows(b"a;b\n1,5;2,5\n3,5;4,5\n") == [["1,5", "2,5"], ["3,5", "4,5"]]


def test_the_separator_line_of_excel_is_used():
    table = read_delimited(b"sep=;\r\na;b\r\n1;2\r\n")
    assert table.cells.to_dict("list") == {"a": ["1"], "b": ["2"]}
    assert table.lines.tolist() == [3]


def test_a_single_column_is_a_table():
    assert rows(b"a\n1\n\n2\n") == [["1"], ["2"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_all_line_endings_are_read(end):
    table = read_delimited(end.join(["a,b", "1,2", "3,4"]).encode())
    assert (table.cells.to_numpy().tolist(), table.lines.tolist()) == ([["1", "2"], ["3", "4"]], [2, 3])


def test_quoted_cells_may_contain_separators_newlines_and_quotes():
    table = read_delimited(b'a,b\n"x, ""y""\nz",2\n3,4\n')
    assert table.cells.to_numpy().tolist() == [['x, "y"\nz', "2"], ["3", "4"]]
    assert table.lines.tolist() == [2, 4]


def test_single_quotes_and_backslash_escapes_are_detected():
    assert detect_dialect(["a,b", "'x, y',1"]).quote == "'"
    assert rows(b'a,b\n"x \\"y\\"",2\n') == [['x "y"', "2"]]


def test_ragged_rows_are_bad_rows_with_line_and_reason():
    table = read_delimited(b"a,b\n1,2\n3\n4,5,6\n7,8\n")
    assert table.cells["a"].tolist() == ["1", "7"]
    assert [(bad.line, bad.reason, bad.text) for bad in table.bad] == [
        (3, "1 cell, where the header has 2", "3"),
        (4, "3 cells, where the header has 2", "4,5,6"),
    ]


def test_extra_empty_cells_are_dropped_with_a_note():
    table = read_delimited(b"a,b\n1,2,\n3,4\n")
    assert table.cells.to_numpy().tolist() == [["1", "2"], ["3", "4"]]
    assert table.notes == ["1 row has empty cells beyond the last column; these were dropped."]


def test_nul_bytes_exclude_only_their_line():
    table = read_delimited(b"a,b\n1,2\nx\0,3\n4,5\n")
    assert table.cells["a"].tolist() == ["1", "4"]
    assert [(bad.line, bad.reason) for bad in table.bad] == [(3, "NUL bytes")]
    assert "\0" not in table.bad[0].text


def test_an_unclosed_quote_excludes_only_its_line():
    table = read_delimited(b'a,b\n1,"2\n3,4\n' + b"5,6\n" * 1000)
    assert len(table.cells) == 1001
    assert [(bad.line, bad.reason) for bad in table.bad] == [(2, "an unclosed quote")]


def test_a_stray_quote_does_not_swallow_rows_up_to_the_next_quote():
    table = read_delimited(b'a,b\n1,"2\n3,4\n"q",5\n')
    assert table.cells["a"].tolist() == ["3", "q"]
    assert [bad.line for bad in table.bad] == [2]


def test_a_quote_closed_in_a_row_of_another_width_is_stray():
    table = read_delimited(b'a,b\n1,"2\n3",4\n5,6\n')
    assert table.cells.to_numpy().tolist() == [['3"', "4"], ["5", "6"]]
    assert [(bad.line, bad.reason) for bad in table.bad] == [(2, "an unclosed quote")]


def test_a_quote_does_not_span_an_unreadable_line():
    table = read_delimited(b'a,b\n1,"2\nx\0\n3"\n5,6\n')
    assert [(bad.line, bad.reason) for bad in table.bad][:2] == [(2, "an unclosed quote"), (3, "NUL bytes")]
    assert table.cells.to_numpy().tolist() == [["5", "6"]]


def test_a_quote_within_a_word_is_an_ordinary_character():
    assert rows(b'a,b\n1,5" pipe\n') == [["1", '5" pipe']]


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_huge_field_is_a_bad_row_with_clipped_text(quote):
    table = read_delimited(f"a,b\n1,{quote}{'x' * (MAX_FIELD + 1)}{quote}\n3,4\n".encode())
    assert table.cells["a"].tolist() == ["3"]
    assert "more than" in table.bad[0].reason
    assert len(table.bad[0].text) <= 300


def test_column_names_are_repaired_with_notes():
    table = read_delimited(b"a, a,,a.2,row_id\n1,2,3,4,5\n")
    assert table.cells.columns.tolist() == ["a", "a.3", "column_3", "a.2", "row_id.2"]
    assert len(table.notes) == 3


def test_column_names_in_any_script_are_preserved():
    assert read_delimited("שם,😀👩‍🔬,naïve\n1,2,3\n".encode()).cells.columns.tolist() == ["שם", "😀👩‍🔬", "naïve"]


def test_an_unreadable_header_is_an_error_with_its_line():
    with pytest.raises(DataError, match=r"x\.csv:2: the header cannot be read: NUL"):
        read_delimited(b"\na\0,b\n1,2\n", "x.csv")


CELL = st.text(st.sampled_from(list("ab 1.\"',;é\n")), max_size=4)


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 4).flatmap(lambda n: st.lists(st.lists(CELL, min_size=n, max_size=n), min_size=1, max_size=6)))
def test_output_of_the_csv_module_round_trips(table):
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow([f"name{i}" for i in range(len(table[0]))])
    writer.writerows(table)
    parsed = _read_line_by_line(sink.getvalue().replace("\r\n", "\n").encode(), Dialect())
    assert parsed.cells.to_numpy().tolist() == table
    assert parsed.bad == []


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.sampled_from(list('ab,"\n\r 1é')), max_size=12), min_size=1, max_size=8))
def test_the_fast_reader_agrees_with_the_careful_one_or_declines(lines):
    content = ("x,y\n" + "\n".join(lines)).encode()
    fast = _read_clean(content, Dialect())
    if fast is not None:
        careful = _read_line_by_line(content, Dialect())
        assert careful.cells.to_numpy().tolist() == fast.cells.to_numpy().tolist()
        assert careful.lines.tolist() == fast.lines.tolist()
        assert careful.bad == []


def test_the_fast_reader_reads_a_clean_file():
    assert _read_clean(b'a,b\n1,"x, y"\n3,4\n', Dialect()) is not None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_rejected(content):
    with contextlib.suppress(DataError):
        read_delimited(b"a,b\n1,2\n" + content, "x.csv")

"""CSV and its relatives, as they come."""

import contextlib
import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.data.formats.delimited import MAX_FIELD, Dialect, _read_careful, _read_clean, find_dialect, read_delimited
from glassbox.errors import DataError


def rows(content: bytes, name: str = "") -> list[list[str]]:
    return read_delimited(content, name).cells.to_numpy().tolist()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_text_is_the_same_in_every_encoding(encoding):
    table = read_delimited("name,ort\nJosé,Köln\nAnna,Zürich\n".encode(encoding))
    assert table.cells.to_dict("list") == {"name": ["José", "Anna"], "ort": ["Köln", "Zürich"]}


@pytest.mark.parametrize(
    ("text", "encoding"), [("Иван,Москва", "cp1251"), ("太郎,東京都渋谷区", "shift_jis"), ("李明,北京市朝阳区", "gb18030")]
)
def test_other_scripts_in_legacy_encodings_are_guessed(text, encoding):
    content = ("a,b\n" + f"{text}\n" * 20).encode(encoding)
    assert rows(content)[0] == text.split(",")


def test_lines_in_another_encoding_are_read_as_such_and_it_is_said():
    table = read_delimited("a,b\n1,é\n".encode() + "2,é\n".encode("cp1252"))
    assert table.cells["b"].tolist() == ["é", "é"]
    assert any("Mixed encodings: 1 line" in note for note in table.notes)


def test_bytes_that_are_no_text_cost_their_line_only():
    table = read_delimited("a,b\n1,é\n".encode() + b"2,\x81\x8d\n3,x\n")
    assert table.cells["a"].tolist() == ["1", "3"]
    assert [(bad.line, "no text" in bad.reason) for bad in table.bad] == [(3, True)]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(separator):
    content = f"a{separator}b{separator}c\n1{separator}x y{separator}3\n"
    assert rows(content.encode()) == [["1", "x y", "3"]]


def test_decimal_commas_do_not_look_like_separators():
    assert rows(b"a;b\n1,5;2,5\n3,5;4,5\n") == [["1,5", "2,5"], ["3,5", "4,5"]]


def test_excel_may_say_the_separator_itself():
    table = read_delimited(b"sep=;\r\na;b\r\n1;2\r\n")
    assert table.cells.to_dict("list") == {"a": ["1"], "b": ["2"]}
    assert table.lines.tolist() == [3]


def test_one_column_is_a_table_too():
    assert rows(b"a\n1\n\n2\n") == [["1"], ["2"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_is_known(end):
    table = read_delimited(end.join(["a,b", "1,2", "3,4"]).encode())
    assert (table.cells.to_numpy().tolist(), table.lines.tolist()) == ([["1", "2"], ["3", "4"]], [2, 3])


def test_quotes_hold_separators_line_ends_and_quotes():
    table = read_delimited(b'a,b\n"x, ""y""\nz",2\n3,4\n')
    assert table.cells.to_numpy().tolist() == [['x, "y"\nz', "2"], ["3", "4"]]
    assert table.lines.tolist() == [2, 4]


def test_single_quotes_and_backslashes_are_found():
    assert find_dialect(["a,b", "'x, y',1"]).quote == "'"
    assert rows(b'a,b\n"x \\"y\\"",2\n') == [['x "y"', "2"]]


def test_ragged_rows_are_set_aside_with_line_and_reason():
    table = read_delimited(b"a,b\n1,2\n3\n4,5,6\n7,8\n")
    assert table.cells["a"].tolist() == ["1", "7"]
    assert [(bad.line, bad.reason, bad.text) for bad in table.bad] == [
        (3, "1 cell, where the header has 2", "3"),
        (4, "3 cells, where the header has 2", "4,5,6"),
    ]


def test_empty_cells_too_many_are_left_out_and_it_is_said():
    table = read_delimited(b"a,b\n1,2,\n3,4\n")
    assert table.cells.to_numpy().tolist() == [["1", "2"], ["3", "4"]]
    assert table.notes == ["1 row has empty cells beyond the last column; those were left out."]


def test_nul_bytes_cost_their_line_only():
    table = read_delimited(b"a,b\n1,2\nx\0,3\n4,5\n")
    assert table.cells["a"].tolist() == ["1", "4"]
    assert [(bad.line, bad.reason) for bad in table.bad] == [(3, "NUL bytes")]
    assert "\0" not in table.bad[0].text


def test_a_quote_that_is_never_closed_costs_its_line_only():
    table = read_delimited(b'a,b\n1,"2\n3,4\n' + b"5,6\n" * 1000)
    assert len(table.cells) == 1001
    assert [(bad.line, bad.reason) for bad in table.bad] == [(2, "a quote that is never closed")]


def test_a_stray_quote_does_not_swallow_rows_up_to_the_next_quote():
    table = read_delimited(b'a,b\n1,"2\n3,4\n"q",5\n')
    assert table.cells["a"].tolist() == ["3", "q"]
    assert [bad.line for bad in table.bad] == [2]


def test_a_quote_that_closes_in_a_row_of_another_width_is_a_stray_one():
    table = read_delimited(b'a,b\n1,"2\n3",4\n5,6\n')
    assert table.cells.to_numpy().tolist() == [['3"', "4"], ["5", "6"]]
    assert [(bad.line, bad.reason) for bad in table.bad] == [(2, "a quote that is never closed")]


def test_a_quote_does_not_reach_over_a_line_that_cannot_be_read():
    table = read_delimited(b'a,b\n1,"2\nx\0\n3"\n5,6\n')
    assert [(bad.line, bad.reason) for bad in table.bad][:2] == [(2, "a quote that is never closed"), (3, "NUL bytes")]
    assert table.cells.to_numpy().tolist() == [["5", "6"]]


def test_a_quote_within_a_word_is_a_sign_like_others():
    assert rows(b'a,b\n1,5" pipe\n') == [["1", '5" pipe']]


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_huge_field_is_set_aside_and_clipped(quote):
    table = read_delimited(f"a,b\n1,{quote}{'x' * (MAX_FIELD + 1)}{quote}\n3,4\n".encode())
    assert table.cells["a"].tolist() == ["3"]
    assert "more than" in table.bad[0].reason
    assert len(table.bad[0].text) <= 300


def test_headers_are_repaired_and_it_is_said():
    table = read_delimited(b"a, a,,a.2,row_id\n1,2,3,4,5\n")
    assert table.cells.columns.tolist() == ["a", "a.3", "column_3", "a.2", "row_id.2"]
    assert len(table.notes) == 3


def test_names_in_any_script_are_kept():
    assert read_delimited("שם,😀👩‍🔬,naïve\n1,2,3\n".encode()).cells.columns.tolist() == ["שם", "😀👩‍🔬", "naïve"]


def test_a_name_line_that_cannot_be_read_is_an_error_with_its_line():
    with pytest.raises(DataError, match=r"x\.csv:2: the line that names the columns cannot be read: NUL"):
        read_delimited(b"\na\0,b\n1,2\n", "x.csv")


CELL = st.text(st.sampled_from(list("ab 1.\"',;é\n")), max_size=4)


@settings(max_examples=200, deadline=None)
@given(st.integers(2, 4).flatmap(lambda n: st.lists(st.lists(CELL, min_size=n, max_size=n), min_size=1, max_size=6)))
def test_what_the_csv_module_writes_is_read_back(table):
    sink = io.StringIO()
    writer = csv.writer(sink)
    writer.writerow([f"name{i}" for i in range(len(table[0]))])
    writer.writerows(table)
    read = _read_careful(sink.getvalue().replace("\r\n", "\n").encode(), Dialect())
    assert read.cells.to_numpy().tolist() == table
    assert read.bad == []


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.sampled_from(list('ab,"\n\r 1é')), max_size=12), min_size=1, max_size=8))
def test_the_fast_reader_agrees_with_the_careful_one_or_declines(lines):
    content = ("x,y\n" + "\n".join(lines)).encode()
    fast = _read_clean(content, Dialect())
    if fast is not None:
        careful = _read_careful(content, Dialect())
        assert careful.cells.to_numpy().tolist() == fast.cells.to_numpy().tolist()
        assert careful.lines.tolist() == fast.lines.tolist()
        assert careful.bad == []


def test_the_fast_reader_takes_a_clean_file():
    assert _read_clean(b'a,b\n1,"x, y"\n3,4\n', Dialect()) is not None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(content):
    with contextlib.suppress(DataError):
        read_delimited(b"a,b\n1,2\n" + content, "x.csv")

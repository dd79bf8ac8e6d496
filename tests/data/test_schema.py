"""Inferring a schema, and conforming data to it."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.data.schema import ColumnSchema, Schema, conform, infer_schema
from glassbox.errors import DataError
from glassbox.files import canonical_json, read_parquet, write_parquet
from glassbox.request.model import Split


def kind_of(values, make_request, name="x", **others):
    frame = pd.DataFrame({name: values, **others, "y": ["a", "b"] * (len(values) // 2) + ["a"] * (len(values) % 2)})
    return infer_schema(frame, make_request()).column(name)


@pytest.mark.parametrize(
    ("values", "kind", "written_as"),
    [
        (["1", "2.5", "-3"], "number", "plain"),
        (["1,000", "2,500.5", "3"], "number", "text"),
        (["$1,000.00", "$2.00 ", "$3"], "number", "money"),
        (["12 %", "13%", "14"], "number", "percent"),
        (["Yes", "No", "No"], "boolean", "plain"),
        (["0", "1", "1"], "boolean", "plain"),
        (["red", "green", "red"], "category", "plain"),
        (["02134", "10001", "02134"], "category", "plain"),
        (["2020-01-02", "2021-01-02", ""], "date", "plain"),
        (["20200102", "20210102", "20220102"], "date", "plain"),
        (["same", "same", "same"], "constant", "plain"),
        (["same", "", "same"], "category", "plain"),
        (["", "NA", " "], "empty", "plain"),
    ],
)
def test_the_kind_is_inferred_from_how_values_are_written(values, kind, written_as, make_request):
    column = kind_of(values, make_request)
    assert (column.kind, column.written_as) == (kind, written_as)


def test_unique_words_and_row_numbers_are_identifiers(make_request):
    assert kind_of([f"A-{i:04d}" for i in range(100)], make_request).kind == "identifier"
    assert kind_of([str(i) for i in range(100)], make_request).kind == "identifier"
    assert kind_of([str(1000 * i) for i in range(100)], make_request, name="LoanNr").kind == "identifier"


def test_unique_measurements_are_not_identifiers(make_request):
    assert kind_of([str(1000 * i) for i in range(100)], make_request, name="price").kind == "number"
    assert kind_of([str(i + 0.5) for i in range(100)], make_request, name="id").kind == "number"


def test_sentences_are_text(make_request):
    assert kind_of([f"the film number {i} was quite good" for i in range(100)], make_request).kind == "text"


def test_the_order_of_day_and_month_is_inferred(make_request):
    assert kind_of(["13/02/2020", "01/03/2020"], make_request).date_format == "%d/%m/%Y"
    assert kind_of(["02/13/2020", "03/01/2020"], make_request).date_format == "%m/%d/%Y"


def test_dates_before_1677_survive_parquet(make_request, tmp_path):
    frame = pd.DataFrame({"x": ["1512-03-04", "9999-12-31"], "y": ["a", "b"]})
    schema = infer_schema(frame, make_request())
    typed = conform(frame, schema).frame
    write_parquet(tmp_path / "x.parquet", typed)
    read = read_parquet(tmp_path / "x.parquet")["x"]
    assert schema.column("x").low_date == "1512-03-04T00:00:00"
    assert read.dtype == "datetime64[us]"
    assert [moment.year for moment in read] == [1512, 9999]


def test_an_ambiguous_decimal_mark_is_inferred_from_the_table(make_request):
    european = ["1,5", "2,75"]
    assert kind_of(["1,500", "2,750"], make_request).high == 2750
    assert kind_of(["1,500", "2,750"], make_request, other=european).high == 2.75


def test_a_few_unreadable_values_do_not_change_the_kind_number(make_request):
    values = [str(i % 40) for i in range(199)] + ["1976A"]
    column = kind_of(values, make_request)
    assert (column.kind, column.high) == ("number", 39)


def test_a_few_words_among_many_numbers_are_missing_values_and_many_are_not(make_request):
    numbers = [f"{i / 7:.2f}" for i in range(150)]
    column = kind_of([*numbers, *["unknown"] * 40, *["n.d."] * 10], make_request)
    assert (column.kind, column.missing) == ("number", 0.25)
    assert {"unknown", "n.d.", "NA"} <= set(column.missing_words or [])
    assert kind_of([*numbers[:50], *["unknown"] * 150], make_request).kind == "category"  # the words are the majority
    assert kind_of([*numbers[:15] * 10, *["unknown"] * 50], make_request).kind == "category"  # 15 numbers may be codes
    assert kind_of([*numbers, *[f"word {i}" for i in range(40)]], make_request).kind != "number"  # too many to be placeholders


def test_a_few_words_among_many_dates_are_missing_values(make_request):
    dates = [str(day.date()) for day in pd.date_range("2020-01-01", periods=90)]
    column = kind_of([*dates, *["never"] * 10], make_request)
    assert (column.kind, column.missing, "never" in (column.missing_words or [])) == ("date", 0.1, True)


def test_words_for_missing_are_values_in_a_target(make_request):
    frame = pd.DataFrame({"x": ["1", "NA", "3"], "y": ["None", "Apnea", "NA"]})
    schema = infer_schema(frame, make_request())
    assert schema.classes == ["Apnea", "NA", "None"]
    assert conform(frame, schema).frame["y"].tolist() == ["None", "Apnea", "NA"]
    assert infer_schema(frame, make_request(missing=["NA"])).classes == ["Apnea", "None"]
    assert conform(frame, schema).frame["x"].isna().tolist() == [False, True, False]


def test_dates_that_can_be_read_in_two_ways_need_an_order(make_request):
    dates = [f"{1 + i % 12:02d}/{1 + i % 11:02d}/2020" for i in range(60)]
    with pytest.raises(DataError, match=r"data\.dates: 'x' has dates such as"):
        kind_of(dates, make_request)
    frame = pd.DataFrame({"x": dates, "y": ["a", "b"] * 30})
    assert infer_schema(frame, make_request(dates="dayfirst")).column("x").date_format == "%d/%m/%Y"
    assert infer_schema(frame, make_request(dates="monthfirst")).column("x").date_format == "%m/%d/%Y"
    assert kind_of(["03/03/2020", "05/05/2020"] * 30, make_request).kind == "date"  # both readings agree


def test_infinite_and_huge_numbers_become_missing_with_problems(make_request):
    frame = pd.DataFrame({"x": ["1.5", "inf", "1e999", "-Infinity"], "y": list("abab")})
    schema = infer_schema(frame, make_request())
    conformed = conform(frame, schema)
    assert (schema.column("x").low, schema.column("x").high) == (1.5, 1.5)
    assert conformed.frame["x"].isna().tolist() == [False, True, True, True]
    assert [(p.row, p.expected) for p in conformed.problems] == [
        (i, "a finite number in the range of a float") for i in (1, 2, 3)
    ]


def test_typed_infinities_become_missing_with_problems():
    conformed = conform(pd.DataFrame({"x": [1.0, math.inf]}), Schema(columns=[ColumnSchema(name="x", kind="number")]))
    assert conformed.frame["x"].isna().tolist() == [False, True]
    assert [p.row for p in conformed.problems] == [1]


def test_numeric_classes_have_one_notation(make_request):
    frame = pd.DataFrame({"x": list("abcd"), "y": ["1.0", "0", "0.0", "1"]})
    schema = infer_schema(frame, make_request())
    assert schema.classes == ["0", "1"]
    assert conform(frame, schema).frame["y"].tolist() == ["1", "0", "0", "1"]


def test_the_schema_contains_only_the_columns_of_the_request(make_request):
    frame = pd.DataFrame({"a": ["1", "2"], "b": ["3", "4"], "k": ["p", "q"], "y": ["u", "v"]})
    schema = infer_schema(frame, make_request(id="k", features=["b"]))
    assert [column.name for column in schema.columns] == ["b", "k", "y"]
    assert [column.name for column in schema.features] == ["b"]
    assert (schema.target, schema.id, schema.column("k").kind) == ("y", "k", "identifier")


def test_the_column_of_the_split_is_not_a_feature_unless_named(make_request):
    frame = pd.DataFrame({"a": ["1", "2"], "g": ["p", "q"], "y": ["u", "v"]})
    split = Split(by="group", column="g")
    assert [c.name for c in infer_schema(frame, make_request(split=split)).features] == ["a"]
    assert [c.name for c in infer_schema(frame, make_request(split=split, features=["a", "g"])).features] == ["a", "g"]


def test_the_schema_does_not_depend_on_the_order_of_rows(frame, make_request):
    shuffled = frame.sample(frac=1, random_state=3)
    assert canonical_json(infer_schema(frame, make_request())) == canonical_json(infer_schema(shuffled, make_request()))


def test_a_schema_round_trips_through_json(frame, make_request):
    schema = infer_schema(frame, make_request(id="customer"))
    assert Schema.model_validate_json(schema.model_dump_json()) == schema


def test_conform_returns_the_documented_types(frame, make_request):
    schema = infer_schema(frame, make_request(id="customer"))
    typed = conform(frame, schema).frame
    assert {name: str(dtype) for name, dtype in typed.dtypes.items()} == {
        "customer": "object",
        "charge": "float64",
        "since": "datetime64[us]",
        "plan": "object",
        "calls": "float64",
        "y": "object",
    }
    assert set(typed["plan"]) == {"basic", "plus", "max", None}


def test_conform_does_not_modify_its_input(frame, make_request):
    before = frame.copy(deep=True)
    conform(frame, infer_schema(frame, make_request()))
    pd.testing.assert_frame_equal(frame, before)


def test_conform_is_idempotent(frame, make_request):
    schema = infer_schema(frame, make_request(id="customer"))
    once = conform(frame, schema).frame
    twice = conform(once, schema)
    pd.testing.assert_frame_equal(twice.frame, once)
    assert twice.problems == []


def test_json_values_and_text_cells_conform_to_the_same_values(make_request):
    frame = pd.DataFrame(
        {"n": ["1,5", "2,5"], "b": ["Yes", "No"], "z": ["0", "1"], "d": ["01.02.2020", "13.02.2020"], "y": ["a", "b"]}
    )
    schema = infer_schema(frame, make_request())
    text = conform(frame.iloc[:1], schema).frame
    sent = pd.DataFrame([{"n": 1.5, "b": True, "z": False, "d": "2020-02-01", "y": "a"}], dtype=object)
    pd.testing.assert_frame_equal(conform(sent, schema).frame, text)


def test_problems_have_row_field_value_and_expectation(make_request):
    train = pd.DataFrame({"n": ["1", "2", "3"], "d": ["2020-01-01", "2020-01-02", "2020-01-03"], "y": ["a", "b", "a"]})
    schema = infer_schema(train, make_request())
    conformed = conform(pd.DataFrame({"n": ["4", "many"], "d": ["soon", None]}), schema)
    assert [(p.row, p.field, p.found, p.expected) for p in conformed.problems] == [
        (1, "n", "'many'", "a number"),
        (0, "d", "'soon'", "a date such as '2020-01-03'"),
    ]


def test_missing_and_unknown_fields_are_problems(make_request):
    schema = infer_schema(pd.DataFrame({"tenure": ["1", "2"], "y": ["a", "b"]}), make_request())
    conformed = conform(pd.DataFrame({"tenur": [1]}), schema)
    assert [(p.row, p.field, p.found) for p in conformed.problems] == [
        (-1, "tenur", "a field that is not in the schema"),
        (-1, "tenure", "nothing"),
    ]
    assert "'tenure'" in conformed.problems[0].expected
    assert conform(pd.DataFrame(index=[0]), schema, require_all=False).problems == []


def test_an_unseen_category_is_preserved_with_a_warning(make_request):
    schema = infer_schema(pd.DataFrame({"x": ["red", "green"], "y": ["a", "b"]}), make_request())
    conformed = conform(pd.DataFrame({"x": ["blue"]}), schema)
    assert conformed.frame["x"].tolist() == ["blue"]
    assert (conformed.problems, [w.field for w in conformed.warnings]) == ([], ["x"])


def test_placeholders_are_missing_where_numbers_are_expected():
    schema = Schema(columns=[ColumnSchema(name="n", kind="number"), ColumnSchema(name="c", kind="category")])
    conformed = conform(pd.DataFrame({"n": ["-", "."], "c": ["-", "."]}), schema)
    assert conformed.frame["n"].isna().all()
    assert conformed.frame["c"].tolist() == ["-", "."]
    assert conformed.problems == []


def test_row_id_is_passed_through_first():
    schema = Schema(columns=[ColumnSchema(name="n", kind="number")])
    conformed = conform(pd.DataFrame({"n": ["1"], "row_id": ["r"]}), schema)
    assert conformed.frame.columns.tolist() == ["row_id", "n"]
    assert conformed.problems == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8), min_size=1, max_size=5))
def test_no_json_value_breaks_conform(values):
    kinds = ["number", "boolean", "category", "date", "text", "identifier", "constant", "empty"]
    schema = Schema(columns=[ColumnSchema(name=kind, kind=kind, categories=["0", "1"]) for kind in kinds])
    frame = pd.DataFrame({kind: pd.Series(values, dtype=object) for kind in kinds})
    typed = conform(frame, schema).frame
    assert not np.isinf(typed["number"]).any()
    assert len(typed) == len(values)

"""What columns are inferred to be, and how a schema is enforced."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.data.schema import ColumnSchema, Schema, conform, infer_schema
from glassbox.files import canonical_json, read_parquet, write_parquet
from glassbox.request.model import Split


def kind_of(values, ask, name="x", **others):
    frame = pd.DataFrame({name: values, **others, "y": ["a", "b"] * (len(values) // 2) + ["a"] * (len(values) % 2)})
    return infer_schema(frame, ask()).column(name)


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
def test_the_kind_is_inferred_from_how_values_are_written(values, kind, written_as, ask):
    column = kind_of(values, ask)
    assert (column.kind, column.written_as) == (kind, written_as)


def test_unique_words_and_running_numbers_name_rows(ask):
    assert kind_of([f"A-{i:04d}" for i in range(100)], ask).kind == "identifier"
    assert kind_of([str(i) for i in range(100)], ask).kind == "identifier"
    assert kind_of([str(1000 * i) for i in range(100)], ask, name="LoanNr").kind == "identifier"


def test_unique_measurements_do_not_name_rows(ask):
    assert kind_of([str(1000 * i) for i in range(100)], ask, name="price").kind == "number"
    assert kind_of([str(i + 0.5) for i in range(100)], ask, name="id").kind == "number"


def test_sentences_are_text(ask):
    assert kind_of([f"the film number {i} was quite good" for i in range(100)], ask).kind == "text"


def test_dates_in_which_the_day_tells_itself(ask):
    assert kind_of(["13/02/2020", "01/03/2020"], ask).date_format == "%d/%m/%Y"
    assert kind_of(["02/13/2020", "03/01/2020"], ask).date_format == "%m/%d/%Y"


def test_dates_before_1677_are_kept_through_parquet(ask, tmp_path):
    frame = pd.DataFrame({"x": ["1512-03-04", "9999-12-31"], "y": ["a", "b"]})
    schema = infer_schema(frame, ask())
    typed = conform(frame, schema).frame
    write_parquet(tmp_path / "x.parquet", typed)
    read = read_parquet(tmp_path / "x.parquet")["x"]
    assert schema.column("x").low_date == "1512-03-04T00:00:00"
    assert read.dtype == "datetime64[us]"
    assert [moment.year for moment in read] == [1512, 9999]


def test_a_column_that_tells_no_decimal_sign_takes_that_of_the_table(ask):
    european = ["1,5", "2,75"]
    assert kind_of(["1,500", "2,750"], ask).high == 2750
    assert kind_of(["1,500", "2,750"], ask, other=european).high == 2.75


def test_few_unreadable_values_do_not_make_numbers_a_category(ask):
    values = [str(i % 40) for i in range(199)] + ["1976A"]
    column = kind_of(values, ask)
    assert (column.kind, column.high) == ("number", 39)
    assert kind_of([*values[:-3], "a", "b", "c"], ask).kind == "category"


def test_infinite_and_huge_numbers_are_missing_and_said(ask):
    frame = pd.DataFrame({"x": ["1.5", "inf", "1e999", "-Infinity"], "y": list("abab")})
    schema = infer_schema(frame, ask())
    found = conform(frame, schema)
    assert (schema.column("x").low, schema.column("x").high) == (1.5, 1.5)
    assert found.frame["x"].isna().tolist() == [False, True, True, True]
    assert [(p.row, p.expected) for p in found.problems] == [(i, "a finite number that a float can hold") for i in (1, 2, 3)]


def test_typed_infinities_are_missing_and_said_too():
    found = conform(pd.DataFrame({"x": [1.0, math.inf]}), Schema(columns=[ColumnSchema(name="x", kind="number")]))
    assert found.frame["x"].isna().tolist() == [False, True]
    assert [p.row for p in found.problems] == [1]


def test_numbers_as_classes_are_written_one_way(ask):
    frame = pd.DataFrame({"x": list("abcd"), "y": ["1.0", "0", "0.0", "1"]})
    schema = infer_schema(frame, ask())
    assert schema.classes == ["0", "1"]
    assert conform(frame, schema).frame["y"].tolist() == ["1", "0", "0", "1"]


def test_only_the_columns_that_were_asked_for_are_in_the_schema(ask):
    frame = pd.DataFrame({"a": ["1", "2"], "b": ["3", "4"], "k": ["p", "q"], "y": ["u", "v"]})
    schema = infer_schema(frame, ask(id="k", features=["b"]))
    assert [column.name for column in schema.columns] == ["b", "k", "y"]
    assert [column.name for column in schema.features] == ["b"]
    assert (schema.target, schema.id, schema.column("k").kind) == ("y", "k", "identifier")


def test_the_columns_of_the_split_are_no_features_unless_named(ask):
    frame = pd.DataFrame({"a": ["1", "2"], "g": ["p", "q"], "y": ["u", "v"]})
    split = Split(by="group", column="g")
    assert [c.name for c in infer_schema(frame, ask(split=split)).features] == ["a"]
    assert [c.name for c in infer_schema(frame, ask(split=split, features=["a", "g"])).features] == ["a", "g"]


def test_the_schema_does_not_depend_on_the_order_of_rows(frame, ask):
    shuffled = frame.sample(frac=1, random_state=3)
    assert canonical_json(infer_schema(frame, ask())) == canonical_json(infer_schema(shuffled, ask()))


def test_a_schema_is_read_back_as_itself(frame, ask):
    schema = infer_schema(frame, ask(id="customer"))
    assert Schema.model_validate_json(schema.model_dump_json()) == schema


def test_conform_gives_the_promised_types(frame, ask):
    schema = infer_schema(frame, ask(id="customer"))
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


def test_conform_changes_nothing_that_it_is_given(frame, ask):
    before = frame.copy(deep=True)
    conform(frame, infer_schema(frame, ask()))
    pd.testing.assert_frame_equal(frame, before)


def test_conforming_twice_changes_nothing_more(frame, ask):
    schema = infer_schema(frame, ask(id="customer"))
    once = conform(frame, schema).frame
    twice = conform(once, schema)
    pd.testing.assert_frame_equal(twice.frame, once)
    assert twice.problems == []


def test_a_row_of_json_conforms_as_the_same_row_of_text(ask):
    frame = pd.DataFrame(
        {"n": ["1,5", "2,5"], "b": ["Yes", "No"], "z": ["0", "1"], "d": ["01.02.2020", "13.02.2020"], "y": ["a", "b"]}
    )
    schema = infer_schema(frame, ask())
    text = conform(frame.iloc[:1], schema).frame
    sent = pd.DataFrame([{"n": 1.5, "b": True, "z": False, "d": "2020-02-01", "y": "a"}], dtype=object)
    pd.testing.assert_frame_equal(conform(sent, schema).frame, text)


def test_what_does_not_fit_is_named_with_row_field_and_what_was_expected(ask):
    train = pd.DataFrame({"n": ["1", "2", "3"], "d": ["2020-01-01", "2020-01-02", "2020-01-03"], "y": ["a", "b", "a"]})
    schema = infer_schema(train, ask())
    found = conform(pd.DataFrame({"n": ["4", "many"], "d": ["soon", None]}), schema)
    assert [(p.row, p.field, p.found, p.expected) for p in found.problems] == [
        (1, "n", "'many'", "a number"),
        (0, "d", "'soon'", "a date such as '2020-01-03'"),
    ]


def test_fields_that_are_missing_or_unknown_are_named(ask):
    schema = infer_schema(pd.DataFrame({"tenure": ["1", "2"], "y": ["a", "b"]}), ask())
    found = conform(pd.DataFrame({"tenur": [1]}), schema)
    assert [(p.row, p.field, p.found) for p in found.problems] == [
        (-1, "tenur", "a field that is not in the schema"),
        (-1, "tenure", "nothing"),
    ]
    assert "'tenure'" in found.problems[0].expected
    assert conform(pd.DataFrame(index=[0]), schema, require_all=False).problems == []


def test_a_category_that_train_did_not_have_is_kept_and_warned_of(ask):
    schema = infer_schema(pd.DataFrame({"x": ["red", "green"], "y": ["a", "b"]}), ask())
    found = conform(pd.DataFrame({"x": ["blue"]}), schema)
    assert found.frame["x"].tolist() == ["blue"]
    assert (found.problems, [w.field for w in found.warnings]) == ([], ["x"])


def test_placeholders_are_missing_where_numbers_are_expected():
    schema = Schema(columns=[ColumnSchema(name="n", kind="number"), ColumnSchema(name="c", kind="category")])
    found = conform(pd.DataFrame({"n": ["-", "."], "c": ["-", "."]}), schema)
    assert found.frame["n"].isna().all()
    assert found.frame["c"].tolist() == ["-", "."]
    assert found.problems == []


def test_row_id_is_passed_on_in_front():
    schema = Schema(columns=[ColumnSchema(name="n", kind="number")])
    found = conform(pd.DataFrame({"n": ["1"], "row_id": ["r"]}), schema)
    assert found.frame.columns.tolist() == ["row_id", "n"]
    assert found.problems == []


@settings(max_examples=100, deadline=None)
@given(st.lists(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8), min_size=1, max_size=5))
def test_no_json_value_breaks_conform(values):
    kinds = ["number", "boolean", "category", "date", "text", "identifier", "constant", "empty"]
    schema = Schema(columns=[ColumnSchema(name=kind, kind=kind, categories=["0", "1"]) for kind in kinds])
    frame = pd.DataFrame({kind: pd.Series(values, dtype=object) for kind in kinds})
    found = conform(frame, schema).frame
    assert not np.isinf(found["number"]).any()
    assert len(found) == len(values)

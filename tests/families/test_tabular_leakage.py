import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_iris

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.families.classification.dataset import labelled_rows
from glassbox.families.classification.folds import duplicates_across, make_folds
from glassbox.families.tabular.leakage import audit, identifiers, leaks_table
from toy_tables import customers


def verdicts(frame: pd.DataFrame, schema: Schema, **options: object) -> dict[str, dict[str, object]]:
    folds = make_folds(frame["row_id"], frame[schema.target], 4, seed=1)
    labelled = labelled_rows(frame, schema.target or "", schema.classes or [], folds)
    return {str(row["column"]): row for row in audit(labelled, schema, **options)}  # type: ignore[arg-type]


def planted(values: object, kind: str, classes: int = 2, n: int = 600) -> dict[str, object]:
    """Return the row of the leakage check for a column that is added to the customers."""
    frame, schema = customers(n, classes=classes)
    frame["planted"] = values(frame) if callable(values) else values
    schema = schema.model_copy(update={"columns": [*schema.columns, ColumnSchema(name="planted", kind=kind)]})
    rows = verdicts(frame, schema)
    assert all(row["verdict"] == "clear" for name, row in rows.items() if name != "planted")
    return rows["planted"]


RNG = np.random.default_rng(3)
LEAKS = {
    "the target, recoded": (lambda f: np.where(f["label"] == "yes", "B", "A").astype(object), "category"),
    "a number only one class has": (lambda f: np.where(f["label"] == "yes", RNG.uniform(1, 9, len(f)), 0.0), "number"),
    "a date only one class has": (
        lambda f: np.where(f["label"] == "yes", np.datetime64("2020-05-01"), np.datetime64("NaT")).astype("datetime64[us]"),
        "date",
    ),
    "a score that knows": (lambda f: (f["label"] == "yes") + RNG.normal(0, 0.2, len(f)), "number"),
    "a text only one class has": (lambda f: np.where(f["label"] == "yes", "complained loudly", None), "text"),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_is_detected(name: str) -> None:
    values, kind = LEAKS[name]
    row = planted(values, kind)
    assert row["verdict"] == "leak"
    assert row["left_out"]
    assert "alone it predicts the target" in str(row["evidence"])


def test_a_near_copy_of_the_target_is_detected() -> None:
    def nearly(frame: pd.DataFrame) -> object:
        wrong = np.arange(len(frame)) % 100 == 0
        return np.where((frame["label"] == "yes") ^ wrong, "B", "A").astype(object)

    assert "near-copy" in str(planted(nearly, "category")["evidence"])


def test_a_leak_of_several_classes_is_detected() -> None:
    assert planted(lambda f: f["label"].str.upper(), "category", classes=4)["verdict"] == "leak"


def test_a_strong_legitimate_column_is_clear() -> None:
    row = planted(lambda f: (f["label"] == "yes") + RNG.normal(0, 0.7, len(f)), "number")
    assert row["auc"] == pytest.approx(0.84, abs=0.05)
    assert row["verdict"] == "clear"


def test_a_value_that_determines_the_target_is_to_be_reviewed() -> None:
    def some(frame: pd.DataFrame) -> object:
        return np.where((frame["label"] == "yes") & (np.arange(len(frame)) % 4 == 0), np.nan, RNG.normal(0, 1, len(frame)))

    row = planted(some, "number")
    assert (row["verdict"], row["left_out"]) == ("look", False)
    assert "where it is missing" in str(row["evidence"])


def test_a_duplicate_column_is_left_out() -> None:
    row = planted(lambda f: f["plan"].map({"month": "m", "year": "y", "two years": "t"}), "category")
    assert (row["verdict"], row["evidence"]) == ("copy", "it duplicates plan, value for value")


def test_a_nearly_collinear_number_is_to_be_reviewed() -> None:
    row = planted(lambda f: f["spend"] * 1.2 + 0.001, "number")
    assert row["verdict"] in ("look", "copy")


def test_an_almost_constant_column_is_left_out() -> None:
    values = np.zeros(6000)
    values[7] = 84617.0
    assert planted(values, "number", n=6000)["verdict"] == "almost constant"


def test_noise_with_many_values_is_clear() -> None:
    assert planted(lambda f: np.array([f"v{i}" for i in range(len(f))], dtype=object), "category")["verdict"] == "clear"


@pytest.mark.parametrize("kind", ["number", "category"])
def test_columns_of_unique_values_are_not_duplicates(kind: str) -> None:
    frame, schema = customers()
    for name in ("one", "two"):
        values = RNG.permutation(len(frame)).astype(float)
        frame[name] = values if kind == "number" else np.array([f"v{value}" for value in values], dtype=object)
    columns = [ColumnSchema(name=name, kind=kind) for name in ("one", "two")]
    rows = verdicts(frame, schema.model_copy(update={"columns": [*schema.columns, *columns]}))
    assert [rows[name]["verdict"] for name in ("one", "two")] == ["clear", "clear"]


def test_an_allowed_leak_is_used_and_reported() -> None:
    frame, schema = customers()
    frame["planted"] = frame["label"].str.upper()
    schema = schema.model_copy(update={"columns": [*schema.columns, ColumnSchema(name="planted", kind="category")]})
    row = verdicts(frame, schema, allow=["planted"])["planted"]
    assert (row["verdict"], row["left_out"]) == ("allowed", False)
    assert "the request allows them: planted" in leaks_table([row]).say


@pytest.mark.parametrize("cutoff", ["2021-01-01", None])
def test_dates_after_the_cutoff_are_a_leak(cutoff: str | None) -> None:
    frame, schema = customers()
    frame["closed"] = frame["since"] + pd.Timedelta(days=900)
    schema = schema.model_copy(update={"columns": [*schema.columns, ColumnSchema(name="closed", kind="date")]})
    rows = verdicts(frame, schema, time="since", cutoff=cutoff)
    assert rows["since"]["verdict"] == "clear"
    assert rows["closed"]["verdict"] == "leak"
    assert "where train ends" in str(rows["closed"]["evidence"])


@pytest.mark.parametrize("load", [load_iris, load_breast_cancer])
def test_easy_data_without_leaks_is_clear(load: object) -> None:
    bunch = load(as_frame=True)  # type: ignore[operator]
    frame = bunch.data.assign(row_id=[f"r{i}" for i in range(len(bunch.data))], label=[f"c{k}" for k in bunch.target])
    columns = [ColumnSchema(name=name, kind="number") for name in bunch.data.columns]
    schema = Schema(columns=columns, target="label", classes=sorted(set(frame["label"])))
    assert not [name for name, row in verdicts(frame, schema).items() if row["left_out"]]


def test_the_row_order_does_not_matter() -> None:
    frame, schema = customers()
    assert verdicts(frame.sample(frac=1, random_state=0), schema) == verdicts(frame, schema)


def test_identifiers_are_listed() -> None:
    rows = [{"column": "uuid", "verdict": "identifier"}, {"column": "age", "verdict": "clear"}]
    assert [line.partition(":")[0] for line in identifiers(rows, "customer").lines] == ["customer", "uuid"]


def test_duplicates_across_are_counted_by_content() -> None:
    split = pd.DataFrame(
        {"row_id": ["a", "b", "c", "d"], "part": ["train", "holdout", "train", "holdout"], "content": ["1", "1", "2", "3"]}
    )
    facts = duplicates_across(split).facts
    assert (facts["holdout rows that duplicate one of train"], facts["rows that repeat another"]) == (1, 1)


def test_a_split_without_duplicates_is_reported() -> None:
    split = pd.DataFrame({"row_id": ["a", "b"], "part": ["train", "holdout"]})
    assert duplicates_across(split).say == "No row of the holdout is a duplicate of a row of train."

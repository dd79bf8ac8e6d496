import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.errors import GlassboxError
from glassbox.families.classification.dataset import codes_of
from glassbox.families.tabular.recipe import (
    Recipe,
    build,
    date_parts,
    default_recipe,
    features_of,
    finite,
    lengths,
    logs,
)
from glassbox.families.tabular.recipe_table import recipe_table
from toy_tables import FULL, SMALL, customers


def fitted(recipe: Recipe = FULL, classes: int = 2):
    frame, schema = customers(classes=classes)
    y = codes_of(frame["label"], schema.classes or [])
    transformer = build(recipe, seed=0)
    return transformer, transformer.fit_transform(frame[list(recipe.columns)], y), frame


def test_each_kind_has_a_default_treatment() -> None:
    _, schema = customers()
    assert default_recipe(schema).columns == {
        "tenure": "number",
        "spend": "number",
        "plan": "one-hot",
        "town": "target mean",
        "since": "dates",
        "remark": "text",
    }
    timed = schema.model_copy(
        update={"columns": [c.model_copy(update={"with_time": True}) if c.name == "since" else c for c in schema.columns]}
    )
    assert default_recipe(timed).columns["since"] == "times"


def test_unusable_kinds_are_left_out_with_a_reason() -> None:
    kinds = {"a": "number", "b": "constant", "c": "empty", "d": "identifier"}
    schema = Schema(columns=[ColumnSchema(name=name, kind=kind) for name, kind in kinds.items()])
    recipe = default_recipe(schema)
    assert list(recipe.columns) == ["a"]
    assert {name: why.partition(":")[0] for name, why in recipe.left_out.items()} == {
        "b": "constant",
        "c": "empty",
        "d": "identifier",
    }


def test_leaks_are_left_out_unless_allowed() -> None:
    _, schema = customers()
    leaks = [{"column": "spend", "verdict": "leak", "evidence": "it knows", "left_out": True}]
    assert default_recipe(schema, leaks).left_out == {"spend": "leak: it knows"}
    assert "spend" in default_recipe(schema, leaks, allow=["spend"]).columns


def test_a_recipe_without_columns_is_an_error() -> None:
    schema = Schema(columns=[ColumnSchema(name="a", kind="constant")])
    with pytest.raises(GlassboxError, match=r"a: constant"):
        default_recipe(schema)


def test_edits_return_a_new_recipe() -> None:
    edited = SMALL.edited({"tenure": "log", "plan": "left out"})
    assert edited.columns == {"tenure": "log"}
    assert edited.left_out == {"plan": "left out by hand"}
    assert SMALL.columns == {"tenure": "number", "plan": "one-hot"}
    assert edited.edited({"plan": "one-hot"}).columns == {"tenure": "log", "plan": "one-hot"}


def test_all_invalid_edits_are_reported_together() -> None:
    with pytest.raises(GlassboxError, match=r"unknown column 'tenur'.*plan: unknown treatment 'onehot'"):
        SMALL.edited({"tenur": "log", "plan": "onehot"})


def test_a_recipe_round_trips_through_json() -> None:
    assert Recipe.model_validate_json(FULL.model_dump_json()) == FULL


@pytest.mark.parametrize("classes", [2, 3])
def test_the_matrix_is_complete_and_every_column_has_a_feature(classes: int) -> None:
    transformer, matrix, _ = fitted(classes=classes)
    features = features_of(transformer, [f"c{k}" for k in range(classes)])
    assert np.isfinite(matrix).all()
    assert len(features) == matrix.shape[1]
    assert {feature.column for feature in features} == set(FULL.columns)


def test_features_are_named_for_their_content() -> None:
    transformer, matrix, frame = fitted(SMALL)
    names = [feature.name for feature in features_of(transformer, ["no", "yes"])]
    assert names == ["tenure", "tenure is missing", "plan = (missing)", "plan = month", "plan = two years", "plan = year"]
    assert matrix[:, names.index("plan = year")].tolist() == (frame["plan"] == "year").astype(float).tolist()
    assert (matrix[:, names.index("tenure is missing")] > 0).tolist() == frame["tenure"].isna().tolist()


def test_numbers_are_scaled() -> None:
    _, scaled, _ = fitted(Recipe(columns={"tenure": "number"}))
    assert scaled[:, 0].mean() == pytest.approx(0, abs=1e-9)
    assert scaled[:, 0].std() == pytest.approx(1)


def test_words_of_a_text_and_the_hour_of_a_timestamp_are_features() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(400) % 2
    texts = [f"{rng.choice(['a', 'b', 'c', 'd'])} {('great', 'awful')[k]} {rng.choice(['e', 'f'])} 🙂" for k in y]
    hours = np.where(y == 0, rng.integers(0, 12, 400), rng.integers(12, 24, 400))
    times = (
        np.datetime64("2020-01-01", "us") + rng.integers(0, 300, 400).astype("timedelta64[D]") + hours.astype("timedelta64[h]")
    )
    frame = pd.DataFrame({"text": np.array(texts, dtype=object), "time": times})
    for column, treatment in (("text", "text"), ("time", "times")):
        matrix = build(Recipe(columns={column: treatment})).fit_transform(frame[[column]], y)
        fitted_model = LogisticRegression().fit(matrix[:300], y[:300])
        assert fitted_model.score(matrix[300:], y[300:]) > 0.9


def test_rare_and_unseen_values_share_a_column() -> None:
    frame = pd.DataFrame({"a": ["x"] * 50 + ["y"] * 48 + ["rare", "odd"]}, dtype=object)
    transformer = build(Recipe(columns={"a": "one-hot"}, min_frequency=0.05)).fit(frame, np.arange(100) % 2)
    assert [feature.name for feature in features_of(transformer, ["n", "y"])] == ["a = x", "a = y", "a = (rare)"]
    new = pd.DataFrame({"a": ["rare", "never seen"]}, dtype=object)
    assert transformer.transform(new).tolist() == [[0, 0, 1], [0, 0, 1]]


def test_a_missing_value_in_a_complete_column_is_imputed() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "d": pd.to_datetime(["2020-01-01"] * 4).astype("datetime64[us]")})
    transformer = build(Recipe(columns={"a": "number", "d": "dates"})).fit(frame, [0, 1, 0, 1])
    new = pd.DataFrame({"a": [np.nan], "d": np.array(["NaT"], dtype="datetime64[us]")})
    median = pd.DataFrame({"a": [2.5], "d": pd.to_datetime(["2020-01-01"]).astype("datetime64[us]")})
    assert transformer.transform(new)[0].tolist() == transformer.transform(median)[0].tolist()


def test_an_empty_column_in_a_fold_is_retained() -> None:
    frame = pd.DataFrame({"a": [np.nan, np.nan, np.nan], "b": [1.0, 2.0, 3.0]})
    matrix = build(Recipe(columns={"a": "number", "b": "number"})).fit_transform(frame, [0, 1, 0])
    assert np.isfinite(matrix).all()


def test_the_target_encoding_of_a_row_does_not_use_its_target() -> None:
    # Each town occurs once, so an encoding that uses the target of the row itself would separate the classes.
    frame = pd.DataFrame({"town": [f"t{i}" for i in range(100)]}, dtype=object)
    y = np.arange(100) % 2
    encoded = build(Recipe(columns={"town": "target mean"})).fit_transform(frame, y)[:, 0]
    assert abs(encoded[y == 1].mean() - encoded[y == 0].mean()) < 0.05


def test_infinite_numbers_are_missing_and_huge_ones_are_clipped() -> None:
    values = finite(pd.DataFrame({"a": [np.inf, -np.inf, 1e300, -5.0]}))[:, 0]
    assert np.isnan(values[:2]).all()
    assert values[2:].tolist() == [1e30, -5.0]


def test_logs_preserve_signs() -> None:
    assert logs(pd.DataFrame({"a": [0.0, np.e - 1, 1 - np.e]}))[:, 0] == pytest.approx([0, 1, -1])


def test_date_parts_match_values_by_hand() -> None:
    days = np.array(["2000-01-03", "1650-12-31T12:00", "NaT"], dtype="datetime64[us]")
    parts = date_parts(pd.DataFrame({"d": days}))
    assert parts[0].tolist() == [2000, 1, 0, 2]  # a Monday
    assert parts[1, :2].tolist() == [1650, 12]
    assert np.isnan(parts[2]).all()


def test_lengths_match_values_by_hand() -> None:
    counts = lengths(pd.DataFrame({"t": ["abc", "", None]}, dtype=object))[:, 0]
    assert counts[:2].tolist() == [3, 0]
    assert np.isnan(counts[2])


def test_arguments_are_not_modified() -> None:
    frame, _ = customers()
    before = frame.copy(deep=True)
    build(FULL).fit_transform(frame[list(FULL.columns)], codes_of(frame["label"], ["no", "yes"]))
    pd.testing.assert_frame_equal(frame, before)


def test_the_recipe_table_lists_every_column() -> None:
    _, schema = customers()
    recipe = FULL.edited({"town": "left out"})
    assert recipe_table(recipe, schema).frame()["column"].tolist() == ["tenure", "spend", "plan", "since", "remark", "town"]

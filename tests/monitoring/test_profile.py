"""Tests of the reference profile: its content, and its independence of the row order."""

import json

import numpy as np
import pandas as pd
import pytest

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.files import canonical_json
from glassbox.findings.html import finding_html
from glassbox.monitoring.profile import Profile, build_profile, column_scale, prediction_columns, profile_table
from glassbox.monitoring.summary import summaries


def test_every_feature_and_the_rarer_probability_are_profiled(profile: Profile) -> None:
    assert [(c.name, c.role) for c in profile.columns] == [
        ("tenure", "field"),
        ("charges", "field"),
        ("contract", "field"),
        ("since", "field"),
        ("note", "field"),
        ("proba_Yes", "prediction"),
    ]


def test_every_row_is_counted_once_in_every_column(profile: Profile) -> None:
    assert {sum(column.counts) for column in profile.columns} == {profile.rows}


def test_a_schema_category_without_rows_has_a_bin(profile: Profile) -> None:
    column = profile.column("contract")
    assert dict(zip(column.bins.categories, column.counts, strict=False))["never"] == 0


def test_the_order_of_the_rows_does_not_matter(
    profile: Profile, train: pd.DataFrame, schema: Schema, predictions: pd.DataFrame
) -> None:
    order = np.random.default_rng(3).permutation(len(train))
    shuffled = build_profile(train.iloc[order], schema, predictions.iloc[order], profile.model)
    assert canonical_json(shuffled) == canonical_json(profile)


def test_a_profile_survives_a_json_round_trip(profile: Profile) -> None:
    assert Profile.model_validate(json.loads(canonical_json(profile))) == profile


def test_the_profile_contains_no_rows(profile: Profile, train: pd.DataFrame) -> None:
    text = canonical_json(profile)
    assert not [row for row in train["row_id"] if row in text]
    assert "xxx" not in text  # free text


def test_summaries_are_statistics_of_the_non_missing_values(profile: Profile, train: pd.DataFrame) -> None:
    values = train["charges"].dropna()
    summary = profile.column("charges").summary
    assert summary["mean"] == pytest.approx(values.mean())
    assert summary["std"] == pytest.approx(values.std())
    assert summary["median"] == pytest.approx(values.median())
    assert summary["missing"] == pytest.approx(train["charges"].isna().mean())


def test_a_column_without_finite_values_has_only_its_share_of_missing_values() -> None:
    frame = pd.DataFrame({"empty": [np.nan, np.nan], "one": [1.0, np.inf]})
    statistics = summaries(frame, ["empty", "one"], [])
    assert statistics == {"empty": {"missing": 1.0}, "one": {"missing": 0.0}}


def test_a_field_may_have_the_name_of_a_prediction_column(train: pd.DataFrame, predictions: pd.DataFrame) -> None:
    schema = Schema(columns=[ColumnSchema(name="proba_Yes", kind="number")])
    built = build_profile(train.assign(proba_Yes=train["tenure"]), schema, predictions, "m")
    assert [c.role for c in built.columns] == ["field", "prediction"]
    assert built.columns[0].summary["median"] == 35


def test_markup_in_column_names_is_escaped(train: pd.DataFrame, predictions: pd.DataFrame) -> None:
    name = "<img src=x onerror=alert(1)>"
    schema = Schema(columns=[ColumnSchema(name=name, kind="number")])
    built = build_profile(train.assign(**{name: train["tenure"]}), schema, predictions, "m")
    assert built.columns[0].name == name
    assert "<img" not in finding_html(profile_table(built))


def test_of_two_probabilities_the_more_frequent_class_is_dropped() -> None:
    frame = pd.DataFrame({"row_id": ["a"], "proba_x": [0.3], "proba_y": [0.7]})
    assert list(prediction_columns(frame)) == ["proba_x"]


def test_three_probabilities_are_all_profiled() -> None:
    assert list(prediction_columns(pd.DataFrame({"proba_a": [0.2], "proba_b": [0.3], "proba_c": [0.5]}))) == [
        "proba_a",
        "proba_b",
        "proba_c",
    ]


@pytest.mark.parametrize(
    ("kind", "scale"),
    [("number", "number"), ("date", "days"), ("text", "length"), ("boolean", "category"), ("constant", "category")],
)
def test_the_scale_follows_the_kind_of_the_field(kind: str, scale: str) -> None:
    assert column_scale(ColumnSchema(name="a", kind=kind)) == scale  # type: ignore[arg-type]

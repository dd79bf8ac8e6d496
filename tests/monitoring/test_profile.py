"""The reference profile: what stands in it, and that it is the same however it is made."""

import json
import os
import subprocess
import sys

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


def test_a_category_of_the_schema_has_a_bin_though_no_row_has_it(profile: Profile) -> None:
    column = profile.column("contract")
    assert dict(zip(column.bins.categories, column.counts, strict=False))["never"] == 0


def test_the_order_of_the_rows_does_not_matter(
    profile: Profile, train: pd.DataFrame, schema: Schema, predictions: pd.DataFrame
) -> None:
    order = np.random.default_rng(3).permutation(len(train))
    turned = build_profile(train.iloc[order], schema, predictions.iloc[order], profile.model)
    assert canonical_json(turned) == canonical_json(profile)


def test_a_profile_is_read_back_as_itself(profile: Profile) -> None:
    assert Profile.model_validate(json.loads(canonical_json(profile))) == profile


def test_no_row_is_in_the_profile(profile: Profile, train: pd.DataFrame) -> None:
    text = canonical_json(profile)
    assert not [row for row in train["row_id"] if row in text]
    assert "xxx" not in text  # free text


def test_summaries_are_the_means_and_quantiles_of_what_is_there(profile: Profile, train: pd.DataFrame) -> None:
    there = train["charges"].dropna()
    summary = profile.column("charges").summary
    assert summary["mean"] == pytest.approx(there.mean())
    assert summary["std"] == pytest.approx(there.std(), rel=1e-3)
    assert summary["median"] == pytest.approx(there.median())
    assert summary["missing"] == pytest.approx(train["charges"].isna().mean())


def test_a_column_of_which_nothing_is_known_has_its_missing_share_alone() -> None:
    frame = pd.DataFrame({"empty": [np.nan, np.nan], "one": [1.0, np.inf]})
    found = summaries(frame, ["empty", "one"], [])
    assert found == {"empty": {"missing": 1.0}, "one": {"missing": 0.0}}


def test_a_field_named_like_a_prediction_is_not_mistaken_for_it(train: pd.DataFrame, predictions: pd.DataFrame) -> None:
    schema = Schema(columns=[ColumnSchema(name="proba_Yes", kind="number")])
    made = build_profile(train.assign(proba_Yes=train["tenure"]), schema, predictions, "m")
    assert [c.role for c in made.columns] == ["field", "prediction"]
    assert made.columns[0].summary["median"] == 35


def test_names_that_look_like_markup_are_names(train: pd.DataFrame, predictions: pd.DataFrame) -> None:
    name = "<img src=x onerror=alert(1)>"
    schema = Schema(columns=[ColumnSchema(name=name, kind="number")])
    made = build_profile(train.assign(**{name: train["tenure"]}), schema, predictions, "m")
    assert made.columns[0].name == name
    assert "<img" not in finding_html(profile_table(made))


def test_of_two_probabilities_the_commoner_is_left_out() -> None:
    frame = pd.DataFrame({"row_id": ["a"], "proba_x": [0.3], "proba_y": [0.7]})
    assert list(prediction_columns(frame)) == ["proba_x"]


def test_of_three_probabilities_all_are_kept() -> None:
    assert list(prediction_columns(pd.DataFrame({"proba_a": [0.2], "proba_b": [0.3], "proba_c": [0.5]}))) == [
        "proba_a",
        "proba_b",
        "proba_c",
    ]


@pytest.mark.parametrize(
    ("kind", "scale"),
    [("number", "number"), ("date", "days"), ("text", "length"), ("boolean", "category"), ("constant", "category")],
)
def test_a_field_is_compared_as_its_kind(kind: str, scale: str) -> None:
    assert column_scale(ColumnSchema(name="a", kind=kind)) == scale  # type: ignore[arg-type]


def test_evidently_is_imported_only_when_a_profile_is_made_and_does_not_phone() -> None:
    code = (
        "import sys, os, socket\n"
        "import glassbox.monitoring.alarm_check, glassbox.monitoring.summary as s\n"
        "assert 'evidently' not in sys.modules\n"
        "def refuse(*a, **k): raise AssertionError('a connection')\n"
        "socket.socket.connect = refuse; socket.getaddrinfo = refuse\n"
        "import pandas as pd\n"
        "s.summaries(pd.DataFrame({'a': [1.0, 2.0]}), ['a'], [])\n"
        "assert os.environ['DO_NOT_TRACK'] == '1'\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "DO_NOT_TRACK"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr

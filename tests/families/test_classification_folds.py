"""Stratified cross-validation folds."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.errors import DataError
from glassbox.families.classification.folds import folds_table, groups_of, identity, make_folds


def table(n: int = 60) -> tuple[list[str], list[str]]:
    return [f"r{i}" for i in range(n)], ["yes" if i % 3 == 0 else "no" for i in range(n)]


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(40)))
def test_folds_do_not_depend_on_row_order(order: list[int]) -> None:
    ids, target = table(40)
    shuffled = make_folds([ids[i] for i in order], [target[i] for i in order], 4, seed=7)
    assert shuffled.equals(make_folds(ids, target, 4, seed=7))


def test_every_row_is_in_one_fold_and_folds_are_stratified() -> None:
    ids, target = table(60)
    folds = make_folds(ids, target, 5)
    assert sorted(folds["row_id"]) == sorted(ids)
    counts = pd.crosstab(folds["fold"], folds["row_id"].map(dict(zip(ids, target, strict=True))))
    assert counts["yes"].tolist() == [4] * 5
    assert counts["no"].tolist() == [8] * 5


def test_surplus_rows_of_the_classes_are_spread_over_the_folds() -> None:
    ids = [f"r{i}" for i in range(12)]
    folds = make_folds(ids, ["a"] * 4 + ["b"] * 4 + ["c"] * 4, 3)
    assert folds["fold"].value_counts().tolist() == [4, 4, 4]


def test_another_seed_gives_other_folds() -> None:
    ids, target = table()
    assert not make_folds(ids, target, 5, seed=1).equals(make_folds(ids, target, 5, seed=2))


def test_groups_stay_together() -> None:
    ids, target = table(60)
    groups = [f"g{i // 4}" for i in range(60)]
    folds = make_folds(ids, target, 3, groups=groups).set_index("row_id")["fold"]
    assert pd.Series(folds.reindex(ids).to_numpy()).groupby(groups).nunique().max() == 1


def test_a_class_with_too_few_rows_is_an_error() -> None:
    with pytest.raises(DataError, match="'rare' occurs in 2"):
        make_folds([f"r{i}" for i in range(20)], ["rare"] * 2 + ["no"] * 18, 5)


def test_repeats_of_a_row_share_an_identity_and_other_names_are_unchanged() -> None:
    assert identity("0123456789abcdef-12") == "0123456789abcdef"
    assert identity("0123456789abcde-1") == "0123456789abcde-1"
    assert identity("2024-01") == "2024-01"


def test_repeats_stay_together() -> None:
    train = pd.DataFrame({"row_id": ["0123456789abcdef", "0123456789abcdef-1", "x", "y"]})
    assert groups_of(train)[0] == groups_of(train)[1]


def test_repeats_are_not_grouped_when_most_rows_are_repeats() -> None:
    train = pd.DataFrame({"row_id": ["0123456789abcdef"] + [f"0123456789abcdef-{i}" for i in range(1, 9)]})
    assert len(set(groups_of(train))) == 9


def test_rows_with_the_same_name_stay_together() -> None:
    train = pd.DataFrame({"row_id": ["ann", "ann-1", "bob"], "who": ["ann", "ann", "bob"]})
    assert groups_of(train, row_name="who") == ["ann", "ann", "bob"]


def test_a_row_without_a_group_is_its_own_group() -> None:
    train = pd.DataFrame({"row_id": ["a", "b", "c", "d"], "house": ["h", None, "h", None]})
    groups = groups_of(train, group="house")
    assert groups[0] == groups[2]
    assert len(set(groups)) == 3


def test_folds_table_counts_the_rows_of_each_fold() -> None:
    ids, target = table(30)
    train = pd.DataFrame({"row_id": ids, "t": target})
    shown = folds_table(make_folds(ids, target, 3), train, "t", ["no", "yes"])
    assert shown.frame()["rows"].tolist() == [10, 10, 10]
    assert shown.frame()["yes"].tolist() == pytest.approx([0.4, 0.3, 0.3]) or shown.frame()["yes"].sum() == pytest.approx(1.0)

"""Whether data can answer a request: said before anything is learned, in the user's words."""

import pandas as pd
import pytest

from glassbox.data.target_checks import check_columns, check_parts, check_target
from glassbox.errors import DataError


def cells(*labels):
    return pd.DataFrame({"y": list(labels)}, dtype=object)


def test_all_names_that_are_not_there_come_together_with_the_nearest(ask):
    asked = ask(target="churned", id="custmer", features=["tenur"], allow=["zip"])
    with pytest.raises(DataError) as caught:
        check_columns(["customer", "tenure", "Churn"], asked)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "data.target",
        "data.id",
        "data.features",
        "data.allow",
    ]
    assert "Nearest: 'Churn'" in caught.value.problems[0]
    assert "Nearest: 'customer'" in caught.value.problems[1]
    assert caught.value.exit_code == 2


def test_the_target_cannot_be_a_feature(ask):
    with pytest.raises(DataError, match="is the target"):
        check_columns(["a", "y"], ask(features=["a", "y"]))


def test_a_table_of_a_target_alone_is_refused(ask):
    with pytest.raises(DataError, match="nothing is left to predict from"):
        check_columns(["k", "y"], ask(id="k"))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["a"] * 9, "is 'a' in all 9 rows"),
        (["1", "1.0", "1"], "nothing to tell apart"),
        ([str(i) for i in range(100)], "100 different numbers: a quantity"),
        ([f"{i}.5" for i in range(11)] * 9, "11 different numbers"),
        ([f"name {i}" for i in range(100)], "100 different values in 100 rows"),
    ],
)
def test_a_target_that_is_not_classes_is_refused(labels, words, ask):
    with pytest.raises(DataError, match=words):
        check_target(cells(*labels), ask())


@pytest.mark.parametrize("labels", [["a", "b"], ["0", "1"], [str(i) for i in range(10)] * 3])
def test_classes_are_taken_numbers_or_not(labels, ask):
    check_target(cells(*labels), ask())


def test_a_target_that_is_missing_everywhere_is_refused(ask):
    with pytest.raises(DataError, match="missing in all 7 rows"):
        check_target(cells(), ask(), dropped=7)


def test_fewer_rows_than_folds_are_refused(ask):
    with pytest.raises(DataError, match="fewer than the 5 folds"):
        check_target(cells("a", "b", "a"), ask(folds=5))


def test_a_positive_class_that_is_none_is_refused(ask):
    with pytest.raises(DataError, match="is never 'ja'; it is 'no', 'yes'"):
        check_target(cells("yes", "no"), ask(positive="ja"))
    check_target(cells("1.0", "0.0"), ask(positive="1"))


def test_a_class_with_fewer_rows_than_folds_is_named(ask):
    with pytest.raises(DataError) as caught:
        check_parts({"a": 50, "b": 1}, {"a": 9, "b": 1, "c": 1}, ask())
    assert ["'b' has 1 row" in caught.value.problems[0], "'c' has 0 rows" in caught.value.problems[1]] == [True, True]


def test_a_class_that_the_holdout_lacks_is_named(ask):
    with pytest.raises(DataError, match="'b' has no row in the holdout"):
        check_parts({"a": 50, "b": 5}, {"a": 9}, ask())

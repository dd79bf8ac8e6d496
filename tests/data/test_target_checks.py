"""Checks of the columns and the target of a request."""

import pandas as pd
import pytest

from glassbox.data.target_checks import check_columns, check_parts, check_target
from glassbox.errors import DataError


def cells(*labels):
    return pd.DataFrame({"y": list(labels)}, dtype=object)


def test_all_absent_columns_are_reported_together_with_the_nearest_names(make_request):
    request = make_request(target="churned", id="custmer", features=["tenur"], allow=["zip"])
    with pytest.raises(DataError) as caught:
        check_columns(["customer", "tenure", "Churn"], request)
    assert [problem.partition(":")[0] for problem in caught.value.problems] == [
        "data.target",
        "data.id",
        "data.features",
        "data.allow",
    ]
    assert "Nearest: 'Churn'" in caught.value.problems[0]
    assert "Nearest: 'customer'" in caught.value.problems[1]
    assert caught.value.exit_code == 2


def test_the_target_cannot_be_a_feature(make_request):
    with pytest.raises(DataError, match="is the target"):
        check_columns(["a", "y"], make_request(features=["a", "y"]))


def test_a_table_without_features_is_rejected(make_request):
    with pytest.raises(DataError, match="there is no feature besides the target"):
        check_columns(["k", "y"], make_request(id="k"))


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["a"] * 9, "is 'a' in all 9 rows"),
        (["1", "1.0", "1"], "at least two different values"),
        ([f"{i}.5" for i in range(100)], "100 different values in 100 rows.* look like a quantity"),
        ([f"name {i}" for i in range(100)], "100 different values in 100 rows"),
    ],
)
def test_a_target_without_usable_classes_is_rejected(labels, words, make_request):
    with pytest.raises(DataError, match=words):
        check_target(cells(*labels), make_request())


@pytest.mark.parametrize(
    "labels", [["a", "b"] * 3, ["0", "1"] * 3, [str(i) for i in range(60)] * 3, [f"intent {i}" for i in range(2000)] * 3]
)
def test_classes_may_be_words_or_numbers(labels, make_request):
    check_target(cells(*labels), make_request())


def test_a_target_that_is_always_missing_is_rejected(make_request):
    with pytest.raises(DataError, match="missing in all 7 rows"):
        check_target(cells(), make_request(), dropped=7)


def test_fewer_rows_than_folds_are_rejected(make_request):
    with pytest.raises(DataError, match="fewer than the 5 folds"):
        check_target(cells("a", "b", "a"), make_request(folds=5))


def test_an_unknown_positive_class_is_rejected(make_request):
    with pytest.raises(DataError, match="is never 'ja'; its values are 'no' and 'yes'"):
        check_target(cells(*["yes", "no"] * 3), make_request(positive="ja"))
    check_target(cells(*["1.0", "0.0"] * 3), make_request(positive="1"))
    check_target(cells(*["False", "True"] * 3), make_request(positive="true"))


def test_a_class_with_fewer_rows_than_folds_is_named(make_request):
    with pytest.raises(DataError) as caught:
        check_parts({"a": 50, "b": 1}, {"a": 9, "b": 1, "c": 1}, make_request())
    assert [
        "'b' has 1 row" in caught.value.problems[0],
        "'c' has 1 row in the holdout and none in train" in caught.value.problems[1],
    ] == [True, True]


def test_a_class_absent_from_the_holdout_is_named(make_request):
    with pytest.raises(DataError, match="'b' has 5 rows in train and none in the holdout"):
        check_parts({"a": 50, "b": 5}, {"a": 9}, make_request())

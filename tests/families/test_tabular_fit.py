from typing import Any

import numpy as np
import pandas as pd
import pytest

from glassbox.code_hash import code_closure
from glassbox.errors import DataError
from glassbox.families.classification.dataset import LabelledRows, codes_of, labelled_rows, positive_class
from glassbox.families.classification.folds import make_folds
from glassbox.families.shared.candidates import Candidate
from glassbox.families.tabular.fit import CODE, fit_fold
from glassbox.runtime.resources import Resources
from toy_tables import FULL, SMALL, customers, dataset, labelled

DUMMY = Candidate(name="dummy", kind="dummy")
FOREST = Candidate(name="forest", kind="random_forest", params={"n_estimators": 30})


class RecordingCache:
    """A cache that records its keys and stores nothing."""

    def __init__(self) -> None:
        self.parts: list[dict[str, Any]] = []

    def get_or_compute(self, parts, compute, code=()):  # type: ignore[no-untyped-def]
        self.parts.append(parts)
        return compute()


def test_the_row_order_does_not_matter() -> None:
    frame, schema = customers()
    folds = make_folds(frame["row_id"], frame["label"], 3)
    original = labelled_rows(frame, "label", schema.classes or [], folds)
    shuffled = labelled_rows(frame.sample(frac=1, random_state=3), "label", schema.classes or [], folds.iloc[::-1])
    assert original.digests == shuffled.digests
    assert original.row_ids == shuffled.row_ids
    assert original.frame.equals(shuffled.frame)


def test_digests_depend_on_values_and_types() -> None:
    def digest(values: list[object], dtype: str = "object") -> str:
        frame = pd.DataFrame({"row_id": ["a", "b"], "x": pd.Series(values, dtype=dtype), "y": ["n", "p"]})
        return labelled_rows(frame, "y", ["n", "p"]).digests["x"]

    digests = [
        digest(["a", "b"]), digest(["ab", ""]), digest(["", "ab"]), digest([None, "ab"]), digest(["-", "ab"]),
        digest([1.0, 2.0], "float64"), digest([1, 2], "datetime64[us]"),
    ]  # fmt: skip
    assert len(set(digests)) == len(digests)


def test_a_fold_is_predicted_by_a_model_that_was_not_trained_on_it() -> None:
    # With shuffled labels, out-of-fold predictions are uninformative; a model that was trained on the rows would memorise them.
    frame, _ = customers(400)
    frame["label"] = np.random.default_rng(0).permutation(frame["label"].to_numpy())
    data = labelled_rows(frame, "label", ["no", "yes"], make_folds(frame["row_id"], frame["label"], 2))
    proba = np.empty(400)
    for fold in data.folds:
        result = fit_fold(dataset(FULL, data), FOREST, fold, Resources())
        proba[data.fold == fold] = result["proba"][:, 1]
    assert abs(proba[data.y == 1].mean() - proba[data.y == 0].mean()) < 0.05


def test_the_cache_key_contains_everything_that_a_fit_depends_on() -> None:
    data, cache = labelled(60, k=2), RecordingCache()
    base: dict[str, Any] = {"kind": "logistic_regression", "params": {"C": 1.0}, "recipe": SMALL, "seed": 0, "threads": 1}
    changes: list[dict[str, Any]] = [
        {},
        {"kind": "dummy", "params": {}},
        {"params": {"C": 2.0}},
        {"recipe": SMALL.edited({"tenure": "log"})},
        {"seed": 1},
        {"threads": 2},
    ]

    def call(data: LabelledRows, fold: int, **change: Any) -> None:
        settings = {**base, **change}
        candidate = Candidate(name="any", kind=settings["kind"], params=settings["params"])
        resources = Resources(seed=settings["seed"], threads=settings["threads"], cache=cache)
        fit_fold(dataset(settings["recipe"], data), candidate, fold, resources)

    for change in changes:
        call(data, 0, **change)
    call(data, 1)
    call(labelled(60, seed=1, k=2), 0)
    assert len({str(parts) for parts in cache.parts}) == len(cache.parts)


def test_columns_outside_the_recipe_do_not_change_the_cache_key() -> None:
    frame, _ = customers(60)
    cache = RecordingCache()
    folds = make_folds(frame["row_id"], frame["label"], 2)
    for changed in (frame, frame.assign(spend=0.0)):
        data = labelled_rows(changed, "label", ["no", "yes"], folds)
        fit_fold(dataset(SMALL, data), DUMMY, 0, Resources(cache=cache))
    assert cache.parts[0] == cache.parts[1]


def test_the_reason_for_leaving_a_column_out_does_not_change_the_cache_key() -> None:
    cache = RecordingCache()
    for why in ("a", "b"):
        recipe = SMALL.model_copy(update={"left_out": {"town": why}})
        fit_fold(dataset(recipe, labelled(60, k=2)), DUMMY, 0, Resources(cache=cache))
    assert cache.parts[0] == cache.parts[1]


def test_presentation_code_is_not_part_of_the_cache_key() -> None:
    assert not {"glassbox.findings.model", "glassbox.findings.html", "glassbox.findings.plot_style"} & set(code_closure([CODE]))


def test_unknown_target_values_are_listed_in_the_error() -> None:
    with pytest.raises(DataError, match=r"'maybe', None; expected one of 'no', 'yes'"):
        codes_of(pd.Series(["no", "maybe", None], name="t", dtype=object), ["no", "yes"])


@pytest.mark.parametrize(
    ("target", "classes", "named", "expected"),
    [
        (["a", "a", "b"], ["a", "b"], None, "b"),
        (["a", "b", "b"], ["a", "b"], None, "a"),
        (["a", "b"], ["a", "b"], None, "b"),
        (["a", "a", "b"], ["a", "b"], "a", "a"),
        (["a", "b", "c"], ["a", "b", "c"], None, "c"),
    ],
)
def test_the_positive_class_is_the_requested_or_the_default_one(
    target: list[str], classes: list[str], named: str | None, expected: str
) -> None:
    assert positive_class(classes, pd.Series(target), named) == expected


def test_an_unknown_positive_class_is_an_error() -> None:
    with pytest.raises(DataError, match="'ja'; the target's classes are 'No', 'Yes'"):
        positive_class(["No", "Yes"], pd.Series(["No", "Yes"]), "ja")
    assert positive_class(["False", "True"], pd.Series(["True", "False"]), "true") == "True"


def test_rows_without_a_fold_are_an_error() -> None:
    frame, _ = customers(60)
    folds = make_folds(frame["row_id"], frame["label"], 2).head(50)
    with pytest.raises(DataError, match="10 rows of train have no fold"):
        labelled_rows(frame, "label", ["no", "yes"], folds)

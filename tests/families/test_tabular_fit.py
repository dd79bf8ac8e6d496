import numpy as np
import pandas as pd
import pytest

from glassbox.code_hash import code_closure
from glassbox.errors import DataError
from glassbox.families.classification.dataset import codes_of, positive_class, problem_of
from glassbox.families.classification.folds import make_folds
from glassbox.families.tabular.fit import CODE, fit_fold
from toy_tables import FULL, SMALL, customers, problem


class Notes:
    """Remembers what it was asked to remember."""

    def __init__(self) -> None:
        self.parts: list[dict[str, object]] = []

    def get_or_compute(self, parts, compute, code=()):  # type: ignore[no-untyped-def]
        self.parts.append(parts)
        return compute()


def test_order_of_rows_makes_no_difference() -> None:
    frame, schema = customers()
    folds = make_folds(frame["row_id"], frame["label"], 3)
    one = problem_of(frame, "label", schema.classes or [], folds)
    two = problem_of(frame.sample(frac=1, random_state=3), "label", schema.classes or [], folds.iloc[::-1])
    assert one.digests == two.digests
    assert one.row_ids == two.row_ids
    assert one.frame.equals(two.frame)


def test_digests_tell_values_names_and_types_apart() -> None:
    def digest(values: list[object], dtype: str = "object") -> str:
        frame = pd.DataFrame({"row_id": ["a", "b"], "x": pd.Series(values, dtype=dtype), "y": ["n", "p"]})
        return problem_of(frame, "y", ["n", "p"]).digests["x"]

    found = [
        digest(["a", "b"]), digest(["ab", ""]), digest(["", "ab"]), digest([None, "ab"]), digest(["-", "ab"]),
        digest([1.0, 2.0], "float64"), digest([1, 2], "datetime64[us]"),
    ]  # fmt: skip
    assert len(set(found)) == len(found)


def test_fold_is_judged_by_a_model_that_did_not_see_it() -> None:
    # With labels shuffled, nothing can be known out of fold; a model that saw the rows would know them by heart.
    frame, _ = customers(400)
    frame["label"] = np.random.default_rng(0).permutation(frame["label"].to_numpy())
    judged = problem_of(frame, "label", ["no", "yes"], make_folds(frame["row_id"], frame["label"], 2))
    proba = np.empty(400)
    for fold in judged.folds:
        found = fit_fold(judged, fold, "random_forest", {"n_estimators": 30}, FULL, seed=0)
        proba[judged.fold == fold] = found["proba"][:, 1]
    assert abs(proba[judged.y == 1].mean() - proba[judged.y == 0].mean()) < 0.05


def test_what_a_fit_depends_on_is_what_it_is_remembered_by() -> None:
    judged, notes = problem(60, k=2), Notes()
    base = {"kind": "logistic_regression", "params": {"C": 1.0}, "recipe": SMALL, "seed": 0, "threads": 1}
    changes: list[dict[str, object]] = [
        {},
        {"kind": "dummy", "params": {}},
        {"params": {"C": 2.0}},
        {"recipe": SMALL.edited({"tenure": "log"})},
        {"seed": 1},
        {"threads": 2},
    ]
    for change in changes:
        fit_fold(judged, 0, memo=notes, **{**base, **change})  # type: ignore[arg-type]
    fit_fold(judged, 1, memo=notes, **base)  # type: ignore[arg-type]
    fit_fold(problem(60, seed=1, k=2), 0, memo=notes, **base)  # type: ignore[arg-type]
    assert len({str(parts) for parts in notes.parts}) == len(notes.parts)


def test_columns_that_are_not_in_the_recipe_do_not_matter_to_memory() -> None:
    frame, _ = customers(60)
    notes = Notes()
    folds = make_folds(frame["row_id"], frame["label"], 2)
    for changed in (frame, frame.assign(spend=0.0)):
        fit_fold(problem_of(changed, "label", ["no", "yes"], folds), 0, "dummy", {}, SMALL, seed=0, memo=notes)
    assert notes.parts[0] == notes.parts[1]


def test_recipe_that_leaves_a_column_out_for_another_reason_is_the_same() -> None:
    notes = Notes()
    for why in ("a", "b"):
        fit_fold(problem(60, k=2), 0, "dummy", {}, SMALL.model_copy(update={"left_out": {"town": why}}), seed=0, memo=notes)
    assert notes.parts[0] == notes.parts[1]


def test_how_things_look_is_no_reason_to_fit_again() -> None:
    assert not {"glassbox.findings.model", "glassbox.findings.html", "glassbox.findings.plot_style"} & set(code_closure([CODE]))


def test_strange_targets_are_said() -> None:
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
def test_class_that_is_looked_for(target: list[str], classes: list[str], named: str | None, expected: str) -> None:
    assert positive_class(classes, pd.Series(target), named) == expected


def test_class_that_is_not_there_cannot_be_looked_for() -> None:
    with pytest.raises(DataError, match="'yes'; the target's classes are 'No', 'Yes'"):
        positive_class(["No", "Yes"], pd.Series(["No", "Yes"]), "yes")


def test_rows_without_fold_are_said() -> None:
    frame, _ = customers(60)
    folds = make_folds(frame["row_id"], frame["label"], 2).head(50)
    with pytest.raises(DataError, match="10 rows of train have no fold"):
        problem_of(frame, "label", ["no", "yes"], folds)

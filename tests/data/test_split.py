"""Properties of the split into train and holdout."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.data.split import hash_rows, in_holdout, split
from glassbox.errors import DataError
from glassbox.families.classification.folds import duplicates_across, groups_of, make_folds
from glassbox.request.model import Data, Request, Split

# These tests check the sides of rows, not the size of parts, so the task has no check of classes.
VALUE = st.sampled_from(["", "a", "b", "1", "1.0", " 1", "NA", "x\x1fy"])
ROWS = st.lists(st.tuples(VALUE, VALUE, st.sampled_from(["u", "v"])), min_size=8, max_size=40)


def request(task="other", split=None, **data):
    return Request(name="test", task=task, data=Data(path="x", target="y", **data), split=split or Split(holdout=0.4), folds=2)


def table_of(rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["a", "b", "y"], dtype=object)


def split_or_none(cells, request):
    """Split the cells; return None when one part is empty by chance."""
    try:
        return split(cells, request)
    except DataError:
        return None


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_every_row_is_in_exactly_one_part(rows):
    parts = split_or_none(table_of(rows), request())
    if parts is None:
        return
    both = pd.concat([parts.train, parts.holdout])
    assert sorted(map(tuple, both[["a", "b", "y"]].to_numpy())) == sorted(rows)
    assert both["row_id"].is_unique
    assert parts.table["row_id"].tolist() == sorted(both["row_id"])
    assert set(parts.table.loc[parts.table["part"] == "holdout", "row_id"]) == set(parts.holdout["row_id"])


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_duplicate_rows_are_on_the_same_side(rows):
    parts = split_or_none(table_of(rows), request())
    if parts is not None:
        assert (parts.table.groupby("content")["part"].nunique() == 1).all()


def block_of_identical_rows(size: int = 150, others: int = 350) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    labels = rng.choice(["u", "v"], size + others)
    names = ["same"] * size + [f"row {i}" for i in range(others)]
    return pd.DataFrame({"a": names, "b": "1", "y": labels}, dtype=object)


def test_a_large_block_of_identical_rows_is_divided_fairly() -> None:
    parts = split(block_of_identical_rows(), request(split=Split(holdout=0.2)))
    block = [len(part) for part in ((parts.train[parts.train["a"] == "same"]), parts.holdout[parts.holdout["a"] == "same"])]
    assert 0.1 < block[1] / sum(block) < 0.3
    assert "150 rows (30.0 %) are in 1 large block of rows with identical features" in " ".join(parts.notes)
    overlap = duplicates_across(parts.table)
    assert overlap.evidence is not None
    assert overlap.evidence.shared_rows == 0
    assert overlap.evidence.near_duplicate_rows == block[1]
    folds = make_folds(parts.train["row_id"], parts.train["y"], 5, groups=groups_of(parts.train))["fold"].value_counts()
    assert folds.max() - folds.min() <= 2


def test_rows_added_to_a_large_block_move_no_other_row() -> None:
    many = block_of_identical_rows(180)
    few = many.iloc[[*range(150), *range(180, len(many))]]
    before, after = split(few, request()).table, split(many.sample(frac=1, random_state=1), request()).table
    assert set(before["row_id"]) < set(after["row_id"])
    both = before.merge(after, on="row_id")
    assert (both["part_x"] == both["part_y"]).all()


def test_a_small_block_of_identical_rows_stays_together() -> None:
    parts = split(block_of_identical_rows(size=40), request())
    assert (parts.table.groupby("content")["part"].nunique() == 1).all()
    assert parts.notes == []


@settings(max_examples=100, deadline=None)
@given(ROWS, st.randoms(use_true_random=False))
def test_the_split_does_not_depend_on_the_order_of_rows_and_columns(rows, random):
    parts = split_or_none(table_of(rows), request())
    shuffled = list(rows)
    random.shuffle(shuffled)
    again = split_or_none(table_of(shuffled)[["y", "b", "a"]], request())
    assert (parts is None) == (again is None)
    if parts is not None and again is not None:
        pd.testing.assert_frame_equal(parts.train, again.train[parts.train.columns])
        pd.testing.assert_frame_equal(parts.holdout, again.holdout[parts.holdout.columns])
        assert parts.data_hash == again.data_hash


@settings(max_examples=100, deadline=None)
@given(ROWS, ROWS)
def test_added_rows_move_no_other_row(rows, more):
    few, many = split_or_none(table_of(rows), request()), split_or_none(table_of(rows + more), request())
    if few is not None and many is not None:
        sides = dict(zip(many.table["content"], many.table["part"], strict=True))
        assert all(sides[content] == part for content, part in zip(few.table["content"], few.table["part"], strict=True))


@settings(max_examples=100, deadline=None)
@given(ROWS)
def test_each_group_is_on_one_side(rows):
    parts = split_or_none(table_of(rows), request(split=Split(by="group", column="a", holdout=0.4)))
    if parts is not None:
        groups = [set(part["a"].str.strip()) - {"", "NA"} for part in (parts.train, parts.holdout)]
        assert not groups[0] & groups[1]


def test_rows_without_a_group_are_groups_of_their_own():
    cells = pd.DataFrame({"g": ["", " "] * 20, "a": [str(i) for i in range(40)], "y": "u"})
    parts = split(cells, request(split=Split(by="group", column="g", holdout=0.4)))
    assert min(len(parts.train), len(parts.holdout)) > 5
    assert parts.notes == ["40 rows without a group: each is split as a group of its own."]


def test_rows_are_identified_by_their_id(frame):
    parts = split(frame, request(id="customer"))
    assert parts.table["row_id"].tolist() == sorted(frame["customer"])
    expected = [int(hashlib.sha256(f"holdout:{i}".encode()).hexdigest()[:16], 16) / 2**64 < 0.4 for i in parts.table["row_id"]]
    assert (parts.table["part"] == "holdout").tolist() == expected


def test_rows_without_an_id_are_identified_by_their_content_without_the_target():
    cells = pd.DataFrame({"b": ["x"] * 3 + [str(i) for i in range(20)], "a": "1.0", "y": ["u", "v", "u"] + ["u"] * 20})
    parts = split(cells, request())
    identity = hashlib.sha256(b"1\x1fx").hexdigest()[:16]
    assert {identity, f"{identity}-1", f"{identity}-2"} <= set(parts.table["row_id"])
    both = pd.concat([parts.train, parts.holdout]).set_index("row_id")
    assert sorted([both.loc[identity, "y"], both.loc[f"{identity}-1", "y"], both.loc[f"{identity}-2", "y"]]) == ["u", "u", "v"]
    assert parts.table[parts.table["row_id"].str.startswith(identity)]["part"].nunique() == 1


def test_repeated_ids_stay_together_and_get_unique_row_ids():
    cells = pd.DataFrame({"k": ["p", "p", "p-1", "", *"abcdefgh"], "a": [str(i) for i in range(12)], "y": "u"})
    table = split(cells, request(id="k")).table
    assert table["row_id"].is_unique
    assert {"p", "p-1", "p-1'"} <= set(table["row_id"])
    assert table[table["row_id"].isin(["p", "p-1'"])]["part"].nunique() == 1


def test_the_holdout_has_about_the_requested_share():
    assert abs(np.mean([in_holdout(str(i), 0.2) for i in range(20_000)]) - 0.2) < 0.01


def test_the_split_does_not_depend_on_the_seed(frame):
    first, second = (split(frame, request().model_copy(update={"seed": seed})) for seed in (1, 2))
    pd.testing.assert_frame_equal(first.table, second.table)


def test_a_split_by_time_holds_out_rows_from_the_cutoff():
    cells = pd.DataFrame({"d": ["2020-01-03", "2020-01-01", "2020-01-02"], "y": ["u", "v", "u"]})
    parts = split(cells, request(split=Split(by="time", column="d", cutoff="2020-01-03")))
    assert (parts.holdout["d"].tolist(), len(parts.train)) == (["2020-01-03"], 2)


def test_a_split_by_time_without_a_cutoff_holds_out_the_latest_rows_and_notes_it():
    cells = pd.DataFrame({"d": [f"{day}.01.2020" for day in range(1, 11)], "y": "u"})
    parts = split(cells, request(split=Split(by="time", column="d", holdout=0.3)))
    assert sorted(parts.holdout["d"]) == ["10.01.2020", "8.01.2020", "9.01.2020"]
    assert "from 2020-01-08" in parts.notes[0]


def test_the_time_column_may_hold_numbers():
    cells = pd.DataFrame({"d": ["1999", "2000", "2001"], "y": "u"})
    assert split(cells, request(split=Split(by="time", column="d", cutoff="2001"))).holdout["d"].tolist() == ["2001"]


def test_a_split_by_column_uses_the_official_parts():
    cells = pd.DataFrame({"s": ["train", "Test", "valid", "train"], "a": list("1234"), "y": "u"})
    parts = split(cells, request(split=Split(by="column", column="s")))
    assert parts.holdout["a"].tolist() == ["2"]


def test_an_unknown_part_is_rejected():
    cells = pd.DataFrame({"s": ["train", "perhaps"], "y": "u"})
    with pytest.raises(DataError, match="'perhaps'; expected words"):
        split(cells, request(split=Split(by="column", column="s")))


@pytest.mark.parametrize("part", ["train", "test"])
def test_an_empty_part_is_rejected(part):
    with pytest.raises(DataError, match="both need rows"):
        split(pd.DataFrame({"s": [part] * 3, "y": "u"}), request(split=Split(by="column", column="s")))


def test_rows_of_a_class_that_is_too_rare_in_a_part_are_left_out_or_named(frame):
    frame.loc[0, "y"] = "perhaps"
    parts = split(frame, request("classification", id="customer"))
    assert [(reason.partition(" has")[0], mask.sum()) for reason, mask in parts.left_out.items()] == [("the class 'perhaps'", 1)]
    assert "perhaps" not in {*parts.train["y"], *parts.holdout["y"]}
    assert len(parts.table) == len(frame) - 1
    with pytest.raises(DataError, match="the class 'perhaps' has 1 row"):
        split(frame, request("classification", id="customer", rare_classes="keep"))


def test_a_rare_class_is_in_both_parts_and_added_rows_move_no_other(frame):
    frame["y"] = ["rare" if i % 20 == 3 else "common" for i in range(len(frame))]  # ten rows
    sides = {}
    for seed in range(30):
        rows = frame.assign(customer=[f"{seed}-{i}" for i in range(len(frame))])
        parts = split(rows, request("classification", id="customer"))
        assert 2 <= (parts.holdout["y"] == "rare").sum() <= 8  # half and twice the requested share of 0.4
        sides[seed] = parts.table.set_index("row_id")["part"]
    more = pd.concat([rows, rows.assign(customer=[f"new-{i}" for i in range(len(rows))])], ignore_index=True)
    later = split(more, request("classification", id="customer")).table.set_index("row_id")["part"]
    moved = later[sides[29].index] != sides[29]
    assert moved.sum() <= 2


def test_the_holdout_of_an_official_split_can_be_named(frame):
    frame["fold"] = ["2019", "2020", "2021", "2022"] * 50
    named = Split(by="column", column="fold", holdout_values=["2022"])
    assert set(split(frame, request(split=named)).holdout["fold"]) == {"2022"}
    with pytest.raises(DataError, match=r"split\.holdout_values: 'fold' is never '2023'; its values are '2019'"):
        split(frame, request(split=Split(by="column", column="fold", holdout_values=["2023"])))
    with pytest.raises(DataError, match=r"or the values of the holdout in split\.holdout_values"):
        split(frame, request(split=Split(by="column", column="fold")))


def test_a_validation_part_is_the_holdout_where_there_is_no_test_part(frame):
    frame["part"] = ["train", "train", "valid", "train"] * 50
    parts = split(frame, request(split=Split(by="column", column="part")))
    assert set(parts.holdout["part"]) == {"valid"}
    assert parts.notes == ["'part' has no test part, so 'valid' is the holdout; split.holdout_values changes this."]


def test_an_id_named_row_id_occurs_once(frame):
    cells = frame.rename(columns={"customer": "row_id.2"})
    parts = split(cells, request(id="row_id"))
    assert parts.train["row_id"].str.startswith("C-").all()
    assert "row_id.2" not in parts.train


def test_rows_without_columns_have_the_same_hash():
    assert len(set(hash_rows([], 3))) == 1

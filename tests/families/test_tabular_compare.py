from pathlib import Path

import numpy as np
import pytest

from glassbox.errors import GlassboxError
from glassbox.families.classification.compare import run_of
from glassbox.families.classification.dataset import problem_of
from glassbox.families.classification.folds import make_folds
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.leaderboard import candidate_in, leaderboard_frame, leaderboard_table, timing_table
from glassbox.families.tabular.compare import compare
from glassbox.families.tabular.imbalance import imbalance
from glassbox.files import canonical_json
from glassbox.runtime.result_cache import ResultCache
from toy_tables import FULL, SMALL, customers, problem

DUMMY = Candidate(name="dummy", kind="dummy")
LINEAR = Candidate(name="linear", kind="logistic_regression")
FOREST = Candidate(name="forest", kind="random_forest", params={"n_estimators": 20, "min_samples_leaf": 3})
BROKEN = Candidate(name="broken", kind="random_forest", params={"no_such_thing": 1})


def board(*tried: Candidate, **options: object):  # type: ignore[no-untyped-def]
    return compare(tried, SMALL, problem(), resamples=50, **options).leaderboard  # type: ignore[arg-type]


def test_best_stands_first_and_the_dummy_behind() -> None:
    found = board(DUMMY, LINEAR)
    assert [row["candidate"] for row in found["rows"]] == ["linear", "dummy"]
    assert found["leader"] == "linear"
    assert found["rows"][1]["behind"]["low"] > 0
    assert found["tied"] == []


def test_less_is_better_where_it_is() -> None:
    found = board(DUMMY, LINEAR, metric="log_loss")
    assert [row["candidate"] for row in found["rows"]] == ["linear", "dummy"]


def test_those_not_told_apart_are_named_with_the_simplest_and_the_most_flexible() -> None:
    small = problem(45)  # too few rows to tell them apart
    found = compare([FOREST, LINEAR], SMALL, small, resamples=200).leaderboard
    assert set(found["tied"]) | {found["leader"]} == {"linear", "forest"}
    assert candidate_in(found, "simplest") == LINEAR
    assert candidate_in(found, "chosen") == FOREST


def test_dummy_is_not_the_simplest_of_equals() -> None:
    # Nothing is to be learnt here, so the dummy is level with the others; but it cannot be told what to do with a row.
    frame, schema = customers(120)
    frame["label"] = np.random.default_rng(1).permutation(frame["label"].to_numpy())
    judged = problem_of(frame, "label", schema.classes or [], make_folds(frame["row_id"], frame["label"], 3))
    found = compare([LINEAR, FOREST, DUMMY], SMALL, judged, resamples=50).leaderboard
    assert "dummy" in found["tied"]
    assert found["simplest"]["name"] != "dummy"


def test_candidate_that_fails_is_a_row_with_its_reason_and_the_others_go_on() -> None:
    found = board(BROKEN, LINEAR)
    row = found["rows"][-1]
    assert row["candidate"] == "broken"
    assert "no_such_thing" in row["note"]
    assert row["scores"] == {}
    assert "Failed: broken" in leaderboard_table(found).say
    assert leaderboard_frame(found)["value"].isna().tolist() == [False, True]


def test_unknown_kind_is_a_row_with_its_reason() -> None:
    assert "No kind of model 'oracle'" in board(Candidate(name="o", kind="oracle"), LINEAR)["rows"][-1]["note"]


def test_none_that_can_be_fitted_is_an_error() -> None:
    with pytest.raises(GlassboxError, match="broken: TypeError"):
        board(BROKEN)


def test_two_of_one_name_are_an_error() -> None:
    with pytest.raises(GlassboxError, match="'linear' is used more than once"):
        board(LINEAR, LINEAR)


def test_workers_make_no_difference() -> None:
    one, three = (compare([LINEAR, FOREST, BROKEN], FULL, problem(), resamples=20, workers=n) for n in (1, 3))
    assert canonical_json(one.leaderboard) == canonical_json(three.leaderboard)
    assert one.oof.equals(three.oof)


def test_what_was_fitted_is_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memo = ResultCache(tmp_path, {})
    first = compare([LINEAR, FOREST], SMALL, problem(), resamples=20, memo=memo)
    monkeypatch.setattr("glassbox.families.tabular.fit.fit", lambda *_, **__: pytest.fail("fitted again"))
    second = compare([LINEAR, FOREST], SMALL, problem(), resamples=20, memo=memo)
    assert canonical_json(first.leaderboard) == canonical_json(second.leaderboard)
    assert first.oof.equals(second.oof)


def test_failure_is_not_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memo = ResultCache(tmp_path, {})
    with monkeypatch.context() as context:
        context.setattr("glassbox.families.tabular.fit.fit", lambda *_, **__: (_ for _ in ()).throw(MemoryError("full")))
        with pytest.raises(GlassboxError, match="MemoryError: full"):
            compare([LINEAR], SMALL, problem(), memo=memo)
    assert compare([LINEAR], SMALL, problem(), resamples=20, memo=memo).leaderboard["leader"] == "linear"


def test_out_of_fold_predictions_are_there_for_every_row_and_come_back() -> None:
    judged = problem()
    found = compare([LINEAR, DUMMY], SMALL, judged, resamples=20)
    assert found.oof.columns.tolist() == ["candidate", "row_id", "proba_no", "proba_yes"]
    assert found.oof.groupby("candidate").size().to_dict() == {"dummy": 240, "linear": 240}
    again = run_of(LINEAR, found.oof.sample(frac=1, random_state=0), judged)
    first = found.oof[found.oof["candidate"] == "linear"]
    assert np.array_equal(again.proba, first[["proba_no", "proba_yes"]].to_numpy())  # type: ignore[arg-type]


def test_timing_stands_apart() -> None:
    found = compare([LINEAR, DUMMY], SMALL, problem(), resamples=20)
    assert "fit_s" not in canonical_json(found.leaderboard)
    assert timing_table(found.timing).frame()["candidate"].tolist() == ["linear", "dummy"]


def test_progress_counts_every_fit() -> None:
    seen: list[tuple[int, int, str]] = []
    compare([LINEAR, DUMMY], SMALL, problem(), resamples=20, progress=lambda *step: seen.append(step))
    assert [(done, total) for done, total, _ in seen] == [(i, 6) for i in range(1, 7)]
    assert seen[-1][2] == "dummy, fold 3 of 3"


def test_several_classes_are_compared() -> None:
    found = compare([LINEAR, DUMMY], FULL, problem(classes=3), resamples=20)
    assert found.leaderboard["leader"] == "linear"
    assert found.oof.columns.tolist()[2:] == ["proba_c0", "proba_c1", "proba_c2"]


def test_leaderboard_table_starts_with_the_candidate_and_its_interval() -> None:
    shown = leaderboard_table(board(LINEAR, DUMMY))
    assert [column.name for column in shown.columns][:4] == ["candidate", "roc_auc", "low", "high"]
    assert shown.columns[-1].name == "note"
    assert shown.best == 0


def test_imbalance_test_says_how_rare_the_rarest_is() -> None:
    shown = imbalance(problem(), SMALL, resamples=50)
    assert "The rarest class, " in shown.say
    assert shown.frame()["classes"].tolist() == ["as they are", "weighed evenly"]

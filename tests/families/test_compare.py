from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassbox.errors import GlassboxError
from glassbox.families.classification.dataset import LabelledRows, labelled_rows
from glassbox.families.classification.folds import make_folds
from glassbox.families.classification.scorer import ProbabilityScorer
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.compare import Comparison, saved_run
from glassbox.families.shared.compare import compare as compare_family
from glassbox.families.shared.leaderboard import leaderboard_frame, leaderboard_table, timing_table
from glassbox.families.tabular.family import FAMILY
from glassbox.families.tabular.imbalance import imbalance
from glassbox.families.tabular.recipe import Recipe
from glassbox.files import canonical_json
from glassbox.findings.model import Table
from glassbox.runtime.resources import Resources
from glassbox.runtime.result_cache import ResultCache
from toy_tables import FULL, SMALL, customers, dataset, effort, labelled

DUMMY = Candidate(name="dummy", kind="dummy")
LINEAR = Candidate(name="linear", kind="logistic_regression")
FOREST = Candidate(name="forest", kind="random_forest", params={"n_estimators": 20, "min_samples_leaf": 3})
BROKEN = Candidate(name="broken", kind="random_forest", params={"no_such_thing": 1})


def compare(
    candidates: Sequence[Candidate],
    recipe: Recipe,
    data: LabelledRows,
    *,
    metric: str = "roc_auc",
    resamples: int = 50,
    **resources: Any,
) -> Comparison:
    settings = effort(resamples=resamples)
    return compare_family(FAMILY, dataset(recipe, data), candidates, metric, settings, Resources(**resources))


def board(*candidates: Candidate, **options: Any) -> dict[str, Any]:
    return compare(candidates, SMALL, labelled(), **options).leaderboard


def table(leaderboard: dict[str, Any]) -> Table:
    return leaderboard_table(leaderboard, FAMILY.leaderboard_metrics, note=FAMILY.leaderboard_note)


def test_the_leaderboard_ranks_the_best_candidate_first() -> None:
    result = board(DUMMY, LINEAR)
    assert [row["candidate"] for row in result["rows"]] == ["linear", "dummy"]
    assert result["leader"] == "linear"
    assert result["rows"][1]["behind"]["low"] > 0
    assert result["tied"] == []


def test_a_loss_is_ranked_in_ascending_order() -> None:
    result = board(DUMMY, LINEAR, metric="log_loss")
    assert [row["candidate"] for row in result["rows"]] == ["linear", "dummy"]


def test_tied_candidates_are_listed() -> None:
    small = labelled(45)  # too few rows to separate them
    result = compare([FOREST, LINEAR], SMALL, small, resamples=200).leaderboard
    assert set(result["tied"]) | {result["leader"]} == {"linear", "forest"}
    values = [row["scores"]["roc_auc"]["value"] for row in result["rows"]]
    near = abs(values[0] - values[1]) <= 0.05 * abs(values[0] - values[-1])
    assert result["chosen"]["name"] == ("forest" if near else result["leader"])


def test_the_most_flexible_of_nearly_equal_candidates_is_tuned() -> None:
    small_forest = Candidate(name="small forest", kind="random_forest", params={"n_estimators": 60, "min_samples_leaf": 20})
    result = board(DUMMY, LINEAR, small_forest)
    values = {row["candidate"]: row["scores"]["roc_auc"]["value"] for row in result["rows"]}
    near = abs(values["linear"] - values["small forest"]) <= 0.05 * (max(values.values()) - values["dummy"])
    assert result["chosen"]["name"] == ("small forest" if near else result["leader"])


def test_a_dummy_is_never_tuned() -> None:
    # The labels are shuffled, so the dummy is tied with the others; but it ignores the features.
    frame, schema = customers(120)
    frame["label"] = np.random.default_rng(1).permutation(frame["label"].to_numpy())
    data = labelled_rows(frame, "label", schema.classes or [], make_folds(frame["row_id"], frame["label"], 3))
    result = compare([LINEAR, FOREST, DUMMY], SMALL, data, resamples=50).leaderboard
    assert "dummy" in [result["leader"], *result["tied"]]
    assert result["chosen"]["name"] != "dummy"


def test_a_failed_candidate_is_a_row_with_its_reason() -> None:
    result = board(BROKEN, LINEAR)
    row = result["rows"][-1]
    assert row["candidate"] == "broken"
    assert "no_such_thing" in row["note"]
    assert row["scores"] == {}
    assert "Failed: broken" in table(result).say
    assert leaderboard_frame(result)["value"].isna().tolist() == [False, True]


def test_an_unknown_kind_is_a_row_with_its_reason() -> None:
    assert "Unknown kind of model 'oracle'" in board(Candidate(name="o", kind="oracle"), LINEAR)["rows"][-1]["note"]


def test_an_error_is_raised_when_every_candidate_fails() -> None:
    with pytest.raises(GlassboxError, match="broken: TypeError"):
        board(BROKEN)


def test_duplicate_candidate_names_are_an_error() -> None:
    with pytest.raises(GlassboxError, match="'linear' is used more than once"):
        board(LINEAR, LINEAR)


def test_the_number_of_workers_does_not_change_the_result() -> None:
    one, three = (compare([LINEAR, FOREST, BROKEN], FULL, labelled(), resamples=20, workers=n) for n in (1, 3))
    assert canonical_json(one.leaderboard) == canonical_json(three.leaderboard)
    assert one.oof.equals(three.oof)


def test_fits_are_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = ResultCache(tmp_path, {})
    first = compare([LINEAR, FOREST], SMALL, labelled(), resamples=20, cache=cache)
    monkeypatch.setattr("glassbox.families.tabular.fit.fit", lambda *_, **__: pytest.fail("fitted again"))
    second = compare([LINEAR, FOREST], SMALL, labelled(), resamples=20, cache=cache)
    assert canonical_json(first.leaderboard) == canonical_json(second.leaderboard)
    assert first.oof.equals(second.oof)


def test_failures_are_not_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = ResultCache(tmp_path, {})
    with monkeypatch.context() as context:
        context.setattr("glassbox.families.tabular.fit.fit", lambda *_, **__: (_ for _ in ()).throw(MemoryError("full")))
        with pytest.raises(GlassboxError, match="MemoryError: full"):
            compare([LINEAR], SMALL, labelled(), cache=cache)
    assert compare([LINEAR], SMALL, labelled(), resamples=20, cache=cache).leaderboard["leader"] == "linear"


def test_out_of_fold_predictions_cover_every_row_and_round_trip() -> None:
    data = labelled()
    result = compare([LINEAR, DUMMY], SMALL, data, resamples=20)
    assert result.oof.columns.tolist() == ["candidate", "row_id", "proba_no", "proba_yes"]
    assert result.oof.groupby("candidate").size().to_dict() == {"dummy": 240, "linear": 240}
    scorer = ProbabilityScorer(data, "roc_auc", resamples=20, seed=0)
    again = saved_run(LINEAR, result.oof.sample(frac=1, random_state=0), scorer)
    first = result.oof[result.oof["candidate"] == "linear"]
    assert np.array_equal(again.oof, first[["proba_no", "proba_yes"]].to_numpy())


def test_timing_is_separate_from_the_leaderboard() -> None:
    result = compare([LINEAR, DUMMY], SMALL, labelled(), resamples=20)
    assert "fit_s" not in canonical_json(result.leaderboard)
    assert timing_table(result.timing).frame()["candidate"].tolist() == ["linear", "dummy"]


def test_progress_counts_every_fit() -> None:
    seen: list[tuple[int, int, str]] = []
    compare([LINEAR, DUMMY], SMALL, labelled(), resamples=20, progress=lambda *step: seen.append(step))
    assert [(done, total) for done, total, _ in seen] == [(i, 6) for i in range(1, 7)]
    assert seen[-1][2] == "dummy, fold 3 of 3"


def test_candidates_are_compared_on_several_classes() -> None:
    result = compare([LINEAR, DUMMY], FULL, labelled(classes=3), resamples=20)
    assert result.leaderboard["leader"] == "linear"
    assert result.oof.columns.tolist()[2:] == ["proba_c0", "proba_c1", "proba_c2"]


def test_leaderboard_table_starts_with_the_candidate_and_its_interval() -> None:
    shown = table(board(LINEAR, DUMMY))
    assert [column.name for column in shown.columns][:4] == ["candidate", "roc_auc", "low", "high"]
    assert shown.columns[-1].name == "note"
    assert shown.best == 0


def test_the_imbalance_table_reports_the_rarest_class() -> None:
    shown = imbalance(dataset(), "roc_auc", effort(), Resources())
    assert "The rarest class, " in shown.say
    assert shown.frame()["class weights"].tolist() == ["unweighted", "balanced"]

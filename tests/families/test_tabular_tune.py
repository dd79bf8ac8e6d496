import json
from pathlib import Path

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from glassbox.errors import GlassboxError
from glassbox.families.classification import compare
from glassbox.families.classification import tune as module
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.tuning import Tuning, best_table, distributions, gain_estimates, search_note
from glassbox.families.tabular.compare import run_candidates
from glassbox.families.tabular.tune import tune
from glassbox.files import canonical_json
from glassbox.runtime.result_cache import ResultCache
from toy_tables import SMALL, problem

LINEAR = Candidate(name="linear", kind="logistic_regression", params={"C": 1.0})
POOR = Candidate(name="poor", kind="lightgbm", params={"n_estimators": 1, "min_data_in_leaf": 100, "num_leaves": 2})
SPACE = {"C": {"low": 0.001, "high": 100.0, "log": True}, "class_weight": [None, "balanced"]}
ROOMY = {"n_estimators": {"low": 10, "high": 60}, "min_data_in_leaf": {"low": 5, "high": 100}}


def search(candidate: Candidate = LINEAR, space: object = SPACE, **options: object) -> Tuning:
    return tune(candidate, space, SMALL, problem(), resamples=50, **{"trials": 6, "seed": 1, **options})  # type: ignore[arg-type]


def test_plain_values_become_distributions() -> None:
    assert distributions({"a": {"low": 1, "high": 9}, "b": {"low": 0.1, "high": 1, "log": True}, "c": [None, "x"]}) == {
        "a": IntDistribution(1, 9),
        "b": FloatDistribution(0.1, 1.0, log=True),
        "c": CategoricalDistribution((None, "x")),
    }


def test_space_that_cannot_be_read_is_told_whole() -> None:
    with pytest.raises(GlassboxError, match=r"a: .*high.*; b: .*no choices.*; c: .*unknown lg"):
        distributions({"a": {"low": 1}, "b": [], "c": {"low": 1, "high": 2, "lg": True}})


def test_first_trial_is_the_default_and_the_best_so_far_never_falls() -> None:
    found = search()
    assert found.trials["number"].tolist() == list(range(6))
    assert json.loads(found.trials["params"].iloc[0]) == {"C": 1.0}
    assert found.trials["value"].iloc[0] == found.default
    assert found.trials["best"].is_monotonic_increasing
    assert found.trials["best"].iloc[-1] == found.trials["value"].max()


def test_best_so_far_falls_where_less_is_better() -> None:
    found = search(metric="log_loss")
    assert found.trials["best"].is_monotonic_decreasing
    assert found.trials["best"].iloc[-1] == found.trials["value"].min()


def test_hyperparameters_lie_in_the_space_and_keep_what_it_does_not_name() -> None:
    found = search(POOR, {"n_estimators": {"low": 5, "high": 7}})
    asked = [json.loads(params) for params in found.trials["params"].iloc[1:]]
    assert all(5 <= params["n_estimators"] <= 7 for params in asked)
    assert all(params["num_leaves"] == 2 for params in asked)


def test_search_that_was_cut_goes_on_as_if_it_was_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = search()
    memo, run = ResultCache(tmp_path, {}), compare.run_candidates

    def cut(tried: list[Candidate], *rest: object, **options: object) -> object:
        if tried[0].name == "trial 4":
            raise KeyboardInterrupt
        return run(tried, *rest, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as context:
        context.setattr(module, "run_candidates", cut)
        with pytest.raises(KeyboardInterrupt):
            search(memo=memo)
    before = {path.name for path in tmp_path.rglob("*.json")}
    assert len(before) == 4 * 3  # four trials on three folds
    resumed = search(memo=memo)
    assert resumed.trials.equals(whole.trials)
    assert canonical_json(resumed.best) == canonical_json(whole.best)
    assert len(list(tmp_path.rglob("*.json"))) == 6 * 3


def test_more_trials_begin_with_the_same_ones() -> None:
    # The share drawn at random depends on the number of trials, so only searches with as many random ones are alike.
    few, many = search(trials=4), search(trials=8)
    assert few.trials["params"].tolist() == many.trials["params"].tolist()[:4]


def test_another_seed_asks_for_other_trials() -> None:
    assert search(seed=1).trials["params"].tolist() != search(seed=2).trials["params"].tolist()


def test_clear_gain_is_taken() -> None:
    found = search(POOR, ROOMY)
    assert found.gain.low is not None
    assert found.gain.low > 0
    assert found.best["tuned"]
    assert found.best["params"]["n_estimators"] > 1
    assert "taken as tuned" in gain_estimates(found).say


def test_no_gain_keeps_the_default() -> None:
    found = search(space={"max_iter": {"low": 500, "high": 600}})  # it changes nothing
    assert not found.best["tuned"]
    assert found.best["params"] == LINEAR.params
    assert (found.gain.value, found.gain.low) == (0, 0)
    assert "defaults are kept" in gain_estimates(found).say


def test_gain_that_may_be_chance_is_not_taken() -> None:
    found = search(LINEAR.model_copy(update={"params": {"C": 0.3}}), {"C": {"low": 0.1, "high": 0.6, "log": True}}, trials=12)
    assert found.gain.value is not None
    assert found.gain.low is not None
    assert found.gain.value > 0 >= found.gain.low
    assert found.best["params"] == {"C": 0.3}


def test_simplest_is_taken_unless_it_is_beaten() -> None:
    [rival] = run_candidates([LINEAR], SMALL, problem(), seed=1)
    found = search(POOR, ROOMY, simplest=rival)
    assert found.best["candidate"] == "linear"
    assert found.best["searched"] == "poor"
    assert found.best["params"] == LINEAR.params
    assert not found.best["tuned"]
    assert found.oof["proba_yes"].tolist() == rival.proba[:, 1].tolist()  # type: ignore[index]
    assert "linear" in gain_estimates(found).say


def test_simplest_that_is_beaten_is_left_behind() -> None:
    [rival] = run_candidates([Candidate(name="dull", kind="dummy")], SMALL, problem(), seed=1)
    found = search(POOR, ROOMY, simplest=rival)
    assert found.best["candidate"] == "poor"
    assert found.over_simplest is not None
    assert found.over_simplest.low is not None
    assert found.over_simplest.low > 0


def test_trial_that_fails_is_a_row_with_its_reason() -> None:
    found = search(space={"C": [1.0, -1.0]}, trials=8)
    failed = found.trials[found.trials["value"].isna()]
    assert len(failed) > 0
    assert failed["note"].str.contains("InvalidParameterError").all()
    assert found.best["params"] == {"C": 1.0}


def test_default_that_cannot_be_fitted_is_an_error() -> None:
    with pytest.raises(GlassboxError, match="cannot be fitted, so it cannot be tuned"):
        search(LINEAR.model_copy(update={"params": {"C": -1.0}}))


def test_nothing_to_search_is_one_trial() -> None:
    found = search(Candidate(name="dull", kind="dummy"), {})
    assert len(found.trials) == 1
    assert found.importances == {}


def test_importances_add_up_to_one_and_name_what_matters() -> None:
    stump = Candidate(name="stump", kind="lightgbm", params={"n_estimators": 1, "num_leaves": 2})
    found = search(stump, {"n_estimators": {"low": 1, "high": 60}, "max_bin_by_feature_unused": {"low": 1, "high": 3}}, trials=14)
    assert sum(found.importances.values()) == pytest.approx(1)
    assert next(iter(found.importances)) == "n_estimators"


def test_findings_are_made_of_a_search() -> None:
    found = search()
    assert best_table(found).frame()["hyperparameter"].tolist() == ["C", "class_weight"]
    assert "gain in ROC-AUC over the default" in gain_estimates(found).values
    assert search_note(SPACE, 6, LINEAR).lines == [
        "C: 0.001 to 100.0 on a logarithmic scale",
        "class_weight: one of None, balanced",
    ]

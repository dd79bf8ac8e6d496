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


def test_a_search_space_becomes_distributions() -> None:
    assert distributions({"a": {"low": 1, "high": 9}, "b": {"low": 0.1, "high": 1, "log": True}, "c": [None, "x"]}) == {
        "a": IntDistribution(1, 9),
        "b": FloatDistribution(0.1, 1.0, log=True),
        "c": CategoricalDistribution((None, "x")),
    }


def test_all_errors_of_a_search_space_are_reported_together() -> None:
    with pytest.raises(GlassboxError, match=r"a: .*high.*; b: .*no choices.*; c: .*unknown lg"):
        distributions({"a": {"low": 1}, "b": [], "c": {"low": 1, "high": 2, "lg": True}})


def test_the_first_trial_is_the_default_and_the_best_value_never_falls() -> None:
    tuning = search()
    assert tuning.trials["number"].tolist() == list(range(6))
    assert json.loads(tuning.trials["params"].iloc[0]) == {"C": 1.0}
    assert tuning.trials["value"].iloc[0] == tuning.default
    assert tuning.trials["best"].is_monotonic_increasing
    assert tuning.trials["best"].iloc[-1] == tuning.trials["value"].max()


def test_the_best_value_never_rises_for_a_loss() -> None:
    tuning = search(metric="log_loss")
    assert tuning.trials["best"].is_monotonic_decreasing
    assert tuning.trials["best"].iloc[-1] == tuning.trials["value"].min()


def test_trials_stay_in_the_space_and_keep_other_hyperparameters() -> None:
    tuning = search(POOR, {"n_estimators": {"low": 5, "high": 7}})
    trials = [json.loads(params) for params in tuning.trials["params"].iloc[1:]]
    assert all(5 <= params["n_estimators"] <= 7 for params in trials)
    assert all(params["num_leaves"] == 2 for params in trials)


def test_an_interrupted_search_resumes_with_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    complete = search()
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
    assert resumed.trials.equals(complete.trials)
    assert canonical_json(resumed.best) == canonical_json(complete.best)
    assert len(list(tmp_path.rglob("*.json"))) == 6 * 3


def test_a_longer_search_begins_with_the_same_trials() -> None:
    # The number of random trials depends on the total, so only searches with equally many random trials are comparable.
    few, many = search(trials=4), search(trials=8)
    assert few.trials["params"].tolist() == many.trials["params"].tolist()[:4]


def test_another_seed_gives_other_trials() -> None:
    assert search(seed=1).trials["params"].tolist() != search(seed=2).trials["params"].tolist()


def test_a_significant_gain_selects_the_tuned_hyperparameters() -> None:
    tuning = search(POOR, ROOMY)
    assert tuning.gain.low is not None
    assert tuning.gain.low > 0
    assert tuning.best["tuned"]
    assert tuning.best["params"]["n_estimators"] > 1
    assert "taken as tuned" in gain_estimates(tuning).say


def test_without_a_gain_the_default_is_selected() -> None:
    tuning = search(space={"max_iter": {"low": 500, "high": 600}})  # it changes nothing
    assert not tuning.best["tuned"]
    assert tuning.best["params"] == LINEAR.params
    assert (tuning.gain.value, tuning.gain.low) == (0, 0)
    assert "defaults are kept" in gain_estimates(tuning).say


def test_a_gain_that_is_not_significant_is_ignored() -> None:
    tuning = search(LINEAR.model_copy(update={"params": {"C": 0.3}}), {"C": {"low": 0.1, "high": 0.6, "log": True}}, trials=12)
    assert tuning.gain.value is not None
    assert tuning.gain.low is not None
    assert tuning.gain.value > 0 >= tuning.gain.low
    assert tuning.best["params"] == {"C": 0.3}


def test_the_simplest_candidate_is_selected_unless_it_is_significantly_worse() -> None:
    [rival] = run_candidates([LINEAR], SMALL, problem(), seed=1)
    tuning = search(POOR, ROOMY, simplest=rival)
    assert tuning.best["candidate"] == "linear"
    assert tuning.best["searched"] == "poor"
    assert tuning.best["params"] == LINEAR.params
    assert not tuning.best["tuned"]
    assert tuning.oof["proba_yes"].tolist() == rival.proba[:, 1].tolist()  # type: ignore[index]
    assert "linear" in gain_estimates(tuning).say


def test_a_significantly_worse_simplest_candidate_is_not_selected() -> None:
    [rival] = run_candidates([Candidate(name="dull", kind="dummy")], SMALL, problem(), seed=1)
    tuning = search(POOR, ROOMY, simplest=rival)
    assert tuning.best["candidate"] == "poor"
    assert tuning.over_simplest is not None
    assert tuning.over_simplest.low is not None
    assert tuning.over_simplest.low > 0


def test_a_failed_trial_is_a_row_with_its_reason() -> None:
    tuning = search(space={"C": [1.0, -1.0]}, trials=8)
    failed = tuning.trials[tuning.trials["value"].isna()]
    assert len(failed) > 0
    assert failed["note"].str.contains("InvalidParameterError").all()
    assert tuning.best["params"] == {"C": 1.0}


def test_a_default_that_cannot_be_fitted_is_an_error() -> None:
    with pytest.raises(GlassboxError, match="cannot be fitted, so it cannot be tuned"):
        search(LINEAR.model_copy(update={"params": {"C": -1.0}}))


def test_an_empty_search_space_is_one_trial() -> None:
    tuning = search(Candidate(name="dull", kind="dummy"), {})
    assert len(tuning.trials) == 1
    assert tuning.importances == {}


def test_importances_sum_to_one_and_rank_the_relevant_hyperparameter_first() -> None:
    stump = Candidate(name="stump", kind="lightgbm", params={"n_estimators": 1, "num_leaves": 2})
    tuning = search(
        stump, {"n_estimators": {"low": 1, "high": 60}, "max_bin_by_feature_unused": {"low": 1, "high": 3}}, trials=14
    )
    assert sum(tuning.importances.values()) == pytest.approx(1)
    assert next(iter(tuning.importances)) == "n_estimators"


def test_a_search_has_findings() -> None:
    tuning = search()
    assert best_table(tuning).frame()["hyperparameter"].tolist() == ["C", "class_weight"]
    assert "gain in ROC-AUC over the default" in gain_estimates(tuning).values
    assert search_note(SPACE, 6, LINEAR).lines == [
        "C: 0.001 to 100.0 on a logarithmic scale",
        "class_weight: one of None, balanced",
    ]

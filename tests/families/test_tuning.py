import json
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from glassbox.errors import GlassboxError
from glassbox.families.protocol import Space
from glassbox.families.shared import tuning as module
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.compare import compare
from glassbox.families.shared.tuning import Tuning, best_table, distributions, gain_estimates, search_note, selection_table, tune
from glassbox.families.tabular.family import FAMILY
from glassbox.files import canonical_json
from glassbox.runtime.resources import Resources
from glassbox.runtime.result_cache import ResultCache
from toy_tables import SMALL, dataset, effort

LINEAR = Candidate(name="linear", kind="logistic_regression", params={"C": 1.0})
POOR = Candidate(name="poor", kind="lightgbm", params={"n_estimators": 1, "min_data_in_leaf": 100, "num_leaves": 2})
SPACE = {"C": {"low": 0.001, "high": 100.0, "log": True}, "class_weight": [None, "balanced"]}
ROOMY = {"n_estimators": {"low": 10, "high": 60}, "min_data_in_leaf": {"low": 5, "high": 100}}


def search(
    candidate: Candidate = LINEAR,
    space: Space = SPACE,
    *,
    rival: Candidate | None = None,
    metric: str = "roc_auc",
    trials: int = 6,
    seed: int = 1,
    **resources: Any,
) -> Tuning:
    """Tune a candidate after a comparison with `rival`, or with itself if there is none."""
    stage_resources = Resources(seed=seed, **resources)
    compared = compare(FAMILY, dataset(), [rival or candidate], metric, effort(), Resources(seed=seed))
    return tune(
        FAMILY,
        dataset(),
        candidate,
        space,
        recipe=SMALL.model_dump(),
        leaderboard=compared.leaderboard,
        oof=compared.oof,
        effort=effort(trials),
        resources=stage_resources,
    )


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
    result = search()
    assert result.trials["number"].tolist() == list(range(6))
    assert json.loads(result.trials["params"].iloc[0]) == {"C": 1.0}
    assert result.trials["value"].iloc[0] == result.default
    assert result.trials["best"].is_monotonic_increasing
    assert result.trials["best"].iloc[-1] == result.trials["value"].max()


def test_the_best_value_never_rises_for_a_loss() -> None:
    result = search(metric="log_loss")
    assert result.trials["best"].is_monotonic_decreasing
    assert result.trials["best"].iloc[-1] == result.trials["value"].min()


def test_trials_stay_in_the_space_and_keep_other_hyperparameters() -> None:
    result = search(POOR, {"n_estimators": {"low": 5, "high": 7}})
    params_of_trials = [json.loads(params) for params in result.trials["params"].iloc[1:]]
    assert all(5 <= params["n_estimators"] <= 7 for params in params_of_trials)
    assert all(params["num_leaves"] == 2 for params in params_of_trials)


def test_an_interrupted_search_resumes_with_the_same_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = search()
    cache, run = ResultCache(tmp_path, {}), module.run_candidates

    def cut(family: Any, data: Any, candidates: list[Candidate], *rest: Any) -> Any:
        if candidates[0].name == "trial 4":
            raise KeyboardInterrupt
        return run(family, data, candidates, *rest)

    with monkeypatch.context() as context:
        context.setattr(module, "run_candidates", cut)
        with pytest.raises(KeyboardInterrupt):
            search(cache=cache)
    before = {path.name for path in tmp_path.rglob("*.json")}
    assert len(before) == 4 * 3  # four trials on three folds
    resumed = search(cache=cache)
    assert resumed.trials.equals(whole.trials)
    assert canonical_json(resumed.best) == canonical_json(whole.best)
    assert len(list(tmp_path.rglob("*.json"))) == 6 * 3


def test_a_longer_search_begins_with_the_same_trials() -> None:
    # The number of random trials depends on the total, so only searches with equally many random trials are comparable.
    few, many = search(trials=4), search(trials=8)
    assert few.trials["params"].tolist() == many.trials["params"].tolist()[:4]


def test_another_seed_gives_other_trials() -> None:
    assert search(seed=1).trials["params"].tolist() != search(seed=2).trials["params"].tolist()


def test_a_significant_gain_selects_the_tuned_hyperparameters() -> None:
    result = search(POOR, ROOMY)
    assert result.gain.low is not None
    assert result.gain.low > 0
    assert result.best["tuned"]
    assert result.best["params"]["n_estimators"] > 1
    assert "improved on the default" in gain_estimates(result).say
    assert result.best["candidate"] == "poor, tuned"


def test_without_a_gain_the_default_is_selected() -> None:
    result = search(space={"max_iter": {"low": 500, "high": 600}})  # it changes nothing
    assert not result.best["tuned"]
    assert result.best["params"] == LINEAR.params
    assert (result.gain.value, result.gain.low) == (0, 0)
    assert "brought no clear gain" in gain_estimates(result).say


def test_a_gain_that_is_not_proven_is_still_the_best_estimate() -> None:
    result = search(LINEAR.model_copy(update={"params": {"C": 0.3}}), {"C": {"low": 0.1, "high": 0.6, "log": True}}, trials=12)
    assert result.gain.value is not None
    assert result.gain.low is not None
    assert result.gain.value > 0 >= result.gain.low
    assert result.best["tuned"]
    assert "brought no clear gain" in gain_estimates(result).say


def test_a_better_candidate_of_the_comparison_is_selected_and_not_the_tuned_one() -> None:
    result = search(
        POOR, {"n_estimators": {"low": 1, "high": 3}, "num_leaves": [2, 3], "min_data_in_leaf": [60, 80, 100]}, rival=LINEAR
    )
    rival = compare(FAMILY, dataset(), [LINEAR], "roc_auc", effort(), Resources(seed=1)).oof
    assert (result.best["candidate"], result.best["searched"], result.best["tuned"]) == ("linear", "poor", False)
    assert result.best["params"] == LINEAR.params
    assert result.oof["proba_yes"].tolist() == rival["proba_yes"].tolist()
    table = selection_table(result, FAMILY.leaderboard_metrics, note="")
    assert {"linear", "poor, tuned"} <= set(table.frame()["candidate"])


def test_all_candidates_the_tuned_one_and_the_ensemble_compete_in_one_table() -> None:
    result = search(POOR, ROOMY, rival=Candidate(name="dull", kind="dummy"))
    table = selection_table(result, FAMILY.leaderboard_metrics, note="")
    assert {"dull", "poor, tuned", "weighted ensemble"} == set(table.frame()["candidate"])
    assert result.best["candidate"] != "dull"
    assert result.over_simpler is None or result.over_simpler.value is not None


def test_a_failed_trial_is_a_row_with_its_reason() -> None:
    result = search(space={"C": [1.0, -1.0]}, trials=8)
    failed = result.trials[result.trials["value"].isna()]
    assert len(failed) > 0
    assert failed["note"].str.contains("InvalidParameterError").all()
    assert result.best["params"] == {"C": 1.0}


def test_a_default_that_cannot_be_fitted_is_an_error() -> None:
    with pytest.raises(GlassboxError, match="cannot be fitted, so it cannot be tuned"):
        search(LINEAR.model_copy(update={"params": {"C": -1.0}}), rival=LINEAR)


def test_an_empty_search_space_is_one_trial() -> None:
    result = search(Candidate(name="dull", kind="dummy"), {})
    assert len(result.trials) == 1
    assert result.importances == {}


def test_importances_sum_to_one_and_rank_the_relevant_hyperparameter_first() -> None:
    stump = Candidate(name="stump", kind="lightgbm", params={"n_estimators": 1, "num_leaves": 2})
    result = search(
        stump, {"n_estimators": {"low": 1, "high": 60}, "max_bin_by_feature_unused": {"low": 1, "high": 3}}, trials=14
    )
    assert sum(result.importances.values()) == pytest.approx(1)
    assert next(iter(result.importances)) == "n_estimators"


def test_a_search_has_findings() -> None:
    result = search()
    assert best_table(result).frame()["hyperparameter"].tolist() == ["C", "class_weight"]
    assert "gain in ROC-AUC over the default" in gain_estimates(result).values
    assert search_note(SPACE, 6, LINEAR).lines == [
        "C: 0.001 to 100.0 on a logarithmic scale",
        "class_weight: one of None, balanced",
    ]

"""Selection by the expected score, with a small margin for simpler models; and weights of ensembles for the metric that decides."""

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from glassbox.families.classification.ensemble import greedy_weights, log_loss_weights, weighted_ensemble
from glassbox.families.classification.linear_models import log_opinion_pool
from glassbox.families.classification.scorer import ProbabilityScorer
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import CandidateRun
from glassbox.families.shared.selection import SIMPLER_WITHIN, select
from glassbox.families.tabular.models import KINDS
from toy_tables import labelled

DATA = labelled(300)


def run(name: str, kind: str, noise: float, seed: int = 0) -> CandidateRun[Any]:
    """Return a run whose probabilities are the truth with noise on the log-odds."""
    signal = 2.0 * DATA.y - 1 + np.random.default_rng(seed).normal(0, noise, len(DATA.y))
    p = 1 / (1 + np.exp(-signal))
    return CandidateRun(Candidate(name=name, kind=kind), np.column_stack([1 - p, p]))


DUMMY = CandidateRun(Candidate(name="dummy", kind="dummy"), np.full((len(DATA.y), 2), 0.5))


def selected(*runs: CandidateRun[Any]) -> Any:
    scorer = ProbabilityScorer(DATA, "roc_auc", 50, 0)
    return select(list(runs), KINDS, scorer, more_is_better=True)


def test_a_better_model_is_selected_although_its_lead_is_not_proven() -> None:
    simple, flexible = run("linear", "logistic_regression", 2.6, seed=3), run("trees", "lightgbm", 2.2, seed=4)
    choice = selected(DUMMY, simple, flexible)
    behind = next(row["behind"] for row in choice.board["rows"] if row["candidate"] == "linear")
    assert behind["low"] <= 0 < behind["value"]  # not proven
    assert choice.selected.candidate.name == "trees"
    assert (choice.cost, choice.simpler.candidate.name) == (0, "linear")


def test_a_simpler_model_is_selected_only_within_the_margin() -> None:
    flexible = run("trees", "lightgbm", 1.5)
    same = CandidateRun(Candidate(name="linear", kind="logistic_regression"), flexible.oof)
    assert selected(DUMMY, same, flexible).selected.candidate.name == "linear"
    choice = selected(DUMMY, run("linear", "logistic_regression", 2.5, seed=5), flexible)
    assert choice.selected.candidate.name == "trees"
    leader = next(row["scores"]["roc_auc"]["value"] for row in choice.board["rows"] if row["candidate"] == "trees")
    assert choice.margin == pytest.approx(SIMPLER_WITHIN * (leader - 0.5))


def test_a_model_that_uses_no_features_is_selected_only_when_it_leads() -> None:
    reversed_run = CandidateRun(Candidate(name="wrong", kind="lightgbm"), run("x", "lightgbm", 1.0).oof[:, ::-1])
    assert selected(DUMMY, reversed_run).selected.candidate.name == "dummy"
    assert selected(DUMMY, run("linear", "logistic_regression", 3.0)).selected.candidate.name == "linear"


def test_greedy_weights_improve_the_metric_that_decides() -> None:
    members = [run(str(i), "lightgbm", 2.5, seed=i).oof for i in range(4)] + [DUMMY.oof]
    weights = greedy_weights(members, DATA.y, "roc_auc", 1)
    pooled = log_opinion_pool([m for m, w in zip(members, weights, strict=True) if w], [w for w in weights if w])
    best = max(roc_auc_score(DATA.y, member[:, 1]) for member in members)
    assert weights.sum() == pytest.approx(1)
    assert weights[4] == 0
    assert roc_auc_score(DATA.y, pooled[:, 1]) > best + 0.01


def test_weights_for_the_log_loss_are_those_of_the_convex_optimum() -> None:
    members = [run(str(i), "lightgbm", 2.5, seed=i).oof for i in range(3)]
    ensemble = weighted_ensemble(
        [CandidateRun(Candidate(name=str(i), kind="lightgbm"), m) for i, m in enumerate(members)], DATA, KINDS, "log_loss"
    )
    assert ensemble is not None
    saved = [member["weight"] for member in ensemble.candidate.params["members"]]
    assert sorted(saved) == pytest.approx(sorted(log_loss_weights(members, DATA.y)), abs=1e-4)


def test_an_ensemble_of_different_members_beats_its_best_member_out_of_fold() -> None:
    runs = [run(f"m{i}", "lightgbm", 2.5, seed=i) for i in range(4)]
    ensemble = weighted_ensemble(runs, DATA, KINDS, "roc_auc")
    assert ensemble is not None
    scorer = ProbabilityScorer(DATA, "roc_auc", 50, 0)
    assert scorer.value(ensemble.oof) > max(scorer.value(member.oof) for member in runs)
    assert selected(DUMMY, *runs, ensemble).selected.candidate.name == "weighted ensemble"

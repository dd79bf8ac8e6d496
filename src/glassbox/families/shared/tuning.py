"""Hyperparameter search with a fixed number of trials, resumption after interruption, and a significance test of the gain.

Trial 0 is the candidate as it was compared. Every later trial is sampled from a new study that contains all earlier trials, by
a sampler seeded with the number of the trial. An interrupted and resumed search therefore samples the same trials as an
uninterrupted one. Fits of trials are cached like fits of candidates.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from glassbox.errors import GlassboxError
from glassbox.families.protocol import Dataset, Effort, Family, Space
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.compare import run_candidates, saved_run
from glassbox.families.shared.cross_fit import CandidateRun
from glassbox.families.shared.leaderboard import candidate_in, leaderboard_table
from glassbox.families.shared.selection import SIMPLER_WITHIN, select
from glassbox.findings.evidence import Gain, GainEvidence, SearchEvidence
from glassbox.findings.model import Estimate, Estimates, Note, Table
from glassbox.findings.wording import counted, metric_label
from glassbox.metrics import higher_is_better
from glassbox.runtime.resources import Resources, ignore_progress

D = TypeVar("D", bound=Dataset)
P = TypeVar("P")
VARIED = 3  # of the best trials may be members of the ensemble
RANDOM_SHARE = 1 / 3  # of the trials are drawn at random before the sampler models their values; at most ten


@dataclass(frozen=True)
class Tuning:
    """The result of a search, and the selected model.

    Attributes
    ----------
    best
        The content of the saved product: ``candidate``, ``kind``, ``params`` and ``recipe`` of the selected model, ``tuned`` (whether
        it is the best trial), ``searched`` (the candidate that was tuned), ``metric``, ``gain`` (of the best trial over the default),
        ``leader``, ``cost`` and ``margin`` of the selection, ``simpler`` (the best model that is simpler) and ``over_simpler``,
        ``trials``, ``seed``.
    trials
        One row per trial: ``number``, ``value``, ``best`` (so far), ``note``, ``params`` (JSON) and ``param_<name>`` as text.
    oof
        Out-of-fold predictions of the selected model, in the format of the family's scorer.
    gain, over_simpler
        The gain of the best trial over the default, and of the selected model over the best simpler one.
    default
        The metric of the default.
    importances
        The share of the variance between trials that each hyperparameter explains.
    board
        The ranking of all candidates, the tuned one and the ensemble.
    """

    best: dict[str, Any]
    trials: pd.DataFrame
    oof: pd.DataFrame
    gain: Estimate
    over_simpler: Estimate | None
    default: float
    importances: dict[str, float]
    board: dict[str, Any]


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Convert a search space of plain values to Optuna's distributions: ``{"low": 1, "high": 9}`` (with ``"log": True`` or ``"step"``), or a list of choices.

    A range with two integer bounds is searched over integers.

    Raises
    ------
    GlassboxError
        When a range is invalid; the message lists all problems.
    """
    distributions_: dict[str, BaseDistribution] = {}
    problems = []
    for name, given in space.items():
        try:
            distributions_[name] = _distribution(given)
        except (TypeError, ValueError, KeyError) as error:
            problems.append(f"{name}: {given!r} ({error})")
    if problems:
        raise GlassboxError(
            "The search space: expected {'low': 0.01, 'high': 0.3, 'log': True} or a list of choices; found "
            + "; ".join(problems)
        )
    return distributions_


def _distribution(given: Mapping[str, Any] | Sequence[Any]) -> BaseDistribution:
    if not isinstance(given, Mapping):
        if isinstance(given, str) or not given:
            raise ValueError("no choices")
        return CategoricalDistribution(tuple(given))
    if unknown := set(given) - {"low", "high", "log", "step"}:
        raise ValueError(f"unknown {', '.join(sorted(unknown))}")
    low, high, log, step = given["low"], given["high"], bool(given.get("log", False)), given.get("step")
    if isinstance(low, int) and isinstance(high, int):
        return IntDistribution(low, high, log=log, step=1 if step is None else step)
    return FloatDistribution(float(low), float(high), log=log, step=step)


def tune(
    family: Family[D, P],
    dataset: D,
    candidate: Candidate,
    space: Space,
    *,
    recipe: Mapping[str, Any],
    leaderboard: Mapping[str, Any],
    oof: pd.DataFrame,
    effort: Effort,
    resources: Resources,
) -> Tuning:
    """Search the hyperparameters of a candidate on the folds of the comparison, and select the model to serve.

    All candidates of the comparison, the best trial and an ensemble of them with the best trials are ranked by their out-of-fold score;
    `selection.select` chooses among them. The best of many trials is scored on the rows that selected it, so its score is
    optimistic; the holdout is not.

    Parameters
    ----------
    candidate
        The candidate to tune; its hyperparameters are trial 0, and those outside the search space stay fixed.
    space
        The search space, in the format of `distributions`.
    recipe
        Saved with the result.
    leaderboard, oof
        Leaderboard and out-of-fold predictions of the comparison.

    Raises
    ------
    GlassboxError
        When the space cannot be read, or the default itself cannot be fitted.
    """
    scorer = family.scorer(dataset, leaderboard["metric"], effort, resources.seed)
    searched, metric, seed = distributions(space), scorer.metric, resources.seed
    trials = effort.trials if searched else 1
    sign = 1.0 if higher_is_better(metric) else -1.0
    runs: list[CandidateRun[P]] = []
    values: list[float] = []
    history: list[FrozenTrial] = []
    for number in range(trials):
        sampled = {} if number == 0 else _sample(number, searched, history, effort.trials, seed, metric)
        params = {**candidate.params, **sampled}
        trial = Candidate(name=f"trial {number}", kind=candidate.kind, params=params)
        [run] = run_candidates(family, dataset, [trial], scorer, replace(resources, progress=ignore_progress))
        if number == 0 and run.reason:
            raise GlassboxError(f"{candidate.name} cannot be fitted, so it cannot be tuned: {run.reason}")
        runs.append(run)
        values.append(np.nan if run.reason else scorer.value(run.oof))
        history += _finished_trial(params, searched, values[-1])
        resources.progress(number + 1, trials, f"trial {number + 1} of {trials}")
    best = int(np.nanargmax(sign * np.array(values)))
    gain = scorer.gain(runs[best].oof, runs[0].oof) if best else Estimate(value=0.0, low=0.0, high=0.0, n=scorer.n)
    compared = [saved_run(candidate_in(row), oof, scorer) for row in leaderboard["rows"] if not row["note"]]
    order = sorted(np.flatnonzero(np.isfinite(values)).tolist(), key=lambda i: (-sign * values[i], i))
    varied = [_named(runs[i], f"{candidate.name}, trial {i}") for i in order if i][:VARIED]
    tuned = [_named(runs[best], f"{candidate.name}, tuned")] if best else []
    contenders = [*compared, *tuned, *family.ensembles(dataset, [*compared, *varied], scorer)]
    baseline = leaderboard.get("baseline_candidate")
    selection = select(
        contenders,
        family.kinds(),
        scorer,
        more_is_better=higher_is_better(metric),
        baseline=None if baseline is None else baseline["name"],
    )
    selected, simpler = selection.selected, selection.simpler
    over_simpler = None if simpler is None else scorer.gain(selected.oof, simpler.oof)
    saved = {
        "candidate": selected.candidate.name,
        "kind": selected.candidate.kind,
        "params": selected.candidate.params,
        "recipe": dict(recipe),
        "tuned": selected in tuned,
        "searched": candidate.name,
        "metric": metric,
        "gain": gain.model_dump(),
        "leader": selection.leader,
        "cost": selection.cost,
        "margin": selection.margin,
        "simpler": None if simpler is None else simpler.candidate.name,
        "over_simpler": None if over_simpler is None else over_simpler.model_dump(),
        "trials": len(runs),
        "seed": seed,
        **({} if baseline is None else {"baseline": baseline}),
    }
    frame = _trials_frame(runs, values, searched, sign)
    importances = _importances(history, searched, seed, metric)
    board = {**selection.board, "chosen": selected.candidate.model_dump()}
    return Tuning(saved, frame, scorer.to_frame(selected.oof), gain, over_simpler, values[0], importances, board)


def _named(run: CandidateRun[P], name: str) -> CandidateRun[P]:
    return replace(run, candidate=run.candidate.model_copy(update={"name": name}))


def _study(history: Sequence[FrozenTrial], metric: str, sampler: optuna.samplers.BaseSampler | None = None) -> optuna.Study:
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(direction="maximize" if higher_is_better(metric) else "minimize", sampler=sampler)
        study.add_trials(history)
    finally:
        optuna.logging.set_verbosity(level)
    return study


def _sample(
    number: int, searched: Mapping[str, BaseDistribution], history: Sequence[FrozenTrial], trials: int, seed: int, metric: str
) -> dict[str, Any]:
    trial_seed = int(hashlib.sha256(f"trial:{seed}:{number}".encode()).hexdigest()[:8], 16)
    at_random = min(10, max(3, round(trials * RANDOM_SHARE)))
    sampler = optuna.samplers.TPESampler(seed=trial_seed, n_startup_trials=at_random)
    return dict(_study(history, metric, sampler).ask(dict(searched)).params)


def _finished_trial(params: Mapping[str, Any], searched: Mapping[str, BaseDistribution], value: float) -> list[FrozenTrial]:
    """Return the trial as a one-element list for Optuna's history; an empty list if it lies outside the search space."""
    if not searched or not all(name in params and _contains(given, params[name]) for name, given in searched.items()):
        return []
    inside = {name: params[name] for name in searched}
    if not np.isfinite(value):
        return [create_trial(state=TrialState.FAIL, params=inside, distributions=dict(searched))]
    return [create_trial(value=value, params=inside, distributions=dict(searched))]


def _contains(distribution: BaseDistribution, value: Any) -> bool:
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    return isinstance(value, (int, float)) and distribution.low <= value <= distribution.high


def _trials_frame(
    runs: Sequence[CandidateRun[Any]], values: Sequence[float], searched: Mapping[str, BaseDistribution], sign: float
) -> pd.DataFrame:
    so_far = sign * np.fmax.accumulate(sign * np.array(values))
    frame = pd.DataFrame(
        {
            "number": range(len(runs)),
            "value": values,
            "best": so_far,
            "note": [run.reason or ("default" if i == 0 else "") for i, run in enumerate(runs)],
            "params": [json.dumps(run.candidate.params, sort_keys=True) for run in runs],
        }
    )
    for name in searched:
        frame[f"param_{name}"] = [str(run.candidate.params.get(name, "library default")) for run in runs]
    return frame


def _importances(
    history: Sequence[FrozenTrial], searched: Mapping[str, BaseDistribution], seed: int, metric: str
) -> dict[str, float]:
    """Return the share of the variance between trials that each hyperparameter alone explains (fANOVA, Hutter et al. 2014)."""
    done = [trial for trial in history if trial.state == TrialState.COMPLETE]
    if len(done) < 4 or len({trial.value for trial in done}) < 2:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=32, seed=seed)
    shares = optuna.importance.get_param_importances(_study(done, metric), evaluator=evaluator)
    return {name: float(shares[name]) for name in sorted(shares, key=lambda name: (-shares[name], name))}


# ------------------------------------------------------------------------------------------------------------- findings


def best_table(tuning: Tuning) -> Table:
    """Compare the default with the best trial, hyperparameter by hyperparameter."""
    default = json.loads(tuning.trials["params"].iloc[0])
    best = json.loads(tuning.trials["params"].iloc[_best_trial(tuning)])
    searched = [str(name).removeprefix("param_") for name in tuning.trials.columns if str(name).startswith("param_")]
    names = sorted({*default, *best, *searched})
    rows = [{"hyperparameter": name, "default": _text(default, name), "best trial": _text(best, name)} for name in names]
    selected = ", ".join(
        f"{name}={_text(tuning.best['params'], name)}" if name != "members" else f"of {_members(value)}"
        for name, value in tuning.best["params"].items()
    )
    return Table.of(
        pd.DataFrame(rows, columns=["hyperparameter", "default", "best trial"]),
        f"Hyperparameters of {tuning.best['searched']}",
        say=_result(tuning),
        note=f"Selected: {tuning.best['candidate']}{f', {selected}' if selected else ''}.",
        evidence=SearchEvidence(candidate=tuning.best["searched"], trials=tuning.best["trials"], hyperparameters=searched),
    )


def _members(members: Sequence[Mapping[str, Any]]) -> str:
    return "; ".join(f"{member['name']} ({member['weight']:.2f})" for member in members)


def _best_trial(tuning: Tuning) -> int:
    values = tuning.trials["value"].to_numpy(dtype=float)
    return int(np.nanargmax(values if higher_is_better(tuning.best["metric"]) else -values))


def _text(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name, "library default")
    if isinstance(value, list) and all(isinstance(item, Mapping) and {"name", "weight"} <= set(item) for item in value):
        return " + ".join(f"{item['weight']:.2f} {item['name']}" for item in value)
    if isinstance(value, Mapping):
        return f"of {len(value):,} series"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _result(tuning: Tuning) -> str:
    best, searched = tuning.best, tuning.best["searched"]
    gained = tuning.gain.low is not None and tuning.gain.low > 0
    return f"{counted(best['trials'], 'trial')} of {searched} {'improved on the default' if gained else 'brought no clear gain'}."


def selection_table(tuning: Tuning, also: Sequence[str], *, note: str) -> Table:
    """Return all candidates, the tuned one and the ensemble in one ranking, and state which is selected and what that costs."""
    best, metric = tuning.best, metric_label(tuning.best["metric"])
    if best["candidate"] == best["leader"]:
        say = f"{best['candidate']} has the best expected {metric} and is selected."
    else:
        say = (
            f"{best['candidate']} is selected: it is simpler than {best['leader']}, and its expected {metric} is worse by "
            f"{best['cost']:.4f}, within the margin of {best['margin']:.4f}."
        )
    rule = (
        f"The best expected score is selected. A simpler model is preferred if it loses at most {SIMPLER_WITHIN:.1%} of the leader's "
        "improvement over the baseline."
    )
    at = [row["candidate"] for row in tuning.board["rows"]].index(best["candidate"])
    return leaderboard_table(tuning.board, also, note=f"{rule} {note}", title="Model selection", say=say, best=at)


def gain_estimates(tuning: Tuning) -> Estimates:
    """Return the gain of the best trial over the default, and of the tuned model over its rival; positive means better."""
    metric, at = metric_label(str(tuning.best["metric"])), _best_trial(tuning)
    values = {
        f"gain in {metric} over the default": tuning.gain,
        f"{metric} of the default": Estimate(value=tuning.default, n=tuning.gain.n),
        f"{metric} of the best trial": Estimate(value=float(tuning.trials["value"].iloc[at]), n=tuning.gain.n),
    }
    if tuning.over_simpler is not None:
        values[f"gain in {metric} of {tuning.best['candidate']} over {tuning.best['simpler']}"] = tuning.over_simpler
    evidence = GainEvidence(
        metric=tuning.best["metric"],
        over_default=_gain(tuning.gain),
        selected=tuning.best["candidate"],
        simpler=tuning.best["simpler"],
        over_simpler=tuning.over_simpler and _gain(tuning.over_simpler),
    )
    return Estimates(title="Gain from tuning", say=_result(tuning), values=values, evidence=evidence)


def _gain(estimate: Estimate) -> Gain:
    return Gain(value=estimate.value, low=estimate.low, high=estimate.high)


def search_note(space: Space, trials: int, candidate: Candidate) -> Note:
    """List the hyperparameters that are searched, with their ranges."""
    lines = [f"{name}: {_range(given)}" for name, given in space.items()]
    say = (
        f"{candidate.name}: {counted(trials, 'trial')}, the first of them the default."
        if space
        else f"{candidate.name} has no hyperparameters to search."
    )
    return Note(title="Search space", say=say, lines=lines)


def _range(given: Mapping[str, Any] | Sequence[Any]) -> str:
    if isinstance(given, Mapping):
        return f"{given['low']} to {given['high']}{' on a logarithmic scale' if given.get('log') else ''}"
    return "one of " + ", ".join(map(str, given))

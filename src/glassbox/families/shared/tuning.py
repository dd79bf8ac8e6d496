"""Tuning of every family: a search that counts trials, resumes trial by trial, and says whether it was worth it.

Trial 0 is the candidate as it was compared. Every later trial is asked of a fresh study that is told all trials before it,
by a sampler seeded with the trial's own number: so a search that was cut and resumed asks for the same trials as one
that was not, and each trial's folds are remembered as a candidate's are.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import optuna
import pandas as pd
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from glassbox.errors import GlassboxError
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import Progress
from glassbox.families.shared.selection_plots import higher_is_better
from glassbox.findings.evidence import Gain, GainEvidence, SearchEvidence
from glassbox.findings.model import Estimate, Estimates, Note, Table
from glassbox.findings.wording import counted, metric_label

Space = Mapping[str, Mapping[str, Any] | Sequence[Any]]
SIMPLEST = "the simplest that it was level with"
RANDOM_SHARE = 1 / 3  # of the trials are drawn at random before the sampler models what it was told; at most ten


class Tried(Protocol):
    """A candidate that was run on all folds: what `Trier` made of it."""

    @property
    def candidate(self) -> Candidate: ...

    @property
    def reason(self) -> str:
        """Why it failed; empty when it did not."""
        ...


R = TypeVar("R", bound=Tried)


class Trier(Protocol[R]):
    """How a family runs a candidate on its folds, and judges it."""

    @property
    def metric(self) -> str: ...

    @property
    def judged(self) -> int:
        """Rows, or steps, that judge."""
        ...

    def run(self, candidate: Candidate) -> R: ...

    def value(self, run: R) -> float:
        """The metric of a run that did not fail."""
        ...

    def gain(self, better: R, worse: R) -> Estimate:
        """By how much one is better than the other on the same rows; above zero is better."""
        ...

    def oof(self, run: R) -> pd.DataFrame:
        """Its out-of-fold predictions, as they are saved."""
        ...


@dataclass(frozen=True)
class Tuning:
    """What came out of a search.

    best
        As it is saved: ``candidate``, ``kind``, ``params``, ``recipe``, ``tuned`` (False: hyperparameters are as compared),
        ``searched`` (the candidate that was tuned), ``metric``, ``gain``, ``over_simplest``, ``trials``, ``seed``.
    trials
        One row a trial: ``number``, ``value``, ``best`` (so far), ``note``, ``params`` (as JSON) and ``param_<name>`` as text.
    oof
        Out-of-fold predictions of what was kept, as the family saves them.
    """

    best: dict[str, Any]
    trials: pd.DataFrame
    oof: pd.DataFrame
    gain: Estimate
    over_simplest: Estimate | None
    default: float
    importances: dict[str, float]


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """A space in plain values as Optuna's: ``{"low": 1, "high": 9}`` (with ``"log": True`` or ``"step"``), or a list of choices.

    Whole numbers at both ends search whole numbers.

    Raises
    ------
    GlassboxError
        When a range cannot be read; all problems are named.
    """
    found: dict[str, BaseDistribution] = {}
    problems = []
    for name, given in space.items():
        try:
            found[name] = _distribution(given)
        except (TypeError, ValueError, KeyError) as error:
            problems.append(f"{name}: {given!r} ({error})")
    if problems:
        raise GlassboxError(
            "The search space: expected {'low': 0.01, 'high': 0.3, 'log': True} or a list of choices; found "
            + "; ".join(problems)
        )
    return found


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


def search(
    candidate: Candidate,
    space: Space,
    trier: Trier[R],
    *,
    recipe: Mapping[str, Any],
    trials: int,
    simplest: R | None = None,
    rival: str = SIMPLEST,
    seed: int = 0,
    progress: Progress | None = None,
) -> Tuning:
    """Search better hyperparameters for a candidate, on the folds that it was compared on.

    The best trial is taken only if its gain over the default on the same out-of-fold rows is above 0 with its whole 95 %
    interval; else the default is kept. The gain is of the best of many on the rows that chose it, so it is flattering; the
    holdout is not.

    Parameters
    ----------
    candidate
        What is tuned; its hyperparameters are trial 0, and stand where the space names none.
    space
        What is searched, as `distributions` reads it.
    trier
        Runs and judges a candidate.
    recipe
        Saved with what is kept.
    trials
        How many, trial 0 included.
    simplest
        The simplest candidate that could not be told from this one: it is taken instead, unless what came out of tuning
        beats it, by the same rule.
    rival
        What that other one is, in words.

    Raises
    ------
    GlassboxError
        When the space cannot be read, or the default itself cannot be fitted.
    """
    searched, metric = distributions(space), trier.metric
    sign = 1.0 if higher_is_better(metric) else -1.0
    runs: list[R] = []
    values: list[float] = []
    told: list[FrozenTrial] = []
    for number in range(trials if searched else 1):
        asked = {} if number == 0 else _ask(number, searched, told, trials, seed, metric)
        params = {**candidate.params, **asked}
        run = trier.run(Candidate(name=f"trial {number}", kind=candidate.kind, params=params))
        value = np.nan if run.reason else trier.value(run)
        if number == 0 and run.reason:
            raise GlassboxError(f"{candidate.name} cannot be fitted, so it cannot be tuned: {run.reason}")
        runs.append(run)
        values.append(value)
        told += _told(params, searched, value)
        if progress:
            progress(number + 1, trials, f"trial {number + 1} of {trials}")
    best = int(np.nanargmax(sign * np.array(values)))
    gain = trier.gain(runs[best], runs[0]) if best else Estimate(value=0.0, low=0.0, high=0.0, n=trier.judged)
    taken = bool(best) and gain.low is not None and gain.low > 0
    kept = runs[best if taken else 0]
    over_simplest = None
    if simplest is not None and simplest.candidate != candidate:
        over_simplest = trier.gain(kept, simplest)
        if over_simplest.low is None or over_simplest.low <= 0:
            kept, taken = simplest, False
    is_simplest = simplest is not None and kept is simplest
    saved = {
        "candidate": kept.candidate.name if is_simplest else candidate.name,
        "kind": kept.candidate.kind,
        "params": kept.candidate.params,
        "recipe": dict(recipe),
        "tuned": taken,
        "searched": candidate.name,
        "simplest": simplest.candidate.name if simplest is not None else None,
        "rival": rival,
        "metric": metric,
        "gain": gain.model_dump(),
        "over_simplest": over_simplest.model_dump() if over_simplest is not None else None,
        "trials": len(runs),
        "seed": seed,
    }
    frame = _trials_frame(runs, values, searched, sign)
    return Tuning(saved, frame, trier.oof(kept), gain, over_simplest, values[0], _importances(told, searched, seed, metric))


def _study(told: Sequence[FrozenTrial], metric: str, sampler: optuna.samplers.BaseSampler | None = None) -> optuna.Study:
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(direction="maximize" if higher_is_better(metric) else "minimize", sampler=sampler)
        study.add_trials(told)
    finally:
        optuna.logging.set_verbosity(level)
    return study


def _ask(
    number: int, searched: Mapping[str, BaseDistribution], told: Sequence[FrozenTrial], trials: int, seed: int, metric: str
) -> dict[str, Any]:
    own = int(hashlib.sha256(f"trial:{seed}:{number}".encode()).hexdigest()[:8], 16)
    at_random = min(10, max(3, round(trials * RANDOM_SHARE)))
    sampler = optuna.samplers.TPESampler(seed=own, n_startup_trials=at_random)
    return dict(_study(told, metric, sampler).ask(dict(searched)).params)


def _told(params: Mapping[str, Any], searched: Mapping[str, BaseDistribution], value: float) -> list[FrozenTrial]:
    """The trial as the study is told of it: nothing, when the default lies outside of the space that is searched."""
    if not searched or not all(name in params and _holds(given, params[name]) for name, given in searched.items()):
        return []
    inside = {name: params[name] for name in searched}
    if not np.isfinite(value):
        return [create_trial(state=TrialState.FAIL, params=inside, distributions=dict(searched))]
    return [create_trial(value=value, params=inside, distributions=dict(searched))]


def _holds(distribution: BaseDistribution, value: Any) -> bool:
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    assert isinstance(distribution, (FloatDistribution, IntDistribution))
    return isinstance(value, (int, float)) and distribution.low <= value <= distribution.high


def _trials_frame(
    runs: Sequence[Tried], values: Sequence[float], searched: Mapping[str, BaseDistribution], sign: float
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
    told: Sequence[FrozenTrial], searched: Mapping[str, BaseDistribution], seed: int, metric: str
) -> dict[str, float]:
    """The share of the difference between trials that goes back to each hyperparameter alone (Hutter et al. 2014)."""
    done = [trial for trial in told if trial.state == TrialState.COMPLETE]
    if len(done) < 4 or len({trial.value for trial in done}) < 2:
        return {}
    evaluator = optuna.importance.FanovaImportanceEvaluator(n_trees=32, seed=seed)
    found = optuna.importance.get_param_importances(_study(done, metric), evaluator=evaluator)
    return {name: float(found[name]) for name in sorted(found, key=lambda name: (-found[name], name))}


# ----------------------------------------------------------------------------------------------------------- findings


def _members(members: Sequence[Mapping[str, Any]]) -> str:
    """The members of an ensemble with their weights."""
    return "; ".join(f"{member['name']} ({member['weight']:.2f})" for member in members)


def best_table(tuning: Tuning) -> Table:
    """Default and best trial side by side, hyperparameter by hyperparameter."""
    default = json.loads(tuning.trials["params"].iloc[0])
    top = json.loads(tuning.trials["params"].iloc[_best_trial(tuning)])
    searched = [str(name).removeprefix("param_") for name in tuning.trials.columns if str(name).startswith("param_")]
    names = sorted({*default, *top, *searched})
    rows = [{"hyperparameter": name, "default": _text(default, name), "best trial": _text(top, name)} for name in names]
    frame = pd.DataFrame(rows, columns=["hyperparameter", "default", "best trial"])
    kept = ", ".join(
        f"{name}={_text(tuning.best['params'], name)}" if name != "members" else f"of {_members(value)}"
        for name, value in tuning.best["params"].items()
    )
    return Table.of(
        frame,
        f"Hyperparameters of {tuning.best['searched']}",
        say=_verdict(tuning),
        note=f"Taken: {tuning.best['candidate']}{f', {kept}' if kept else ''}.",
        evidence=SearchEvidence(candidate=tuning.best["searched"], trials=tuning.best["trials"], hyperparameters=searched),
    )


def _best_trial(tuning: Tuning) -> int:
    values = tuning.trials["value"].to_numpy(dtype=float)
    return int(np.nanargmax(values if higher_is_better(tuning.best["metric"]) else -values))


def _text(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name, "library default")
    if isinstance(value, list) and all(isinstance(item, Mapping) and {"name", "weight"} <= set(item) for item in value):
        return " + ".join(f"{item['weight']:.2f} {item['name']}" for item in value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _verdict(tuning: Tuning) -> str:
    best, searched = tuning.best, tuning.best["searched"]
    found = "a gain" if tuning.gain.low is not None and tuning.gain.low > 0 else "no gain that can be told from none"
    say = f"{counted(best['trials'], 'trial')} of {searched} found {found}"
    if best["candidate"] != searched:
        return f"{say}; it does not beat {best['candidate']} clearly, {best['rival']}, so that is taken."
    say += "; it is taken as tuned" if best["tuned"] else "; its defaults are kept"
    return f"{say}, and beats {best['simplest']}, {best['rival']}." if tuning.over_simplest is not None else f"{say}."


def gain_estimates(tuning: Tuning) -> Estimates:
    """The gain of the best trial over the default, and of what came out over the simplest rival; above zero is better."""
    metric, at = metric_label(str(tuning.best["metric"])), _best_trial(tuning)
    values = {
        f"gain in {metric} over the default": tuning.gain,
        f"{metric} of the default": Estimate(value=tuning.default, n=tuning.gain.n),
        f"{metric} of the best trial": Estimate(value=float(tuning.trials["value"].iloc[at]), n=tuning.gain.n),
    }
    if tuning.over_simplest is not None:
        values[f"gain in {metric} over {tuning.best['simplest']}"] = tuning.over_simplest
    over_simplest = tuning.over_simplest and _gain(tuning.over_simplest)
    evidence = GainEvidence(
        metric=tuning.best["metric"],
        over_default=_gain(tuning.gain),
        simplest=tuning.best["simplest"],
        over_simplest=over_simplest,
    )
    return Estimates(title="What tuning gained", say=_verdict(tuning), values=values, evidence=evidence)


def _gain(estimate: Estimate) -> Gain:
    return Gain(value=estimate.value, low=estimate.low, high=estimate.high)


def search_note(space: Space, trials: int, candidate: Candidate) -> Note:
    """What is searched, in plain words."""
    lines = [f"{name}: {_range(given)}" for name, given in space.items()]
    say = (
        f"{candidate.name}: {counted(trials, 'trial')}, the first of them the default."
        if space
        else f"{candidate.name}: nothing is searched."
    )
    return Note(title="What is searched", say=say, lines=lines)


def _range(given: Mapping[str, Any] | Sequence[Any]) -> str:
    if isinstance(given, Mapping):
        return f"{given['low']} to {given['high']}{' on a logarithmic scale' if given.get('log') else ''}"
    return "one of " + ", ".join(map(str, given))

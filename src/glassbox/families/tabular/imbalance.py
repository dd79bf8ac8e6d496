"""Whether the rarer class is overlooked: a cheap test in folds of weighing classes evenly."""

import numpy as np
import pandas as pd

from glassbox.families.classification.calibration.fit import threshold_curve
from glassbox.families.classification.dataset import Problem
from glassbox.families.classification.metrics import paired_gain, score, spoken
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import Cache
from glassbox.families.tabular.compare import run_candidates
from glassbox.families.tabular.recipe import Recipe
from glassbox.findings.evidence import ClassBalanceEvidence
from glassbox.findings.model import Table

SHOWN = ("roc_auc", "average_precision", "log_loss", "balanced_accuracy", "f1")


def imbalance(
    problem: Problem,
    recipe: Recipe,
    *,
    metric: str = "roc_auc",
    seed: int = 0,
    resamples: int = 1000,
    memo: Cache | None = None,
    threads: int = 1,
    workers: int = 1,
) -> Table:
    """Logistic regression in folds, with classes as they are and weighed evenly: what weighing gains.

    Weights move every probability towards the rarer class; so does a lower threshold, which is chosen later. So the test is
    whether the *ranking* gains: the metric named, and F1 at each one's own best threshold.
    """
    tried = [
        Candidate(name="as they are", kind="logistic_regression"),
        Candidate(name="weighed evenly", kind="logistic_regression", params={"class_weight": "balanced"}),
    ]
    plain, weighed = run_candidates(tried, recipe, problem, seed=seed, memo=memo, threads=threads, workers=workers)
    shares = np.bincount(problem.y, minlength=len(problem.classes)) / len(problem.y)
    rarest = problem.classes[int(shares.argmin())]
    title = "Class imbalance"
    evidence = ClassBalanceEvidence(class_shares=dict(zip(problem.classes, shares.tolist(), strict=True)))
    if plain.proba is None or weighed.proba is None:
        failed = pd.DataFrame([{"classes": run.candidate.name, "note": run.reason or "fitted"} for run in (plain, weighed)])
        return Table.of(
            failed,
            title,
            say=f"The rarest class, {rarest}, is {100 * shares.min():.1f} % of the rows; the test of weights failed.",
            evidence=evidence,
        )
    rows = []
    for run in (plain, weighed):
        samples = run.samples(problem)
        found = {name: float(np.mean([score(sample, [name])[name] for sample in samples])) for name in SHOWN}
        assert run.proba is not None
        if problem.binary:
            hit = problem.y == problem.positive
            found["F1 at its best threshold"] = float(threshold_curve(hit, run.proba[:, problem.positive])["f1"].max())
        rows.append({"classes": run.candidate.name, **found})
    gain = paired_gain(
        weighed.by_fold(problem), plain.by_fold(problem), metric, positive=problem.positive, resamples=resamples, seed=seed
    )
    helps = gain.low is not None and gain.low > 0
    outcome = (
        "weighing classes evenly improves the ranking"
        if helps
        else "weighing classes evenly does not improve the ranking; the threshold is set instead"
    )
    say = f"The rarest class, {rarest}, is {100 * shares.min():.1f} % of the rows; {outcome}."
    note = f"Gain of weighing in {spoken(metric)}: {gain.value or 0:+.4f}, 95 % interval {gain.low or 0:+.4f} to {gain.high or 0:+.4f}."
    return Table.of(pd.DataFrame(rows), title, say=say, note=note, formats=dict.fromkeys(rows[0], ".3f"), evidence=evidence)

"""Class imbalance: a cross-validated test of balanced class weights with a cheap model."""

import numpy as np
import pandas as pd

from glassbox.families.classification.calibration.fit import threshold_curve
from glassbox.families.classification.dataset import Problem
from glassbox.families.classification.metrics import paired_gain, score, spoken
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import Cache
from glassbox.families.tabular.compare import run_candidates
from glassbox.families.tabular.recipe import Recipe
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
    """Compare logistic regression with and without balanced class weights by cross-validation.

    Class weights shift all probabilities towards the rare class, and so does a lower decision threshold, which is chosen later.
    Weights are useful only if they improve the *ranking*: `metric`, and F1 at the best threshold of each model.
    """
    candidates = [
        Candidate(name="unweighted", kind="logistic_regression"),
        Candidate(name="balanced", kind="logistic_regression", params={"class_weight": "balanced"}),
    ]
    plain, balanced = run_candidates(candidates, recipe, problem, seed=seed, memo=memo, threads=threads, workers=workers)
    shares = np.bincount(problem.y, minlength=len(problem.classes)) / len(problem.y)
    rarest = problem.classes[int(shares.argmin())]
    title = "Class imbalance"
    if plain.proba is None or balanced.proba is None:
        failed = pd.DataFrame(
            [{"class weights": run.candidate.name, "note": run.reason or "fitted"} for run in (plain, balanced)]
        )
        return Table.of(
            failed,
            title,
            say=f"The rarest class, {rarest}, has {100 * shares.min():.1f} % of the rows; the test of class weights failed.",
        )
    rows = []
    for run in (plain, balanced):
        samples = run.samples(problem)
        values = {name: float(np.mean([score(sample, [name])[name] for sample in samples])) for name in SHOWN}
        assert run.proba is not None
        if problem.binary:
            hit = problem.y == problem.positive
            values["F1 at best threshold"] = float(threshold_curve(hit, run.proba[:, problem.positive])["f1"].max())
        rows.append({"class weights": run.candidate.name, **values})
    gain = paired_gain(
        balanced.by_fold(problem), plain.by_fold(problem), metric, positive=problem.positive, resamples=resamples, seed=seed
    )
    helps = gain.low is not None and gain.low > 0
    outcome = (
        "balanced class weights improve the ranking"
        if helps
        else "balanced class weights do not improve the ranking, so only the decision threshold is adjusted"
    )
    say = f"The rarest class, {rarest}, has {100 * shares.min():.1f} % of the rows; {outcome}."
    note = f"Gain of class weights in {spoken(metric)}: {gain.value or 0:+.4f}, 95 % interval {gain.low or 0:+.4f} to {gain.high or 0:+.4f}."
    return Table.of(pd.DataFrame(rows), title, say=say, note=note, formats=dict.fromkeys(rows[0], ".3f"))

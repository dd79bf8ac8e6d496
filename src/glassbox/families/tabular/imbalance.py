"""Class imbalance: a cross-validated test of balanced class weights with a cheap model."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.classification.calibration.fit import threshold_curve
from glassbox.families.classification.metrics import score
from glassbox.families.classification.scorer import ProbabilityScorer
from glassbox.families.protocol import Effort
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import cross_fit
from glassbox.families.tabular.dataset import TabularDataset
from glassbox.families.tabular.fit import fit_fold
from glassbox.findings.evidence import ClassBalanceEvidence
from glassbox.findings.model import Table
from glassbox.findings.wording import metric_label
from glassbox.runtime.resources import Resources

SHOWN = ("roc_auc", "average_precision", "log_loss", "balanced_accuracy", "f1")


def imbalance(dataset: TabularDataset, metric: str, effort: Effort, resources: Resources) -> Table:
    """Compare logistic regression with and without balanced class weights by cross-validation.

    Class weights shift all probabilities towards the rare class, and so does a lower decision threshold, which is chosen later.
    Weights are useful only if they improve the *ranking*: `metric`, and F1 at the best threshold of each model.
    """
    candidates = [
        Candidate(name="unweighted", kind="logistic_regression"),
        Candidate(name="balanced", kind="logistic_regression", params={"class_weight": "balanced"}),
    ]
    data = dataset.data
    scorer = ProbabilityScorer(data, metric, effort.resamples, resources.seed)
    runs = cross_fit(candidates, dataset.folds, partial(_fit_fold, dataset, resources), scorer.assemble, resources)
    shares = np.bincount(data.y, minlength=len(data.classes)) / len(data.y)
    rarest = data.classes[int(shares.argmin())]
    title = "Class imbalance"
    evidence = ClassBalanceEvidence(class_shares=dict(zip(data.classes, shares.tolist(), strict=True)))
    if any(run.reason for run in runs):
        failed = pd.DataFrame([{"class weights": run.candidate.name, "note": run.reason or "fitted"} for run in runs])
        say = f"The rarest class, {rarest}, has {100 * shares.min():.1f} % of the rows; the test of class weights failed."
        return Table.of(failed, title, say=say, evidence=evidence)
    rows = []
    for run in runs:
        samples = scorer.samples(run.oof)
        scores = {name: float(np.mean([score(sample, [name])[name] for sample in samples])) for name in SHOWN}
        if data.binary:
            hit = data.y == data.positive
            scores["F1 at best threshold"] = float(threshold_curve(hit, run.oof[:, data.positive])["f1"].max())
        rows.append({"class weights": run.candidate.name, **scores})
    plain, balanced = runs
    gain = scorer.gain(balanced.oof, plain.oof)
    helps = gain.low is not None and gain.low > 0
    outcome = (
        "balanced class weights improve the ranking"
        if helps
        else "balanced class weights do not improve the ranking, so only the decision threshold is adjusted"
    )
    say = f"The rarest class, {rarest}, has {100 * shares.min():.1f} % of the rows; {outcome}."
    note = f"Gain of class weights in {metric_label(metric)}: {gain.value or 0:+.4f}, 95 % interval {gain.low or 0:+.4f} to {gain.high or 0:+.4f}."
    return Table.of(pd.DataFrame(rows), title, say=say, note=note, formats=dict.fromkeys(rows[0], ".3f"), evidence=evidence)


def _fit_fold(dataset: TabularDataset, resources: Resources, candidate: Candidate, fold: int) -> dict[str, Any]:
    return fit_fold(dataset, candidate, fold, resources)

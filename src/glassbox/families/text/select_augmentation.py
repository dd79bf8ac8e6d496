"""Tests whether augmented texts improve a cheap model, and selects the augmentation to train with."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from glassbox.families.classification.scorer import ProbabilityScorer
from glassbox.families.protocol import Effort
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import CandidateRun, cross_fit
from glassbox.families.text.augment import WORDS, vary
from glassbox.families.text.corpus import Corpus, Floats
from glassbox.families.text.dataset import TextDataset
from glassbox.families.text.fit import fit_fold
from glassbox.families.text.recipe import Variation
from glassbox.findings.model import Table
from glassbox.findings.wording import metric_label, number
from glassbox.runtime.resources import Resources


def select_augmentation(
    dataset: TextDataset,
    variations: Sequence[Variation],
    metric: str,
    effort: Effort,
    resources: Resources,
    *,
    synonyms: Mapping[str, str] | None = None,
) -> tuple[Variation, Table]:
    """Test variations in folds with a cheap model (single words, logistic regression), and select the best clear gain.

    Returns
    -------
    variation, table
        ``none`` where no gain has its whole interval above zero.
    """
    candidate = Candidate(name="single words", kind="words", params={"head": "logistic", "C": 1.0, "ngrams": [1, 1]})
    scorer = ProbabilityScorer(dataset.data, metric, effort.resamples, resources.seed)

    def run(variation: Variation) -> CandidateRun[Floats]:
        varied = vary(dataset.corpus.texts, variation, resources.seed, synonyms)
        augmented = replace(dataset, corpus=Corpus(dataset.corpus.texts, varied))
        [result] = cross_fit(
            [candidate], dataset.folds, lambda c, fold: fit_fold(augmented, c, fold, resources), scorer.assemble, resources
        )
        return result

    plain = run("none")
    rows: list[dict[str, Any]] = []
    selected: Variation = "none"
    best = 0.0
    for variation in variations:
        result = run(variation)
        row: dict[str, Any] = {"variation": variation, "what it does": WORDS[variation], "gain": None, "low": None, "high": None}
        rows.append(row)
        if plain.reason or result.reason:
            continue
        gain = scorer.gain(result.oof, plain.oof)
        row |= {"gain": gain.value, "low": gain.low, "high": gain.high}
        if gain.low is not None and gain.low > 0 and (gain.value or 0.0) > best:
            selected, best = variation, float(gain.value or 0.0)
    say = (
        f"{selected} is selected: {metric_label(metric)} gains {number(best, '.4f')} in folds."
        if selected != "none"
        else "No augmentation is selected: none has a gain whose whole interval is above zero."
    )
    return selected, Table.of(
        pd.DataFrame(rows, columns=["variation", "what it does", "gain", "low", "high"]),
        "Augmentation",
        say=say,
        formats=dict.fromkeys(("gain", "low", "high"), "+.4f"),
        note=f"Gain in {metric_label(metric)} of a cheap model that is also trained on the augmented texts.",
    )

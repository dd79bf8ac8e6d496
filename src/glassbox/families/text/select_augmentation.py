"""Selection of a text augmentation by cross-validation of a cheap model."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from glassbox.families.classification.scorer import ProbabilityScorer
from glassbox.families.protocol import Effort
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import CandidateRun, cross_fit
from glassbox.families.text.augment import DESCRIPTIONS, augment_texts
from glassbox.families.text.corpus import Corpus, Floats
from glassbox.families.text.dataset import TextDataset
from glassbox.families.text.fit import fit_fold
from glassbox.families.text.recipe import Augmentation
from glassbox.findings.model import Table
from glassbox.findings.wording import metric_label, number
from glassbox.runtime.resources import Resources


def select_augmentation(
    dataset: TextDataset,
    augmentations: Sequence[Augmentation],
    metric: str,
    effort: Effort,
    resources: Resources,
    *,
    synonyms: Mapping[str, str] | None = None,
) -> tuple[Augmentation, Table]:
    """Compare augmentations by cross-validation of a cheap model (single words, logistic regression) and select one.

    The augmentation with the largest gain is selected, among those whose confidence interval lies above zero.

    Returns
    -------
    selected, table
        ``none`` where no gain has its whole interval above zero, and the gain of each augmentation.
    """
    candidate = Candidate(name="single words", kind="words", params={"head": "logistic", "C": 1.0, "ngrams": [1, 1]})
    scorer = ProbabilityScorer(dataset.data, metric, effort.resamples, resources.seed)

    def run(augmentation: Augmentation) -> CandidateRun[Floats]:
        copies = augment_texts(dataset.corpus.texts, augmentation, resources.seed, synonyms)
        augmented = replace(dataset, corpus=Corpus(dataset.corpus.texts, copies))
        [result] = cross_fit(
            [candidate], dataset.folds, lambda c, fold: fit_fold(augmented, c, fold, resources), scorer.assemble, resources
        )
        return result

    plain = run("none")
    rows: list[dict[str, Any]] = []
    selected: Augmentation = "none"
    best_gain = 0.0
    for augmentation in augmentations:
        result = run(augmentation)
        row: dict[str, Any] = {"augmentation": augmentation, "description": DESCRIPTIONS[augmentation]}
        rows.append(row)
        if plain.reason or result.reason:
            continue
        gain = scorer.gain(result.oof, plain.oof)
        row |= {"gain": gain.value, "low": gain.low, "high": gain.high}
        if gain.low is not None and gain.low > 0 and (gain.value or 0.0) > best_gain:
            selected, best_gain = augmentation, float(gain.value or 0.0)
    say = (
        f"Selected: {selected}, which improves {metric_label(metric)} by {number(best_gain, '.4f')} in cross-validation."
        if selected != "none"
        else "No augmentation is selected: none has a cross-validated gain whose whole interval lies above zero."
    )
    return selected, Table.of(
        pd.DataFrame(rows, columns=["augmentation", "description", "gain", "low", "high"]),
        "Augmentation",
        say=say,
        formats=dict.fromkeys(("gain", "low", "high"), "+.4f"),
        note=f"Gain in {metric_label(metric)} of a cheap model that is trained on the augmented copies as well.",
    )

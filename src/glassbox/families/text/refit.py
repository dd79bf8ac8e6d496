"""What tuning kept, fitted once more on all rows of train."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from glassbox.data.schema import Schema
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.shared.cross_fit import limited
from glassbox.families.text.fit import TextDataset, fit
from glassbox.families.text.models import encodes
from glassbox.families.text.predictor import TextPredictor
from glassbox.families.text.recipe import Recipe
from glassbox.families.text.reference_features import Watch


def refit(
    best: Mapping[str, Any],
    texts: TextDataset,
    schema: Schema,
    calibration: Calibration,
    threshold: float | None,
    *,
    seed: int,
    threads: int = 1,
    store: Path | None = None,
    workers: int = 1,
) -> TextPredictor:
    """Fit what tuning kept on all rows of train, and put it together with calibration and threshold.

    Parameters
    ----------
    best
        As tuning saved it: ``kind``, ``params``, ``recipe``.
    texts, schema
        Train, and what its rows look like.
    calibration, threshold
        From out-of-fold predictions; with more than two classes no threshold is used.
    store
        Where embeddings are kept.
    """
    problem, encoded = texts.problem, encodes(best["kind"], best["params"])
    with limited(threads):
        everyone = np.arange(len(problem.y))
        model = fit(texts, best["kind"], best["params"], everyone, seed=seed, threads=threads, workers=workers)
    return TextPredictor(
        schema=schema,
        recipe=Recipe.model_validate(best["recipe"]),
        kind=best["kind"],
        params=dict(best["params"]),
        model=model,
        calibration=calibration,
        threshold=threshold if problem.binary else None,
        positive=problem.classes[problem.positive],
        watch=Watch.of(texts.corpus if encoded else replace(texts.corpus, encode=None)),
        encoder=texts.encoder if encoded else None,
        store=store,
        workers=workers,
    )

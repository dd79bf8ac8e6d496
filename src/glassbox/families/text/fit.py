"""Fitting of text models, with cached fold predictions of candidates and trials."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassbox.families.classification.linear_models import Codes
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import cache_key, fit_and_predict_cached
from glassbox.families.text.dataset import TextDataset
from glassbox.families.text.models import KINDS
from glassbox.families.text.protocols import Fitting, Model
from glassbox.runtime.resources import Resources

CODE = "glassbox.families.text.fit"  # part of the cache key, with all that it imports


def fit(
    dataset: TextDataset, kind: str, params: Mapping[str, Any], rows: Codes, resources: Resources, *, workers: int = 1
) -> Model:
    """Fit a model of `kind` on some rows and their augmented copies; `workers` members of an ensemble are fitted in parallel."""
    view = dataset.corpus.rows(rows, training=True)
    copies = len(view) // max(1, len(rows))
    y = np.concatenate([dataset.data.y[rows]] * copies)
    weights = dataset.encoder.folder if dataset.encoder is not None else None
    settings = Fitting(dict(params), len(dataset.data.classes), resources.seed, resources.threads, weights, copies, workers)
    return KINDS[kind].fit(view, y, settings)


def fit_fold(dataset: TextDataset, candidate: Candidate, fold: int, resources: Resources) -> dict[str, Any]:
    """Predict the texts of one fold with a model fitted on the other folds; the result is cached.

    Returns
    -------
    dict
        ``proba`` of shape (texts of the fold, classes), and the seconds ``fit_s`` and ``predict_s``.
    """
    kind, params = candidate.kind, candidate.params
    out = dataset.data.fold == fold
    key = cache_key("fold of texts", dataset.digest(kind, params), fold, kind, params, resources)
    return fit_and_predict_cached(
        key,
        lambda: fit(dataset, kind, params, np.flatnonzero(~out), resources),
        lambda model: {"proba": model.proba(dataset.corpus.rows(np.flatnonzero(out)))},
        resources=resources,
        code=CODE,
    )

"""Fitting of entity recognisers, with cached fold predictions of candidates and trials."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassbox.errors import GlassboxError
from glassbox.families.entities.dataset import EntityDataset, Ints
from glassbox.families.entities.models import KINDS, Fitting, Model, predict_rows
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import cache_key, fit_and_predict_cached
from glassbox.runtime.resources import Resources

CODE = "glassbox.families.entities.fit"  # part of the cache key, with all that it imports


def fit(dataset: EntityDataset, kind: str, params: Mapping[str, Any], rows: Ints, resources: Resources) -> Model:
    """Fit a recogniser of `kind` on some rows.

    Raises
    ------
    GlassboxError
        When the request does not name the weights that this kind needs.
    """
    spec = KINDS[kind]
    missing = [name for name in spec.needs if getattr(dataset.shared, name) is None]
    if missing:
        raise GlassboxError(f"the request names no weights.{missing[0]}")
    return spec.fit(dataset, rows, Fitting(dict(params), resources.seed, resources.threads))


def fit_fold(dataset: EntityDataset, candidate: Candidate, fold: int, resources: Resources) -> dict[str, Any]:
    """Predict the spans in the texts of one fold with a recogniser fitted on the other folds; the result is cached.

    Returns
    -------
    dict
        ``spans``, a list of ``[start, end, type]`` per text of the fold, and the seconds ``fit_s`` and ``predict_s``.
    """
    kind, params = candidate.kind, candidate.params
    out = dataset.fold == fold

    def predict(model: Model) -> dict[str, Any]:
        return {"spans": [[list(span) for span in row] for row in predict_rows(kind, model, dataset, np.flatnonzero(out))]}

    key = cache_key("fold of spans", dataset.digest, fold, kind, params, resources)
    return fit_and_predict_cached(
        key,
        lambda: fit(dataset, kind, params, np.flatnonzero(~out), resources),
        predict,
        resources=resources,
        code=CODE,
    )

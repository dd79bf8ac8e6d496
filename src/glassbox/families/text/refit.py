"""Refit of the selected model on train, for evaluation, and on train and holdout, for serving."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from glassbox.data.schema import Schema
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.shared.cross_fit import limit_threads
from glassbox.families.shared.serving_refit import describe_refit
from glassbox.families.text.dataset import TextDataset
from glassbox.families.text.fit import fit
from glassbox.families.text.models import encodes
from glassbox.families.text.predictor import TextPredictor
from glassbox.families.text.protocols import Model
from glassbox.families.text.recipe import Recipe
from glassbox.families.text.reference_features import ReferenceFeatures
from glassbox.runtime.resources import Resources


def refit(
    best: Mapping[str, Any],
    dataset: TextDataset,
    schema: Schema,
    calibration: Calibration,
    threshold: float | None,
    resources: Resources,
) -> TextPredictor:
    """Fit the selected model on all texts of train, and combine it with calibration and threshold.

    Parameters
    ----------
    best
        The result of tuning: ``kind``, ``params``, ``recipe``.
    dataset, schema
        The training data and its schema.
    calibration, threshold
        Fitted on out-of-fold predictions; the threshold is ignored with more than two classes.
    """
    data, encoded = dataset.data, encodes(best["kind"], best["params"])
    return TextPredictor(
        schema=schema,
        recipe=Recipe.model_validate(best["recipe"]),
        kind=best["kind"],
        params=dict(best["params"]),
        model=_fit(best["kind"], best["params"], dataset, resources),
        calibration=calibration,
        threshold=threshold if data.binary else None,
        positive=data.classes[data.positive],
        reference=ReferenceFeatures.of(dataset.corpus if encoded else replace(dataset.corpus, encode=None)),
        encoder=dataset.encoder if encoded else None,
        store=resources.vector_cache_dir,
        workers=resources.workers,
    )


def refit_on_all(predictor: TextPredictor, dataset: TextDataset, resources: Resources) -> TextPredictor:
    """Return the evaluated predictor with its model fitted again on the texts of train and holdout.

    The reference features of drift detection remain those of train.
    """
    note = describe_refit(len(dataset.data.y), "recipe, hyperparameters, calibration and decision threshold")
    return replace(predictor, model=_fit(predictor.kind, predictor.params, dataset, resources), refit_note=note)


def _fit(kind: str, params: Mapping[str, Any], dataset: TextDataset, resources: Resources) -> Model:
    with limit_threads(resources.threads):
        return fit(dataset, kind, params, np.arange(len(dataset.data.y)), resources, workers=resources.workers)

"""Refit of the selected model on train, for evaluation, and on train and holdout, for serving."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from glassbox.data.schema import Schema
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.shared.cross_fit import limit_threads
from glassbox.families.shared.serving_refit import describe_refit
from glassbox.families.vision.dataset import VisionDataset
from glassbox.families.vision.fit import CODE, fit
from glassbox.families.vision.models import Model, backbone_indices
from glassbox.families.vision.predictor import VisionPredictor
from glassbox.families.vision.recipe import Recipe
from glassbox.families.vision.reference_features import ReferenceFeatures
from glassbox.families.vision.training import checkpoint_path, remove_checkpoint
from glassbox.runtime.resources import Resources


def refit(
    best: Mapping[str, Any],
    dataset: VisionDataset,
    schema: Schema,
    calibration: Calibration,
    threshold: float | None,
    resources: Resources,
) -> VisionPredictor:
    """Fit the selected model on all images of train, and combine it with calibration and threshold.

    Parameters
    ----------
    best
        The result of tuning: ``kind``, ``params``, ``recipe``.
    dataset, schema
        The training data and its schema.
    calibration, threshold
        Fitted on out-of-fold predictions; the threshold is ignored with more than two classes.
    """
    data, images = dataset.data, dataset.images
    backbones = backbone_indices(best["kind"], best["params"])
    return VisionPredictor(
        schema=schema,
        recipe=Recipe.model_validate(best["recipe"]),
        kind=best["kind"],
        params=dict(best["params"]),
        model=_fit(best["kind"], best["params"], dataset, resources),
        calibration=calibration,
        threshold=threshold if data.binary else None,
        positive=data.classes[data.positive],
        reference=ReferenceFeatures.of(images, backbones[0] if backbones else None),
        backbones=images.backbones,
        store=images.store,
        workers=images.workers,
    )


def refit_on_all(predictor: VisionPredictor, dataset: VisionDataset, resources: Resources) -> VisionPredictor:
    """Return the evaluated predictor with its model fitted again on the images of train and holdout.

    The reference features of drift detection remain those of train.
    """
    note = describe_refit(len(dataset.data.y), "recipe, hyperparameters, calibration and decision threshold")
    return replace(predictor, model=_fit(predictor.kind, predictor.params, dataset, resources), refit_note=note)


def _fit(kind: str, params: Mapping[str, Any], dataset: VisionDataset, resources: Resources) -> Model:
    """Fit a model on all rows; an interrupted training is continued from its checkpoint."""
    key = {"what": "all rows", "data": dataset.digest(kind), "kind": kind, "params": dict(params)}
    checkpoint = checkpoint_path(dataset.images.store, key | {"seed": resources.seed, "threads": resources.threads}, CODE)
    rows, workers = np.arange(len(dataset.data.y)), max(1, resources.max_threads // resources.threads)
    with limit_threads(resources.threads):
        model = fit(dataset, kind, params, rows, resources, checkpoint=checkpoint, workers=workers)
    remove_checkpoint(checkpoint)
    return model

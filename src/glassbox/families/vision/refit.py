"""Refit of the selected model on all training images."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassbox.data.schema import Schema
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.shared.cross_fit import limit_threads
from glassbox.families.vision.dataset import VisionDataset
from glassbox.families.vision.fit import CODE, fit
from glassbox.families.vision.models import backbone_indices
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
    key = {
        "what": "all of train",
        "data": dataset.digest(best["kind"]),
        "best": dict(best),
        "seed": resources.seed,
        "threads": resources.threads,
    }
    checkpoint = checkpoint_path(images.store, key, CODE)
    with limit_threads(resources.threads):
        rows, workers = np.arange(len(data.y)), max(1, resources.max_threads // resources.threads)
        model = fit(dataset, best["kind"], best["params"], rows, resources, checkpoint=checkpoint, workers=workers)
    remove_checkpoint(checkpoint)
    backbones = backbone_indices(best["kind"], best["params"])
    return VisionPredictor(
        schema=schema,
        recipe=Recipe.model_validate(best["recipe"]),
        kind=best["kind"],
        params=dict(best["params"]),
        model=model,
        calibration=calibration,
        threshold=threshold if data.binary else None,
        positive=data.classes[data.positive],
        reference=ReferenceFeatures.of(images, backbones[0] if backbones else None),
        backbones=images.backbones,
        store=images.store,
        workers=images.workers,
    )

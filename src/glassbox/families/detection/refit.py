"""Refit of the selected detector on train, for evaluation, and on train and holdout, for serving."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.detection.dataset import DetectionDataset, boxes_in
from glassbox.families.detection.fit import CODE, fit
from glassbox.families.detection.models import KINDS, Model
from glassbox.families.detection.predictor import BoxPredictor
from glassbox.families.detection.recipe import Recipe
from glassbox.families.detection.score_threshold import Thresholds
from glassbox.families.shared.cross_fit import limit_threads
from glassbox.families.shared.serving_refit import describe_refit
from glassbox.families.vision.reference_features import ReferenceFeatures
from glassbox.families.vision.training import checkpoint_path, remove_checkpoint
from glassbox.runtime.resources import Resources


def refit(
    best: Mapping[str, Any],
    dataset: DetectionDataset,
    schema: Schema,
    thresholds: Thresholds,
    resources: Resources,
) -> BoxPredictor:
    """Fit the selected model on all training images, and combine it with the thresholds.

    Parameters
    ----------
    best
        The product of tuning: ``kind``, ``params``, ``recipe``.
    thresholds
        From out-of-fold predictions.
    """
    return BoxPredictor(
        schema=schema,
        recipe=Recipe.model_validate(best["recipe"]),
        labels=dataset.labels,
        kind=best["kind"],
        params=dict(best["params"]),
        model=_fit(best["kind"], best["params"], dataset, resources),
        threshold=thresholds.score,
        nms_iou=thresholds.nms_iou,
        reference=ReferenceFeatures.of(dataset.images, None),
        workers=dataset.images.workers,
    )


def refit_on_all(predictor: BoxPredictor, dataset: DetectionDataset, resources: Resources) -> BoxPredictor:
    """Return the evaluated predictor with its model fitted again on the images of train and holdout.

    The reference features of drift detection remain those of train. A pretrained model is returned as it is.
    """
    if KINDS[predictor.kind].pretrained:
        return predictor
    note = describe_refit(len(dataset), "recipe, hyperparameters and thresholds")
    return replace(predictor, model=_fit(predictor.kind, predictor.params, dataset, resources), refit_note=note)


def has_known_labels(rows: pd.DataFrame, predictor: BoxPredictor) -> pd.Series:
    """Return True for each row whose objects all have labels of the predictor."""
    boxes = boxes_in(rows, str(predictor.schema.target))
    return pd.Series([all(box.label in predictor.labels for box in row) for row in boxes], index=rows.index, dtype=bool)


def _fit(kind: str, params: Mapping[str, Any], dataset: DetectionDataset, resources: Resources) -> Model:
    """Fit a model on all images; an interrupted training is continued from its checkpoint."""
    key = {"what": "all rows", "data": dataset.digest(kind), "kind": kind, "params": dict(params)}
    checkpoint = checkpoint_path(dataset.images.store, key | {"seed": resources.seed, "threads": resources.threads}, CODE)
    with limit_threads(resources.threads):
        model = fit(dataset, kind, params, np.arange(len(dataset)), resources, checkpoint=checkpoint)
    remove_checkpoint(checkpoint)
    return model

"""Fitting of image models, with cached fold predictions of candidates and trials."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import cache_key, fit_and_predict_cached
from glassbox.families.vision.dataset import VisionDataset
from glassbox.families.vision.image_collection import Codes
from glassbox.families.vision.models import KINDS, Fitting, Model
from glassbox.families.vision.training import checkpoint_path, remove_checkpoint
from glassbox.runtime.resources import Resources

CODE = "glassbox.families.vision.fit"  # part of the cache key, with all that it imports


def fit(
    dataset: VisionDataset,
    kind: str,
    params: Mapping[str, Any],
    rows: Codes,
    resources: Resources,
    *,
    checkpoint: Path | None = None,
    workers: int = 1,
) -> Model:
    """Fit a model of `kind` on some rows.

    Parameters
    ----------
    checkpoint
        The file that stores the epochs of an unfinished training.
    workers
        The number of ensemble members that are fitted in parallel.
    """
    torch.set_num_threads(resources.threads)
    augmentation = dataset.images.recipe.augmentation
    settings = Fitting(dict(params), len(dataset.data.classes), resources.seed, augmentation, checkpoint, workers)
    return KINDS[kind].fit(dataset.images.view(rows), dataset.data.y[rows], settings)


def fit_fold(dataset: VisionDataset, candidate: Candidate, fold: int, resources: Resources) -> dict[str, Any]:
    """Predict the images of one fold with a model fitted on the other folds; the result is cached.

    Returns
    -------
    dict
        ``proba`` of shape (images of the fold, classes), and the seconds ``fit_s`` and ``predict_s``.
    """
    kind, params = candidate.kind, candidate.params
    out = dataset.data.fold == fold
    key = cache_key("fold of pictures", dataset.digest(kind), fold, kind, params, resources)
    checkpoint = checkpoint_path(dataset.images.store, key, CODE)
    result = fit_and_predict_cached(
        key,
        lambda: fit(dataset, kind, params, np.flatnonzero(~out), resources, checkpoint=checkpoint),
        lambda model: {"proba": model.proba(dataset.images.view(np.flatnonzero(out)))},
        resources=resources,
        code=CODE,
    )
    remove_checkpoint(checkpoint)
    return result

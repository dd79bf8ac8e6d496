"""Fitting of detectors, with cached fold predictions of candidates and trials."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from glassbox.errors import GlassboxError
from glassbox.families.detection.boxes import write_boxes
from glassbox.families.detection.dataset import DetectionDataset, Ints
from glassbox.families.detection.models import KINDS, Fitting, Model
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import cache_key, fit_and_predict_cached
from glassbox.families.vision.training import checkpoint_path, remove_checkpoint
from glassbox.runtime.resources import Resources

CODE = "glassbox.families.detection.fit"  # part of the cache key, with all that it imports


def fit(
    dataset: DetectionDataset,
    kind: str,
    params: Mapping[str, Any],
    rows: Ints,
    resources: Resources,
    *,
    checkpoint: Path | None = None,
) -> Model:
    """Fit a detector of `kind` on some rows; `checkpoint` stores the epochs of an unfinished training.

    Raises
    ------
    GlassboxError
        When the request does not name the weights that this kind needs.
    """
    torch.set_num_threads(resources.threads)
    spec = KINDS[kind]
    missing = [name for name in spec.needs if getattr(dataset, name) is None]
    if missing:
        raise GlassboxError(f"the request names no weights.{missing[0]}")
    return spec.fit(dataset, rows, Fitting(dict(params), resources.seed, checkpoint))


def fit_fold(dataset: DetectionDataset, candidate: Candidate, fold: int, resources: Resources) -> dict[str, Any]:
    """Predict the boxes on the images of one fold with a detector fitted on the other folds; the result is cached.

    Returns
    -------
    dict
        ``boxes``, one cell per image of the fold as `boxes.write_boxes` writes them, and the seconds ``fit_s`` and ``predict_s``.
    """
    kind, params = candidate.kind, candidate.params
    out = dataset.fold == fold
    key = cache_key("fold of boxes", dataset.digest(kind), fold, kind, params, resources)
    checkpoint = checkpoint_path(dataset.images.store, key, CODE)
    result = fit_and_predict_cached(
        key,
        lambda: fit(dataset, kind, params, np.flatnonzero(~out), resources, checkpoint=checkpoint),
        lambda model: {"boxes": [write_boxes(boxes) for boxes in model.find(dataset.view(np.flatnonzero(out)))]},
        resources=resources,
        code=CODE,
    )
    remove_checkpoint(checkpoint)
    return result

"""What tuning kept, fitted once more on all rows of train."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassbox.data.schema import Schema
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.shared.cross_fit import limited
from glassbox.families.vision.fit import CODE, Pictures, fit
from glassbox.families.vision.models import backbone_indices
from glassbox.families.vision.predictor import VisionPredictor
from glassbox.families.vision.recipe import Recipe
from glassbox.families.vision.reference_features import ReferenceFeatures
from glassbox.families.vision.training import checkpoint_path, remove_checkpoint


def refit(
    best: Mapping[str, Any],
    pictures: Pictures,
    schema: Schema,
    calibration: Calibration,
    threshold: float | None,
    *,
    seed: int,
    threads: int = 1,
) -> VisionPredictor:
    """Fit what tuning kept on all rows of train, and put it together with calibration and threshold.

    Parameters
    ----------
    best
        As tuning saved it: ``kind``, ``params``, ``recipe``.
    pictures, schema
        Train, and what its rows look like.
    calibration, threshold
        From out-of-fold predictions; with more than two classes no threshold is used.
    """
    problem, album = pictures.problem, pictures.album
    parts = {"what": "all of train", "data": pictures.digest(best["kind"]), "best": dict(best), "seed": seed, "threads": threads}
    checkpoint = checkpoint_path(album.store, parts, CODE)
    with limited(threads):
        model = fit(
            pictures,
            best["kind"],
            best["params"],
            np.arange(len(problem.y)),
            seed=seed,
            threads=threads,
            checkpoint=checkpoint,
            workers=max(1, album.workers // threads),
        )
    remove_checkpoint(checkpoint)
    asked = backbone_indices(best["kind"], best["params"])
    return VisionPredictor(
        schema=schema,
        recipe=Recipe.model_validate(best["recipe"]),
        kind=best["kind"],
        params=dict(best["params"]),
        model=model,
        calibration=calibration,
        threshold=threshold if problem.binary else None,
        positive=problem.classes[problem.positive],
        reference=ReferenceFeatures.of(album, asked[0] if asked else None),
        backbones=album.backbones,
        store=album.store,
        workers=album.workers,
    )

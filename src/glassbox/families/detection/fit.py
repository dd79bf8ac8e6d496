"""One fit of a detector: on some rows, asked on others. What candidates and trials are remembered by."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from glassbox.errors import GlassboxError
from glassbox.families.detection.boxes import write_boxes
from glassbox.families.detection.dataset import DetectionDataset, Ints
from glassbox.families.detection.models import Fitting, Model, kind_of
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import Cache, cache_key, fit_and_predict_cached
from glassbox.families.shared.set_prediction import FitFold
from glassbox.families.vision.training import checkpoint_path, remove_checkpoint

CODE = "glassbox.families.detection.fit"  # what results are remembered by: this module and all that it imports


def fit(
    scenes: DetectionDataset,
    kind: str,
    params: Mapping[str, Any],
    rows: Ints,
    *,
    seed: int,
    threads: int = 1,
    checkpoint: Path | None = None,
) -> Model:
    """A detector of `kind`, taught by some rows; its epochs are kept in `checkpoint` until it is done.

    Raises
    ------
    GlassboxError
        When the request does not name weights that it needs.
    """
    torch.set_num_threads(threads)
    how = kind_of(kind)
    lacking = [name for name in how.needs if getattr(scenes, name) is None]
    if lacking:
        raise GlassboxError(f"the request names no weights.{lacking[0]}")
    return how.fit(scenes, rows, Fitting(dict(params), seed, checkpoint))


def fit_fold(
    scenes: DetectionDataset,
    fold: int,
    kind: str,
    params: Mapping[str, Any],
    *,
    seed: int,
    threads: int = 1,
    memo: Cache | None = None,
) -> dict[str, Any]:
    """The boxes found on the pictures of one fold, by a detector that saw the others.

    Returns
    -------
    dict
        ``boxes``, a cell a picture of the fold as `boxes.written` writes them, and the seconds ``fit_s`` and ``predict_s``.
    """
    out = scenes.fold == fold
    parts = cache_key("fold of boxes", scenes.digest(kind), fold, kind, params, seed=seed, threads=threads)
    checkpoint = checkpoint_path(scenes.album.store, parts, CODE)
    result = fit_and_predict_cached(
        parts,
        lambda: fit(scenes, kind, params, np.flatnonzero(~out), seed=seed, threads=threads, checkpoint=checkpoint),
        lambda model: {"boxes": [write_boxes(boxes) for boxes in model.find(scenes.view(np.flatnonzero(out)))]},
        memo=memo,
        code=CODE,
    )
    remove_checkpoint(checkpoint)
    return result


def fitter(scenes: DetectionDataset, *, seed: int, threads: int = 1, memo: Cache | None = None) -> FitFold:
    """Fits a candidate on all folds but one."""

    def one(candidate: Candidate, fold: int) -> dict[str, Any]:
        return fit_fold(scenes, fold, candidate.kind, candidate.params, seed=seed, threads=threads, memo=memo)

    return one

"""One fit of pictures: a model on some rows, asked on others. What candidates and trials are remembered by."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from glassbox.families.classification.compare import FitFold
from glassbox.families.classification.dataset import Problem
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import Cache, cache_key, fit_and_predict_cached
from glassbox.families.vision.image_collection import Codes, ImageCollection
from glassbox.families.vision.models import Fitting, Model, kind_of
from glassbox.families.vision.training import checkpoint_path, remove_checkpoint
from glassbox.files import hash_value

CODE = "glassbox.families.vision.fit"  # what results are remembered by: this module and all that it imports


@dataclass(frozen=True)
class Pictures:
    """The rows of a problem as pictures: what every fit of a stage shares."""

    problem: Problem
    album: ImageCollection

    @cached_property
    def _bare(self) -> str:
        problem = self.problem
        return hash_value([self.album.digests, problem.row_ids, problem.y.tolist(), problem.classes, problem.fold.tolist()])

    def digest(self, kind: str) -> str:
        """The hash of what a model sees of them."""
        album = self.album
        asked = [backbone.digest for backbone in album.backbones] if kind not in ("majority", "small_network") else []
        return hash_value([self._bare, asked, album.recipe.augmentation.model_dump()])


def fit(
    pictures: Pictures,
    kind: str,
    params: Mapping[str, Any],
    rows: Codes,
    *,
    seed: int,
    threads: int = 1,
    checkpoint: Path | None = None,
    workers: int = 1,
) -> Model:
    """A model of `kind`, taught by some rows; a network's epochs are kept in `checkpoint` until it is done."""
    torch.set_num_threads(threads)
    asked = Fitting(dict(params), len(pictures.problem.classes), seed, pictures.album.recipe.augmentation, checkpoint, workers)
    return kind_of(kind).fit(pictures.album.view(rows), pictures.problem.y[rows], asked)


def fit_fold(
    pictures: Pictures,
    fold: int,
    kind: str,
    params: Mapping[str, Any],
    *,
    seed: int,
    threads: int = 1,
    memo: Cache | None = None,
) -> dict[str, Any]:
    """Probabilities for the rows of one fold, by a model that saw the others.

    Returns
    -------
    dict
        ``proba`` of shape (rows of the fold, classes), and ``fit_s``, ``predict_s``: the seconds that it took when it
        was computed.
    """
    out = pictures.problem.fold == fold
    parts = cache_key("fold of pictures", pictures.digest(kind), fold, kind, params, seed=seed, threads=threads)
    checkpoint = checkpoint_path(pictures.album.store, parts, CODE)

    found = fit_and_predict_cached(
        parts,
        lambda: fit(pictures, kind, params, np.flatnonzero(~out), seed=seed, threads=threads, checkpoint=checkpoint),
        lambda model: {"proba": model.proba(pictures.album.view(np.flatnonzero(out)))},
        memo=memo,
        code=CODE,
    )
    remove_checkpoint(checkpoint)
    return found


def fitter(pictures: Pictures, *, seed: int, threads: int = 1, memo: Cache | None = None) -> FitFold:
    """Fits a candidate on all folds but one."""

    def one(candidate: Candidate, fold: int) -> dict[str, Any]:
        return fit_fold(pictures, fold, candidate.kind, candidate.params, seed=seed, threads=threads, memo=memo)

    return one

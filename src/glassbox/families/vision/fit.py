"""One fit of pictures: a model on some rows, asked on others. What candidates and trials are remembered by."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from glassbox.code import code_closure
from glassbox.families.classes.problem import Problem
from glassbox.families.fitting import Forgetful, Remembers
from glassbox.families.vision.album import Album, Codes
from glassbox.families.vision.models import Fitting, Model, kind_of
from glassbox.files import hash_value

CODE = "glassbox.families.vision.fit"  # what results are remembered by: this module and all that it imports


@dataclass(frozen=True)
class Pictures:
    """The rows of a problem as pictures: what every fit of a stage shares."""

    problem: Problem
    album: Album

    @cached_property
    def _bare(self) -> str:
        problem = self.problem
        return hash_value([self.album.names, problem.row_ids, problem.y.tolist(), problem.classes, problem.fold.tolist()])

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
) -> Model:
    """A model of `kind`, taught by some rows; a network's epochs are kept in `checkpoint` until it is done."""
    torch.set_num_threads(threads)
    asked = Fitting(dict(params), len(pictures.problem.classes), seed, pictures.album.recipe.augmentation, checkpoint)
    return kind_of(kind).fit(pictures.album.rows(rows), pictures.problem.y[rows], asked)


def checkpoint_of(pictures: Pictures, parts: Mapping[str, Any]) -> Path | None:
    """Where the epochs of a training are kept, by all that it comes from; None where nothing is kept."""
    if pictures.album.store is None:
        return None
    return pictures.album.store / "training" / hash_value([dict(parts), code_closure([CODE])])


def forget(checkpoint: Path | None) -> None:
    """Remove what was kept of a training that is done."""
    for path in checkpoint.parent.glob(f"{checkpoint.name}*") if checkpoint is not None else ():
        path.unlink(missing_ok=True)


def fit_fold(
    pictures: Pictures,
    fold: int,
    kind: str,
    params: Mapping[str, Any],
    *,
    seed: int,
    threads: int = 1,
    memo: Remembers | None = None,
) -> dict[str, Any]:
    """Probabilities for the rows of one fold, by a model that saw the others.

    Returns
    -------
    dict
        ``proba`` of shape (rows of the fold, classes), and ``fit_s``, ``predict_s``: the seconds that it took when it
        was computed.
    """
    out = pictures.problem.fold == fold
    parts = {
        "what": "fold of pictures",
        "data": pictures.digest(kind),
        "fold": fold,
        "kind": kind,
        "params": dict(params),
        "seed": seed,
        "threads": threads,
    }
    checkpoint = checkpoint_of(pictures, parts)

    def compute() -> dict[str, Any]:
        started = time.perf_counter()
        model = fit(pictures, kind, params, np.flatnonzero(~out), seed=seed, threads=threads, checkpoint=checkpoint)
        between = time.perf_counter()
        proba = model.proba(pictures.album.rows(np.flatnonzero(out)))
        return {"proba": proba, "fit_s": between - started, "predict_s": time.perf_counter() - between}

    found = (memo or Forgetful()).remember(parts, compute, code=[CODE])
    forget(checkpoint)
    return found


__all__ = ["Pictures", "checkpoint_of", "fit", "fit_fold", "forget"]

"""One fit of a recogniser: on some rows, asked on others. What candidates and trials are remembered by."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassbox.errors import GlassboxError
from glassbox.families.entities.dataset import EntityDataset, Ints
from glassbox.families.entities.models import Fitting, Model, judged, kind_of
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import Cache, cache_key, fit_and_predict_cached
from glassbox.families.shared.set_prediction import FitFold

CODE = "glassbox.families.entities.fit"  # what results are remembered by: this module and all that it imports


def fit(sentences: EntityDataset, kind: str, params: Mapping[str, Any], rows: Ints, *, seed: int, threads: int = 1) -> Model:
    """A recogniser of `kind`, taught by some rows.

    Raises
    ------
    GlassboxError
        When the request does not name weights that it needs.
    """
    how = kind_of(kind)
    lacking = [name for name in how.needs if getattr(sentences.shared, name) is None]
    if lacking:
        raise GlassboxError(f"the request names no weights.{lacking[0]}")
    return how.fit(sentences, rows, Fitting(dict(params), seed, threads))


def fit_fold(
    sentences: EntityDataset,
    fold: int,
    kind: str,
    params: Mapping[str, Any],
    *,
    seed: int,
    threads: int = 1,
    memo: Cache | None = None,
) -> dict[str, Any]:
    """The spans found in the rows of one fold, by a recogniser that saw the others.

    Returns
    -------
    dict
        ``spans``, a list of ``[start, end, type]`` a row of the fold, and the seconds ``fit_s`` and ``predict_s``.
    """
    out = sentences.fold == fold

    def ask(model: Model) -> dict[str, Any]:
        return {"spans": [[list(span) for span in row] for row in judged(kind, model, sentences, np.flatnonzero(out))]}

    parts = cache_key("fold of spans", sentences.digest, fold, kind, params, seed=seed, threads=threads)
    return fit_and_predict_cached(
        parts,
        lambda: fit(sentences, kind, params, np.flatnonzero(~out), seed=seed, threads=threads),
        ask,
        memo=memo,
        code=CODE,
    )


def fitter(sentences: EntityDataset, *, seed: int, threads: int = 1, memo: Cache | None = None) -> FitFold:
    """Fits a candidate on all folds but one."""

    def one(candidate: Candidate, fold: int) -> dict[str, Any]:
        return fit_fold(sentences, fold, candidate.kind, candidate.params, seed=seed, threads=threads, memo=memo)

    return one

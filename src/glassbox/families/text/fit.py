"""One fit of texts: a model on some rows, asked on others. What candidates and trials are remembered by."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from glassbox.families.classification.compare import FitFold
from glassbox.families.classification.dataset import Problem
from glassbox.families.classification.linear_models import Codes
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import Cache, cache_key, fit_and_predict_cached
from glassbox.families.text.corpus import Corpus
from glassbox.families.text.encoder import Encoder
from glassbox.families.text.models import encodes, kind_of
from glassbox.families.text.protocols import Fitting, Model
from glassbox.files import hash_value

CODE = "glassbox.families.text.fit"  # what results are remembered by: this module and all that it imports


@dataclass(frozen=True)
class TextDataset:
    """The rows of a problem as texts: what every fit of a stage shares."""

    problem: Problem
    corpus: Corpus
    encoder: Encoder | None = None

    @cached_property
    def _bare(self) -> str:
        corpus, problem = self.corpus, self.problem
        told = [problem.row_ids, problem.y.tolist(), problem.classes, problem.fold.tolist()]
        return hash_value([list(corpus.texts), list(corpus.varied), *told])

    def digest(self, kind: str, params: Mapping[str, Any]) -> str:
        """The hash of what a model of this kind sees of them."""
        asked = self.encoder is not None and (encodes(kind, params) or kind == "transformer")
        return hash_value([self._bare, [self.encoder.digest, self.encoder.most_tokens] if asked and self.encoder else None])


def fit(
    texts: TextDataset, kind: str, params: Mapping[str, Any], rows: Codes, *, seed: int, threads: int = 1, workers: int = 1
) -> Model:
    """A model of `kind`, taught by some rows and their varied twins."""
    view = texts.corpus.rows(rows, teaching=True)
    copies = len(view) // max(1, len(rows))
    y = np.concatenate([texts.problem.y[rows]] * copies)
    weights = texts.encoder.folder if texts.encoder is not None else None
    asked = Fitting(dict(params), len(texts.problem.classes), seed, threads, weights, copies, workers)
    return kind_of(kind).fit(view, y, asked)


def fit_fold(
    texts: TextDataset, fold: int, kind: str, params: Mapping[str, Any], *, seed: int, threads: int = 1, memo: Cache | None = None
) -> dict[str, Any]:
    """Probabilities for the rows of one fold, by a model that saw the others.

    Returns
    -------
    dict
        ``proba`` of shape (rows of the fold, classes), and ``fit_s``, ``predict_s``: the seconds that it took when it
        was computed.
    """
    out = texts.problem.fold == fold

    parts = cache_key("fold of texts", texts.digest(kind, params), fold, kind, params, seed=seed, threads=threads)
    return fit_and_predict_cached(
        parts,
        lambda: fit(texts, kind, params, np.flatnonzero(~out), seed=seed, threads=threads),
        lambda model: {"proba": model.proba(texts.corpus.rows(np.flatnonzero(out)))},
        memo=memo,
        code=CODE,
    )


def fitter(texts: TextDataset, *, seed: int, threads: int = 1, memo: Cache | None = None) -> FitFold:
    """Fits a candidate on all folds but one."""

    def one(candidate: Candidate, fold: int) -> dict[str, Any]:
        return fit_fold(texts, fold, candidate.kind, candidate.params, seed=seed, threads=threads, memo=memo)

    return one

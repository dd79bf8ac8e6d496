"""Models of n-grams: TF-IDF, and naive Bayes with a linear classifier."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from glassbox.errors import GlassboxError
from glassbox.families.classification.linear_models import (
    LIBLINEAR,
    Codes,
    Head,
    Singles,
    logistic,
    read_array,
    support_vectors,
    write_array,
)
from glassbox.families.text.corpus import Floats, Grams, View, Vocabulary
from glassbox.families.text.protocols import Fitting
from glassbox.files import read_json, read_parquet, write_json, write_parquet

MOST_TERMS = 1_000_000


@dataclass(frozen=True)
class TermModel:
    """A linear head on n-grams: their TF-IDF (`idf` given), or whether they are there at all (`idf` None)."""

    vocabulary: Vocabulary
    idf: Singles | None
    head: Head

    def matrix(self, counts: Any) -> Any:
        return present(counts) if self.idf is None else tf_idf(counts, self.idf)

    def proba(self, view: View) -> Floats:
        return self.head.proba(self.matrix(view.counts(self.vocabulary)))

    def save(self, folder: Path) -> None:
        grams = self.vocabulary.grams
        write_json(folder / "grams.json", {"unit": grams.unit, "low": grams.low, "high": grams.high})
        write_parquet(folder / "terms.parquet", pd.DataFrame({"term": pd.array(self.vocabulary.terms, dtype=object)}))
        if self.idf is not None:
            write_array(folder / "idf.npy", self.idf)
        self.head.save(folder)


def load_terms(folder: Path) -> TermModel:
    vocabulary = Vocabulary(Grams(**read_json(folder / "grams.json")), read_parquet(folder / "terms.parquet")["term"].tolist())
    idf = read_array(folder / "idf.npy") if (folder / "idf.npy").is_file() else None
    return TermModel(vocabulary, idf, Head.load(folder))


def tf_idf(counts: Any, idf: Singles) -> Any:
    """Rows of length one of ``(1 + ln tf) * idf`` (Manning, Raghavan and Schütze 2008, sec. 6.4.1)."""
    found = sp.csr_matrix(counts, dtype=np.float64, copy=True)
    np.log(found.data, out=found.data)
    found.data += 1
    found = found.multiply(idf.astype(np.float64)[None, :]).tocsr()
    length = np.sqrt(np.asarray(found.multiply(found).sum(axis=1)).ravel())
    return sp.diags(1 / np.where(length == 0, 1.0, length)) @ found


def inverse_frequency(counts: Any) -> Singles:
    """``ln((1 + n) / (1 + df)) + 1``: smoothed, as scikit-learn has it."""
    rows = np.bincount(counts.indices, minlength=counts.shape[1])
    return np.asarray(np.log((1 + counts.shape[0]) / (1 + rows)) + 1, dtype=np.float32)


def present(counts: Any) -> Any:
    """1 where an n-gram is there."""
    found = sp.csr_matrix(counts, dtype=np.float64, copy=True)
    found.data[:] = 1.0
    return found


def tf_idf_model(unit: str, low: int, high: int) -> Callable[[View, Codes, Fitting], TermModel]:
    def fit(view: View, y: Codes, asked: Fitting) -> TermModel:
        params = {"head": "logistic", "ngrams": [low, high], "min_rows": 2, "most_terms": MOST_TERMS, **asked.params}
        first, last = params["ngrams"] if isinstance(params["ngrams"], list | tuple) else (1, params["ngrams"])
        grams = Grams("words" if unit == "words" else "characters", int(first), int(last))
        vocabulary, counts = view.learn(grams, params["min_rows"], params["most_terms"])
        idf = inverse_frequency(counts)
        if not vocabulary.terms:
            raise GlassboxError("no n-gram stands in enough texts to be learnt")
        head = {"logistic": logistic, "svm": support_vectors}[params["head"]]
        return TermModel(vocabulary, idf, head(tf_idf(counts, idf), y, asked.classes, c=asked.c(10.0), seed=asked.seed))

    return fit


def log_count_ratio(x: Any, hit: npt.NDArray[np.bool_], alpha: float) -> Floats:
    """``ln((p / |p|) / (q / |q|))`` with ``p = alpha + sum of rows of the class``: Wang and Manning (2012), eq. 4.

    >>> x = sp.csr_matrix([[1.0, 0.0], [0.0, 1.0]])
    >>> log_count_ratio(x, np.array([True, False]), 1.0).round(3).tolist()
    [0.693, -0.693]
    """
    p = alpha + np.asarray(x[hit].sum(axis=0)).ravel()
    q = alpha + np.asarray(x[~hit].sum(axis=0)).ravel()
    return np.asarray(np.log((p / p.sum()) / (q / q.sum())), dtype=np.float64)


def fit_naive_bayes_linear(view: View, y: Codes, asked: Fitting) -> TermModel:
    """A linear classifier on presence times log-count ratio (Wang and Manning 2012, sec. 2.3), one against the rest.

    With ``tf_idf``, on TF-IDF in place of presence: what stands in every text then weighs less, however its classes are mixed.

    `beta` mixes its weights with their mean size (eq. 6): 1 leaves them, 0 is naive Bayes. The linear part is a logistic regression,
    so that scores are log-odds.
    """
    from sklearn.linear_model import LogisticRegression

    params = {
        "alpha": 1.0,
        "beta": 1.0,
        "ngrams": [1, 3],
        "min_rows": 3,
        "most_terms": MOST_TERMS,
        "tf_idf": False,
        **asked.params,
    }
    first, last = params["ngrams"] if isinstance(params["ngrams"], list | tuple) else (1, params["ngrams"])
    vocabulary, counts = view.learn(Grams("words", int(first), int(last)), params["min_rows"], params["most_terms"])
    if not vocabulary.terms:
        raise GlassboxError("no n-gram stands in enough texts to be learnt")
    x, idf = present(counts), inverse_frequency(counts) if params["tf_idf"] else None
    seen = x if idf is None else tf_idf(counts, idf)
    wanted = [1] if asked.classes == 2 else range(asked.classes)
    weights, bias = np.zeros((x.shape[1], len(wanted))), np.full(len(wanted), -50.0)
    for place, k in enumerate(wanted):
        hit = y == k
        if not hit.any() or hit.all():
            continue
        ratio = log_count_ratio(x, hit, float(params["alpha"]))
        model = LogisticRegression(C=asked.c(0.1), solver="liblinear", dual=True, max_iter=1000, random_state=asked.seed)
        weighted = seen @ sp.diags(ratio)
        with LIBLINEAR:
            model.fit(weighted, hit)
        own, beta = model.coef_[0], float(params["beta"])
        mixed = (1 - beta) * np.abs(own).mean() + beta * own
        weights[:, place], bias[place] = mixed * ratio, model.intercept_[0]
    return TermModel(vocabulary, idf, Head(weights.astype(np.float32), bias.astype(np.float32), "each"))

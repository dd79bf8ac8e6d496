"""N-gram models: linear classifiers on TF-IDF, and naive Bayes combined with a linear classifier."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from glassbox.errors import GlassboxError
from glassbox.families.classification.linear_models import LIBLINEAR, Codes, Head, Singles, logistic, support_vectors
from glassbox.families.shared.arrays import read_array, write_array
from glassbox.families.text.corpus import Floats, NgramSpec, View, Vocabulary
from glassbox.families.text.protocols import Fitting
from glassbox.files import read_json, read_parquet, write_json, write_parquet

MOST_TERMS = 1_000_000
NO_TERMS = "no n-gram occurs in enough texts; lower min_rows or provide more texts"


@dataclass(frozen=True)
class NgramModel:
    """A linear classifier on n-grams: on their TF-IDF (`idf` given), or on their presence (`idf` None)."""

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


def load_ngram_model(folder: Path) -> NgramModel:
    """Load the n-gram model that was saved in `folder`."""
    vocabulary = Vocabulary(
        NgramSpec(**read_json(folder / "grams.json")), read_parquet(folder / "terms.parquet")["term"].tolist()
    )
    idf = read_array(folder / "idf.npy") if (folder / "idf.npy").is_file() else None
    return NgramModel(vocabulary, idf, Head.load(folder))


def tf_idf(counts: Any, idf: Singles) -> Any:
    """Return L2-normalised rows of ``(1 + ln tf) * idf`` (Manning, Raghavan and Schütze 2008, sec. 6.4.1)."""
    weighted = sp.csr_matrix(counts, dtype=np.float64, copy=True)
    np.log(weighted.data, out=weighted.data)
    weighted.data += 1
    weighted = weighted.multiply(idf.astype(np.float64)[None, :]).tocsr()
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return sp.diags(1 / np.where(length == 0, 1.0, length)) @ weighted


def inverse_frequency(counts: Any) -> Singles:
    """Return the smoothed inverse document frequency ``ln((1 + n) / (1 + df)) + 1``, as in scikit-learn."""
    rows = np.bincount(counts.indices, minlength=counts.shape[1])
    return np.asarray(np.log((1 + counts.shape[0]) / (1 + rows)) + 1, dtype=np.float32)


def present(counts: Any) -> Any:
    """Return counts as indicators: 1 where an n-gram occurs."""
    indicators = sp.csr_matrix(counts, dtype=np.float64, copy=True)
    indicators.data[:] = 1.0
    return indicators


def tf_idf_model(unit: str, low: int, high: int) -> Callable[[View, Codes, Fitting], NgramModel]:
    """Return a function that fits a linear classifier on the TF-IDF of n-grams of `unit`, ``words`` or ``characters``."""

    def fit(view: View, y: Codes, fitting: Fitting) -> NgramModel:
        params = {"head": "logistic", "ngrams": [low, high], "min_rows": 2, "most_terms": MOST_TERMS, **fitting.params}
        first, last = params["ngrams"] if isinstance(params["ngrams"], list | tuple) else (1, params["ngrams"])
        grams = NgramSpec("words" if unit == "words" else "characters", int(first), int(last))
        vocabulary, counts = view.fit_vocabulary(grams, params["min_rows"], params["most_terms"])
        idf = inverse_frequency(counts)
        if not vocabulary.terms:
            raise GlassboxError(NO_TERMS)
        head = {"logistic": logistic, "svm": support_vectors}[params["head"]]
        return NgramModel(vocabulary, idf, head(tf_idf(counts, idf), y, fitting.classes, c=fitting.c(10.0), seed=fitting.seed))

    return fit


def log_count_ratio(x: Any, hit: npt.NDArray[np.bool_], alpha: float) -> Floats:
    """Return ``ln((p / |p|) / (q / |q|))`` with ``p = alpha + sum of rows of the class``: Wang and Manning (2012), eq. 4.

    >>> x = sp.csr_matrix([[1.0, 0.0], [0.0, 1.0]])
    >>> log_count_ratio(x, np.array([True, False]), 1.0).round(3).tolist()
    [0.693, -0.693]
    """
    p = alpha + np.asarray(x[hit].sum(axis=0)).ravel()
    q = alpha + np.asarray(x[~hit].sum(axis=0)).ravel()
    return np.asarray(np.log((p / p.sum()) / (q / q.sum())), dtype=np.float64)


def fit_naive_bayes_linear(view: View, y: Codes, fitting: Fitting) -> NgramModel:
    """Fit a one-vs-rest linear classifier on n-gram presence times log-count ratio (Wang and Manning 2012, sec. 2.3).

    With ``tf_idf``, TF-IDF replaces presence, so that n-grams which occur in most texts weigh less. ``beta`` interpolates between the
    fitted weights (1) and their mean magnitude, which is naive Bayes (0; eq. 6). The linear classifier is a logistic regression, so
    that scores are log-odds.
    """
    from sklearn.linear_model import LogisticRegression

    params = {
        "alpha": 1.0,
        "beta": 1.0,
        "ngrams": [1, 3],
        "min_rows": 3,
        "most_terms": MOST_TERMS,
        "tf_idf": False,
        **fitting.params,
    }
    first, last = params["ngrams"] if isinstance(params["ngrams"], list | tuple) else (1, params["ngrams"])
    vocabulary, counts = view.fit_vocabulary(NgramSpec("words", int(first), int(last)), params["min_rows"], params["most_terms"])
    if not vocabulary.terms:
        raise GlassboxError(NO_TERMS)
    x, idf = present(counts), inverse_frequency(counts) if params["tf_idf"] else None
    features = x if idf is None else tf_idf(counts, idf)
    positives = [1] if fitting.classes == 2 else range(fitting.classes)
    weights, bias = np.zeros((x.shape[1], len(positives))), np.full(len(positives), -50.0)
    for column, k in enumerate(positives):
        hit = y == k
        if not hit.any() or hit.all():
            continue
        ratio = log_count_ratio(x, hit, float(params["alpha"]))
        model = LogisticRegression(C=fitting.c(0.1), solver="liblinear", dual=True, max_iter=1000, random_state=fitting.seed)
        weighted = features @ sp.diags(ratio)
        with LIBLINEAR:
            model.fit(weighted, hit)
        coefficients, beta = model.coef_[0], float(params["beta"])
        mixed = (1 - beta) * np.abs(coefficients).mean() + beta * coefficients
        weights[:, column], bias[column] = mixed * ratio, model.intercept_[0]
    return NgramModel(vocabulary, idf, Head(weights.astype(np.float32), bias.astype(np.float32), "each"))

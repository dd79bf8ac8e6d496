"""Texts counted and encoded once, and looked at by rows: what every fold of every candidate shares.

What a row gives (its n-grams, its embedding) depends on that row alone, so counting all rows at once leaks nothing; which n-grams a
model knows, and what they weigh, is learnt inside a fold from the rows that teach.
"""

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*|[!?]", re.UNICODE)
Encode = Callable[[Sequence[str]], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Grams:
    """Which n-grams are counted: runs of `low` to `high` words, or of characters within words."""

    unit: Literal["words", "characters"]
    low: int
    high: int

    def vectorizer(self, vocabulary: dict[str, int] | None = None, min_rows: int = 1) -> Any:
        """scikit-learn's counter of these n-grams, in lower case."""
        from sklearn.feature_extraction.text import CountVectorizer

        shared = {"ngram_range": (self.low, self.high), "vocabulary": vocabulary, "min_df": min_rows, "dtype": np.int32}
        if self.unit == "characters":
            return CountVectorizer(analyzer="char_wb", **shared)
        return CountVectorizer(tokenizer=WORD.findall, token_pattern=None, **shared)


@dataclass(frozen=True)
class Vocabulary:
    """The n-grams that a model knows, sorted."""

    grams: Grams
    terms: list[str]

    @cached_property
    def index(self) -> pd.Index:
        return pd.Index(self.terms, dtype=object)

    @cached_property
    def vectorizer(self) -> Any:
        return self.grams.vectorizer({term: i for i, term in enumerate(self.terms)})


@dataclass
class Corpus:
    """All texts of a stage. `varied` are the same texts, changed a little: they teach beside them and judge nothing."""

    texts: Sequence[str]
    varied: Sequence[str] = ()
    encode: Encode | None = None
    _counted: dict[Grams, tuple[Any, pd.Index]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def rows(self, rows: Ints, *, teaching: bool = False) -> "View":
        """Some rows; those that teach with their varied twins, if there are such."""
        twins = rows + len(self.texts) if teaching and len(self.varied) else rows[:0]
        return View(self, np.concatenate([rows, twins]))

    def whole(self) -> "View":
        """All rows."""
        return self.rows(np.arange(len(self.texts)))

    def counted(self, grams: Grams) -> tuple[Any, pd.Index]:
        """Counts of shape (texts and varied texts, n-grams), and the n-grams: those of one text alone are left out."""
        with self._lock:  # counting keeps the interpreter busy; a second fit waits for it instead of doing it again
            if grams not in self._counted:
                texts = [*self.texts, *self.varied]
                try:
                    vectorizer = grams.vectorizer(min_rows=2 if len(texts) > 1 else 1)
                    counts = vectorizer.fit_transform(texts).tocsr()
                    terms = pd.Index(vectorizer.get_feature_names_out(), dtype=object)
                except ValueError:  # no n-gram in two texts
                    counts, terms = sp.csr_matrix((len(texts), 0), dtype=np.int32), pd.Index([], dtype=object)
                self._counted[grams] = (counts, terms)
            return self._counted[grams]

    @cached_property
    def embeddings(self) -> npt.NDArray[np.float32]:
        """(texts, layers, numbers) of the sentence encoder, the sentence embedding last.

        Varied twins have the embedding of their text: they are made for models of words.
        """
        if self.encode is None:
            raise ValueError("no sentence encoder is named in the request (weights.encoder)")
        return self.encode(list(self.texts))


@dataclass(frozen=True)
class View:
    """Some rows of a corpus."""

    corpus: Corpus
    rows: Ints

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def texts(self) -> list[str]:
        every = [*self.corpus.texts, *self.corpus.varied]
        return [every[row] for row in self.rows]

    def learn(self, grams: Grams, min_rows: int, most: int) -> tuple[Vocabulary, Any]:
        """The n-grams that `min_rows` or more of these rows have (at most `most`, the most frequent), and their counts."""
        counts, terms = self.corpus.counted(grams)
        counts = counts[self.rows]
        found = np.bincount(counts.indices, minlength=counts.shape[1])
        keep = np.flatnonzero(found >= min(min_rows, len(self.rows)))
        if len(keep) > most:
            ranked = np.lexsort((keep, -found[keep]))[:most]
            keep = np.sort(keep[ranked])
        return Vocabulary(grams, terms[keep].tolist()), counts[:, keep].tocsr()

    def counts(self, vocabulary: Vocabulary) -> Any:
        """Counts of shape (rows, n-grams of `vocabulary`)."""
        if not vocabulary.terms:
            return sp.csr_matrix((len(self.rows), 0), dtype=np.int32)
        known = self.corpus._counted.get(vocabulary.grams)
        if known is None:
            return vocabulary.vectorizer.transform(self.texts).tocsr()
        counts, terms = known
        at = terms.get_indexer(vocabulary.index)
        if (at < 0).any():  # of another corpus: its n-grams are not all here
            return vocabulary.vectorizer.transform(self.texts).tocsr()
        return counts[self.rows][:, at].tocsr()

    def embeddings(self, *, layers: bool = False) -> Floats:
        """(rows, numbers): the sentence embedding, or, with `layers`, what every layer of the encoder has, side by side."""
        found = self.corpus.embeddings[self.rows % len(self.corpus.texts)]
        return (found.reshape(len(found), -1) if layers else found[:, -1]).astype(np.float64)

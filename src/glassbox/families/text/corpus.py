"""N-gram counts and embeddings of a corpus, computed once and shared by every fold of every candidate.

The n-grams and the embedding of a row depend on that row alone, so computing them for all rows at once leaks nothing. Vocabularies
and weights are fitted inside a fold, on its training rows.
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
SYMBOLS = r"\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"  # arrows, dingbats and emoji: each is a word
WORD = re.compile(rf"[^\W_]+(?:['\u2019][^\W_]+)*|[!?{SYMBOLS}]", re.UNICODE)
Encode = Callable[[Sequence[str]], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class NgramSpec:
    """The n-grams to count: sequences of `low` to `high` words, or of characters within words."""

    unit: Literal["words", "characters"]
    low: int
    high: int

    def vectorizer(self, vocabulary: dict[str, int] | None = None, min_rows: int = 1) -> Any:
        """Return scikit-learn's count vectorizer for these n-grams, lower-cased."""
        from sklearn.feature_extraction.text import CountVectorizer

        shared = {"ngram_range": (self.low, self.high), "vocabulary": vocabulary, "min_df": min_rows, "dtype": np.int32}
        if self.unit == "characters":
            return CountVectorizer(analyzer="char_wb", **shared)
        return CountVectorizer(tokenizer=WORD.findall, token_pattern=None, **shared)


@dataclass(frozen=True)
class Vocabulary:
    """The n-grams of a fitted model, sorted."""

    grams: NgramSpec
    terms: list[str]

    @cached_property
    def index(self) -> pd.Index:
        return pd.Index(self.terms, dtype=object)

    @cached_property
    def vectorizer(self) -> Any:
        return self.grams.vectorizer({term: i for i, term in enumerate(self.terms)})


@dataclass
class Corpus:
    """All texts of a stage. `varied` holds their augmented copies, which are used for training only."""

    texts: Sequence[str]
    varied: Sequence[str] = ()
    encode: Encode | None = None
    _counted: dict[NgramSpec, tuple[Any, pd.Index]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def rows(self, rows: Ints, *, training: bool = False) -> "View":
        """Return a view of some rows; with `training`, their augmented copies are included."""
        copies = rows + len(self.texts) if training and len(self.varied) else rows[:0]
        return View(self, np.concatenate([rows, copies]))

    def whole(self) -> "View":
        """Return a view of all rows, without augmented copies."""
        return self.rows(np.arange(len(self.texts)))

    def counted(self, grams: NgramSpec) -> tuple[Any, pd.Index]:
        """Return counts of shape (texts and augmented copies, n-grams), and the n-grams; n-grams in only one text are left out."""
        with self._lock:  # counting holds the interpreter lock; a second fit waits for the result instead of repeating it
            if grams not in self._counted:
                texts = [*self.texts, *self.varied]
                try:
                    vectorizer = grams.vectorizer(min_rows=2 if len(texts) > 1 else 1)
                    counts = vectorizer.fit_transform(texts).tocsr()
                    terms = pd.Index(vectorizer.get_feature_names_out(), dtype=object)
                except ValueError:  # no n-gram occurs in two texts
                    counts, terms = sp.csr_matrix((len(texts), 0), dtype=np.int32), pd.Index([], dtype=object)
                self._counted[grams] = (counts, terms)
            return self._counted[grams]

    @cached_property
    def embeddings(self) -> npt.NDArray[np.float32]:
        """Embeddings of shape (texts, layers, dimensions) by the sentence encoder; the last layer is the sentence embedding.

        Augmented copies have the embedding of their original, as augmentation is meant for n-gram models.
        """
        if self.encode is None:
            raise ValueError("the request names no sentence encoder; set weights.encoder")
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
        texts = [*self.corpus.texts, *self.corpus.varied]
        return [texts[row] for row in self.rows]

    def fit_vocabulary(self, grams: NgramSpec, min_rows: int, max_terms: int) -> tuple[Vocabulary, Any]:
        """Return the n-grams that occur in at least `min_rows` of these rows, and their counts.

        If there are more than `max_terms`, the most frequent are selected.
        """
        counts, terms = self.corpus.counted(grams)
        counts = counts[self.rows]
        document_frequency = np.bincount(counts.indices, minlength=counts.shape[1])
        selected = np.flatnonzero(document_frequency >= min(min_rows, len(self.rows)))
        if len(selected) > max_terms:
            ranked = np.lexsort((selected, -document_frequency[selected]))[:max_terms]
            selected = np.sort(selected[ranked])
        return Vocabulary(grams, terms[selected].tolist()), counts[:, selected].tocsr()

    def counts(self, vocabulary: Vocabulary) -> Any:
        """Return counts of shape (rows, n-grams of `vocabulary`)."""
        if not vocabulary.terms:
            return sp.csr_matrix((len(self.rows), 0), dtype=np.int32)
        cached = self.corpus._counted.get(vocabulary.grams)
        if cached is None:
            return vocabulary.vectorizer.transform(self.texts).tocsr()
        counts, terms = cached
        columns = terms.get_indexer(vocabulary.index)
        if (columns < 0).any():  # the vocabulary was fitted on another corpus and has n-grams that this one lacks
            return vocabulary.vectorizer.transform(self.texts).tocsr()
        return counts[self.rows][:, columns].tocsr()

    def embeddings(self, *, layers: bool = False) -> Floats:
        """Return embeddings of shape (rows, dimensions): the sentence embedding, or all layers concatenated with `layers`."""
        vectors = self.corpus.embeddings[self.rows % len(self.corpus.texts)]
        return (vectors.reshape(len(vectors), -1) if layers else vectors[:, -1]).astype(np.float64)

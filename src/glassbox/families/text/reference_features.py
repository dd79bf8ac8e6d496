"""Reference features for drift monitoring of texts: length, share of unknown words, language and position of the embedding."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.shared.embedding_drift import Directions, schema_of
from glassbox.families.text.corpus import WORD, Corpus, Encode, NgramSpec
from glassbox.families.text.log_odds_terms import languages, lengths
from glassbox.files import read_parquet, write_parquet

MAX_WORDS = 50_000  # the most frequent words that occur in two training texts or more


@dataclass(frozen=True)
class ReferenceFeatures:
    """The vocabulary of train and the main directions of its embeddings."""

    words: frozenset[str]
    directions: Directions | None = None

    @classmethod
    def of(cls, corpus: Corpus) -> "ReferenceFeatures":
        """Collect the vocabulary of a corpus, and the directions of its embeddings if it has an encoder."""
        counts, terms = corpus.counted(NgramSpec("words", 1, 1))
        total = np.bincount(counts.indices, minlength=counts.shape[1])
        words = frozenset(str(terms[i]) for i in np.lexsort((np.arange(len(total)), -total))[:MAX_WORDS])
        return cls(words, None if corpus.encode is None else Directions.of(corpus.whole().embeddings()))

    def describe(self, texts: Sequence[str], encode: Encode | None = None) -> pd.DataFrame:
        """Return one row per text: ``words``, ``unknown words`` (share), ``language`` and, with an encoder, features of its embedding."""
        tokens = [WORD.findall(text.lower()) for text in texts]
        unknown = [sum(word not in self.words for word in words) / max(1, len(words)) for words in tokens]
        features: dict[str, object] = {
            "words": lengths(texts).astype(np.float64),
            "unknown words": np.array(unknown),
            "language": languages(texts),
        }
        if self.directions is not None and encode is not None:
            features |= self.directions.describe(encode(list(texts))[:, -1].astype(np.float64))
        return pd.DataFrame(features)

    def schema(self, described: pd.DataFrame) -> Schema:
        """Return the schema of the columns that `describe` returns, for a data profile."""
        return schema_of(described)

    def save(self, folder: Path) -> None:
        """Write the reference features to `folder`."""
        write_parquet(folder / "words.parquet", pd.DataFrame({"word": pd.array(sorted(self.words), dtype=object)}))
        if self.directions is not None:
            self.directions.save(folder)

    @classmethod
    def load(cls, folder: Path) -> "ReferenceFeatures":
        """Load the reference features that were saved in `folder`."""
        return cls(frozenset(read_parquet(folder / "words.parquet")["word"].tolist()), Directions.load(folder))

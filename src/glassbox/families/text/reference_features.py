"""What later texts are compared by: their length, how many of their words were never seen, their language, and where they lie
among the texts that taught."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.shared.embedding_drift import Directions, schema_of
from glassbox.families.text.corpus import WORD, Corpus, Encode, Grams
from glassbox.families.text.log_odds_terms import languages, lengths
from glassbox.files import read_parquet, write_parquet

KNOWN = 50_000  # words at most: the most frequent that stand in two texts or more


@dataclass(frozen=True)
class Watch:
    """What is remembered of train: its words, and where its embeddings lie."""

    words: frozenset[str]
    directions: Directions | None = None

    @classmethod
    def of(cls, corpus: Corpus) -> "Watch":
        """Remember a corpus; its embeddings too where it has an encoder."""
        counts, terms = corpus.counted(Grams("words", 1, 1))
        total = np.bincount(counts.indices, minlength=counts.shape[1])
        words = frozenset(str(terms[i]) for i in np.lexsort((np.arange(len(total)), -total))[:KNOWN])
        return cls(words, None if corpus.encode is None else Directions.of(corpus.whole().embeddings()))

    def describe(self, texts: Sequence[str], encode: Encode | None = None) -> pd.DataFrame:
        """A row a text: ``words``, ``unknown words`` (share), ``language`` and, with an encoder, where its embedding lies."""
        found = [WORD.findall(text.lower()) for text in texts]
        unknown = [sum(word not in self.words for word in words) / max(1, len(words)) for words in found]
        told: dict[str, object] = {
            "words": lengths(texts).astype(np.float64),
            "unknown words": np.array(unknown),
            "language": languages(texts),
        }
        if self.directions is not None and encode is not None:
            told |= self.directions.describe(encode(list(texts))[:, -1].astype(np.float64))
        return pd.DataFrame(told)

    def schema(self, described: pd.DataFrame) -> Schema:
        """What `describe` gives, as columns that a profile is made of."""
        return schema_of(described)

    def save(self, folder: Path) -> None:
        """Write what is remembered."""
        write_parquet(folder / "words.parquet", pd.DataFrame({"word": pd.array(sorted(self.words), dtype=object)}))
        if self.directions is not None:
            self.directions.save(folder)

    @classmethod
    def load(cls, folder: Path) -> "Watch":
        """What was written."""
        return cls(frozenset(read_parquet(folder / "words.parquet")["word"].tolist()), Directions.load(folder))

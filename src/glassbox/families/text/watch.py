"""What later texts are compared by: their length, how many of their words were never seen, their language, and where they lie
among the texts that taught."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.families.text.corpus import WORD, Corpus, Encode, Grams
from glassbox.families.text.heads import read_array, write_array
from glassbox.families.text.words import languages, lengths
from glassbox.files import read_parquet, write_parquet

KNOWN = 50_000  # words at most: the most frequent that stand in two texts or more
DIRECTIONS = 3  # along which the embeddings of train vary most


@dataclass(frozen=True)
class Watch:
    """What is remembered of train: its words, and the centre and the main directions of its embeddings."""

    words: frozenset[str]
    centre: npt.NDArray[np.float32] | None = None
    directions: npt.NDArray[np.float32] | None = None

    @classmethod
    def of(cls, corpus: Corpus) -> "Watch":
        """Remember a corpus; its embeddings too where it has an encoder."""
        counts, terms = corpus.counted(Grams("words", 1, 1))
        total = np.bincount(counts.indices, minlength=counts.shape[1])
        words = frozenset(str(terms[i]) for i in np.lexsort((np.arange(len(total)), -total))[:KNOWN])
        if corpus.encode is None:
            return cls(words)
        vectors = corpus.whole().embeddings()
        centre = vectors.mean(axis=0)
        _, _, directions = np.linalg.svd(np.cov((vectors - centre).T) if len(vectors) > 1 else np.eye(len(centre)))
        signed = (
            directions[:DIRECTIONS]
            * np.sign(directions[:DIRECTIONS, np.abs(directions[:DIRECTIONS]).argmax(axis=1)].diagonal())[:, None]
        )
        return cls(words, centre.astype(np.float32), signed.astype(np.float32))

    def describe(self, texts: Sequence[str], encode: Encode | None = None) -> pd.DataFrame:
        """A row a text: ``words``, ``unknown words`` (share), ``language`` and, with an encoder, where its embedding lies."""
        found = [WORD.findall(text.lower()) for text in texts]
        unknown = [sum(word not in self.words for word in words) / max(1, len(words)) for words in found]
        told: dict[str, object] = {
            "words": lengths(texts).astype(np.float64),
            "unknown words": np.array(unknown),
            "language": languages(texts),
        }
        if self.centre is not None and self.directions is not None and encode is not None:
            vectors = encode(list(texts))[:, -1].astype(np.float64) - self.centre
            told["distance from the centre"] = np.sqrt((vectors**2).sum(axis=1))
            for i, direction in enumerate(self.directions, start=1):
                told[f"embedding, direction {i}"] = vectors @ direction
        return pd.DataFrame(told)

    def schema(self, described: pd.DataFrame) -> Schema:
        """What `describe` gives, as columns that a profile is made of."""
        columns = []
        for name in described.columns:
            if name == "language":
                columns.append(ColumnSchema(name=name, kind="category", categories=sorted(set(described[name]))))
            else:
                columns.append(
                    ColumnSchema(name=name, kind="number", low=float(described[name].min()), high=float(described[name].max()))
                )
        return Schema(columns=columns)

    def save(self, folder: Path) -> None:
        """Write what is remembered."""
        write_parquet(folder / "words.parquet", pd.DataFrame({"word": pd.array(sorted(self.words), dtype=object)}))
        if self.centre is not None and self.directions is not None:
            write_array(folder / "centre.npy", self.centre)
            write_array(folder / "directions.npy", self.directions)

    @classmethod
    def load(cls, folder: Path) -> "Watch":
        """What was written."""
        there = (folder / "centre.npy").is_file()
        words = frozenset(read_parquet(folder / "words.parquet")["word"].tolist())
        return cls(words, *((read_array(folder / f"{name}.npy") for name in ("centre", "directions")) if there else ()))

"""Texts with their entities and folds: what every fit of a stage shares, and what of it is costly and done once."""

import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.data.formats.conll import DOCUMENT
from glassbox.errors import DataError
from glassbox.families.classification.folds import groups_of
from glassbox.families.entities.spans import Span, read_spans, types_of
from glassbox.files import hash_tree, hash_value

Ints = npt.NDArray[np.int64]


@dataclass
class Shared:
    """Texts, and what pretrained models say of them: asked once, whichever fit asks first."""

    texts: list[str]
    pipeline: Path | None = None
    encoder: Path | None = None
    workers: int = 1
    _lock: Any = field(default_factory=threading.Lock, repr=False)
    _asked: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def raw(self) -> list[list[Span]]:
        """The entities of the pipeline as it comes, under its own types."""
        from glassbox.families.entities.spacy_model import load, recognised

        with self._lock:
            if "raw" not in self._asked:
                assert self.pipeline is not None
                self._asked["raw"] = recognised(load(self.pipeline), self.texts)
            found: list[list[Span]] = self._asked["raw"]
            return found

    @property
    def tokens(self) -> Any:
        """The encoder's token embeddings, `tokens.Encoded`."""
        from glassbox.families.entities.tokens import Tokens

        with self._lock:
            if "tokens" not in self._asked:
                assert self.encoder is not None
                self._asked["tokens"] = Tokens(self.encoder).encode(self.texts, self.workers)
            return self._asked["tokens"]


@dataclass(frozen=True)
class EntityDataset:
    """The rows of train in canonical order.

    Attributes
    ----------
    spans, types
        What stands in each text, and the types there are.
    fold, documents
        The fold of each text, and the document that it belongs to (itself, where there is none).
    """

    row_ids: list[str]
    texts: list[str]
    spans: list[list[Span]]
    types: list[str]
    fold: Ints
    documents: list[str]
    shared: Shared

    @property
    def folds(self) -> range:
        return range(int(self.fold.max()) + 1)

    @cached_property
    def digest(self) -> str:
        """The hash of all that a recogniser learns from."""
        weights = [hash_tree(path) if path is not None else None for path in (self.shared.pipeline, self.shared.encoder)]
        return hash_value([self.texts, [[list(span) for span in row] for row in self.spans], self.fold.tolist(), weights])


def spans_in(frame: pd.DataFrame, target: str, text: str) -> list[list[Span]]:
    """The entities of each row of a snapshot.

    Raises
    ------
    DataError
        When they cannot be read; `ingest` sets such rows aside.
    """
    found = []
    for cell, one in zip(frame[target].tolist(), frame[text].tolist(), strict=True):
        spans = read_spans(cell, one)
        if isinstance(spans, str):
            raise DataError(f"{target}: {spans}; run ingest again.")
        found.append(spans)
    return found


def sentences_of(
    train: pd.DataFrame,
    target: str,
    text: str,
    folds: pd.DataFrame | None = None,
    *,
    pipeline: Path | None = None,
    encoder: Path | None = None,
    workers: int = 1,
) -> EntityDataset:
    """The rows of a snapshot, sorted by ``row_id`` whatever order they come in."""
    rows = train.sort_values("row_id", kind="stable").reset_index(drop=True)
    row_ids = rows["row_id"].astype(str).tolist()
    fold = np.zeros(len(rows), dtype=np.int64)
    if folds is not None:
        fold = folds.set_index("row_id")["fold"].reindex(row_ids).to_numpy().astype(np.int64)
    texts, spans = rows[text].tolist(), spans_in(rows, target, text)
    documents = clusters(rows)
    return EntityDataset(row_ids, texts, spans, types_of(spans), fold, documents, Shared(texts, pipeline, encoder, workers))


def clusters(rows: pd.DataFrame) -> list[str]:
    """The document of each row; a row without one, and each row where there are none, is by itself."""
    return groups_of(rows, group=DOCUMENT if DOCUMENT in rows else None)

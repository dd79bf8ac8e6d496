"""Entity datasets: the texts of train with entities and folds, and shared outputs of pretrained models."""

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
from glassbox.families.shared.cross_fit import align_folds
from glassbox.files import hash_tree, hash_value

Ints = npt.NDArray[np.int64]


@dataclass
class Shared:
    """Texts with the outputs of pretrained models for them, computed lazily and shared by all fits."""

    texts: list[str]
    pipeline: Path | None = None
    encoder: Path | None = None
    workers: int = 1
    _lock: Any = field(default_factory=threading.Lock, repr=False)
    _outputs: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def raw(self) -> list[list[Span]]:
        """The entities predicted by the pretrained pipeline, with the types of the pipeline."""
        from glassbox.families.entities.spacy_model import load, recognised

        with self._lock:
            if "raw" not in self._outputs:
                assert self.pipeline is not None
                self._outputs["raw"] = recognised(load(self.pipeline), self.texts)
            spans: list[list[Span]] = self._outputs["raw"]
            return spans

    @property
    def tokens(self) -> Any:
        """The token embeddings of the encoder, as `tokens.Encoded`."""
        from glassbox.families.entities.tokens import Tokens

        with self._lock:
            if "tokens" not in self._outputs:
                assert self.encoder is not None
                self._outputs["tokens"] = Tokens(self.encoder).encode(self.texts, self.workers)
            return self._outputs["tokens"]


@dataclass(frozen=True)
class EntityDataset:
    """The training texts in canonical order.

    Attributes
    ----------
    spans, types
        The entities of each text, and all types.
    fold, documents
        The fold of each text, and its document (a text without a document forms its own).
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
        """The hash of the inputs of a recogniser, as part of the cache key."""
        weights = [hash_tree(path) if path is not None else None for path in (self.shared.pipeline, self.shared.encoder)]
        return hash_value([self.texts, [[list(span) for span in row] for row in self.spans], self.fold.tolist(), weights])


def spans_in(frame: pd.DataFrame, target: str, text: str) -> list[list[Span]]:
    """Return the entities of each row of a snapshot.

    Raises
    ------
    DataError
        When entities cannot be read; `ingest` quarantines such rows.
    """
    rows = []
    for cell, content in zip(frame[target].tolist(), frame[text].tolist(), strict=True):
        spans = read_spans(cell, content)
        if isinstance(spans, str):
            raise DataError(f"{target}: {spans}; run ingest again.")
        rows.append(spans)
    return rows


def dataset_of(
    train: pd.DataFrame,
    target: str,
    text: str,
    folds: pd.DataFrame | None = None,
    *,
    pipeline: Path | None = None,
    encoder: Path | None = None,
    workers: int = 1,
) -> EntityDataset:
    """Return the dataset of a snapshot, sorted by ``row_id``."""
    rows = train.sort_values("row_id", kind="stable").reset_index(drop=True)
    row_ids = rows["row_id"].astype(str).tolist()
    fold = align_folds(row_ids, folds)
    texts, spans = rows[text].tolist(), spans_in(rows, target, text)
    documents = clusters(rows)
    return EntityDataset(row_ids, texts, spans, types_of(spans), fold, documents, Shared(texts, pipeline, encoder, workers))


def clusters(rows: pd.DataFrame) -> list[str]:
    """Return the document of each row; a row without a document forms its own."""
    return groups_of(rows, group=DOCUMENT if DOCUMENT in rows else None)

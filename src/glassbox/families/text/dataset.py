"""Text datasets: the texts of train with labels, folds, augmented copies and encoder."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from glassbox.families.classification.dataset import ClassificationDataset, LabelledRows
from glassbox.families.text.corpus import Corpus
from glassbox.families.text.encoder import Encoder
from glassbox.families.text.models import encodes
from glassbox.files import hash_value


@dataclass(frozen=True)
class TextDataset(ClassificationDataset):
    """The training texts in canonical order.

    Attributes
    ----------
    data
        Row ids, labels and folds.
    corpus
        The texts, with augmented copies if the recipe uses augmentation.
    encoder
        The sentence encoder, if the request names one.
    """

    data: LabelledRows
    corpus: Corpus
    encoder: Encoder | None = None

    @cached_property
    def _bare(self) -> str:
        corpus, data = self.corpus, self.data
        return hash_value(
            [list(corpus.texts), list(corpus.varied), data.row_ids, data.y.tolist(), data.classes, data.fold.tolist()]
        )

    def digest(self, kind: str, params: Mapping[str, Any]) -> str:
        """Hash the inputs of a model of this kind, as part of the cache key."""
        encoder = self.encoder if encodes(kind, params) or kind == "transformer" else None
        return hash_value([self._bare, None if encoder is None else [encoder.digest, encoder.most_tokens]])

"""Folds of texts with entities: by hash, whole documents together, and texts that are alike too."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glassbox.families.entities.dataset import EntityDataset
from glassbox.findings.model import Table


def fold_groups(sentences: EntityDataset, alike: Sequence[str]) -> list[str]:
    """What must not stand in two folds: the document of each text; where there are no documents, the texts that it is alike.

    Lines that stand in many documents (a date, a table's head) would tie all documents into one; they are left where they are.
    """
    several = len(set(sentences.documents)) < len(sentences.texts)
    return sentences.documents if several else list(alike)


def folds_table(sentences: EntityDataset, folds: pd.DataFrame) -> Table:
    """Texts and entities of each fold."""
    rows = []
    place = folds.set_index("row_id")["fold"].reindex(sentences.row_ids).to_numpy()
    for fold in range(int(place.max()) + 1):
        inside = np.flatnonzero(place == fold)
        rows.append(
            {
                "fold": fold + 1,
                "texts": len(inside),
                "documents": len({sentences.documents[i] for i in inside}),
                "entities": sum(len(sentences.spans[i]) for i in inside),
            }
        )
    say = f"{len(rows)} folds; a document stands in one of them as a whole."
    return Table.of(pd.DataFrame(rows), "Folds", say=say, formats=dict.fromkeys(("texts", "documents", "entities"), ",d"))

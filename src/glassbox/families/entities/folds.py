"""Cross-validation folds of texts with entities, grouped by document or by near-duplicates."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glassbox.families.entities.dataset import EntityDataset
from glassbox.findings.model import Table


def fold_groups(sentences: EntityDataset, near_duplicates: Sequence[str]) -> list[str]:
    """Return the group of each text, which stays in one fold: its document or, without documents, its near-duplicates.

    With documents, near-duplicates are not considered: lines that occur in many documents (a date, a table header) would join all
    documents into one group.
    """
    has_documents = len(set(sentences.documents)) < len(sentences.texts)
    return sentences.documents if has_documents else list(near_duplicates)


def folds_table(sentences: EntityDataset, folds: pd.DataFrame) -> Table:
    """Return the number of texts, documents and entities in each fold."""
    rows = []
    assigned = folds.set_index("row_id")["fold"].reindex(sentences.row_ids).to_numpy()
    for fold in range(int(assigned.max()) + 1):
        inside = np.flatnonzero(assigned == fold)
        rows.append(
            {
                "fold": fold + 1,
                "texts": len(inside),
                "documents": len({sentences.documents[i] for i in inside}),
                "entities": sum(len(sentences.spans[i]) for i in inside),
            }
        )
    say = f"There are {len(rows)} folds; all texts of a document are in the same fold."
    return Table.of(
        pd.DataFrame(rows), "Cross-validation folds", say=say, formats=dict.fromkeys(("texts", "documents", "entities"), ",d")
    )

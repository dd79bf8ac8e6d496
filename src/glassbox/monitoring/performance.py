"""Out-of-fold predictions of train: what a batch is later compared with."""

import pandas as pd

from glassbox.errors import GlassboxError


def out_of_fold(train: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Predictions in the order of the rows of `train`, known by ``row_id``.

    Raises
    ------
    GlassboxError
        When a row has none.
    """
    found = predictions.set_index("row_id").reindex(train["row_id"])
    missing = int(found.isna().all(axis="columns").sum())
    if missing:
        raise GlassboxError(f"{missing} rows of train have no out-of-fold prediction; tune and ingest are of different runs.")
    return found.reset_index(drop=True)

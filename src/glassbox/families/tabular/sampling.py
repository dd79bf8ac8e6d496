"""Samples of rows by a hash of their ids, which do not depend on the row order and change little when rows are added."""

import hashlib

import numpy as np
import pandas as pd


def canonical(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort rows by ``row_id`` and reset their index."""
    return rows.sort_values("row_id", kind="stable").reset_index(drop=True)


def by_hash(rows: pd.DataFrame, most: int, salt: str) -> pd.DataFrame:
    """Return the `most` rows with the smallest hashes of their ids, in their original order; another `salt` gives another sample."""
    if len(rows) <= most:
        return rows
    hashes = np.array([hashlib.sha256(f"{salt}:{name}".encode("utf-8", "surrogatepass")).digest()[:8] for name in rows["row_id"]])
    return rows.iloc[np.sort(np.argsort(hashes, kind="stable")[:most])].reset_index(drop=True)

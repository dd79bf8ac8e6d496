"""Samples of rows by the hash of their names: the same rows whatever order they come in, and few others when rows are added."""

import hashlib

import numpy as np
import pandas as pd


def canonical(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows sorted by ``row_id``, numbered anew."""
    return rows.sort_values("row_id", kind="stable").reset_index(drop=True)


def by_hash(rows: pd.DataFrame, most: int, salt: str) -> pd.DataFrame:
    """The `most` rows whose names have the least hashes, in the order they had; `salt` draws another sample."""
    if len(rows) <= most:
        return rows
    hashes = np.array([hashlib.sha256(f"{salt}:{name}".encode("utf-8", "surrogatepass")).digest()[:8] for name in rows["row_id"]])
    return rows.iloc[np.sort(np.argsort(hashes, kind="stable")[:most])].reset_index(drop=True)

"""Cross-validation folds of groups by the rank of a hash, independent of the row order."""

import hashlib
from collections.abc import Sequence

import pandas as pd

from glassbox.errors import DataError


def hash_rank(name: str, seed: int) -> str:
    """Return the hash by which names are ordered."""
    return hashlib.sha256(f"fold:{seed}:{name}".encode("utf-8", "surrogatepass")).hexdigest()


def group_folds(row_ids: Sequence[str], groups: Sequence[str], k: int, *, seed: int = 0, units: str = "rows") -> pd.DataFrame:
    """Assign groups to folds in turn, in the order of a hash of their names.

    Parameters
    ----------
    groups
        The group of each row; a group is in one fold.
    units
        The plural noun for groups.

    Returns
    -------
    DataFrame
        ``row_id`` and ``fold``, sorted by ``row_id``.

    Raises
    ------
    DataError
        When there are fewer groups than folds.
    """
    names = sorted(set(groups), key=lambda name: (hash_rank(name, seed), name))
    if len(names) < k:
        raise DataError(f"{k} folds need {k} {units} or more; there are {len(names)}. Reduce `folds`, or add data.")
    fold_of = {name: i % k for i, name in enumerate(names)}
    frame = pd.DataFrame({"row_id": list(row_ids), "fold": [fold_of[name] for name in groups]})
    return frame.astype({"fold": "int64"}).sort_values("row_id", kind="stable", ignore_index=True)

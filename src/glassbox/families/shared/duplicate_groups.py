"""Ids for the groups of near-duplicate rows."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import DisjointSet


def group_ids(cells: Sequence[str], links: DisjointSet) -> npt.NDArray[np.object_]:
    """Return the id of the group of each cell: a hash of the first cell of the group in sort order, of 16 hex digits.

    Parameters
    ----------
    cells
        The rows.
    links
        All distinct cells, with near-duplicates merged.

    Examples
    --------
    >>> links = DisjointSet(["a", "b", "c"])
    >>> links.merge("c", "a")
    True
    >>> a, b, c = group_ids(["a", "b", "c"], links)
    >>> a == c, a == b
    (True, False)
    """
    ids = {}
    for group in links.subsets():
        name = hashlib.sha256(min(group).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        ids.update(dict.fromkeys(group, name))
    groups = np.empty(len(cells), dtype=object)
    groups[:] = [ids[cell] for cell in cells]
    return groups

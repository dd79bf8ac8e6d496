"""Near-duplicates: texts that share nearly all runs of words, found by MinHash (Broder 1997) and put into groups."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from glassbox.families.text.corpus import WORD

SHARED = 0.8  # of the runs of words of both texts together that both have: Jaccard's index
RUN = 3  # words
PERMUTATIONS = 64
FEWEST = 6  # words: shorter texts are alike only when their words are the same


def shingles(text: str) -> set[bytes]:
    """The runs of words of a text.

    >>> sorted(shingles("A b c d e f g"))[:2]
    [b'a b c', b'b c d']
    """
    words = WORD.findall(text.lower())
    if len(words) < FEWEST:
        return {" ".join(words).encode()}
    return {" ".join(words[i : i + RUN]).encode() for i in range(len(words) - RUN + 1)}


def jaccard(one: set[bytes], other: set[bytes]) -> float:
    """The share of what both have in what either has."""
    return len(one & other) / max(1, len(one | other))


def alike(texts: Sequence[str]) -> npt.NDArray[Any]:
    """A name for each text; texts that share `SHARED` of their runs of words or more, in a chain too, have the same.

    Names are hashes of the least text of the group, so they do not depend on the order of the texts. What MinHash proposes is checked
    by counting, so that no two texts are called alike by chance; that it overlooks a pair at the threshold is possible.

    Returns
    -------
    ndarray of shape (texts,)
        16 hex digits each.
    """
    from datasketch import MinHash, MinHashLSH

    distinct = sorted(set(texts))
    place = {text: i for i, text in enumerate(distinct)}
    found = [shingles(text) for text in distinct]
    index = MinHashLSH(threshold=SHARED, num_perm=PERMUTATIONS, weights=(0.1, 0.9))  # what it proposes is checked: miss few
    parent = list(range(len(distinct)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for i, runs in enumerate(found):
        sketch = MinHash(num_perm=PERMUTATIONS, scheme="affine32")
        sketch.update_batch(sorted(runs))
        for other in sorted(index.query(sketch)):
            a, b = root(i), root(int(other))
            if a != b and jaccard(runs, found[int(other)]) >= SHARED:
                parent[max(a, b)] = min(a, b)
        index.insert(i, sketch)
    names = [hashlib.sha256(distinct[root(i)].encode("utf-8", "surrogatepass")).hexdigest()[:16] for i in range(len(distinct))]
    made = np.empty(len(texts), dtype=object)
    made[:] = [names[place[text]] for text in texts]
    return made

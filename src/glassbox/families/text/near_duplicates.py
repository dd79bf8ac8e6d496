"""Groups of near-duplicate texts: texts that share nearly all of their word n-grams, found by MinHash (Broder 1997)."""

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
from scipy.cluster.hierarchy import DisjointSet

from glassbox.families.shared.duplicate_groups import group_ids
from glassbox.families.text.corpus import WORD

THRESHOLD = 0.8  # Jaccard similarity of the word n-grams of two texts
SHINGLE_WORDS = 3
PERMUTATIONS = 64
FEWEST = 6  # words: shorter texts are near-duplicates only when their words are equal


def shingles(text: str) -> set[bytes]:
    """Return the word n-grams (shingles) of a text.

    >>> sorted(shingles("A b c d e f g"))[:2]
    [b'a b c', b'b c d']
    """
    words = WORD.findall(text.lower())
    if len(words) < FEWEST:
        return {" ".join(words).encode()}
    return {" ".join(words[i : i + SHINGLE_WORDS]).encode() for i in range(len(words) - SHINGLE_WORDS + 1)}


def jaccard(a: set[bytes], b: set[bytes]) -> float:
    """Return the Jaccard similarity of two sets: the size of the intersection over the size of the union."""
    return len(a & b) / max(1, len(a | b))


def group_near_duplicates(texts: Sequence[str]) -> npt.NDArray[Any]:
    """Assign each text the id of its group of near-duplicates.

    Two texts whose Jaccard similarity is at least `THRESHOLD` are in one group, and so are texts that are linked by a chain of such
    pairs. A group id is a hash of the first text of the group in sort order, so it does not depend on the order of the texts. The exact
    similarity of every pair that MinHash proposes is computed, so there are no false positives; a pair close to the threshold can be
    missed.

    Returns
    -------
    ndarray of shape (texts,)
        16 hex digits each.
    """
    from datasketch import MinHash, MinHashLSH

    distinct = sorted(set(texts))
    shingle_sets = [shingles(text) for text in distinct]
    # Proposals are verified, so the index is tuned for few false negatives.
    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, weights=(0.1, 0.9))
    links = DisjointSet(distinct)
    for i, shingle_set in enumerate(shingle_sets):
        sketch = MinHash(num_perm=PERMUTATIONS, scheme="affine32")
        sketch.update_batch(sorted(shingle_set))
        for proposed in sorted(index.query(sketch)):
            pair = distinct[i], distinct[proposed]
            if not links.connected(*pair) and jaccard(shingle_set, shingle_sets[proposed]) >= THRESHOLD:
                links.merge(*pair)
        index.insert(i, sketch)
    return group_ids(texts, links)

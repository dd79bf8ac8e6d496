"""Near-duplicate images: perceptual hashes that differ in few bits, confirmed by the difference of small grey copies."""

from collections.abc import Sequence
from itertools import pairwise

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.cluster.hierarchy import DisjointSet

from glassbox.data.images.cells import PictureError, content_of, decoded
from glassbox.families.shared.duplicate_groups import group_ids
from glassbox.families.vision.recipe import to_square
from glassbox.runtime.worker_pool import WorkerPool

HASH_SIDE = 16  # 256 bits
MAX_BITS = 11  # in which the hashes of two near-duplicates may differ
BANDS = 12  # of the bits: two hashes that differ in 11 bits agree in at least one whole band
CROWDED = 60  # images that share a band; in larger buckets most agree by chance
MAX_DIFFERENCE = 0.04  # mean difference of grey values, 0 to 1, between two near-duplicates
GREY_SIDE = 24  # pixels a side of the grey copies


def fingerprint(image: Image.Image) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    """Return the perceptual hash (signs of the lowest cosine frequencies, Zauner 2010) and a small grey copy, flattened."""
    bits = imagehash.phash(image, hash_size=HASH_SIDE).hash.reshape(-1)
    grey = to_square(image, GREY_SIDE, "squeeze").astype(np.float32).mean(axis=2) / 255
    return bits, grey.reshape(-1)


def near_duplicate_groups(cells: Sequence[str], workers: int = 2) -> npt.NDArray[np.object_]:
    """Assign each image to a group; near-duplicates, also those connected through a chain of others, share a group.

    Group names are hashes of the smallest cell of the group, so they do not depend on the order of the images.

    Returns
    -------
    ndarray of shape (images,)
        Group names of 16 hex digits.
    """
    distinct = sorted(set(cells))
    with WorkerPool(workers) as pool:
        prints = list(pool.map(_fingerprint, distinct))
    links = DisjointSet(distinct)
    for a, b in _candidate_pairs([bits for bits, _ in prints]):
        different_bits = np.count_nonzero(prints[a][0] != prints[b][0])
        if different_bits <= MAX_BITS and float(np.abs(prints[a][1] - prints[b][1]).mean()) <= MAX_DIFFERENCE:
            links.merge(distinct[a], distinct[b])
    return group_ids(cells, links)


def _fingerprint(cell: str) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    try:
        return fingerprint(decoded(content_of(cell)))
    except PictureError:  # missing or unreadable: NaN, so it is a near-duplicate of nothing
        return np.zeros(HASH_SIDE * HASH_SIDE, dtype=bool), np.full(GREY_SIDE * GREY_SIDE, np.nan, dtype=np.float32)


def _candidate_pairs(hashes: Sequence[npt.NDArray[np.bool_]]) -> set[tuple[int, int]]:
    """Return the pairs whose hashes agree in a whole band; in a crowded band only neighbours are paired."""
    pairs: set[tuple[int, int]] = set()
    if not hashes:
        return pairs
    for band in np.array_split(np.stack(hashes), BANDS, axis=1):
        packed = [row.tobytes() for row in np.packbits(band, axis=1)]
        buckets: dict[bytes, list[int]] = {}
        for i, key in enumerate(packed):
            buckets.setdefault(key, []).append(i)
        for members in buckets.values():
            if len(members) <= CROWDED:
                pairs.update((a, b) for k, a in enumerate(members) for b in members[k + 1 :])
            else:
                pairs.update(pairwise(members))
    return pairs

"""Near-duplicates: pictures whose perceptual hashes differ in few bits, and that differ little to the eye, put into groups."""

import hashlib
from collections.abc import Sequence
from itertools import pairwise

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from glassbox.data.images.cells import PictureError, content_of, decoded
from glassbox.families.vision.recipe import squared
from glassbox.runtime.worker_pool import WorkerPool

SIDE = 16  # of the hash: 256 bits
APART = 11  # bits in which two near-duplicates may differ, of 256
BANDS = 12  # of the bits: two hashes that differ in 11 agree in at least one whole band
CROWD = 60  # pictures that agree in a band by chance more often than for a reason
CLOSE = 0.04  # mean difference of grey values, 0 to 1, between two near-duplicates
LOOKED_AT = 24  # pixels a side at which they are compared


def sketch(picture: Image.Image) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    """The perceptual hash (signs of the lowest cosine frequencies, Zauner 2010) and a small grey copy."""
    bits = imagehash.phash(picture, hash_size=SIDE).hash.reshape(-1)
    grey = squared(picture, LOOKED_AT, "squeeze").astype(np.float32).mean(axis=2) / 255
    return bits, grey.reshape(-1)


def alike(cells: Sequence[str], workers: int = 2) -> npt.NDArray[np.object_]:
    """A name for each picture; those that look nearly the same, in a chain too, have the same.

    Names are hashes of the least picture of the group, so they do not depend on the order of the pictures.

    Returns
    -------
    ndarray of shape (pictures,)
        16 hex digits each.
    """
    distinct = sorted(set(cells))
    with WorkerPool(workers) as pool:
        found = list(pool.map(_sketch, distinct))
    parent = list(range(len(distinct)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for a, b in _pairs([bits for bits, _ in found]):
        if np.count_nonzero(found[a][0] != found[b][0]) <= APART and float(np.abs(found[a][1] - found[b][1]).mean()) <= CLOSE:
            first, second = root(a), root(b)
            parent[max(first, second)] = min(first, second)
    names = [hashlib.sha256(distinct[root(i)].encode()).hexdigest()[:16] for i in range(len(distinct))]
    place = {cell: i for i, cell in enumerate(distinct)}
    made = np.empty(len(cells), dtype=object)
    made[:] = [names[place[cell]] for cell in cells]
    return made


def _sketch(cell: str) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float32]]:
    try:
        return sketch(decoded(content_of(cell)))
    except PictureError:  # one that is missing, or no picture, is like none
        return np.zeros(SIDE * SIDE, dtype=bool), np.full(LOOKED_AT * LOOKED_AT, np.nan, dtype=np.float32)


def _pairs(hashes: Sequence[npt.NDArray[np.bool_]]) -> set[tuple[int, int]]:
    """Pairs whose hashes agree in a whole band; in a crowded band, each with its next alone."""
    found: set[tuple[int, int]] = set()
    if not hashes:
        return found
    for band in np.array_split(np.stack(hashes), BANDS, axis=1):
        packed = [row.tobytes() for row in np.packbits(band, axis=1)]
        buckets: dict[bytes, list[int]] = {}
        for i, key in enumerate(packed):
            buckets.setdefault(key, []).append(i)
        for members in buckets.values():
            if len(members) <= CROWD:
                found.update((a, b) for k, a in enumerate(members) for b in members[k + 1 :])
            else:
                found.update(pairwise(members))
    return found

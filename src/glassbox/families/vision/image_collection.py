"""Decoded images and their embeddings, computed once and shared by all folds and candidates.

The pixels and embeddings of a row depend on that row alone, so computing them for all rows at once leaks nothing.
"""

import hashlib
import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassbox.families.shared.torch_device import predict_pool
from glassbox.families.shared.vector_cache import VectorCache
from glassbox.families.vision.networks import Backbone, Embeddings, embed
from glassbox.families.vision.recipe import Pixels, Recipe
from glassbox.runtime.worker_pool import WorkerPool

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Progress = Callable[[int, int, str], None]


@dataclass
class ImageCollection:
    """The images of some rows, with lazily computed pixels and embeddings.

    Parameters
    ----------
    cells
        One image per row as a data URI; None where the image is missing.
    recipe
        Framing and size of the images.
    backbones
        The pretrained networks that can compute embeddings.
    store
        The folder of the embedding cache, which is keyed by image content; None disables caching.
    workers
        Threads that decode and embed images.
    progress
        Called with the number of images done, the total and a description.
    """

    cells: Sequence[str | None]
    recipe: Recipe
    backbones: Sequence[Backbone] = ()
    store: Path | None = None
    workers: int = 1
    progress: Progress | None = None
    _embeddings: dict[int, Embeddings] = field(default_factory=dict)
    _cache: dict[Hashable, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def digests(self) -> list[str]:
        """A hash of each image with its framing and size: the key of its embeddings in the cache."""
        prefix = f"{self.recipe.side}:{self.recipe.framing}:"
        return [hashlib.sha256(f"{prefix}{cell or ''}".encode()).hexdigest() for cell in self.cells]

    @cached_property
    def pixels(self) -> Pixels:
        """All images as the models receive them, (rows, side, side, 3)."""
        with WorkerPool(self.workers) as pool:
            pixels = np.empty((len(self.cells), self.recipe.side, self.recipe.side, 3), dtype=np.uint8)
            for i, image in enumerate(pool.map(self.recipe.pixels, self.cells)):
                pixels[i] = image
        return pixels

    def embeddings(self, index: int) -> Embeddings:
        """Return the embeddings of all images by the backbone with this index, (rows, width)."""
        with self._lock:
            if index not in self._embeddings:
                self._embeddings[index] = self._embed(self.backbones[index])
            return self._embeddings[index]

    def _embed(self, backbone: Backbone) -> Embeddings:
        net = backbone.net  # load it before the threads use it

        def compute(cells: Sequence[str | None]) -> Embeddings:
            with predict_pool(self.workers) as pool:
                return np.stack(list(pool.map(lambda cell: embed(net, self.recipe.pixels(cell)), cells)))

        folder = None if self.store is None else self.store / f"pictures-{backbone.digest[:24]}"
        cache = VectorCache(folder, compute, self.progress, f"images embedded by {backbone.name}")
        vectors = cache.of(dict(zip(self.digests, self.cells, strict=True)))
        return np.stack([vectors[digest] for digest in self.digests]) if self.digests else np.zeros((0, 1), dtype=np.float32)

    def cached(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        """Return a value that is computed from all rows once and shared by all folds."""
        with self._lock:
            if key not in self._cache:
                self._cache[key] = compute()
            return self._cache[key]

    def view(self, rows: Codes) -> "View":
        """Select some rows."""
        return View(self, rows)

    def view_all(self) -> "View":
        """Select all rows."""
        return View(self, np.arange(len(self.cells)))


@dataclass(frozen=True)
class View:
    """Selected rows of an image collection."""

    images: ImageCollection
    rows: Codes

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def pixels(self) -> Pixels:
        """The selected images, (rows, side, side, 3)."""
        pixels = self.images.pixels
        return pixels if len(self.rows) == len(pixels) else pixels[self.rows]

    def embeddings(self, backbone_indices: Sequence[int]) -> Floats:
        """Return the embeddings by several backbones, concatenated: (rows, sum of widths)."""
        blocks = [self.images.embeddings(index)[self.rows] for index in backbone_indices]
        return np.concatenate(blocks, axis=1).astype(np.float64)

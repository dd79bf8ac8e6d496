"""Pictures prepared once and looked at by rows: what every fold of every candidate shares.

What a row gives (its pixels, its embeddings) depends on that row alone, so preparing all rows at once leaks nothing.
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
from glassbox.families.vision.networks import Backbone, Singles, embedded
from glassbox.families.vision.recipe import Pixels, Recipe
from glassbox.runtime.worker_pool import WorkerPool

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
Progress = Callable[[int, int, str], None]


@dataclass
class ImageCollection:
    """The pictures of some rows.

    Parameters
    ----------
    cells
        A picture a row, as data URIs; None where one is missing.
    recipe
        How they are framed, and at which size.
    backbones
        The pretrained networks that may be asked, by place.
    store
        The folder in which embeddings are kept by content; None keeps nothing.
    """

    cells: Sequence[str | None]
    recipe: Recipe
    backbones: Sequence[Backbone] = ()
    store: Path | None = None
    workers: int = 1
    progress: Progress | None = None
    _embeddings: dict[int, Singles] = field(default_factory=dict)
    _shared: dict[Hashable, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @cached_property
    def names(self) -> list[str]:
        """A hash of each picture with its framing and size: by which it is known."""
        framed = f"{self.recipe.side}:{self.recipe.framing}:"
        return [hashlib.sha256(f"{framed}{cell or ''}".encode()).hexdigest() for cell in self.cells]

    @cached_property
    def pixels(self) -> Pixels:
        """All pictures as the models see them, (rows, side, side, 3)."""
        with WorkerPool(self.workers) as pool:
            made = np.empty((len(self.cells), self.recipe.side, self.recipe.side, 3), dtype=np.uint8)
            for i, found in enumerate(pool.map(self.recipe.pixels, self.cells)):
                made[i] = found
        return made

    def embeddings(self, place: int) -> Singles:
        """What the backbone at that place says of each picture, (rows, width)."""
        with self._lock:
            if place not in self._embeddings:
                self._embeddings[place] = self._ask(self.backbones[place])
            return self._embeddings[place]

    def _ask(self, backbone: Backbone) -> Singles:
        net = backbone.net  # made before threads ask for it

        def ask(wanted: Sequence[str | None]) -> Singles:
            with predict_pool(self.workers) as pool:
                return np.stack(list(pool.map(lambda cell: embedded(net, self.recipe.pixels(cell)), wanted)))

        folder = None if self.store is None else self.store / f"pictures-{backbone.digest[:24]}"
        kept = VectorCache(folder, ask, self.progress, f"pictures seen by {backbone.name}")
        found = kept.of(dict(zip(self.names, self.cells, strict=True)))
        return np.stack([found[name] for name in self.names]) if self.names else np.zeros((0, 1), dtype=np.float32)

    def shared(self, name: Hashable, make: Callable[[], Any]) -> Any:
        """What is made of all rows once, for all folds."""
        with self._lock:
            if name not in self._shared:
                self._shared[name] = make()
            return self._shared[name]

    def rows(self, rows: Codes) -> "View":
        """Some of them."""
        return View(self, rows)

    def whole(self) -> "View":
        """All of them."""
        return View(self, np.arange(len(self.cells)))


@dataclass(frozen=True)
class View:
    """Some rows of an album."""

    album: ImageCollection
    at: Codes

    def __len__(self) -> int:
        return len(self.at)

    @property
    def pixels(self) -> Pixels:
        """(rows, side, side, 3)."""
        whole = self.album.pixels
        return whole if len(self.at) == len(whole) else whole[self.at]

    def embeddings(self, places: Sequence[int]) -> Floats:
        """(rows, numbers): what these backbones say, side by side."""
        found = [self.album.embeddings(place)[self.at] for place in places]
        return np.concatenate(found, axis=1).astype(np.float64)

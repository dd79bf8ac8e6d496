"""An on-disk cache of embeddings, keyed by the content that they are computed from, in at most 256 files."""

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from glassbox.files import hash_value, write_bytes
from glassbox.platform_info import platform_facts

Vectors = npt.NDArray[np.float32]
SHARDS = 256


@dataclass(frozen=True)
class VectorCache:
    """A cache of vectors of one kind.

    Parameters
    ----------
    folder
        The folder of the cache; None disables caching.
    compute
        Computes the vectors of some items, in their order, of shape (items, ...).
    progress
        Called with the number of finished items, the total, and `what`.
    what
        A description of the items for progress messages, such as "texts encoded".
    """

    folder: Path | None
    compute: Callable[[Sequence[Any]], Vectors]
    progress: Callable[[int, int, str], None] | None = None
    what: str = ""

    def of(self, items: Mapping[str, Any]) -> dict[str, Vectors]:
        """Return the vector of each item, by its name: hexadecimal digits of a hash of its content."""
        if self.folder is None:
            return dict(zip(items, self.compute(list(items.values())), strict=True)) if items else {}
        wanted: dict[int, dict[str, Any]] = {}
        for name, item in items.items():
            wanted.setdefault(int(name[:2], 16) % SHARDS, {})[name] = item
        vectors: dict[str, Vectors] = {}
        for shard in sorted(wanted):
            vectors |= self._shard(shard, wanted[shard])
            if self.progress:
                self.progress(len(vectors), len(items), self.what)
        return vectors

    def _shard(self, shard: int, wanted: dict[str, Any]) -> dict[str, Vectors]:
        assert self.folder is not None
        path = self.folder / hash_value(platform_facts(1))[:12] / f"{shard:02x}.npz"  # the last digits differ between platforms
        known = _read(path)
        missing = sorted(name for name in wanted if name not in known)
        if missing:
            computed = self.compute([wanted[name] for name in missing])
            known |= dict(zip(missing, computed, strict=True))
            write_bytes(path, _written(known))
        return {name: known[name] for name in wanted}


def _read(path: Path) -> dict[str, Vectors]:
    try:
        # From bytes, because NumPy would leave the file of a broken archive open.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            return dict(zip(stored["names"].tolist(), stored["vectors"], strict=True))
    except (ValueError, KeyError, OSError, EOFError, BadZipFile):
        return {}  # missing or corrupt: it is computed again


def _written(known: dict[str, Vectors]) -> bytes:
    sink = io.BytesIO()
    names = sorted(known)
    np.savez(sink, names=np.array(names), vectors=np.stack([known[name] for name in names]))
    return sink.getvalue()

"""Vectors that are costly to compute, kept on disk by the content that they were computed from, a few hundred files in all."""

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
    """A store of vectors of one kind.

    Parameters
    ----------
    folder
        Where they lie; None keeps nothing.
    compute
        Makes the vectors of some things, in their order: of shape (things, ...).
    told
        Told how many of how many are there, and `what` they are.
    """

    folder: Path | None
    compute: Callable[[Sequence[Any]], Vectors]
    told: Callable[[int, int, str], None] | None = None
    what: str = ""

    def of(self, things: Mapping[str, Any]) -> dict[str, Vectors]:
        """The vector of each thing, by its name: hexadecimal digits of a hash of its content."""
        if self.folder is None:
            return dict(zip(things, self.compute(list(things.values())), strict=True)) if things else {}
        wanted: dict[int, dict[str, Any]] = {}
        for name, thing in things.items():
            wanted.setdefault(int(name[:2], 16) % SHARDS, {})[name] = thing
        found: dict[str, Vectors] = {}
        for shard in sorted(wanted):
            found |= self._shard(shard, wanted[shard])
            if self.told:
                self.told(len(found), len(things), self.what)
        return found

    def _shard(self, shard: int, wanted: dict[str, Any]) -> dict[str, Vectors]:
        assert self.folder is not None
        path = self.folder / hash_value(platform_facts(1))[:12] / f"{shard:02x}.npz"  # on another platform digits are others
        known = _read(path)
        missing = sorted(name for name in wanted if name not in known)
        if missing:
            made = self.compute([wanted[name] for name in missing])
            known |= dict(zip(missing, made, strict=True))
            write_bytes(path, _written(known))
        return {name: known[name] for name in wanted}


def _read(path: Path) -> dict[str, Vectors]:
    try:
        # From bytes: of a broken archive NumPy would leave the file open.
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            return dict(zip(stored["names"].tolist(), stored["vectors"], strict=True))
    except (ValueError, KeyError, OSError, EOFError, BadZipFile):
        return {}  # not there, or spoiled: it is computed again


def _written(known: dict[str, Vectors]) -> bytes:
    sink = io.BytesIO()
    names = sorted(known)
    np.savez(sink, names=np.array(names), vectors=np.stack([known[name] for name in names]))
    return sink.getvalue()

"""An on-disk cache of results, keyed by a hash of their inputs.

One entry holds one candidate on one fold, or one trial. An interrupted run therefore repeats at most one fit, and `tune` reuses the
fits of `compare`.
"""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from glassbox.code_hash import code_closure
from glassbox.files import hash_value
from glassbox.state_files import read_state, write_state

_ARRAY = "__array__"


def _encode(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError("Cannot cache an array of dtype object; expected a numeric or boolean array.")
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode("ascii")
        return {_ARRAY: value.dtype.str, "shape": list(value.shape), "data": data}
    if isinstance(value, Mapping):
        return {str(key): _encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encode(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _decode(value: Any) -> Any:
    if isinstance(value, dict):
        if _ARRAY in value:
            data = base64.b64decode(value["data"])
            return np.frombuffer(data, dtype=np.dtype(value[_ARRAY])).reshape(value["shape"]).copy()
        return {key: _decode(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_decode(item) for item in value]
    return value


class Cache(Protocol):
    """A cache of results: `ResultCache`, `NullCache`, or anything with their method."""

    def get_or_compute(
        self, parts: Mapping[str, Any], compute: Callable[[], dict[str, Any]], code: Sequence[ModuleType | str] = ()
    ) -> dict[str, Any]:
        """Return the cached result for `parts`, or compute and store it."""
        ...


class NullCache:
    """A cache that stores nothing."""

    def get_or_compute(
        self, parts: Mapping[str, Any], compute: Callable[[], dict[str, Any]], code: Sequence[ModuleType | str] = ()
    ) -> dict[str, Any]:
        """Compute the result."""
        return compute()


class ResultCache:
    """Cache of results, keyed by their inputs (`parts`), the code that computes them, and a fixed `context`.

    Parameters
    ----------
    folder
        The folder of the cache, with one file per result.
    context
        Facts that every result depends on: the lock file, the platform.
    """

    def __init__(self, folder: Path, context: Mapping[str, Any]) -> None:
        self._folder = folder
        self._context = dict(context)

    def get_or_compute(
        self, parts: Mapping[str, Any], compute: Callable[[], dict[str, Any]], code: Sequence[ModuleType | str] = ()
    ) -> dict[str, Any]:
        """Return the result for `parts` from the cache, or compute and store it.

        A computed result is encoded and decoded as well, so that the first call and later calls return equal values.
        """
        key = hash_value({"parts": parts, "code": code_closure(code), "context": self._context})
        path = self._folder / key[:2] / f"{key}.json"
        saved = read_state(path)
        if saved is None:
            # As a string, because JSON of state files has no NaN.
            saved = {"body": json.dumps(_encode(compute()), ensure_ascii=False, separators=(",", ":"))}
            write_state(path, saved)
        result: dict[str, Any] = _decode(json.loads(saved["body"]))
        return result

"""Results remembered by all that they come from (one candidate on one fold, one trial): a killed run repeats at most one, and what
`compare` has fitted is not fitted again by `tune`."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from glassbox.code_hash import code_closure
from glassbox.files import canonical_json, hash_value, write_text

_ARRAY = "__array__"


def _packed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError("Only arrays of numbers can be remembered; an array of objects was given.")
        data = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode("ascii")
        return {_ARRAY: value.dtype.str, "shape": list(value.shape), "data": data}
    if isinstance(value, Mapping):
        return {str(key): _packed(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_packed(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict):
        if _ARRAY in value:
            data = base64.b64decode(value["data"])
            return np.frombuffer(data, dtype=np.dtype(value[_ARRAY])).reshape(value["shape"]).copy()
        return {key: _unpacked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unpacked(item) for item in value]
    return value


class ResultCache:
    """Remembers results by what they were computed from: `parts`, the code that computed them, and `context`.

    Parameters
    ----------
    folder
        Where results lie, a file each; None remembers nothing.
    context
        What holds for every result: the lock file, the platform.
    """

    def __init__(self, folder: Path | None, context: Mapping[str, Any]) -> None:
        self._folder = folder
        self._context = dict(context)

    def get_or_compute(
        self, parts: Mapping[str, Any], compute: Callable[[], dict[str, Any]], code: Sequence[ModuleType | str] = ()
    ) -> dict[str, Any]:
        """The result for `parts`: read if it is remembered, else computed and remembered.

        What comes back has always been through the file's form, so that the first time and the second give the same.
        """
        if self._folder is None:
            return compute()
        key = hash_value({"parts": parts, "code": code_closure(code), "context": self._context})
        path = self._folder / key[:2] / f"{key}.json"
        found = self._read(path)
        if found is None:
            body = json.dumps(_packed(compute()), ensure_ascii=False, separators=(",", ":"))
            write_text(path, canonical_json({"hash": hash_value(body), "body": body}))
            found = json.loads(body)
        result: dict[str, Any] = _unpacked(found)
        return result

    @staticmethod
    def _read(path: Path) -> Any:
        try:
            envelope = json.loads(path.read_text(encoding="utf-8"))
            body = envelope["body"]
            return json.loads(body) if hash_value(body) == envelope["hash"] else None
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None  # not there, or spoiled: it is computed again

"""Deterministic skops files of scikit-learn objects: equal fits give equal bytes in every process.

A skops file is a zip of ``schema.json`` and arrays. As written by skops, it holds memory addresses (``__id__`` and the names
of arrays), the date, sets in hash order, and uninitialised padding of structured arrays. Here addresses are removed, arrays
are named by their content, sets are sorted, padding is zero and dates are the first day of the zip format.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glassbox.errors import GlassboxError
from glassbox.files import canonical_json, write_bytes

SCHEMA = "schema.json"
PLAIN = ("numpy.dtype",)  # a type of numbers, which skops does not trust by itself
_FIRST_DAY = (1980, 1, 1, 0, 0, 0)


def dump(value: Any, path: Path) -> None:
    """Write a scikit-learn object: the same fit gives the same bytes."""
    write_bytes(path, dumps(value))


def dumps(value: Any) -> bytes:
    """Return the canonical skops bytes of a scikit-learn object."""
    import skops.io

    return canonical(skops.io.dumps(value))


def load(path: Path, trusted: Sequence[str]) -> Any:
    """Load an object written by `dump`.

    Parameters
    ----------
    trusted
        The types that may be loaded besides those that skops trusts by default, by full name.

    Raises
    ------
    GlassboxError
        When the file holds a type that is not trusted; nothing is loaded from it.
    """
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return skops.io.load(path, trusted=[*PLAIN, *trusted])
    except UntrustedTypesFoundException as error:
        raise GlassboxError(f"{path.name}: contains types that Glassbox does not write, so it was not loaded. {error}") from error


def canonical(content: bytes) -> bytes:
    """Return a skops file in canonical form: all dumps of an object have the same bytes."""
    with zipfile.ZipFile(io.BytesIO(content)) as source:
        schema = json.loads(source.read(SCHEMA))
        arrays = {name: source.read(name) for name in source.namelist() if name != SCHEMA}
    members = {name: _without_padding(data) if name.endswith(".npy") else data for name, data in arrays.items()}
    names = {old: hashlib.sha256(data).hexdigest()[:24] + Path(old).suffix for old, data in members.items()}
    written = {names[old]: data for old, data in members.items()}
    text = json.dumps(_canonical_node(schema, names), ensure_ascii=True, separators=(",", ":"))
    return _zipped([(SCHEMA, text.encode()), *sorted(written.items())])


def _canonical_node(node: Any, names: dict[str, str]) -> Any:
    if isinstance(node, list):
        return [_canonical_node(item, names) for item in node]
    if not isinstance(node, dict):
        return node
    # Order of keys is kept: a DictNode pairs its content with the list of its keys' types.
    plain = {key: _canonical_node(value, names) for key, value in node.items() if key != "__id__" or "__loader__" not in node}
    if "__loader__" in node:
        if isinstance(file := node.get("file"), str) and file in names:
            plain["file"] = names[file]
        if node["__loader__"] == "SetNode":
            plain["content"] = sorted(plain["content"], key=canonical_json)
    return plain


def _without_padding(data: bytes) -> bytes:
    """Return an ``.npy`` file with zero padding between the fields of a structured array (trees have such arrays)."""
    array = np.load(io.BytesIO(data), allow_pickle=False)
    if array.dtype.names is None:
        return data
    clean = np.zeros(array.shape, dtype=array.dtype)
    for field in array.dtype.names:
        clean[field] = array[field]
    sink = io.BytesIO()
    np.save(sink, clean, allow_pickle=False)
    return sink.getvalue()


def _zipped(members: Iterable[tuple[str, bytes]]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", compression=zipfile.ZIP_STORED) as target:
        for name, data in members:
            info = zipfile.ZipInfo(name, date_time=_FIRST_DAY)
            info.create_system = 3
            info.external_attr = 0o644 << 16
            target.writestr(info, data)
    return sink.getvalue()

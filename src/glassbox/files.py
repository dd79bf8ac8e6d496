"""Reading, hashing and atomic writing of files: canonical JSON, Parquet, text."""

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel


def plain(value: Any) -> Any:
    """Convert a value for JSON: models become dictionaries, NaN and infinities None, numpy scalars Python scalars.

    >>> plain({"a": np.float64(1.5), "b": float("nan")})
    {'a': 1.5, 'b': None}
    """
    if isinstance(value, BaseModel):
        return plain(value.model_dump(mode="python"))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(plain(item) for item in value)
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Path):
        return value.as_posix()
    return str(value)


def canonical_json(value: Any) -> str:
    """Return the canonical JSON of a value, for hashing: sorted keys, no whitespace, non-ASCII characters unescaped."""
    return json.dumps(plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def readable_json(value: Any) -> str:
    """Return readable JSON of a value: original key order, indented by two spaces, with a final newline."""
    return json.dumps(plain(value), ensure_ascii=False, indent=2, allow_nan=False) + "\n"


def hash_value(value: Any) -> str:
    """Return the SHA-256 of the canonical JSON of a value."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def contained(folder: Path, name: str) -> Path:
    """Return the path of a file or folder below `folder`, given by a name that comes from a file.

    >>> contained(Path("data"), "a/b.csv").as_posix()
    'data/a/b.csv'

    Raises
    ------
    ValueError
        When the name is absolute or has a step that leaves the folder.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or name.startswith(("/", "\\")) or ".." in parts or parts == (".",) or ":" in parts[0]:
        raise ValueError(f"{name!r} is not a path inside {folder.name}")
    return folder.joinpath(*parts)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of the bytes of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def files_below(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield every file below `folder` with its relative POSIX path, sorted by that path."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    yield from sorted(files.items())


def hash_tree(path: Path) -> str:
    """Return the SHA-256 of a file, or of the paths and contents of a folder."""
    if path.is_file():
        return hash_file(path)
    return hash_value([[name, hash_file(file)] for name, file in files_below(path)])


def _umask() -> int:
    """Return the umask of the process. Reading it means setting it, which is not thread-safe: hence once, at import."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


_UMASK = _umask()


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically; missing parent folders are created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o666 & ~_UMASK)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_text(path: Path, content: str) -> None:
    """Write text atomically, as UTF-8 with `\\n` line ends."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write a value atomically as readable JSON."""
    write_text(path, readable_json(value))


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame as Parquet without its index; the same frame gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", store_schema=True)
    write_bytes(path, sink.getvalue().to_pybytes())


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a frame from a Parquet file."""
    return pd.read_parquet(path, engine="pyarrow")

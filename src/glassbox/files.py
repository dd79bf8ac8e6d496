"""Reading, hashing and atomic writing of files: canonical JSON, Parquet, text."""

import contextlib
import errno
import hashlib
import json
import math
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel

from glassbox.errors import StoreError

_PERMISSION = "permission is denied: change the permissions of the file and its folder, then run again"
_CAUSES = {
    errno.ENOSPC: "the disk is full: free some space, then run again",
    errno.EDQUOT: "the disk quota is exceeded: free some space, then run again",
    errno.EROFS: "the folder is read-only: make it writable, then run again",
    errno.EACCES: _PERMISSION,
    errno.EPERM: _PERMISSION,
    errno.EIO: "the disk reports an error: check the disk, then run again",
    errno.EISDIR: "a folder is in the place of a file: move it away, then run again",
    errno.ENOTDIR: "a file is in the place of a folder: move it away, then run again",
    errno.EEXIST: "a file is in the place of a folder: move it away, then run again",
}
_TEXTS = {
    **{os.strerror(number).lower(): number for number in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)},
    "database or disk is full": errno.ENOSPC,  # SQLite
    "attempt to write a readonly database": errno.EROFS,
}


def disk_error(number: int | None, path: str | Path | None) -> StoreError | None:
    """Return the `StoreError` of a disk error, with the file, the cause and advice; None for an error that has another cause."""
    if number not in _CAUSES:
        return None
    return StoreError(f"{path or 'data'}: {_CAUSES[number]} (published results are intact).")


def disk_error_in(text: str) -> StoreError | None:
    """Return the `StoreError` of a full, read-only or failing disk that a library reports as text; None for other texts.

    >>> print(disk_error_in("[Errno 28] No space left on device: 'a.csv'"))
    a.csv: the disk is full: free some space, then run again (published results are intact).
    """
    number = next((number for known, number in _TEXTS.items() if known in text.lower()), None)
    named = re.search(r"""['"]([^'"]+)['"]\s*$""", text.strip().splitlines()[-1]) if text.strip() else None
    return disk_error(number, named.group(1) if named else None)


@contextlib.contextmanager
def disk_errors(path: Path | None = None) -> Iterator[None]:
    """Convert disk errors into a `StoreError` with the file, the cause and advice; `path` names the file if the error does not."""
    try:
        yield
    except OSError as error:
        converted = disk_error(error.errno, path or error.filename)
        if converted is None:
            raise
        raise converted from error


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
UNFINISHED = ".tmp"  # suffix of a file that `write_bytes` is writing


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically; missing parent folders are created.

    Raises
    ------
    StoreError
        The disk is full or read-only, or permission is denied.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.{os.getpid()}-", suffix=UNFINISHED)
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


def is_abandoned(path: Path) -> bool:
    """Return whether a file is the half-written file of a `write_bytes` whose process has ended."""
    named = re.fullmatch(rf"\..+\.(\d+)-\w+{re.escape(UNFINISHED)}", path.name)
    if named is None:
        return False
    try:
        os.kill(int(named.group(1)), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):  # a process of another user
        return False
    return False


def write_text(path: Path, content: str) -> None:
    """Write text atomically, as UTF-8 with `\\n` line ends."""
    write_bytes(path, content.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write a value atomically as readable JSON."""
    write_text(path, readable_json(value))


def first_line(error: BaseException) -> str:
    """Return the first line of the message of a library's error, or its type if it has no message.

    >>> first_line(KeyError())
    'KeyError'
    """
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


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

"""The files of a request: a path, a glob, a URL or a catalogue entry, resolved to names and readers of bytes."""

import glob
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import fsspec
from fsspec.core import split_protocol

from glassbox.data.catalog import fetch, find_entry
from glassbox.errors import DataError
from glassbox.request.secrets import mask, reveal

if TYPE_CHECKING:
    from glassbox.request.model import Request

CATALOG = "catalog:"
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class FileRef:
    """A file with a name that does not depend on the machine, and a function that reads its bytes."""

    name: str
    read: Callable[[], bytes]


def find_files(request: "Request", root: Path) -> list[FileRef]:
    """List the files of a request, sorted by name. A catalogue entry is fetched if its files are absent.

    For tasks that read pictures, a folder includes all files below it.

    Raises
    ------
    DataError
        When no file is found, or a location cannot be opened.
    GlassboxError
        When a catalogue entry cannot be fetched.
    """
    if request.data.source != "files":
        raise DataError(
            f"data.source: {request.data.source!r} is not supported yet; write the table to a file and give its path."
        )
    path = request.data.path
    if not path:
        raise DataError("data.path: the path is missing; expected a path, a glob, a URL or a catalogue entry.")
    if path.startswith(CATALOG):
        entry = find_entry(path.removeprefix(CATALOG), root)
        return [FileRef(name, _reader(file, name)) for name, file in zip(entry.files, fetch(entry, root), strict=True)]
    if ".." in PurePosixPath(path.replace("\\", "/")).parts:
        raise DataError(f"data.path: {mask(path)!r} leaves its folder with '..'; write the path without '..'.")
    protocol, rest = split_protocol(path)
    if protocol is None or protocol == "file":
        folders = request.task_spec.reads == "pictures"
        return _local_files(rest.removeprefix("localhost") if protocol else path, root, folders)
    return _remote_files(path, protocol)


def source_fingerprint(request: "Request", root: Path) -> dict[str, str]:
    """Identify the raw data by the name and SHA-256 of each file. A catalogue entry is fetched if its files are absent.

    Raises
    ------
    DataError, GlassboxError
        As `find_files` does.
    """
    return {file.name: hashlib.sha256(file.read()).hexdigest() for file in find_files(request, root)}


def _local_files(path: str, root: Path, folders: bool = False) -> list[FileRef]:
    root = root.resolve()
    path = reveal(path)
    if folders and (root / path).is_dir():
        path = f"{glob.escape(path.rstrip('/'))}/**"
    if (root / path).is_dir():
        raise DataError(f"data.path: {path!r} is a folder; name the files in it, such as '{path.rstrip('/')}/*.csv'.")
    # A file may have a star or a bracket in its own name.
    matches = [path] if (root / path).is_file() else glob.glob(path, root_dir=root, recursive=True)
    names = [name for name in matches if (root / name).is_file()]
    if not names:
        problem = "no file matches" if _MAGIC.search(path) else "there is no file"
        raise DataError(f"data.path: {problem} {path!r}{_nearby(root, path)}.")
    # Outside the project, names are relative to the fixed part of the path: folders above it depend on the machine.
    fixed = Path(path[: match.start()] if (match := _MAGIC.search(path)) else path)
    above = root / (fixed if path[: len(str(fixed)) + 1].endswith("/") else fixed.parent)
    files = []
    for name in names:
        file = root / name
        label = file.relative_to(root if file.is_relative_to(root) else above).as_posix()
        files.append(FileRef(label, _reader(file, label)))
    return sorted(files, key=lambda file: file.name)


def _nearby(root: Path, path: str) -> str:
    folder = (root / path).parent
    if _MAGIC.search(path) or not folder.is_dir():
        return "; paths are relative to the folder of the project"
    names = sorted(file.name for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    return f"; its folder holds: {', '.join(names[:5])}" if names else "; its folder is empty"


def _reader(file: Path, label: str) -> Callable[[], bytes]:
    return lambda: _read_local(file, label)


def _read_local(file: Path, label: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{label}: cannot be read: {error.strerror or error}.") from error


def _remote_files(path: str, protocol: str) -> list[FileRef]:
    shown = mask(path)
    try:
        system, location = fsspec.core.url_to_fs(reveal(path))
        matches = sorted(system.glob(location)) if _MAGIC.search(location) and "?" not in location else [location]
        names = [name for name in matches if system.isfile(name)]
    except (ValueError, ImportError, OSError) as error:
        raise DataError(f"data.path: {shown!r} cannot be opened: {mask(str(error))}") from error
    if not names:
        raise DataError(f"data.path: there is no file at {shown!r}.")
    if names == [location]:
        return [FileRef(shown, _remote_reader(system, location, shown))]
    labels = {name: f"{protocol}://{mask(name)}" if "${env:" not in path else name.rpartition("/")[2] for name in names}
    return [FileRef(labels[name], _remote_reader(system, name, labels[name])) for name in names]


def _remote_reader(system: Any, location: str, label: str) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            return bytes(system.cat_file(location))
        except (OSError, ValueError) as error:
            raise DataError(f"{label}: cannot be read: {mask(str(error))}") from error

    return read

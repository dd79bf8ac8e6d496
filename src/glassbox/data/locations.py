"""Where a request's files are: a path, a glob, a URL or a catalogue entry, as places with a name and bytes."""

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
    """One file: a name that is the same on every machine, and its bytes when they are wanted."""

    name: str
    read: Callable[[], bytes]


def find_places(request: "Request", root: Path) -> list[FileRef]:
    """The files that a request names, sorted by name; a catalogue entry is fetched when it is not there.

    Where a picture is a case, a folder stands for all files below it.

    Raises
    ------
    DataError
        When nothing is found, or it cannot be read.
    GlassboxError
        When a catalogue entry cannot be fetched.
    """
    if request.data.source != "files":
        raise DataError(f"data.source: {request.data.source!r} cannot be read yet; write the table to a file, and name its path.")
    path = request.data.path
    if not path:
        raise DataError("data.path: a request for files names a path, a glob, a URL or a catalogue entry.")
    if path.startswith(CATALOG):
        entry = find_entry(path.removeprefix(CATALOG), root)
        return [FileRef(name, _reader(file, name)) for name, file in zip(entry.files, fetch(entry, root), strict=True)]
    if ".." in PurePosixPath(path.replace("\\", "/")).parts:
        raise DataError(f"data.path: {mask(path)!r} climbs out of its folder with '..'; write the path without.")
    protocol, rest = split_protocol(path)
    if protocol is None or protocol == "file":
        folders = request.task_spec.reads == "pictures"
        return _local_places(rest.removeprefix("localhost") if protocol else path, root, folders)
    return _remote_places(path, protocol)


def source_fingerprint(request: "Request", root: Path) -> dict[str, str]:
    """The identity of the raw data: each file's name and the SHA-256 of its bytes. Fetches a catalogue entry if need be.

    Raises
    ------
    DataError, GlassboxError
        As `find_places` does.
    """
    return {place.name: hashlib.sha256(place.read()).hexdigest() for place in find_places(request, root)}


def _local_places(path: str, root: Path, folders: bool = False) -> list[FileRef]:
    root = root.resolve()
    path = reveal(path)
    if folders and (root / path).is_dir():
        path = f"{glob.escape(path.rstrip('/'))}/**"
    if (root / path).is_dir():
        raise DataError(f"data.path: {path!r} is a folder; name the files in it, such as '{path.rstrip('/')}/*.csv'.")
    # A file may have a star or a bracket in its own name.
    named = [path] if (root / path).is_file() else glob.glob(path, root_dir=root, recursive=True)
    found = [name for name in named if (root / name).is_file()]
    if not found:
        what = "no file matches" if _MAGIC.search(path) else "there is no file"
        raise DataError(f"data.path: {what} {path!r}{_near(root, path)}.")
    # Beyond the project, names are relative to the folder that the path fixes: what stands above it is the machine's.
    fixed = Path(path[: match.start()] if (match := _MAGIC.search(path)) else path)
    above = root / (fixed if path[: len(str(fixed)) + 1].endswith("/") else fixed.parent)
    places = []
    for name in found:
        file = root / name
        label = file.relative_to(root if file.is_relative_to(root) else above).as_posix()
        places.append(FileRef(label, _reader(file, label)))
    return sorted(places, key=lambda place: place.name)


def _near(root: Path, path: str) -> str:
    folder = (root / path).parent
    if _MAGIC.search(path) or not folder.is_dir():
        return "; paths are relative to the project's folder"
    names = sorted(file.name for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    return f"; its folder holds: {', '.join(names[:5])}" if names else "; its folder is empty"


def _reader(file: Path, label: str) -> Callable[[], bytes]:
    return lambda: _read_local(file, label)


def _read_local(file: Path, label: str) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise DataError(f"{label}: cannot be read: {error.strerror or error}.") from error


def _remote_places(path: str, protocol: str) -> list[FileRef]:
    shown = mask(path)
    try:
        system, location = fsspec.core.url_to_fs(reveal(path))
        found = sorted(system.glob(location)) if _MAGIC.search(location) and "?" not in location else [location]
        found = [name for name in found if system.isfile(name)]
    except (ValueError, ImportError, OSError) as error:
        raise DataError(f"data.path: {shown!r} cannot be opened: {mask(str(error))}") from error
    if not found:
        raise DataError(f"data.path: nothing is found at {shown!r}.")
    if found == [location]:
        return [FileRef(shown, _remote_reader(system, location, shown))]
    labels = {name: f"{protocol}://{mask(name)}" if "${env:" not in path else name.rpartition("/")[2] for name in found}
    return [FileRef(labels[name], _remote_reader(system, name, labels[name])) for name in found]


def _remote_reader(system: Any, location: str, label: str) -> Callable[[], bytes]:
    def read() -> bytes:
        try:
            return bytes(system.cat_file(location))
        except (OSError, ValueError) as error:
            raise DataError(f"{label}: cannot be read: {mask(str(error))}") from error

    return read

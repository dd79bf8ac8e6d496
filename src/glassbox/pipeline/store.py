"""The store of stage products: immutable folders named by the key of their inputs, and views that are copies of them.

A key is the hash of a stage's facts (cells, inputs, lock file, platform), of the request fields that it read, and of the code that
it loaded. The fields and modules are known only after the stage has run. Each run therefore leaves a record of them under the hash
of the facts; a record matches when all its fields and modules are unchanged (a constructive trace; Mokhov, Mitchell and Peyton
Jones 2018, "Build systems à la carte", section 4.2).
"""

import contextlib
import errno
import os
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from glassbox.code_hash import module_hash
from glassbox.errors import StoreError
from glassbox.files import UNFINISHED, disk_errors, hash_file, hash_tree, hash_value, is_abandoned
from glassbox.pipeline.locks import lock_if_free
from glassbox.request.model import Request
from glassbox.runtime.field_tracking import field_value
from glassbox.state_files import make_way, read_state, set_aside, write_state

MANIFEST = ".manifest.json"
_NEW, _OLD = ".new", ".old"  # suffixes of the folders that replace and that are replaced
_OCCUPIED = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)  # errors of a rename to a name that exists


class _Record(BaseModel):
    """The shape of a record: the request fields and modules that a run read."""

    reads: dict[str, Any]
    modules: dict[str, str]


class _Product(BaseModel):
    path: str
    hash: str


class _Facts(BaseModel):
    family: str
    cells: list[str]
    inputs: dict[str, str]
    source: dict[str, str]
    lock: str
    platform: dict[str, Any]
    products: list[str]


class ManifestFile(_Record):
    """The shape of the manifest of an entry."""

    stage: str
    key: str
    facts: _Facts
    products: dict[str, _Product]
    files: dict[str, str]


@dataclass(frozen=True)
class Entry:
    """One published stage: its folder in the store and its manifest."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def key(self) -> str:
        return str(self.manifest["key"])

    def product_hash(self, name: str) -> str:
        """Return the hash of a product's content."""
        return str(self.manifest["products"][name]["hash"])

    def product(self, name: str) -> Path:
        """Return the path of a product in the store, which must not be written to."""
        return self.folder / str(self.manifest["products"][name]["path"])


class Store:
    """The store of a project, under `data/.store/`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder: Path = root / "data" / ".store"

    def find(self, facts: dict[str, Any], request: Request) -> Entry | None:
        """Return the entry that matches these facts and the current request fields and code, verified by hash; None if there is none."""
        records = self.folder / "records" / hash_value(facts)
        if not records.is_dir():
            return None
        for path in sorted(records.glob("*.json")):
            record = read_state(path, _Record)
            if record is None:
                continue
            same_fields = all(field_value(request, name) == value for name, value in record["reads"].items())
            if same_fields and all(module_hash(name) == value for name, value in record["modules"].items()):
                entry = self.entry(path.stem)
                if entry is not None:
                    return entry
        return None

    def entry(self, key: str) -> Entry | None:
        """Return the entry of a key; a missing entry gives None, and a damaged entry is removed and gives None."""
        folder = self.folder / "stages" / key
        if not folder.is_dir():  # checked first: another process may publish the entry at any moment
            if folder.exists():
                set_aside(folder)
            return None
        manifest = read_state(folder / MANIFEST, ManifestFile)
        if manifest is not None and manifest["key"] == key and _hashes(folder) == manifest["files"]:
            return Entry(folder, manifest)
        self._remove(folder)
        return None

    def _remove(self, folder: Path) -> None:
        """Remove a folder of the store, which disappears at once for other processes."""
        discarded = self.temporary("")
        discarded.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # another process has removed it
            os.replace(folder, discarded)
        shutil.rmtree(discarded, ignore_errors=True)

    def temporary(self, slug: str) -> Path:
        """Return an unused path for temporary files of a run of a request."""
        return self.folder / "tmp" / f"{slug}.{uuid.uuid4().hex}"

    def scratch(self, slug: str) -> Path:
        """Create a scratch folder for a stage of a request; its content becomes an entry only when it is published."""
        path = self.temporary(slug)
        with disk_errors(path):
            make_way(path / MANIFEST)
            path.mkdir(parents=True)
        return path

    def sweep(self, slug: str) -> None:
        """Remove what killed processes have left behind. The caller holds the lock of the request `slug`.

        Temporary folders are removed if no process runs their request, half-written files if their process has ended.
        """
        make_way(self.temporary(slug))
        for path in (self.folder / "tmp").glob("*"):
            owner = path.name.rpartition(".")[0]
            with contextlib.nullcontext(True) if owner in ("", slug) else lock_if_free(self.root, owner) as is_ours:
                if is_ours:
                    _delete(path)
        for view in (self.root / "data" / slug).glob(".*"):
            if view.suffix in (_NEW, _OLD):
                _delete(view)
        for folder in (self.folder, self.root / "data" / slug, self.root / "reports" / slug):
            for parent, folders, files in os.walk(folder):
                folders[:] = [name for name in folders if name not in ("stages", "tmp")]
                for path in (Path(parent, name) for name in files if name.endswith(UNFINISHED)):
                    if is_abandoned(path):
                        path.unlink(missing_ok=True)

    def publish(self, scratch: Path, facts: dict[str, Any], trace: dict[str, Any], products: list[str]) -> Entry:
        """Move the content of a scratch folder into the store, atomically.

        Raises
        ------
        StoreError
            A declared product is missing, or the disk is full or read-only.
        """
        key = hash_value({"facts": facts, "reads": trace["reads"], "modules": trace["modules"]})
        saved = {}
        for name in products:
            candidates = (scratch / f"{name}.parquet", scratch / f"{name}.json", scratch / name)
            path = next((path for path in candidates if path.exists()), None)
            if path is None:
                raise StoreError(f"{facts['stage']}: product {name!r} is declared in pipeline.yaml but was not saved.")
            saved[name] = {"path": path.name, "hash": hash_tree(path)}
        for hidden in scratch.glob(".*"):
            _delete(hidden)
        manifest = {
            "stage": facts["stage"],
            "key": key,
            "facts": facts,
            "reads": trace["reads"],
            "modules": trace["modules"],
            "products": saved,
            "files": _hashes(scratch),
        }
        with disk_errors():
            write_state(scratch / MANIFEST, manifest)  # written last: an entry without a manifest is invalid
            target = self.folder / "stages" / key
            make_way(target / MANIFEST)
            target.parent.mkdir(parents=True, exist_ok=True)
            entry = self._place(scratch, target) or Entry(target, manifest)
            record = self.folder / "records" / hash_value(facts) / f"{key}.json"
            write_state(record, {"reads": trace["reads"], "modules": trace["modules"]})
        return entry

    def _place(self, scratch: Path, target: Path) -> Entry | None:
        """Rename a scratch folder to its place in the store; if an intact entry is there, leave it unchanged and return it."""
        while True:
            try:
                os.replace(scratch, target)
                return None
            except OSError as error:
                if error.errno not in _OCCUPIED:
                    raise
            if (present := self.entry(target.name)) is not None:
                return present

    def view(self, entry: Entry, folder: Path, paths: dict[str, str]) -> None:
        """Copy an entry's products to `folder`, at the paths that `pipeline.yaml` gives them.

        A view that holds exactly this entry, byte for byte, is left unchanged.
        """
        sources = {os.path.relpath(self.root / path, folder): entry.product(name) for name, path in paths.items()}
        sources |= {name: entry.folder / name for name in ("measured.json", MANIFEST)}
        if folder.is_dir() and _hashes(folder, hidden=True) == self._expected(entry, sources):
            return
        with disk_errors():
            folder.parent.mkdir(parents=True, exist_ok=True)
            unique = uuid.uuid4().hex
            fresh, old = (folder.with_name(f".{folder.name}.{unique}{suffix}") for suffix in (_NEW, _OLD))
            for name, source in sources.items():
                target = fresh / name
                target.parent.mkdir(parents=True, exist_ok=True)
                if source.is_dir():
                    shutil.copytree(source, target, dirs_exist_ok=True)
                else:
                    shutil.copyfile(source, target)
            while True:
                try:
                    os.replace(fresh, folder)
                    return
                except OSError as error:
                    if error.errno not in _OCCUPIED:
                        raise
                with contextlib.suppress(FileNotFoundError):  # another process has moved it
                    os.replace(folder, old)
                _delete(old)

    def _expected(self, entry: Entry, sources: dict[str, Path]) -> dict[str, str]:
        """Return the hashes of the files of a view."""
        hashes: dict[str, str] = {}
        for name, source in sources.items():
            inside = source.relative_to(entry.folder).as_posix()
            if source.is_dir():
                listed = entry.manifest["files"].items()
                hashes |= {f"{name}{file[len(inside) :]}": value for file, value in listed if file.startswith(f"{inside}/")}
            else:
                hashes[name] = hash_file(source) if name == MANIFEST else entry.manifest["files"][inside]
        return hashes


def _hashes(folder: Path, *, hidden: bool = False) -> dict[str, str]:
    """Return the hash of each file below a folder by its relative path; by default without its manifest."""
    hashes = {}
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for name in [*files, *(name for name in folders if Path(parent, name).is_symlink())]:
            path = Path(parent, name)
            inside = path.relative_to(folder).as_posix()
            if hidden or inside != MANIFEST:
                hashes[inside] = _hash(path)
    return hashes


def _hash(path: Path) -> str:
    """Return the hash of a file, "link" for a link, and "removed" for a file that another process has just removed."""
    if path.is_symlink():
        return "link"
    try:
        return hash_file(path)
    except FileNotFoundError:
        return "removed"


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)

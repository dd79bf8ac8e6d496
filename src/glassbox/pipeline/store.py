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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassbox.code_hash import module_hash
from glassbox.errors import StoreError
from glassbox.files import files_below, hash_file, hash_tree, hash_value, read_json, write_json
from glassbox.request.model import Request
from glassbox.runtime.field_tracking import field_value

MANIFEST = ".manifest.json"
_CAUSES = {
    errno.ENOSPC: "the disk is full: free some space, then run again",
    errno.EDQUOT: "the disk quota is exceeded: free some space, then run again",
    errno.EROFS: "the folder is read-only: make it writable, then run again",
    errno.EACCES: "permission is denied: make the folder writable, then run again",
    errno.EPERM: "permission is denied: make the folder writable, then run again",
}


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Convert disk errors into a `StoreError` with its cause and remedy."""
    try:
        yield
    except OSError as error:
        if error.errno not in _CAUSES:
            raise
        raise StoreError(f"{error.filename or 'data'}: {_CAUSES[error.errno]} (published results are intact).") from error


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
            try:
                record = read_json(path)
            except ValueError:
                path.unlink(missing_ok=True)
                continue
            same_fields = all(field_value(request, name) == value for name, value in record["reads"].items())
            if same_fields and all(module_hash(name) == value for name, value in record["modules"].items()):
                entry = self.entry(path.stem)
                if entry is not None:
                    return entry
        return None

    def entry(self, key: str) -> Entry | None:
        """Return the entry of a key; a missing entry gives None, and a corrupt entry is removed and gives None."""
        folder = self.folder / "stages" / key
        try:
            manifest = read_json(folder / MANIFEST)
            intact = all(hash_file(folder / name) == value for name, value in manifest["files"].items())
        except (FileNotFoundError, ValueError, KeyError):
            intact = False
        if not intact:
            shutil.rmtree(folder, ignore_errors=True)
            return None
        return Entry(folder, manifest)

    def scratch(self) -> Path:
        """Create a scratch folder for a stage; its content becomes an entry only when it is published."""
        with disk_errors():
            path = self.folder.joinpath("tmp", uuid.uuid4().hex)
            path.mkdir(parents=True)
        return path

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
            hidden.unlink()
        manifest = {
            "stage": facts["stage"],
            "key": key,
            "facts": facts,
            "reads": trace["reads"],
            "modules": trace["modules"],
            "products": saved,
            "files": {name: hash_file(path) for name, path in files_below(scratch)},
        }
        with disk_errors():
            write_json(scratch / MANIFEST, manifest)  # written last: an entry without a manifest is invalid
            target = self.folder / "stages" / key
            if target.exists():
                shutil.rmtree(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(scratch, target)
            record = self.folder / "records" / hash_value(facts) / f"{key}.json"
            write_json(record, {"reads": trace["reads"], "modules": trace["modules"]})
        return Entry(target, manifest)

    def view(self, entry: Entry, folder: Path, paths: dict[str, str]) -> None:
        """Copy an entry's products to `folder`, at the paths that `pipeline.yaml` gives them.

        A view that already holds this entry, byte for byte, is left unchanged.
        """
        manifest = folder / MANIFEST
        if manifest.is_file() and read_json(manifest).get("key") == entry.key and self._is_current(entry, paths):
            return
        with disk_errors():
            fresh, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
            for stale_folder in (fresh, old):
                shutil.rmtree(stale_folder, ignore_errors=True)
            fresh.mkdir(parents=True)
            for name, path in paths.items():
                source, target = entry.product(name), fresh / os.path.relpath(self.root / path, folder)
                if source.is_dir():
                    shutil.copytree(source, target, dirs_exist_ok=True)
                else:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(source, target)
            shutil.copyfile(entry.folder / "measured.json", fresh / "measured.json")
            shutil.copyfile(entry.folder / MANIFEST, fresh / MANIFEST)
            if folder.exists():
                os.replace(folder, old)
            os.replace(fresh, folder)
            shutil.rmtree(old, ignore_errors=True)

    def _is_current(self, entry: Entry, paths: dict[str, str]) -> bool:
        for name, path in paths.items():
            target, source = self.root / path, entry.product(name)
            if source.is_dir():
                for inner, _ in files_below(source):
                    expected = entry.manifest["files"][f"{source.name}/{inner}"]
                    if not (target / inner).is_file() or hash_file(target / inner) != expected:
                        return False
            elif not target.is_file() or hash_file(target) != entry.manifest["files"][source.name]:
                return False
        return True

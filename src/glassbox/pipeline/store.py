"""Where products lie: immutable folders named by the key of what they were computed from, and views rebuilt from them.

A key is the hash of a stage's facts (cells, inputs, lock, platform), of the request's fields that it read, and of the code
that it had loaded. Which fields and modules those are is only known once the stage has run: so each record under the hash
of the facts names them, and a record holds when all of them are as they were (a constructive trace; Mokhov, Mitchell and
Peyton Jones 2018, "Build systems à la carte", section 4.2).
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
    errno.ENOSPC: "the disk is full: make room, then run again",
    errno.EDQUOT: "the quota is used up: make room, then run again",
    errno.EROFS: "the folder is read-only: make it writable, then run again",
    errno.EACCES: "permission is denied: make the folder writable, then run again",
    errno.EPERM: "permission is denied: make the folder writable, then run again",
}


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """Say what is wrong with the disk in words; what was published before stays whole."""
    try:
        yield
    except OSError as error:
        if error.errno not in _CAUSES:
            raise
        raise StoreError(f"{error.filename or 'data'}: {_CAUSES[error.errno]} (nothing that was published is lost).") from error


@dataclass(frozen=True)
class Entry:
    """One published stage: its folder in the store and its manifest."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def key(self) -> str:
        return str(self.manifest["key"])

    def product_hash(self, name: str) -> str:
        """The hash of a product's content."""
        return str(self.manifest["products"][name]["hash"])

    def product(self, name: str) -> Path:
        """A product in the store: read it, never write it."""
        return self.folder / str(self.manifest["products"][name]["path"])


class Store:
    """The store of a project, under `data/.store/`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder: Path = root / "data" / ".store"

    def find(self, facts: dict[str, Any], request: Request) -> Entry | None:
        """What was computed from these facts, with the fields and the code as they are now; verified by hash."""
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
        """The entry of a key when it is there and whole; a spoiled one is put aside, to be computed again."""
        folder = self.folder / "stages" / key
        try:
            manifest = read_json(folder / MANIFEST)
            whole = all(hash_file(folder / name) == value for name, value in manifest["files"].items())
        except (FileNotFoundError, ValueError, KeyError):
            whole = False
        if not whole:
            shutil.rmtree(folder, ignore_errors=True)
            return None
        return Entry(folder, manifest)

    def scratch(self) -> Path:
        """A new folder for a stage to write in; nothing in it counts until it is published."""
        with disk_errors():
            path = self.folder.joinpath("tmp", uuid.uuid4().hex)
            path.mkdir(parents=True)
        return path

    def publish(self, scratch: Path, facts: dict[str, Any], trace: dict[str, Any], products: list[str]) -> Entry:
        """Make what a stage wrote part of the store: whole, or not at all.

        Raises
        ------
        StoreError
            When a declared product is missing, or the disk refuses.
        """
        key = hash_value({"facts": facts, "reads": trace["reads"], "modules": trace["modules"]})
        described = {}
        for name in products:
            found = [path for path in (scratch / f"{name}.parquet", scratch / f"{name}.json", scratch / name) if path.exists()]
            if not found:
                raise StoreError(f"{facts['stage']}: product {name!r} was declared and not saved.")
            described[name] = {"path": found[0].name, "hash": hash_tree(found[0])}
        for hidden in scratch.glob(".*"):
            hidden.unlink()
        manifest = {
            "stage": facts["stage"],
            "key": key,
            "facts": facts,
            "reads": trace["reads"],
            "modules": trace["modules"],
            "products": described,
            "files": {name: hash_file(path) for name, path in files_below(scratch)},
        }
        with disk_errors():
            write_json(scratch / MANIFEST, manifest)  # last: an entry without it is no entry
            target = self.folder / "stages" / key
            if target.exists():
                shutil.rmtree(target)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(scratch, target)
            record = self.folder / "records" / hash_value(facts) / f"{key}.json"
            write_json(record, {"reads": trace["reads"], "modules": trace["modules"]})
        return Entry(target, manifest)

    def view(self, entry: Entry, folder: Path, paths: dict[str, str]) -> None:
        """Lay out an entry's products under `folder`, at the paths that `pipeline.yaml` gives them.

        Left as it is when it already shows this entry, byte for byte.
        """
        shown = folder / MANIFEST
        if shown.is_file() and read_json(shown).get("key") == entry.key and self._shows(entry, paths):
            return
        with disk_errors():
            fresh, old = folder.with_name(f".{folder.name}.new"), folder.with_name(f".{folder.name}.old")
            for left_over in (fresh, old):
                shutil.rmtree(left_over, ignore_errors=True)
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

    def _shows(self, entry: Entry, paths: dict[str, str]) -> bool:
        for name, path in paths.items():
            target, source = self.root / path, entry.product(name)
            if source.is_dir():
                for inner, _ in files_below(source):
                    wanted = entry.manifest["files"][f"{source.name}/{inner}"]
                    if not (target / inner).is_file() or hash_file(target / inner) != wanted:
                        return False
            elif not target.is_file() or hash_file(target) != entry.manifest["files"][source.name]:
                return False
        return True

    def sweep(self) -> None:
        """Remove what killed runs left in the scratch folder. Only while no run is under way."""
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)

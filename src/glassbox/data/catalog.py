"""Data sets that lie inside packages of the Python index or of Debian: where, under which licence, and how to take just the file out.

The packages are carriers: they are downloaded and opened as archives, never installed or imported. A data set may also be made
from another one by a recipe that is part of Glassbox.
"""

import difflib
import hashlib
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError, model_validator

from glassbox.errors import DataError, GlassboxError
from glassbox.files import hash_file, hash_value, write_bytes

CATALOG = "data/catalog.yaml"
DOWNLOAD_SECONDS = 600
_EXPECTED = (
    "expected one of: package, version and wheel_sha256; debian, version and deb_sha256; made_from and recipe. "
    "The first two with member and sha256, or members"
)


class Recipe(BaseModel):
    """How a data set is made from another one: `train` and `test` pictures of `side` pixels, drawn with `seed`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Literal["boxes"]
    train: PositiveInt
    test: PositiveInt
    side: PositiveInt
    seed: int


class CatalogEntry(BaseModel):
    """One data set, or the weights of one model: the package that carries it, the files inside, and what is known of both.

    The carrier is a wheel (`package`), a package of Debian (`debian`), or none: then it is made from another entry (`made_from`)
    by a `recipe`. One file is named by `member` and `sha256`; several by `members`, from the path inside the carrier to its
    SHA-256: they keep their places below the folder that they all lie in.
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
    source: "CatalogEntry | None" = None  # the entry that `made_from` names, filled in when the catalogue is read
    carrier_licence: str
    data_licence: str
    note: str = ""

    @model_validator(mode="after")
    def _one_way_of_naming(self) -> Self:
        wheel, deb = (self.package, self.wheel_sha256), (self.debian, self.deb_sha256)
        inside = (self.members, self.member and self.sha256)
        made = (self.made_from, self.recipe)
        if any(made):
            fits = all(made) and not any((*wheel, *deb, *inside, self.version))
        else:
            carried = (all(wheel) and not any(deb)) or (all(deb) and not any(wheel))
            fits = carried and bool(self.version) and bool(inside[0]) != bool(inside[1])
        if not fits:
            raise ValueError(_EXPECTED)
        return self

    @property
    def carrier(self) -> str:
        """The carrier as people name it."""
        kind = "the Debian package" if self.debian else "the wheel of"
        return f"{kind} {self.debian or self.package} {self.version}"

    @property
    def folder(self) -> str:
        """The folder of the project that its files lie in, once fetched."""
        return f"data/raw/{self.name}"

    @property
    def files(self) -> dict[str, tuple[str, str]]:
        """Where each file lies in the project, once fetched: path to member and SHA-256, sorted.

        What is made has no member; its hash is that of the recipe, its version and the files that it starts from. The bytes
        of pictures may differ between builds of the libraries that write them, so no hash of bytes is recorded beforehand.
        """
        if self.recipe is not None:
            from glassbox.data.synthetic_scenes import FILE, VERSION

            origin = dict(fetched_hashes(self.source)) if self.source is not None else self.made_from
            return {f"{self.folder}/{FILE}": ("", hash_value([VERSION, self.recipe, origin]))}
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
        entries = {str(name): CatalogEntry.model_validate({**entry, "name": str(name)}) for name, entry in content.items()}
    except (TypeError, ValidationError) as error:
        raise DataError(f"{CATALOG}: an entry does not fit: {error}") from error
    return {name: _with_source(entry, entries) for name, entry in entries.items()}


def _with_source(entry: CatalogEntry, entries: Mapping[str, CatalogEntry]) -> CatalogEntry:
    if not entry.made_from:
        return entry
    source = entries.get(entry.made_from)
    if source is None or source.made_from or len(source.files) != 1:
        raise DataError(
            f"{CATALOG}: {entry.name} is made from {entry.made_from!r}; expected an entry that is one file in a package."
        )
    return entry.model_copy(update={"source": source})


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
    """The files of a catalogue entry: taken from the project, or else fetched or made, and checked either way.

    Parameters
    ----------
    entry : CatalogEntry
        What to fetch.
    root : Path
        The project; the files land in `data/raw/<name>/`.

    Returns
    -------
    list of Path
        The files, sorted; the SHA-256 of each is the recorded one, or it was made by the recorded recipe.

    Raises
    ------
    GlassboxError
        When a file cannot be had, or has another hash than the catalogue records. Nothing is left behind.
    """
    if entry.recipe is not None:
        return [_made(entry, entry.recipe, root)]
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
        with tempfile.TemporaryDirectory(prefix="glassbox-") as folder:
            carrier = _download(entry, Path(folder))
            with (_deb if entry.debian else _wheel)(entry, carrier) as read:
                content = {path: _member(entry, carrier, read, *named) for path, named in missing.items()}
        for path, found_there in content.items():
            write_bytes(root / path, found_there)
    return [root / path for path in entry.files]


def fetched_hashes(entry: CatalogEntry) -> Mapping[str, str]:
    """The recorded SHA-256 of each file, by its path in the project; of what is made, that of its recipe. Nothing is fetched."""
    return {path: sha256 for path, (_, sha256) in entry.files.items()}


def _made(entry: CatalogEntry, recipe: Recipe, root: Path) -> Path:
    """The file of an entry that is made from another one: as it stands, or made anew where the recipe has changed since."""
    from glassbox.data import synthetic_scenes

    [(path, (_, fingerprint))] = entry.files.items()
    if (root / path).is_file():
        found = synthetic_scenes.fingerprint_of(root / path)
        if found is None:
            raise GlassboxError(
                f"{path}: this is not a file that was made for {entry.name!r}, or it was changed since. "
                f"Move it away and run again to make it, or name it as `path: {path}`."
            )
        if found == fingerprint:
            return root / path
    if entry.source is None:
        raise GlassboxError(f"{entry.name}: {entry.made_from!r}, which it is made from, is not in {CATALOG}.")
    try:
        [photos] = fetch(entry.source, root)
        content = synthetic_scenes.compose(photos, fingerprint=fingerprint, **recipe.model_dump(exclude={"name"}))
    except (GlassboxError, OSError) as error:
        raise GlassboxError(f"{entry.name}: it cannot be made from {entry.made_from!r}: {error}") from error
    write_bytes(root / path, content)
    return root / path


def _by_hand(entry: CatalogEntry) -> str:
    [(path, (member, _)), *rest] = entry.files.items()
    more = f" (and {len(rest)} more files beside it)" if rest else ""
    return f"By hand: take {member}{more} out of {entry.carrier} on another machine, and put it at {path}."


def _download(entry: CatalogEntry, folder: Path) -> Path:
    """The wheel or the Debian package in `folder`; its hash is the recorded one."""
    if entry.debian:
        command, ending, expected = ["apt-get", "download", f"{entry.debian}={entry.version}"], "*.deb", entry.deb_sha256
        asked = f"{entry.name}: fetching {entry.debian} {entry.version} from the Debian archive failed"
    else:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--no-input"]
        command += ["--disable-pip-version-check", "--quiet", "-d", str(folder), f"{entry.package}=={entry.version}"]
        asked = f"{entry.name}: fetching {entry.package} {entry.version} from the package index failed"
        ending, expected = "*.whl", entry.wheel_sha256
    here = folder if entry.debian else None  # apt-get knows no other way to be told where to
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False, cwd=here)
    except subprocess.TimeoutExpired as error:
        raise GlassboxError(f"{asked}: no answer within {DOWNLOAD_SECONDS} s.\n{_by_hand(entry)}") from error
    except FileNotFoundError as error:
        raise GlassboxError(
            f"{asked}: there is no {command[0]} here; it comes with Debian and Ubuntu.\n{_by_hand(entry)}"
        ) from error
    carriers = sorted(folder.glob(ending))
    if done.returncode != 0 or len(carriers) != 1:
        said = _last_line(done.stderr) or f"{'apt-get' if entry.debian else 'pip'} said nothing"
        update = "\nWhere its lists of packages are old or missing, `apt-get update` renews them." if entry.debian else ""
        raise GlassboxError(f"{asked}: {said}{update}\n{_by_hand(entry)}")
    found = hash_file(carriers[0])
    if found != expected:
        raise GlassboxError(
            f"{entry.name}: {entry.carrier} is not the one that {CATALOG} records "
            f"(SHA-256 {found}, recorded {expected}). Nothing was taken from it.\n{_by_hand(entry)}"
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
    cannot = f"{entry.name}: {path.name} cannot be opened"
    try:
        done = subprocess.run(
            ["dpkg-deb", "--fsys-tarfile", str(path)], capture_output=True, timeout=DOWNLOAD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise GlassboxError(f"{cannot}: dpkg-deb was not done within {DOWNLOAD_SECONDS} s.") from error
    except FileNotFoundError as error:
        raise GlassboxError(
            f"{cannot}: there is no dpkg-deb here; it comes with Debian and Ubuntu.\n{_by_hand(entry)}"
        ) from error
    if done.returncode != 0:
        raise GlassboxError(f"{cannot}: {_last_line(done.stderr.decode(errors='replace')) or 'dpkg-deb said nothing'}")
    try:
        with tarfile.open(fileobj=io.BytesIO(done.stdout), mode="r:") as archive:
            yield lambda member: _in_tar(archive, member)
    except tarfile.TarError as error:
        raise GlassboxError(f"{cannot}: {error}") from error


def _in_tar(archive: tarfile.TarFile, member: str) -> bytes:
    stream = archive.extractfile(f"./{member}")
    if stream is None:
        raise KeyError(f"{member} is no file")
    return stream.read()


def _member(entry: CatalogEntry, carrier: Path, read: Callable[[str], bytes], member: str, sha256: str) -> bytes:
    try:
        content = read(member)
    except KeyError as error:
        raise GlassboxError(f"{entry.name}: {member} cannot be read from {carrier.name}: {error}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise GlassboxError(
            f"{entry.name}: {member} in {carrier.name} is not the file that {CATALOG} records "
            f"(SHA-256 {found}, recorded {sha256}). Nothing was kept."
        )
    return content

"""Reading of model packages: every file is verified against the manifest before anything is loaded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from glassbox.code_hash import bare_source, module_path
from glassbox.data.schema import Schema
from glassbox.errors import PackageError
from glassbox.families.predictor_protocol import Predictor, load_predictor
from glassbox.files import files_below, first_line, hash_file, hash_tree, hash_value, read_json

MANIFEST = "manifest.json"
LOADED = ("model/", "code/")  # folders whose files may be loaded or executed, and which must contain listed files only
FORMAT = 1


@dataclass(frozen=True)
class Package:
    """A package whose files all match its manifest."""

    folder: Path
    name: str
    model: str  # SHA-256 of the model folder, equal to that of the evaluated model
    version: str  # version of the package: the first characters of the manifest's hash
    schema: Schema
    request: dict[str, Any]
    predictor: Predictor
    same_code: bool  # whether the running code is the packaged code


class _ManifestFile(BaseModel):
    """The shape of a manifest."""

    format: Literal[1]
    name: str
    model: str
    files: dict[str, str]


class _Excerpt(BaseModel):
    """The shape of the excerpt of the request."""

    name: str
    task: str
    problem: str | None
    target: str | None


def read_package(folder: Path) -> Package:
    """Verify a package against its manifest and load it.

    Raises
    ------
    PackageError
        A file is missing, has changed, is a link, is not in the manifest or cannot be loaded.
    """
    manifest = verify(folder)
    hashes: dict[str, str] = manifest["files"]
    name = "schema.json"
    try:
        schema = Schema.model_validate(read_json(folder / name))
        name = "request.json"
        request = _Excerpt.model_validate(read_json(folder / name)).model_dump()
        name = "model"
        predictor = load_predictor(folder / name)
    except Exception as error:  # of any type: a manifest that was written again can list any file
        raise damaged(folder, f"{name} cannot be loaded: {type(error).__name__}: {first_line(error)}") from error
    return Package(
        folder=folder,
        name=manifest["name"],
        model=manifest["model"],
        version=hash_value(manifest)[:12],
        schema=schema,
        request=request,
        predictor=predictor,
        same_code=_same_code({n.removeprefix("code/"): folder / n for n in hashes if n.startswith("code/")}),
    )


def damaged(folder: Path, problem: str) -> PackageError:
    """Return the error about a package; `problem` names the file."""
    return PackageError(f"The package {folder} is damaged: {problem.rstrip('.')}. Run the stage `deploy` again.")


def verify(folder: Path) -> dict[str, Any]:
    """Verify all files of a package against its manifest, without loading them, and return the manifest.

    Raises
    ------
    PackageError
        The folder is not a package, has links, or files differ from the manifest; the message names all of them.
    """
    path = folder / MANIFEST
    if not path.exists():
        raise PackageError(f"{folder} is not a package: it has no {MANIFEST}. Packages are written by the stage `deploy`.")
    links = sorted(
        p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_symlink() or not (p.is_file() or p.is_dir())
    )
    if links:  # a link could lead anywhere, and the folder that it leads to would not be verified
        raise damaged(folder, "; ".join(f"{name} is a link" for name in links))
    manifest = _read_manifest(folder)
    expected: dict[str, str] = manifest["files"]
    files = {name: file for name, file in files_below(folder) if name != MANIFEST and "__pycache__" not in name}
    problems = [f"{name} is missing" for name in expected if name not in files]
    problems += [f"{name} is not in the manifest" for name in files if name not in expected and name.startswith(LOADED)]
    problems += [f"{n} has changed" for n in expected if n in files and hash_file(files[n]) != expected[n]]
    if not problems and hash_tree(folder / "model") != manifest["model"]:
        problems = ["model does not match the model hash of the manifest"]
    if problems:
        raise damaged(folder, "; ".join(sorted(problems)))
    return manifest


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = read_json(folder / MANIFEST)
        _ManifestFile.model_validate(manifest, strict=True)
    except (ValueError, OSError, RecursionError) as error:
        raise damaged(folder, f"{MANIFEST} is not a manifest of format {FORMAT}") from error
    return manifest


def _same_code(packaged: dict[str, Path]) -> bool:
    for name, path in packaged.items():
        module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        installed = module_path(module)
        if installed is None or bare_source(installed.read_text(encoding="utf-8")).encode() != path.read_bytes():
            return False
    return True

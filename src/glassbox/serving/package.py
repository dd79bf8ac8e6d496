"""A package opened: nothing of it is loaded before every file has been found to be as the manifest says."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassbox.code_hash import bare_source, module_path
from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError
from glassbox.families.predictor_protocol import Predictor, load_predictor
from glassbox.files import files_below, hash_file, hash_tree, hash_value, read_json

MANIFEST = "manifest.json"
LOADED = ("model/", "code/")  # folders whose every file may be read or run: there, none may stand that is not listed
FORMAT = 1


@dataclass(frozen=True)
class Package:
    """A package whose every file is as its manifest says."""

    folder: Path
    name: str
    model: str  # SHA-256 of the model's folder: the same as of the one that was evaluated
    version: str  # of the whole package: the start of the manifest's hash
    schema: Schema
    request: dict[str, Any]
    predictor: Predictor
    same_code: bool  # the code that runs here is the code that was packaged


def read_package(folder: Path) -> Package:
    """Open a package, after every file in it has been found to be as its manifest says.

    Raises
    ------
    GlassboxError
        Naming the file that is missing, has changed or does not belong there; nothing of the package is loaded then.
    """
    manifest = verify(folder)
    hashes: dict[str, str] = manifest["files"]
    return Package(
        folder=folder,
        name=manifest["name"],
        model=manifest["model"],
        version=hash_value(manifest)[:12],
        schema=Schema.model_validate(read_json(folder / "schema.json")),
        request=read_json(folder / "request.json"),
        predictor=load_predictor(folder / "model"),
        same_code=_same_code({n.removeprefix("code/"): folder / n for n in hashes if n.startswith("code/")}),
    )


def verify(folder: Path) -> dict[str, Any]:
    """The manifest of a package whose files are all as it says; loads nothing.

    Raises
    ------
    GlassboxError
        Naming every file that differs.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise GlassboxError(f"{folder} is not a package: it holds no {MANIFEST}. Packages are written by the stage `deploy`.")
    manifest = _read_manifest(path)
    expected: dict[str, str] = manifest["files"]
    found = {name: file for name, file in files_below(folder) if name != MANIFEST and "__pycache__" not in name}
    problems = [f"{name} is missing" for name in expected if name not in found]
    problems += [f"{name} does not belong there" for name in found if name not in expected and name.startswith(LOADED)]
    problems += [f"{n} has changed" for n in expected if n in found and hash_file(found[n]) != expected[n]]
    if not problems and hash_tree(folder / "model") != manifest["model"]:
        problems = ["model is not the model that the manifest names"]
    if problems:
        raise GlassboxError(
            f"The package {folder} is not as it was written: {'; '.join(sorted(problems))}. It is not loaded; write it again."
        )
    return manifest


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = read_json(path)
    except ValueError as error:
        raise GlassboxError(f"{path} cannot be read: {error}. Write the package again.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT or not isinstance(manifest.get("files"), dict):
        raise GlassboxError(f"{path} is not a manifest of format {FORMAT}. Write the package again.")
    return manifest


def _same_code(packaged: dict[str, Path]) -> bool:
    for name, path in packaged.items():
        module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        own = module_path(module)
        if own is None or bare_source(own.read_text(encoding="utf-8")) != path.read_text(encoding="utf-8"):
            return False
    return True

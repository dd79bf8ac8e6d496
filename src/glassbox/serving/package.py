"""Reading of model packages: every file is verified against the manifest before anything is loaded."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassbox.code_hash import bare_source, module_path
from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError
from glassbox.families.predictor_protocol import Predictor, load_predictor
from glassbox.files import files_below, hash_file, hash_tree, hash_value, read_json

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


def read_package(folder: Path) -> Package:
    """Verify a package against its manifest and load it.

    Raises
    ------
    GlassboxError
        A file is missing, has changed or is not in the manifest; nothing is loaded from the package.
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
    """Verify all files of a package against its manifest, without loading them, and return the manifest.

    Raises
    ------
    GlassboxError
        Files differ from the manifest; the message names all of them.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise GlassboxError(f"{folder} is not a package: it has no {MANIFEST}. Packages are written by the stage `deploy`.")
    manifest = _read_manifest(path)
    expected: dict[str, str] = manifest["files"]
    files = {name: file for name, file in files_below(folder) if name != MANIFEST and "__pycache__" not in name}
    problems = [f"{name} is missing" for name in expected if name not in files]
    problems += [f"{name} is not in the manifest" for name in files if name not in expected and name.startswith(LOADED)]
    problems += [f"{n} has changed" for n in expected if n in files and hash_file(files[n]) != expected[n]]
    if not problems and hash_tree(folder / "model") != manifest["model"]:
        problems = ["model does not match the model hash of the manifest"]
    if problems:
        raise GlassboxError(
            f"The package {folder} does not match its manifest: {'; '.join(sorted(problems))}. Run the stage `deploy` again."
        )
    return manifest


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = read_json(path)
    except ValueError as error:
        raise GlassboxError(f"{path} is not valid JSON: {error}. Run the stage `deploy` again.") from error
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT or not isinstance(manifest.get("files"), dict):
        raise GlassboxError(f"{path} is not a manifest of format {FORMAT}. Run the stage `deploy` again.")
    return manifest


def _same_code(packaged: dict[str, Path]) -> bool:
    for name, path in packaged.items():
        module = name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        installed = module_path(module)
        if installed is None or bare_source(installed.read_text(encoding="utf-8")) != path.read_text(encoding="utf-8"):
            return False
    return True

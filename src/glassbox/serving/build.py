"""Construction of model packages: the evaluated model, everything needed to serve it, and a manifest of hashes."""

import importlib
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from glassbox.code_hash import bare_source
from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError
from glassbox.families.predictor_protocol import load_predictor
from glassbox.files import files_below, hash_file, hash_tree, read_json, write_json, write_text
from glassbox.serving import container
from glassbox.serving.dependencies import distributions_of, libraries_of, pinned, serving_code
from glassbox.serving.example_rows import example_rows
from glassbox.serving.package import FORMAT, MANIFEST


def build_package(folder: Path, model: Path, schema: Schema, request: Mapping[str, Any], lock: Path) -> Path:
    """Write a package into the empty `folder`.

    Parameters
    ----------
    folder : Path
        The folder to write to; must be empty or not exist.
    model : Path
        The folder of the evaluated model; it is copied byte for byte.
    schema : Schema
        The schema of the training data, from `ingest`. The service validates requests against the fields that the model uses.
    request : mapping
        The excerpt of the request that is packaged with the model: ``name``, ``task``, ``problem``, ``target``. No other field is
        packaged, so that a package contains no addresses or secrets.
    lock : Path
        The lock file of the project, with the hashes of the libraries' wheels.

    Returns
    -------
    Path
        The folder. Equal arguments give equal bytes.

    Raises
    ------
    GlassboxError
        The folder is not empty, the model was fitted on data of another schema, or an installed library differs from the lock file.
    """
    if folder.exists() and any(folder.iterdir()):
        raise GlassboxError(f"{folder}: the folder is not empty; a package is written to an empty folder.")
    predictor = load_predictor(model)
    if predictor.schema != schema:
        raise GlassboxError(f"{model.name}: the model was fitted on data of another schema; run evaluate again.")
    input_schema = predictor.input_schema
    files = serving_code(read_json(model / "predictor.json")["family"])
    _import_modules(files)
    versions = distributions_of(libraries_of(files.values()))
    shutil.copytree(model, folder / "model", copy_function=shutil.copyfile)
    for name, path in files.items():
        write_text(folder / "code" / name, bare_source(path.read_text(encoding="utf-8")))
    example = example_rows(input_schema)[0]
    write_json(folder / "schema.json", input_schema)
    write_json(folder / "request.json", dict(request))
    write_json(folder / "example.json", example)
    write_text(folder / "requirements.txt", pinned(versions, lock.read_text(encoding="utf-8")))
    write_text(folder / "Dockerfile", container.dockerfile(versions))
    write_text(folder / ".dockerignore", container.DOCKERIGNORE)
    write_text(folder / "README.md", container.readme(request, example, hash_tree(model)))
    _write_manifest(folder, str(request["name"]))
    return folder


def _import_modules(files: Iterable[str]) -> None:
    # The packaged code is part of a product: importing it makes it part of the stage's key, which holds all loaded modules.
    for name in files:
        if not name.endswith("__main__.py"):
            importlib.import_module(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))


def _write_manifest(folder: Path, name: str) -> None:
    hashes = {file: hash_file(path) for file, path in files_below(folder)}
    write_json(folder / MANIFEST, {"format": FORMAT, "name": name, "model": hash_tree(folder / "model"), "files": hashes})


def excerpt(request: Any) -> dict[str, Any]:
    """Return the part of a resolved request that is packaged with the model."""
    return {"name": request.name, "task": request.task, "problem": request.problem, "target": request.data.target}

"""A package written: the evaluated model, byte for byte, with all that is needed to serve it, and a manifest of hashes."""

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
        Where to write; an empty folder.
    model : Path
        The folder of the model that was evaluated; copied byte for byte.
    schema : Schema
        Of the training data, as `ingest` found it. What of it the model looks at is the door of the service.
    request : mapping
        The excerpt of the request that travels with the model: ``name``, ``task``, ``problem``, ``target``. Nothing
        else of the request does, so no address and no secret can.
    lock : Path
        The lock file of the project: the hashes of the libraries' wheels.

    Returns
    -------
    Path
        `folder`. The same arguments give the same bytes.

    Raises
    ------
    GlassboxError
        When the folder is not empty, the model was fitted on other data, or what serving needs is not what the lock holds.
    """
    if folder.exists() and any(folder.iterdir()):
        raise GlassboxError(f"{folder} is not empty; a package is written into an empty folder.")
    predictor = load_predictor(model)
    if predictor.schema != schema:
        raise GlassboxError(f"The model in {model.name} was fitted on data of another schema; run evaluate again.")
    served = predictor.served
    files = serving_code(read_json(model / "predictor.json")["family"])
    _load(files)
    versions = distributions_of(libraries_of(files.values()))
    shutil.copytree(model, folder / "model", copy_function=shutil.copyfile)
    for name, path in files.items():
        write_text(folder / "code" / name, bare_source(path.read_text(encoding="utf-8")))
    example = example_rows(served)[0]
    write_json(folder / "schema.json", served)
    write_json(folder / "request.json", dict(request))
    write_json(folder / "example.json", example)
    write_text(folder / "requirements.txt", pinned(versions, lock.read_text(encoding="utf-8")))
    write_text(folder / "Dockerfile", container.dockerfile(versions))
    write_text(folder / ".dockerignore", container.DOCKERIGNORE)
    write_text(folder / "README.md", container.readme(request, example, hash_tree(model)))
    _write_manifest(folder, str(request["name"]))
    return folder


def _load(files: Iterable[str]) -> None:
    # Packaged code is part of a product: loaded here, it is seen by whoever records what this product depends on.
    for name in files:
        if not name.endswith("__main__.py"):
            importlib.import_module(name.removesuffix(".py").removesuffix("/__init__").replace("/", "."))


def _write_manifest(folder: Path, name: str) -> None:
    hashes = {file: hash_file(path) for file, path in files_below(folder)}
    write_json(folder / MANIFEST, {"format": FORMAT, "name": name, "model": hash_tree(folder / "model"), "files": hashes})


def excerpt(request: Any) -> dict[str, Any]:
    """What of a resolved request travels with the model."""
    return {"name": request.name, "task": request.task, "problem": request.problem, "target": request.data.target}

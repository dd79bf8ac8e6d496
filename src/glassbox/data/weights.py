"""Pretrained weights: where their files are, and the hash that identifies them."""

import difflib
import os
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from glassbox.data.catalog import fetch, fetched_hashes, find_entry
from glassbox.errors import DataError, GlassboxError
from glassbox.files import contained, disk_error_in, hash_tree, hash_value

if TYPE_CHECKING:
    from glassbox.request.model import Request

CATALOG = "catalog:"
DOWNLOAD_SECONDS = 1800


@dataclass(frozen=True)
class _Source:
    """A publisher of models: its name, its download script (arguments: model name and folder), and the folder of downloads."""

    name: str
    script: str
    folder: str
    manual_step: str  # how to store a model without the script


# Contacted in a separate process, and only for a model that a request names.
SOURCES = {
    "hub:": _Source(
        "the hub",
        "import sys; from huggingface_hub import snapshot_download; snapshot_download(sys.argv[1], local_dir=sys.argv[2])",
        "data/raw/hub",
        "put the model's folder",
    ),
    "torchvision:": _Source(
        "torchvision",
        "import sys, torch; from torchvision.models import get_model_weights as known; "
        "torch.hub.load_state_dict_from_url(known(sys.argv[1]).DEFAULT.url, model_dir=sys.argv[2], map_location='cpu', "
        "progress=False, check_hash=True, weights_only=True)",
        "data/raw/torchvision",
        "put the weights file, with its name from torchvision, into a folder",
    ),
}


def locate(address: str, root: Path) -> Path:
    """Return the folder of a pretrained model; download it when it is absent.

    The address is ``catalog:NAME``, a path, ``hub:NAME`` (a model hub) or ``torchvision:NAME`` (the weights that torchvision publishes
    for a network). A publisher is contacted only when the request names it, and only once; the download is stored below `data/raw/`.

    Raises
    ------
    GlassboxError
        When there is no such folder, or the model cannot be downloaded.
    """
    if address.startswith(CATALOG):
        entry = find_entry(address.removeprefix(CATALOG), root)
        fetch(entry, root)
        return root / entry.folder
    for prefix, source in SOURCES.items():
        if address.startswith(prefix):
            return _download(source, address.removeprefix(prefix), root)
    folder = root / address
    if not folder.is_dir():
        raise DataError(
            f"weights: there is no folder {address!r}; expected a folder, catalog:NAME, hub:NAME or torchvision:NAME."
        )
    return folder


def _download(source: _Source, name: str, root: Path) -> Path:
    folder = _folder(source, name, root)
    if name and folder.is_dir():
        return folder
    if source is SOURCES["torchvision:"]:
        _check_torchvision(name)
    environment = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")}
    environment["HF_HUB_DISABLE_TELEMETRY"] = "1"
    partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.part")
    command = [sys.executable, "-c", source.script, name, str(partial)]
    try:
        _run(command, environment, name, source, folder.relative_to(root))
        try:
            partial.rename(folder)
        except OSError:
            if not folder.is_dir():  # otherwise, another process has downloaded it in the meantime
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _run(command: list[str], environment: dict[str, str], name: str, source: _Source, folder: Path) -> None:
    """Run a download script."""
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=DOWNLOAD_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise GlassboxError(f"weights: {name} could not be downloaded from {source.name} within {DOWNLOAD_SECONDS} s.") from error
    if done.returncode != 0:
        if (disk := disk_error_in(done.stderr)) is not None:
            raise disk
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()]
        raise GlassboxError(
            f"weights: {name} could not be downloaded from {source.name}: {lines[-1] if lines else 'no message'}\n"
            f"Without a network: {source.manual_step} at {folder}, or give the path of a folder."
        )


def _folder(source: _Source, name: str, root: Path) -> Path:
    try:
        return contained(root / source.folder, name.replace("/", "--")) if name else root / source.folder
    except ValueError as error:
        raise DataError(f"weights: {name!r} is not the name of a model at {source.name}.") from error


def _check_torchvision(name: str) -> None:
    from torchvision import models

    networks = models.list_models(module=models)
    if name not in networks:
        matches = difflib.get_close_matches(name, networks, n=3)
        hint = f"nearest: {', '.join(matches)}" if matches else f"expected a name such as {', '.join(networks[:3])}"
        raise DataError(f"weights: torchvision has no network {name!r}; {hint}.")


def weights_fingerprint(request: "Request", root: Path) -> dict[str, str]:
    """Identify the pretrained models of a request, by their role, without downloading anything.

    Models of the catalogue are identified by their recorded hashes, folders by their content.
    """
    return {role: _fingerprint(address, root) for role, address in request.weights.named.items()}


def _fingerprint(address: str, root: Path) -> str:
    if address.startswith(CATALOG):
        return hash_value(dict(fetched_hashes(find_entry(address.removeprefix(CATALOG), root))))
    downloaded = (_folder(source, address.removeprefix(p), root) for p, source in SOURCES.items() if address.startswith(p))
    folder = next(downloaded, root / address)
    return hash_tree(folder) if folder.is_dir() else address

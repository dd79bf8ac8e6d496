"""Models that were trained elsewhere: where their files are, and the hash by which they are known."""

import difflib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from glassbox.data.catalog import fetch, fetched_hashes, find_entry
from glassbox.errors import DataError, GlassboxError
from glassbox.files import hash_tree, hash_value

if TYPE_CHECKING:
    from glassbox.request.model import Request

CATALOG = "catalog:"
SECONDS = 1800


@dataclass(frozen=True)
class _Source:
    """Where models are published: what is run to fetch one (it is told a name and a folder to fill), and where they stand once fetched."""

    called: str
    script: str
    folder: str
    asked: str  # what to put there by hand


# Asked in a process of its own, and only for a model that a request names.
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
        "put the file of its weights, under the name that torchvision gives it, into a folder",
    ),
}


def locate(address: str, root: Path) -> Path:
    """The folder of a model: of the catalogue (fetched when it is not there), a path, or fetched from where it is published.

    ``hub:NAME`` is of a model hub, ``torchvision:NAME`` the weights that torchvision publishes for a network. Either is asked only when
    the request names it, and once: what came stands below `data/raw/`.

    Raises
    ------
    GlassboxError
        When there is no such folder, or it cannot be fetched.
    """
    if address.startswith(CATALOG):
        entry = find_entry(address.removeprefix(CATALOG), root)
        fetch(entry, root)
        return root / entry.folder
    for prefix, source in SOURCES.items():
        if address.startswith(prefix):
            return _published(source, address.removeprefix(prefix), root)
    folder = root / address
    if not folder.is_dir():
        raise DataError(f"weights: there is no folder {address!r}; expected one, or catalog:NAME, hub:NAME or torchvision:NAME.")
    return folder


def _published(source: _Source, name: str, root: Path) -> Path:
    folder = _place(source, name, root)
    if name and folder.is_dir():
        return folder
    if source is SOURCES["torchvision:"]:
        _check_torchvision(name)
    environment = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")}
    environment["HF_HUB_DISABLE_TELEMETRY"] = "1"
    partial = folder.with_name(f".{folder.name}.part")
    command = [sys.executable, "-c", source.script, name, str(partial)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise GlassboxError(f"weights: {name} did not arrive from {source.called} within {SECONDS} s.") from error
    if done.returncode != 0:
        said = [line for line in done.stderr.strip().splitlines() if line.strip()]
        raise GlassboxError(
            f"weights: {name} cannot be had from {source.called}: {said[-1] if said else 'nothing was said'}\n"
            f"By hand: {source.asked} at {folder.relative_to(root)}, or name one as a path."
        )
    partial.rename(folder)
    return folder


def _place(source: _Source, name: str, root: Path) -> Path:
    return root / source.folder / name.replace("/", "--")


def _check_torchvision(name: str) -> None:
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3)
        hint = f"nearest: {', '.join(near)}" if near else f"such as {', '.join(known[:3])}"
        raise DataError(f"weights: torchvision has no network {name!r}; {hint}.")


def weights_fingerprint(request: "Request", root: Path) -> dict[str, str]:
    """The identity of the models that a request starts from, by what they are for; nothing is fetched.

    Those of the catalogue are known by their recorded hashes, folders by their content.
    """
    return {role: _fingerprint(address, root) for role, address in request.weights.named.items()}


def _fingerprint(address: str, root: Path) -> str:
    if address.startswith(CATALOG):
        return hash_value(dict(fetched_hashes(find_entry(address.removeprefix(CATALOG), root))))
    published = (_place(source, address.removeprefix(p), root) for p, source in SOURCES.items() if address.startswith(p))
    folder = next(published, root / address)
    return hash_tree(folder) if folder.is_dir() else address

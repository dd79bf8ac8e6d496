"""Models that were trained elsewhere: where their files are, and the hash by which they are known."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from glassbox.data.catalog import fetch, fetched_hashes, find_entry
from glassbox.errors import DataError, GlassboxError
from glassbox.files import hash_tree, hash_value

if TYPE_CHECKING:
    from glassbox.request import Request

CATALOG, HUB = "catalog:", "hub:"
HUB_SECONDS = 1800


def locate(address: str, root: Path) -> Path:
    """The folder of a model: of the catalogue (fetched when it is not there), a path, or, as ``hub:NAME``, of a model hub.

    A hub is asked only when the request names it, and once: what came stands in `data/raw/hub/`.

    Raises
    ------
    GlassboxError
        When there is no such folder, or it cannot be fetched.
    """
    if address.startswith(CATALOG):
        entry = find_entry(address.removeprefix(CATALOG), root)
        fetch(entry, root)
        return root / entry.folder
    if address.startswith(HUB):
        return _from_hub(address.removeprefix(HUB), root)
    folder = root / address
    if not folder.is_dir():
        raise DataError(f"weights: there is no folder {address!r}; expected one, or catalog:NAME, or hub:NAME.")
    return folder


def _from_hub(name: str, root: Path) -> Path:
    folder = root / "data/raw/hub" / name.replace("/", "--")
    if folder.is_dir():
        return folder
    script = "import sys; from huggingface_hub import snapshot_download; snapshot_download(sys.argv[1], local_dir=sys.argv[2])"
    environment = {k: v for k, v in os.environ.items() if k not in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")}
    environment["HF_HUB_DISABLE_TELEMETRY"] = "1"
    partial = folder.with_name(f".{folder.name}.part")
    command = [sys.executable, "-c", script, name, str(partial)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HUB_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise GlassboxError(f"weights: {name} did not arrive from the hub within {HUB_SECONDS} s.") from error
    if done.returncode != 0:
        said = [line for line in done.stderr.strip().splitlines() if line.strip()]
        raise GlassboxError(
            f"weights: {name} cannot be had from the hub: {said[-1] if said else 'nothing was said'}\n"
            f"By hand: put the model's folder at {folder.relative_to(root)}, or name one as a path."
        )
    partial.rename(folder)
    return folder


def weights_fingerprint(request: "Request", root: Path) -> dict[str, str]:
    """The identity of the models that a request starts from, by what they are for; nothing is fetched.

    Those of the catalogue are known by their recorded hashes, folders by their content.
    """
    return {role: _fingerprint(address, root) for role, address in request.weights.named.items()}


def _fingerprint(address: str, root: Path) -> str:
    if address.startswith(CATALOG):
        return hash_value(dict(fetched_hashes(find_entry(address.removeprefix(CATALOG), root))))
    folder = root / "data/raw/hub" / address.removeprefix(HUB).replace("/", "--") if address.startswith(HUB) else root / address
    return hash_tree(folder) if folder.is_dir() else address

"""Reproducibility check: run a request from scratch in another folder and compare all products and pages byte for byte."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from glassbox.errors import GlassboxError
from glassbox.files import files_below, hash_file
from glassbox.pipeline.store import MANIFEST, ManifestFile
from glassbox.state_files import RunFile, read_state
from glassbox.temporary import temporary_folder

_COPIED = ("pipeline.yaml", "requirements.lock", "params", "notebooks", "data/catalog.yaml")
RenderPlain = Callable[[Path, str, Path], None]  # project root, slug, output folder for the pages without measured findings


@dataclass(frozen=True)
class Comparison:
    """Comparison of one product or page between both runs."""

    name: str
    same: bool
    detail: str = ""


def _copy_project(root: Path, target: Path, paths: Sequence[str]) -> None:
    for name in _COPIED:
        source = root / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__"))
        elif source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / name)
    if (root / "data" / "raw").is_dir():
        (target / "data").mkdir(exist_ok=True)
        (target / "data" / "raw").symlink_to(root / "data" / "raw")
    for path in paths:
        if ":" in path or Path(path).is_absolute():
            continue
        first = Path(path).parts[0]
        if first != "data" and (root / first).exists() and not (target / first).exists():
            (target / first).symlink_to(root / first)


def _products(root: Path, slug: str) -> dict[str, str]:
    hashes: dict[str, str] = {}
    for manifest in sorted((root / "data" / slug).glob(f"*/{MANIFEST}")):
        content = read_state(manifest, ManifestFile) or {"products": {}}
        hashes.update({f"{content['stage']}.{name}": product["hash"] for name, product in content["products"].items()})
    return hashes


def verify(root: Path, slug: str, paths: Sequence[str], *, workers: int, render: RenderPlain) -> list[Comparison]:
    """Compare the last run of a request with a new run from scratch in another folder.

    Parameters
    ----------
    root
        The project folder.
    slug
        The name of the request.
    paths
        The request's `data.path` and `weights`, so that relative paths resolve in the other folder as well.
    workers
        The number of workers of the second run.
    render
        Renders the pages of a request, without measured findings, to a folder.

    Raises
    ------
    GlassboxError
        The request has not been run yet, or the second run fails.
    """
    first = _products(root, slug)
    run = read_state(root / "data" / slug / "run.json", RunFile)
    if not first or run is None:
        raise GlassboxError(f"data/{slug}: the request has not been run yet; run `glassbox run {slug}` first.")
    with temporary_folder() as folder:
        copy = folder / "copy"
        copy.mkdir()
        _copy_project(root, copy, paths)
        seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
        environment = {**os.environ, "GLASSBOX_ROOT": str(copy), "PYTHONHASHSEED": seed}
        until = [stage for stage, outcome in run["stages"].items() if outcome["status"] in ("ran", "cached")][-1]
        process = subprocess.run(
            [sys.executable, "-m", "glassbox", "run", slug, "--workers", str(workers), "--until", until, "--no-track"],
            env=environment,
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode not in (0, 3):
            output = f"{process.stdout}{process.stderr}"
            raise GlassboxError(f"{slug}: the second run failed, so nothing was compared:\n{output}".rstrip())
        rows = _compare(first, _products(copy, slug))
        pages: list[dict[str, str]] = []
        for project, target in ((root, folder / "a"), (copy, folder / "b")):
            render(project, slug, target)
            pages.append({page: hash_file(file) for page, file in files_below(target)})
        rows += _compare(pages[0], pages[1], "page ")
    return rows


def _compare(first: dict[str, str], second: dict[str, str], prefix: str = "") -> list[Comparison]:
    return [
        Comparison(f"{prefix}{name}", first.get(name) == second.get(name), _short(first.get(name), second.get(name)))
        for name in sorted({*first, *second})
    ]


def _short(first: str | None, second: str | None) -> str:
    if first == second:
        return (first or "missing")[:12]
    return f"{(first or 'missing')[:12]} in the project, {(second or 'missing')[:12]} in the second run"

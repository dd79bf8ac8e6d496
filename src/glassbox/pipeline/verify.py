"""Runs a request again from nothing in another folder and compares what came out, byte for byte."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from glassbox.errors import GlassboxError
from glassbox.files import files_below, hash_file, read_json
from glassbox.pipeline.store import MANIFEST

_COPIED = ("pipeline.yaml", "requirements.lock", "params", "notebooks", "data/catalog.yaml")
RenderPlain = Callable[[Path, str, Path], None]  # project root, slug, where the pages without `measured` go


@dataclass(frozen=True)
class Comparison:
    """One product or page, and whether both runs gave the same bytes."""

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
    found: dict[str, str] = {}
    for manifest in sorted((root / "data" / slug).glob(f"*/{MANIFEST}")):
        content = read_json(manifest)
        found.update({f"{content['stage']}.{name}": product["hash"] for name, product in content["products"].items()})
    return found


def verify(root: Path, slug: str, paths: Sequence[str], *, workers: int, render: RenderPlain) -> list[Comparison]:
    """Compare the last run of a request with one made from nothing in another folder.

    Parameters
    ----------
    paths
        The request's `data.path` and `weights`, so that what lies beside the project is found from the other folder too.
    render
        Renders a request's pages without what is measured into a folder.

    Raises
    ------
    GlassboxError
        When there is nothing to compare, or the second run fails.
    """
    ours = _products(root, slug)
    if not ours:
        raise GlassboxError(f"data/{slug}: nothing to verify yet; run `glassbox run {slug}` first.")
    with tempfile.TemporaryDirectory(prefix="glassbox-verify-") as name:
        other = Path(name) / "elsewhere"
        other.mkdir()
        _copy_project(root, other, paths)
        seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
        environment = {**os.environ, "GLASSBOX_ROOT": str(other), "PYTHONHASHSEED": seed}
        ended = [read_json(root / "data" / slug / "run.json")["stages"]]
        until = [s for s, o in ended[0].items() if o["status"] in ("ran", "cached")][-1]
        done = subprocess.run(
            [sys.executable, "-m", "glassbox", "run", slug, "--workers", str(workers), "--until", until, "--no-track"],
            env=environment,
            cwd=other,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode not in (0, 3):
            raise GlassboxError(f"{slug}: the second run failed, so nothing was compared:\n{done.stdout}{done.stderr}".rstrip())
        theirs = _products(other, slug)
        rows = [Comparison(k, ours.get(k) == theirs.get(k), _short(ours.get(k), theirs.get(k))) for k in sorted({*ours, *theirs})]
        pages: list[dict[str, str]] = []
        for project, folder in ((root, Path(name) / "a"), (other, Path(name) / "b")):
            render(project, slug, folder)
            pages.append({page: hash_file(file) for page, file in files_below(folder)})
        a, b = pages
        rows += [Comparison(f"page {k}", a.get(k) == b.get(k), _short(a.get(k), b.get(k))) for k in sorted({*a, *b})]
    return rows


def _short(a: str | None, b: str | None) -> str:
    return (a or "missing")[:12] if a == b else f"{(a or 'missing')[:12]} here, {(b or 'missing')[:12]} there"

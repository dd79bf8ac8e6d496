"""Removal of run outputs: views, pages and, on request, the store."""

import shutil
from pathlib import Path

from glassbox.pipeline.runner import run_lock


def clean(root: Path, slug: str | None, *, store: bool = False) -> list[Path]:
    """Remove the views and pages of one request, or of all requests; with `store`, remove the store as well.

    Returns
    -------
    list of Path
        The folders that were removed.
    """
    slugs = [slug] if slug else sorted(p.parent.name for p in (root / "data").glob("*/request.json"))
    removed: list[Path] = []
    for name in slugs:
        with run_lock(root, name):
            for folder in (root / "data" / name, root / "reports" / name, root / "data" / ".scratch" / name):
                if folder.is_dir():
                    shutil.rmtree(folder)
                    removed.append(folder)
    if store and (folder := root / "data" / ".store").is_dir():
        shutil.rmtree(folder)
        removed.append(folder)
    return removed

"""Removal of run outputs: views, pages and, on request, the store."""

import shutil
from pathlib import Path

from glassbox.pipeline.locks import lock_folder, removal_locks


def clean(root: Path, slug: str | None, *, store: bool = False) -> list[Path]:
    """Remove the views and pages of one request, or of all requests; with `store`, remove the store as well.

    Returns
    -------
    list of Path
        The folders that were removed.

    Raises
    ------
    GlassboxError
        A request is running whose outputs or store would be removed. Nothing is removed.
    """
    slugs = [slug] if slug else sorted(p.parent.name for p in (root / "data").glob("*/request.json"))
    removed: list[Path] = []
    with removal_locks(root, slugs, store=store):
        for name in slugs:
            for folder in (root / "data" / name, root / "reports" / name, root / "data" / ".scratch" / name):
                if folder.is_dir():
                    shutil.rmtree(folder)
                    removed.append(folder)
        if store and (folder := root / "data" / ".store").is_dir():
            _empty(folder, lock_folder(root))
            removed.append(folder)
    return removed


def _empty(folder: Path, kept: Path) -> None:
    """Remove the content of a folder except `kept`: a process that waits for a lock file must not wait for a removed one."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink() and path != kept:
            shutil.rmtree(path)
        elif path != kept:
            path.unlink()

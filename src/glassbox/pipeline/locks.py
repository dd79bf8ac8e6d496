"""Locks of a project: a request runs only once at a time, and the store is not removed while a request runs.

The system releases the locks of a process that is killed.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from glassbox.errors import GlassboxError
from glassbox.files import disk_errors
from glassbox.state_files import make_way

_STORE = ".store"  # not the name of any request; shared by all runs, and exclusive for the removal of the store
_ATTEMPTS = 10  # `sweep` and `running_requests` hold a lock for a moment
_PAUSE_SECONDS = 0.1


def lock_folder(root: Path) -> Path:
    """Return the folder of the lock files, which the removal of the store keeps."""
    return root / "data" / ".store" / "locks"


@contextlib.contextmanager
def run_lock(root: Path, slug: str) -> Iterator[None]:
    """Hold the lock of a request, and share that of the store.

    Raises
    ------
    GlassboxError
        Another process is running the request, or removes the store.
    """
    with contextlib.ExitStack() as stack:
        if not _acquire(stack, root, _STORE, fcntl.LOCK_SH):
            raise GlassboxError(f"{slug}: another process is removing the store; run again when it has ended.")
        if not _acquire(stack, root, slug, fcntl.LOCK_EX):
            raise GlassboxError(
                f"{slug}: another run is in progress (process {_owner(root, slug)}); wait until it ends, or stop it."
            )
        yield


@contextlib.contextmanager
def removal_locks(root: Path, slugs: list[str], *, store: bool) -> Iterator[None]:
    """Hold the locks of requests whose outputs are removed, and with `store` that of the store.

    Raises
    ------
    GlassboxError
        Some of the requests are running, or any request if the store is to be removed; the message names them.
    """
    with contextlib.ExitStack() as stack:
        if store and not _acquire(stack, root, _STORE, fcntl.LOCK_EX):
            names = _described(root, running_requests(root))
            raise GlassboxError(f"data/.store: in use by {names}; wait until it ends, or stop it. Nothing was removed.")
        busy = [slug for slug in slugs if not _acquire(stack, root, slug, fcntl.LOCK_EX)]
        if busy:
            names = _described(root, busy)
            raise GlassboxError(f"data/{busy[0]}: in use by {names}; wait until it ends, or stop it. Nothing was removed.")
        yield


def running_requests(root: Path) -> list[str]:
    """Return the requests that a process is running at this moment."""
    return [path.name for path in sorted(lock_folder(root).glob("[!.]*")) if not _is_free(root, path.name)]


@contextlib.contextmanager
def lock_if_free(root: Path, slug: str) -> Iterator[bool]:
    """Hold the lock of a request if no process is running it; yield whether it is held."""
    with contextlib.ExitStack() as stack:
        yield _acquire(stack, root, slug, fcntl.LOCK_EX, attempts=1)


def _is_free(root: Path, slug: str) -> bool:
    with lock_if_free(root, slug) as held:
        return held


def _acquire(stack: contextlib.ExitStack, root: Path, name: str, kind: int, attempts: int = _ATTEMPTS) -> bool:
    """Acquire a lock until the end of `stack`; return False if another process holds it."""
    path = lock_folder(root) / name
    with disk_errors(path):
        make_way(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("a+")
    for attempt in range(attempts):
        try:
            fcntl.flock(stream, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt + 1 < attempts:
                time.sleep(_PAUSE_SECONDS)
            continue
        stack.enter_context(stream)
        if attempts > 1 and kind == fcntl.LOCK_EX:
            stream.truncate(0)
            stream.write(str(os.getpid()))
            stream.flush()
        return True
    stream.close()
    return False


def _owner(root: Path, slug: str) -> str:
    """Return the number of the process that holds a lock."""
    return (lock_folder(root) / slug).read_text(encoding="ascii", errors="replace").strip() or "?"


def _described(root: Path, slugs: list[str]) -> str:
    return ", ".join(f"the run of {slug} (process {_owner(root, slug)})" for slug in slugs) or "another process"

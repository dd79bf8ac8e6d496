"""State files: JSON files with a checksum that Glassbox writes for itself. A damaged one counts as missing.

A file may be damaged by a full disk, by another program or by a user. It is moved aside, reported in one sentence, and written
again by the code that needs it, so that no damage has to be repaired by hand.
"""

import json
import logging
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from glassbox.files import hash_value, plain, write_json

CHECKSUM = "checksum"
DAMAGED = ".damaged"
log = logging.getLogger("glassbox")


class StageOfRun(BaseModel):
    """One stage of `RunFile`."""

    status: str
    seconds: float = 0.0
    key: str | None = None


class RunFile(BaseModel):
    """The shape of `run.json`, which the runner writes and which reports and the history read."""

    id: str
    resolved: dict[str, Any] = {}
    hashes: dict[str, str | None]
    stages: dict[str, StageOfRun]


def write_state(path: Path, content: Mapping[str, Any]) -> None:
    """Write a state file atomically: `content`, and its checksum in the field `checksum`.

    A folder at the path, or a file in the place of one of its parent folders, is moved aside.
    """
    make_way(path)
    write_json(path, {**plain(dict(content)), CHECKSUM: hash_value(content)})


def read_state(path: Path, shape: type[BaseModel] | None = None) -> dict[str, Any] | None:
    """Return the content of a state file, without its checksum; None if it is missing or damaged.

    Parameters
    ----------
    path
        The file. If it is damaged, it is renamed to `<name>.damaged`, and a warning says so.
    shape
        The model that the content must match, in addition to its checksum.
    """
    try:
        content = json.loads(path.read_bytes())
        if content.pop(CHECKSUM) != hash_value(content):
            raise ValueError("its checksum is wrong")
        if shape is not None:
            shape.model_validate(content)
    except FileNotFoundError:
        return None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, IsADirectoryError, NotADirectoryError):
        set_aside(path)
        return None
    return dict(content)


def make_way(path: Path) -> None:
    """Move aside whatever prevents a file from being written to `path`: a folder there, or a file in the place of a parent."""
    if path.is_dir() or any(above.exists() and not above.is_dir() for above in path.parents):
        set_aside(path)


def set_aside(path: Path) -> None:
    """Rename a damaged file or folder, or the file in the place of one of its parent folders, to `<name>.damaged`, and report it."""
    path = next((above for above in path.parents if above.exists() and not above.is_dir()), path)
    target = path.with_name(f"{path.name}{DAMAGED}")
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target, ignore_errors=True)
    outcome = f"is damaged, or from an earlier version, and is ignored; it was moved to {target.name}."
    try:
        os.replace(path, target)
    except FileNotFoundError:  # another process has moved it
        return
    except OSError:  # a read-only folder
        outcome = "is damaged, or from an earlier version, and is ignored."
    log.warning("%s %s", os.path.relpath(path), outcome)

"""Versioning of raw data and model packages with DVC: `track`, `push` and `pull`. The only module that calls dvc.

DVC runs as a subprocess: importing it takes seconds, and its messages assume knowledge of DVC. Every tracked file gets a
small `.dvc` file next to it, which is committed to git, so `.gitignore` must not exclude it. DVC is passed these files by
name, because its own search interprets `.gitignore` differently from git: `data/*` hides all of `data/` from it.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from glassbox.errors import GlassboxError, PackageError
from glassbox.files import contained, read_json, write_text

REMOTE = "glassbox"
PACKAGES = "packages"  # below `data/`: copies of tracked packages, which later runs do not overwrite
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def track(root: Path, path: Path, *, remote: str | None = None) -> list[str]:
    """Track the current version of a file or a folder.

    A package, `data/<request>/deploy`, is first copied to `data/packages/<request>`, because the next run overwrites it.

    Parameters
    ----------
    root
        The project folder.
    path
        The file or folder inside the project; a relative path is resolved against the working folder, then the project.
    remote
        The remote for `push`: a folder (saved in local settings only), or a URL that DVC supports.

    Returns
    -------
    list of str
        The actions, and what to commit: one line each.

    Raises
    ------
    GlassboxError
        When the path does not exist, is outside the project, is the output of a run, or is tracked or ignored by git, or when
        DVC fails.
    """
    root = root.resolve()
    path = _resolved(root, path)
    messages = []
    if _is_package(root, path):
        path, package = _copied_package(root, path), path
        messages.append(f"{_name(root, package)} was copied to {_name(root, path)}.")
    _refuse_untrackable(root, path)
    if not (root / ".dvc").is_dir():
        _start(root)
    if remote is not None:
        messages.append(_set_remote(root, remote))
    _dvc(root, "add", _name(root, path))
    pointer = f"{_name(root, path)}.dvc"
    messages.append(f"{_name(root, path)} is tracked.")
    if _has_git(root):
        messages.append(f"Commit its pointer file: git add .dvc .dvcignore {pointer} && git commit")
    return messages


def push(root: Path, *, remote: str | None = None) -> list[str]:
    """Upload all tracked data to `remote`, which becomes the default, or to the default remote.

    Raises
    ------
    GlassboxError
        When nothing is tracked, or the remote is missing or not writable.
    """
    root = root.resolve()
    pointers = _tracked(root)
    if remote is not None:
        _set_remote(root, remote)
    where = _remote(root)
    if where is None:
        raise GlassboxError("There is no remote to push to. Specify one: glassbox data push --remote FOLDER")
    _dvc(root, "push", *pointers)
    return [f"{_all(pointers)}: pushed to {where}."]


def pull(root: Path, *, remote: str | None = None) -> list[str]:
    """Restore all tracked data from DVC's local cache or the remote; local changes are not overwritten.

    A fresh clone may need `remote`, which becomes the default.

    Raises
    ------
    GlassboxError
        When nothing is tracked, a file is neither in the cache nor at a remote, or a file has local changes.
    """
    root = root.resolve()
    pointers = _tracked(root)
    if remote is not None:
        _set_remote(root, remote)
    where = _remote(root)
    if where is None:
        try:
            _dvc(root, "checkout", *pointers)
        except GlassboxError as error:
            raise GlassboxError(
                f"{error} There is no remote to pull from. Specify the one it was pushed to: glassbox data pull --remote FOLDER"
            ) from error
        return [f"{_all(pointers)}: restored from the local cache. There is no remote."]
    _dvc(root, "pull", *pointers)
    return [f"{_all(pointers)}: restored from {where}."]


# --------------------------------------------------------------------------------------------------------- paths to track


def _resolved(root: Path, path: Path) -> Path:
    """Return the absolute path inside the project; links are not followed, because DVC does not track through them."""
    absolute = Path(os.path.abspath(path))
    if not path.is_absolute() and not absolute.exists():
        absolute = Path(os.path.abspath(root / path))
    if not absolute.exists():
        raise GlassboxError(f"{path}: no such file or folder.")
    try:
        inside = (absolute.parent.resolve() / absolute.name).relative_to(root)
    except ValueError as error:
        raise GlassboxError(f"{path}: is outside the project {root}. Copy it to data/raw/ and track it there.") from error
    if not inside.parts:
        raise GlassboxError(f"{path}: is the project folder. Track a file or a folder of data, such as data/raw/customers.csv.")
    return root / inside


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _is_package(root: Path, path: Path) -> bool:
    parts = path.relative_to(root).parts
    return len(parts) == 3 and parts[0] == "data" and parts[2] == "deploy" and (path / "manifest.json").is_file()


def _copied_package(root: Path, package: Path) -> Path:
    """Copy the files of a package to a folder that no run writes to."""
    target = root / "data" / PACKAGES / package.parent.name
    unfinished = target.with_name(f".{target.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    for source in _files_of(package):
        copy = unfinished / source.relative_to(package)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
    shutil.rmtree(target, ignore_errors=True)
    unfinished.rename(target)
    return target


def _files_of(package: Path) -> list[Path]:
    """Return the manifest of a package and the files that it lists.

    Raises
    ------
    PackageError
        The manifest is damaged, or lists a file that is missing or outside the package.
    """
    try:
        paths = [contained(package, name) for name in ["manifest.json", *dict(read_json(package / "manifest.json")["files"])]]
        problem = next(
            (path for path in paths if not path.is_file() or path.resolve() != package.resolve() / path.relative_to(package)),
            None,
        )
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise PackageError(
            f"The package {package} is damaged: manifest.json is not a manifest. Run the stage `deploy` again."
        ) from error
    if problem is not None:
        name = problem.relative_to(package).as_posix()
        raise PackageError(f"The package {package} is damaged: {name} is missing or a link. Run the stage `deploy` again.")
    return paths


def _refuse_untrackable(root: Path, path: Path) -> None:
    """Raise an error for a path that DVC cannot track, before DVC fails with an obscure message."""
    name = _name(root, path)
    parts = Path(name).parts
    if path.suffix == ".dvc":
        raise GlassboxError(f"{name}: is the pointer of a tracked file. Commit it to git; track the file itself.")
    if (
        parts[0] == "data"
        and len(parts) > 1
        and (parts[1].startswith(".") or (root / "data" / parts[1] / "request.json").is_file())
    ):
        raise GlassboxError(
            f"{name}: is the output of a run, which the next run overwrites. Track its source data below data/raw/, "
            "or the package: data/<request>/deploy."
        )
    for above in path.parents:
        if above.is_relative_to(root) and Path(f"{above}.dvc").is_file():
            raise GlassboxError(f"{name}: is already tracked as part of {_name(root, above)}. Track that folder again instead.")
    if path.is_dir() and (inner := sorted(path.rglob("*.dvc"))):
        raise GlassboxError(f"{name}: contains files that are tracked individually, such as {_name(root, inner[0])[:-4]}.")
    if not _has_git(root):
        return
    if _git(root, "ls-files", "--", name):
        raise GlassboxError(f"{name}: is tracked by git. Remove it from git first: git rm -r --cached {name} && git commit")
    rule = _git(root, "check-ignore", "--verbose", "--", f"{name}.dvc").partition("\t")[0]
    if rule and not rule.rpartition(":")[2].startswith("!"):
        raise GlassboxError(
            f"{name}: its pointer file {name}.dvc is ignored by git, because of {rule}. Move the data below data/raw/, "
            f"or add a line such as '!/{name}.dvc' to .gitignore."
        )


# ----------------------------------------------------------------------------------------------------------- DVC and git


def _start(root: Path) -> None:
    """Initialise DVC in the project, without analytics and update checks."""
    where: list[str] = []
    if not _has_git(root):
        where = ["--no-scm"]
    elif Path(_git(root, "rev-parse", "--show-toplevel").strip()).resolve() != root:
        where = ["--subdir"]
    _dvc(root, "init", "--quiet", *where)
    settings = root / ".dvc" / "config"
    head, _, tail = settings.read_text(encoding="utf-8").partition("[core]\n")
    write_text(settings, f"{head}[core]\n    analytics = false\n    check_update = false\n{tail}")


def _set_remote(root: Path, remote: str) -> str:
    """Set the default remote. A folder is saved in local settings, which are not committed."""
    url = urlsplit(remote)
    if url.password:
        raise GlassboxError(
            "The URL of the remote contains a password, which would be committed. Save it in DVC's local settings instead."
        )
    local = not url.scheme
    where = str(Path(remote).expanduser().resolve()) if local else remote
    if local and Path(where).is_relative_to(root):
        raise GlassboxError(f"--remote {remote}: is inside the project, and would be lost with it. Choose a folder elsewhere.")
    _dvc(root, "remote", "add", "--quiet", "--default", "--force", *(["--local"] if local else []), REMOTE, where)
    return f"{where} is the remote."


def _remote(root: Path) -> str | None:
    """Return the location of the default remote; None without one."""
    settings = dict(line.split("=", 1) for line in _dvc(root, "config", "--list").splitlines() if "=" in line)
    return settings.get(f"remote.{settings.get('core.remote')}.url")


def _tracked(root: Path) -> list[str]:
    """Return the sorted names of all `.dvc` files of the project."""
    if _has_git(root):
        names = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.dvc").split("\0")
    else:
        names = [_name(root, path) for path in root.rglob("?*.dvc") if ".venv" not in path.parts]
    pointers = sorted({name for name in names if name and (root / name).is_file()})
    if not pointers or not (root / ".dvc").is_dir():
        raise GlassboxError("No data is tracked yet. Track a file: glassbox data track data/raw/FILE --remote FOLDER")
    return pointers


def _all(pointers: Sequence[str]) -> str:
    names = [pointer[:-4] for pointer in pointers]
    return ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:2])} and {len(names) - 2} more"


def _has_git(root: Path) -> bool:
    if shutil.which("git") is None:
        return False
    process = subprocess.run(["git", "rev-parse", "--git-dir"], cwd=root, capture_output=True, text=True, check=False)
    return process.returncode == 0


def _git(root: Path, *words: str) -> str:
    """Return the output of a git command; empty when it fails."""
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False).stdout


def _dvc(root: Path, *words: str) -> str:
    """Run DVC in the project and return its output.

    Raises
    ------
    GlassboxError
        When DVC fails, with its message and advice for known problems.
    """
    environment = {
        **os.environ,
        "DVC_NO_ANALYTICS": "1",
        "DO_NOT_TRACK": "1",
        "DVC_SITE_CACHE_DIR": str(root / ".dvc" / "tmp" / "site"),
    }
    process = subprocess.run(
        [sys.executable, "-m", "dvc", *words],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode:
        raise GlassboxError(f"dvc {words[0]}: {_reason(process.stderr or process.stdout, root)}")
    return _ANSI.sub("", process.stdout)


def _reason(text: str, root: Path) -> str:
    """Return DVC's error message without colours and hints, followed by our advice."""
    lines = [line.strip() for line in _ANSI.sub("", text).splitlines() if line.strip()]
    first = next((at for at, line in enumerate(lines) if line.startswith("ERROR: ")), max(0, len(lines) - 1))
    message = [line.removeprefix("ERROR: ") for line in lines[first:] if not line.startswith(_HINTS)] or ["no error message"]
    reason = " ".join(message).replace("Use `--force` to force. ", "").replace(f"{root}{os.sep}", "")
    advice = next((advice for fragment, advice in _ADVICE.items() if fragment in text), "")
    return f"{reason.rstrip('.')}. {advice}".rstrip()


_HINTS = ("Is your cache up to date?", "<http", "Having any troubles?")
_ADVICE = {
    "unsaved files": "It has local changes since it was tracked: track it again, or delete it and pull.",
    "acquire lock": "Another dvc process is running in this project: wait for it to end.",
    "missing-files": "There is no copy of it in the cache or at the remote.",
    "Not a directory": "Make sure that the remote is a folder.",
    "No space left": "Free some disk space, then try again.",
    "Permission denied": "Make sure that the folder is writable.",
}

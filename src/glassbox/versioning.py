"""Versions of data and packages, kept by DVC: `track`, `push` and `pull`. The only module that calls dvc; `run` never does.

DVC runs as a program of its own: importing it takes seconds, and its messages are for those who know it. A file that is
tracked leaves a small `.dvc` file beside it, which git keeps; `.gitignore` has to let that through. It is handed those
files by name, since its own search for them reads `.gitignore` in its own way: `data/*` hides all of `data/` from it.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from glassbox.errors import GlassboxError
from glassbox.files import read_json, write_text

REMOTE = "glassbox"
PACKAGES = "packages"  # below `data/`: the packages that were tracked, out of the way of later runs
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def track(root: Path, path: Path, *, remote: str | None = None) -> list[str]:
    """Track a file or a folder as it is now.

    A package, `data/<request>/deploy`, is first copied to `data/packages/<request>`: the next run writes the former anew.

    Parameters
    ----------
    root
        The project.
    path
        What to track, inside the project; relative paths count from the working folder, then from the project's.
    remote
        Where `push` shall copy it to: a folder (known to this machine alone), or a URL that DVC knows.

    Returns
    -------
    list of str
        What was done, and what to commit: a line each.

    Raises
    ------
    GlassboxError
        The path is not there, not in the project, made by a run, kept by git or hidden from it; or DVC refuses.
    """
    root = root.resolve()
    path = _asked(root, path)
    said = []
    if _is_package(root, path):
        path, package = _copied_package(root, path), path
        said.append(f"{_name(root, package)} was copied to {_name(root, path)}.")
    _refuse_untrackable(root, path)
    if not (root / ".dvc").is_dir():
        _start(root)
    if remote is not None:
        said.append(_set_remote(root, remote))
    _dvc(root, "add", _name(root, path))
    pointer = f"{_name(root, path)}.dvc"
    said.append(f"{_name(root, path)} is tracked.")
    if _has_git(root):
        said.append(f"Commit what stands for it: git add .dvc .dvcignore {pointer} && git commit")
    return said


def push(root: Path, *, remote: str | None = None) -> list[str]:
    """Copy all that is tracked to the remote: `remote`, which is remembered, or the one that was named before.

    Raises
    ------
    GlassboxError
        Nothing is tracked, there is no remote, or it cannot be written.
    """
    root = root.resolve()
    pointers = _tracked(root)
    if remote is not None:
        _set_remote(root, remote)
    where = _remote(root)
    if where is None:
        raise GlassboxError("There is no remote to push to. Name one: glassbox data push --remote FOLDER")
    _dvc(root, "push", *pointers)
    return [f"{_all(pointers)}: now at {where}."]


def pull(root: Path, *, remote: str | None = None) -> list[str]:
    """Bring back all that is tracked: from what DVC keeps here, else from the remote. What was changed here is not overwritten.

    `remote` names the remote where a clone knows of none; it is remembered.

    Raises
    ------
    GlassboxError
        Nothing is tracked, a file is neither here nor at a remote, or one was changed here.
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
                f"{error} There is no remote to pull from. Name the one it was pushed to: glassbox data pull --remote FOLDER"
            ) from error
        return [f"{_all(pointers)}: as tracked. (There is no remote; all of it was still here.)"]
    _dvc(root, "pull", *pointers)
    return [f"{_all(pointers)}: as tracked, from {where}."]


# ------------------------------------------------------------------------------------------------------- what is asked for


def _asked(root: Path, path: Path) -> Path:
    """The absolute path that was meant; links are not followed, since DVC does not track through them."""
    found = Path(os.path.abspath(path))
    if not path.is_absolute() and not found.exists():
        found = Path(os.path.abspath(root / path))
    if not found.exists():
        raise GlassboxError(f"{path}: there is no such file or folder.")
    try:
        inside = (found.parent.resolve() / found.name).relative_to(root)
    except ValueError as error:
        raise GlassboxError(f"{path}: lies outside the project {root}. Copy it to data/raw/, then track it there.") from error
    if not inside.parts:
        raise GlassboxError(f"{path}: is the whole project. Track a file or a folder of data, such as data/raw/customers.csv.")
    return root / inside


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _is_package(root: Path, path: Path) -> bool:
    parts = path.relative_to(root).parts
    return len(parts) == 3 and parts[0] == "data" and parts[2] == "deploy" and (path / "manifest.json").is_file()


def _copied_package(root: Path, package: Path) -> Path:
    """A copy of a package's own files, where no run writes."""
    target = root / "data" / PACKAGES / package.parent.name
    shutil.rmtree(target, ignore_errors=True)
    for name in ["manifest.json", *read_json(package / "manifest.json")["files"]]:
        if not (package / name).resolve().is_relative_to(package.resolve()):
            raise GlassboxError(f"{package}: its manifest names {name!r}, which lies outside of it. Run the request again.")
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package / name, target / name)
    return target


def _refuse_untrackable(root: Path, path: Path) -> None:
    """Say what DVC would stumble over, in words that do not need DVC."""
    name = _name(root, path)
    parts = Path(name).parts
    if path.suffix == ".dvc":
        raise GlassboxError(f"{name}: stands for a tracked file. Commit it to git; track the file itself.")
    if (
        parts[0] == "data"
        and len(parts) > 1
        and (parts[1].startswith(".") or (root / "data" / parts[1] / "request.json").is_file())
    ):
        raise GlassboxError(
            f"{name}: is made by a run, which makes it again. Track what it was made from, below data/raw/, "
            "or the package: data/<request>/deploy."
        )
    for above in path.parents:
        if above.is_relative_to(root) and Path(f"{above}.dvc").is_file():
            raise GlassboxError(f"{name}: is tracked already, as part of {_name(root, above)}. Track that again instead.")
    if path.is_dir() and (inner := sorted(path.rglob("*.dvc"))):
        raise GlassboxError(f"{name}: holds files that are tracked by themselves, such as {_name(root, inner[0])[:-4]}.")
    if not _has_git(root):
        return
    if _git(root, "ls-files", "--", name):
        raise GlassboxError(f"{name}: is kept by git. Take it out first: git rm -r --cached {name} && git commit")
    rule = _git(root, "check-ignore", "--verbose", "--", f"{name}.dvc").partition("\t")[0]
    if rule and not rule.rpartition(":")[2].startswith("!"):
        raise GlassboxError(
            f"{name}: the file {name}.dvc, which would stand for it, is hidden from git by {rule}. Data is tracked below "
            f"data/raw/; for another place, add a line such as '!/{name}.dvc' to .gitignore."
        )


# ----------------------------------------------------------------------------------------------------------- DVC and git


def _start(root: Path) -> None:
    """Set DVC up in the project, without its statistics and its looking for updates."""
    where: list[str] = []
    if not _has_git(root):
        where = ["--no-scm"]
    elif Path(_git(root, "rev-parse", "--show-toplevel").strip()).resolve() != root:
        where = ["--subdir"]
    _dvc(root, "init", "--quiet", *where)
    settings = root / ".dvc" / "config"
    written = settings.read_text(encoding="utf-8")
    head, _, tail = written.partition("[core]\n")
    write_text(settings, f"{head}[core]\n    analytics = false\n    check_update = false\n{tail}")


def _set_remote(root: Path, remote: str) -> str:
    """Name the place that `push` copies to. A folder is this machine's own matter, and not committed."""
    url = urlsplit(remote)
    if url.password:
        raise GlassboxError("The remote's address holds a password, which would be committed. Keep it in DVC's local settings.")
    local = not url.scheme
    where = str(Path(remote).expanduser().resolve()) if local else remote
    if local and Path(where).is_relative_to(root):
        raise GlassboxError(f"--remote {remote}: lies inside the project, and would be lost with it. Name a folder elsewhere.")
    _dvc(root, "remote", "add", "--quiet", "--default", "--force", *(["--local"] if local else []), REMOTE, where)
    return f"{where} is the remote."


def _remote(root: Path) -> str | None:
    """Where the default remote is, or None."""
    settings = dict(line.split("=", 1) for line in _dvc(root, "config", "--list").splitlines() if "=" in line)
    return settings.get(f"remote.{settings.get('core.remote')}.url")


def _tracked(root: Path) -> list[str]:
    """The names of all `.dvc` files of the project, sorted."""
    if _has_git(root):
        names = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.dvc").split("\0")
    else:
        names = [_name(root, path) for path in root.rglob("?*.dvc") if ".venv" not in path.parts]
    found = sorted({name for name in names if name and (root / name).is_file()})
    if not found or not (root / ".dvc").is_dir():
        raise GlassboxError("Nothing is tracked here yet. Track something: glassbox data track data/raw/FILE --remote FOLDER")
    return found


def _all(pointers: Sequence[str]) -> str:
    names = [pointer[:-4] for pointer in pointers]
    return ", ".join(names) if len(names) <= 3 else f"{', '.join(names[:2])} and {len(names) - 2} more"


def _has_git(root: Path) -> bool:
    if shutil.which("git") is None:
        return False
    found = subprocess.run(["git", "rev-parse", "--git-dir"], cwd=root, capture_output=True, text=True, check=False)
    return found.returncode == 0


def _git(root: Path, *words: str) -> str:
    """What git prints; nothing when it says no."""
    return subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False).stdout


def _dvc(root: Path, *words: str) -> str:
    """Run DVC in the project; what it prints.

    Raises
    ------
    GlassboxError
        With DVC's own reason, and what to do where that is known.
    """
    environment = {
        **os.environ,
        "DVC_NO_ANALYTICS": "1",
        "DO_NOT_TRACK": "1",
        "DVC_SITE_CACHE_DIR": str(root / ".dvc" / "tmp" / "site"),
    }
    ran = subprocess.run(
        [sys.executable, "-m", "dvc", *words],
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise GlassboxError(f"dvc {words[0]}: {_reason(ran.stderr or ran.stdout, root)}")
    return _ANSI.sub("", ran.stdout)


def _reason(text: str, root: Path) -> str:
    """DVC's error without its colours and its hints, with ours."""
    lines = [line.strip() for line in _ANSI.sub("", text).splitlines() if line.strip()]
    first = next((at for at, line in enumerate(lines) if line.startswith("ERROR: ")), max(0, len(lines) - 1))
    kept = [line.removeprefix("ERROR: ") for line in lines[first:] if not line.startswith(_HINTS)] or ["it gave no reason"]
    reason = " ".join(kept).replace("Use `--force` to force. ", "").replace(f"{root}{os.sep}", "")
    advice = next((advice for sign, advice in _ADVICE.items() if sign in text), "")
    return f"{reason.rstrip('.')}. {advice}".rstrip()


_HINTS = ("Is your cache up to date?", "<http", "Having any troubles?")
_ADVICE = {
    "unsaved files": "It was changed here since it was tracked: track it again, or delete it and pull.",
    "acquire lock": "Another dvc is at work here: wait for it to end.",
    "missing-files": "No copy of it was found.",
    "Not a directory": "See that the remote is a folder.",
    "No space left": "Make room, then try again.",
    "Permission denied": "See that the folder can be written.",
}

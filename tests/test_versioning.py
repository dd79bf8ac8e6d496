"""Versioning of data, with real git and real DVC."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from glassbox.errors import GlassboxError
from glassbox.versioning import _dvc, pull, push, track

# The lines of the project's .gitignore that concern data.
IGNORE = """\
/data/?*
!/data/catalog.yaml
!/data/raw/
!/data/raw.dvc
!/data/packages/
/data/raw/**/?*
!/data/raw/**/?*/
!/data/raw/**/?*.dvc
/data/packages/?*
!/data/packages/?*.dvc
"""
ROWS = "customer_id,churned\n1,Yes\n2,No\n"


def git(root: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", *words]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def raw_project(folder: Path) -> Path:
    """Create a git repository with a raw data file that git ignores."""
    (folder / "data" / "raw" / "may").mkdir(parents=True)
    (folder / "data" / "raw" / "may" / "customers.csv").write_text(ROWS)
    (folder / "data" / "catalog.yaml").write_text("{}\n")
    (folder / ".gitignore").write_text(IGNORE)
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "first")
    return folder


@dataclass(frozen=True)
class Pushed:
    """A project with a tracked and pushed file: the messages, the git status before the commit, and the files in the home folder."""

    root: Path
    remote: Path
    messages: list[str]
    status: list[str]
    home: list[Path]


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Isolate git and DVC from the user's settings, with an empty home folder."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("DVC", "GIT", "XDG"))]:
            patch.delenv(name)
        patch.setenv("HOME", str(folder))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield folder


@pytest.fixture(scope="module")
def pushed_once(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Pushed:
    folder = tmp_path_factory.mktemp("once")
    root, remote = raw_project(folder / "project"), folder / "remote"
    messages = track(root, root / "data" / "raw" / "may" / "customers.csv", remote=str(remote))
    messages += push(root)
    status = sorted(line[3:] for line in git(root, "status", "--porcelain", "--untracked-files=all").splitlines())
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "tracked")
    return Pushed(root, remote, messages, status, list(home.iterdir()))


@pytest.fixture
def tracked(pushed_once: Pushed, tmp_path: Path) -> Path:
    """Copy the project with the tracked and pushed file."""
    return Path(shutil.copytree(pushed_once.root, tmp_path / "project"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return raw_project(tmp_path / "project")


def test_tracking_reports_its_actions_and_what_to_commit(pushed_once: Pushed) -> None:
    assert pushed_once.messages == [
        f"{pushed_once.remote} is the remote.",
        "data/raw/may/customers.csv is tracked.",
        "Commit its pointer file: git add .dvc .dvcignore data/raw/may/customers.csv.dvc && git commit",
        f"data/raw/may/customers.csv: pushed to {pushed_once.remote}.",
    ]


def test_tracking_writes_pointer_files_and_nothing_to_the_home_folder(pushed_once: Pushed) -> None:
    assert pushed_once.status == [".dvc/.gitignore", ".dvc/config", ".dvcignore", "data/raw/may/customers.csv.dvc"]
    assert pushed_once.home == []


def test_analytics_are_disabled_and_the_local_remote_is_not_committed(pushed_once: Pushed) -> None:
    settings = (pushed_once.root / ".dvc" / "config").read_text().split()
    assert settings == ["[core]", "analytics", "=", "false", "check_update", "=", "false"]


def test_a_deleted_file_is_restored_from_a_local_remote(tracked: Path) -> None:
    file = tracked / "data" / "raw" / "may" / "customers.csv"
    file.unlink()
    shutil.rmtree(tracked / ".dvc" / "cache")
    pull(tracked)
    assert file.read_text() == ROWS
    assert git(tracked, "status", "--porcelain", "--untracked-files=all") == ""


def test_a_clone_needs_a_remote_to_restore_its_data(pushed_once: Pushed, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(pushed_once.root), str(clone))
    with pytest.raises(GlassboxError, match=r"no remote to push to\..*--remote FOLDER"):
        push(clone)
    with pytest.raises(
        GlassboxError,
        match=r"customers\.csv\. There is no copy of it in the cache or at the remote\. There is no remote.*--remote FOLDER",
    ):
        pull(clone)
    pull(clone, remote=str(pushed_once.remote))
    assert (clone / "data" / "raw" / "may" / "customers.csv").read_text() == ROWS


def test_local_changes_are_not_overwritten(tracked: Path) -> None:
    file = tracked / "data" / "raw" / "may" / "customers.csv"
    file.write_text("mine")
    with pytest.raises(GlassboxError, match="local changes since it was tracked"):
        pull(tracked)
    assert file.read_text() == "mine"


def test_dvc_finds_the_tracked_files(pushed_once: Pushed) -> None:
    """DVC interprets `.gitignore` differently from git: with `data/*` it reports that nothing is tracked."""
    assert "up to date" in _dvc(pushed_once.root, "status")


def test_a_package_is_tracked_as_a_copy(tracked: Path) -> None:
    package = tracked / "data" / "churn" / "deploy"
    (package / "model").mkdir(parents=True)
    (tracked / "data" / "churn" / "request.json").write_text("{}")
    (package / "model" / "predictor.json").write_text("{}")
    (package / "manifest.json").write_text(json.dumps({"files": {"model/predictor.json": "0"}}))
    (package / "measured.json").write_text("[]")
    track(tracked, package)
    copy = tracked / "data" / "packages" / "churn"
    assert sorted(path.relative_to(copy).as_posix() for path in copy.rglob("*.json")) == ["manifest.json", "model/predictor.json"]
    assert git(tracked, "status", "--porcelain", "--untracked-files=all") == "?? data/packages/churn.dvc\n"


def test_without_git_and_remote_a_deleted_file_is_restored_from_the_cache(tmp_path: Path) -> None:
    root = tmp_path / "unpacked"
    (root / "data" / "raw").mkdir(parents=True)
    file = root / "data" / "raw" / "a.csv"
    file.write_text(ROWS)
    track(root, file)
    file.unlink()
    assert "no remote" in pull(root)[0]
    assert file.read_text() == ROWS


def test_without_tracked_data_the_error_shows_how_to_track(root: Path) -> None:
    for command in (push, pull):
        with pytest.raises(GlassboxError, match=r"No data is tracked yet.*glassbox data track"):
            command(root)


def _assert_rejected(root: Path, path: str, reason: str, remote: str | None = None) -> None:
    with pytest.raises(GlassboxError, match=reason):
        track(root, root / path, remote=remote)
    assert not (root / f"{path}.dvc").exists()


def test_a_missing_path_is_reported(root: Path) -> None:
    _assert_rejected(root, "data/raw/june.csv", r"june\.csv: no such file")


def test_a_path_outside_the_project_is_rejected(root: Path, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text(ROWS)
    _assert_rejected(root, "../out.csv", "outside the project")


def test_a_file_tracked_by_git_is_rejected(root: Path) -> None:
    _assert_rejected(root, "data/catalog.yaml", r"tracked by git.*git rm -r --cached data/catalog\.yaml")


def test_an_ignored_pointer_file_is_rejected_with_the_rule(root: Path) -> None:
    (root / "data" / "notes.txt").write_text("x")
    _assert_rejected(root, "data/notes.txt", r"ignored by git, because of \.gitignore:1:/data/\?\*")


def test_the_output_of_a_run_is_rejected(root: Path) -> None:
    (root / "data" / "churn" / "ingest").mkdir(parents=True)
    (root / "data" / "churn" / "request.json").write_text("{}")
    _assert_rejected(root, "data/churn/ingest", "is the output of a run")


def test_a_folder_with_a_tracked_file_is_rejected(root: Path) -> None:
    (root / "data" / "raw" / "may" / "customers.csv.dvc").write_text("outs: []\n")
    _assert_rejected(root, "data/raw/may", r"tracked individually, such as data/raw/may/customers\.csv\.")


def test_a_file_in_a_tracked_folder_is_rejected(root: Path) -> None:
    (root / "data" / "raw" / "may.dvc").write_text("outs: []\n")
    _assert_rejected(root, "data/raw/may/customers.csv", "already tracked as part of data/raw/may")


def test_a_remote_inside_the_project_is_rejected(tracked: Path) -> None:
    (tracked / "data" / "raw" / "june.csv").write_text(ROWS)
    _assert_rejected(tracked, "data/raw/june.csv", "is inside the project", remote=str(tracked / "backup"))


def test_a_password_in_the_remote_is_rejected_and_not_saved(tracked: Path) -> None:
    (tracked / "data" / "raw" / "june.csv").write_text(ROWS)
    _assert_rejected(tracked, "data/raw/june.csv", "contains a password", remote="ssh://me:secret@host/data")
    assert all("secret" not in path.read_text() for path in (tracked / ".dvc").glob("config*"))

"""Versions of data, with a real git and a real DVC."""

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


def raw_project(place: Path) -> Path:
    """A project under git, with a file of raw data that git does not see."""
    (place / "data" / "raw" / "may").mkdir(parents=True)
    (place / "data" / "raw" / "may" / "customers.csv").write_text(ROWS)
    (place / "data" / "catalog.yaml").write_text("{}\n")
    (place / ".gitignore").write_text(IGNORE)
    git(place, "init", "--quiet")
    git(place, "add", ".")
    git(place, "commit", "--quiet", "--message", "first")
    return place


@dataclass(frozen=True)
class Pushed:
    """A project whose file was tracked and pushed: what was said, and what git and the home held before it was committed."""

    root: Path
    remote: Path
    said: list[str]
    shown: list[str]
    home: list[Path]


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No settings but ours; what DVC would keep at home is seen."""
    place = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("DVC", "GIT", "XDG"))]:
            patch.delenv(name)
        patch.setenv("HOME", str(place))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield place


@pytest.fixture(scope="module")
def once(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Pushed:
    place = tmp_path_factory.mktemp("once")
    root, remote = raw_project(place / "project"), place / "remote"
    said = track(root, root / "data" / "raw" / "may" / "customers.csv", remote=str(remote))
    said += push(root)
    shown = sorted(line[3:] for line in git(root, "status", "--porcelain", "--untracked-files=all").splitlines())
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "tracked")
    return Pushed(root, remote, said, shown, list(home.iterdir()))


@pytest.fixture
def tracked(once: Pushed, tmp_path: Path) -> Path:
    """A project of one's own whose file is tracked and pushed."""
    return Path(shutil.copytree(once.root, tmp_path / "project"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return raw_project(tmp_path / "project")


def test_tracking_says_what_it_did_and_what_to_commit(once: Pushed) -> None:
    assert once.said == [
        f"{once.remote} is the remote.",
        "data/raw/may/customers.csv is tracked.",
        "Commit what stands for it: git add .dvc .dvcignore data/raw/may/customers.csv.dvc && git commit",
        f"data/raw/may/customers.csv: now at {once.remote}.",
    ]


def test_tracking_leaves_what_to_commit_and_nothing_at_home(once: Pushed) -> None:
    assert once.shown == [".dvc/.gitignore", ".dvc/config", ".dvcignore", "data/raw/may/customers.csv.dvc"]
    assert once.home == []


def test_no_statistics_are_sent_and_the_remote_stays_this_machines_matter(once: Pushed) -> None:
    settings = (once.root / ".dvc" / "config").read_text().split()
    assert settings == ["[core]", "analytics", "=", "false", "check_update", "=", "false"]


def test_a_deleted_file_comes_back_from_a_local_remote(tracked: Path) -> None:
    file = tracked / "data" / "raw" / "may" / "customers.csv"
    file.unlink()
    shutil.rmtree(tracked / ".dvc" / "cache")
    pull(tracked)
    assert file.read_text() == ROWS
    assert git(tracked, "status", "--porcelain", "--untracked-files=all") == ""


def test_a_clone_is_told_to_name_the_remote_and_gets_its_data_once_it_did(once: Pushed, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(once.root), str(clone))
    with pytest.raises(GlassboxError, match=r"no remote to push to\..*--remote FOLDER"):
        push(clone)
    with pytest.raises(GlassboxError, match=r"customers\.csv\. No copy of it was found\. There is no remote.*--remote FOLDER"):
        pull(clone)
    pull(clone, remote=str(once.remote))
    assert (clone / "data" / "raw" / "may" / "customers.csv").read_text() == ROWS


def test_what_was_changed_here_is_not_overwritten(tracked: Path) -> None:
    file = tracked / "data" / "raw" / "may" / "customers.csv"
    file.write_text("mine")
    with pytest.raises(GlassboxError, match="changed here since it was tracked"):
        pull(tracked)
    assert file.read_text() == "mine"


def test_dvc_itself_finds_what_is_tracked(once: Pushed) -> None:
    """DVC reads `.gitignore` in its own way: with `data/*` it would say that nothing is tracked."""
    assert "up to date" in _dvc(once.root, "status")


def test_a_package_is_tracked_as_a_copy_that_no_run_touches(tracked: Path) -> None:
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


def test_without_git_and_without_a_remote_a_deleted_file_comes_back_from_here(tmp_path: Path) -> None:
    place = tmp_path / "unpacked"
    (place / "data" / "raw").mkdir(parents=True)
    file = place / "data" / "raw" / "a.csv"
    file.write_text(ROWS)
    track(place, file)
    file.unlink()
    assert "no remote" in pull(place)[0]
    assert file.read_text() == ROWS


def test_without_anything_tracked_the_user_is_told_how(root: Path) -> None:
    for act in (push, pull):
        with pytest.raises(GlassboxError, match=r"Nothing is tracked here yet.*glassbox data track"):
            act(root)


def _cannot(root: Path, path: str, reason: str, remote: str | None = None) -> None:
    with pytest.raises(GlassboxError, match=reason):
        track(root, root / path, remote=remote)
    assert not (root / f"{path}.dvc").exists()


def test_a_missing_path_is_named(root: Path) -> None:
    _cannot(root, "data/raw/june.csv", r"june\.csv: there is no such file")


def test_a_path_outside_the_project_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text(ROWS)
    _cannot(root, "../out.csv", "outside the project")


def test_what_git_keeps_is_refused(root: Path) -> None:
    _cannot(root, "data/catalog.yaml", r"kept by git.*git rm -r --cached data/catalog\.yaml")


def test_what_git_would_not_see_is_refused_with_the_rule(root: Path) -> None:
    (root / "data" / "notes.txt").write_text("x")
    _cannot(root, "data/notes.txt", r"hidden from git by \.gitignore:1:/data/\?\*")


def test_what_a_run_makes_is_refused(root: Path) -> None:
    (root / "data" / "churn" / "ingest").mkdir(parents=True)
    (root / "data" / "churn" / "request.json").write_text("{}")
    _cannot(root, "data/churn/ingest", "is made by a run")


def test_a_folder_over_a_tracked_file_is_refused(root: Path) -> None:
    (root / "data" / "raw" / "may" / "customers.csv.dvc").write_text("outs: []\n")
    _cannot(root, "data/raw/may", r"tracked by themselves, such as data/raw/may/customers\.csv\.")


def test_a_file_in_a_tracked_folder_is_refused(root: Path) -> None:
    (root / "data" / "raw" / "may.dvc").write_text("outs: []\n")
    _cannot(root, "data/raw/may/customers.csv", "tracked already, as part of data/raw/may")


def test_a_remote_inside_the_project_is_refused(tracked: Path) -> None:
    (tracked / "data" / "raw" / "june.csv").write_text(ROWS)
    _cannot(tracked, "data/raw/june.csv", "lies inside the project", remote=str(tracked / "backup"))


def test_a_password_in_the_remote_is_refused_and_written_nowhere(tracked: Path) -> None:
    (tracked / "data" / "raw" / "june.csv").write_text(ROWS)
    _cannot(tracked, "data/raw/june.csv", "holds a password", remote="ssh://me:secret@host/data")
    assert all("secret" not in path.read_text() for path in (tracked / ".dvc").glob("config*"))

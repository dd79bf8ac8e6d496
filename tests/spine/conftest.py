"""A small project with the real notebooks: after its first run, and a copy of it to change."""

import shutil
from pathlib import Path

import pytest

from spine_project import Project, new_project


def first_run(folder: Path, slug: str) -> Project:
    """A project of a request after its first run."""
    project = new_project(folder / "project", slug)
    done = project.command("run", slug, "--workers", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    return project


# Projects after their first run: tests must leave them as they found them.


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A request of a table."""
    return first_run(tmp_path_factory.mktemp("spine"), "customers")


@pytest.fixture(scope="session")
def forecast(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A request of series."""
    return first_run(tmp_path_factory.mktemp("forecast"), "shops")


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A request of classes of texts."""
    return first_run(tmp_path_factory.mktemp("texts"), "messages")


@pytest.fixture(scope="session")
def news(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A request of entities in texts."""
    return first_run(tmp_path_factory.mktemp("news"), "news")


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A request of classes of pictures."""
    return first_run(tmp_path_factory.mktemp("seen"), "shapes")


@pytest.fixture(scope="session")
def boxed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A request of boxes in pictures."""
    return first_run(tmp_path_factory.mktemp("boxed"), "scenes")


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project of a table, to change."""
    shutil.copytree(finished.root, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")

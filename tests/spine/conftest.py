"""A small project with the real notebooks: after its first run, and a copy of it to change."""

import shutil
from pathlib import Path

import pytest

from spine_project import Project, new_project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project after its first run. Tests must leave it as they found it."""
    project = new_project(tmp_path_factory.mktemp("spine") / "project")
    done = project.command("run", "customers", "--workers", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished project, to change."""
    shutil.copytree(finished.root, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")


@pytest.fixture(scope="session")
def forecast(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of a forecasting request after its first run. Tests must leave it as they found it."""
    project = new_project(tmp_path_factory.mktemp("forecast") / "project", "shops")
    done = project.command("run", "shops", "--workers", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    return project

"""Fixtures of the end-to-end tests: projects after their first run, and a copy to modify."""

import shutil
from pathlib import Path

import pytest

from spine_project import Project, new_project


def first_run(folder: Path, slug: str) -> Project:
    """Return the project of a request after its first run."""
    project = new_project(folder / "project", slug)
    process = project.command("run", slug, "--workers", "2")
    assert process.returncode == 0, process.stdout + process.stderr
    return project


# Session-scoped projects after their first run; tests must not modify them.


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A tabular classification request."""
    return first_run(tmp_path_factory.mktemp("spine"), "customers")


@pytest.fixture(scope="session")
def forecast(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A forecasting request."""
    return first_run(tmp_path_factory.mktemp("forecast"), "shops")


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A text classification request."""
    return first_run(tmp_path_factory.mktemp("texts"), "messages")


@pytest.fixture(scope="session")
def news(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """An entity recognition request."""
    return first_run(tmp_path_factory.mktemp("news"), "news")


@pytest.fixture(scope="session")
def classified(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """An image classification request."""
    return first_run(tmp_path_factory.mktemp("seen"), "shapes")


@pytest.fixture(scope="session")
def detected(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """An object detection request."""
    return first_run(tmp_path_factory.mktemp("boxed"), "scenes")


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished tabular project, which a test may modify."""
    shutil.copytree(finished.root, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")

"""Fixtures of the end-to-end tests: projects after their first run, and a copy to modify."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from spine_project import Project, new_project


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between processes."""
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def first_run(factory: pytest.TempPathFactory, slug: str) -> Project:
    """Return a copy of the project of a request after its first run, which runs once for all test workers."""
    base = factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / f"first-run-{slug}"
    with locked(shared.with_suffix(".lock")):
        if not (shared / "done").is_file():
            shutil.rmtree(shared, ignore_errors=True)
            project = new_project(shared / "project", slug)
            process = project.process("run", slug, "--workers", "2")
            assert process.returncode == 0, process.stdout + process.stderr
            (shared / "done").touch()
    root = factory.mktemp(slug) / "project"
    shutil.copytree(shared / "project", root, symlinks=True)
    return Project(root, slug)


# Session-scoped projects after their first run; tests must not modify them.


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A tabular classification request."""
    return first_run(tmp_path_factory, "customers")


@pytest.fixture(scope="session")
def forecast(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A forecasting request."""
    return first_run(tmp_path_factory, "shops")


@pytest.fixture(scope="session")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A text classification request."""
    return first_run(tmp_path_factory, "messages")


@pytest.fixture(scope="session")
def news(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """An entity recognition request."""
    return first_run(tmp_path_factory, "news")


@pytest.fixture(scope="session")
def classified(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """An image classification request."""
    return first_run(tmp_path_factory, "shapes")


@pytest.fixture(scope="session")
def detected(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """An object detection request."""
    return first_run(tmp_path_factory, "scenes")


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of the finished tabular project, which a test may modify."""
    shutil.copytree(finished.root, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")

"""Fixtures of the pipeline tests: the toy project before and after its first run."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from glassbox.pipeline.kernels import KernelServer
from toy_project import NOTEBOOKS, PIPELINE, Project


@pytest.fixture(scope="session")
def kernels() -> Iterator[KernelServer]:
    """One kernel server for all tests."""
    with KernelServer() as server:
        yield server


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template") / "toy"
    for name, text in NOTEBOOKS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "pipeline.yaml").write_text(PIPELINE)
    (root / "requirements.lock").write_text("nothing==1\n")
    (root / "toy.csv").write_text("x,y\n" + "".join(f"{i},{i % 3}\n" for i in range(10)))
    return root


@pytest.fixture(scope="session")
def _run_once(_template: Path, kernels: KernelServer) -> Path:
    project = Project(_template, kernels)
    project.run()
    return _template


@pytest.fixture
def fresh(_template: Path, tmp_path: Path, kernels: KernelServer) -> Project:
    """A project without any run, with an empty store."""
    root = tmp_path / "toy"
    shutil.copytree(_template, root, ignore=shutil.ignore_patterns("data", "reports"))
    return Project(root, kernels)


@pytest.fixture
def project(_run_once: Path, tmp_path: Path, kernels: KernelServer) -> Project:
    """A project after one run."""
    root = tmp_path / "toy"
    shutil.copytree(_run_once, root)
    return Project(root, kernels)

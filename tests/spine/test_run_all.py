"""End-to-end tests of *Run All* in every notebook, on the products of the last run of the chosen request.

They run without cached results, with another hash seed and with one worker, so they also show that every product is reproducible.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import jupytext
import pytest
from jupyter_core.utils import ensure_event_loop
from nbclient import NotebookClient

from glassbox.files import files_below, hash_file, hash_tree
from glassbox.pipeline.kernels import ForkKernelManager, KernelServer, kernel_environment
from glassbox.pipeline.spec import STAGES
from spine_project import Project


@pytest.fixture(scope="module")
def server() -> Iterator[KernelServer]:
    with mock.patch.dict(os.environ, PYTHONHASHSEED="3"), KernelServer() as running:
        yield running


def _source(root: Path, family: str, stage: str) -> Path:
    shared = root / "notebooks" / f"{stage}.py"
    return shared if shared.is_file() else root / "notebooks" / family / f"{stage}.py"


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("fixture", "family"),
    [
        ("finished", "tabular"),
        ("forecast", "forecasting"),
        ("texts", "text"),
        ("news", "entities"),
        ("classified", "vision"),
        ("detected", "detection"),
    ],
)
def test_run_all_gives_the_products_of_the_run_and_changes_no_files(
    request: pytest.FixtureRequest, tmp_path: Path, server: KernelServer, fixture: str, family: str, stage: str
) -> None:
    finished: Project = request.getfixturevalue(fixture)
    shutil.copytree(finished.root, tmp_path / "project", symlinks=True)
    project, slug = Project(tmp_path / "project", finished.slug), finished.slug
    shutil.rmtree(project.root / "data/.store/cache")
    source = _source(project.root, family, stage)
    before = {name: hash_file(path) for name, path in files_below(project.root / "data" / slug)}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GLASSBOX")}
    environment.update(kernel_environment(server, project.root / "data/.kernel.log"), GLASSBOX_REQUEST=slug, GLASSBOX_WORKERS="1")
    environment["OMP_NUM_THREADS"] = "1"
    client = NotebookClient(
        jupytext.read(source),
        kernel_manager_class=ForkKernelManager,
        resources={"metadata": {"path": str(source.parent)}},
        timeout=300,
    )
    client.execute(env=environment)
    ensure_event_loop().close()
    assert {name: hash_file(path) for name, path in files_below(project.root / "data" / slug)} == before
    scratch = project.root / "data/.scratch" / slug / stage
    expected = {key.partition(".")[2]: value for key, value in project.products().items() if key.startswith(f"{stage}.")}
    files = {path.name.partition(".")[0]: path for path in scratch.iterdir() if not path.name.startswith(".")}
    assert {name: hash_tree(files[name]) for name in expected} == expected
    status = subprocess.run(["git", "status", "--porcelain"], cwd=project.root, capture_output=True, text=True, check=True)
    assert status.stdout == ""

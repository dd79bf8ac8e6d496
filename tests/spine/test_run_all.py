"""*Run All*, in every notebook as it stands, on the products of the last run of the chosen request."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import jupytext
import pytest
from jupyter_core.utils import ensure_event_loop
from nbclient import NotebookClient

from glassbox.files import files_below, hash_file
from glassbox.pipeline.kernels import ForkKernelManager, KernelServer, kernel_environment
from glassbox.pipeline.spec import STAGES
from spine_project import Project


@pytest.fixture(scope="module")
def server() -> Iterator[KernelServer]:
    with KernelServer() as running:
        yield running


def _source(root: Path, stage: str) -> Path:
    shared = root / "notebooks" / f"{stage}.py"
    return shared if shared.is_file() else root / "notebooks" / "tabular" / f"{stage}.py"


@pytest.mark.parametrize("stage", STAGES)
def test_run_all_gives_the_findings_of_the_run_and_touches_nothing(project: Project, server: KernelServer, stage: str) -> None:
    source = _source(project.root, stage)
    before = {name: hash_file(path) for name, path in files_below(project.root / "data/customers")}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GLASSBOX")}
    environment.update(
        kernel_environment(server, project.root / "data/.kernel.log"), GLASSBOX_REQUEST="customers", OMP_NUM_THREADS="1"
    )
    client = NotebookClient(
        jupytext.read(source),
        kernel_manager_class=ForkKernelManager,
        resources={"metadata": {"path": str(source.parent)}},
        timeout=300,
    )
    client.execute(env=environment)
    ensure_event_loop().close()
    assert {name: hash_file(path) for name, path in files_below(project.root / "data/customers")} == before
    scratch = project.root / "data/.scratch/customers" / stage / "findings.json"
    assert scratch.read_bytes() == (project.root / "data/customers" / stage / "findings.json").read_bytes()
    status = subprocess.run(["git", "status", "--porcelain"], cwd=project.root, capture_output=True, text=True, check=True)
    assert status.stdout == ""

"""Fixture of the JupyterLab tests: a JupyterLab server, started once for all tests."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from lab.lab_project import Server, address, project


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = project(tmp_path_factory.mktemp("project"))
    home = tmp_path_factory.mktemp("home")
    # The user's own jupytext settings pair every script with an .ipynb; they must not affect the project.
    (home / ".jupytext.toml").write_text('formats = "ipynb,py:percent"\n')
    call = "import pathlib, sys; from glassbox.lab.server import lab; lab(pathlib.Path(sys.argv[1]), 'churn', open_browser=False)"
    environment = {**{k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "XDG", "GLASSBOX"))}, "HOME": str(home)}
    log = root / "data" / "lab.log"
    with log.open("wb") as stream:
        process = subprocess.Popen([sys.executable, "-c", call, str(root)], env=environment, stdout=stream, stderr=stream)
    try:
        yield Server(*address(process, log), root)
    finally:
        assert stopped(process) == 0, log.read_text()
        assert sorted(path.name for path in home.iterdir()) == [".jupytext.toml"]


def stopped(process: subprocess.Popen[bytes]) -> int:
    """Stop the server as Ctrl-C does, and return its exit status; it must stop without asking for confirmation.

    The signal is repeated, because on a loaded machine one that arrives while a kernel starts or ends can be lost.
    """
    for _ in range(5):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(20)
    process.kill()
    return process.wait()

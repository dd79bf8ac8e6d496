"""Tests of the start of JupyterLab: checks, environment and command."""

import socket
import sys
from pathlib import Path

import pytest

from glassbox.errors import GlassboxError
from glassbox.lab.server import lab, lab_command, lab_environment


def test_a_port_in_use_is_reported(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(GlassboxError, match=f"Port {port} .*--port"):
            lab(tmp_path, port=port)


def test_a_request_without_a_run_is_reported(tmp_path: Path) -> None:
    (tmp_path / "notebooks").mkdir()
    with pytest.raises(GlassboxError, match=r"'churn' has not been run.*params/churn\.yaml"):
        lab(tmp_path, "churn")


def test_a_project_without_notebooks_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(GlassboxError, match="no notebooks"):
        lab(tmp_path)


def test_the_environment_contains_the_chosen_request_only() -> None:
    root = Path("/project")
    assert lab_environment(root, "churn", {"GLASSBOX_REQUEST": "old"})["GLASSBOX_REQUEST"] == "churn"
    assert "GLASSBOX_REQUEST" not in lab_environment(root, None, {"GLASSBOX_REQUEST": "old"})


def test_the_given_environment_is_not_modified() -> None:
    environ = {"PATH": "/bin", "JUPYTER_CONFIG_DIR": "/home/me/.jupyter"}
    theirs = lab_environment(Path("/project"), "churn", environ)
    assert theirs["PATH"] == "/bin"
    assert theirs["JUPYTER_CONFIG_DIR"] == "/project/data/.lab/config"
    assert environ == {"PATH": "/bin", "JUPYTER_CONFIG_DIR": "/home/me/.jupyter"}


def test_the_server_runs_with_the_current_python() -> None:
    command = lab_command(Path("/project"), 8890, open_browser=False)
    assert command[:3] == [sys.executable, "-m", "jupyterlab"]
    assert {"--ServerApp.root_dir=/project/notebooks", "--ServerApp.port=8890", "--no-browser"} <= set(command)

"""Tests of the server: addresses, errors and shutdown."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from glassbox.errors import GlassboxError
from glassbox.serving.__main__ import main
from glassbox.serving.process import running_service
from glassbox.serving.server import address, listen


@pytest.fixture
def port_in_use() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def test_a_port_in_use_is_reported_with_advice(port_in_use: socket.socket) -> None:
    port = port_in_use.getsockname()[1]
    with pytest.raises(GlassboxError, match=rf"port {port}.*--port"):
        listen("127.0.0.1", port)


def test_the_command_reports_a_port_in_use_before_loading_the_package(
    port_in_use: socket.socket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The folder is not a package either, but the port is checked first.
    assert main([str(tmp_path), "--port", str(port_in_use.getsockname()[1])]) == 1
    message = capsys.readouterr().err
    assert "Cannot listen" in message
    assert message.count("\n") == 1


def test_the_command_fails_for_a_folder_without_a_package(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--port", "0"]) == 1
    assert "is not a package" in capsys.readouterr().err


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_out_of_range_is_rejected(port: int) -> None:
    with pytest.raises(GlassboxError, match="65535"):
        listen("127.0.0.1", port)


def test_an_unknown_host_is_rejected() -> None:
    with pytest.raises(GlassboxError, match=r"no-such-host\.invalid"):
        listen("no-such-host.invalid", 0)


def test_the_url_of_all_interfaces_is_the_loopback_address() -> None:
    with listen("0.0.0.0", 0) as listener:
        assert address(listener).startswith("http://127.0.0.1:")


def test_the_service_listens_on_loopback_by_default(url: str) -> None:
    assert url.startswith("http://127.0.0.1:")


def test_a_service_that_does_not_start_reports_the_reason(tmp_path: Path) -> None:
    with pytest.raises(GlassboxError, match="is not a package"), running_service(tmp_path):
        pass


def _start(package: Path, *more: str, **options: Any) -> tuple["subprocess.Popen[str]", str]:
    command = [sys.executable, "-u", "-m", "glassbox.serving", str(package), "--port", "0", *more]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, **options)
    assert process.stdout is not None
    return process, process.stdout.readline().removeprefix("serving at ").strip()


def test_the_service_stops_when_its_standard_input_closes(package: Path) -> None:
    process, url = _start(package, "--until-input-ends")
    with process:
        assert httpx.get(f"{url}/health", trust_env=False).status_code == 200
        process.stdin.close()
        assert process.wait(timeout=20) == 0


@pytest.fixture(scope="module")
def packaged(
    package: Path, without_torch: Callable[[pytest.MonkeyPatch], None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A service that runs the package's code only, as in the container."""
    with pytest.MonkeyPatch.context() as patch:
        without_torch(patch)
        paths = [str(package / "code"), os.environ["PYTHONPATH"]]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
    process, url = _start(package, env=environment, cwd=tmp_path_factory.mktemp("elsewhere"))
    with process:
        yield process, url
        process.kill()


def test_the_packaged_code_runs_without_the_repository(packaged: tuple["subprocess.Popen[str]", str], package: Path) -> None:
    example, headers = (package / "example.json").read_bytes(), {"content-type": "application/json"}
    with httpx.Client(base_url=packaged[1], trust_env=False) as client:
        assert client.post("/predict", content=example, headers=headers).status_code == 200
        assert client.get("/health").json()["code"] == "as packaged"


def test_an_interrupt_ends_the_command_silently_with_130(packaged: tuple["subprocess.Popen[str]", str]) -> None:
    process, _ = packaged
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    assert process.stderr is not None
    assert process.stderr.read() == ""

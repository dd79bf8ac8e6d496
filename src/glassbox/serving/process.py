"""Context manager that runs the service as a separate process."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from glassbox.errors import GlassboxError
from glassbox.serving.server import READY

START_SECONDS = 120.0  # a cold machine imports slowly
STOP_SECONDS = 10.0


@contextmanager
def running_service(package: Path) -> Iterator[str]:
    """Run the service of `package` as a separate process on a free loopback port, for the duration of the block.

    Yields
    ------
    str
        The URL of the running service.

    Raises
    ------
    GlassboxError
        The service does not start; the message contains its error output.
    """
    command = [sys.executable, "-m", "glassbox.serving", str(package.resolve()), "--port", "0", "--until-input-ends"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    # The service stops when its standard input closes, and so with this process, however this process ends.
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, text=True, encoding="utf-8")
    with process:
        try:
            url = _read_url(process)
            _await_health(url)
            yield url
        finally:
            _stop(process)


def _read_url(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    assert process.stderr is not None
    timer = threading.Timer(START_SECONDS, process.kill)
    timer.start()
    try:
        line = next((line for line in process.stdout if line.startswith(READY)), "")
    finally:
        timer.cancel()
    if not line:
        process.kill()
        reason = process.stderr.read().strip() or f"no output within {START_SECONDS:g} seconds"
        raise GlassboxError(f"The service did not start: {reason}")
    return line.removeprefix(READY).strip()


def _await_health(url: str) -> None:
    status = httpx.get(f"{url}/health", trust_env=False, timeout=START_SECONDS).status_code
    if status != 200:
        raise GlassboxError(f"The service at {url} started, but /health returned status {status}; expected 200.")


def _stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.communicate(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()

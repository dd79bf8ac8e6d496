"""The service as a process of its own, for as long as something is asked of it."""

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
def running(package: Path) -> Iterator[str]:
    """The service of `package` as a process of its own, on a free port of this machine, for as long as the block lasts.

    Yields
    ------
    str
        Its URL; it answers there.

    Raises
    ------
    GlassboxError
        When it does not start, with what it said.
    """
    command = [sys.executable, "-m", "glassbox.serving", str(package.resolve()), "--port", "0", "--until-input-ends"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"}
    # The pipe to its input ends with this process, however that ends: no service is left behind.
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, text=True, encoding="utf-8")
    with process:
        try:
            url = _announced(process)
            _await_health(url)
            yield url
        finally:
            _stop(process)


def _announced(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    assert process.stderr is not None
    patience = threading.Timer(START_SECONDS, process.kill)
    patience.start()
    try:
        line = next((line for line in process.stdout if line.startswith(READY)), "")
    finally:
        patience.cancel()
    if not line:
        process.kill()
        said = process.stderr.read().strip() or f"it said nothing for {START_SECONDS:g} seconds"
        raise GlassboxError(f"The service did not start: {said}")
    return line.removeprefix(READY).strip()


def _await_health(url: str) -> None:
    status = httpx.get(f"{url}/health", trust_env=False, timeout=START_SECONDS).status_code
    if status != 200:
        raise GlassboxError(f"The service at {url} started but answers /health with {status}.")


def _stop(process: "subprocess.Popen[str]") -> None:
    process.terminate()
    try:
        process.communicate(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()

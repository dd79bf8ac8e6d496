"""Jupyter kernels for the runner, forked from a server process that has the libraries loaded, behind a kernel provisioner."""

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning.provisioner_base import KernelProvisionerBase
from nbclient.exceptions import DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines

from glassbox.temporary import temporary_folder

PROVISIONER = "glassbox-fork"
ENGINE = "glassbox"
_SOCKET = "GLASSBOX_KERNEL_SOCKET"
_LIBRARIES = "GLASSBOX_KERNEL_LIBRARIES"


class KernelEnded(Exception):
    """Raised when a kernel dies or does not start. The message completes the phrase "its kernel ..."."""


class KernelServer:
    """Context manager that runs the kernel server; its kernels end with it, even when this process is killed.

    The sockets, connection files and temporary files of the kernels are in one folder, which is removed at the end.
    """

    def __enter__(self) -> Self:
        self._stack = contextlib.ExitStack()
        folder = self._stack.enter_context(temporary_folder())
        self.socket = folder / "kernels"
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", "")}
        environment.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MPLBACKEND="agg", TMPDIR=str(folder))
        # PyTorch would keep compiled code in the folder of temporary files, but later runs use it.
        environment.setdefault("TORCHINDUCTOR_CACHE_DIR", str(Path(tempfile.gettempdir(), f"torchinductor_{os.getuid()}")))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "glassbox.pipeline.kernel_server", str(self.socket)],
            stdin=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop the server and all its kernels immediately."""
        if self._process.stdin and not self._process.stdin.closed:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stack.close()


class ForkProvisioner(KernelProvisionerBase):
    """Provisioner of one kernel that the server forks and whose exit status arrives over the connection to the server."""

    _connection: socket.socket | None = None
    _pid: int | None = None
    _status: int | None = None
    _buffer: bytes = b""

    @property
    def has_process(self) -> bool:
        return self._pid is not None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        manager = self.parent
        if manager is not None:
            # Unix sockets instead of TCP ports: another process may take a free port before the kernel binds it.
            manager.transport, manager.cache_ports = "ipc", False
            manager.ip = str(Path(kwargs["env"][_SOCKET]).with_name(uuid.uuid4().hex))
            manager.connection_file = f"{manager.ip}.json"
            manager.write_connection_file()
            self.connection_info: KernelConnectionInfo = manager.get_connection_info()
        return await super().pre_launch(cmd=["glassbox-kernel"], **kwargs)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        environment = dict(kwargs.get("env") or {})
        order = {
            "connection": self.parent.connection_file if self.parent else "",
            "cwd": str(kwargs.get("cwd") or Path.cwd()),
            "log": environment.get("GLASSBOX_KERNEL_LOG", os.devnull),
            "libraries": environment.get(_LIBRARIES, "").split(),
            # The variables of Glassbox always: the server may have been started for another project.
            "env": {k: v for k, v in environment.items() if k.startswith("GLASSBOX_") or os.environ.get(k) != v},
        }
        connection = await asyncio.to_thread(_connect, Path(environment[_SOCKET]))
        connection.sendall((json.dumps(order) + "\n").encode())
        self._connection = connection
        while self._pid is None:
            message = await asyncio.to_thread(self._receive, None)
            if message is None:
                raise KernelEnded("did not start: the kernel server has ended")
            self._pid = message.get("pid", self._pid)
        return self.connection_info

    def _receive(self, timeout: float | None) -> dict[str, int] | None:
        """Return the next message of the server; None if none arrives within `timeout` seconds or the server has ended."""
        assert self._connection is not None
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([self._connection], [], [], timeout)
            if not ready:
                return None
            data = self._connection.recv(4096)
            if not data:
                self._status = -signal.SIGKILL if self._status is None else self._status
                return None
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        message: dict[str, int] = json.loads(line)
        return message

    async def poll(self) -> int | None:
        if self._status is None and self._connection is not None:
            message = self._receive(0)
            if message is not None:
                self._status = message.get("exit", self._status)
        return self._status

    async def wait(self) -> int | None:
        while await self.poll() is None:
            await asyncio.sleep(0.05)
        await self.cleanup()
        return self._status

    async def send_signal(self, signum: int) -> None:
        if self._pid is not None and self._status is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._pid, signum)

    async def kill(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGKILL)

    async def terminate(self, restart: bool = False) -> None:
        await self.send_signal(signal.SIGTERM)

    def exit_reason(self) -> str:
        """Describe the exit status of the kernel in words."""
        status = self._status if self._status is not None else -signal.SIGKILL
        if status == -signal.SIGKILL:
            return "was killed, which typically means that the machine ran out of memory"
        if status < 0:
            return f"crashed in compiled code ({signal.Signals(-status).name})"
        return f"exited with code {status}"

    async def cleanup(self, restart: bool = False) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._pid = None


def _connect(path: Path) -> socket.socket:
    import time

    for _ in range(600):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(str(path))
            return connection
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            time.sleep(0.05)
    raise KernelEnded("did not start: the kernel server did not respond within 30 s")


class ForkKernelManager(AsyncKernelManager):
    """Kernel manager for forked kernels, without a kernel specification on disk."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(
            argv=["glassbox-kernel"],
            display_name="Python 3",
            language="python",
            metadata={"kernel_provisioner": {"provisioner_name": PROVISIONER}},
        )


class Engine(NBClientEngine):  # type: ignore[misc]
    """Papermill engine with forked kernels and a separate environment for each kernel."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, log_output: bool = False, start_timeout: int = 60, **kwargs: Any
    ) -> Any:
        environment = kwargs.pop("environment")
        cwd = kwargs.pop("working_folder")
        manager = ForkKernelManager(kernel_name=kernel_name)
        client = PapermillNotebookClient(
            nb_man,
            km=manager,
            startup_timeout=start_timeout,
            timeout=None,
            resources={"metadata": {"path": str(cwd)}},
            record_timing=False,
        )
        client.owns_km = True  # makes the client shut the kernel down
        try:
            return client.execute(env={**os.environ, **environment})
        except (DeadKernelError, RuntimeError) as error:
            if "didn't respond" in str(error):
                raise KernelEnded(
                    f"did not respond within {start_timeout} s of its start; the machine may be overloaded"
                ) from error
            if "Kernel died" not in str(error):
                raise
            assert isinstance(manager.provisioner, ForkProvisioner)
            raise KernelEnded(manager.provisioner.exit_reason()) from error


def register() -> None:
    """Register `ENGINE` with Papermill."""
    papermill_engines.register(ENGINE, Engine)


def kernel_environment(server: KernelServer, log: Path, libraries: Sequence[str] = ()) -> dict[str, str]:
    """Return the environment variables with which `server` forks a kernel that logs to `log`.

    The server imports the `libraries` for later kernels.
    """
    return {_SOCKET: str(server.socket), "GLASSBOX_KERNEL_LOG": str(log), _LIBRARIES: " ".join(libraries)}

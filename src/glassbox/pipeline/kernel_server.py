"""A server process that imports the libraries once and forks a kernel from itself at the runner's request.

It imports third-party libraries only, never Glassbox itself, because the Glassbox modules that a stage loads are part of the stage's
key. The first kernel starts before most libraries are imported, because the first stage does not need them; later kernels find them
imported. The server and its kernels end with the runner, which sends SIGTERM or closes the standard input of the server.
"""

import contextlib
import faulthandler
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import warnings
from pathlib import Path
from typing import Any, NoReturn

# What every stage needs: imported before the first kernel starts, which would otherwise import the same libraries beside the server.
FIRST_LIBRARIES = (
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "pandas",
    "pyarrow.parquet",
    "pyarrow.csv",
    "pydantic",
    "matplotlib.figure",
    "IPython.display",
)
# Imported while the first kernel runs, in the order in which the stages need them; the family's libraries follow.
LIBRARIES = (
    "matplotlib.backends.backend_svg",
    "seaborn",
    "plotly.graph_objects",
    "scipy.stats",
    "sklearn.pipeline",
    "sklearn.compose",
    "sklearn.linear_model",
    "sklearn.ensemble",
    "sklearn.feature_selection",
    "optuna",
    "fastapi",
    "httpx",
)
# The libraries of a family are slow to import: the server imports one when no request has arrived for this time.
_IDLE_SECONDS = 0.5


def _end_with(server: int) -> None:
    """Kill this process and its children when the other end of the pipe `server` closes, which happens however the server ends."""
    os.read(server, 1)
    os.killpg(0, signal.SIGKILL)


def _become_kernel(order: dict[str, Any], server: int) -> NoReturn:
    """Turn the forked child process into an IPython kernel with the ordered environment, and exit when the kernel stops."""
    code = 1
    try:
        os.setsid()
        threading.Thread(target=_end_with, args=(server,), daemon=True).start()
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        faulthandler.enable(2)  # logs the location of a crash in compiled code
        os.environ.update(order["env"])
        os.chdir(order["cwd"])
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        warnings.resetwarnings()
        sys.argv = ["glassbox-kernel", "-f", order["connection"]]
        sys.path.insert(0, order["cwd"])
        from ipykernel.kernelapp import IPKernelApp

        IPKernelApp.launch_instance(argv=["-f", order["connection"], "--HistoryManager.enabled=False"])
        code = 0
    except SystemExit as exit_:
        code = exit_.code if isinstance(exit_.code, int) else 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


class Server:
    """A kernel server on a Unix socket: each connection starts one kernel and reports its pid and later its exit status."""

    def __init__(self, path: Path) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(16)
        self._kernels: dict[int, socket.socket] = {}
        self.ordered: dict[str, None] = {}  # the libraries that kernels have ordered, without repetition
        self._alive, self._never_written = os.pipe()  # the second end closes when this process ends
        self._wake, wake = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self.stop())  # also during an import
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner handles Ctrl-C and stops the server

    def serve(self, timeout: float | None, *, fork: bool = True) -> bool:
        """Handle pending events, waiting up to `timeout` seconds (None: no limit) for one; return False if none occurred.

        Without `fork`, requests for kernels are left pending.
        """
        watched: list[Any] = [*([self._listener] if fork else []), self._wake, 0]
        ready, _, _ = select.select(watched, [], [], timeout)
        if 0 in ready and not os.read(0, 1):
            self.stop()
        if self._wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 4096)
        self._reap()
        if self._listener in ready:
            self._fork()
        return bool(ready)

    def _fork(self) -> None:
        connection, _ = self._listener.accept()
        order = json.loads(connection.makefile("r", encoding="utf-8").readline())
        self.ordered |= dict.fromkeys(order["libraries"])
        pid = os.fork()
        if pid == 0:
            self._listener.close()
            connection.close()
            os.close(self._never_written)
            for sibling in self._kernels.values():
                sibling.close()
            _become_kernel(order, self._alive)
        self._kernels[pid] = connection
        self._send(pid, {"pid": pid})

    def _send(self, pid: int, message: dict[str, int]) -> None:
        with contextlib.suppress(OSError):  # the runner has closed the connection
            self._kernels[pid].sendall((json.dumps(message) + "\n").encode())

    def _reap(self) -> None:
        while self._kernels:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            _kill_group(pid)  # children that the kernel has left behind
            self._send(pid, {"exit": os.waitstatus_to_exitcode(status)})
            self._kernels.pop(pid).close()

    def stop(self) -> NoReturn:
        """Kill all kernels and exit this process."""
        for pid in self._kernels:
            _kill_group(pid)
        os._exit(0)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _load(name: str) -> None:
    with contextlib.suppress(ImportError):  # an optional dependency that is not installed: the notebook that needs it reports it
        importlib.import_module(name)


def main(path: str) -> NoReturn:
    """Serve on the Unix socket `path` until standard input closes."""
    warnings.simplefilter("ignore")  # for the imports; each kernel resets the filters when it starts
    server = Server(Path(path))
    for name in FIRST_LIBRARIES:
        _load(name)
    server.serve(None)
    for name in LIBRARIES:  # the next kernels would otherwise import the same libraries, each of them for itself
        _load(name)
        server.serve(0, fork=False)
    loaded: set[str] = set()
    while True:
        missing = [name for name in server.ordered if name not in loaded]
        if not server.serve(_IDLE_SECONDS if missing else None) and missing:
            _load(missing[0])
            loaded.add(missing[0])


if __name__ == "__main__":
    main(sys.argv[1])

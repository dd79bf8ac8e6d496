"""JupyterLab on the project's notebooks: a `.py` opens as a notebook, and nothing is kept in the user's home.

What JupyterLab would keep in a home (settings, workspaces, kernels' histories, cookies) lies in `data/.lab`; what is
changed of its behaviour stands in `lab/settings/`, one JSON file a subject. `ploomber` brings a server extension that
answers every contents request of a current server with an error: it is switched off there, and so is all that phones home.
"""

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from glassbox.errors import GlassboxError

SETTINGS = Path(__file__).parent / "settings"


def free_port(port: int) -> None:
    """Refuse a port of this machine's loopback that something else is listening on.

    Raises
    ------
    GlassboxError
        The port is taken, or is not this user's to open.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise GlassboxError(f"Port {port} cannot be opened: {error}. Choose another with --port.") from error


def lab_environment(root: Path, slug: str | None, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of the server and its kernels: `environ`, with Jupyter's folders inside the project.

    Kernels know the project by `GLASSBOX_ROOT` and the request that was chosen by `GLASSBOX_REQUEST`.
    """
    home = root / "data" / ".lab"
    ours = {
        "DO_NOT_TRACK": "1",
        "GLASSBOX_ROOT": str(root),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_CONFIG_PATH": str(SETTINGS),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_PATH": str(SETTINGS),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "PLOOMBER_STATS_ENABLED": "false",
    }
    if slug is not None:
        ours["GLASSBOX_REQUEST"] = slug
    return {**{key: value for key, value in environ.items() if key != "GLASSBOX_REQUEST"}, **ours}


def lab_command(root: Path, port: int | None, open_browser: bool) -> list[str]:
    """The command that starts the server on `root`'s notebooks, on loopback and behind a token."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root / 'notebooks'}"]
    if port is not None:
        command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if os.geteuid() == 0:
        command.append("--allow-root")  # in a container there is often nobody else; loopback and the token hold either way
    if not open_browser:
        command.append("--no-browser")
    return command


def lab(root: Path, slug: str | None = None, *, port: int | None = None, open_browser: bool = True) -> NoReturn:
    """Become JupyterLab on `root/notebooks`, until it is stopped.

    Parameters
    ----------
    root
        The project.
    slug
        The request whose last run the notebooks read; left out, the one that a notebook names itself.
    port
        Where on loopback; left out, the first free one from 8888.
    open_browser
        Whether to open a browser, too. The address, with its token, is printed either way.

    Raises
    ------
    GlassboxError
        There are no notebooks, the request has never been run, or the port is taken.
    """
    root = root.resolve()
    if not (root / "notebooks").is_dir():
        raise GlassboxError(f"{root / 'notebooks'}: there are no notebooks here. Call this inside a Glassbox project.")
    if slug is not None and not (root / "data" / slug).is_dir():
        raise GlassboxError(
            f"The request {slug!r} has not been run here, so its notebooks have nothing to read. "
            f"Run it first: glassbox run params/{slug}.yaml"
        )
    if port is not None:
        free_port(port)
    command = lab_command(root, port, open_browser)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, lab_environment(root, slug, os.environ))  # noqa: S606  # so that Ctrl-C reaches it

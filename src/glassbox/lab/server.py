"""JupyterLab for the project's notebooks: `.py` files open as notebooks, and nothing is written to the user's home folder.

JupyterLab's user files (settings, workspaces, kernel histories, cookies) are in `data/.lab`; its changed settings are JSON files in
`lab/settings/`. They disable ploomber's server extension, which fails on every contents request of a current server, and all
telemetry.
"""

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from glassbox.errors import GlassboxError

SETTINGS = Path(__file__).parent / "settings"


def check_port(port: int) -> None:
    """Check that a port of the loopback interface is free.

    Raises
    ------
    GlassboxError
        The port is in use, or the user may not open it.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise GlassboxError(f"Port {port} cannot be opened: {error}. Choose another with --port.") from error


def lab_environment(root: Path, slug: str | None, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of the server and its kernels: `environ`, with Jupyter's folders inside the project.

    `GLASSBOX_ROOT` names the project for the kernels, and `GLASSBOX_REQUEST` the chosen request.
    """
    home = root / "data" / ".lab"
    overrides = {
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
        overrides["GLASSBOX_REQUEST"] = slug
    return {**{key: value for key, value in environ.items() if key != "GLASSBOX_REQUEST"}, **overrides}


def lab_command(root: Path, port: int | None, open_browser: bool) -> list[str]:
    """Return the command that starts the server for the notebooks of `root`, on loopback and protected by a token."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root / 'notebooks'}"]
    if port is not None:
        command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if os.geteuid() == 0:
        command.append("--allow-root")  # containers often have no other user; loopback and the token still protect the server
    if not open_browser:
        command.append("--no-browser")
    return command


def lab(root: Path, slug: str | None = None, *, port: int | None = None, open_browser: bool = True) -> NoReturn:
    """Replace this process with JupyterLab on `root/notebooks`.

    Parameters
    ----------
    root
        The project folder.
    slug
        The request whose last run the notebooks read; by default, the request that a notebook names in its parameters.
    port
        The port on the loopback interface; by default, the first free port from 8888.
    open_browser
        Whether to open a browser. The address with its token is printed in either case.

    Raises
    ------
    GlassboxError
        The project has no notebooks, the request has not been run, or the port is in use.
    """
    root = root.resolve()
    if not (root / "notebooks").is_dir():
        raise GlassboxError(
            f"{root / 'notebooks'}: folder not found, so there are no notebooks; run this inside a Glassbox project."
        )
    if slug is not None and not (root / "data" / slug).is_dir():
        raise GlassboxError(
            f"The request {slug!r} has not been run yet, so its notebooks have no inputs. "
            f"Run it first: glassbox run params/{slug}.yaml"
        )
    if port is not None:
        check_port(port)
    command = lab_command(root, port, open_browser)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(command[0], command, lab_environment(root, slug, os.environ))  # noqa: S606  # so that Ctrl-C reaches the server

"""The HTTP server of the service, on the loopback interface by default."""

import ipaddress
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassbox.errors import GlassboxError

if TYPE_CHECKING:
    import uvicorn

GRACE_SECONDS = 5  # for requests in progress at shutdown
READY = "serving at "


def serve(
    package: Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    announce: Callable[[str], None] = print,
    until_input_ends: bool = False,
) -> None:
    """Serve `package` until interrupted.

    Parameters
    ----------
    package : Path
        A folder written by `build_package`.
    host, port
        The address to listen on; port 0 selects a free port. The default is reachable from this machine only.
    announce : callable
        Called with one line that contains the address, once the service accepts requests.
    until_input_ends : bool
        Whether to stop when standard input ends, which happens when the parent process ends.

    Raises
    ------
    GlassboxError
        The address is not available, or the package does not match its manifest.
    """
    listener = listen(host, port)
    try:
        # Imported after opening the port: loading a model takes seconds, but a port in use is reported at once.
        import uvicorn

        from glassbox.serving.service import create_app

        server = uvicorn.Server(configuration(create_app(package)))
        if until_input_ends:
            threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
        announce(f"{READY}{address(listener)}")
        server.run(sockets=[listener])
    finally:
        listener.close()


def configuration(app: Any) -> "uvicorn.Config":
    """Return the settings of the server."""
    import uvicorn

    from glassbox.serving.connections import TimedProtocol

    return uvicorn.Config(
        app,
        http=TimedProtocol,  # based on h11, which is the same everywhere, so that measurements hold for the container
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _stop_at_end_of_input(server: object) -> None:
    sys.stdin.buffer.read()
    server.should_exit = True  # type: ignore[attr-defined]


def listen(host: str, port: int) -> socket.socket:
    """Open a socket that listens on an address.

    Raises
    ------
    GlassboxError
        The address is not available; the message gives the reason and the remedy.
    """
    if not 0 <= port <= 65535:
        raise GlassboxError(f"Port {port} is out of range; expected 0 (any free port) to 65535.")
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise GlassboxError(f"The host {host!r} cannot be resolved: {error.strerror}. Use 127.0.0.1.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(128)  # bind alone does not fail if another server listens on the port
    except OSError as error:
        listener.close()
        raise GlassboxError(
            f"Cannot listen on {host} port {port}: {error.strerror}. "
            "Stop the program that uses the port, or choose another one with --port (0 selects a free port)."
        ) from error
    return listener


def address(listener: socket.socket) -> str:
    """Return the URL of a listening socket, as reachable from this machine."""
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "127.0.0.1" if listener.family == socket.AF_INET else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

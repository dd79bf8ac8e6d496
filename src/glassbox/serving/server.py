"""The server around the service: on loopback unless asked otherwise."""

import ipaddress
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from glassbox.errors import GlassboxError

GRACE_SECONDS = 5  # for answers that are under way when it is told to stop
MAX_CONNECTIONS = 200
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
        A folder that `build_package` wrote.
    host, port
        Where to listen; port 0 takes a free one. The default is seen by this machine alone.
    announce : callable
        Told one line with the address once the service answers there.
    until_input_ends : bool
        Stop also when standard input ends, as it does when the process that holds its other end is gone.

    Raises
    ------
    GlassboxError
        When the address cannot be taken, or the package is not as it was written.
    """
    listener = listen(host, port)
    try:
        # Taken after the port: that a port is taken is said at once, loading a model takes seconds.
        import uvicorn

        from glassbox.serving.service import create_app

        config = uvicorn.Config(
            create_app(package),
            http="h11",  # the same everywhere: what is measured here is what runs in the container
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        server = uvicorn.Server(config)
        if until_input_ends:
            threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
        announce(f"{READY}{address(listener)}")
        server.run(sockets=[listener])
    finally:
        listener.close()


def _stop_at_end_of_input(server: object) -> None:
    sys.stdin.buffer.read()
    server.should_exit = True  # type: ignore[attr-defined]


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to an address.

    Raises
    ------
    GlassboxError
        Saying why the address cannot be had, and what to do.
    """
    if not 0 <= port <= 65535:
        raise GlassboxError(f"Port {port} does not exist; ports go from 0 (any that is free) to 65535.")
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise GlassboxError(f"The host {host!r} is not known here: {error.strerror}. Use 127.0.0.1.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(128)  # binding alone does not tell that another server listens there
    except OSError as error:
        listener.close()
        raise GlassboxError(
            f"Cannot listen on {host} port {port}: {error.strerror}. "
            "End the program that uses it, or choose another port with --port (0 takes a free one)."
        ) from error
    return listener


def address(listener: socket.socket) -> str:
    """The URL under which a listening socket is reached from this machine."""
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "127.0.0.1" if listener.family == socket.AF_INET else "::1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

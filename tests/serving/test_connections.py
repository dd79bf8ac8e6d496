"""Tests of the connections of the service with real sockets: idle and slow clients keep it from nothing."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn

from glassbox.serving import connections, service
from glassbox.serving.package import Package
from glassbox.serving.server import configuration, listen

Start = Callable[[object], int]


def _connect(port: int, text: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.sendall(text)
    return connection


async def answer(scope: object, receive: object, send: Callable[..., object]) -> None:
    """Answer every request with two bytes."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})  # type: ignore[misc]
    await send({"type": "http.response.body", "body": b"ok"})  # type: ignore[misc]


@pytest.fixture
def start() -> Iterator[Start]:
    """Return a function that serves an application in a thread and returns its port."""
    with contextlib.ExitStack() as stack:

        def started(app: object) -> int:
            listener = stack.enter_context(listen("127.0.0.1", 0))
            server = uvicorn.Server(configuration(app))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(setattr, server, "should_exit", True)
            while not server.started:
                time.sleep(0.01)
            return int(listener.getsockname()[1])

        yield started


@pytest.mark.parametrize("beginning", [b"", b"GET /hea", b"GET /health HTTP/1.1\r\nhost: a\r\n"])
def test_health_answers_while_250_connections_are_idle(url: str, beginning: bytes) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(250):
            stack.enter_context(_connect(urlsplit(url).port or 0, beginning))
        assert httpx.get(f"{url}/health", trust_env=False).status_code == 200


def test_health_answers_while_250_bodies_do_not_arrive(url: str) -> None:
    head = b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n"
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(_connect(urlsplit(url).port or 0, head)) for _ in range(250)]
        assert httpx.get(f"{url}/health", trust_env=False).status_code == 200
        assert opened[-1].recv(12) == b"HTTP/1.1 503"


@pytest.mark.parametrize(
    "text", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET / H"]
)
def test_a_connection_without_a_complete_request_is_closed(start: Start, monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.2)
    with _connect(start(answer), text) as connection:
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert received.count(b"200 OK") == text.count(b"\r\n\r\n")


def test_a_client_that_does_not_read_is_disconnected(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "SEND_SECONDS", 0.2)

    ended = threading.Event()

    async def large(scope: object, receive: object, send: Callable[..., object]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[misc]
        for _ in range(50):
            await send({"type": "http.response.body", "body": bytes(1_000_000), "more_body": True})  # type: ignore[misc]
        ended.set()

    with _connect(start(large), b"GET / HTTP/1.1\r\nhost: a\r\n\r\n") as connection:
        assert ended.wait(60)
        assert len(b"".join(iter(lambda: connection.recv(1 << 20), b""))) < 50_000_000


def test_a_client_that_reads_slowly_gets_everything(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEADER_SECONDS", 0.2)

    async def large(scope: object, receive: object, send: Callable[..., object]) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[misc]
        await send({"type": "http.response.body", "body": bytes(30_000_000)})  # type: ignore[misc]

    with _connect(start(large), b"GET / HTTP/1.1\r\nhost: a\r\n\r\n") as connection:
        time.sleep(1)
        assert len(b"".join(iter(lambda: connection.recv(1 << 20), b""))) > 30_000_000


def test_a_request_in_progress_is_not_closed_for_new_connections(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 3)
    go_on = threading.Event()

    async def slow(scope: dict[str, object], receive: object, send: Callable[..., object]) -> None:
        if scope["path"] == "/slow":
            await asyncio.to_thread(go_on.wait)
        await answer(scope, receive, send)

    port = start(slow)
    with contextlib.ExitStack() as stack:
        first = stack.enter_context(_connect(port, b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n"))
        idle = [stack.enter_context(_connect(port)) for _ in range(5)]
        assert idle[0].recv(1) == b""  # closed for a later one
        assert httpx.get(f"http://127.0.0.1:{port}/", trust_env=False).status_code == 200
        go_on.set()
        assert first.recv(12) == b"HTTP/1.1 200"


def test_too_many_predictions_get_503(package: Package, monkeypatch: pytest.MonkeyPatch, start: Start) -> None:
    monkeypatch.setattr(service, "MAX_REQUESTS", 1)
    port = start(service.create_app(package))  # type: ignore[arg-type]
    head = b"POST /predict HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n"
    with _connect(port, head):
        answered = httpx.post(f"http://127.0.0.1:{port}/predict", json={}, trust_env=False)
        while answered.status_code != 503:  # the other request has not arrived yet
            answered = httpx.post(f"http://127.0.0.1:{port}/predict", json={}, trust_env=False)
        assert answered.headers["retry-after"] == "1"
        assert "busy" in answered.json()["detail"]

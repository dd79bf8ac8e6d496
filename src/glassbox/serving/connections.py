"""Time limits of the connections of the service, so that idle or slow clients never keep it from answering others.

Uvicorn limits the time between two requests of a connection, but neither the time until the first request, nor that in which the
headers of a request arrive, nor that in which a response is read.
"""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10.0  # time limit for the headers of a request, from the start of the connection or the end of a response
SEND_SECONDS = 60.0  # time limit for a client to read what the service has sent
_ARRIVAL_SECONDS = 0.1  # in which the request of a new connection arrives, before connections are closed to make room
MAX_CONNECTIONS = 200  # with one more, the connection is closed that has waited longest for its client


class TimedProtocol(H11Protocol):
    """Uvicorn's protocol of one connection, with limits on the time for which it waits for its client, and on their number."""

    _waits_since: float | None = None
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection and wait for its first request."""
        super().connection_made(transport)
        self._wait(HEADER_SECONDS)
        self.loop.call_later(_ARRIVAL_SECONDS, self._make_room)

    def _make_room(self) -> None:
        """Close the connection that has waited longest if there are too many."""
        waiting = [other for other in self.connections if isinstance(other, TimedProtocol) and other._waits_since is not None]
        if waiting and len(self.connections) > MAX_CONNECTIONS:
            min(waiting, key=lambda other: other._waits_since or 0.0).close()

    def handle_events(self) -> None:
        """Handle what has been received; a complete header ends the waiting."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Wait for the next request, or first for the client to read."""
        self._wait(SEND_SECONDS if self.flow.write_paused else HEADER_SECONDS)
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._wait(SEND_SECONDS)

    def resume_writing(self) -> None:
        """Continue, as the client has read."""
        super().resume_writing()
        self._stop_waiting()
        if self.cycle is None or self.cycle.response_complete:
            self._wait(HEADER_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the time limits."""
        super().connection_lost(exc)
        self._stop_waiting()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection on which no further request has arrived, unless its client is still reading."""
        if not self.flow.write_paused:
            self.close()

    def close(self) -> None:
        """Close the connection, at the latest when the time for reading what was sent has passed."""
        self._stop_waiting()
        self._unset_keepalive_if_required()
        self.connections.discard(self)
        if self.flow.write_paused:
            self.transport.abort()
        else:
            self.transport.close()
            self._timer = self.loop.call_later(SEND_SECONDS, self.transport.abort)

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._waits_since = self.loop.time()
        self._timer = self.loop.call_later(seconds, self.close)

    def _stop_waiting(self) -> None:
        self._waits_since = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

"""Threads of a stage: as many work at once as the runner allows at that moment. Results never depend on it."""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

SHARE = "GLASSBOX_SHARE"  # names the file of a run that says how many threads each of its stages may have now
_ASKED_EVERY = 0.2  # seconds


def allowed() -> int | None:
    """How many threads a stage may have at this moment; None where no runner says."""
    told = os.environ.get(SHARE)
    with contextlib.suppress(OSError, ValueError):  # nothing is said yet, or no longer: results never depend on it
        return int(Path(told).read_text(encoding="ascii")) if told else None
    return None


class WorkerPool(ThreadPoolExecutor):
    """`workers` threads that take work in its order, as a stage's share of the machine allows: it grows when a stage beside it ends.

    A crew counts its own work alone: one that works for another is held to the share by itself.

    Parameters
    ----------
    threads
        How many threads one piece of work has for itself.
    """

    def __init__(self, workers: int, *, threads: int = 1, initializer: Callable[[], object] | None = None) -> None:
        super().__init__(workers, initializer=initializer)
        self._each, self._busy, self._turn = threads, 0, threading.Condition()
        self._waiting: deque[object] = deque()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As `ThreadPoolExecutor.submit`; the work begins when it may."""
        return super().submit(self._when_allowed, fn, *args, **kwargs)

    def _when_allowed(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        ticket = object()
        with self._turn:
            self._waiting.append(ticket)
            while self._waiting[0] is not ticket or not self._may_begin():
                self._turn.wait(_ASKED_EVERY)
            self._waiting.popleft()
            self._busy += 1
            self._turn.notify_all()
        try:
            return fn(*args, **kwargs)
        finally:
            with self._turn:
                self._busy -= 1
                self._turn.notify_all()

    def _may_begin(self) -> bool:
        if not self._busy:
            return True
        most = allowed()
        return most is None or self._busy < most // self._each

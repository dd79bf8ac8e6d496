"""Threads of a stage: as many work at once as the runner allows at that moment. Results never depend on it."""

import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

SHARE = ".share"  # in a stage's scratch: how many threads it may have, written anew whenever another stage begins or ends
SCRATCH = "GLASSBOX_SCRATCH"
_ASKED_EVERY = 0.2  # seconds


def allowed() -> int | None:
    """How many threads the stage may have at this moment; None where no runner says."""
    scratch = os.environ.get(SCRATCH)
    with contextlib.suppress(FileNotFoundError, ValueError):
        return int((Path(scratch) / SHARE).read_text(encoding="ascii")) if scratch else None
    return None


class Crew(ThreadPoolExecutor):
    """`workers` threads that take work as the stage's share of the machine allows: it grows when a stage beside it ends.

    Parameters
    ----------
    threads
        How many threads one piece of work has for itself.
    """

    def __init__(self, workers: int, *, threads: int = 1, initializer: Callable[[], object] | None = None) -> None:
        super().__init__(workers, initializer=initializer)
        self._each, self._busy, self._turn = threads, 0, threading.Condition()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As `ThreadPoolExecutor.submit`; the work begins when it may."""
        return super().submit(self._when_allowed, fn, *args, **kwargs)

    def _when_allowed(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with self._turn:
            while not self._may_begin():
                self._turn.wait(_ASKED_EVERY)
            self._busy += 1
        try:
            return fn(*args, **kwargs)
        finally:
            with self._turn:
                self._busy -= 1
                self._turn.notify()

    def _may_begin(self) -> bool:
        if not self._busy:
            return True
        most = allowed()
        return most is None or self._busy < most // self._each


__all__ = ["SCRATCH", "SHARE", "Crew", "allowed"]

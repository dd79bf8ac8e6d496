"""A thread pool whose concurrency follows the thread budget that the runner grants to a stage. Results never depend on it."""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

THREAD_BUDGET = "GLASSBOX_THREAD_BUDGET"  # path of the file in which a run states how many threads each of its stages may use
_POLL_SECONDS = 0.2


def thread_budget() -> int | None:
    """Return the number of threads that a stage may use at this moment; None without a runner."""
    path = os.environ.get(THREAD_BUDGET)
    with contextlib.suppress(OSError, ValueError):  # not written yet, or already removed: results never depend on it
        return int(Path(path).read_text(encoding="ascii")) if path else None
    return None


class WorkerPool(ThreadPoolExecutor):
    """A `ThreadPoolExecutor` that starts tasks in order and within the stage's thread budget.

    The budget grows when a stage that runs in parallel ends. Each pool counts only its own tasks: nested pools are limited
    independently.

    Parameters
    ----------
    workers
        The maximum number of tasks that run at once.
    threads
        The number of threads that one task uses.
    initializer
        Called at the start of each worker thread.
    """

    def __init__(self, workers: int, *, threads: int = 1, initializer: Callable[[], object] | None = None) -> None:
        super().__init__(workers, initializer=initializer)
        self._threads_per_task, self._running, self._changed = threads, 0, threading.Condition()
        self._waiting: deque[object] = deque()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit a task as `ThreadPoolExecutor.submit` does; it starts when the thread budget allows."""
        return super().submit(self._run_within_budget, fn, *args, **kwargs)

    def _run_within_budget(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        ticket = object()
        with self._changed:
            self._waiting.append(ticket)
            while self._waiting[0] is not ticket or not self._may_start():
                self._changed.wait(_POLL_SECONDS)
            self._waiting.popleft()
            self._running += 1
            self._changed.notify_all()
        try:
            return fn(*args, **kwargs)
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _may_start(self) -> bool:
        if not self._running:
            return True
        budget = thread_budget()
        return budget is None or self._running < budget // self._threads_per_task

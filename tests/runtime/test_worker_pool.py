"""Tests of the worker pool: tasks use the whole thread budget and never exceed it."""

import threading
import time
from pathlib import Path

import pytest

from glassbox.runtime.worker_pool import THREAD_BUDGET, WorkerPool, thread_budget


class ConcurrencyCounter:
    """A task that records the maximum number of its calls that run at once."""

    def __init__(self) -> None:
        self.now, self.most, self._lock = 0, 0, threading.Lock()

    def __call__(self, item: int) -> int:
        with self._lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.01)
        with self._lock:
            self.now -= 1
        return item * item


@pytest.fixture
def budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(THREAD_BUDGET, str(tmp_path / "budget"))
    return tmp_path / "budget"


@pytest.mark.parametrize(
    ("threads_allowed", "threads", "most"), [("1", 1, 1), ("2", 1, 2), ("3", 1, 3), ("4", 2, 2), ("1", 2, 1), ("9", 1, 4)]
)
def test_the_number_of_running_tasks_follows_the_thread_budget(
    threads_allowed: str, threads: int, most: int, budget: Path
) -> None:
    budget.write_text(threads_allowed)
    work = ConcurrencyCounter()
    with WorkerPool(4, threads=threads) as pool:
        assert list(pool.map(work, range(24))) == [i * i for i in range(24)]
    assert work.most == most


def test_without_a_budget_all_workers_run(monkeypatch: pytest.MonkeyPatch, budget: Path) -> None:
    work = ConcurrencyCounter()
    assert thread_budget() is None  # the runner has not written a budget yet
    monkeypatch.delenv(THREAD_BUDGET)
    assert thread_budget() is None
    with WorkerPool(3) as pool:
        list(pool.map(work, range(12)))
    assert work.most == 3


def test_more_tasks_run_after_the_budget_grows(budget: Path) -> None:
    budget.write_text("1")
    work = ConcurrencyCounter()
    with WorkerPool(3) as pool:
        first = pool.map(work, range(6))
        list(first)
        assert work.most == 1
        budget.write_text("3")
        list(pool.map(work, range(12)))
    assert work.most == 3


def test_tasks_start_in_order_under_a_small_budget(budget: Path) -> None:
    budget.write_text("1")
    started: list[int] = []
    with WorkerPool(4) as pool:
        list(pool.map(started.append, range(200)))
    assert all(abs(index - item) < 4 for index, item in enumerate(started))


def test_nested_pools_do_not_deadlock(budget: Path) -> None:
    budget.write_text("1")

    def outer(item: int) -> list[int]:
        with WorkerPool(2) as pool:
            return list(pool.map(abs, range(item)))

    with WorkerPool(2) as pool:
        assert list(pool.map(outer, range(5))) == [list(range(i)) for i in range(5)]


def test_failed_tasks_release_their_threads(budget: Path) -> None:
    budget.write_text("1")

    def fails(item: int) -> int:
        raise ValueError(item)

    with WorkerPool(2) as pool:
        failed = [pool.submit(fails, i) for i in range(3)]
        assert [type(future.exception()) for future in failed] == [ValueError] * 3
        assert pool.submit(abs, -1).result() == 1

"""A stage's threads: none is kept from work that others could do, and none works beyond what the runner allows."""

import threading
import time
from pathlib import Path

import pytest

from glassbox.runtime.worker_pool import THREAD_BUDGET, WorkerPool, thread_budget


class Reference:
    """Work that counts how many of it are under way at once."""

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
def share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(THREAD_BUDGET, str(tmp_path / "share"))
    return tmp_path / "share"


@pytest.mark.parametrize(
    ("said", "threads", "most"), [("1", 1, 1), ("2", 1, 2), ("3", 1, 3), ("4", 2, 2), ("1", 2, 1), ("9", 1, 4)]
)
def test_so_many_work_at_once_as_the_runner_allows(said: str, threads: int, most: int, share: Path) -> None:
    share.write_text(said)
    work = Reference()
    with WorkerPool(4, threads=threads) as pool:
        assert list(pool.map(work, range(24))) == [i * i for i in range(24)]
    assert work.most == most


def test_without_a_runner_all_work(monkeypatch: pytest.MonkeyPatch, share: Path) -> None:
    work = Reference()
    assert thread_budget() is None  # the runner has not said anything
    monkeypatch.delenv(THREAD_BUDGET)
    assert thread_budget() is None
    with WorkerPool(3) as pool:
        list(pool.map(work, range(12)))
    assert work.most == 3


def test_more_work_as_soon_as_a_stage_beside_it_has_ended(share: Path) -> None:
    share.write_text("1")
    work = Reference()
    with WorkerPool(3) as pool:
        first = pool.map(work, range(6))
        list(first)
        assert work.most == 1
        share.write_text("3")
        list(pool.map(work, range(12)))
    assert work.most == 3


def test_work_begins_in_its_order_however_few_may_work(share: Path) -> None:
    share.write_text("1")
    begun: list[int] = []
    with WorkerPool(4) as pool:
        list(pool.map(begun.append, range(200)))
    assert all(abs(place - item) < 4 for place, item in enumerate(begun))


def test_work_within_work_never_waits_for_itself(share: Path) -> None:
    share.write_text("1")

    def outer(item: int) -> list[int]:
        with WorkerPool(2) as pool:
            return list(pool.map(abs, range(item)))

    with WorkerPool(2) as pool:
        assert list(pool.map(outer, range(5))) == [list(range(i)) for i in range(5)]


def test_what_fails_makes_room(share: Path) -> None:
    share.write_text("1")

    def fails(item: int) -> int:
        raise ValueError(item)

    with WorkerPool(2) as pool:
        failed = [pool.submit(fails, i) for i in range(3)]
        assert [type(one.exception()) for one in failed] == [ValueError] * 3
        assert pool.submit(abs, -1).result() == 1

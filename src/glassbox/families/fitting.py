"""What fits of every family share: results that are remembered, threads that are held to, progress that is told."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, cast

from threadpoolctl import threadpool_limits

Progress = Callable[[int, int, str], None]


class Remembers(Protocol):
    """`glassbox.memo.Memo`, or anything that remembers as it does."""

    def remember(self, parts: Mapping[str, Any], compute: Any, code: Sequence[Any] = ()) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Forgetful:
    """Remembers nothing."""

    def remember(self, parts: Mapping[str, Any], compute: Any, code: Sequence[Any] = ()) -> dict[str, Any]:
        return cast(dict[str, Any], compute())


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Linear algebra on `threads` threads within this block: sums in another order are other bytes.

    Enter it once around fits that run side by side: the limit is the process's, and the first to leave would lift it for all.
    """
    with threadpool_limits(limits=threads):
        yield

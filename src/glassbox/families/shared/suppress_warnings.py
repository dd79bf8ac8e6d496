"""Libraries that speak when they are first imported or asked: what they say is about themselves, and names the machine's folders."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """No warning is shown within this block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

"""Suppresses warnings of libraries: they are about the libraries themselves, and name folders of the machine."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def suppress_warnings() -> Iterator[None]:
    """Suppress all warnings in this block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

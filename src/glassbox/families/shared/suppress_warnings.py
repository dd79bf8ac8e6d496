"""Suppression of library warnings, which concern library internals and contain local paths."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def suppress_warnings() -> Iterator[None]:
    """Suppress all warnings in this block."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield

"""Lookup of a kind of model in the table of its family."""

from collections.abc import Mapping
from typing import TypeVar

from glassbox.errors import GlassboxError

K = TypeVar("K")


def kind_in(kinds: Mapping[str, K], name: str) -> K:
    """Return the kind of a name.

    >>> kind_in({"majority": 1}, "majority")
    1

    Raises
    ------
    GlassboxError
        When there is none.
    """
    if name not in kinds:
        raise GlassboxError(f"No kind of model {name!r}; there are {', '.join(kinds)}.")
    return kinds[name]

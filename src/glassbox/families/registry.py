"""How every family finds a kind of model in its table."""

from collections.abc import Mapping
from typing import TypeVar

from glassbox.errors import GlassboxError

K = TypeVar("K")


def kind_in(kinds: Mapping[str, K], name: str) -> K:
    """The kind of that name.

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

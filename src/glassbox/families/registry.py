"""Registries of the kinds of model of a family, with functions to fit and load each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NoReturn, TypeVar

from glassbox.errors import GlassboxError

Fit = TypeVar("Fit", bound=Callable[..., Any])
Load = TypeVar("Load", bound=Callable[..., Any])
S = TypeVar("S")


@dataclass(frozen=True)
class ModelSpec(Generic[Fit, Load]):
    """A kind of model.

    Attributes
    ----------
    fit, load
        Functions that fit a model and load a saved one.
    complexity
        The rank of the kind from simple (low) to flexible (high).
    learns
        False for a baseline that uses no features.
    searched
        True for a kind with hyperparameters to search.
    pretrained
        True for a pretrained model that is used without training.
    """

    fit: Fit
    load: Load
    complexity: int
    learns: bool = True
    searched: bool = False
    pretrained: bool = False


class Registry(dict[str, S]):
    """Specifications by name; looking up an unknown name raises a `GlassboxError` that lists the known ones.

    >>> Registry({"majority": 1})["majority"]
    1
    """

    def __missing__(self, name: str) -> NoReturn:
        raise GlassboxError(f"Unknown kind of model {name!r}; expected one of {', '.join(self)}.")

"""Tracking of the request fields that a stage reads: only those fields are part of the stage's key."""

from types import FunctionType, MethodType
from typing import Any, cast

from pydantic import BaseModel

from glassbox.files import plain
from glassbox.request.model import Data, Request, Split, Weights

_PARTS = (Request, Data, Split, Weights)


class _Recorded:
    """Proxy for a Pydantic model that records every field it reads, keyed by dotted path."""

    def __init__(self, value: BaseModel, path: str, reads: dict[str, Any]) -> None:
        self.__dict__.update(_value=value, _path=path, _reads=reads)

    def __getattr__(self, name: str) -> Any:
        kind = type(self._value)
        attribute = getattr(kind, name, None)
        if name.startswith(("model_", "__")):
            raise AttributeError(
                f"{name}: a stage reads the fields of a request one at a time, so that Glassbox can track which fields it uses."
            )
        if isinstance(attribute, property) and attribute.fget is not None:
            return attribute.fget(self)
        if isinstance(attribute, FunctionType):
            return MethodType(attribute, self)
        value = getattr(self._value, name)
        path = f"{self._path}.{name}" if self._path else name
        if isinstance(value, _PARTS):
            return _Recorded(value, path, self._reads)
        self._reads[path] = plain(value)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{name}: a stage cannot change its request; edit the request file instead.")


def track_reads(request: Request) -> tuple[Request, dict[str, Any]]:
    """Return a proxy of the request, and the dictionary in which the proxy records each field that is read."""
    reads: dict[str, Any] = {}
    return cast(Request, _Recorded(request, "", reads)), reads


def field_value(request: Request, path: str) -> Any:
    """Return the value of the field at a dotted path, in the form that `track_reads` records; None if there is no such field."""
    value: Any = request
    for name in path.split("."):
        value = getattr(value, name, None)
    return plain(value)

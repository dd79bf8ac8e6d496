"""A request that notes which of its fields are read: those, and no others, are part of a stage's key."""

from types import FunctionType, MethodType
from typing import Any, cast

from pydantic import BaseModel

from glassbox.files import plain
from glassbox.request.model import Data, Request, Split, Weights

_PARTS = (Request, Data, Split, Weights)


class _Recorded:
    """Stands in for a model: attribute reads go through and are noted by their dotted path."""

    def __init__(self, value: BaseModel, path: str, reads: dict[str, Any]) -> None:
        self.__dict__.update(_value=value, _path=path, _reads=reads)

    def __getattr__(self, name: str) -> Any:
        kind = type(self._value)
        attribute = getattr(kind, name, None)
        if name.startswith(("model_", "__")):
            raise AttributeError(f"{name}: read the fields of a request one by one, so that it is known which were used.")
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
        raise AttributeError(f"{name}: a request is not changed by a stage; change it in its file.")


def recorded(request: Request) -> tuple[Request, dict[str, Any]]:
    """The request to hand to a stage, and the fields that it has read so far (grows as it reads)."""
    reads: dict[str, Any] = {}
    return cast(Request, _Recorded(request, "", reads)), reads


def field_value(request: Request, path: str) -> Any:
    """The value of the field at a dotted path, as `recorded` would note it."""
    value: Any = request
    for name in path.split("."):
        value = getattr(value, name)
    return plain(value)

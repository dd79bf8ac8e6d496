"""Secret references of a request: `${env:NAME}`, resolved only when used, and never shown or saved."""

import os
import re

from glassbox.errors import RequestError

_REFERENCE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_LIKE_A_REFERENCE = re.compile(r"\$\{[^}]*\}?")
_AUTHORITY = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*://)(?P<user>[^:/@?#\s]*):(?P<password>[^\s]*?)@(?=[^@/?#]*(?:[/?#]|$))")
_PARAMETER = re.compile(
    r"(?P<before>^|[?&;\s])"
    r"(?P<name>[\w-]*(?:passw(?:or)?d|pwd|token|secret|signature|api[_-]?key|access[_-]?key)|sig|key)"
    r"=(?P<value>[^&;\s]+)",
    re.IGNORECASE,
)
# Placeholder of a valid reference while passwords are searched: it holds no character with a meaning in a URL.
_PLACEHOLDER = re.compile("\x00([A-Za-z0-9_]+)\x00")


def reveal(text: str) -> str:
    """Replace every `${env:NAME}` in `text` by the variable's value. Never save or show the result.

    Raises
    ------
    RequestError
        When a variable is not set; the message names it.

    Examples
    --------
    >>> reveal("no secret here")
    'no secret here'
    """
    names = dict.fromkeys(_REFERENCE.findall(text))
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise RequestError(
            [f"The request refers to ${{env:{name}}}, but {name} is not set; set it with: export {name}=..." for name in missing]
        )
    return _REFERENCE.sub(lambda match: os.environ[match[1]], text)


def malformed_reference(text: str) -> str | None:
    """Return the first malformed secret reference in `text`; None without one.

    >>> malformed_reference("${DB_PASSWORD}")
    '${DB_PASSWORD}'
    >>> malformed_reference("${env:DB_PASSWORD}") is None
    True
    """
    for match in _LIKE_A_REFERENCE.finditer(text):
        if not _REFERENCE.fullmatch(match[0]):
            return match[0]
    return None


def holds_literal_secret(url: str) -> bool:
    """Return whether a URL, or a `key=value` connection string, holds a literal password.

    >>> holds_literal_secret("postgresql://ann:hunter2@db/sales")
    True
    >>> holds_literal_secret("postgresql://ann:${env:DB_PASSWORD}@db/sales")
    False
    """
    return mask(url) != url


def mask(text: str) -> str:
    """Replace every literal password in `text` by `***`, for display.

    >>> mask("postgresql://ann:hunter2@db/sales")
    'postgresql://ann:***@db/sales'
    """
    protected = _REFERENCE.sub("\x00\\1\x00", text)
    return _PLACEHOLDER.sub(r"${env:\1}", _PARAMETER.sub(_masked_parameter, _AUTHORITY.sub(_masked_password, protected)))


def _masked_password(match: re.Match[str]) -> str:
    password = match["password"]
    # host:8080/a@b is a port and a path, not a user and a password
    if not password or _is_reference(password) or re.match(r"\d{1,5}[/?#]", password):
        return match[0]
    return f"{match['scheme']}{match['user']}:***@"


def _masked_parameter(match: re.Match[str]) -> str:
    return match[0] if _is_reference(match["value"]) else f"{match['before']}{match['name']}=***"


def _is_reference(text: str) -> bool:
    return not _PLACEHOLDER.sub("", text)

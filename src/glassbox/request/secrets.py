"""Secrets in a request: written `${env:NAME}`, resolved only at the moment of use, and never shown or saved."""

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
# What a reference is written as while the text around it is judged: no sign that means something in a URL.
_SEALED = re.compile("\x00([A-Za-z0-9_]+)\x00")


def reveal(text: str) -> str:
    """Replace every `${env:NAME}` in `text` by the variable's value. Never save or show what comes back.

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
            [f"The request names ${{env:{name}}}, but {name} is not set; set it: export {name}=..." for name in missing]
        )
    return _REFERENCE.sub(lambda match: os.environ[match[1]], text)


def malformed_reference(text: str) -> str | None:
    """The first thing in `text` that looks like a reference to a secret but is none.

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
    """Whether a URL (or a `key=value` connection string) carries a password that is written out.

    >>> holds_literal_secret("postgresql://ann:hunter2@db/sales")
    True
    >>> holds_literal_secret("postgresql://ann:${env:DB_PASSWORD}@db/sales")
    False
    """
    return mask(url) != url


def mask(text: str) -> str:
    """The same text with every password that is written out replaced by `***`, fit to be shown.

    >>> mask("postgresql://ann:hunter2@db/sales")
    'postgresql://ann:***@db/sales'
    """
    sealed = _REFERENCE.sub("\x00\\1\x00", text)
    return _SEALED.sub(r"${env:\1}", _PARAMETER.sub(_masked_parameter, _AUTHORITY.sub(_masked_password, sealed)))


def _masked_password(match: re.Match[str]) -> str:
    written = match["password"]
    # host:8080/a@b is a port and a path, not a user and a password
    if not written or _is_reference(written) or re.match(r"\d{1,5}[/?#]", written):
        return match[0]
    return f"{match['scheme']}{match['user']}:***@"


def _masked_parameter(match: re.Match[str]) -> str:
    return match[0] if _is_reference(match["value"]) else f"{match['before']}{match['name']}=***"


def _is_reference(text: str) -> bool:
    return not _SEALED.sub("", text)

"""Secret references of a request: `${env:NAME}`, resolved only when used, and never shown or saved."""

import os
import re

from glassbox.errors import RequestError

_REFERENCE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_LIKE_A_REFERENCE = re.compile(r"\$\{[^}]*\}?")
# The patterns begin at a boundary and their repetitions are bounded, so that the time is linear in the length of a text.
_USER = re.compile(r"(?<![\w+.-])(?P<scheme>[A-Za-z][\w+.-]{0,30}://)(?P<user>[^:/@?#\s]{0,256}):")
_SPECIAL = re.compile(r"[@/?#]")
_PARAMETER = re.compile(r"(?P<before>^|[?&;\s])(?P<name>[\w-]{1,64})=(?P<value>[^&;\s]+)")
_SECRET_NAME = re.compile(r".*(?:passw(?:or)?d|pwd|token|secret|signature|api[_-]?key|access[_-]?key)|sig|key", re.IGNORECASE)
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
    words = [word if "@" not in word else _mask_passwords(word) for word in re.split(r"(\s+)", protected)]
    return _PLACEHOLDER.sub(r"${env:\1}", _PARAMETER.sub(_masked_parameter, "".join(words)))


def _mask_passwords(word: str) -> str:
    """Mask ``scheme://user:password@host``, in a text without white space. The password ends at the @ before the host."""
    parts, at = [], 0
    while (match := _USER.search(word, at)) and (end := word.find("@", match.end())) >= 0:
        while (special := _SPECIAL.search(word, end + 1)) and special[0] == "@":
            end = special.start()
        password = word[match.end() : end]
        # host:8080/a@b is a port and a path, not a user and a password
        if not password or _is_reference(password) or re.match(r"\d{1,5}[/?#]", password):
            parts.append(word[at:end])
        else:
            parts.append(f"{word[at : match.start()]}{match['scheme']}{match['user']}:***")
        at = end
    return "".join(parts) + word[at:]


def _masked_parameter(match: re.Match[str]) -> str:
    if not _SECRET_NAME.fullmatch(match["name"]) or _is_reference(match["value"]):
        return match[0]
    return f"{match['before']}{match['name']}=***"


def _is_reference(text: str) -> bool:
    return not _PLACEHOLDER.sub("", text)

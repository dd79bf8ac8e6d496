"""Safe reader and writer of YAML (and JSON, a subset of YAML): text with line numbers, no tags, no aliases.

Every scalar is read as the text in the file (`Yes` is "Yes" and `007` is "007"): the request field determines its type, not YAML.
Only an empty value, `~` and `null` are read as None.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from glassbox.errors import RequestError

Value = str | None | list["Node"] | dict[str, "Node"]

MAX_BYTES = 1_000_000
_MAX_DEPTH = 20
_MAX_REPAIRS = 50
_NULLS = {"", "~", "null", "Null", "NULL"}
# `key: value` with an unquoted value that has a special meaning in YAML.
_UNQUOTED = re.compile(
    r"""(?P<key>\s*(?:-\s+)?[\w@."'-]+\s*:\s+)(?P<value>(?:(?:[>|*&!%@`]|\{\{).*|[^\s'"\[{].*?:\s.*)\S|[^\s'"\[{].*:)\s*"""
)


@dataclass(frozen=True)
class Node:
    """A value with its file and line; `folded` when it was written as a YAML block (`>` or `|`)."""

    value: Value
    where: str
    folded: bool = False

    def find(self, *path: str | int) -> "Node | None":
        """Return the node at a path of keys and positions below this one; None without one."""
        node: Node | None = self
        for step in path:
            if node is None:
                return None
            below = node.value
            if isinstance(below, dict) and isinstance(step, str):
                node = below.get(step)
            elif isinstance(below, list) and isinstance(step, int) and step < len(below):
                node = below[step]
            else:
                return None
        return node


@dataclass
class Located:
    """The result of parsing: the tree, None when it could not be built, and the problems of the text itself."""

    tree: Node | None = None
    problems: list[str] = field(default_factory=list)


def read_text(path: Path) -> str:
    """Read the text of a request file.

    Raises
    ------
    RequestError
        When the file does not exist, is too large, or is not UTF-8 text.
    """
    try:
        if not path.is_file():
            near = sorted(file.stem for file in path.parent.glob("*.yaml"))
            hint = f"; {path.parent.as_posix()}/ contains: {', '.join(near)}" if near else ""
            raise RequestError(f"{path}: no such file{hint}.")
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise RequestError(f"{path}: cannot be read ({error.strerror}).") from error
    if len(content) > MAX_BYTES:
        raise RequestError(
            f"{path}: is larger than {MAX_BYTES // 1_000_000} MB; expected a request, which is about a page of text."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RequestError(f"{path}:{line}: is not UTF-8 text; save the file as UTF-8.") from error
    if "\x00" in text:
        raise RequestError(f"{path}:{text.count(chr(10), 0, text.index(chr(0))) + 1}: is not text; expected YAML or JSON.")
    return text


def read_located(text: str, source: str) -> Located:
    """Parse YAML or JSON; `source` is the name of the file in messages.

    Unquoted values that YAML would misread (`accuracy: >95%`) are reported and read as text, so that all other problems are
    reported in the same run.
    """
    # In JSON, tabs occur only between values.
    lines = (text.replace("\t", " ") if text.lstrip().startswith("{") else text).split("\n")
    repaired: dict[int, str] = {}
    while True:
        located = Located()
        try:
            located.tree = _Builder(source, located.problems).build("\n".join(lines))
        except yaml.YAMLError as error:
            at = _error_line(error, text)
            suspect = next((n for n in (at, at - 1) if n not in repaired and _unquoted(lines, n)), at)
            match = _unquoted(lines, suspect)
            if match is not None and suspect not in repaired and len(repaired) < _MAX_REPAIRS:
                value = re.split(r"\s+#", match["value"])[0].strip()
                lines[suspect] = match["key"] + "'" + value.replace("'", "''") + "'"
                repaired[suspect] = f"{source}:{suspect + 1}: {_needs_quotes(match['key'], value)}"
                continue
            repaired.pop(at, None)
            located.tree = None
            located.problems.append(f"{source}:{at + 1}: {_explained(error, lines[at] if at < len(lines) else '')}")
        located.problems[:0] = repaired.values()
        return located


def read_value(text: str, where: str, problems: list[str]) -> Node:
    """Read a value from the command line: plain text, unless it is a quoted text, a list or a mapping."""
    if text.strip() in _NULLS:
        return Node(None, where)
    if text.lstrip()[:1] not in {"[", "{", '"', "'"}:
        return Node(text.strip(), where)
    try:
        return _Builder(where, problems, single_line=True).build(text) or Node(None, where)
    except yaml.YAMLError as error:
        problems.append(f"{where}: {_explained(error, text)}")
        return Node(None, where)


class _Dumper(yaml.SafeDumper):
    """A YAML dumper that escapes non-printable characters and line breaks in double quotes."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _represented(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(str, _represented)


def write_yaml(value: object) -> str:
    """Write plain values as YAML from which `read_located` reads the same text."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=math.inf)
    return text


def quoted(text: str) -> str:
    """Return text as a YAML value in one line, with quotes only where YAML requires them and non-printable characters escaped.

    >>> quoted("tenure"), quoted("Yes"), quoted("a: b"), quoted("a\\nb")
    ('tenure', "'Yes'", "'a: b'", '"a\\\\nb"')
    """
    line: str = yaml.dump([text], Dumper=_Dumper, allow_unicode=text.isprintable(), default_flow_style=True, width=math.inf)
    return line.strip()[1:-1]


class _TooDeep(yaml.MarkedYAMLError):
    """Raised when values are nested too deeply for a request."""


class _Builder:
    """Builds nodes from the events of a YAML parser, and collects problems such as tags, anchors and duplicate keys."""

    def __init__(self, source: str, problems: list[str], *, single_line: bool = False) -> None:
        self._source, self._problems, self._single_line = source, problems, single_line

    def build(self, text: str) -> Node | None:
        events = yaml.parse(text, Loader=yaml.SafeLoader)
        tree: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents == 2:
                    self._problem(event, "a second YAML document begins here; expected one request per file")
            elif isinstance(event, yaml.NodeEvent):
                node = self._node(event, events, 0)
                tree = tree or node
        return tree

    def _where(self, event: yaml.Event) -> str:
        if self._single_line or event.start_mark is None:
            return self._source
        return f"{self._source}:{event.start_mark.line + 1}"

    def _problem(self, event: yaml.Event, message: str) -> None:
        self._problems.append(f"{self._where(event)}: {message}.")

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        where = self._where(event)
        if depth > _MAX_DEPTH:
            raise _TooDeep(problem_mark=event.start_mark)  # type: ignore[arg-type]  # the stubs define two classes of marks
        if isinstance(event, yaml.AliasEvent):
            self._problem(event, f"*{event.anchor} is a YAML alias; expected plain values (text goes in quotes)")
            return Node(None, where)
        self._check_tag_and_anchor(event)
        if isinstance(event, yaml.ScalarEvent):
            if event.style is None and event.value in _NULLS:
                return Node(None, where)
            return Node(self._text(event), where, folded=event.style in (">", "|"))
        if isinstance(event, yaml.SequenceStartEvent):
            return Node(self._items(events, depth), where)
        return Node(self._mapping(event, events, depth), where)

    def _check_tag_and_anchor(self, event: yaml.Event) -> None:
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if anchor is not None:
            self._problem(event, f"&{anchor} is a YAML anchor; expected plain values (text goes in quotes)")
        if tag is not None:
            self._problem(event, f"{tag!r} is a YAML tag; expected plain values without tags")

    def _text(self, event: yaml.ScalarEvent) -> str:
        try:
            # JSON writes characters outside the Basic Multilingual Plane as surrogate pairs.
            return event.value.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._problem(event, "the text contains half of a surrogate pair; expected complete Unicode characters")
            return ""

    def _items(self, events: Iterator[yaml.Event], depth: int) -> list[Node]:
        items = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._node(event, events, depth + 1))
        return items

    def _mapping(self, start: yaml.Event, events: Iterator[yaml.Event], depth: int) -> dict[str, Node] | None:
        nodes: dict[str, Node] = {}
        braces = False
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            where, key = self._where(event), self._node(event, events, depth + 1)
            node = self._node(next(events), events, depth + 1)
            name = key.value or ""
            if not isinstance(name, str):
                braces = True
            elif name in nodes:
                self._problem(event, f"{name} is given a second time (first at {nodes[name].where}); remove one of them")
            else:
                nodes[name] = Node(node.value, where, node.folded)
        if braces:
            self._problem(start, "found braces or brackets instead of a key; put text with braces in quotes")
        return nodes if nodes or not braces else None


def _unquoted(lines: list[str], number: int) -> re.Match[str] | None:
    return _UNQUOTED.fullmatch(lines[number]) if 0 <= number < len(lines) else None


def _error_line(error: yaml.YAMLError, text: str) -> int:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        return int(mark.line)
    return text.count("\n", 0, int(getattr(error, "position", 0)))


def _needs_quotes(key: str, value: str) -> str:
    name, first = key.strip().removeprefix("-").strip().rstrip(": "), value[0]
    if re.match(r"[><]=?\s*\d", value):
        return f'{name} is {value}; expected it in quotes: {name}: "{value}".'
    if first.isalnum():
        return f"the value of {name} contains ': ', which YAML reads as another key; put the value in quotes."
    return f"the value of {name} begins with {first!r}, which has another meaning in YAML; put the value in quotes."


def _explained(error: yaml.YAMLError, line: str) -> str:
    if isinstance(error, _TooDeep):
        return f"values are nested more than {_MAX_DEPTH} levels deep; expected a request, which has two levels."
    if isinstance(error, yaml.reader.ReaderError):
        return f"contains a character that cannot be displayed (code {error.character}); expected text."
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "the line is indented with a tab; use spaces."
    if "quoted scalar" in str(getattr(error, "context", "")):
        return "a quoted value is not closed, or contains an invalid escape sequence; close it, or use single quotes."
    if "flow" in str(getattr(error, "context", "")):
        return "a list or mapping in brackets is not closed, or a comma is missing."
    return "this is not valid YAML; check the indentation, and that each line reads 'key: value'."

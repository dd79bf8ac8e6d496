"""What code says, apart from how it is worded: hashes of modules and of notebook cells without comments and docstrings."""

import ast
import contextlib
import hashlib
import importlib.util
import json
import sys
import threading
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from glassbox.files import write_text

PACKAGE = "glassbox"
_ONE_AT_A_TIME = threading.Lock()


def _parsed(source: str) -> ast.Module:
    """The tree of a source. One at a time: Python 3.11 counts the depth of all threads together and gives up (SystemError)."""
    with _ONE_AT_A_TIME:
        return ast.parse(source)


def _without_docstrings(tree: ast.AST) -> ast.AST:
    """The tree without bare strings: docstrings of modules, classes and functions, and those under attributes."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            node.body = [line for line in node.body if not _is_string(line)] or [ast.Pass()]
    return tree


def _is_string(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)


def cell_text(source: str) -> str:
    """A cell's code without comments and layout; as written where it is not plain Python (magics).

    >>> cell_text("x = 1  # one") == cell_text("x  =  1")
    True
    """
    try:
        return ast.dump(_parsed(source))
    except SyntaxError:
        return source


def source_hash(source: str) -> str:
    """SHA-256 of a module's code without comments, docstrings and layout.

    >>> source_hash("def f():\\n    'Doc.'\\n    return 1") == source_hash("def f():\\n    return 1  # one")
    True
    """
    return hashlib.sha256(ast.dump(_without_docstrings(_parsed(source))).encode()).hexdigest()


def bare_source(source: str) -> str:
    """A module's code without comments and docstrings, as text: two sources of one `source_hash` give one text.

    >>> print(bare_source("answer = 42  # why not"), end="")
    answer = 42
    """
    return f"{ast.unparse(_without_docstrings(_parsed(source)))}\n"


class CodeHashes:
    """What `source_hash` gave for files of these bytes: parsing a hundred modules takes a second, reading them does not."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._new = False

    def of(self, path: Path) -> str:
        """`source_hash` of a file."""
        content = path.read_bytes()
        name = hashlib.sha256(content).hexdigest()
        if name not in self._known:
            self._known[name] = source_hash(content.decode("utf-8"))
            self._new = True
        return self._known[name]

    def read(self, path: Path) -> None:
        """Take over what an earlier process wrote; what cannot be read is computed again."""
        with contextlib.suppress(FileNotFoundError, ValueError):
            found = json.loads(path.read_text(encoding="utf-8"))
            self._known.update({k: v for k, v in found.items() if isinstance(v, str)} if isinstance(found, dict) else {})

    def write(self, path: Path) -> None:
        """Keep what is known for later processes, when there is something new."""
        if self._new:
            write_text(path, json.dumps(dict(sorted(self._known.items())), indent=0))
            self._new = False


HASHES = CodeHashes()


def file_code_hash(path: Path) -> str:
    """`source_hash` of a file, computed once for the same bytes."""
    return HASHES.of(path)


def module_path(name: str) -> Path | None:
    """The source file of a module of Glassbox; None when there is none any more."""
    root = Path(__file__).parent
    below = root.joinpath(*name.split(".")[1:])
    for path in (below.with_suffix(".py"), below / "__init__.py"):
        if path.is_file():
            return path
    return None


def module_hash(name: str) -> str:
    """The code hash of a module of Glassbox by name; `"gone"` when it no longer exists."""
    path = module_path(name)
    return file_code_hash(path) if path else "gone"


def loaded_modules() -> dict[str, str]:
    """The modules of Glassbox that this process has loaded, with the hashes of their code."""
    names = sorted(n for n in sys.modules if n == PACKAGE or n.startswith(f"{PACKAGE}."))
    return {name: module_hash(name) for name in names if module_path(name)}


def running(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a tree, but for what is read by type checkers alone."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            waiting.extend(node.orelse)
        else:
            waiting.extend(ast.iter_child_nodes(node))


@lru_cache(maxsize=256)
def _imports(path: Path, name: str, mtime_ns: int) -> tuple[str, ...]:
    found: set[str] = set()
    is_package = path.name == "__init__.py"
    for node in running(_parsed(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = name if is_package else name.rpartition(".")[0]
                base = importlib.util.resolve_name("." * node.level + base, package)
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return tuple(sorted(n for n in found if n.split(".")[0] == PACKAGE and module_path(n)))


def code_closure(modules: Iterable[ModuleType | str]) -> dict[str, str]:
    """Code hashes of `modules` and of every module of Glassbox that they import, directly or not; for type checkers alone does not count."""
    todo = [m if isinstance(m, str) else m.__name__ for m in modules]
    closure: dict[str, str] = {}
    while todo:
        name = todo.pop()
        path = module_path(name)
        if name in closure or path is None:
            continue
        closure[name] = file_code_hash(path)
        todo.extend(_imports(path, name, path.stat().st_mtime_ns))
    return dict(sorted(closure.items()))

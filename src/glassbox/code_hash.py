"""Hashes of the code of modules and notebook cells, without comments, docstrings and layout."""

import ast
import hashlib
import importlib.util
import sys
import threading
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from glassbox.state_files import read_state, write_state

PACKAGE = "glassbox"
_PARSER_LOCK = threading.Lock()


def _parsed(source: str) -> ast.Module:
    """Parse a source under a lock: Python 3.11 adds up the recursion depths of all threads, which can raise SystemError."""
    with _PARSER_LOCK:
        return ast.parse(source)


def _without_docstrings(tree: ast.AST) -> ast.AST:
    """Remove bare strings from a tree: docstrings of modules, classes, functions and attributes."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            node.body = [line for line in node.body if not _is_string(line)] or [ast.Pass()]
    return tree


def _is_string(line: ast.stmt) -> bool:
    return isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str)


def cell_text(source: str) -> str:
    """Return the code of a cell without comments and layout; unchanged when it is not plain Python (magics).

    >>> cell_text("x = 1  # one") == cell_text("x  =  1")
    True
    """
    try:
        return ast.dump(_parsed(source))
    except SyntaxError:
        return source


def source_hash(source: str) -> str:
    """Return the SHA-256 of the code of a module without comments, docstrings and layout.

    >>> source_hash("def f():\\n    'Doc.'\\n    return 1") == source_hash("def f():\\n    return 1  # one")
    True
    """
    return hashlib.sha256(ast.dump(_without_docstrings(_parsed(source))).encode()).hexdigest()


def bare_source(source: str) -> str:
    """Return the code of a module without comments and docstrings; sources with the same `source_hash` give the same text.

    >>> print(bare_source("answer = 42  # why not"), end="")
    answer = 42
    """
    return f"{ast.unparse(_without_docstrings(_parsed(source)))}\n"


class CodeHashes:
    """A cache of `source_hash`, keyed by the bytes of a file: parsing a hundred modules takes a second."""

    def __init__(self) -> None:
        self._hashes: dict[str, str] = {}
        self._changed = False

    def of(self, path: Path) -> str:
        """Return the `source_hash` of a file."""
        content = path.read_bytes()
        key = hashlib.sha256(content).hexdigest()
        if key not in self._hashes:
            self._hashes[key] = source_hash(content.decode("utf-8"))
            self._changed = True
        return self._hashes[key]

    def read(self, path: Path) -> None:
        """Load the cache of an earlier process; a missing or damaged file is ignored."""
        self._hashes.update(read_state(path) or {})

    def write(self, path: Path) -> None:
        """Save the cache for later processes if it changed."""
        if self._changed:
            write_state(path, dict(sorted(self._hashes.items())))
            self._changed = False


HASHES = CodeHashes()


def file_code_hash(path: Path) -> str:
    """Return the `source_hash` of a file, cached by its bytes."""
    return HASHES.of(path)


def module_path(name: str) -> Path | None:
    """Return the source file of a module of Glassbox; None when it does not exist."""
    root = Path(__file__).parent
    below = root.joinpath(*name.split(".")[1:])
    for path in (below.with_suffix(".py"), below / "__init__.py"):
        if path.is_file():
            return path
    return None


def module_hash(name: str) -> str:
    """Return the code hash of a module of Glassbox; `"gone"` when it does not exist."""
    path = module_path(name)
    return file_code_hash(path) if path else "gone"


def loaded_modules() -> dict[str, str]:
    """Return the modules of Glassbox that this process has loaded, with their code hashes."""
    names = sorted(n for n in sys.modules if n == PACKAGE or n.startswith(f"{PACKAGE}."))
    return {name: module_hash(name) for name in names if module_path(name)}


def walk_runtime(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes of a tree except the bodies of `if TYPE_CHECKING`."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            pending.extend(node.orelse)
        else:
            pending.extend(ast.iter_child_nodes(node))


@lru_cache(maxsize=256)
def _imports(path: Path, name: str, mtime_ns: int) -> tuple[str, ...]:
    names: set[str] = set()
    is_package = path.name == "__init__.py"
    for node in walk_runtime(_parsed(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = name if is_package else name.rpartition(".")[0]
                base = importlib.util.resolve_name("." * node.level + base, package)
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return tuple(sorted(n for n in names if n.split(".")[0] == PACKAGE and module_path(n)))


def code_closure(modules: Iterable[ModuleType | str]) -> dict[str, str]:
    """Return the code hashes of `modules` and of all modules of Glassbox that they import, directly or indirectly.

    Imports under `if TYPE_CHECKING` are ignored.
    """
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

"""What serving needs and nothing else: the modules of Glassbox it imports, and the pinned libraries behind those."""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata, resources
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from glassbox.code_hash import PACKAGE, code_closure, module_path, walk_runtime
from glassbox.errors import GlassboxError

# What a container of the package runs on: markers are judged for it, whatever machine writes the package.
CONTAINER = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_version": "3.11",
    "python_full_version": "3.11.9",
    "sys_platform": "linux",
}


def serving_code(family: str) -> dict[str, Path]:
    """Every file of Glassbox that serving a model of `family` runs: POSIX path from the package's parent to file, sorted."""
    modules = code_closure(["glassbox.serving.__main__", f"glassbox.families.{family}.predictor"])
    files: dict[str, Path] = {}
    for module in modules:
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            path = module_path(".".join(parts[:end]))
            if path is None:
                raise GlassboxError(f"The module {module}, which serving needs, has no source file here.")
            files[path.relative_to(code_root()).as_posix()] = path
    return dict(sorted(files.items()))


def code_root() -> Path:
    """The folder that holds the package `glassbox`."""
    return Path(str(resources.files("glassbox"))).parent


def libraries_of(files: Iterable[Path]) -> list[str]:
    """Top-level names of what `files` import beyond Glassbox and the standard library, wherever in their code, sorted."""
    names = {name.partition(".")[0] for path in files for name in _imports(path)}
    return sorted(names - sys.stdlib_module_names - {PACKAGE})


def _imports(path: Path) -> Iterator[str]:
    for node in walk_runtime(ast.parse(path.read_bytes(), filename=path.name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def distributions_of(libraries: Iterable[str]) -> dict[str, str]:
    """The distributions that bring `libraries` and all that they require in turn: canonical name to installed version.

    Raises
    ------
    GlassboxError
        When a library, or something it requires, is not installed.
    """
    brought_by = metadata.packages_distributions()
    unknown = [name for name in libraries if name not in brought_by]
    if unknown:
        raise GlassboxError(f"Serving needs {', '.join(unknown)}, but nothing installed here brings it.")
    waiting: list[tuple[str, tuple[str, ...]]] = [(brought_by[name][0], ()) for name in libraries]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    versions: dict[str, str] = {}
    while waiting:
        name, extras = waiting.pop()
        if (canonicalize_name(name), extras) in seen:
            continue
        seen.add((canonicalize_name(name), extras))
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError as error:
            raise GlassboxError(f"Serving needs the package {name}, which is not installed here.") from error
        versions[canonicalize_name(name)] = found.version
        for line in found.requires or []:
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({**CONTAINER, "extra": extra}) for extra in extras or ("",)):
                waiting.append((requirement.name, tuple(sorted(requirement.extras))))
    return dict(sorted(versions.items()))


def pinned(versions: Mapping[str, str], lock: str) -> str:
    """`versions` as a requirements file with the hashes that `lock` holds for them.

    Parameters
    ----------
    versions : dict of str to str
        Canonical names and versions, as installed.
    lock : str
        The text of a lock file, as ``uv pip compile --generate-hashes`` writes it.

    Raises
    ------
    GlassboxError
        When a version that is installed is not the one that the lock holds.
    """
    blocks: dict[tuple[str, str], list[str]] = {
        (canonicalize_name(match["name"]), match["version"]): re.findall(r"--hash=(sha256:[0-9a-f]{64})", match["rest"])
        for match in re.finditer(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?P<rest>.*(?:\n[ \t]+.*)*)", lock, re.M)
    }
    strangers = [f"{name} {version}" for name, version in versions.items() if not blocks.get((name, version))]
    if strangers:
        raise GlassboxError(
            f"Installed, but not in requirements.lock: {', '.join(strangers)}. Set the environment up again from the lock."
        )
    lines = []
    for name, version in versions.items():
        hashes = " \\\n".join(f"    --hash={value}" for value in sorted(set(blocks[name, version])))
        lines.append(f"{name}=={version} \\\n{hashes}\n")
    return "".join(lines)

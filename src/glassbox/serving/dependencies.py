"""Dependencies of a package: the Glassbox modules that serving imports, and their pinned libraries."""

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

# The platform of the container, for which requirement markers are evaluated on any machine.
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
    """Return the Glassbox source files that serve a model of `family`, by POSIX path relative to the package's parent, sorted.

    Raises
    ------
    GlassboxError
        A required module has no source file.
    """
    modules = code_closure(["glassbox.serving.__main__", f"glassbox.families.{family}.predictor"])
    files: dict[str, Path] = {}
    for module in modules:
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            path = module_path(".".join(parts[:end]))
            if path is None:
                raise GlassboxError(
                    f"Serving requires the module {module}, which has no source file; install Glassbox from source or a wheel."
                )
            files[path.relative_to(code_root()).as_posix()] = path
    return dict(sorted(files.items()))


def code_root() -> Path:
    """Return the folder that contains the package `glassbox`."""
    return Path(str(resources.files("glassbox"))).parent


def libraries_of(files: Iterable[Path]) -> list[str]:
    """Return the sorted top-level names of the third-party libraries that `files` import anywhere in their code."""
    names = {name.partition(".")[0] for path in files for name in _imports(path)}
    return sorted(names - sys.stdlib_module_names - {PACKAGE})


def _imports(path: Path) -> Iterator[str]:
    for node in walk_runtime(ast.parse(path.read_bytes(), filename=path.name)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def distributions_of(libraries: Iterable[str]) -> dict[str, str]:
    """Return the distributions of `libraries` and all their transitive requirements, as canonical name to installed version.

    Raises
    ------
    GlassboxError
        A library or one of its requirements is not installed.
    """
    providers = metadata.packages_distributions()
    missing = [name for name in libraries if name not in providers]
    if missing:
        raise GlassboxError(f"Serving requires {', '.join(missing)}, but no installed distribution provides it.")
    queue: list[tuple[str, tuple[str, ...]]] = [(providers[name][0], ()) for name in libraries]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    versions: dict[str, str] = {}
    while queue:
        name, extras = queue.pop()
        if (canonicalize_name(name), extras) in seen:
            continue
        seen.add((canonicalize_name(name), extras))
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError as error:
            raise GlassboxError(f"Serving requires the package {name}, which is not installed.") from error
        versions[canonicalize_name(name)] = distribution.version
        for line in distribution.requires or []:
            requirement = Requirement(line)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({**CONTAINER, "extra": extra}) for extra in extras or ("",)):
                queue.append((requirement.name, tuple(sorted(requirement.extras))))
    return dict(sorted(versions.items()))


def pinned(versions: Mapping[str, str], lock: str) -> str:
    """Format `versions` as a requirements file with the hashes from `lock`.

    Parameters
    ----------
    versions : dict of str to str
        Canonical names and installed versions.
    lock : str
        The text of a lock file in the format of ``uv pip compile --generate-hashes``.

    Raises
    ------
    GlassboxError
        An installed version is not in the lock file.
    """
    blocks: dict[tuple[str, str], list[str]] = {
        (canonicalize_name(match["name"]), match["version"]): re.findall(r"--hash=(sha256:[0-9a-f]{64})", match["rest"])
        for match in re.finditer(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?P<rest>.*(?:\n[ \t]+.*)*)", lock, re.M)
    }
    unlocked = [f"{name} {version}" for name, version in versions.items() if not blocks.get((name, version))]
    if unlocked:
        raise GlassboxError(
            f"Installed, but not in requirements.lock: {', '.join(unlocked)}. Recreate the environment from the lock file."
        )
    lines = []
    for name, version in versions.items():
        hashes = " \\\n".join(f"    --hash={value}" for value in sorted(set(blocks[name, version])))
        lines.append(f"{name}=={version} \\\n{hashes}\n")
    return "".join(lines)

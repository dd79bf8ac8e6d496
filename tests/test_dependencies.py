"""The dependencies of pyproject.toml are those that the code uses, each with a lower bound."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from spine_project import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
# Used without an import: run as a command, or loaded by another library by name.
NOT_IMPORTED = {
    "dvc": "run as a command",
    "jupyterlab": "run as a command",
    "onnxscript": "used by torch.onnx.export",
    "pip": "run as a command, to fetch data sets",
}
# Part of a dependency that is imported by its own name.
WITH = {
    "anyio": "fastapi",
    "cycler": "matplotlib",
    "ipython": "ipykernel",
    "jinja2": "jinja2",
    "joblib": "scikit-learn",
    "jupyter-client": "nbclient",
    "jupyter-core": "nbclient",
    "jupyter-server": "jupyterlab",
    "markupsafe": "jinja2",
    "mlflow-skinny": "mlflow",
    "mlflow-tracing": "mlflow",
    "packaging": "mlflow",
    "pydantic-core": "pydantic",
    "safetensors": "transformers",
    "starlette": "fastapi",
    "thinc": "spacy",
    "threadpoolctl": "scikit-learn",
    "traitlets": "nbconvert",
    "cmdstanpy": "prophet",
    "click": "typer",
}


def declared() -> dict[str, Requirement]:
    """Return the requirements of the package and of its extras, by name."""
    extras = [line for lines in PROJECT["project"]["optional-dependencies"].values() for line in lines]
    requirements = map(Requirement, [*PROJECT["project"]["dependencies"], *extras])
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def imported() -> set[str]:
    """Return the distributions that the code and the notebooks import."""
    names = set()
    for folder in ("src", "notebooks"):
        for path in (REPOSITORY / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names.update(alias.name.partition(".")[0] for alias in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names.add(node.module.partition(".")[0])
    known = packages_distributions()
    third_party = {name for name in names if name not in sys.stdlib_module_names and name != "glassbox"}
    return {canonicalize_name(distribution) for name in third_party for distribution in known[name]}


def test_every_dependency_is_used() -> None:
    assert set(declared()) - imported() == set(NOT_IMPORTED)


def test_every_import_is_declared() -> None:
    assert {WITH.get(name, name) for name in imported()} <= set(declared())


def test_every_dependency_has_a_lower_bound() -> None:
    assert [name for name, requirement in declared().items() if not re.search(r">=|==", str(requirement.specifier))] == []

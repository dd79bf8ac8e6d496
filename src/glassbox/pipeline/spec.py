"""Stage specifications: the stages of `pipeline.yaml` for one request, and the inputs that each notebook declares."""

import ast
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

from glassbox.code_hash import cell_text
from glassbox.errors import GlassboxError, RequestError
from glassbox.request.messages import hint, join_choices, nearest
from glassbox.request.model import Request
from glassbox.runtime.stage import HOLDOUT_READERS

STAGES = ("ingest", "explore", "features", "compare", "tune", "evaluate", "deploy", "monitor", "conclude")


@dataclass(frozen=True)
class StageSpec:
    """One stage of one request: its notebook, its products with their paths, and its upstream products."""

    name: str
    source: Path  # relative to the root
    products: dict[str, str]  # name -> path relative to the root
    upstream: dict[str, list[str]]


def _substitute(value: Any, variables: dict[str, str]) -> Any:
    if isinstance(value, str):
        for name, text in variables.items():
            value = value.replace(f"{{{{{name}}}}}", text)
        return value
    if isinstance(value, dict):
        return {key: _substitute(item, variables) for key, item in value.items()}
    return [_substitute(item, variables) for item in value] if isinstance(value, list) else value


def ejected_path(slug: str, stage: str) -> Path:
    """Return the path, relative to the project, of a request's own notebook of a stage, created by `glassbox eject`."""
    return Path("notebooks") / slug / f"{stage}.py"


def pipeline_dict(root: Path, request: Request) -> dict[str, Any]:
    """Read `pipeline.yaml` for a request: variables substituted, ejected notebooks in place of the family's."""
    text = (root / "pipeline.yaml").read_text(encoding="utf-8")
    pipeline: dict[str, Any] = _substitute(yaml.safe_load(text), {"name": request.name, "family": request.task_spec.family})
    for task in pipeline["tasks"]:
        ejected = ejected_path(request.name, task["name"])
        if (root / ejected).is_file():
            task["source"] = ejected.as_posix()
    return pipeline


def declared_upstream(path: Path) -> dict[str, list[str]]:
    """Return the products that a notebook reads, by stage: the value of `upstream` in its parameters cell.

    Raises
    ------
    GlassboxError
        The notebook is not valid Python, or has no `upstream = {...}` of literal values.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise GlassboxError(f"{path}:{error.lineno}: not valid Python: {error.msg}.") from error
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "upstream" for t in node.targets):
            try:
                value = ast.literal_eval(node.value)
            except ValueError as error:
                raise GlassboxError(
                    f"{path}:{node.lineno}: `upstream` is not a literal; expected a dictionary such as {{'features': ['recipe']}}."
                ) from error
            return {str(stage): [str(name) for name in names] for stage, names in (value or {}).items()}
    raise GlassboxError(
        f"{path}: no `upstream = {{...}}` in the cell tagged `parameters`; write `upstream = None` if the notebook reads nothing."
    )


def read_stages(root: Path, request: Request) -> list[StageSpec]:
    """Return the stages of a request in a topological order.

    Raises
    ------
    GlassboxError
        A notebook is missing, reads a product that no stage saves, or reads the holdout without being allowed to.
    """
    specs: dict[str, StageSpec] = {}
    for task in pipeline_dict(root, request)["tasks"]:
        source = Path(task["source"])
        if not (root / source).is_file():
            raise GlassboxError(f"{source}: file not found; it is the notebook of stage {task['name']!r}.")
        specs[task["name"]] = StageSpec(task["name"], source, dict(task["product"]), declared_upstream(root / source))
    for spec in specs.values():
        for stage, names in spec.upstream.items():
            if stage not in specs:
                raise GlassboxError(
                    f"{spec.source}: `upstream` names an unknown stage {stage!r}; expected one of {', '.join(specs)}."
                )
            products = set(specs[stage].products) - {"nb"}
            if unknown := [name for name in names if name not in products]:
                raise GlassboxError(
                    f"{spec.source}: `upstream` requests {', '.join(unknown)} of {stage}, which saves {', '.join(sorted(products))}."
                )
            for name in names:
                if HOLDOUT_READERS.get(name, spec.name) != spec.name:
                    raise GlassboxError(
                        f"{spec.source}: `upstream` requests {stage}.{name}, which only {HOLDOUT_READERS[name]} may read."
                    )
    order = TopologicalSorter({name: list(spec.upstream) for name, spec in specs.items()}).static_order()
    rank = {name: i for i, name in enumerate(specs)}
    depth = {name: i for i, name in enumerate(order)}
    return sorted(specs.values(), key=lambda s: (depth[s.name], rank[s.name]))


def read_notebook(path: Path) -> Any:
    """Read a percent-format notebook and set cell ids derived from content, because jupytext's ids are random."""
    import hashlib

    import jupytext

    notebook = jupytext.read(path)
    occurrences: dict[str, int] = {}
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}:{cell.source}".encode()).hexdigest()[:12]
        occurrences[digest] = occurrences.get(digest, 0) + 1
        cell.id = digest if occurrences[digest] == 1 else f"{digest}-{occurrences[digest]}"
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    return notebook


def code_cells(notebook: Any) -> list[Any]:
    """Return the code cells of the source notebook: all but the one that Papermill injects."""
    return [c for c in notebook.cells if c.cell_type == "code" and "injected-parameters" not in c.metadata.get("tags", [])]


def cell_texts(notebook: Any) -> list[str]:
    """Return the code of a notebook's cells without comments, layout and the parameters cell."""
    return [cell_text(cell.source) for cell in code_cells(notebook) if "parameters" not in cell.metadata.get("tags", [])]


def unknown_stage_error(stage: str) -> RequestError:
    """Return the error for an unknown stage name, with the nearest valid name."""
    return RequestError(f"{stage}: unknown stage; expected {join_choices(STAGES)}{hint(nearest(stage, STAGES))}")

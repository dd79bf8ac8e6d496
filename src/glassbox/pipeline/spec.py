"""What the graph is made of: the stages of `pipeline.yaml` for one request, and what each notebook declares that it reads."""

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
from glassbox.runtime.stage import SEALED, family_of

STAGES = ("ingest", "explore", "features", "compare", "tune", "evaluate", "deploy", "monitor", "conclude")


@dataclass(frozen=True)
class StageSpec:
    """One stage of one request: its notebook, what it saves and where, what it reads."""

    name: str
    source: Path  # relative to the root
    products: dict[str, str]  # name -> path relative to the root
    upstream: dict[str, list[str]]


def _filled(value: Any, words: dict[str, str]) -> Any:
    if isinstance(value, str):
        for name, word in words.items():
            value = value.replace(f"{{{{{name}}}}}", word)
        return value
    if isinstance(value, dict):
        return {key: _filled(item, words) for key, item in value.items()}
    return [_filled(item, words) for item in value] if isinstance(value, list) else value


def ejected(root: Path, slug: str, stage: str) -> Path:
    """Where a request's own notebook of a stage lies, relative to the root, once it has been ejected."""
    return Path("notebooks") / slug / f"{stage}.py"


def pipeline_dict(root: Path, request: Request) -> dict[str, Any]:
    """`pipeline.yaml` for a request: filled in, with the request's own notebooks in place of the family's."""
    text = (root / "pipeline.yaml").read_text(encoding="utf-8")
    filled: dict[str, Any] = _filled(yaml.safe_load(text), {"name": request.name, "family": family_of(request)})
    for task in filled["tasks"]:
        own = ejected(root, request.name, task["name"])
        if (root / own).is_file():
            task["source"] = own.as_posix()
    return filled


def declared_upstream(path: Path) -> dict[str, list[str]]:
    """What a notebook declares that it reads: the value of `upstream` in its parameters cell.

    Raises
    ------
    GlassboxError
        When the notebook has no `upstream = {...}` of plain values.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise GlassboxError(f"{path}:{error.lineno}: is not Python: {error.msg}.") from error
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "upstream" for t in node.targets):
            try:
                value = ast.literal_eval(node.value)
            except ValueError as error:
                raise GlassboxError(f"{path}:{node.lineno}: upstream must be plain: {{'features': ['recipe']}}.") from error
            return {str(stage): [str(name) for name in names] for stage, names in (value or {}).items()}
    raise GlassboxError(f"{path}: no `upstream = {{...}}` in the cell tagged `parameters`; write `upstream = None` for none.")


def read_stages(root: Path, request: Request) -> list[StageSpec]:
    """The stages of a request in an order in which they can run.

    Raises
    ------
    GlassboxError
        When a notebook is missing, or reads what no stage saves, or opens what is sealed to it.
    """
    specs: dict[str, StageSpec] = {}
    for task in pipeline_dict(root, request)["tasks"]:
        source = Path(task["source"])
        if not (root / source).is_file():
            raise GlassboxError(f"{source}: is not there, and stage {task['name']!r} needs it.")
        specs[task["name"]] = StageSpec(task["name"], source, dict(task["product"]), declared_upstream(root / source))
    for spec in specs.values():
        for stage, names in spec.upstream.items():
            known = set(specs[stage].products) - {"nb"} if stage in specs else set()
            if unknown := [name for name in names if name not in known]:
                there = ", ".join(sorted(known)) or f"no stage {stage!r}"
                raise GlassboxError(f"{spec.source}: upstream asks {stage} for {', '.join(unknown)}; there is {there}.")
            for name in names:
                if SEALED.get(name, spec.name) != spec.name:
                    raise GlassboxError(f"{spec.source}: upstream asks for {stage}.{name}, which only {SEALED[name]} opens.")
    order = TopologicalSorter({name: list(spec.upstream) for name, spec in specs.items()}).static_order()
    rank = {name: i for i, name in enumerate(specs)}
    depth = {name: i for i, name in enumerate(order)}
    return sorted(specs.values(), key=lambda s: (depth[s.name], rank[s.name]))


def read_notebook(path: Path) -> Any:
    """A percent-format notebook, with cell ids made from content (jupytext's are random)."""
    import hashlib

    import jupytext

    notebook = jupytext.read(path)
    seen: dict[str, int] = {}
    for cell in notebook.cells:
        digest = hashlib.sha256(f"{cell.cell_type}:{cell.source}".encode()).hexdigest()[:12]
        seen[digest] = seen.get(digest, 0) + 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
    notebook.metadata = {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    return notebook


def code_cells(notebook: Any) -> list[Any]:
    """The code cells that the author wrote: without the one that Papermill puts in."""
    return [c for c in notebook.cells if c.cell_type == "code" and "injected-parameters" not in c.metadata.get("tags", [])]


def cells_of(notebook: Any) -> list[str]:
    """What the code cells of a notebook say, without comments and layout."""
    return [cell_text(cell.source) for cell in code_cells(notebook) if "parameters" not in cell.metadata.get("tags", [])]


def no_such_stage(stage: str) -> RequestError:
    """What is said to someone who mistyped a stage."""
    return RequestError(f"{stage}: no such stage; there is {join_choices(STAGES)}{hint(nearest(stage, STAGES))}")

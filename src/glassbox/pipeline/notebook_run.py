"""One notebook, run by Papermill on a forked kernel; and what is published of it: its source as it is now, with its outputs."""

import copy
import json
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
from jupyter_core.utils import ensure_event_loop

from glassbox.errors import DataError, GlassboxError, RequestError, StageError
from glassbox.files import write_text
from glassbox.pipeline.kernels import ENGINE, KernelEnded, KernelServer, kernel_environment, register
from glassbox.pipeline.spec import code_cells, read_notebook

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# Raised on purpose, and meant for the user as they stand: their exit codes are kept.
_KNOWN: dict[str, type[GlassboxError]] = {"DataError": DataError, "RequestError": RequestError}


def execute(
    name: str,
    source: Path,
    parameters: Mapping[str, Any],
    output: Path,
    server: KernelServer,
    root: Path,
    environment: Mapping[str, str],
) -> Any:
    """Run a notebook; returns it executed. `output` has what was reached when it fails.

    Raises
    ------
    DataError, RequestError
        When a cell raised one: the user's data or request is at fault.
    StageError
        When a cell failed: names the cell, its code and its message.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    register()
    logging.getLogger("papermill").setLevel(logging.ERROR)
    log = output.with_suffix(".log")
    log.unlink(missing_ok=True)
    try:
        return papermill.execute_notebook(
            read_notebook(source),
            str(output),
            parameters=dict(parameters),
            engine_name=ENGINE,
            kernel_name="python3",
            progress_bar=False,
            environment={**environment, **kernel_environment(server, log)},
            working_folder=root,
        )
    except PapermillExecutionError as error:
        message = _ANSI.sub("", error.evalue)
        if error.ename in _KNOWN:
            raise _KNOWN[error.ename](message.splitlines()) from error
        cell = "\n".join(f"    {line}" for line in error.source.strip().splitlines())
        raise StageError(f"{name}: {source.name}, cell {error.exec_count}:\n{cell}\n{error.ename}: {message}") from error
    except KernelEnded as error:
        log.touch()
        raise StageError(
            f"{name}: its kernel {error}. Nothing of it was published: run again. What the kernel said: {os.path.relpath(log)}"
        ) from error
    finally:
        ensure_event_loop().close()  # the one that nbclient made for this thread, and would leave open


def clean(notebook: Any, root: Path) -> Any:
    """An executed notebook without what differs from run to run: times, ids of Papermill, the project's own path."""
    kept = copy.deepcopy(notebook)
    kept.metadata.pop("papermill", None)
    for cell in kept.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if cell.metadata.get("tags") == []:
            cell.metadata.pop("tags")
    text = json.dumps(kept, ensure_ascii=False)
    text = text.replace(json.dumps(f"{root}/", ensure_ascii=False)[1:-1], "")
    return _notebook(text)


def _notebook(text: str) -> Any:
    return nbformat.reads(text, as_version=nbformat.NO_CONVERT)


def write_notebook(path: Path, notebook: Any) -> None:
    """Write a notebook: the same notebook gives the same bytes."""
    write_text(path, json.dumps(notebook, ensure_ascii=False, indent=1) + "\n")


def read_executed(path: Path) -> Any:
    """Read a notebook that `write_notebook` wrote."""
    return _notebook(path.read_text(encoding="utf-8"))


def with_current_text(source: Path, executed: Any, parameters: Mapping[str, Any]) -> Any:
    """The notebook's text as it stands now with the outputs of `executed`, whose code says the same.

    The cell with the parameters is written anew: another request with the same facts may have been the one that ran.
    """
    from papermill.translators import papermill_translators

    notebook = read_notebook(source)
    for ours, theirs in zip(code_cells(notebook), code_cells(executed), strict=True):
        ours.outputs = theirs.outputs
        ours.execution_count = theirs.execution_count
    injected = [c for c in executed.cells if "injected-parameters" in c.metadata.get("tags", [])]
    after = next((i for i, c in enumerate(notebook.cells) if "parameters" in c.metadata.get("tags", [])), -1)
    notebook.cells[after + 1 : after + 1] = injected
    for index, cell in enumerate(injected):
        cell.id = f"injected-{index}"
        cell.source = papermill_translators.find_translator("python3", "python").codify(parameters)
    notebook.metadata = executed.metadata
    return notebook

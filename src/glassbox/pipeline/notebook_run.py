"""Execution of one notebook with Papermill on a forked kernel, and its published form: current source with cached outputs."""

import copy
import json
import logging
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from jupyter_core.utils import ensure_event_loop

from glassbox.errors import DataError, GlassboxError, RequestError, StageError, StoreError
from glassbox.files import disk_error_in, write_text
from glassbox.pipeline.kernels import ENGINE, KernelEnded, KernelServer, kernel_environment, register
from glassbox.pipeline.spec import code_cells, read_notebook

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# Errors that the user can fix outside the notebook: passed on with their type, and so with their exit code.
_USER_ERRORS: dict[str, type[GlassboxError]] = {"DataError": DataError, "RequestError": RequestError}


def execute(
    name: str,
    source: Path,
    parameters: Mapping[str, Any],
    output: Path,
    server: KernelServer,
    root: Path,
    environment: Mapping[str, str],
    libraries: Sequence[str] = (),
) -> Any:
    """Run a notebook and return the executed notebook. After a failure, `output` holds the cells executed so far.

    The kernel server imports the `libraries` for later notebooks.

    Raises
    ------
    DataError, RequestError
        A cell raised it because the user's data or request is invalid.
    StoreError
        The disk is full or read-only.
    StageError
        A cell failed, or the kernel ended; the message names the cell, its code and its error.
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
            environment={**environment, **kernel_environment(server, log, libraries)},
            working_folder=root,
        )
    except PapermillExecutionError as error:
        message = _ANSI.sub("", error.evalue)
        if error.ename in _USER_ERRORS:
            raise _USER_ERRORS[error.ename](message.splitlines()) from error
        if (disk_error := StoreError(message) if error.ename == "StoreError" else disk_error_in(message)) is not None:
            raise disk_error from error
        cell = "\n".join(f"    {line}" for line in error.source.strip().splitlines())
        raise StageError(f"{name}: {source.name}, cell {error.exec_count}:\n{cell}\n{error.ename}: {message}") from error
    except KernelEnded as error:
        log.touch()
        raise StageError(
            f"{name}: its kernel {error}. Nothing was published; run it again. Kernel log: {os.path.relpath(log)}"
        ) from error
    finally:
        ensure_event_loop().close()  # created by nbclient for this thread, and not closed by it


def strip_run_details(notebook: Any, root: Path) -> Any:
    """Return an executed notebook without details that differ between runs: times, Papermill ids, the project's path."""
    stripped = copy.deepcopy(notebook)
    stripped.metadata.pop("papermill", None)
    for cell in stripped.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if cell.metadata.get("tags") == []:
            cell.metadata.pop("tags")
    text = json.dumps(stripped, ensure_ascii=False)
    text = text.replace(json.dumps(f"{root}/", ensure_ascii=False)[1:-1], "")
    return _notebook(text)


def _notebook(text: str) -> Any:
    return nbformat.reads(text, as_version=nbformat.NO_CONVERT)


def write_notebook(path: Path, notebook: Any) -> None:
    """Write a notebook deterministically: equal notebooks give equal bytes."""
    write_text(path, json.dumps(notebook, ensure_ascii=False, indent=1) + "\n")


def read_executed(path: Path) -> Any:
    """Read a notebook written by `write_notebook`."""
    return _notebook(path.read_text(encoding="utf-8"))


def merge_outputs(source: Path, executed: Any, parameters: Mapping[str, Any]) -> Any:
    """Combine the current notebook source with the outputs of `executed`, whose code cells are equivalent.

    The cell of injected parameters is regenerated, because the outputs may come from another request with the same stage key.
    """
    from papermill.translators import papermill_translators

    notebook = read_notebook(source)
    for cell, executed_cell in zip(code_cells(notebook), code_cells(executed), strict=True):
        cell.outputs = executed_cell.outputs
        cell.execution_count = executed_cell.execution_count
    injected = [c for c in executed.cells if "injected-parameters" in c.metadata.get("tags", [])]
    after = next((i for i, c in enumerate(notebook.cells) if "parameters" in c.metadata.get("tags", [])), -1)
    notebook.cells[after + 1 : after + 1] = injected
    for index, cell in enumerate(injected):
        cell.id = f"injected-{index}"
        cell.source = papermill_translators.find_translator("python3", "python").codify(parameters)
    notebook.metadata = executed.metadata
    return notebook

"""The runner of one request: restores stages from the store, executes the stale ones, publishes products, and updates the views."""

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel

from glassbox.code_hash import HASHES
from glassbox.data.locations import source_fingerprint
from glassbox.data.weights import weights_fingerprint
from glassbox.errors import GlassboxError, StageError, StoreError
from glassbox.files import disk_errors, hash_file, hash_value, read_json, write_text
from glassbox.pipeline.locks import run_lock
from glassbox.pipeline.spec import StageSpec, cell_texts, read_notebook, read_stages, unknown_stage_error
from glassbox.pipeline.staleness import stale_reasons
from glassbox.pipeline.store import MANIFEST, Entry, ManifestFile, Store
from glassbox.platform_info import platform_facts, thread_limits
from glassbox.request.model import Request
from glassbox.runtime.worker_pool import THREAD_BUDGET
from glassbox.state_files import make_way, read_state, write_state
from glassbox.temporary import sweep_temporary_folders

if TYPE_CHECKING:
    from glassbox.pipeline.kernels import KernelServer


class _Cells(BaseModel):
    """The shape of the file that caches the hashes of a notebook's code cells."""

    cells: list[str]


Status = Literal["ran", "cached", "failed", "skipped"]


@dataclass
class Outcome:
    """The outcome of a stage in this run."""

    stage: str
    status: Status
    why: list[str] = field(default_factory=list)
    seconds: float = 0.0
    entry: Entry | None = None
    error: BaseException | None = None


@dataclass(frozen=True)
class Event:
    """An event for the listener: a stage started, progressed or ended."""

    kind: Literal["started", "progress", "ended"]
    stage: str
    outcome: Outcome | None = None
    why: tuple[str, ...] = ()
    done: int = 0
    total: int = 0
    what: str = ""


def ignore_events(event: Event) -> None:
    """Null listener: ignore all events."""


class Runner:
    """One run of one request. `run_stage` is thread-safe for stages that do not depend on each other."""

    def __init__(
        self,
        root: Path,
        request: Request,
        *,
        workers: int = 2,
        until: str | None = None,
        listen: Callable[[Event], None] = ignore_events,
        kernels: "KernelServer | None" = None,
    ) -> None:
        self.root = root
        self.request = request
        self.workers = workers
        self.store = Store(root)
        self.specs = {spec.name: spec for spec in read_stages(root, request)}
        self.wanted = self._wanted(until)
        self.outcomes: dict[str, Outcome] = {}
        self._listen = listen
        self._server = kernels
        self._owns_server = kernels is None
        self._server_lock = threading.Lock()
        self._running: dict[str, tuple[Path, int]] = {}  # stage -> scratch folder, number of progress lines already reported
        self._running_lock = threading.Lock()  # guards changes of `_running`
        self._budget_file = self.store.temporary(request.name)

    def _wanted(self, until: str | None) -> set[str]:
        if until is None:
            return set(self.specs)
        if until not in self.specs:
            raise unknown_stage_error(until)
        wanted, todo = set[str](), [until]
        while todo:
            name = todo.pop()
            if name not in wanted:
                wanted.add(name)
                todo.extend(self.specs[name].upstream)
        return wanted

    # --- stage keys

    def facts(self, spec: StageSpec) -> dict[str, Any]:
        """Return the facts of a stage's key: all parts except request fields and code. Its upstream stages must be done."""
        inputs = {
            f"{stage}.{name}": self._entry(stage).product_hash(name)
            for stage, names in sorted(spec.upstream.items())
            for name in names
        }
        return {
            "stage": spec.name,
            "family": self.request.task_spec.family,
            "cells": self._cells(self.root / spec.source),
            "inputs": inputs,
            "source": (weights_fingerprint if spec.upstream else source_fingerprint)(self.request, self.root),
            "lock": hash_file(self.root / "requirements.lock"),
            "platform": platform_facts(self.request.threads),
            "products": sorted(set(spec.products) - {"nb"}),
        }

    def _cells(self, source: Path) -> list[str]:
        """Return the hashes of a notebook's code cells, cached by the file's hash because parsing a notebook is slow."""
        cached = self.store.folder / "cells" / f"{hash_file(source)}.json"
        saved = read_state(cached, _Cells)
        if saved is not None:
            return list(saved["cells"])
        hashes = [hash_value(text) for text in cell_texts(read_notebook(source))]
        write_state(cached, {"cells": hashes})
        return hashes

    def _entry(self, stage: str) -> Entry:
        entry = self.outcomes[stage].entry
        if entry is None:
            raise StageError(f"{stage}: has no products because it did not run.")
        return entry

    def folder(self, stage: str) -> Path:
        """Return the folder of a stage's view."""
        return self.root / "data" / self.request.name / stage

    def stale_reasons(self, spec: StageSpec, facts: dict[str, Any]) -> list[str]:
        """Return the reasons why a stage is stale, compared with its current view."""
        path = self.folder(spec.name) / MANIFEST
        return stale_reasons(read_state(path, ManifestFile), facts, self.request)

    # --- running

    def restore_fresh_stages(self) -> bool:
        """Restore stages from the store, in order, up to the first stale stage; return True if all were restored."""
        return all(self._is_fresh(spec) and self.run_stage(spec.name).status != "failed" for spec in self.specs.values())

    def _is_fresh(self, spec: StageSpec) -> bool:
        try:
            return spec.name not in self.wanted or self.store.find(self.facts(spec), self.request) is not None
        except GlassboxError:
            return False  # running the stage reports the error

    def run_stage(self, name: str) -> Outcome:
        """Restore a stage from the store, or run it. An error of the stage is not raised but returned in the outcome."""
        if name in self.outcomes:
            return self.outcomes[name]
        if name not in self.wanted:
            return self._ended(Outcome(name, "skipped"))
        start = time.monotonic()
        spec = self.specs[name]
        try:
            with disk_errors():
                facts = self.facts(spec)
                entry = self.store.find(facts, self.request)
                if entry is not None:
                    outcome = Outcome(name, "cached", entry=entry)
                else:
                    why = self.stale_reasons(spec, facts) or ["its products are not in the store"]
                    self._listen(Event("started", name, why=tuple(why)))
                    outcome = Outcome(name, "ran", why=why, entry=self._execute(spec, facts))
                self._publish(spec, outcome)
        except Exception as error:  # stored in the outcome: it skips the downstream stages and fails the run
            outcome = Outcome(name, "failed", error=error)
        outcome.seconds = time.monotonic() - start
        return self._ended(outcome)

    def _ended(self, outcome: Outcome) -> Outcome:
        self.outcomes[outcome.stage] = outcome
        self._listen(Event("ended", outcome.stage, outcome=outcome))
        return outcome

    def _execute(self, spec: StageSpec, facts: dict[str, Any]) -> Entry:
        scratch = self.store.scratch(self.request.name)
        log = self.store.folder / "logs" / self.request.name / f"{spec.name}.ipynb"
        make_way(log)
        log.parent.mkdir(parents=True, exist_ok=True)
        environment = {
            **thread_limits(self.request.threads),
            "GLASSBOX_ROOT": str(self.root),
            "GLASSBOX_SCRATCH": str(scratch),
            THREAD_BUDGET: str(self._budget_file),
            "GLASSBOX_WORKERS": str(self.workers),
        }
        from glassbox.pipeline import notebook_run

        try:
            with self._running_lock:
                self._running[spec.name] = (scratch, 0)
                self._write_thread_budget()
            executed = notebook_run.execute(
                spec.name,
                self.root / spec.source,
                self._parameters(spec),
                log,
                self._kernels(),
                self.root,
                environment,
                self.request.task_spec.libraries,
            )
            trace = scratch / ".trace.json"
            if not trace.is_file():
                raise StageError(f"{spec.name}: {spec.source} never called stage.save(); call it in the last code cell.")
            notebook_run.write_notebook(scratch / "notebook.ipynb", notebook_run.strip_run_details(executed, self.root))
            return self.store.publish(scratch, facts, read_json(trace), facts["products"])
        except StageError as error:
            raise StageError(f"{error}\nThe notebook, executed up to the failed cell: {os.path.relpath(log)}") from error
        finally:
            with self._running_lock:
                self._running.pop(spec.name, None)
                self._write_thread_budget()
            shutil.rmtree(scratch, ignore_errors=True)

    def _write_thread_budget(self) -> None:
        """Divide the threads of the run among the running stages."""
        with contextlib.suppress(
            StoreError
        ):  # the previous budget stays in force; without one, a stage uses all threads of the run
            write_text(self._budget_file, str(max(1, self.workers // max(1, len(self._running)))))

    def _parameters(self, spec: StageSpec) -> dict[str, Any]:
        """Return the parameters of a notebook: relative paths of its inputs and products, and the name of the request."""
        inputs = {stage: {n: self.specs[stage].products[n] for n in names} for stage, names in spec.upstream.items()}
        outputs = {k: v for k, v in spec.products.items() if k != "nb"}
        return {"upstream": inputs or None, "product": outputs, "request": self.request.name}

    def _publish(self, spec: StageSpec, outcome: Outcome) -> None:
        entry = outcome.entry
        assert entry is not None
        self.store.view(entry, self.folder(spec.name), {k: v for k, v in spec.products.items() if k != "nb"})
        source, page = self.root / spec.source, self.root / spec.products["nb"]
        parameters = self._parameters(spec)
        record = self.store.folder / "published" / self.request.name / f"{spec.name}.json"
        published = {"key": entry.key, "source": hash_file(source), "parameters": parameters}
        if page.is_file() and read_state(record) == {**published, "page": hash_file(page)}:
            return
        from glassbox.pipeline import notebook_run

        executed = notebook_run.read_executed(entry.folder / "notebook.ipynb")
        make_way(page)
        notebook_run.write_notebook(page, notebook_run.merge_outputs(source, executed, parameters))
        write_state(record, {**published, "page": hash_file(page)})

    def _kernels(self) -> "KernelServer":
        from glassbox.pipeline.kernels import KernelServer

        with self._server_lock:
            if self._server is None:
                self._server = KernelServer().__enter__()
        return self._server

    def report_progress(self) -> None:
        """Pass the progress of the running stages since the last call to the listener."""
        for stage, (scratch, reported) in list(self._running.items()):
            with contextlib.suppress(FileNotFoundError):
                lines = (scratch / ".progress").read_text(encoding="utf-8").splitlines()
                if len(lines) <= reported:
                    continue
                with contextlib.suppress(ValueError):  # a line that is still being written: read it the next time
                    progress = json.loads(lines[-1])
                    with self._running_lock:
                        if stage not in self._running:
                            continue
                        self._running[stage] = (scratch, len(lines))
                    self._listen(Event("progress", stage, **progress))

    @contextlib.contextmanager
    def run(self) -> Iterator[None]:
        """Hold the lock of the request, write the resolved request, and stop all kernels at the end."""
        cached_hashes = self.store.folder / "code.json"
        with disk_errors(), run_lock(self.root, self.request.name):
            self.store.sweep(self.request.name)
            sweep_temporary_folders()
            HASHES.read(cached_hashes)
            write_state(self.root / "data" / self.request.name / "request.json", self.request.resolved())
            try:
                yield
                HASHES.write(cached_hashes)
            finally:
                self.stop()
                self._budget_file.unlink(missing_ok=True)

    def stop(self) -> None:
        """Stop all kernels immediately."""
        with self._server_lock:
            if self._server is not None and self._owns_server:
                self._server.stop()
                self._server = None

"""Runs the stages of one request: asks the store, runs what it does not have, publishes, lays out the views."""

import contextlib
import fcntl
import json
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from glassbox.code_hash import HASHES
from glassbox.data.locations import source_fingerprint
from glassbox.data.weights import weights_fingerprint
from glassbox.errors import GlassboxError, StageError
from glassbox.files import hash_file, hash_value, read_json, write_json, write_text
from glassbox.pipeline.spec import StageSpec, cells_of, no_such_stage, read_notebook, read_stages
from glassbox.pipeline.staleness import why_stale
from glassbox.pipeline.store import MANIFEST, Entry, Store, disk_errors
from glassbox.platform_info import platform_facts, thread_limits
from glassbox.request.model import Request
from glassbox.runtime.worker_pool import SHARE

if TYPE_CHECKING:
    from glassbox.pipeline.kernels import KernelServer

Status = Literal["ran", "cached", "failed", "skipped"]


@dataclass
class Outcome:
    """What became of a stage in this run."""

    stage: str
    status: Status
    why: list[str] = field(default_factory=list)
    seconds: float = 0.0
    entry: Entry | None = None
    error: BaseException | None = None


@dataclass(frozen=True)
class Event:
    """Something to show: a stage started, ended, or came further."""

    kind: Literal["started", "progress", "ended"]
    stage: str
    outcome: Outcome | None = None
    why: tuple[str, ...] = ()
    done: int = 0
    total: int = 0
    what: str = ""


def unheard(event: Event) -> None:
    """A listener that shows nothing."""


class Runner:
    """One run of one request. Thread-safe where the executor calls it: `run_stage` for stages that do not depend on each other."""

    def __init__(
        self,
        root: Path,
        request: Request,
        *,
        workers: int = 2,
        until: str | None = None,
        listen: Callable[[Event], None] = unheard,
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
        self._server_is_ours = kernels is None
        self._server_lock = threading.Lock()
        self._running: dict[str, tuple[Path, int]] = {}  # stage -> scratch, and how much of its progress was told
        self._sharing = threading.Lock()  # held to change who runs
        self._share = self.store.folder / "tmp" / f"{uuid.uuid4().hex}.share"

    def _wanted(self, until: str | None) -> set[str]:
        if until is None:
            return set(self.specs)
        if until not in self.specs:
            raise no_such_stage(until)
        wanted, todo = set[str](), [until]
        while todo:
            name = todo.pop()
            if name not in wanted:
                wanted.add(name)
                todo.extend(self.specs[name].upstream)
        return wanted

    # --- what a stage is made of

    def facts(self, spec: StageSpec) -> dict[str, Any]:
        """The facts of a stage's key: all but the fields it reads and the code it loads. Its upstream must be done."""
        inputs = {
            f"{stage}.{name}": self._entry(stage).product_hash(name)
            for stage, names in sorted(spec.upstream.items())
            for name in names
        }
        return {
            "stage": spec.name,
            "family": self.request.row.family,
            "cells": self._cells(self.root / spec.source),
            "inputs": inputs,
            "source": (weights_fingerprint if spec.upstream else source_fingerprint)(self.request, self.root),
            "lock": hash_file(self.root / "requirements.lock"),
            "platform": platform_facts(self.request.threads),
            "products": sorted(set(spec.products) - {"nb"}),
        }

    def _cells(self, source: Path) -> list[str]:
        """The hashes of a notebook's code cells, computed once for the same file: reading a notebook takes a while."""
        known = self.store.folder / "cells" / f"{hash_file(source)}.json"
        with contextlib.suppress(FileNotFoundError, ValueError):
            return [str(item) for item in read_json(known)]
        hashes = [hash_value(text) for text in cells_of(read_notebook(source))]
        write_json(known, hashes)
        return hashes

    def _entry(self, stage: str) -> Entry:
        entry = self.outcomes[stage].entry
        if entry is None:
            raise StageError(f"{stage}: has no products; it did not run.")
        return entry

    def folder(self, stage: str) -> Path:
        """Where the view of a stage lies."""
        return self.root / "data" / self.request.name / stage

    def why(self, spec: StageSpec, facts: dict[str, Any]) -> list[str]:
        """Why a stage would run, against what its view shows."""
        path = self.folder(spec.name) / MANIFEST
        return why_stale(read_json(path) if path.is_file() else None, facts, self.request)

    # --- running

    def take_what_is_fresh(self) -> bool:
        """Take stages from the store, in order, as far as nothing is stale; True when that was all of them."""
        return all(self._is_fresh(spec) and self.run_stage(spec.name).status != "failed" for spec in self.specs.values())

    def _is_fresh(self, spec: StageSpec) -> bool:
        try:
            return spec.name not in self.wanted or self.store.find(self.facts(spec), self.request) is not None
        except GlassboxError:
            return False  # it is said when the stage is run

    def run_stage(self, name: str) -> Outcome:
        """Take a stage from the store, or run it; never raises for what goes wrong in a stage, but says so in the outcome."""
        if name in self.outcomes:
            return self.outcomes[name]
        if name not in self.wanted:
            return self._ended(Outcome(name, "skipped"))
        begun = time.monotonic()
        spec = self.specs[name]
        try:
            facts = self.facts(spec)
            entry = self.store.find(facts, self.request)
            if entry is not None:
                outcome = Outcome(name, "cached", entry=entry)
            else:
                why = self.why(spec, facts) or ["its products are not in the store"]
                self._listen(Event("started", name, why=tuple(why)))
                outcome = Outcome(name, "ran", why=why, entry=self._execute(spec, facts))
            self._publish(spec, outcome)
        except Exception as error:  # kept, not dropped: it stops what is downstream, and the run ends with it
            outcome = Outcome(name, "failed", error=error)
        outcome.seconds = time.monotonic() - begun
        return self._ended(outcome)

    def _ended(self, outcome: Outcome) -> Outcome:
        self.outcomes[outcome.stage] = outcome
        self._listen(Event("ended", outcome.stage, outcome=outcome))
        return outcome

    def _execute(self, spec: StageSpec, facts: dict[str, Any]) -> Entry:
        scratch = self.store.scratch()
        log = self.store.folder / "logs" / self.request.name / f"{spec.name}.ipynb"
        with disk_errors():
            log.parent.mkdir(parents=True, exist_ok=True)
        environment = {
            **thread_limits(self.request.threads),
            "GLASSBOX_ROOT": str(self.root),
            "GLASSBOX_SCRATCH": str(scratch),
            SHARE: str(self._share),
            "GLASSBOX_WORKERS": str(self.workers),
        }
        from glassbox.pipeline import notebook_run

        try:
            with self._sharing:
                self._running[spec.name] = (scratch, 0)
                self._share_out()
            executed = notebook_run.execute(
                spec.name, self.root / spec.source, self._parameters(spec), log, self._kernels(), self.root, environment
            )
            trace = scratch / ".trace.json"
            if not trace.is_file():
                raise StageError(f"{spec.name}: {spec.source} never called stage.save(); that is what ends a stage.")
            notebook_run.write_notebook(scratch / "notebook.ipynb", notebook_run.clean(executed, self.root))
            return self.store.publish(scratch, facts, read_json(trace), facts["products"])
        except StageError as error:
            raise StageError(f"{error}\nThe whole notebook, as far as it came: {os.path.relpath(log)}") from error
        finally:
            with self._sharing:
                self._running.pop(spec.name, None)
                self._share_out()
            shutil.rmtree(scratch, ignore_errors=True)

    def _share_out(self) -> None:
        """Say how many threads each stage that runs may have from now on."""
        with contextlib.suppress(OSError):  # what was said before stands; where nothing was, a stage takes all that the run has
            write_text(self._share, str(max(1, self.workers // max(1, len(self._running)))))

    def _parameters(self, spec: StageSpec) -> dict[str, Any]:
        """What a notebook is told: relative paths of what it declared, of what it saves, and the request's name."""
        handed = {stage: {n: self.specs[stage].products[n] for n in names} for stage, names in spec.upstream.items()}
        saved = {k: v for k, v in spec.products.items() if k != "nb"}
        return {"upstream": handed or None, "product": saved, "request": self.request.name}

    def _publish(self, spec: StageSpec, outcome: Outcome) -> None:
        entry = outcome.entry
        assert entry is not None
        self.store.view(entry, self.folder(spec.name), {k: v for k, v in spec.products.items() if k != "nb"})
        source, page = self.root / spec.source, self.root / spec.products["nb"]
        parameters = self._parameters(spec)
        told = self.store.folder / "published" / self.request.name / f"{spec.name}.json"
        as_published = {"key": entry.key, "source": hash_file(source), "parameters": parameters}
        with contextlib.suppress(FileNotFoundError, ValueError):
            if read_json(told) == {**as_published, "page": hash_file(page)}:
                return
        from glassbox.pipeline import notebook_run

        executed = notebook_run.read_executed(entry.folder / "notebook.ipynb")
        with disk_errors():
            notebook_run.write_notebook(page, notebook_run.with_current_text(source, executed, parameters))
            write_json(told, {**as_published, "page": hash_file(page)})

    def _kernels(self) -> "KernelServer":
        from glassbox.pipeline.kernels import KernelServer

        with self._server_lock:
            if self._server is None:
                self._server = KernelServer().__enter__()
        return self._server

    def tell_progress(self) -> None:
        """Pass on what running stages have said since the last time."""
        for stage, (scratch, told) in list(self._running.items()):
            with contextlib.suppress(FileNotFoundError):
                lines = (scratch / ".progress").read_text(encoding="utf-8").splitlines()
                if len(lines) <= told:
                    continue
                with contextlib.suppress(ValueError):  # half a line: the next look sees it whole
                    said = json.loads(lines[-1])
                    with self._sharing:
                        if stage not in self._running:
                            continue
                        self._running[stage] = (scratch, len(lines))
                    self._listen(Event("progress", stage, **said))

    @contextlib.contextmanager
    def run(self) -> Iterator[None]:
        """Hold the request's lock, have its resolved form in place, and end every kernel at the end."""
        known = self.store.folder / "code.json"
        with disk_errors(), run_lock(self.root, self.request.name):
            HASHES.read(known)
            write_json(self.root / "data" / self.request.name / "request.json", self.request.resolved())
            try:
                yield
                HASHES.write(known)
            finally:
                self.stop()
                self._share.unlink(missing_ok=True)

    def stop(self) -> None:
        """End every kernel now."""
        with self._server_lock:
            if self._server is not None and self._server_is_ours:
                self._server.stop()
                self._server = None


@contextlib.contextmanager
def run_lock(root: Path, slug: str) -> Iterator[None]:
    """Let one run of a request go on at a time."""
    path = root / "data" / ".store" / "locks" / slug
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.seek(0)
            raise GlassboxError(
                f"{slug}: another run is under way (process {stream.read().strip() or '?'}); wait for it, or end it."
            ) from error
        stream.truncate(0)
        stream.write(str(os.getpid()))
        stream.flush()
        yield

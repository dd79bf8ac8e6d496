"""One whole run: the graph, then what stands outside the store: `run.json`, the pages, the tracking."""

import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassbox.code_hash import HASHES
from glassbox.errors import GlassboxError
from glassbox.files import read_json
from glassbox.pipeline import history
from glassbox.pipeline.runner import Event, Outcome, Runner, unheard
from glassbox.request.model import Request

if TYPE_CHECKING:
    from glassbox.pipeline.kernels import KernelServer


@dataclass(frozen=True)
class RunResult:
    """What came of a run: its `run.json`, and the first failure if there was one."""

    runner: Runner
    run: dict[str, Any]
    failure: GlassboxError | None


def run_request(
    root: Path,
    request: Request,
    *,
    workers: int = 2,
    until: str | None = None,
    listen: Callable[[Event], None] = unheard,
    kernels: "KernelServer | None" = None,
) -> RunResult:
    """Run a request as far as `until`, and write down what was run and why.

    `kernels` is a server to fork kernels from; left out, the run starts its own when it needs one.
    """
    started, begun = datetime.datetime.now(datetime.UTC), time.monotonic()
    runner = Runner(root, request, workers=workers, until=until, listen=listen, kernels=kernels)
    failure: GlassboxError | None = None
    with runner.run():
        try:
            if not runner.take_what_is_fresh():
                from glassbox.pipeline.graph import build

                build(runner)
        except GlassboxError as error:
            failure = error
        run = history.write_run(runner, history.new_run_id(), started, time.monotonic() - begun)
    return RunResult(runner, run, failure)


def last_seconds(root: Path, slug: str) -> dict[str, float]:
    """How long each stage took when it was computed last."""
    seconds: dict[str, float] = {}
    for run in history.runs(root, slug):
        seconds.update({name: stage["seconds"] for name, stage in run["stages"].items() if stage["status"] == "ran"})
    return seconds


def stage_states(root: Path, request: Request) -> list[tuple[str, bool, list[str]]]:
    """For each stage: its name, whether it is fresh, and if not, why. Runs nothing.

    What is downstream of a stale stage may yet be fresh, when the stage gives the same products again.
    """
    runner = Runner(root, request)
    HASHES.read(runner.store.folder / "code.json")
    states: list[tuple[str, bool, list[str]]] = []
    stale: set[str] = set()
    for spec in runner.specs.values():
        waits = [stage for stage in spec.upstream if stage in stale]
        if waits:
            states.append((spec.name, False, [f"{', '.join(waits)} would run first"]))
            stale.add(spec.name)
            continue
        facts = runner.facts(spec)
        entry = runner.store.find(facts, request)
        if entry is None:
            states.append((spec.name, False, runner.why(spec, facts) or ["its products are not in the store"]))
            stale.add(spec.name)
        else:
            runner.outcomes[spec.name] = Outcome(spec.name, "cached", entry=entry)
            states.append((spec.name, True, []))
    return states


def read_report(root: Path, slug: str) -> dict[str, Any] | None:
    """The machine-readable report of the last run, if it came so far."""
    path = root / "reports" / slug / "report.json"
    return dict(read_json(path)) if path.is_file() else None

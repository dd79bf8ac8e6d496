"""Complete runs of a request: execute the graph, write the run history, and report the state of each stage."""

import datetime
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassbox.code_hash import HASHES
from glassbox.errors import GlassboxError
from glassbox.pipeline import history
from glassbox.pipeline.runner import Event, Outcome, Runner, ignore_events
from glassbox.request.model import Request
from glassbox.state_files import read_state

if TYPE_CHECKING:
    from glassbox.pipeline.kernels import KernelServer


@dataclass(frozen=True)
class RunResult:
    """The result of a run: its runner, the content of its `run.json`, and its error if it failed."""

    runner: Runner
    run: dict[str, Any]
    failure: GlassboxError | None


def run_request(
    root: Path,
    request: Request,
    *,
    workers: int = 2,
    until: str | None = None,
    listen: Callable[[Event], None] = ignore_events,
    kernels: "KernelServer | None" = None,
) -> RunResult:
    """Run a request up to the stage `until` and write its run history.

    Parameters
    ----------
    root
        The project folder.
    request
        The request.
    workers
        The maximum number of stages that run in parallel; also the total number of threads.
    until
        The last stage to run; by default, all stages run.
    listen
        Receives an event when a stage starts, progresses or ends.
    kernels
        A running kernel server; by default, the run starts its own when it needs one.
    """
    started, start = datetime.datetime.now(datetime.UTC), time.monotonic()
    runner = Runner(root, request, workers=workers, until=until, listen=listen, kernels=kernels)
    failure: GlassboxError | None = None
    with runner.run():
        try:
            if not runner.restore_fresh_stages():
                from glassbox.pipeline.graph import build

                build(runner)
        except GlassboxError as error:
            failure = error
        run = history.write_run(runner, history.new_run_id(), started, time.monotonic() - start)
    return RunResult(runner, run, failure)


def last_seconds(root: Path, slug: str) -> dict[str, float]:
    """Return the seconds that each stage took when it was last computed."""
    seconds: dict[str, float] = {}
    for run in history.runs(root, slug):
        seconds.update({name: stage["seconds"] for name, stage in run["stages"].items() if stage["status"] == "ran"})
    return seconds


def stage_states(root: Path, request: Request) -> list[tuple[str, bool, list[str]]]:
    """Return for each stage its name, whether it is fresh, and the reasons if it is not; nothing is run.

    A stage downstream of a stale stage counts as stale, although it turns out fresh if the stale stage produces the same products
    again.
    """
    runner = Runner(root, request)
    HASHES.read(runner.store.folder / "code.json")
    states: list[tuple[str, bool, list[str]]] = []
    stale: set[str] = set()
    for spec in runner.specs.values():
        stale_upstream = [stage for stage in spec.upstream if stage in stale]
        if stale_upstream:
            states.append((spec.name, False, [f"upstream is stale: {', '.join(stale_upstream)}"]))
            stale.add(spec.name)
            continue
        facts = runner.facts(spec)
        entry = runner.store.find(facts, request)
        if entry is None:
            states.append((spec.name, False, runner.stale_reasons(spec, facts) or ["its products are not in the store"]))
            stale.add(spec.name)
        else:
            runner.outcomes[spec.name] = Outcome(spec.name, "cached", entry=entry)
            states.append((spec.name, True, []))
    return states


def read_report(root: Path, slug: str) -> dict[str, Any] | None:
    """Return the machine-readable report of the last run; None if the run wrote none, or its file is damaged."""
    return read_state(root / "reports" / slug / "report.json")

"""The pipeline graph, built and ordered by Ploomber; no other module imports Ploomber.

Ploomber does not decide which stages are stale: `StoreExecutor` looks them up in the store. Ploomber's templates can execute code,
so it receives only the validated slug and the name of the family, never any other text of the user.
"""

import os
import sys
import warnings
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from glassbox.errors import GlassboxError, StageError
from glassbox.pipeline.runner import Outcome, Runner
from glassbox.pipeline.spec import pipeline_dict

os.environ["PLOOMBER_STATS_ENABLED"] = "false"
# An optional dependency of jsonschema, which nbformat imports: it takes seconds to build a grammar for the format `iri`, which no
# notebook has. None makes its import fail, as if it were not installed.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Ploomber is archived: its deprecation warnings will not be fixed
    import ploomber.executors.abc
    from ploomber.constants import TaskStatus
    from ploomber.exceptions import DAGBuildError
    from ploomber.spec import DAGSpec

if TYPE_CHECKING:
    from ploomber import DAG

_POLL_SECONDS = 0.2


class StoreExecutor(ploomber.executors.abc.Executor):  # type: ignore[misc]
    """A Ploomber executor that runs each task with a `Runner`, also under a plain `ploomber build`."""

    def __init__(self, runner: Runner | None = None) -> None:
        self.runner = runner
        self.failures: list[BaseException] = []

    def __call__(self, dag: "DAG", show_progress: bool = False) -> list[Any]:
        super().__call__(dag)
        runner = self.runner or _runner_of(dag)
        if self.runner is not None:
            self._build(dag, runner)
        else:
            with runner.run():
                self._build(dag, runner)
        return []

    def _build(self, dag: "DAG", runner: Runner) -> None:
        futures: dict[Future[Outcome], str] = {}
        with ThreadPoolExecutor(max_workers=runner.workers, thread_name_prefix="stage") as pool:
            try:
                while True:
                    if not self.failures:
                        submitted = set(futures.values())
                        for name in list(dag):
                            if dag[name].exec_status == TaskStatus.WaitingExecution and name not in submitted:
                                futures[pool.submit(runner.run_stage, name)] = name
                    if not futures:
                        break
                    done, _ = wait(futures, timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
                    runner.report_progress()
                    for future in done:
                        self._settle(dag[futures.pop(future)], future.result())
            except BaseException:
                runner.stop()  # ends the kernels, and so the threads that wait for them
                raise
        if self.failures:
            raise DAGBuildError(str(self.failures[0])) from self.failures[0]

    def _settle(self, task: Any, outcome: Outcome) -> None:
        if outcome.status == "failed":
            self.failures.append(outcome.error or StageError(f"{outcome.stage}: failed"))
            task.exec_status = TaskStatus.Errored
        else:
            task.exec_status = TaskStatus.Executed


def _runner_of(dag: "DAG") -> Runner:
    """Create the runner for a plain `ploomber build`, for the request that `env.yaml` names."""
    from glassbox.request.loading import load_request
    from glassbox.request.model import Request

    slug = next(iter(dag.values())).params["request"]
    root = Path.cwd()
    request: Request = load_request(root / "params" / f"{slug}.yaml")
    return Runner(root, request)


def build(runner: Runner) -> None:
    """Build the graph of a request and run it with a runner.

    Raises
    ------
    GlassboxError
        The error of the stage that failed. If several stages that ran in parallel failed, the message holds all their errors.
    """
    executor = StoreExecutor(runner)
    previous = Path.cwd()
    try:
        os.chdir(runner.root)  # Ploomber resolves sources and products against the working directory
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dag = DAGSpec({**pipeline_dict(runner.root, runner.request), "executor": "serial"}).to_dag()
            dag.executor = executor
            dag.build(force=True, show_progress=False)
        finally:
            os.chdir(previous)
    except DAGBuildError as error:
        if not executor.failures:
            raise StageError(f"the pipeline graph could not be built: {error}") from error
        first, *others = executor.failures
        if isinstance(first, GlassboxError) and not others:
            raise first from error
        messages = [str(e) if isinstance(e, GlassboxError) else f"{type(e).__name__}: {e}" for e in executor.failures]
        raise StageError("\n\n".join(messages)) from first

"""Tracking in MLflow, on a SQLite file and a folder under `data/mlflow/`, without a server: the only module that imports mlflow.

`log_run` is called after the graph, with values: nothing here reads the store, and nothing that was computed depends on it.
MLflow is imported when there is something to log: it takes seconds, and a run that computed nothing has been logged before.
"""

import contextlib
import logging
import os
import socket
import sqlite3
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError, TrackingError
from glassbox.tracking.values import RunRecord as RunRecord
from glassbox.tracking.values import StageRecord as StageRecord
from glassbox.tracking.values import Values, grandchildren, of_run, of_stage, safe_name, short, write_files

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

PATIENCE_SECONDS = 3.0  # how long a locked store is waited for
QUIET = {
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
# What a saved model needs beside the code that is logged with it, as far as it is installed here.
LIBRARIES = (
    "charset-normalizer", "lightgbm", "numpy", "pandas", "pyarrow", "pydantic", "pyyaml", "scikit-learn", "scipy", "skops",
    "xgboost-cpu",
)  # fmt: skip
_COLUMN_TYPES = {"number": "double", "date": "datetime"}  # all other kinds are text


def database(root: Path) -> Path:
    """Where the tracking store of a project lies."""
    return root / "data" / "mlflow" / "mlflow.db"


def log_run(root: Path, run: RunRecord) -> str:
    """Log a run: one MLflow run for the request, a child for each stage, a grandchild for each candidate and trial.

    A run that computed nothing and has been logged before is not logged again. The model is registered under the request's
    name, once a hash; it becomes `challenger`, and `champion` when it is not worse than the champion on the same holdout.

    Returns
    -------
    str
        The id of the MLflow run that stands for the request.

    Raises
    ------
    TrackingError
        When the tracking store is locked, broken or cannot be written. What was computed is safe: logging is all that failed.
    """
    root = root.resolve()
    path = database(root)
    with _store_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _probe(path)
    if all(stage.cached for stage in run.stages) and (logged := _logged_before(path, run.fingerprint)):
        return logged
    with _quiet_mlflow(), _store_errors(path):
        return _Log(root).run(run)


def ui(root: Path, port: int = 5000) -> NoReturn:
    """Become MLflow's own pages on what was tracked, on loopback, until stopped.

    Raises
    ------
    GlassboxError
        Nothing has been tracked yet, or the port is taken.
    """
    root = root.resolve()
    path = database(root)
    if not path.is_file():
        raise GlassboxError(f"{path}: nothing has been tracked here yet; run a request first.")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise GlassboxError(f"Port {port} cannot be opened: {error}. Choose another with --port.") from error
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{path}"]
    command += ["--no-serve-artifacts", "--default-artifact-root", str(path.parent / "artifacts")]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    sys.stdout.flush()
    sys.stderr.flush()
    environment = {**os.environ, **QUIET, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore"}
    os.execve(command[0], command, environment)  # noqa: S606  # so that Ctrl-C reaches it


# --------------------------------------------------------------------------------------------------------- what goes wrong


def _probe(path: Path) -> None:
    """Open the store for writing and leave it as it was: says at once what MLflow would find out in minutes."""
    with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE_SECONDS, isolation_level=None)) as store:
        store.execute("BEGIN IMMEDIATE")
        store.execute("SELECT count(*) FROM sqlite_master").fetchone()
        store.execute("ROLLBACK")


def _logged_before(path: Path, fingerprint: str) -> str | None:
    """The MLflow run that has this fingerprint and was logged to its end. Asked of the file: importing mlflow takes seconds."""
    query = """
        SELECT runs.run_uuid FROM runs JOIN tags ON tags.run_uuid = runs.run_uuid
        WHERE tags.key = 'glassbox.fingerprint' AND tags.value = ?
          AND runs.status = 'FINISHED' AND runs.lifecycle_stage = 'active'
        ORDER BY runs.start_time DESC
    """
    with contextlib.closing(sqlite3.connect(path, timeout=PATIENCE_SECONDS)) as store:
        tables = {name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        found = store.execute(query, [fingerprint]).fetchone() if {"runs", "tags"} <= tables else None
    return str(found[0]) if found else None


@contextlib.contextmanager
def _quiet_mlflow() -> Iterator[None]:
    """Import mlflow with nothing sent and nothing said: its migrations, hints and caught errors are not the user's news."""
    os.environ.update(QUIET)
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow  # noqa: F401  # sets its loggers up

        before = [logger.level for logger in loggers]
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)


@contextlib.contextmanager
def _store_errors(path: Path) -> Iterator[None]:
    """Say in words what is wrong with the tracking store, and that nothing else is."""
    try:
        yield
    except TrackingError:
        raise
    except Exception as error:  # MLflow and what lies below it raise many kinds; what is not theirs is raised as it is
        if not _of_the_store(error):
            raise
        text = " ".join(str(error).split("\n")[0].split())
        raise TrackingError(
            f"{path}: the run could not be logged: {short(text)}. {_advice(path, text)} "
            "All that was computed is safe in the store: the next run takes it from there and only makes up the logging; "
            "`--no-track` runs without it."
        ) from error


def _of_the_store(error: Exception) -> bool:
    if isinstance(error, (OSError, sqlite3.Error)):
        return True
    modules = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return bool(modules & {"mlflow", "sqlalchemy", "alembic"})


def _advice(path: Path, text: str) -> str:
    if "locked" in text:
        return "Another program holds it: end that one (`glassbox ui`, another run, a database browser), then run again."
    if "out-of-date" in text or "Can't locate revision" in text:
        upgrade = f"`{sys.executable} -m mlflow db upgrade sqlite:///{path}`"
        return f"It was written by another version of MLflow: {upgrade} brings it up to date."
    if "not a database" in text or "malformed" in text or "no such" in text or "corrupt" in text:
        return f"The file is broken: move {path.parent} away, then run again; a new one is made."
    return "See that its folder can be written and has room, then run again."


# ------------------------------------------------------------------------------------------------------------------ logging


class _Log:
    """The tracking store of one project, open."""

    def __init__(self, root: Path) -> None:
        from mlflow import MlflowClient

        self.artifacts = database(root).parent / "artifacts"
        uri = f"sqlite:///{database(root)}"
        self.client = MlflowClient(uri, uri)

    def run(self, run: RunRecord) -> str:
        """Log all of a run; the parent ends last, so that a run that was cut is never taken for a logged one."""
        experiment = self._experiment(run.name)
        parent = self._open(experiment, run.name, None, of_run(run))
        for stage in run.stages:
            self._stage(experiment, parent, stage, run)
        if run.model is not None and run.model_hash is not None and run.schema is not None:
            self._model(experiment, parent, run, run.model, run.model_hash, run.schema)
        self.client.set_terminated(parent, "FINISHED")
        return parent

    def _experiment(self, name: str) -> str:
        """The experiment of a request. One whose artifacts would go to another folder was copied from there: it is put aside."""
        found = self.client.get_experiment_by_name(name)
        place = str(self.artifacts / name)
        if found is not None and found.artifact_location.removeprefix("file://") != place:
            self.client.rename_experiment(found.experiment_id, f"{name}, until {found.experiment_id} was moved here")
            found = None
        if found is not None and found.lifecycle_stage != "active":
            self.client.restore_experiment(found.experiment_id)
        if found is None:
            return str(self.client.create_experiment(name, artifact_location=place))
        return str(found.experiment_id)

    def _open(self, experiment: str, name: str, parent: str | None, values: Values) -> str:
        """A new run, with all that is known of it in one batch."""
        from mlflow.entities import Metric, Param, RunTag

        above = {"mlflow.parentRunId": parent} if parent else {}
        created = self.client.create_run(experiment, run_name=short(name), tags=above)
        run_id, at = str(created.info.run_id), int(created.info.start_time)
        metrics = [Metric(key, value, at, 0) for key, value in values.numbers.items()]
        params = [Param(key, value) for key, value in values.params.items()]
        tags = [RunTag(safe_name(key), short(value)) for key, value in values.tags.items()]
        self.client.log_batch(run_id, metrics, params, tags, synchronous=True)
        return run_id

    def _stage(self, experiment: str, parent: str, stage: StageRecord, run: RunRecord) -> None:
        child = self._open(experiment, stage.name, parent, of_stage(stage))
        with tempfile.TemporaryDirectory() as scratch:
            write_files(Path(scratch), stage.findings, stage.measured)
            self.client.log_artifacts(child, scratch)
        for name, values in grandchildren(stage.name, run):
            self.client.set_terminated(self._open(experiment, name, child, values), "FINISHED")
        self.client.set_terminated(child, "FINISHED")

    # --- the registry

    def _model(self, experiment: str, parent: str, run: RunRecord, folder: Path, model_hash: str, schema: Schema) -> None:
        """Register the model unless its hash is known, then settle who is challenger and who champion."""
        if not self.client.search_registered_models(f"name = '{run.name}'"):
            self.client.create_registered_model(run.name, description=short(str(run.request.get("problem", ""))))
        known = [str(item.version) for item in self._versions(run.name) if item.tags.get("glassbox.hash.model") == model_hash]
        version = known[0] if known else self._register(experiment, parent, run, folder, model_hash, schema)
        score = run.metrics[run.primary].value if run.primary in run.metrics else None
        scored = {
            "glassbox.hash.holdout": run.hashes.get("holdout") or "",
            "glassbox.primary": run.primary,
            "glassbox.score": repr(score),
        }
        for key, value in scored.items():
            self.client.set_model_version_tag(run.name, version, key, value)
        self.client.set_registered_model_alias(run.name, "challenger", version)
        champion = self._champion(run.name)
        becomes, why = _settle(version, scored, champion, run.more_is_better)
        if becomes:
            self.client.set_registered_model_alias(run.name, "champion", version)
        self.client.set_model_version_tag(run.name, version, "glassbox.settled", why)
        self.client.set_tag(parent, "glassbox.model", f"{run.name} version {version}: {why}")

    def _versions(self, name: str) -> list[Any]:
        found: list[Any] = []
        token: str | None = None
        while token != "":
            page = self.client.search_model_versions(f"name = '{name}'", page_token=token)
            found += page
            token = page.token or ""
        return found

    def _champion(self, name: str) -> tuple[str, Mapping[str, str]] | None:
        aliases = self.client.get_registered_model(name).aliases
        if "champion" not in aliases:
            return None
        champion = self.client.get_model_version(name, aliases["champion"])
        return str(champion.version), champion.tags

    def _register(self, experiment: str, parent: str, run: RunRecord, folder: Path, model_hash: str, schema: Schema) -> str:
        """Log the model as code and its own files, no pickle anywhere, and give it the next version."""
        import mlflow.pyfunc
        from mlflow.entities import LoggedModelOutput
        from mlflow.models import Model

        tags = {"glassbox.hash.model": model_hash, "glassbox.run_id": run.run_id}
        logged = self.client.create_logged_model(experiment, name=run.name, source_run_id=parent, tags=tags)
        described = Model(
            artifact_path=logged.artifact_location,
            run_id=parent,
            model_id=logged.model_id,
            model_uuid=logged.model_id,
            metadata={"glassbox": {key: value for key, value in run.hashes.items() if value}},
        )
        with tempfile.TemporaryDirectory() as scratch:
            target = Path(scratch) / "model"
            mlflow.pyfunc.save_model(
                target,
                mlflow_model=described,
                loader_module="glassbox.tracking.model",
                data_path=str(folder),
                code_paths=[str(Path(__file__).parents[1])],
                signature=_signature(schema),
                pip_requirements=_requirements(),
            )
            self.client.log_model_artifacts(logged.model_id, str(target))
        self.client.finalize_logged_model(logged.model_id, "READY")
        self.client.log_outputs(parent, [LoggedModelOutput(logged.model_id, step=0)])
        version = self.client.create_model_version(
            run.name, logged.artifact_location, run_id=parent, tags=tags, await_creation_for=0, model_id=logged.model_id
        )
        return str(version.version)


def _signature(schema: Schema) -> "ModelSignature":
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, TensorSpec
    from mlflow.types import Schema as Columns

    types = {given.name: _COLUMN_TYPES.get(given.kind, "string") for given in schema.features}
    inputs: list[ColSpec | TensorSpec] = [ColSpec(kind, name) for name, kind in types.items()]
    outputs: list[ColSpec | TensorSpec] = [ColSpec("string" if schema.classes else "double", "y_pred")]
    outputs += [ColSpec("double", f"proba_{name}") for name in schema.classes or []]
    return ModelSignature(Columns(inputs), Columns(outputs))


def _requirements() -> list[str]:
    """The libraries of a saved model, at the versions that are installed."""
    installed = {str(found.metadata["Name"]).lower() for found in metadata.distributions()}
    return [f"{name}=={metadata.version(name)}" for name in LIBRARIES if name in installed]


def _settle(
    version: str, scored: Mapping[str, str], champion: tuple[str, Mapping[str, str]] | None, more_is_better: bool
) -> tuple[bool, str]:
    """Whether a version becomes champion, and why: by the same metric on the same holdout, or not at all.

    >>> _settle("2", {"glassbox.hash.holdout": "h", "glassbox.primary": "auc", "glassbox.score": "0.8"}, None, True)
    (True, 'champion: there was none')
    """
    if champion is None:
        return True, "champion: there was none"
    other, tags = champion
    if other == version:
        return True, "champion: it was before"
    for key, what in (("glassbox.hash.holdout", "holdout"), ("glassbox.primary", "metric")):
        if not scored[key] or tags.get(key) != scored[key]:
            return False, f"challenger: version {other}, the champion, was scored by another {what}"
    if "None" in (scored["glassbox.score"], tags.get("glassbox.score", "None")):
        return False, f"challenger: it or version {other}, the champion, has no score"
    ours, theirs = float(scored["glassbox.score"]), float(tags["glassbox.score"])
    not_worse = ours >= theirs if more_is_better else ours <= theirs
    than = f"{scored['glassbox.primary']} {ours:.6g} against {theirs:.6g} of version {other} on the same holdout"
    return not_worse, f"{'champion' if not_worse else 'challenger'}: {than}"

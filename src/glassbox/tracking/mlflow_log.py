"""Logging of runs to MLflow, in a SQLite file and a folder under `data/mlflow/`, without a server.

This is the only module that imports mlflow. `log_run` is called after the pipeline has ended and receives values only: this module
does not read the store, and no result depends on it. MLflow is imported only when there is something to log, because the import takes
seconds and a run that computed nothing has been logged before.
"""

import contextlib
import logging
import os
import socket
import sqlite3
import sys
import warnings
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError, TrackingError
from glassbox.files import disk_error_in
from glassbox.temporary import temporary_folder
from glassbox.tracking.values import (
    RunRecord,
    StageRecord,
    Values,
    grandchildren,
    run_values,
    safe_name,
    stage_values,
    truncate,
    write_files,
)

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

LOCK_TIMEOUT_SECONDS = 3.0  # waiting time for a locked store
QUIET = {
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}
# Requirements of a logged model besides the code that is logged with it; only installed libraries are listed.
LIBRARIES = (
    "charset-normalizer", "lightgbm", "numpy", "pandas", "pyarrow", "pydantic", "pyyaml", "scikit-learn", "scipy", "skops",
    "xgboost-cpu",
)  # fmt: skip
_COLUMN_TYPES = {"number": "double", "date": "datetime"}  # all other kinds are logged as strings


def database(root: Path) -> Path:
    """Return the path of a project's tracking database."""
    return root / "data" / "mlflow" / "mlflow.db"


def log_run(root: Path, run: RunRecord) -> str:
    """Log a run: one MLflow run for the request, a child run per stage, and a grandchild run per candidate and trial.

    A run that computed nothing and has been logged before is not logged again. The model is registered under the request's name,
    once per hash. It receives the alias `challenger`, and the alias `champion` if it is not worse than the champion on the same
    holdout.

    Returns
    -------
    str
        The id of the MLflow run of the request.

    Raises
    ------
    TrackingError
        The tracking store is locked, corrupt or not writable. The computed results are not affected.
    """
    root = root.resolve()
    path = database(root)
    with _store_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _probe(path)
    if all(stage.cached for stage in run.stages) and (run_id := _find_logged_run(path, run.fingerprint)):
        return run_id
    with _quiet_mlflow(), _store_errors(path):
        return _Log(root).run(run)


def ui(root: Path, port: int = 5000) -> NoReturn:
    """Replace this process with the MLflow server on the tracked runs, listening on the loopback interface.

    Raises
    ------
    GlassboxError
        No run has been tracked yet, or the port cannot be opened.
    """
    root = root.resolve()
    path = database(root)
    if not path.is_file():
        raise GlassboxError(f"{path}: no run has been tracked yet; run a request first.")
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
    os.execve(command[0], command, environment)  # noqa: S606  # so that Ctrl-C reaches the server


# ------------------------------------------------------------------------------------------------------------------ errors


def _probe(path: Path) -> None:
    """Check that the store can be written: fails within seconds where MLflow would retry for minutes."""
    with contextlib.closing(sqlite3.connect(path, timeout=LOCK_TIMEOUT_SECONDS, isolation_level=None)) as store:
        store.execute("BEGIN IMMEDIATE")
        store.execute("SELECT count(*) FROM sqlite_master").fetchone()
        store.execute("ROLLBACK")


def _find_logged_run(path: Path, fingerprint: str) -> str | None:
    """Return the id of the completely logged MLflow run with this fingerprint; queries SQLite directly, without importing mlflow."""
    query = """
        SELECT runs.run_uuid FROM runs JOIN tags ON tags.run_uuid = runs.run_uuid
        WHERE tags.key = 'glassbox.fingerprint' AND tags.value = ?
          AND runs.status = 'FINISHED' AND runs.lifecycle_stage = 'active'
        ORDER BY runs.start_time DESC
    """
    with contextlib.closing(sqlite3.connect(path, timeout=LOCK_TIMEOUT_SECONDS)) as store:
        tables = {name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        row = store.execute(query, [fingerprint]).fetchone() if {"runs", "tags"} <= tables else None
    return str(row[0]) if row else None


@contextlib.contextmanager
def _quiet_mlflow() -> Iterator[None]:
    """Import mlflow without telemetry, warnings and log output."""
    os.environ.update(QUIET)
    loggers = [logging.getLogger(name) for name in ("mlflow", "alembic")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow  # noqa: F401  # the import configures the loggers

        levels = [logger.level for logger in loggers]
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextlib.contextmanager
def _store_errors(path: Path) -> Iterator[None]:
    """Convert errors of the tracking store into a `TrackingError` with their cause and remedy."""
    try:
        yield
    except TrackingError:
        raise
    except Exception as error:  # MLflow and its libraries raise many types; other errors propagate unchanged
        if not _is_store_error(error):
            raise
        text = " ".join(str(error).split("\n")[0].split())
        if (disk := disk_error_in(f"{text}: '{path}'")) is not None:
            raise TrackingError(f"{disk} The next run only repeats the logging; use `--no-track` to run without it.") from error
        raise TrackingError(
            f"{path}: the run could not be logged: {truncate(text)}. {_advice(path, text)} "
            "The computed results are safe in the store: the next run reuses them and only repeats the logging. "
            "Use `--no-track` to run without logging."
        ) from error


def _is_store_error(error: Exception) -> bool:
    if isinstance(error, (OSError, sqlite3.Error)):
        return True
    modules = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
    return bool(modules & {"mlflow", "sqlalchemy", "alembic"})


def _advice(path: Path, text: str) -> str:
    if "locked" in text:
        return "Another program has locked it: end that program (`glassbox ui`, another run, a database browser), then run again."
    if "out-of-date" in text or "Can't locate revision" in text:
        upgrade = f"`{sys.executable} -m mlflow db upgrade sqlite:///{path}`"
        return f"It was written by another version of MLflow: upgrade it with {upgrade}, then run again."
    if "not a database" in text or "malformed" in text or "no such" in text or "corrupt" in text:
        return f"The file is corrupt: move {path.parent} away, then run again to create a new one."
    return "Check that its folder is writable and the disk is not full, then run again."


# ------------------------------------------------------------------------------------------------------------------ logging


class _Log:
    """Writer for the tracking store of one project."""

    def __init__(self, root: Path) -> None:
        from mlflow import MlflowClient

        self.artifacts = database(root).parent / "artifacts"
        uri = f"sqlite:///{database(root)}"
        self.client = MlflowClient(uri, uri)

    def run(self, run: RunRecord) -> str:
        """Log a complete run; the parent run is terminated last, so that an interrupted run never counts as logged."""
        experiment = self._experiment(run.name)
        parent = self._start_run(experiment, run.name, None, run_values(run))
        for stage in run.stages:
            self._stage(experiment, parent, stage, run)
        if run.model is not None and run.model_hash is not None and run.schema is not None:
            self._model(experiment, parent, run, run.model, run.model_hash, run.schema)
        self.client.set_terminated(parent, "FINISHED")
        return parent

    def _experiment(self, name: str) -> str:
        """Return the experiment of a request. An experiment with artifacts elsewhere belongs to a copied project and is renamed."""
        experiment = self.client.get_experiment_by_name(name)
        location = str(self.artifacts / name)
        if experiment is not None and experiment.artifact_location.removeprefix("file://") != location:
            self.client.rename_experiment(experiment.experiment_id, f"{name}, copied experiment {experiment.experiment_id}")
            experiment = None
        if experiment is not None and experiment.lifecycle_stage != "active":
            self.client.restore_experiment(experiment.experiment_id)
        if experiment is None:
            return str(self.client.create_experiment(name, artifact_location=location))
        return str(experiment.experiment_id)

    def _start_run(self, experiment: str, name: str, parent: str | None, values: Values) -> str:
        """Create a run and log its metrics, parameters and tags in one batch."""
        from mlflow.entities import Metric, Param, RunTag

        parent_tag = {"mlflow.parentRunId": parent} if parent else {}
        created = self.client.create_run(experiment, run_name=truncate(name), tags=parent_tag)
        run_id, at = str(created.info.run_id), int(created.info.start_time)
        metrics = [Metric(key, value, at, 0) for key, value in values.numbers.items()]
        params = [Param(key, value) for key, value in values.params.items()]
        tags = [RunTag(safe_name(key), truncate(value)) for key, value in values.tags.items()]
        self.client.log_batch(run_id, metrics, params, tags, synchronous=True)
        return run_id

    def _stage(self, experiment: str, parent: str, stage: StageRecord, run: RunRecord) -> None:
        child = self._start_run(experiment, stage.name, parent, stage_values(stage))
        with temporary_folder() as scratch:
            write_files(scratch, stage.findings, stage.measured)
            self.client.log_artifacts(child, str(scratch))
        for name, values in grandchildren(stage.name, run):
            self.client.set_terminated(self._start_run(experiment, name, child, values), "FINISHED")
        self.client.set_terminated(child, "FINISHED")

    # --- model registry

    def _model(self, experiment: str, parent: str, run: RunRecord, folder: Path, model_hash: str, schema: Schema) -> None:
        """Register the model unless its hash is registered, then set the aliases `challenger` and `champion`."""
        if not self.client.search_registered_models(f"name = '{run.name}'"):
            self.client.create_registered_model(run.name, description=truncate(str(run.request.get("problem", ""))))
        registered = [str(v.version) for v in self._versions(run.name) if v.tags.get("glassbox.hash.model") == model_hash]
        version = registered[0] if registered else self._register(experiment, parent, run, folder, model_hash, schema)
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
        promoted, reason = _compare_with_champion(version, scored, champion, run.more_is_better)
        if promoted:
            self.client.set_registered_model_alias(run.name, "champion", version)
        self.client.set_model_version_tag(run.name, version, "glassbox.settled", reason)
        self.client.set_tag(parent, "glassbox.model", f"{run.name} version {version}: {reason}")

    def _versions(self, name: str) -> list[Any]:
        versions: list[Any] = []
        token: str | None = None
        while token != "":
            page = self.client.search_model_versions(f"name = '{name}'", page_token=token)
            versions += page
            token = page.token or ""
        return versions

    def _champion(self, name: str) -> tuple[str, Mapping[str, str]] | None:
        aliases = self.client.get_registered_model(name).aliases
        if "champion" not in aliases:
            return None
        champion = self.client.get_model_version(name, aliases["champion"])
        return str(champion.version), champion.tags

    def _register(self, experiment: str, parent: str, run: RunRecord, folder: Path, model_hash: str, schema: Schema) -> str:
        """Log the model as code and model files, without pickle, and create its next version."""
        import mlflow.pyfunc
        from mlflow.entities import LoggedModelOutput
        from mlflow.models import Model

        tags = {"glassbox.hash.model": model_hash, "glassbox.run_id": run.run_id}
        logged = self.client.create_logged_model(experiment, name=run.name, source_run_id=parent, tags=tags)
        mlflow_model = Model(
            artifact_path=logged.artifact_location,
            run_id=parent,
            model_id=logged.model_id,
            model_uuid=logged.model_id,
            metadata={"glassbox": {key: value for key, value in run.hashes.items() if value}},
        )
        with temporary_folder() as scratch:
            target = scratch / "model"
            mlflow.pyfunc.save_model(
                target,
                mlflow_model=mlflow_model,
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

    types = {column.name: _COLUMN_TYPES.get(column.kind, "string") for column in schema.features}
    inputs: list[ColSpec | TensorSpec] = [ColSpec(kind, name) for name, kind in types.items()]
    outputs: list[ColSpec | TensorSpec] = [ColSpec("string" if schema.classes else "double", "y_pred")]
    outputs += [ColSpec("double", f"proba_{name}") for name in schema.classes or []]
    return ModelSignature(Columns(inputs), Columns(outputs))


def _requirements() -> list[str]:
    """Return the requirements of a logged model, pinned to the installed versions."""
    installed = {str(distribution.metadata["Name"]).lower() for distribution in metadata.distributions()}
    return [f"{name}=={metadata.version(name)}" for name in LIBRARIES if name in installed]


def _compare_with_champion(
    version: str, scored: Mapping[str, str], champion: tuple[str, Mapping[str, str]] | None, more_is_better: bool
) -> tuple[bool, str]:
    """Decide whether a version becomes champion, and give the reason; both must be scored by the same metric on the same holdout.

    >>> _compare_with_champion("2", {"glassbox.hash.holdout": "h", "glassbox.primary": "auc", "glassbox.score": "0.8"}, None, True)
    (True, 'champion: no champion before')
    """
    if champion is None:
        return True, "champion: no champion before"
    champion_version, tags = champion
    if champion_version == version:
        return True, "champion: already champion"
    for key, term in (("glassbox.hash.holdout", "holdout"), ("glassbox.primary", "metric")):
        if not scored[key] or tags.get(key) != scored[key]:
            return False, f"challenger: the champion, version {champion_version}, was scored with another {term}"
    if "None" in (scored["glassbox.score"], tags.get("glassbox.score", "None")):
        return False, f"challenger: this version or the champion, version {champion_version}, has no score"
    score, champion_score = float(scored["glassbox.score"]), float(tags["glassbox.score"])
    not_worse = score >= champion_score if more_is_better else score <= champion_score
    comparison = f"{scored['glassbox.primary']} {score:.6g}, against {champion_score:.6g} of version {champion_version}"
    return not_worse, f"{'champion' if not_worse else 'challenger'}: {comparison} on the same holdout"

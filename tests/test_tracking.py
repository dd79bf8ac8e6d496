"""Tests of tracking with a real MLflow store."""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import types
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.errors import GlassboxError, TrackingError
from glassbox.findings.model import Estimate, Estimates, Facts, Figure, NamedFinding, Table
from glassbox.tracking.mlflow_log import _Log, database, log_run, ui
from glassbox.tracking.values import RunRecord, StageRecord

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
SVG = "<svg xmlns='http://www.w3.org/2000/svg'><title>Bars</title></svg>"
SCHEMA = Schema(
    columns=[
        ColumnSchema(name="tenure", kind="number"),
        ColumnSchema(name="contract", kind="category", categories=["month", "year"]),
        ColumnSchema(name="since", kind="date", date_format="%Y-%m-%d"),
        ColumnSchema(name="churned", kind="boolean", categories=["No", "Yes"]),
    ],
    target="churned",
    classes=["No", "Yes"],
)


def shown(*named: tuple[str, Any]) -> dict[str, NamedFinding]:
    return {name: NamedFinding(name=name, finding=finding) for name, finding in named}


def stages(*, cached: bool = False) -> list[StageRecord]:
    figure = Figure(title="Target", alt="Two bars.", svg=SVG)
    facts = Facts(title="Arrived", facts={"rows": 7043, "from": "files", "late": None})
    latency = Estimates(title="Latency", values={"latency": Estimate(value=12.5, unit="ms", n=100)})
    return [
        StageRecord("ingest", "k1", cached, 1.0, shown(("data_summary", facts))),
        StageRecord("explore", "k2", cached, 1.0, shown(("target", figure))),
        StageRecord("compare", "k3", cached, 1.0),
        StageRecord("tune", "k4", cached, 1.0),
        StageRecord("deploy", "k5", cached, 0.5, {}, shown(("latency", latency))),
    ]


def record(model: Path, **changes: Any) -> RunRecord:
    """Return the record of a complete run of `churn`; `changes` are fields of the record."""
    score, model_hash, holdout = (
        changes.pop(name, other) for name, other in (("score", 0.84), ("model_hash", "m1"), ("holdout", "h1"))
    )
    leaderboard = pd.DataFrame({"candidate": ["dummy", "forest"], "roc_auc": [0.5, 0.8], "note": ["", "slow"]})
    trials = pd.DataFrame(
        {"number": [0, 1, 2], "value": [0.8, 0.81, None], "params": [json.dumps({"depth": d}) for d in (3, 5, 7)]}
    )
    run = RunRecord(
        request={"name": "churn", "seed": 42, "problem": "Who leaves?", "data": {"target": "churned", "features": None}},
        run_id="r1",
        stages=stages(),
        hashes={"data": "d1", "holdout": holdout, "model": model_hash, "code": None},
        model=model,
        model_hash=model_hash,
        schema=SCHEMA,
        metrics={"roc_auc": Estimate(value=score, low=0.82, high=0.86, n=1409), "log_loss": Estimate(value=None)},
        primary="roc_auc",
        leaderboard=Table.of(leaderboard, "Leaderboard"),
        trials=trials,
    )
    return replace(run, **changes)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fitted") / "model"
    folder.mkdir()
    (folder / "predictor.json").write_text('{"family": "tiny"}')
    return folder


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty tracking store, created once because creating one takes a second."""
    from mlflow import MlflowClient

    root = tmp_path_factory.mktemp("empty")
    log_run(root, RunRecord(request={"name": "other"}, run_id="r0", stages=[]))
    MlflowClient(uri(root), uri(root)).delete_experiment("1")
    return root


@pytest.fixture
def root(empty: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(empty, tmp_path / "project"))


@pytest.fixture(scope="module")
def logged(empty: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A project with one logged run, and the id of the run; read-only."""
    root = Path(shutil.copytree(empty, tmp_path_factory.mktemp("logged") / "project"))
    return root, log_run(root, record(model))


def uri(root: Path) -> str:
    return f"sqlite:///{database(root)}"


def client(root: Path) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(uri(root), uri(root))


def runs(root: Path) -> list[Any]:
    experiment = client(root).get_experiment_by_name("churn")
    return list(client(root).search_runs([experiment.experiment_id])) if experiment else []


def below(root: Path, parent: str) -> dict[str, Any]:
    return {run.info.run_name: run for run in runs(root) if run.data.tags.get("mlflow.parentRunId") == parent}


# ---------------------------------------------------------------------------------------------------------------- logging


def test_stages_are_child_runs_and_candidates_and_trials_grandchild_runs(logged: tuple[Path, str]) -> None:
    root, parent = logged
    children = below(root, parent)
    assert set(children) == {"ingest", "explore", "compare", "tune", "deploy"}
    assert set(below(root, children["compare"].info.run_id)) == {"dummy", "forest"}
    assert set(below(root, children["tune"].info.run_id)) == {"trial 0", "trial 1", "trial 2"}
    assert {run.info.status for run in runs(root)} == {"FINISHED"}
    assert len(runs(root)) == 1 + 5 + 2 + 3


def test_the_parent_run_has_the_request_metrics_and_hashes(logged: tuple[Path, str]) -> None:
    root, parent = logged
    data = client(root).get_run(parent).data
    assert data.params["data.target"] == "churned"
    assert data.metrics == {"roc_auc": 0.84, "roc_auc.low": 0.82, "roc_auc.high": 0.86, "roc_auc.n": 1409.0, "seconds": 4.5}
    assert data.tags["glassbox.run_id"] == "r1"
    assert {key: value for key, value in data.tags.items() if key.startswith("glassbox.hash.")} == {
        "glassbox.hash.data": "d1",
        "glassbox.hash.holdout": "h1",
        "glassbox.hash.model": "m1",
    }


def test_a_stage_run_has_the_numbers_of_its_findings(logged: tuple[Path, str]) -> None:
    root, parent = logged
    children = below(root, parent)
    assert children["ingest"].data.metrics == {"seconds": 1.0, "data_summary.rows": 7043.0}
    assert children["deploy"].data.metrics == {"seconds": 0.5, "latency.latency": 12.5, "latency.latency.n": 100.0}
    assert children["ingest"].data.tags["glassbox.key"] == "k1"


def test_candidate_and_trial_runs_have_their_scores_and_parameters(logged: tuple[Path, str]) -> None:
    root, parent = logged
    children = below(root, parent)
    forest = below(root, children["compare"].info.run_id)["forest"].data
    assert forest.metrics == {"roc_auc": 0.8}
    assert forest.params == {"candidate": "forest", "note": "slow"}
    trials = below(root, children["tune"].info.run_id)
    assert trials["trial 1"].data.metrics == {"number": 1.0, "value": 0.81}
    assert trials["trial 1"].data.params == {"depth": "5"}
    assert trials["trial 2"].data.metrics == {"number": 2.0}


def test_figures_are_logged_unchanged(logged: tuple[Path, str]) -> None:
    root, parent = logged
    child = below(root, parent)["explore"].info
    figure = Path(child.artifact_uri) / "figures" / "target.svg"
    assert figure.read_text() == SVG
    assert figure.is_relative_to(root / "data" / "mlflow" / "artifacts")


def test_a_request_with_many_fields_is_logged(root: Path) -> None:
    request = {"name": "churn", **{f"p{i}": i for i in range(250)}}
    parent = log_run(root, RunRecord(request=request, run_id="r", stages=[]))
    assert len(client(root).get_run(parent).data.params) == 251


def test_logging_prints_nothing_and_leaves_the_working_directory_clean(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    log_run(tmp_path, record(model))  # a new store, so that MLflow's migrations run as well
    assert capfd.readouterr() == ("", "")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"


def test_a_run_that_computed_nothing_is_not_logged_twice(root: Path, model: Path) -> None:
    first = log_run(root, record(model))
    count = len(runs(root))
    assert log_run(root, record(model, stages=stages(cached=True), run_id="r2")) == first
    assert len(runs(root)) == count


def test_a_run_that_computed_nothing_does_not_import_mlflow(logged: tuple[Path, str]) -> None:
    root, parent = logged
    run = record(Path("unused"), stages=stages(cached=True))
    code = (
        "import sys; from pathlib import Path; from glassbox.tracking.mlflow_log import _find_logged_run, database\n"
        "print(_find_logged_run(database(Path(sys.argv[1])), sys.argv[2]), 'mlflow' in sys.modules, 'sqlalchemy' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(root), run.fingerprint]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == f"{parent} False False\n"


def test_a_run_with_interrupted_logging_is_logged_again(root: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut_here(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_Log, "_model", cut_here)
        with pytest.raises(KeyboardInterrupt):
            log_run(root, record(model))
    cut = {run.info.run_id for run in runs(root)}
    assert log_run(root, record(model, stages=stages(cached=True))) not in cut


def test_a_copied_project_logs_into_itself(logged: tuple[Path, str], model: Path, tmp_path: Path) -> None:
    first, _ = logged
    before = sorted(first.rglob("*"))
    copy = Path(shutil.copytree(first, tmp_path / "copy"))
    parent = log_run(copy, record(model, model_hash="m2", run_id="r2"))
    assert client(copy).get_run(parent).info.artifact_uri.startswith(str(copy))
    assert sorted(first.rglob("*")) == before


# ------------------------------------------------------------------------------------------------------------ the registry


BARE: dict[str, Any] = {"stages": [], "leaderboard": None, "trials": None}


def aliases(root: Path) -> dict[str, str]:
    return {alias: str(version) for alias, version in client(root).get_registered_model("churn").aliases.items()}


def versions(root: Path) -> int:
    return len(client(root).search_model_versions("name = 'churn'"))


def test_the_first_model_is_challenger_and_champion(logged: tuple[Path, str]) -> None:
    root, _ = logged
    assert aliases(root) == {"challenger": "1", "champion": "1"}


def test_the_same_model_is_registered_once(root: Path, model: Path) -> None:
    log_run(root, record(model, **BARE))
    log_run(root, record(model, run_id="r2", **BARE))
    assert versions(root) == 1


@pytest.mark.parametrize(
    ("changes", "champion"),
    [
        ({"score": 0.85}, "2"),
        ({"score": 0.84}, "2"),  # not worse
        ({"score": 0.83}, "1"),
        ({"score": 0.85, "more_is_better": False}, "1"),
        ({"score": 0.83, "more_is_better": False}, "2"),
        ({"score": 0.99, "holdout": "h2"}, "1"),  # scored on other rows
        ({"score": 0.99, "primary": "f1"}, "1"),  # not scored by that metric
        ({"score": None}, "1"),
    ],
)
def test_the_champion_is_the_better_model_on_the_same_holdout_and_metric(
    logged: tuple[Path, str], model: Path, tmp_path: Path, changes: dict[str, Any], champion: str
) -> None:
    root = Path(shutil.copytree(logged[0], tmp_path / "project"))
    parent = log_run(root, record(model, model_hash="m2", **BARE, **changes))
    assert aliases(root) == {"challenger": "2", "champion": champion}
    assert (
        f"version 2: {'champion' if champion == '2' else 'challenger'}"
        in client(root).get_run(parent).data.tags["glassbox.model"]
    )


def test_an_older_model_can_become_challenger_again(logged: tuple[Path, str], model: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(logged[0], tmp_path / "project"))
    log_run(root, record(model, model_hash="m2", score=0.9, **BARE))
    log_run(root, record(model, run_id="r3", **BARE))
    assert aliases(root) == {"challenger": "1", "champion": "2"}
    assert versions(root) == 2


class TinyPredictor:
    """A predictor that predicts `Yes` for a tenure below one."""

    schema = SCHEMA

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        yes = (frame["tenure"] < 1).to_numpy(dtype=float)
        return pd.DataFrame({"y_pred": ["Yes" if value else "No" for value in yes], "proba_No": 1 - yes, "proba_Yes": yes})


@pytest.fixture
def tiny_family(monkeypatch: pytest.MonkeyPatch) -> None:
    family, predictor = types.ModuleType("glassbox.families.tiny"), types.ModuleType("glassbox.families.tiny.predictor")
    family.__path__ = []
    predictor.load = lambda folder: TinyPredictor()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, family.__name__, family)
    monkeypatch.setitem(sys.modules, predictor.__name__, predictor)


@pytest.fixture
def served(logged: tuple[Path, str], tiny_family: None) -> Any:
    import mlflow

    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(uri(logged[0]))
    try:
        yield mlflow.pyfunc.load_model("models:/churn@champion")
    finally:
        mlflow.set_tracking_uri(before)


def test_the_registered_model_predicts(served: Any) -> None:
    rows = pd.DataFrame({"tenure": [0.5, 3.0], "contract": ["month", None], "since": ["2020-01-31", None]})
    assert list(served.predict(rows)["y_pred"]) == ["Yes", "No"]


def test_the_registered_model_rejects_invalid_rows(served: Any) -> None:
    rows = pd.DataFrame({"tenure": [float("inf")], "contract": ["month"], "since": ["2020-01-31"]})
    with pytest.raises(GlassboxError, match="row 0: tenure is inf; expected a finite number"):
        served.predict(rows)


def test_the_signature_matches_the_schema(served: Any) -> None:
    signature = served.metadata.signature
    assert {spec.name: spec.type.name for spec in signature.inputs} == {
        "tenure": "double",
        "contract": "string",
        "since": "datetime",
    }
    assert [spec.name for spec in signature.outputs] == ["y_pred", "proba_No", "proba_Yes"]


def test_the_registered_model_contains_no_pickle(logged: tuple[Path, str]) -> None:
    root, _ = logged
    names = [path.name for path in (root / "data" / "mlflow").rglob("*") if path.is_file()]
    assert "predictor.json" in names
    assert [name for name in names if re.search(r"\.(pkl|pickle|joblib|cloudpickle)$", name)] == []


# ------------------------------------------------------------------------------------------------------------------ errors


def _refused(root: Path, match: str) -> None:
    begun = time.monotonic()
    with pytest.raises(TrackingError, match=match) as caught:
        log_run(root, RunRecord(request={"name": "churn"}, run_id="r", stages=[]))
    assert time.monotonic() - begun < 6
    assert str(database(root)) in str(caught.value)
    assert "safe in the store" in str(caught.value)


def test_a_locked_store_fails_after_a_few_seconds(root: Path) -> None:
    with contextlib.closing(sqlite3.connect(database(root))) as other:
        other.execute("BEGIN IMMEDIATE")
        _refused(root, "is locked.*Another program has locked it")


def test_a_corrupt_store_is_reported_with_advice(root: Path) -> None:
    database(root).write_bytes(b"no database" * 100)
    _refused(root, r"not a database.*The file is corrupt: move .*mlflow away")


def test_a_store_that_cannot_be_opened_is_reported(root: Path) -> None:
    database(root).unlink()
    database(root).mkdir()
    _refused(root, "unable to open database file")


def test_a_store_of_another_mlflow_version_is_reported(root: Path) -> None:
    with contextlib.closing(sqlite3.connect(database(root))) as store, store:
        store.execute("UPDATE alembic_version SET version_num = 'of the future'")
    _refused(root, "written by another version of MLflow.*db upgrade")


def test_a_file_in_place_of_the_data_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    _refused(tmp_path, "could not be logged")


# ---------------------------------------------------------------------------------------------------------------- the UI


def test_the_ui_needs_a_tracked_run(tmp_path: Path) -> None:
    with pytest.raises(GlassboxError, match="no run has been tracked"):
        ui(tmp_path)


def test_a_port_in_use_is_reported(logged: tuple[Path, str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(GlassboxError, match=f"Port {port} "):
            ui(logged[0], port)


@pytest.fixture
def page(logged: tuple[Path, str], tmp_path: Path) -> Iterator[str]:
    """The URL of a running MLflow server, stopped with Ctrl-C."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = "import sys; from pathlib import Path; from glassbox.tracking.mlflow_log import ui; ui(Path(sys.argv[1]), int(sys.argv[2]))"
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-c", code, str(logged[0]), str(port)], cwd=tmp_path, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 600  # generous: the server starts slowly on a loaded machine
        while b"startup complete" not in (tmp_path / "log").read_bytes():
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < end, (tmp_path / "log").read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)


def test_the_ui_shows_tracked_artifacts(page: str, logged: tuple[Path, str]) -> None:
    root, parent = logged
    child = below(root, parent)["explore"].info.run_id
    with urllib.request.urlopen(f"{page}/get-artifact?path=figures/target.svg&run_uuid={child}", timeout=20) as answer:
        assert answer.read().decode() == SVG


def test_the_fingerprint_does_not_depend_on_the_order_of_the_stages(model: Path) -> None:
    assert record(model, stages=stages()[::-1]).fingerprint == record(model).fingerprint

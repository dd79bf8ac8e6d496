"""Tests of killed processes and of removal: no process and no temporary file is left, and nothing in use is removed."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from glassbox.errors import GlassboxError
from glassbox.pipeline.clean import clean
from glassbox.pipeline.locks import run_lock
from glassbox.state_files import read_state
from glassbox.temporary import sweep_temporary_folders, temporary_folder
from toy_project import Project

MARK = "GLASSBOX_TEST_MARK"
NAPS = "seed = stage.request.seed\nimport subprocess, time\nchild = subprocess.Popen(['sleep', '300'])\ntime.sleep(300)"
SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from glassbox.pipeline.run import run_request
from toy_project import Project
project = Project(Path({root!r}), None)
run_request(project.root, project.request)
"""


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """An environment whose temporary files are in a folder of their own, with a short name because sockets need one."""
    with tempfile.TemporaryDirectory(prefix="gb") as folder:
        yield {**os.environ, "TMPDIR": folder, "JUPYTER_RUNTIME_DIR": f"{folder}/jupyter", MARK: uuid.uuid4().hex}


def _start(project: Project, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    code = SCRIPT.format(tests=str(Path(__file__).parents[1]), root=str(project.root))
    return subprocess.Popen([sys.executable, "-c", code], env=environment, start_new_session=True)


def _processes(environment: dict[str, str]) -> list[psutil.Process]:
    """Return the running processes that descend from those with this environment, oldest first."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == environment[MARK] and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return sorted(found, key=lambda process: process.create_time())


def _wait_until(holds: object) -> None:
    end = time.monotonic() + 120
    while not holds():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.1)


def _sleeps(environment: dict[str, str]) -> bool:
    return any(process.name() == "sleep" for process in _processes(environment))


def test_killed_processes_leave_no_process_and_no_file(project: Project, environment: dict[str, str]) -> None:
    path = "notebooks/tabular/features.py"
    project.edit(path, "seed = stage.request.seed", NAPS)
    for victim in ("runner", "server", "kernel"):
        with _start(project, environment) as run:
            _wait_until(lambda: _sleeps(environment))
            time.sleep(random.random())
            kernel = next(process for process in _processes(environment) if process.name() == "sleep").ppid()
            server = psutil.Process(kernel).ppid()
            assert psutil.Process(server).ppid() == run.pid
            os.kill({"runner": run.pid, "server": server, "kernel": kernel}[victim], signal.SIGKILL)
            run.wait(timeout=120)
        _wait_until(lambda: not _processes(environment))
    (project.root / "data/.store/cells/.a.json.4194305-abc.tmp").write_text("half-written")
    (project.root / "data/toy/.features.abc.new").mkdir()
    project.edit(path, NAPS, "seed = stage.request.seed")
    assert _start(project, environment).wait(timeout=300) == 0
    run = read_state(project.root / "data/toy/run.json") or {}
    assert {stage["status"] for stage in run["stages"].values()} <= {"ran", "cached"}
    assert _processes(environment) == []
    assert os.listdir(environment["TMPDIR"]) == []
    assert os.listdir(project.root / "data/.store/tmp") == []
    hidden = [p for p in project.root.rglob(".*") if p.name not in (".store", ".manifest.json") and ".store/stages" not in str(p)]
    assert hidden == []


def test_a_killed_run_of_another_request_is_swept_but_a_living_one_is_not(project: Project) -> None:
    folder = project.root / "data/.store/tmp"
    for name in ("dead", "alive"):
        (folder / f"{name}.abc" / "train.parquet").mkdir(parents=True)
    with run_lock(project.root, "alive"):
        project.run()
    assert os.listdir(folder) == ["alive.abc"]


def test_a_temporary_folder_is_swept_only_when_its_process_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = "import os, sys; from glassbox.temporary import *; c = temporary_folder(); c.__enter__(); os._exit(0)"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, check=True)
    [left_behind] = tmp_path.iterdir()
    with temporary_folder() as folder:
        sweep_temporary_folders()
        assert folder.is_dir()
        assert not left_behind.exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("slug", [None, "toy"])
def test_the_store_is_not_removed_while_another_request_runs(project: Project, slug: str | None) -> None:
    with run_lock(project.root, "other"), pytest.raises(GlassboxError, match=r"the run of other \(process \d+\).*Nothing was"):
        clean(project.root, slug, store=True)
    assert (project.root / "data/toy").is_dir()
    assert list((project.root / "data/.store/stages").iterdir())
    clean(project.root, slug, store=True)
    assert [path.name for path in (project.root / "data/.store").iterdir()] == ["locks"]
    assert not (project.root / "data/toy").exists()


@pytest.mark.parametrize("slug", [None, "toy"])
def test_outputs_of_a_running_request_are_not_removed(project: Project, slug: str | None) -> None:
    (project.root / "data/another").mkdir()
    (project.root / "data/another/request.json").write_text("{}")
    with run_lock(project.root, "toy"), pytest.raises(GlassboxError, match=r"the run of toy \(process \d+\).*Nothing was"):
        clean(project.root, slug)
    assert (project.root / "data/another").is_dir()
    assert (project.root / "data/toy/run.json").is_file()


def test_another_request_can_be_removed_while_one_runs(project: Project) -> None:
    with run_lock(project.root, "other"):
        clean(project.root, "toy")
    assert not (project.root / "data/toy").exists()

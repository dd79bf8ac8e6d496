"""Tests of interrupted runs: the next run produces the same bytes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from glassbox.cli import app
from glassbox.errors import StoreError
from glassbox.files import files_below, hash_file
from toy_project import Project

SLOW = "import time\nfor i in range(300):\n    stage.progress(i, 300, 'naps')\n    time.sleep(0.1)"
SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from glassbox.pipeline.run import run_request
from toy_project import Project
project = Project(Path({root!r}), None)
print("started", flush=True)
run_request(project.root, project.request)
"""


def _products(root: Path) -> dict[str, str]:
    skipped = ("measured.json", "run.json", ".manifest.json")
    return {
        n: hash_file(p) for n, p in files_below(root / "data" / "toy") if not n.endswith(skipped) and not n.startswith("runs/")
    }


def _start(project: Project) -> subprocess.Popen[str]:
    tests = str(Path(__file__).parents[1])
    code = SCRIPT.format(tests=tests, root=str(project.root))
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True)


def _wait_for_progress(project: Project) -> None:
    for _ in range(3000):
        if list((project.root / "data/.store/tmp").glob("*/.progress")):
            return
        time.sleep(0.1)
    raise AssertionError("the slow stage did not start within 300 s")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_leaves_no_kernel_and_the_next_run_gives_the_same_bytes(project: Project, number: signal.Signals) -> None:
    expected = _products(project.root)
    slow, quick = f"seed = stage.request.seed\n{SLOW}", "seed = stage.request.seed"
    project.edit("notebooks/tabular/features.py", quick, slow)
    process = _start(project)
    _wait_for_progress(project)
    children = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, number)
    process.wait(timeout=20)
    assert process.stdout is not None
    process.stdout.close()
    _, alive = psutil.wait_procs(children, timeout=15)
    assert alive == []
    assert _products(project.root) == expected
    project.edit("notebooks/tabular/features.py", slow, quick)
    project.run()
    assert _products(project.root) == expected


def test_a_read_only_store_is_reported_with_its_cause(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.edit("notebooks/tabular/features.py", "list(train.columns)", "['x']")
    real = os.replace

    def refuse(source: object, target: object) -> None:
        if "stages" in str(target):
            raise OSError(30, "Read-only file system", str(target))
        real(source, target)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(StoreError, match="the folder is read-only"):
        project.run()
    monkeypatch.undo()
    project.run()
    assert (project.root / "data/toy/features/recipe.json").read_text() == '{\n  "columns": [\n    "x"\n  ]\n}\n'


def test_a_full_disk_is_reported_with_its_cause(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.edit("notebooks/tabular/features.py", "list(train.columns)", "['x']")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "data/.store")

    monkeypatch.setattr("glassbox.pipeline.store.write_state", full)
    with pytest.raises(StoreError, match="the disk is full"):
        project.run()


@pytest.mark.parametrize(
    "code",
    [
        "raise OSError(28, 'No space left on device', 'data/recipe.json')",
        "raise RuntimeError('I/O error: No space left on device (os error 28)')",
        "import os\ndef full(*_): raise OSError(28, 'No space left on device')\nos.fsync = full",
    ],
)
def test_a_full_disk_inside_a_kernel_is_reported_in_the_same_way(project: Project, code: str) -> None:
    project.edit("notebooks/tabular/features.py", "seed = stage.request.seed", code)
    with pytest.raises(StoreError, match=r"^\S+: the disk is full: free some space, then run again") as caught:
        project.run()
    assert str(caught.value).split(":")[0].endswith("data" if "Runtime" in code else "recipe.json")


def test_a_notebook_that_cannot_be_copied_is_not_left_empty(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    (project.root / "params").mkdir()
    (project.root / "params/toy.yaml").write_text("task: classification\ndata: {path: toy.csv, target: y}\n")
    monkeypatch.setenv("GLASSBOX_ROOT", str(project.root))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        refused = CliRunner().invoke(app, ["eject", "toy", "features"])
    assert refused.exit_code == 1
    assert "features.py: the disk is full: free some space, then run again" in refused.output
    assert list((project.root / "notebooks/toy").iterdir()) == []
    assert CliRunner().invoke(app, ["eject", "toy", "features"]).exit_code == 0
    source = project.root / "notebooks/tabular/features.py"
    assert (project.root / "notebooks/toy/features.py").read_bytes() == source.read_bytes()

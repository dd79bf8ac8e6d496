"""Tests that a family with the files listed in ARCHITECTURE.md runs all nine stages and is served."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from glassbox.files import read_json
from glassbox.pipeline.spec import STAGES
from spine_project import REPOSITORY

TOY = REPOSITORY / "tests" / "toy_family"
ROW = '    "toy": Task(family="toy", metrics=("mae",), target="number"),\n'
REQUEST = """\
name: houses
task: toy
problem: What does a house cost?
data: {path: houses.csv, row: house, target: price}
requirements: {mae: "<30", latency: "<5s"}
cost: low
folds: 3
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("toy")
    shutil.copytree(REPOSITORY / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__"))
    package = root / "src/glassbox"
    # As listed in ARCHITECTURE.md: a row in TASKS, a folder in families/ and three notebooks.
    tasks = package / "request/tasks.py"
    text = tasks.read_text(encoding="utf-8")
    tasks.write_text(text.replace('    "classification": Task(', ROW + '    "classification": Task(', 1), encoding="utf-8")
    (package / "families/toy").mkdir()
    (package / "families/toy/__init__.py").touch()
    for name in ("family.py", "predictor.py"):
        shutil.copyfile(TOY / name, package / "families/toy" / name)
    shutil.copytree(REPOSITORY / "notebooks", root / "notebooks", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(TOY / "notebooks", root / "notebooks/toy")
    for name in ("pipeline.yaml", "requirements.lock"):
        shutil.copyfile(REPOSITORY / name, root / name)
    (root / "params").mkdir()
    (root / "params/houses.yaml").write_text(REQUEST, encoding="utf-8")
    rng = np.random.default_rng(0)
    area, rooms = rng.uniform(40, 200, 400).round(1), rng.integers(1, 8, 400)
    price = (2.5 * area + 15 * rooms + rng.normal(0, 20, 400)).round(2)
    pd.DataFrame({"area": area, "rooms": rooms, "price": price}).to_csv(root / "houses.csv", index=False)
    return root


def run(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GLASSBOX_ROOT": str(project), "PYTHONPATH": str(project / "src"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "glassbox", *words]
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)


def test_a_new_family_goes_through_all_stages_and_serves(project: Path) -> None:
    process = run(project, "run", "houses", "--no-track")
    assert process.returncode == 0, process.stdout + process.stderr
    stages = read_json(project / "data/houses/run.json")["stages"]
    assert {name: stage["status"] for name, stage in stages.items()} == dict.fromkeys(STAGES, "ran")
    report = read_json(project / "reports/houses/report.json")
    assert {row["name"]: row["verdict"] for row in report["requirements"]} == {"mae": "met", "latency": "met"}
    assert report["leaderboard"][0]["candidate"] == "line"
    served = subprocess.Popen(
        [sys.executable, "-m", "glassbox.serving", str(project / "data/houses/deploy"), "--port", "0", "--until-input-ends"],
        env={**os.environ, "PYTHONPATH": str(project / "data/houses/deploy/code")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert served.stdout is not None
        url = next(word for line in served.stdout for word in line.split() if word.startswith("http://"))
        body = json.dumps({"area": 100.0, "rooms": 4}).encode()
        answer = httpx.post(f"{url}/predict", content=body, headers={"content-type": "application/json"}, trust_env=False)
        assert answer.status_code == 200, answer.text
        assert answer.json()["predictions"][0]["y_pred"] == pytest.approx(2.5 * 100 + 15 * 4, abs=15)
    finally:
        served.communicate(timeout=30)


def test_a_shared_notebook_can_be_ejected(project: Path) -> None:
    process = run(project, "eject", "houses", "compare")
    assert process.returncode == 0, process.stderr
    assert (project / "notebooks/houses/compare.py").read_text() == (project / "notebooks/compare.py").read_text()

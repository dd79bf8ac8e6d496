"""A small project with the real notebooks and synthetic data, run by the command line."""

import atexit
import contextlib
import io
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self
from unittest import mock

import click
import numpy as np
import pandas as pd

from glassbox.cli import app
from glassbox.files import read_json
from glassbox.pipeline import kernels
from glassbox.pipeline.spec import STAGES
from toy_boxes import write_scenes
from toy_encoder import toy_encoder
from toy_news import conll
from toy_pictures import toy_backbone, write_shapes
from toy_series import shops
from toy_texts import messages

_KernelServer = kernels.KernelServer
REPOSITORY = Path(__file__).parents[1]
REQUEST = """\
name: customers
task: classification
problem: Who will leave? {{ 7 * 7 }}
data:
  path: customers.csv
  id: number
  target: left
  positive: "yes"
requirements:
  roc_auc: ">0.6"
  latency: "<5s"
cost: low
folds: 3
"""


def customers(rows: int = 600) -> pd.DataFrame:
    """Generate customers whose churn depends on tenure and contract, with gaps, a date, money as text, and markup as a column name."""
    rng = np.random.default_rng(7)
    tenure = rng.integers(1, 72, rows)
    contract = rng.choice(["monthly", "yearly", "two years"], rows, p=[0.6, 0.25, 0.15])
    odds = 1.2 - 0.06 * tenure + 1.4 * (contract == "monthly")
    frame = pd.DataFrame(
        {
            "number": [f"c{i:04d}" for i in range(rows)],
            "tenure": tenure.astype(float),
            "contract": contract,
            "paid": [f"${value:,.2f}" for value in rng.gamma(2.0, 700.0, rows)],
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, rows), unit="D"),
            "<img src=x onerror=alert(1)>": rng.choice(["a", "b"], rows),
            "left": np.where(rng.random(rows) < 1 / (1 + np.exp(-odds)), "yes", "no"),
        }
    )
    frame.loc[rng.random(rows) < 0.05, "tenure"] = np.nan
    return frame


class SharedServer:
    """Stand-in for `KernelServer` that gives the runner one server, which ends with this process."""

    _server: ClassVar[kernels.KernelServer | None] = None

    def __enter__(self) -> Self:
        if SharedServer._server is None:
            SharedServer._server = _KernelServer().__enter__()
            atexit.register(SharedServer._server.stop)
        self.socket = SharedServer._server.socket
        return self

    def stop(self) -> None:
        """Leave the server running."""


@dataclass(frozen=True)
class Project:
    """A project folder, with methods that run the command line in it."""

    root: Path
    slug: str = "customers"

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `glassbox` with these arguments in this process, with the kernel server of all tests, without checking the exit code.

        This saves the imports of a new process and of its kernel server, which take longer than most of what the tests run.
        """
        output, errors = io.StringIO(), io.StringIO()
        with (
            mock.patch.dict(os.environ, self.environment()),
            mock.patch.object(kernels, "KernelServer", SharedServer),
            contextlib.chdir(self.root),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(errors),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("default")
            try:
                code = app(list(words), standalone_mode=False) or 0
            except click.ClickException as error:
                error.show(errors)
                code = error.exit_code
            except SystemExit as exit_:
                code = exit_.code
        return subprocess.CompletedProcess(words, int(code or 0), output.getvalue(), errors.getvalue())

    def process(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run `glassbox` with these arguments in a new process, without checking the exit code."""
        return subprocess.run(
            self.words(words), cwd=self.root, env=self.environment(variables), capture_output=True, text=True, check=False
        )

    def words(self, words: Sequence[str]) -> list[str]:
        """Return the command line."""
        return [sys.executable, "-m", "glassbox", *words]

    def environment(self, variables: dict[str, str] | None = None) -> dict[str, str]:
        """Return the environment of the command."""
        return {**os.environ, "GLASSBOX_ROOT": str(self.root), "OMP_NUM_THREADS": "1", **(variables or {})}

    def statuses(self) -> dict[str, str]:
        """Return the status of each stage in the last run."""
        return {name: stage["status"] for name, stage in read_json(self.root / "data" / self.slug / "run.json")["stages"].items()}

    def clean_report(self) -> dict[str, Any]:
        """Return the report of a first run, and assert that all stages ran, all requirements are met and the audit found nothing."""
        assert self.statuses() == dict.fromkeys(STAGES, "ran")
        report: dict[str, Any] = read_json(self.root / f"reports/{self.slug}/report.json")
        assert len(report["audit"]) == 8
        assert {row["verdict"] for row in report["audit"]} <= {"avoided", "look"}
        assert {row["verdict"] for row in report["requirements"]} == {"met"}
        return report

    def products(self) -> dict[str, str]:
        """Return the hash of every product of the last run."""
        hashes: dict[str, str] = {}
        for path in sorted((self.root / "data" / self.slug).glob("*/.manifest.json")):
            manifest = read_json(path)
            hashes.update({f"{manifest['stage']}.{name}": product["hash"] for name, product in manifest["products"].items()})
        return hashes


SHOPS = """\
name: shops
task: forecasting
problem: How much will each shop sell on each day of the next week?
data:
  path: shops.csv
  time: day
  series: shop
  target: sold
  features: [rain]
  known: [rain]
  holidays: DE
horizon: 7
split: {origins: 3}
requirements:
  mase: "<0.9"
  latency: "<5s"
cost: low
folds: 3
"""


MESSAGES = """\
name: messages
task: nlp
weights: {encoder: encoder}
problem: Is a message praise or a complaint, so that complaints are answered first?
data:
  path: messages.jsonl
  target: about
  positive: complaint
  features: [text]
requirements:
  accuracy: ">0.6"
  latency: "<5s"
cost: low
folds: 3
"""


NEWS = """\
name: news
task: nlp
answer: spans
problem: Who and what is named in the news?
data:
  path: news/*.txt
  target: entities
split: {by: column, column: file}
requirements:
  f1: ">0.5"
  latency: "<5s"
cost: low
folds: 2
"""


SHAPES = """\
name: shapes
task: computer_vision
weights: {backbones: backbone}
problem: Which shape does a picture show?
data:
  path: shapes/**
  target: folder
requirements:
  accuracy: ">0.6"
  latency: "<5s"
cost: low
folds: 2
"""


SCENES = """\
name: scenes
task: computer_vision
answer: boxes
problem: What lies on a picture, and where?
data:
  path: scenes/**
  target: boxes
split: {by: column, column: part}
requirements:
  map_50: ">0.3"
  latency: "<5s"
cost: low
folds: 2
"""


def new_project(root: Path, slug: str = "customers") -> Project:
    """Create a project with the repository's notebooks and pipeline and a request for synthetic data, in a new git repository."""
    shutil.copytree(
        REPOSITORY / "notebooks", root / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__")
    )
    for name in ("pipeline.yaml", "requirements.lock", ".gitignore", "data/catalog.yaml"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, root / name)
    (root / "params").mkdir()
    if slug == "shops":
        (root / "params/shops.yaml").write_text(SHOPS, encoding="utf-8")
        shops(days=220).drop(columns=["row_id", "staff"]).to_csv(root / "shops.csv", index=False)
    elif slug == "messages":
        (root / "params/messages.yaml").write_text(MESSAGES, encoding="utf-8")
        toy_encoder(root / "encoder")
        messages().to_json(root / "messages.jsonl", orient="records", lines=True)
    elif slug == "news":
        (root / "params/news.yaml").write_text(NEWS, encoding="utf-8")
        (root / "news").mkdir()
        for part, count, seed, names in (("train", 200, 1, 6), ("test", 60, 2, 8)):
            (root / f"news/{part}.txt").write_text(conll(count, seed, names), encoding="utf-8")
    elif slug == "shapes":
        (root / "params/shapes.yaml").write_text(SHAPES, encoding="utf-8")
        toy_backbone(root / "backbone")
        write_shapes(root / "shapes")
    elif slug == "scenes":
        (root / "params/scenes.yaml").write_text(SCENES, encoding="utf-8")
        write_scenes(root / "scenes")
    else:
        (root / "params/customers.yaml").write_text(REQUEST, encoding="utf-8")
        customers().to_csv(root / "customers.csv", index=False)
    for words in (["init", "-q"], ["add", "-A"], ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "start"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    return Project(root, slug)

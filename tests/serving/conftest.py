"""Fixtures of the serving tests: a small model, its package, and a running service of the package."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.classification.dataset import labelled_rows
from glassbox.families.tabular.refit import refit
from glassbox.runtime.resources import Resources
from glassbox.serving.build import build_package
from glassbox.serving.process import running_service

REQUEST = {"name": "churn", "task": "classification", "problem": "Who leaves?", "target": "churned"}


@pytest.fixture(scope="session")
def without_torch(tmp_path_factory: pytest.TempPathFactory) -> Callable[[pytest.MonkeyPatch], None]:
    """Hide torch from services, as in their container: if it is installed, skops spends seconds importing it."""
    folder = tmp_path_factory.mktemp("without")
    (folder / "torch.py").write_text("raise ModuleNotFoundError('No module named torch', name='torch')\n")
    return lambda patch: patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)


@pytest.fixture(autouse=True)
def _no_torch(without_torch: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    without_torch(monkeypatch)  # restored after each test, because other tests in this process need torch


@pytest.fixture(scope="session")
def schema() -> Schema:
    return Schema(
        columns=[
            ColumnSchema(name="customer", kind="identifier"),
            ColumnSchema(name="tenure", kind="number", whole=True, low=0, high=72),
            ColumnSchema(name="charges", kind="number", written_as="money", low=1.5, high=99.5, missing=0.1),
            ColumnSchema(name="contract", kind="category", categories=["month", "two years", "year"]),
            ColumnSchema(
                name="since", kind="date", date_format="%d.%m.%Y", low_date="2015-01-01", high_date="2020-12-31", missing=0.05
            ),
            ColumnSchema(name="code", kind="constant", categories=["a"]),
            ColumnSchema(name="churned", kind="boolean", categories=["No", "Yes"]),
        ],
        target="churned",
        target_kind="classes",
        classes=["No", "Yes"],
        id="customer",
    )


@pytest.fixture
def row() -> dict[str, object]:
    return {"tenure": 3, "charges": 20.5, "contract": "month", "since": "01.02.2019"}


@pytest.fixture(scope="session")
def lock() -> Path:
    return Path(__file__).parents[2] / "requirements.lock"


@pytest.fixture(scope="session")
def served(schema: Schema) -> Schema:
    """The schema of requests, without the column that the model does not use."""
    return schema.model_copy(update={"excluded": ["code"]})


@pytest.fixture(scope="session")
def save_model(schema: Schema) -> Callable[[Path, int], Path]:
    """Return a function that fits a small model with the given number of trees and saves it to a folder."""
    rng = np.random.default_rng(0)
    n = 300
    train = pd.DataFrame(
        {
            "row_id": [f"r{i:03d}" for i in range(n)],
            "tenure": rng.integers(0, 73, n).astype(float),
            "charges": np.where(rng.random(n) < 0.1, np.nan, rng.uniform(1.5, 99.5, n)),
            "contract": rng.choice(["month", "two years", "year"], n),
            "since": (np.datetime64("2015-01-01") + rng.integers(0, 2192, n).astype("timedelta64[D]")).astype("datetime64[us]"),
            "code": "a",
        }
    )
    train["churned"] = np.where(rng.random(n) < 1 / (1 + np.exp(train["tenure"] / 20 - 1)), "Yes", "No")
    labelled = labelled_rows(train, "churned", ["No", "Yes"])
    recipe = {"columns": {"tenure": "number", "charges": "number", "contract": "one-hot", "since": "dates"}}

    def save(folder: Path, trees: int) -> Path:
        best = {"kind": "lightgbm", "params": {"n_estimators": trees}, "recipe": recipe}
        refit(best, labelled, schema, Calibration(), 0.5, Resources(seed=0)).save(folder)
        return folder

    return save


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory, save_model: Callable[[Path, int], Path]) -> Path:
    return save_model(tmp_path_factory.mktemp("model"), 5)


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory, model: Path, schema: Schema, lock: Path) -> Path:
    return build_package(tmp_path_factory.mktemp("package"), model, schema, REQUEST, lock)


@pytest.fixture(scope="session")
def url(package: Path, without_torch: Callable[[pytest.MonkeyPatch], None]) -> Iterator[str]:
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            without_torch(patch)
            address = stack.enter_context(running_service(package))
        yield address


@pytest.fixture(scope="session")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        yield client

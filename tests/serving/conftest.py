"""One small real model, its package, and the service of that package, shared by the tests of serving."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.files import write_json
from glassbox.serving.build import build_package
from glassbox.serving.process import running

REQUEST = {"name": "churn", "task": "classification", "problem": "Who leaves?", "target": "churned"}


@pytest.fixture(scope="session")
def schema() -> Schema:
    return Schema(
        columns=[
            ColumnSchema(name="customer", kind="identifier"),
            ColumnSchema(name="tenure", kind="number", low=0, high=72),
            ColumnSchema(name="charges", kind="number", written_as="money", low=1.5, high=99.5, missing=0.1),
            ColumnSchema(name="contract", kind="category", categories=["month", "two years", "year"]),
            ColumnSchema(
                name="since", kind="date", date_format="%d.%m.%Y", low_date="2015-01-01", high_date="2020-12-31", missing=0.05
            ),
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
def save_model(schema: Schema) -> Callable[[Path, float], Path]:
    """Write a small model into a folder; its second argument makes it another one."""

    def save(folder: Path, weight: float) -> Path:
        write_json(folder / "predictor.json", {"family": "tabular", "w": weight})
        return folder

    return save


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory, save_model: Callable[[Path, float], Path]) -> Path:
    return save_model(tmp_path_factory.mktemp("model"), -0.05)


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory, model: Path, schema: Schema, lock: Path) -> Path:
    return build_package(tmp_path_factory.mktemp("package"), model, schema, REQUEST, lock)


@pytest.fixture(scope="session")
def url(package: Path) -> Iterator[str]:
    with running(package) as address:
        yield address


@pytest.fixture(scope="session")
def client(url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:
        yield client

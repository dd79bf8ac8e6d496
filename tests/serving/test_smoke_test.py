"""Tests of the smoke test: its findings, and the detection of a different model."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError
from glassbox.serving import smoke_test
from glassbox.serving.example_rows import example_rows
from glassbox.serving.package import read_package
from glassbox.serving.process import running_service
from glassbox.serving.request_parsing import MAX_BODY_BYTES
from glassbox.serving.smoke_test import SmokeTest, check_parity, check_rejections, contract_table, package_facts


def test_the_service_of_the_evaluated_model_has_parity(url: str, model: Path, served: Schema) -> None:
    facts = check_parity(url, example_rows(served, 20), model, served).facts
    assert (facts["Rows compared"], facts["Rows that differ"]) == (20, 0)


def test_the_service_of_another_model_must_not_be_deployed(
    url: str, served: Schema, save_model: Callable[[Path, float], Path], tmp_path: Path
) -> None:
    save_model(tmp_path, 2)
    with pytest.raises(GlassboxError, match="must not be deployed"):
        check_parity(url, example_rows(served, 20), tmp_path, served)


def test_invalid_requests_are_rejected_and_valid_ones_predicted(url: str, served: Schema) -> None:
    table = check_rejections(url, example_rows(served)[0], served).frame()
    assert table["status"].tolist() == [200, 422, 422, 422, 400, 415, 413]
    assert f"{MAX_BODY_BYTES:,}" in table["response"].iloc[-1]


@pytest.fixture(scope="module")
def smoke_tested(package: Path, model: Path) -> tuple[SmokeTest, str]:
    """The results of a smoke test, and the URL of its service."""
    urls = []

    @contextmanager
    def recording(folder: Path) -> Iterator[str]:
        with running_service(folder) as url:
            urls.append(url)
            yield url

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(smoke_test, "running_service", recording)
        results = smoke_test.run_smoke_test(read_package(package), model, parity_rows=20, requests=5)
    return results, urls[0]


def test_parity_and_rejections_are_reproducible(
    smoke_tested: tuple[SmokeTest, str], url: str, model: Path, served: Schema
) -> None:
    rows = example_rows(served, 20)
    assert smoke_tested[0].parity == check_parity(url, rows, model, served)
    assert smoke_tested[0].rejections == check_rejections(url, rows[0], served)


def test_the_configured_number_of_requests_is_timed(smoke_tested: tuple[SmokeTest, str]) -> None:
    assert smoke_tested[0].latency.values["latency"].n == 5


def test_the_service_stops_after_the_smoke_test(smoke_tested: tuple[SmokeTest, str]) -> None:
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{smoke_tested[1]}/health", trust_env=False)


def test_the_request_schema_lists_every_field_in_order(served: Schema) -> None:
    table = contract_table(served).frame()
    assert table["field"].tolist() == ["tenure", "charges", "contract", "since"]
    assert table["in training data"].tolist() == ["0 to 72", "1.5 to 99.5", "3 categories", "2015-01-01 to 2020-12-31"]


def test_the_package_facts_contain_the_hash_of_the_served_model(package: Path, url: str) -> None:
    served = httpx.get(f"{url}/health", trust_env=False).json()["model"]
    assert package_facts(read_package(package)).facts["Model (SHA-256)"] == served

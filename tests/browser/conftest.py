"""Fixtures: an offline browser and a rendered site."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from fabricated_run import write_run
from glassbox.reports import site
from glassbox.reports.sections import STAGES
from glassbox.state_files import read_state, write_state

PAGES = ["index", "churn/report", *(f"churn/{stage}" for stage in STAGES), "short/report", "short/ingest"]


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `reports` folder of two requests: a complete one, and a partial one with HTML in its problem statement."""
    root = write_run(tmp_path_factory.mktemp("project"))
    write_run(root, slug="short", until="compare")
    resolved = root / "data" / "short" / "request.json"
    write_state(resolved, {**(read_state(resolved) or {}), "problem": "Does <img src=x onerror=alert(1)> predict it?"})
    site.write_assets(root)
    for slug in ("churn", "short"):
        site.render_request(root, slug)
    site.render_index(root)
    return root / "reports"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The chromium of the system, or else that of Playwright."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield launched
        launched.close()

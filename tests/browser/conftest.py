"""A browser without a network, and a site to look at."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from fabricated_run import write_run
from glassbox.files import read_json, write_json
from glassbox.reports import site
from glassbox.reports.sections import STAGES

PAGES = ["index", "churn/report", *(f"churn/{stage}" for stage in STAGES), "short/report", "short/ingest"]


@pytest.fixture(scope="session")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `reports` folder of two requests: a whole one, and one that ended early and asks in hostile words."""
    root = write_run(tmp_path_factory.mktemp("project"))
    write_run(root, slug="short", until="compare")
    asked = root / "data" / "short" / "request.json"
    write_json(asked, {**read_json(asked), "problem": "Does <img src=x onerror=alert(1)> predict it?"})
    site.write_assets(root)
    for slug in ("churn", "short"):
        site.render_request(root, slug)
    site.render_index(root)
    return root / "reports"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium, or else Playwright's own."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield found
        found.close()

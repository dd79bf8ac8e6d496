"""Tests of JupyterLab in a browser."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from lab.lab_project import NOTEBOOK, Server, git

CHROMIUM = shutil.which("chromium")  # None: Playwright's own


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 1280, "height": 1000})
        browser.close()


def test_double_click_run_all_and_save(server: Server, page: Page) -> None:
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    page.goto(f"{server.url}/lab?token={server.token}&reset")
    listing = page.get_by_role("region", name="File Browser Section").locator(".jp-DirListing-content")
    listing.get_by_text("tabular").dblclick(timeout=60_000)
    listing.get_by_text("compare.py").dblclick()
    notebook = page.locator(".jp-NotebookPanel")
    expect(notebook.get_by_role("heading", name="Model comparison")).to_be_visible(timeout=30_000)
    expect(page.locator(".jp-Dialog")).to_have_count(0)
    expect(page.get_by_text("Python 3 | Idle")).to_be_visible(
        timeout=30_000
    )  # JupyterLab ignores Run All before the kernel is idle

    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    results = notebook.locator(".jp-OutputArea-output")
    expect(results).to_have_text(["churn 3", "42"], timeout=30_000)
    expect(notebook.locator("[data-mime-type='application/vnd.jupyter.error']")).to_have_count(0)

    with page.expect_response(lambda answer: answer.request.method == "PUT" and "/api/contents/" in answer.url) as saved:
        page.keyboard.press("Control+s")
    assert saved.value.ok
    assert (server.root / "notebooks" / "tabular" / "compare.py").read_text() == NOTEBOOK
    assert git(server.root, "status", "--porcelain", "--untracked-files=all") == ""
    assert [url for url in requested if not url.startswith((server.url, "data:", "blob:"))] == []

"""The site on disk: pages of completed stages, reproducible bytes, valid links."""

import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from fabricated_run import run_facts, write_run
from glassbox.errors import GlassboxError
from glassbox.files import files_below, read_json, write_json
from glassbox.reports import site
from glassbox.reports.sections import STAGES
from glassbox.state_files import write_state


@pytest.fixture(scope="module")
def _made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_run(tmp_path_factory.mktemp("project"))
    write_run(root, slug="short", until="compare")
    site.write_assets(root)
    for slug in ("churn", "short"):
        site.render_request(root, slug)
    site.render_index(root)
    return root


@pytest.fixture
def project(_made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(_made, tmp_path / "project"))


def pages(folder: Path) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in files_below(folder) if not name.endswith(".ipynb")}


class _Links(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value is not None:
                self.links.append(value)
            if name == "id" and value is not None:
                self.ids.append(value)


def test_every_stage_has_a_page(project: Path) -> None:
    names = {path.name for path in (project / "reports" / "churn").iterdir()}
    assert {f"{stage}.html" for stage in STAGES} <= names
    assert {"report.html", "report.md", "report.json"} <= names


def test_every_link_and_anchor_has_a_target(project: Path) -> None:
    reports = project / "reports"
    read = {path: _Links(path.read_text(encoding="utf-8")) for path in reports.rglob("*.html")}
    assert len(read) == 1 + 2 + 9 + 4
    for path, parser in read.items():
        for link in parser.links:
            parts = urlsplit(link)
            if parts.scheme == "data":
                continue
            assert not parts.scheme, f"{path.name}: {link}"
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_file(), f"{path.name}: {link}"
            if parts.fragment:
                assert unquote(parts.fragment) in read[target].ids, f"{path.name}: {link}"


def test_links_in_markdown_have_targets(project: Path) -> None:
    folder = project / "reports" / "churn"
    links = re.findall(r"\]\(([a-z]+\.html)#([a-z_]+)\)", (folder / "report.md").read_text(encoding="utf-8"))
    assert len(links) > 15
    for name, anchor in links:
        assert anchor in _Links((folder / name).read_text(encoding="utf-8")).ids


def test_ids_are_unique_on_a_page(project: Path) -> None:
    for path in (project / "reports").rglob("*.html"):
        ids = _Links(path.read_text(encoding="utf-8")).ids
        assert len(ids) == len(set(ids)), path.name


def test_rendering_again_gives_the_same_bytes(project: Path) -> None:
    before = pages(project / "reports")
    for slug in ("churn", "short"):
        site.render_request(project, slug)
    site.render_index(project)
    assert pages(project / "reports") == before


def test_without_measured_values_another_machine_gives_the_same_bytes(project: Path, tmp_path: Path) -> None:
    site.render_request(project, "churn", out=tmp_path / "a", measured=False)
    run = {**run_facts(), "id": "another", "started": "2031-05-06T07:08:09+00:00", "seconds": 9000.0}
    write_state(project / "data" / "churn" / "run.json", run)
    for path in (project / "data" / "churn").glob("*/measured.json"):
        write_json(path, [])
    notebook = project / "reports" / "churn" / "deploy.ipynb"
    notebook.write_text(notebook.read_text(encoding="utf-8").replace("3.1", "99.7"), encoding="utf-8")
    site.render_request(project, "churn", out=tmp_path / "b", measured=False)
    assert pages(tmp_path / "a") == pages(tmp_path / "b")
    assert len(pages(tmp_path / "a")) == 12


def test_with_measured_values_date_and_latency_are_shown(project: Path) -> None:
    folder = project / "reports" / "churn"
    assert "2026-01-02, 03:04 UTC" in (folder / "report.html").read_text(encoding="utf-8")
    assert "3.1 ms" in (folder / "deploy.html").read_text(encoding="utf-8")
    assert read_json(folder / "report.json")["run"]["started"].startswith("2026-01-02")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"answer": 1}'])
def test_a_damaged_report_of_another_request_is_rendered_again(project: Path, content: str) -> None:
    path = project / "reports" / "short" / "report.json"
    before = pages(project / "reports")
    path.write_text(content)
    site.render_index(project)
    assert pages(project / "reports") == {**before, "short/report.json.damaged": content.encode()}


def test_a_damaged_request_does_not_keep_the_index_from_listing_others(project: Path) -> None:
    (project / "reports" / "short" / "report.json").write_text("{")
    (project / "data" / "short" / "request.json").write_text("{")
    site.render_index(project)
    index = (project / "reports" / "index.html").read_text()
    assert "churn/report.html" in index
    assert "short/report.html" not in index


@pytest.mark.parametrize("name", ["findings.json", "measured.json"])
def test_damaged_findings_are_named(project: Path, name: str) -> None:
    (project / "data" / "churn" / "explore" / name).write_text("{")
    with pytest.raises(GlassboxError, match=rf"{name}: the file is damaged; run the request again"):
        site.render_request(project, "churn")


def test_findings_of_an_earlier_run_are_not_included(project: Path) -> None:
    write_state(project / "data" / "churn" / "run.json", run_facts("compare"))
    site.render_request(project, "churn")
    folder = project / "reports" / "churn"
    assert not (folder / "evaluate.html").exists()
    assert (folder / "evaluate.ipynb").exists()
    assert read_json(folder / "report.json")["metrics"] == {}
    assert read_json(folder / "report.json")["stages"] == ["ingest", "explore", "features", "compare"]


def test_a_request_that_was_never_run_raises(project: Path) -> None:
    with pytest.raises(GlassboxError, match="glassbox run nothing"):
        site.render_request(project, "nothing")


def test_the_index_lists_every_request_with_answer_verdicts_and_date(project: Path) -> None:
    html = (project / "reports" / "index.html").read_text(encoding="utf-8")
    assert html.index('href="churn/report.html"') < html.index('href="short/report.html"')
    assert "Calling the 34 % of customers" in html
    assert "not proven" in html
    assert "2026-01-02" in html


def test_an_empty_index_names_the_first_command(tmp_path: Path) -> None:
    site.render_index(tmp_path)
    assert "glassbox run churn" in (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")


def test_unchanged_assets_are_not_written_again(project: Path) -> None:
    assets = project / "reports" / "assets"
    assert {path.name for path in assets.iterdir()} == {"glassbox.css", "glassbox.js", "icon.svg", "plotly.min.js"}
    before = {path.name: path.stat().st_ino for path in assets.iterdir()}
    (assets / "glassbox.css").write_text("stale")
    site.write_assets(project)
    after = {path.name: path.stat().st_ino for path in assets.iterdir()}
    assert {name for name in after if after[name] == before[name]} >= {"plotly.min.js", "glassbox.js", "icon.svg"}
    assert (assets / "glassbox.css").read_text() != "stale"


def test_pages_are_below_the_size_limit_and_contain_no_local_path(project: Path) -> None:
    for name, content in pages(project / "reports").items():
        if not name.startswith("assets/"):
            assert len(content) < 5_000_000
            assert str(project).encode() not in content

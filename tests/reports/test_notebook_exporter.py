"""Executed notebooks as pages, in the site and by `jupyter nbconvert --to glassbox`."""

import json
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import nbformat
import pytest

from fabricated_run import HOSTILE, USER_CELLS, code, display, findings, markdown, notebook, shown_output
from glassbox.findings.model import Estimate, Estimates, Facts, read_finding
from glassbox.reports.notebook_exporter import GlassboxExporter, notebook_page
from glassbox.reports.preprocessors import PAGE_BYTES, sanitize_html


def node(content: dict[str, Any]) -> nbformat.NotebookNode:
    return nbformat.reads(json.dumps(content), as_version=4)


def notebook_of(*cells: dict[str, Any]) -> nbformat.NotebookNode:
    return node({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": list(cells)})


def page(*cells: dict[str, Any], **more: Any) -> str:
    return notebook_page(notebook_of(*cells), "explore", "churn", **more)


def test_every_finding_has_one_anchor() -> None:
    items = findings()["evaluate"]
    html = notebook_page(node(notebook("evaluate", items)), "evaluate", "churn")
    for name, *_ in items:
        assert html.count(f'id="{name}"') == 1


def test_two_findings_of_one_cell_have_an_anchor_each() -> None:
    facts = Facts(title="t", facts={})
    html = page(code("x", shown_output("one", facts, measured=False), shown_output("two", facts, measured=False)))
    assert '<div class="block shown" id="one">' in html
    assert '<div class="output" id="two">' in html


def test_an_anchor_is_unique_even_if_its_finding_was_shown_twice() -> None:
    output = shown_output("one", Facts(title="t", facts={}), measured=False)
    assert page(code("x", output), code("y", output)).count('id="one"') == 1


def test_headings_are_in_order_with_one_title() -> None:
    html = page(markdown("# Explore\nwhat?"), markdown("### deep"), markdown("# again"))
    assert re.findall(r"<h(\d)", html) == ["1", "2", "2"]


def test_a_notebook_without_a_title_gets_the_name_of_its_stage() -> None:
    html = page(markdown("## Only a section"))
    assert "<h1>Explore</h1>" in html
    assert html.count("<h1") == 1


def test_code_is_folded() -> None:
    html = page(code("answer = 42"))
    assert '<details class="code">' in html
    assert '<span class="mi">42</span>' in html


def test_code_is_escaped() -> None:
    assert HOSTILE not in page(code(f"# {HOSTILE}"))


def test_a_finding_is_rendered_from_its_json_not_from_its_html() -> None:
    output = shown_output("one", Facts(title="from json", facts={}), measured=False)
    output["data"]["text/html"] = "<p>from html</p>"
    html = page(code("x", output))
    assert "from json" in html
    assert "from html" not in html


def test_keys_have_the_order_of_the_saved_finding() -> None:
    finding = Facts(title="t", facts={"zebra": 1, "ant": 2})
    output = shown_output("one", Facts(title="t", facts={"ant": 2, "zebra": 1}), measured=False)
    html = page(code("x", output), findings={"one": finding})
    assert html.index("zebra") < html.index("ant")


def test_a_finding_of_another_version_falls_back_to_its_html() -> None:
    output = display({"application/vnd.glassbox.finding+json": {"kind": "hologram"}, "text/html": "<p>own html</p>"})
    with pytest.raises(ValueError, match="hologram"):
        read_finding({"kind": "hologram"})
    assert "own html" in page(code("x", output))


def test_without_measured_the_page_does_not_depend_on_measured_values() -> None:
    def timed(ms: float) -> str:
        finding = Estimates(title="Latency", values={"latency": Estimate(value=ms, unit="ms")})
        return page(code("x", shown_output("latency", finding, measured=True)), measured=False)

    assert timed(3.1) == timed(99.0)
    assert 'id="latency"' in timed(3.1)


def test_with_measured_a_measured_output_is_shown_and_marked() -> None:
    finding = Estimates(title="Latency", values={"latency": Estimate(value=3.1, unit="ms")})
    html = page(code("x", shown_output("latency", finding, measured=True)))
    assert '<div class="output" data-measured>' in html
    assert "3.1 ms" in html


def test_without_measured_warnings_are_left_out() -> None:
    def warned(path: str) -> str:
        return page(code("x", {"output_type": "stream", "name": "stderr", "text": f"{path}: Warning"}), measured=False)

    assert warned("/here/a.py") == warned("/there/a.py")


def test_outputs_that_exceed_the_page_size_are_replaced_by_a_note() -> None:
    big = display({"image/png": "A" * 4_000_000})
    html = page(code("x", big), code("y", big), code("z", display({"text/plain": "small"})))
    assert len(html.encode()) < PAGE_BYTES
    assert "too large for the page (4.0 MB)" in html
    assert "small" in html


def test_only_pages_with_plotly_load_scripts() -> None:
    plain, drawn = page(code("x")), page(*USER_CELLS)
    assert "<script" not in plain
    assert "script-src" not in plain
    assert "plotly.min.js" in drawn
    assert "unsafe" not in plain + drawn


def test_stages_without_a_page_are_not_linked() -> None:
    html = page(code("x"), pages=["ingest", "explore"])
    assert 'href="ingest.html"' in html
    assert 'href="tune.html"' not in html
    assert "not run" in html


def test_previous_and_next_page_are_linked() -> None:
    html = page(code("x"), pages=["ingest", "explore", "compare"])
    assert '<a rel="prev" href="ingest.html">' in html
    assert '<a rel="next" href="compare.html">' in html


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href='data:text/html,x'>x</a>",
        "<iframe src='https://elsewhere.example'></iframe>",
        "<td style='position:fixed' onclick='x()'>x</td>",
        "<form action='x'><input></form>",
        "<img src='https://elsewhere.example/x.png'>",
        "<style>body { display: none }</style>",
        "<h1 id='content'>x</h1>",
    ],
)
def test_html_outputs_are_sanitised(html: str) -> None:
    clean = sanitize_html(f"<p>kept</p>{html}")
    assert "kept" in clean
    assert not re.search(r"script|onerror|onclick|data:text|iframe|style=|<style|<form|elsewhere[.]example|<h1|id=", clean)


def test_tables_in_html_outputs_are_preserved() -> None:
    clean = sanitize_html(
        '<table border="1"><thead><tr><th colspan="2">a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>'
    )
    assert '<th colspan="2">a</th>' in clean
    assert "<td>1</td>" in clean


def test_images_in_html_outputs_have_alternative_texts() -> None:
    assert 'alt="An image' in sanitize_html('<img src="data:image/png;base64,AA==" title="a > b">')
    assert 'alt="mine"' in sanitize_html('<img src="data:image/png;base64,AA==" alt="mine">')
    assert sanitize_html('<img src="x.png" alt="a > b">').count("<img") == 0


def test_plain_text_has_no_terminal_colours_overwritten_lines_or_addresses() -> None:
    text = "\x1b[31mred\x1b[0m\n10%\r100%\n<object at 0x7f0012345678>\n"
    html = page(code("x", {"output_type": "stream", "name": "stdout", "text": text}))
    assert '<pre tabindex="0">red\n100%\n&lt;object at 0x…&gt;</pre>' in html


def test_very_long_text_is_cut() -> None:
    html = page(code("x", {"output_type": "stream", "name": "stdout", "text": "a" * 200_010}))
    assert "… 10 more characters are in the notebook." in html


def test_an_error_is_readable() -> None:
    output = {"output_type": "error", "ename": "KeyError", "evalue": HOSTILE, "traceback": ["\x1b[0;31mline 1\x1b[0m"]}
    html = page(code("x", output))
    assert "<b>KeyError</b>" in html
    assert HOSTILE not in html
    assert '<pre tabindex="0">line 1</pre>' in html


def test_an_svg_output_is_an_image_that_cannot_run_scripts() -> None:
    html = page(code("x", display({"image/svg+xml": "<svg onload='alert(1)'/>", "text/plain": "a curve"})))
    assert '<img class="sheet" src="data:image/svg+xml;base64,PHN2Zy' in html
    assert 'alt="a curve"' in html


def test_outputs_that_display_nothing_are_left_out() -> None:
    html = page(
        code(
            "x",
            display({"text/plain": ""}),
            display({"application/x-unknown": "x"}),
            display({"text/html": "<script>x</script>"}),
        )
    )
    assert 'class="output"' not in html


def test_json_and_markdown_outputs_are_shown() -> None:
    html = page(code("x", display({"application/json": {"b": "<i>", "a": 1}}), display({"text/markdown": "a *word* <b>"})))
    assert "{\n  &#34;a&#34;: 1,\n  &#34;b&#34;: &#34;&lt;i&gt;&#34;\n}" in html
    assert "a <em>word</em> &lt;b&gt;" in html


def test_the_notebook_is_not_changed() -> None:
    original = node(notebook("explore", findings()["explore"], USER_CELLS))
    before = repr(original)
    notebook_page(original, "explore", "churn")
    assert repr(original) == before


def test_metadata_of_a_foreign_notebook_cannot_mark_html_as_safe_or_take_the_id_of_the_page() -> None:
    output = display({"text/html": f"<b>bold</b>{HOSTILE}"}, anchor="content", id="content", safe=True)
    cell = code("x", output)
    cell["metadata"]["glassbox"] = {"id": "content", "anchor": "content"}
    html = page(cell)
    assert html.count('id="content"') == 1
    assert "<b>bold</b>" in html
    assert HOSTILE not in html


def test_html_that_no_preprocessor_made_safe_is_escaped() -> None:
    exporter = GlassboxExporter(assets="assets")
    for preprocessor in exporter._preprocessors:
        preprocessor.enabled = type(preprocessor).__name__ == "FindingPreprocessor"
    html, _ = exporter.from_notebook_node(notebook_of(code("x", display({"text/html": "<b>bold</b>"}))))
    assert "&lt;b&gt;bold&lt;/b&gt;" in html


def test_configuration_in_the_working_folder_is_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "conf.json").write_text('{"preprocessors": {"x": {"type": "not.a.module"}}}')
    (tmp_path / "notebook.html").write_text("another template")
    monkeypatch.chdir(tmp_path)
    assert "<article" in page(code("x"))


@pytest.mark.parametrize(
    ("tag", "source", "output"), [("remove-cell", 0, 0), ("remove-input", 0, 1), ("remove-output", 1, 0), ("other", 1, 1)]
)
def test_cell_tags_of_jupyter_book_hide_parts_of_a_cell(tag: str, source: int, output: int) -> None:
    html = page(code("the_source", display({"text/plain": "the output"}), tags=[tag]))
    assert (html.count("the_source"), html.count("the output")) == (source, output)


def nbconvert(folder: Path, content: dict[str, Any]) -> str:
    """Run `jupyter nbconvert`, with the class name if the installed package does not register the exporter yet."""
    path = folder / "foreign & own.ipynb"
    path.write_text(json.dumps(content), encoding="utf-8")
    registered = "glassbox" in {entry.name for entry in entry_points(group="nbconvert.exporters")}
    name = "glassbox" if registered else "glassbox.reports.notebook_exporter.GlassboxExporter"
    command = [sys.executable, "-m", "nbconvert", "--to", name, path.name]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
    return path.with_suffix(".html").read_text(encoding="utf-8")


def test_jupyter_nbconvert_exports_a_foreign_notebook(tmp_path: Path) -> None:
    cells = [markdown(f"Intro <script>alert(1)</script>\n\n### Deep {HOSTILE}"), *USER_CELLS]
    content = {"nbformat": 4, "nbformat_minor": 4, "metadata": {"language_info": {"name": "python"}}, "cells": cells}
    html = nbconvert(tmp_path, content)
    assert HOSTILE not in html
    assert not re.search(r"onclick=|alert\(2\)|<script>|<style|https?://", html)
    assert "<h1>foreign &amp; own</h1>\n" in html
    assert re.findall(r"<h(\d)", html) == ["1", "2"]
    files = {path.relative_to(tmp_path).as_posix() for path in tmp_path.glob("*_files/*")}
    linked = set(re.findall(r'(?:href|src)="(foreign[^"]+)"', html))
    assert linked == {name.replace(" ", "%20").replace("&", "%26") for name in files}
    assert {name.rpartition("/")[2] for name in files} == {"glassbox.css", "icon.svg", "glassbox.js", "plotly.min.js"}
    assert nbconvert(tmp_path, content) == html


def test_jupyter_nbconvert_exports_a_notebook_of_a_stage(tmp_path: Path) -> None:
    items = findings()["evaluate"]
    html = nbconvert(tmp_path, notebook("evaluate", items))
    assert "<h1>Evaluate</h1>" in html
    assert "<script" not in html
    assert all(f'id="{name}"' in html for name, *_ in items)
    assert 'href="report.html"' not in html
    assert not list(tmp_path.rglob("*.js"))

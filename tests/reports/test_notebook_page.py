"""An executed notebook as a page."""

import re
from typing import Any

import pytest

from fabricated_run import HOSTILE, USERS_OWN, code, display, findings, markdown, notebook, shown_output
from glassbox.findings.model import Estimate, Estimates, Facts, read_finding
from glassbox.reports.markdown import Prose
from glassbox.reports.notebook_page import PAGE_BYTES, notebook_page
from glassbox.reports.outputs import output_piece, plain_text, user_html


def page(*cells: dict[str, Any], **more: Any) -> str:
    return notebook_page({"cells": list(cells)}, "explore", "churn", **more)


def test_every_finding_has_its_anchor_once() -> None:
    items = findings()["evaluate"]
    html = notebook_page(notebook("evaluate", items), "evaluate", "churn")
    for name, *_ in items:
        assert html.count(f'id="{name}"') == 1


def test_two_findings_of_one_cell_have_an_anchor_each() -> None:
    facts = Facts(title="t", facts={})
    html = page(code("x", shown_output("one", facts, measured=False), shown_output("two", facts, measured=False)))
    assert '<div class="block shown" id="one">' in html
    assert '<div class="output" id="two">' in html


def test_an_anchor_stands_once_even_when_it_was_shown_twice() -> None:
    output = shown_output("one", Facts(title="t", facts={}), measured=False)
    assert page(code("x", output), code("y", output)).count('id="one"') == 1


def test_headings_are_in_order_with_one_title() -> None:
    html = page(markdown("# Explore\nwhat?"), markdown("### deep"), markdown("# again"))
    assert re.findall(r"<h(\d)", html) == ["1", "2", "2"]


def test_a_notebook_without_a_title_gets_its_stages_name() -> None:
    html = page(markdown("## Only a section"))
    assert "<h1>Explore</h1>" in html
    assert html.count("<h1") == 1


def test_code_is_folded_away_but_there() -> None:
    html = page(code("answer = 42"))
    assert '<details class="code">' in html
    assert '<span class="mi">42</span>' in html


def test_code_is_escaped() -> None:
    assert HOSTILE not in page(code(f"# {HOSTILE}"))


def test_a_finding_is_drawn_from_its_json_not_from_its_html() -> None:
    output = shown_output("one", Facts(title="from json", facts={}), measured=False)
    output["data"]["text/html"] = "<p>from html</p>"
    html = page(code("x", output))
    assert "from json" in html
    assert "from html" not in html


def test_a_finding_keeps_the_order_that_the_notebook_has_lost() -> None:
    found = Facts(title="t", facts={"zebra": 1, "ant": 2})
    output = shown_output("one", Facts(title="t", facts={"ant": 2, "zebra": 1}), measured=False)
    html = page(code("x", output), findings={"one": found})
    assert html.index("zebra") < html.index("ant")


def test_a_finding_of_another_version_falls_back_to_its_html() -> None:
    output = display({"application/vnd.glassbox.finding+json": {"kind": "hologram"}, "text/html": "<p>still said</p>"})
    with pytest.raises(ValueError, match="hologram"):
        read_finding({"kind": "hologram"})
    assert "still said" in page(code("x", output))


def test_without_measured_the_page_does_not_depend_on_what_was_measured() -> None:
    def timed(ms: float) -> str:
        found = Estimates(title="Latency", values={"latency": Estimate(value=ms, unit="ms")})
        return page(code("x", shown_output("latency", found, measured=True)), measured=False)

    assert timed(3.1) == timed(99.0)
    assert 'id="latency"' in timed(3.1)


def test_with_measured_it_is_shown_and_marked() -> None:
    found = Estimates(title="Latency", values={"latency": Estimate(value=3.1, unit="ms")})
    html = page(code("x", shown_output("latency", found, measured=True)))
    assert "<div data-measured>" in html
    assert "3.1 ms" in html


def test_warnings_are_not_compared() -> None:
    def warned(path: str) -> str:
        return page(code("x", {"output_type": "stream", "name": "stderr", "text": f"{path}: Warning"}), measured=False)

    assert warned("/here/a.py") == warned("/there/a.py")


def test_a_page_stays_under_its_limit() -> None:
    big = display({"image/png": "A" * 4_000_000})
    html = page(code("x", big), code("y", big), code("z", display({"text/plain": "small"})))
    assert len(html.encode()) < PAGE_BYTES
    assert "it stands in the notebook" in html
    assert "small" in html


def test_pages_with_plotly_load_scripts_and_others_none() -> None:
    plain, drawn = page(code("x")), page(*USERS_OWN)
    assert "<script" not in plain
    assert "script-src" not in plain
    assert "plotly.min.js" in drawn
    assert "unsafe" not in plain + drawn


def test_stages_without_a_page_lead_nowhere() -> None:
    html = page(code("x"), pages=["ingest", "explore"])
    assert 'href="ingest.html"' in html
    assert 'href="tune.html"' not in html
    assert "not run" in html


def test_walking_by() -> None:
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
def test_html_of_the_user_is_made_harmless(html: str) -> None:
    clean = user_html(f"<p>kept</p>{html}")
    assert "kept" in clean
    assert not re.search(r"script|onerror|onclick|data:text|iframe|style=|<style|<form|elsewhere[.]example|<h1|id=", clean)


def test_tables_of_the_user_stay_tables() -> None:
    clean = user_html(
        '<table border="1"><thead><tr><th colspan="2">a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>'
    )
    assert '<th colspan="2">a</th>' in clean
    assert "<td>1</td>" in clean


def test_a_picture_of_the_user_has_words() -> None:
    assert 'alt="A picture' in user_html('<img src="data:image/png;base64,AA==" title="a > b">')
    assert 'alt="mine"' in user_html('<img src="data:image/png;base64,AA==" alt="mine">')
    assert user_html('<img src="x.png" alt="a > b">').count("<img") == 0


def test_terminal_colours_progress_and_addresses_are_taken_out() -> None:
    assert plain_text("\x1b[31mred\x1b[0m\n10%\r100%\n<object at 0x7f0012345678>") == (
        '<pre tabindex="0">red\n100%\n&lt;object at 0x…&gt;</pre>'
    )


def test_an_error_is_readable() -> None:
    output = {"output_type": "error", "ename": "KeyError", "evalue": HOSTILE, "traceback": ["\x1b[0;31mline 1\x1b[0m"]}
    piece = output_piece(output, measured=True, prose=Prose())
    assert piece is not None
    assert "<b>KeyError</b>" in piece.html
    assert HOSTILE not in piece.html
    assert "line 1" in piece.html


def test_a_drawing_of_the_user_is_a_picture_that_cannot_run() -> None:
    output = display({"image/svg+xml": "<svg onload='alert(1)'/>", "text/plain": "a curve"})
    piece = output_piece(output, measured=True, prose=Prose())
    assert piece is not None
    assert '<img class="sheet" src="data:image/svg+xml,%3Csvg' in piece.html
    assert 'alt="a curve"' in piece.html


def test_what_shows_nothing_is_left_out() -> None:
    assert output_piece(display({"text/plain": ""}), measured=True, prose=Prose()) is None


def test_the_notebook_is_not_changed() -> None:
    given = notebook("explore", findings()["explore"], USERS_OWN)
    before = repr(given)
    notebook_page(given, "explore", "churn")
    assert repr(given) == before

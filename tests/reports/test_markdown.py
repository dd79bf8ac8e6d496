"""Markdown as HTML: headings in order, no external images, no raw HTML."""

import re

import pytest

from glassbox.reports.markdown import MarkdownRenderer, has_title, markdown_text


def levels(*texts: str, titled: bool = False) -> list[int]:
    renderer = MarkdownRenderer(titled=titled)
    return [int(level) for text in texts for level in re.findall(r"<h(\d)>", renderer.html(text))]


def test_only_the_first_title_is_the_title_of_the_page() -> None:
    assert levels("# One", "# Two\n## Three") == [1, 2, 2]


def test_no_level_is_skipped() -> None:
    assert levels("# One\n#### Four\n###### Six\n## Two") == [1, 2, 3, 2]


def test_a_titled_page_gets_no_second_title() -> None:
    assert levels("# One", titled=True) == [2]


def test_raw_html_is_escaped() -> None:
    html = MarkdownRenderer().html("a <script>alert(1)</script> <b>c</b>")
    assert "<script" not in html
    assert "<b>" not in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    "source", ["https://elsewhere.example/x.png", "x.png", "data:text/html;base64,AA==", "file:///etc/hosts"]
)
def test_external_images_are_replaced_by_their_alternative_text(source: str) -> None:
    html = MarkdownRenderer().html(f"![a chart]({source})")
    assert "<img" not in html
    assert "a chart" in html


def test_an_attached_image_is_embedded() -> None:
    html = MarkdownRenderer().html("![a chart](attachment:a.png)", {"a.png": {"image/png": "iVBORw0KGgo="}})
    assert '<img src="data:image/png;base64,iVBORw0KGgo=" alt="a chart" />' in html


def test_javascript_links_are_removed() -> None:
    assert "href" not in MarkdownRenderer().html("[x](javascript:alert(1))")


def test_tables_are_scrollable() -> None:
    assert '<div class="scroll"' in MarkdownRenderer().html("| a |\n| --- |\n| 1 |")


@pytest.mark.parametrize(("text", "first"), [("# T", True), ("intro\n\n# T", True), ("## S\n# T", False), ("text", False)])
def test_a_notebook_has_a_title_if_its_first_heading_has_level_1(text: str, first: bool) -> None:
    assert has_title([text]) is first


def test_markdown_syntax_in_data_is_literal() -> None:
    assert (
        MarkdownRenderer().html(markdown_text("*a* | [b](c) <i> `d` _e_\n# f")) == "<p>*a* | [b](c) &lt;i&gt; `d` _e_ # f</p>\n"
    )

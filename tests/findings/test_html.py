"""Findings of every kind as HTML, with text from data escaped."""

import pytest

from fabricated_run import HOSTILE
from glassbox.files import plain
from glassbox.findings.html import finding_html, plotly_data
from glassbox.findings.model import (
    Audit,
    AuditRow,
    Column,
    Estimate,
    Estimates,
    Facts,
    Figure,
    Finding,
    Mark,
    Note,
    Passage,
    Passages,
    Picture,
    Pictures,
    RequirementRow,
    Table,
    Verdicts,
    read_finding,
)
from glassbox.findings.wording import metric_label, number
from glassbox.reports import report_markdown

FINDINGS: list[Finding] = [
    Passages(
        title=HOSTILE,
        say=HOSTILE,
        passages=[Passage(head=HOSTILE, text=HOSTILE, marks=[Mark(start=0, end=4, label=HOSTILE)])],
        note=HOSTILE,
    ),
    Pictures(
        title=HOSTILE,
        say=HOSTILE,
        pictures=[Picture(head=HOSTILE, alt=f'"{HOSTILE}', uri="data:image/png;base64,iVBORw0KGgo=")],
        note=HOSTILE,
    ),
    Table(title=HOSTILE, say=HOSTILE, columns=[Column(name=HOSTILE, unit=HOSTILE)], rows=[[HOSTILE]], note=HOSTILE),
    Estimates(title=HOSTILE, say=HOSTILE, values={HOSTILE: Estimate(value=1.0, unit=HOSTILE)}),
    Facts(title=HOSTILE, say=HOSTILE, facts={HOSTILE: HOSTILE}),
    Note(title=HOSTILE, say=HOSTILE, lines=[HOSTILE]),
    Figure(
        title=HOSTILE, say=HOSTILE, alt=HOSTILE, caption=HOSTILE, svg=f"<svg><text>{HOSTILE.replace('<', '&lt;')}</text></svg>"
    ),
    Figure(title=HOSTILE, alt=HOSTILE, plotly={"data": [{"x": [HOSTILE]}], "layout": {"title": {"text": "</script>" + HOSTILE}}}),
    Audit(title=HOSTILE, say=HOSTILE, rows=[AuditRow(pattern=HOSTILE, verdict="look", evidence=HOSTILE, cell=HOSTILE)]),
    Verdicts(
        title=HOSTILE,
        rows=[RequirementRow(name=HOSTILE, bound=HOSTILE, value=1.0, low=None, high=None, verdict="met", cell=HOSTILE)],
    ),
]


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: finding.kind)
def test_text_from_data_is_escaped(finding: Finding) -> None:
    html = finding_html(finding, cell=f"x#{HOSTILE}", hover=True)
    assert html.replace('<img src="data:image/png;base64,', "").count("<img") == 0
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert html.count("<script") == html.count("</script>") <= 1


def test_a_cell_is_linked_in_the_caption() -> None:
    html = finding_html(Facts(title="t", facts={"a": 1}), cell="ingest#split")
    assert 'href="ingest.html#split"' in html


def test_without_a_cell_the_caption_has_no_link() -> None:
    assert "<a" not in finding_html(Facts(title="t", facts={"a": 1}))


def test_proportions_and_their_intervals_have_the_same_decimals() -> None:
    html = finding_html(Estimates(title="t", values={"f1": Estimate(value=0.63, low=0.6, high=0.6604)}))
    assert "0.630" in html
    assert "0.600 – 0.660" in html


def test_verdicts_are_written_in_the_unit_of_the_bound() -> None:
    row = {"value": 0.806, "low": 0.787, "high": 0.824, "verdict": "not proven"}
    html = finding_html(Verdicts(title="t", rows=[RequirementRow(name="accuracy", bound=">80%", **row)]))
    assert "80.6 %" in html
    assert "78.7 % – 82.4 %" in html


def test_a_long_hash_is_shortened_and_complete_in_the_title_attribute() -> None:
    html = finding_html(Facts(title="t", facts={"model": "ab" * 32}))
    assert f'title="{"ab" * 32}"' in html
    assert ">abababababab…<" in html


@pytest.mark.parametrize(("text", "css"), [("short", ""), ("word " * 8, "wide"), ("x" * 25, "long"), ("y" * 40, "wide long")])
def test_columns_of_sentences_are_wide_and_long_words_break(text: str, css: str) -> None:
    html = finding_html(Table(title="t", columns=[Column(name="c")], rows=[[text], ["a"]]))
    assert html.count(f'<td class="{css}">' if css else "<td>") == 2


def test_a_key_in_the_json_of_a_figure_cannot_end_its_script_element() -> None:
    figure = Figure(title="t", alt="a", plotly={"data": [{"meta": {"</script><img src=x>": 1}}], "layout": {}})
    html = finding_html(figure, hover=True)
    assert html.count("</script>") == 1
    assert "<img" not in html


def test_a_verdict_is_never_shown_by_colour_alone() -> None:
    html = finding_html(Audit(title="t", rows=[AuditRow(pattern="p", verdict="found", evidence="e")]))
    assert "✗" in html
    assert " found" in html


def test_tags_that_plotly_supports_are_unchanged_and_others_escaped() -> None:
    assert plotly_data(["<b>a</b><br>", "<a href='x'>", "1 < 2"]) == ["<b>a</b><br>", "&lt;a href='x'>", "1 &lt; 2"]


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (True, "yes"), (1234.5, "1,234"), (0.00004, "4.0e-05"), (-0.5, "-0.500"), ("a", "a"), (None, "–")],
)
def test_numbers_are_formatted_for_readers(value: object, words: str) -> None:
    assert number(value) == words


def test_an_unlisted_metric_has_a_readable_label() -> None:
    assert metric_label("mean_pinball_loss") == "mean pinball loss"


def test_marked_text_is_escaped_and_weights_become_css_classes() -> None:
    text = "<b>not</b> good"
    finding = Passages(
        title="Why",
        passages=[
            Passage(head="a <i>", text=text, marks=[Mark(start=3, end=6, weight=-1.0), Mark(start=11, end=15, weight=0.4)]),
            Passage(head="b", text="Oslo", marks=[Mark(start=0, end=4, label="<LOC>")]),
        ],
    )
    html = finding_html(finding)
    assert '&lt;b&gt;<mark class="against3">not</mark>&lt;/b&gt; <mark class="for2">good</mark>' in html
    assert '<mark class="named">Oslo <small>&lt;LOC&gt;</small></mark>' in html
    assert "<i>" not in html
    assert read_finding(plain(finding)) == finding


VALID_URI = "data:image/png;base64,iVBORw0KGgo="


def test_pictures_have_escaped_alternative_texts_and_captions() -> None:
    finding = Pictures(title="t", pictures=[Picture(head="a <b>", alt='a "quoted" <pear>', uri=VALID_URI)], note="n & m")
    html = finding_html(finding)
    assert f'<img src="{VALID_URI}" alt="a &#34;quoted&#34; &lt;pear&gt;">' in html
    assert "<span>a &lt;b&gt;</span>" in html
    assert "n &amp; m" in html
    assert "Nothing to show." in finding_html(Pictures(title="t", pictures=[]))
    assert read_finding(plain(finding)) == finding


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.org/a.png",
        "data:image/svg+xml;base64,PHN2Zy8+",
        "data:image/gif;base64,R0lGODlh",
        "data:text/html;base64,PHN2Zy8+",
        "data:image/png,abc",
        "data:image/png;base64,",
        f'{VALID_URI}" onerror="alert(1)',
        f"{VALID_URI}\n",
        f" {VALID_URI}",
        "javascript:alert(1)",
    ],
)
def test_only_data_uris_of_png_and_jpeg_are_valid_pictures(uri: str) -> None:
    Picture(head="a", alt="b", uri=VALID_URI)
    with pytest.raises(ValueError, match="uri"):
        Picture(head="a", alt="b", uri=uri)


def test_pictures_in_markdown_are_described_by_text() -> None:
    finding = Pictures(title="t", say="s", pictures=[Picture(head="a *b*", alt="<img src=x>", uri=VALID_URI)], note="n")
    text = report_markdown._body(finding)
    assert "base64" not in text
    assert "<img" not in text
    assert "a \\*b\\*" in text

"""Findings as HTML: whatever the kind, text from data is text."""

import pytest

from fabricated_run import HOSTILE
from glassbox.files import plain
from glassbox.findings import (
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
    RequirementRow,
    Table,
    Verdicts,
    read_finding,
)
from glassbox.markup import finding_html, metric_words, number, plotly_data

FINDINGS: list[Finding] = [
    Passages(
        title=HOSTILE,
        say=HOSTILE,
        passages=[Passage(head=HOSTILE, text=HOSTILE, marks=[Mark(start=0, end=4, label=HOSTILE)])],
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
    assert "<img" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;" in html
    assert html.count("<script") == html.count("</script>") <= 1


def test_a_cell_is_linked_in_the_caption() -> None:
    html = finding_html(Facts(title="t", facts={"a": 1}), cell="ingest#split")
    assert 'href="ingest.html#split"' in html


def test_without_a_cell_nothing_is_linked() -> None:
    assert "<a" not in finding_html(Facts(title="t", facts={"a": 1}))


def test_shares_and_their_intervals_have_the_same_places() -> None:
    html = finding_html(Estimates(title="t", values={"f1": Estimate(value=0.63, low=0.6, high=0.6604)}))
    assert "0.630" in html
    assert "0.600 – 0.660" in html


def test_verdicts_are_written_in_the_unit_of_the_bound() -> None:
    row = {"value": 0.806, "low": 0.787, "high": 0.824, "verdict": "not proven"}
    html = finding_html(Verdicts(title="t", rows=[RequirementRow(name="accuracy", bound=">80%", **row)]))
    assert "80.6 %" in html
    assert "78.7 % – 82.4 %" in html


def test_a_long_hash_is_cut_short_and_kept_whole_in_the_title() -> None:
    html = finding_html(Facts(title="t", facts={"model": "ab" * 32}))
    assert f'title="{"ab" * 32}"' in html
    assert ">abababababab…<" in html


@pytest.mark.parametrize(("text", "css"), [("short", ""), ("word " * 8, "wide"), ("x" * 25, "long"), ("y" * 40, "wide long")])
def test_sentences_get_room_and_endless_words_break(text: str, css: str) -> None:
    html = finding_html(Table(title="t", columns=[Column(name="c")], rows=[[text], ["a"]]))
    assert html.count(f'<td class="{css}">' if css else "<td>") == 2


def test_the_name_of_a_field_of_a_figure_cannot_end_its_data() -> None:
    figure = Figure(title="t", alt="a", plotly={"data": [{"meta": {"</script><img src=x>": 1}}], "layout": {}})
    html = finding_html(figure, hover=True)
    assert html.count("</script>") == 1
    assert "<img" not in html


def test_a_verdict_is_never_told_by_colour_alone() -> None:
    html = finding_html(Audit(title="t", rows=[AuditRow(pattern="p", verdict="found", evidence="e")]))
    assert "✗" in html
    assert " found" in html


def test_plotlys_own_tags_stay_and_others_are_shown() -> None:
    assert plotly_data(["<b>a</b><br>", "<a href='x'>", "1 < 2"]) == ["<b>a</b><br>", "&lt;a href='x'>", "1 &lt; 2"]


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (True, "yes"), (1234.5, "1,234"), (0.00004, "4.0e-05"), (-0.5, "-0.500"), ("a", "a"), (None, "–")],
)
def test_numbers_as_people_read_them(value: object, words: str) -> None:
    assert number(value) == words


def test_a_metric_that_nobody_listed_is_still_readable() -> None:
    assert metric_words("mean_pinball_loss") == "mean pinball loss"


def test_marks_in_a_text_escape_it_and_tell_their_strength_in_words_of_style() -> None:
    text = "<b>not</b> good"
    found = Passages(
        title="Why",
        passages=[
            Passage(head="a <i>", text=text, marks=[Mark(start=3, end=6, weight=-1.0), Mark(start=11, end=15, weight=0.4)]),
            Passage(head="b", text="Oslo", marks=[Mark(start=0, end=4, label="<LOC>")]),
        ],
    )
    html = finding_html(found)
    assert '&lt;b&gt;<mark class="against3">not</mark>&lt;/b&gt; <mark class="for2">good</mark>' in html
    assert '<mark class="named">Oslo <small>&lt;LOC&gt;</small></mark>' in html
    assert "<i>" not in html
    assert read_finding(plain(found)) == found

"""The stakeholder report: content and order, as HTML, Markdown and JSON."""

import re
from typing import Any

import jsonschema
import pytest

from fabricated_run import HOSTILE, all_findings, named_findings, request, run_facts, table
from glassbox.findings.model import Note
from glassbox.reports.report import Report, build_report
from glassbox.reports.report_html import report_html
from glassbox.reports.report_json import report_json, schema
from glassbox.reports.report_markdown import report_markdown
from glassbox.reports.sections import SECTIONS, STAGES

TITLES = [
    "Problem statement",
    "Data analysis",
    "Feature engineering",
    "Model selection",
    "Hyperparameter tuning",
    "Model evaluation",
    "Deployment plan",
    "Monitoring strategy",
    "Next steps",
]


def report(until: str = "conclude", *, measured: bool = True, **more: Any) -> Report:
    pages = STAGES[: STAGES.index(until) + 1]
    live = all_findings(until=until, measured=True) if measured else {}
    return build_report(request(), all_findings(until=until), live, **{"run": run_facts(until), "pages": pages, **more})


def test_the_report_has_nine_sections_in_order() -> None:
    assert [section.title for section in SECTIONS] == TITLES
    assert re.findall(r"<h2 id=\"[^\"]+\">([^<]+)</h2>", report_html(report())) == [
        *TITLES,
        "Anti-pattern audit",
    ]
    assert re.findall(r"^## (.+)$", report_markdown(report()), re.MULTILINE) == [*TITLES, "Anti-pattern audit"]


def test_the_first_screen_has_question_answer_verdicts_and_one_figure() -> None:
    html = report_html(report())
    places = [html.index(mark) for mark in ("<h1", 'class="answer"', 'class="verdicts"', 'class="hero"', 'class="contents"')]
    assert places == sorted(places)
    assert "Gain curve" in html[places[3] : places[4]]


def test_the_figure_of_the_first_screen_is_not_shown_twice() -> None:
    assert report_html(report()).count("Gain curve</b>") == 1


def test_without_a_figure_of_evaluate_the_first_figure_is_at_the_top() -> None:
    short = report("explore")
    assert short.lead_figure is not None
    assert short.lead_figure.cell == "explore#relations"


def test_only_findings_selected_for_the_report_are_included() -> None:
    cells = {part.cell for part in report().parts}
    assert "ingest#split" in cells
    assert "ingest#types" not in cells


def test_the_number_of_holdout_evaluations_is_always_included() -> None:
    assert "evaluate#holdout_reads" in {part.cell for part in report().parts}


def test_the_report_contains_no_code() -> None:
    assert "<pre" not in report_html(report())


def test_a_partial_run_lists_missing_stages_and_links_only_to_completed_ones() -> None:
    html = report_html(report("compare"))
    assert "Not run: tune." in html
    assert "Not run: evaluate." in html
    assert set(re.findall(r'href="([a-z]+)\.html', html)) <= {"ingest", "explore", "features", "compare", "index"}


def test_a_stage_without_a_page_is_not_linked() -> None:
    report_ = build_report(request(), all_findings(), all_findings(measured=True), pages=["ingest"])
    assert set(re.findall(r'href="([a-z]+)\.html#', report_html(report_))) == {"ingest"}


def test_an_answer_in_the_conclude_notebook_replaces_the_default() -> None:
    shown_findings = all_findings()
    shown_findings["conclude"] = named_findings([("answer", Note(title="Answer", say="Call them."), True, False)], measured=False)
    report_ = build_report(request(), shown_findings, {})
    assert report_.answer.finding.say == "Call them."


def test_a_finding_of_another_kind_named_answer_is_ignored() -> None:
    shown_findings = all_findings()
    shown_findings["conclude"] = named_findings(
        [("answer", shown_findings["ingest"]["split"].finding, True, False)], measured=False
    )
    assert build_report(request(), shown_findings, {}).answer.finding.say.startswith("Calling the 34 %")


def test_a_failed_run_is_reported_at_the_top() -> None:
    run = run_facts("compare")
    run["stages"]["tune"] = {"status": "failed"}
    html = report_html(report("compare", run=run))
    assert html.index("This run failed at tune") < html.index('class="answer"')


def test_without_a_problem_statement_the_question_is_about_the_target() -> None:
    assert build_report(request(problem=""), {}, {}).question == "Can churned be predicted?"


def test_the_question_of_a_long_problem_statement_is_the_title_and_the_rest_follows() -> None:
    problem = "Customers leave.  It costs. Which ones will?\nWe call them."
    report_ = build_report(request(problem=problem), all_findings(), {})
    assert report_.question == "Which ones will?"
    assert "Customers leave. It costs. Which ones will? We call them." in report_html(report_)
    assert report_.sections[0].parts[0].finding.title == "Problem"


def test_a_long_table_is_shortened_with_a_note() -> None:
    shown_findings = all_findings()
    rows = [[f"column {i}", i] for i in range(20)]
    shown_findings["features"] = named_findings(
        [("recipe", table("The recipe", "column n", rows, best=15), True, False)], measured=False
    )
    html = report_html(build_report(request(), shown_findings, {}))
    assert "column 7" in html
    assert "column 8" not in html
    assert "First 8 of 20 rows; the notebook shows all." in html


def test_without_requirements_there_are_no_verdicts() -> None:
    report_ = build_report(request(requirements={}), all_findings(), {})
    assert 'class="verdicts"' not in report_html(report_)
    assert "| Requirement |" not in report_markdown(report_)


def test_latency_that_was_not_measured_is_not_proven() -> None:
    html = report_html(report(measured=False))
    assert "not measured in this run" in html


@pytest.mark.parametrize("until", STAGES)
def test_the_json_conforms_to_its_schema(until: str) -> None:
    jsonschema.validate(report_json(report(until)), schema(), cls=jsonschema.Draft202012Validator)


def test_the_schema_is_valid_and_rejects_unknown_verdicts() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    content = report_json(report())
    content["requirements"][0]["verdict"] = "almost"
    with pytest.raises(jsonschema.ValidationError, match="almost"):
        jsonschema.validate(content, schema())


def test_the_json_has_the_stable_keys() -> None:
    content = report_json(report())
    assert content["request"]["name"] == "churn"
    assert set(content["hashes"]) == {"data", "code", "lock", "model"}
    assert content["metrics"]["roc_auc"] == {"value": 0.847, "low": 0.833, "high": 0.861, "n": 1409}
    assert content["leaderboard"][0]["candidate"] == "LightGBM"
    assert content["requirements"][1] == {
        "name": "accuracy", "bound": ">80%", "value": 0.806, "low": 0.787, "high": 0.824, "verdict": "not proven",
    }  # fmt: skip
    assert set(content["audit"][0]) == {"pattern", "verdict", "evidence"}


def test_markdown_links_every_finding_and_escapes_data() -> None:
    text = report_markdown(report())
    assert "([cell](evaluate.html#metrics))" in text
    assert HOSTILE not in text
    assert "&lt;img src=x" in text
    assert all(line.count("|") - line.count("\\|") == 6 for line in text.splitlines() if line.startswith("| LightGBM"))


def test_the_same_findings_give_the_same_bytes() -> None:
    assert [report_html(report()), report_markdown(report())] == [report_html(report()), report_markdown(report())]

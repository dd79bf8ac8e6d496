"""Tests of the conclusion: answer and next steps depend on verdicts and typed evidence only."""

from pathlib import Path

import pytest

from fabricated_run import all_findings, request, scrambled, write_run
from glassbox.findings.evidence import Evidence, Gain, GainEvidence, LeaderboardEvidence, SliceEvidence
from glassbox.findings.model import Estimate, Estimates, Finding, NamedFinding, Note, RequirementRow
from glassbox.reports import conclusion
from glassbox.reports.audit import audit
from glassbox.reports.lookup import Findings


def words(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_the_answer_quotes_the_headline_and_lists_the_verdicts() -> None:
    note = conclusion.answer(all_findings(), request())
    assert note.say.startswith("Calling the 34 % of customers")
    assert [words(line) for line in note.lines] == ["It meets ROC-AUC ≥ 0.83; whether it reaches accuracy > 80 % is not proven."]


def test_the_answer_does_not_depend_on_measurements() -> None:
    note = conclusion.answer(all_findings(), request())
    assert "latency" not in note.say + " ".join(note.lines)


def test_without_a_gain_curve_the_first_metric_is_the_answer() -> None:
    findings = all_findings()
    evaluate = {name: item for name, item in findings["evaluate"].items() if name != "gain_curve"}
    say = conclusion.answer({**findings, "evaluate": evaluate}, request()).say
    assert say == "On 1,409 unseen customers, the model reaches ROC-AUC 0.847 (95 % interval 0.833 to 0.861)."


def test_without_an_evaluation_there_is_no_answer_yet() -> None:
    assert conclusion.answer({}, request()).say == "There is no answer yet: no model has been evaluated."
    say = conclusion.answer(all_findings(until="compare"), request()).say
    assert say == "There is no answer yet: no model has been evaluated. LightGBM leads the comparison."


def row(value: float, low: float, high: float, verdict: str = "not proven") -> RequirementRow:
    return RequirementRow.model_validate(
        {"name": "accuracy", "bound": ">80%", "value": value, "low": low, "high": high, "verdict": verdict}
    )


def test_the_size_of_a_deciding_holdout_follows_from_the_interval() -> None:
    # Half the interval is twice the distance to the bound, so it takes four times the 1,409 rows: 5,636, rounded up to two digits.
    assert conclusion.rows_to_decide(row(0.81, 0.79, 0.83), all_findings()) == 5700


def test_a_value_on_the_bound_cannot_be_decided_by_more_rows() -> None:
    assert conclusion.rows_to_decide(row(0.80, 0.78, 0.82), all_findings()) is None
    assert conclusion.rows_to_decide(row(0.801, 0.78, 0.82), all_findings()) is None


def test_the_half_of_the_interval_towards_the_bound_counts() -> None:
    # Towards the bound 0.02, away from it 0.05: n' = 1409 (0.02 / 0.01)², whatever lies on the other side.
    assert conclusion.rows_to_decide(row(0.81, 0.79, 0.86), all_findings()) == 5700
    assert conclusion.rows_to_decide(row(0.79, 0.74, 0.81), all_findings()) == 5700


def lines(findings: Findings) -> list[str]:
    rows = conclusion.requirement_rows(findings, request())
    return [words(line) for line in conclusion.next_steps(findings, request(), rows).lines]


def steps(plant: dict[str, Finding | Evidence] | None = None) -> list[str]:
    """Return the next steps of a run with some findings replaced: `stage#name` -> finding, or evidence of a finding without text."""
    findings = {stage: dict(items) for stage, items in all_findings().items()}
    for where, planted in (plant or {}).items():
        stage, _, name = where.partition("#")
        finding = planted if hasattr(planted, "title") else Note(title="", evidence=planted)  # type: ignore[arg-type]
        findings[stage][name] = NamedFinding(name=name, finding=finding)
    return lines(findings)


def test_an_undecided_requirement_comes_first() -> None:
    assert (
        steps()[0]
        == "To decide accuracy > 80 %, hold out about 15,000 customers: if the value remains 80.6 %, the interval then excludes the bound."
    )


def test_a_requirement_that_is_met_has_no_step() -> None:
    assert not any("ROC-AUC ≥" in line for line in steps())


def test_a_requirement_that_is_not_met_leads_to_a_decision() -> None:
    metrics = Estimates(title="", values={"accuracy": Estimate(value=0.7, low=0.68, high=0.72, n=1409)})
    missed = [line for line in steps({"evaluate#metrics": metrics}) if line.startswith("Decide how")]
    assert missed == [
        "Decide how to proceed with accuracy > 80 %: the model reaches 70.0 % (68.0 – 72.0 %), so the requirement needs better data or "
        "another bound."
    ]


def test_the_remaining_stages_are_the_last_step() -> None:
    assert (
        lines(all_findings(until="compare"))[-1]
        == "Run the remaining stages: tune, evaluate, deploy and monitor (glassbox run churn)."
    )


def test_weak_slices_lead_to_a_step() -> None:
    weak = [
        line for line in steps({"evaluate#slices": SliceEvidence(weak=["plan: yearly", "tenure: 1 to 3"])}) if "weaker" in line
    ]
    assert weak == [
        "Review the slices on which the model is significantly weaker before relying on it there: plan: yearly and tenure: 1 to 3."
    ]
    assert not any("weaker" in line for line in steps({"evaluate#slices": SliceEvidence(weak=[])}))


@pytest.mark.parametrize("measured", [True, False])
def test_latency_is_read_from_the_measurements_of_deploy(tmp_path: Path, measured: bool) -> None:
    folder = write_run(tmp_path) / "data" / "churn" / "deploy"
    if not measured:
        (folder / "measured.json").unlink()
    latency = conclusion.measured_estimates(folder).get("latency")
    assert latency == (Estimate(value=3.1, low=2.9, high=3.6, n=1000, unit="ms") if measured else None)


def test_the_product_contains_no_measurements() -> None:
    findings, churn = all_findings(), request()
    rows = conclusion.requirement_rows(findings, churn, {"latency": Estimate(value=3.1)})
    audited = audit(findings, churn)
    product = conclusion.conclusion(
        conclusion.answer(findings, churn), rows, audited, conclusion.next_steps(findings, churn, rows, audited)
    )
    assert [row.name for row in product["requirements"]] == ["roc_auc", "accuracy"]
    assert len(product["audit"]) == 8


def _gain(low: float) -> GainEvidence:
    small = Gain(value=0.004, low=low, high=0.007)
    return GainEvidence(metric="roc_auc", over_default=small, simpler="the default of a gain", over_simpler=small)


def test_a_gain_over_a_simpler_model_leads_to_a_step() -> None:
    assert [line for line in steps({"tune#gain": _gain(0.001)}) if "Consider" in line] == [
        "Consider whether the gain in ROC-AUC over the default of a gain, 0.004 (95 % interval 0.001 to 0.007), "
        "is worth a model that is harder to explain."
    ]


def test_without_a_simpler_model_there_is_no_such_step() -> None:
    alone = _gain(0.001).model_copy(update={"simpler": None, "over_simpler": None})
    assert not any("Consider" in line for line in steps({"tune#gain": alone}))
    unbounded = _gain(0.001).model_copy(update={"over_simpler": Gain(value=0.004, low=None, high=None)})
    assert any("0.004, is worth a model" in line for line in steps({"tune#gain": unbounded}))


def test_before_tuning_a_tie_leads_to_a_step() -> None:
    untuned = all_findings(until="compare")
    assert next(line for line in lines(untuned) if "Consider" in line).startswith(
        "Consider whether a simpler model is sufficient: Logistic regression and <img src=x"
    )
    untied = LeaderboardEvidence(metric="roc_auc", leader="LightGBM", tied=[], chosen="LightGBM")
    untuned["compare"]["leaderboard"] = NamedFinding(name="leaderboard", finding=Note(title="", evidence=untied))
    assert not any("Consider" in line for line in lines(untuned))


@pytest.mark.parametrize("until", ["compare", "tune", "evaluate", "monitor"])
def test_no_decision_depends_on_wording(until: str) -> None:
    findings = all_findings(until=until)
    nonsense = scrambled(findings)
    before, after = lines(findings), lines(nonsense)
    quoting = [line.startswith("Serve the model") for line in before]  # ends with the sentence of the trigger
    assert [line.startswith("Serve the model") for line in after] == quoting
    assert [line for line, quotes in zip(after, quoting, strict=True) if not quotes] == [
        line for line, quotes in zip(before, quoting, strict=True) if not quotes
    ]
    answers = [conclusion.answer(items, request()) for items in (findings, nonsense)]
    assert answers[0].tone == answers[1].tone
    assert answers[0].lines == answers[1].lines

"""The answer and the next steps: computed from findings, silent about what is not known."""

from pathlib import Path

import pytest

from fabricated_run import all_shown, request, shown, table, write_run
from glassbox.findings.model import Estimate, Estimates, NamedFinding, RequirementRow
from glassbox.reports import conclusion
from glassbox.reports.audit import audit


def words(text: str) -> str:
    return text.replace("\u00a0", " ")


def test_the_answer_says_how_far_the_model_reaches_and_what_that_means() -> None:
    note = conclusion.answer(all_shown(), request())
    assert note.say.startswith("Calling the 34 % of rows")
    assert [words(line) for line in note.lines] == ["It meets ROC-AUC ≥ 0.83; whether it reaches accuracy > 80 % is not proven."]


def test_the_answer_does_not_depend_on_what_is_measured() -> None:
    note = conclusion.answer(all_shown(), request())
    assert "latency" not in note.say + " ".join(note.lines)


def test_without_a_gain_curve_the_first_metric_is_the_answer() -> None:
    found = all_shown()
    evaluate = {name: item for name, item in found["evaluate"].items() if name != "gain_curve"}
    say = conclusion.answer({**found, "evaluate": evaluate}, request()).say
    assert say == "On 1,409 rows that it never saw, the model reaches ROC-AUC 0.847 (95 % interval 0.833 to 0.861)."


def test_without_an_evaluation_there_is_no_answer_yet() -> None:
    assert conclusion.answer({}, request()).say == "There is no answer yet: no model has been evaluated."


def row(value: float, low: float, high: float, verdict: str = "not proven") -> RequirementRow:
    return RequirementRow.model_validate(
        {"name": "accuracy", "bound": ">80%", "value": value, "low": low, "high": high, "verdict": verdict}
    )


def test_rows_that_would_decide() -> None:
    # Half the interval is twice the distance to the bound, so it takes four times the 1,409 rows: 5,636, rounded up to two digits.
    assert conclusion.rows_to_decide(row(0.81, 0.79, 0.83), all_shown()) == 5700


def test_a_value_on_the_bound_is_decided_by_no_number_of_rows() -> None:
    assert conclusion.rows_to_decide(row(0.80, 0.78, 0.82), all_shown()) is None
    assert conclusion.rows_to_decide(row(0.801, 0.78, 0.82), all_shown()) is None


def test_the_half_towards_the_bound_counts() -> None:
    # Towards the bound 0.02, away from it 0.05: n' = 1409 (0.02 / 0.01)², whatever lies on the other side.
    assert conclusion.rows_to_decide(row(0.81, 0.79, 0.86), all_shown()) == 5700
    assert conclusion.rows_to_decide(row(0.79, 0.74, 0.81), all_shown()) == 5700


def steps(**changes: object) -> list[str]:
    found = {**all_shown(), **changes}
    rows = conclusion.requirement_rows(found, request())
    return [words(line) for line in conclusion.next_steps(found, request(), rows).lines]


def test_what_stands_between_model_and_decision_comes_first() -> None:
    assert (
        steps()[0]
        == "To decide accuracy > 80 %, hold back about 15,000 rows: with 80.6 % the interval would then clear the bound."
    )


def test_a_bound_that_was_met_needs_no_step() -> None:
    assert not any("ROC-AUC ≥" in line for line in steps())


def test_a_bound_that_was_missed_is_said_so() -> None:
    metrics = Estimates(title="", values={"accuracy": Estimate(value=0.7, low=0.68, high=0.72, n=1409)})
    evaluate = {**all_shown()["evaluate"], "metrics": NamedFinding(name="metrics", finding=metrics)}
    assert any(
        line.startswith("Decide about accuracy > 80 %: 70.0 % was reached (68.0 – 72.0 %)") for line in steps(evaluate=evaluate)
    )


def test_what_was_not_run_is_the_last_step() -> None:
    found = all_shown(until="compare")
    lines = conclusion.next_steps(found, request(), conclusion.requirement_rows(found, request())).lines
    assert lines[-1] == "Run what was not run: tune, evaluate, deploy and monitor (glassbox run churn)."


def test_no_weak_slice_is_no_step() -> None:
    slices = table(
        "Where it is weak", "slice beyond_chance", [["a = b", ""]], say="No slice is weaker than the whole beyond chance."
    )
    evaluate = {**all_shown()["evaluate"], **shown([("slices", slices, True, False)], measured=False)}
    assert not any("weak" in line for line in steps(evaluate=evaluate))
    assert any("weak" in line for line in steps())


@pytest.mark.parametrize("measured", [True, False])
def test_latency_comes_from_the_view_of_deploy(tmp_path: Path, measured: bool) -> None:
    folder = write_run(tmp_path) / "data" / "churn" / "deploy"
    if not measured:
        (folder / "measured.json").unlink()
    found = conclusion.measured_estimates(folder)
    assert found.get("latency") == (Estimate(value=3.1, low=2.9, high=3.6, n=1000, unit="ms") if measured else None)


def test_what_is_handed_on_leaves_out_what_is_measured() -> None:
    found, asked = all_shown(), request()
    rows = conclusion.requirement_rows(found, asked, {"latency": Estimate(value=3.1)})
    audited = audit(found, asked)
    made = conclusion.conclusion(
        conclusion.answer(found, asked), rows, audited, conclusion.next_steps(found, asked, rows, audited)
    )
    assert [row.name for row in made["requirements"]] == ["roc_auc", "accuracy"]
    assert len(made["audit"]) == 8


def _tuned(low: float) -> dict[str, NamedFinding]:
    gain = Estimate(value=0.004, low=low, high=0.007, n=5665)
    found = Estimates(
        title="", values={"gain in ROC-AUC over the default": gain, "gain in ROC-AUC over logistic regression": gain}
    )
    return {"gain": NamedFinding(name="gain", finding=found)}


def test_a_small_gain_over_a_simpler_model_is_put_to_the_reader() -> None:
    said = [line for line in steps(tune=_tuned(0.001)) if "Weigh" in line]
    assert said == [
        "Weigh whether the gain in ROC-AUC over logistic regression, 0.0040 (0.0010 to 0.0070), "
        "is worth a model that is harder to explain."
    ]


def test_where_the_simpler_model_was_taken_there_is_nothing_to_weigh() -> None:
    assert not [line for line in steps(tune=_tuned(-0.001)) if "Weigh" in line]

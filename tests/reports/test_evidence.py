"""The evidence that stages emit: from a file of categories with missing values to the audit and the conclusion."""

import random
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from fabricated_run import all_findings, scrambled
from glassbox.data import quality
from glassbox.data.ingest import conform_parts, read
from glassbox.data.schema import infer_schema
from glassbox.data.split import split
from glassbox.families.classification import evaluate
from glassbox.families.classification.dataset import labelled_rows
from glassbox.families.classification.folds import duplicates_across, make_folds
from glassbox.families.classification.metrics import Floats
from glassbox.families.classification.plots.balance import shares, target_balance
from glassbox.families.shared.leaderboard import leaderboard_table
from glassbox.families.shared.tuning import Tuning, best_table, gain_estimates
from glassbox.families.tabular import leakage
from glassbox.families.tabular.recipe import TREATMENTS, Recipe, Treatment, default_recipe
from glassbox.families.tabular.recipe_table import MISSING_HANDLING, recipe_table
from glassbox.files import plain
from glassbox.findings.evidence import GeneralizationEvidence
from glassbox.findings.model import Estimate, Finding, NamedFinding, read_findings
from glassbox.monitoring.trigger import Limit, Thresholds, trigger_facts
from glassbox.reports import conclusion
from glassbox.reports.audit import audit
from glassbox.reports.lookup import evidence_of
from glassbox.request.model import Data, Request

Findings = dict[str, dict[str, NamedFinding]]
REQUEST = Request(
    name="incomes", task="classification", data=Data(path="data.csv", row="household", target="y", positive="yes"), folds=2
)


NAMES = {
    "plain": ["country", "income", "plan", "reason", "area"],
    "awkward": [
        "native-country",
        "median_income",
        "kept",
        "missing",
        "holdout rows",
    ],  # these also occur in sentences of findings
}


def categories(names: list[str], rows: int = 300) -> pd.DataFrame:
    """Return households as text, categories only; the first, the second and the fourth column have gaps."""
    rng = random.Random(3)
    values = (["es", "pe", "td", ""], ["high", "low", "middle", ""], ["basic", "plus", "max"], ["moved", "price", ""], [*"abcde"])
    columns = {name: [rng.choice(of) for _ in range(rows)] for name, of in zip(names, values, strict=True)}
    return pd.DataFrame({**columns, "y": [rng.choice(["yes", "no", "no"]) for _ in range(rows)]})


@pytest.fixture(scope="module", params=["plain", "awkward"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Return findings of the real stages, read from disk; the findings of `deploy` are fabricated."""
    root = tmp_path_factory.mktemp("project")
    categories(NAMES[request.param]).to_csv(root / "data.csv", index=False)
    stages = {
        "ingest": ingest(root),
        "deploy": {name: shown.finding for name, shown in all_findings()["deploy"].items()},
        "monitor": {"trigger": trigger_facts(Thresholds(batch_rows=500, false_alarms=0.01, drifted_share=0.3, limits=LIMITS))},
    }
    stages |= modelling(root)
    saved = {
        stage: plain([NamedFinding(name=name, finding=finding) for name, finding in shown.items()])
        for stage, shown in stages.items()
    }
    return {stage: read_findings(items) for stage, items in saved.items()}


LIMITS = [Limit(column="kept", role="field", chance=0.1, psi=0.2)]


def ingest(root: Path) -> dict[str, Finding]:
    arrival, _ = read(REQUEST, root)
    parts = split(arrival.cells, REQUEST)
    schema = infer_schema(parts.train, REQUEST)
    return {
        "data_summary": quality.data_summary(arrival, parts),
        "missing": quality.missing(schema, conform_parts(parts, schema)),
        "split": quality.split_summary(parts, REQUEST, schema),
    }


def modelling(root: Path) -> dict[str, dict[str, Finding]]:
    parts = split(read(REQUEST, root)[0].cells, REQUEST)
    schema = infer_schema(parts.train, REQUEST)
    snapshot = conform_parts(parts, schema)
    train, holdout = snapshot.train, snapshot.holdout
    folds = make_folds(train["row_id"], train["y"], 2)
    labelled = labelled_rows(train, "y", schema.classes, folds, positive="yes")
    leaks = leakage.audit(labelled, schema)
    recipe = default_recipe(schema, leaks)
    predictions = predicted(holdout)
    oof = np.full((len(labelled.y), 2), 0.5)
    slices = evaluate.slices(holdout, predictions, schema, "yes")
    leaderboard = {
        "metric": "roc_auc",
        "rows": [{"candidate": "Linear", "kind": "", "params": {}, "scores": {}, "behind": None, "note": ""}],
        "leader": "Linear",
        "tied": [],
        "chosen": {"name": "Linear"},
    }
    return {
        "explore": {"target": target_balance(shares(labelled.classes, np.bincount(labelled.y)), "y", "yes")},
        "features": {
            "leaks": leakage.leaks_table(leaks),
            "duplicates_across": duplicates_across(parts.table),
            "recipe": recipe_table(recipe, schema),
        },
        "compare": {"leaderboard": leaderboard_table(leaderboard, (), note="")},
        "tune": {"gain": gain_estimates(tuning()), "best": best_table(tuning())},
        "evaluate": {
            "metrics": evaluate.holdout_metrics(predictions, labelled.classes, "yes", resamples=50),
            "gap": evaluate.generalization_gap(Constant(), labelled, oof, predictions, "roc_auc", 0.5),  # type: ignore[arg-type]
            "headline": evaluate.headline(predictions, "y", "yes", labelled.classes, rows="households"),
            "slices": evaluate.slices_table(slices, "roc_auc", 0.5),
        },
    }


class Constant:
    """A predictor that gives every row the same probabilities."""

    classes, positive, threshold = ["no", "yes"], "yes", 0.5

    def proba(self, frame: pd.DataFrame) -> Floats:
        return np.full((len(frame), 2), 0.5)


def predicted(holdout: pd.DataFrame) -> pd.DataFrame:
    """Return predictions that are mostly correct, but wrong for households in Spain."""
    certain = np.random.default_rng(0).uniform(0.6, 1, len(holdout))
    yes = np.where((holdout["y"] == "yes") != (holdout.iloc[:, 1] == "es"), certain, 1 - certain)
    predictions = holdout[["row_id", "y"]].rename(columns={"y": "y_true"})
    return predictions.assign(y_pred=np.where(yes >= 0.5, "yes", "no"), proba_no=1 - yes, proba_yes=yes)


def tuning() -> Tuning:
    best = {"candidate": "Linear", "searched": "Linear", "params": {"C": 2.0}, "metric": "roc_auc", "tuned": True}
    best |= {"trials": 2, "simpler": "Dummy", "leader": "Linear", "cost": 0.0, "margin": 0.01}
    trials = pd.DataFrame({"value": [0.5, 0.6], "params": ['{"C": 1.0}', '{"C": 2.0}'], "param_C": ["1.0", "2.0"]})
    gain = Estimate(value=0.1, low=0.00001, high=0.2, n=200)
    return Tuning(best, trials, pd.DataFrame(), gain, gain, 0.5, {}, {})


def test_missing_values_of_categories_are_handled(run: Findings) -> None:
    row = next(row for row in audit(run, REQUEST).rows if row.pattern == "Missing values ignored")
    assert row.verdict == "avoided"
    assert row.evidence.startswith("3 columns of train have missing values. Encoded as a separate category: ")


def test_column_names_do_not_change_verdicts(run: Findings) -> None:
    assert {row.verdict for row in audit(run, REQUEST).rows} == {"avoided"}


def test_no_decision_on_real_findings_depends_on_wording(run: Findings) -> None:
    nonsense = scrambled(run)
    assert [(row.verdict, row.evidence) for row in audit(nonsense, REQUEST).rows] == [
        (row.verdict, row.evidence) for row in audit(run, REQUEST).rows
    ]
    notes = [
        conclusion.next_steps(findings, REQUEST, conclusion.requirement_rows(findings, REQUEST)) for findings in (run, nonsense)
    ]
    beginnings = [[line[:20] for line in note.lines] for note in notes]
    assert beginnings[0] == beginnings[1]
    assert any("over Dummy" in line for line in notes[0].lines)


def test_scores_are_saved_in_full_precision(run: Findings) -> None:
    scores = evidence_of(run, "evaluate", GeneralizationEvidence)
    assert scores is not None
    facts = run["evaluate"]["gap"].finding
    assert scores.evidence.holdout == getattr(facts, "facts")["holdout"]  # noqa: B009
    assert scores.evidence.out_of_fold == pytest.approx(0.5, abs=1e-12)


def test_the_report_uses_the_row_noun(run: Findings) -> None:
    assert "households" in conclusion.answer(run, REQUEST).say
    first = audit(run, REQUEST).rows[0].evidence
    assert "of 300 households are held out" in first


def test_every_treatment_handles_missing_values() -> None:
    assert set(MISSING_HANDLING) == set(TREATMENTS) == set(get_args(Treatment))


def test_a_left_out_column_has_the_handling_excluded() -> None:
    schema = infer_schema(categories(NAMES["plain"]).assign(row_id=[f"r{i}" for i in range(300)]), REQUEST)
    recipe = Recipe(columns={"plan": "one-hot"}, left_out={"area": "left out by hand"})
    evidence = recipe_table(recipe, schema).evidence
    assert plain(evidence) == {"kind": "recipe", "missing_handling": {"plan": "category", "area": "excluded"}}

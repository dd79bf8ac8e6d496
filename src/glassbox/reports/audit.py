"""Audit of a run for eight anti-patterns of machine learning, each with its evidence and the cell that shows it.

A verdict is ``avoided`` if the evidence rules the pattern out, ``found`` if it shows the pattern, and ``look`` (displayed as
*to review*) if the evidence is missing or inconclusive. Checks read the typed evidence of findings and their estimates,
never their sentences.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

from glassbox.findings.evidence import (
    ClassBalanceEvidence,
    GainEvidence,
    GeneralizationEvidence,
    HashEvidence,
    LeakAction,
    LeakageEvidence,
    MissingHandling,
    MissingValuesEvidence,
    MonitoringEvidence,
    OverlapEvidence,
    RecipeEvidence,
    SearchEvidence,
    SplitEvidence,
)
from glassbox.findings.model import Audit, AuditRow, Estimate
from glassbox.findings.wording import between, clean, counted, join_names, metric_label, number, percent, plural, singular
from glassbox.reports.lookup import Findings, Located, cell, estimates, evidence_of
from glassbox.request.model import Request

# Metrics on which always predicting the most frequent class scores poorly.
IMBALANCE_METRICS = ("roc_auc", "average_precision", "balanced_accuracy", "f1", "recall", "log_loss", "brier")
NEAR_DUPLICATE_SHARE = 0.01  # a larger share of near-duplicates of train in the holdout inflates the metrics
RARE_CLASS_SHARE = 0.2  # a model that never predicts a rarer class still has a high accuracy
UNKNOWN_WIDTH = 0.02  # half of the interval of a metric without an interval
_HANDLED: dict[MissingHandling, str] = {
    "imputed": "Imputed:",
    "category": "Encoded as a separate category:",
    "native": "Handled by the estimators:",
    "rows_dropped": "Rows quarantined:",
    "excluded": "Excluded:",
}


def audit(findings: Findings, request: Request) -> Audit:
    """Check a run for the eight anti-patterns.

    Parameters
    ----------
    findings
        The findings of the run: stage -> name -> NamedFinding. Stages that were not run are missing.
    request
        The resolved request.

    Returns
    -------
    Audit
        One row for each pattern, always in the same order.
    """
    rows = [check(findings, request) for check in CHECKS]
    to_review, found = (sum(row.verdict == verdict for row in rows) for verdict in ("look", "found"))
    say = f"{len(rows) - to_review - found} of {len(rows)} anti-patterns are avoided"
    say += f", {to_review} to review" if to_review else ""
    say += f", {found} found" if found else ""
    return Audit(title="Anti-pattern audit", say=f"{say}.", rows=rows)


def trained_on_all_data(findings: Findings, request: Request) -> AuditRow:
    """Check that rows were held out before training, and that the metrics are computed on no more rows than that."""
    pattern, rows = "Trained on all data", plural(request.data.row)
    split = evidence_of(findings, "ingest", SplitEvidence)
    if split is None:
        return _unknown(pattern, "No train-holdout split was reported.")
    held_out = split.evidence.holdout_rows
    if held_out == 0:
        evidence = f"No {singular(request.data.row)} was held out, so the model cannot be evaluated on unseen data."
        return AuditRow(pattern=pattern, verdict="found", evidence=evidence, cell=split.cell)
    evaluated = max((e.n for e in estimates(findings, "evaluate", "metrics").values() if e.n is not None), default=0)
    if evaluated > held_out:
        evidence = f"{held_out:,} {rows} were held out, but the metrics are computed on {evaluated:,}."
        return AuditRow(pattern=pattern, verdict="found", evidence=evidence, cell=cell(findings, "evaluate", "metrics"))
    total = held_out + split.evidence.train_rows
    evidence = f"{held_out:,} of {total:,} {rows} are held out from the start; only the evaluation loads them."
    return AuditRow(pattern=pattern, verdict="avoided", evidence=evidence, cell=split.cell)


def imbalance_ignored(findings: Findings, request: Request) -> AuditRow:
    """Check that the class balance was computed, and that a reported metric penalises always predicting the majority class."""
    pattern = "Imbalance ignored"
    if "accuracy" not in request.task_spec.metrics:
        return AuditRow(pattern=pattern, verdict="avoided", evidence="The task does not predict one class per row.")
    balance = evidence_of(findings, "features", ClassBalanceEvidence) or evidence_of(findings, "explore", ClassBalanceEvidence)
    if balance is None:
        return _unknown(pattern, "The class balance was not reported.")
    rarest, share = min(balance.evidence.class_shares.items(), key=lambda item: item[1])
    words = f"The rarest class, {clean(rarest)}, is {percent(share, 1)} of the {plural(request.data.row)} in train."
    required = [name for name in request.requirements if name in request.task_spec.metrics]
    reported = [name for name in estimates(findings, "evaluate", "metrics") if name in IMBALANCE_METRICS]
    verdict = "avoided"
    if share < RARE_CLASS_SHARE and required and not any(name in IMBALANCE_METRICS for name in required):
        verdict = "look"
        words += f" The request only has a requirement for {_metrics(required)}, which a model can meet by always predicting a more frequent class."
    elif not findings.get("evaluate"):
        return _unknown(pattern, f"{words} No model was evaluated in this run.")
    elif not reported:
        verdict = "look"
        words += " No reported metric accounts for the imbalance."
    else:
        words += f" The model is also evaluated by {_metrics(reported[:3])}."
    return AuditRow.model_validate({"pattern": pattern, "verdict": verdict, "evidence": words, "cell": balance.cell})


def missing_values_ignored(findings: Findings, request: Request) -> AuditRow:
    """Check that missing values were counted, and that the recipe handles them in every column that contains any."""
    pattern = "Missing values ignored"
    missing = evidence_of(findings, "ingest", MissingValuesEvidence) or evidence_of(findings, "explore", MissingValuesEvidence)
    if missing is None:
        return _unknown(pattern, "Missing values were not counted.")
    names = list(missing.evidence.missing_shares)
    words = f"{counted(len(names), 'column')} of train {'has' if len(names) == 1 else 'have'} missing values."
    if not names:
        words = "No value is missing in train."
    recipe = evidence_of(findings, "features", RecipeEvidence)
    if recipe is None:
        evidence = f"{words} No recipe reports how they are handled."
        return AuditRow(pattern=pattern, verdict="look", evidence=evidence, cell=missing.cell)
    handling = recipe.evidence.missing_handling
    unhandled = [name for name in names if handling.get(name) == "unhandled"]
    if unhandled:
        evidence = f"{words} The recipe does not handle missing values in {_names(unhandled)}."
        return AuditRow(pattern=pattern, verdict="found", evidence=evidence, cell=recipe.cell)
    evidence = f"{words} {_handling(names, handling)}".strip()
    return AuditRow(pattern=pattern, verdict="avoided", evidence=evidence, cell=recipe.cell)


def _handling(columns: list[str], handling: dict[str, MissingHandling]) -> str:
    by_handling: dict[MissingHandling, list[str]] = defaultdict(list)
    for name in columns:
        if name in handling:
            by_handling[handling[name]].append(name)
    if by_handling:
        return " ".join(f"{lead} {_names(by_handling[how])}." for how, lead in _HANDLED.items() if by_handling.get(how))
    return "No model reads a column with missing values." if columns else ""


def leakage(findings: Findings, request: Request) -> AuditRow:
    """Check that no input leaks the target, and that no row is in both train and holdout."""
    pattern = "Leakage"
    leaks = evidence_of(findings, "features", LeakageEvidence)
    if leaks is None:
        return _unknown(pattern, "No leakage check was reported.")
    overlap = evidence_of(findings, "features", OverlapEvidence)
    by_action: dict[LeakAction, list[str]] = defaultdict(list)
    for suspect in leaks.evidence.suspects:
        by_action[suspect.action].append(suspect.name)
    leads: dict[LeakAction, str] = {
        "used": "Leaking and used:",
        "excluded": "Suspected of leaking and excluded:",
        "allowed": "Suspected of leaking and allowed by the request:",
        "review": "Possible leaks to review:",
    }
    words = [f"{lead} {_names(by_action[action])}." for action, lead in leads.items() if by_action.get(action)] or [
        "No input is suspected of leaking the target."
    ]
    shared, near_duplicates, held_out = 0, 0, 1
    if overlap is not None:
        shared, near_duplicates = overlap.evidence.shared_rows, overlap.evidence.near_duplicate_rows
        held_out = overlap.evidence.holdout_rows
        words.append(_overlap(overlap, request.data.row))
    verdict, where = "avoided", leaks.cell
    if by_action.get("used"):
        verdict = "found"
    elif overlap is not None and shared:
        verdict, where = "found", overlap.cell
    elif by_action.get("allowed") or by_action.get("review") or near_duplicates > NEAR_DUPLICATE_SHARE * held_out:
        verdict = "look"
    return AuditRow.model_validate({"pattern": pattern, "verdict": verdict, "evidence": " ".join(words), "cell": where})


def _overlap(overlap: Located[OverlapEvidence], noun: str) -> str:
    rows = plural(noun)
    shared, near_duplicates, held_out = (
        overlap.evidence.shared_rows,
        overlap.evidence.near_duplicate_rows,
        overlap.evidence.holdout_rows,
    )
    if shared:
        return f"{shared:,} {rows} are in both train and holdout."
    if near_duplicates:
        return f"{near_duplicates:,} of the {held_out:,} {rows} in the holdout have a duplicate or near-duplicate in train."
    return f"No {singular(noun)} in the holdout has a duplicate in train."


def overfitting(findings: Findings, request: Request) -> AuditRow:
    """Check that the holdout score is no worse than the out-of-fold score by more than half the holdout's interval."""
    pattern = "Overfitting"
    scores = evidence_of(findings, "evaluate", GeneralizationEvidence)
    if scores is None or scores.evidence.out_of_fold is None or scores.evidence.holdout is None:
        return _unknown(pattern, "Train, out-of-fold and holdout scores were not compared.")
    train, out_of_fold, holdout = scores.evidence.train, scores.evidence.out_of_fold, scores.evidence.holdout
    metric = scores.evidence.metric
    drop = out_of_fold - holdout if scores.evidence.higher_is_better else holdout - out_of_fold
    width = _half_width(estimates(findings, "evaluate", "metrics").get(metric))
    on_train = f"{number(train)} on train, " if train is not None else ""
    label = metric_label(metric)
    words = (
        f"{label[:1].upper()}{label[1:]} is {on_train}{number(out_of_fold)} out of fold and {number(holdout)} on the holdout: "
    )
    if drop <= width:
        evidence = f"{words}no drop beyond the confidence interval."
        return AuditRow(pattern=pattern, verdict="avoided", evidence=evidence, cell=scores.cell)
    verdict = "look" if drop <= 3 * width else "found"
    evidence = f"{words}a drop beyond the confidence interval."
    return AuditRow.model_validate({"pattern": pattern, "verdict": verdict, "evidence": evidence, "cell": scores.cell})


def _half_width(estimate: Estimate | None) -> float:
    if estimate is None or estimate.low is None or estimate.high is None:
        return UNKNOWN_WIDTH
    return (estimate.high - estimate.low) / 2


def unversioned(findings: Findings, request: Request) -> AuditRow:
    """Check that data and model are identified by content hashes."""
    pattern = "Unversioned data or model"
    if not any(findings.get(stage) for stage in ("ingest", "evaluate", "deploy")):
        return _unknown(pattern, "Neither data nor a model was reported.")
    hashes = {of: _hash(findings, of, stages) for of, stages in (("data", ("ingest",)), ("model", ("deploy", "evaluate")))}
    shown = {of: located for of, located in hashes.items() if located is not None}
    words = " and ".join(f"{of} {located.evidence.digest[:12]}" for of, located in shown.items())
    where = next((located.cell for of in ("model", "data") if (located := hashes[of])), cell(findings, "ingest", "data_summary"))
    if len(shown) == len(hashes):
        evidence = f"Identified by content hashes: {words}."
        return AuditRow(pattern=pattern, verdict="avoided", evidence=evidence, cell=where)
    if "data" in shown and not findings.get("evaluate"):
        return _unknown(pattern, f"Identified by a content hash: {words}. No model was fitted in this run.")
    lacking = " or ".join(of for of in hashes if of not in shown)
    evidence = f"No content hash of the {lacking} was reported." + (f" Identified: {words}." if words else "")
    return AuditRow(pattern=pattern, verdict="look", evidence=evidence, cell=where)


def _hash(findings: Findings, of: str, stages: Iterable[str]) -> Located[HashEvidence] | None:
    hashes = (evidence_of(findings, stage, HashEvidence) for stage in stages)
    return next((located for located in hashes if located and located.evidence.of == of), None)


def unmonitored(findings: Findings, request: Request) -> AuditRow:
    """Check that the deployed model has drift thresholds and a retraining trigger."""
    pattern = "Deployed without monitoring"
    monitoring = evidence_of(findings, "monitor", MonitoringEvidence)
    if monitoring is not None and monitoring.evidence.monitored_columns:
        columns = counted(monitoring.evidence.monitored_columns, "column")
        evidence = f"Drift thresholds are set for {columns}, and a trigger decides when to retrain."
        return AuditRow(pattern=pattern, verdict="avoided", evidence=evidence, cell=monitoring.cell)
    if findings.get("deploy"):
        evidence = "A model package was built, but no drift thresholds are set for its inputs and predictions."
        return AuditRow(pattern=pattern, verdict="found", evidence=evidence, cell=cell(findings, "deploy", "package"))
    return _unknown(pattern, "Nothing was deployed or monitored in this run.")


def hard_coded(findings: Findings, request: Request) -> AuditRow:
    """Check that hyperparameters were tuned."""
    pattern = "Hard-coded hyperparameters"
    search = evidence_of(findings, "tune", SearchEvidence)
    if search is None:
        return _unknown(pattern, "No hyperparameter search was run.")
    candidate, trials = clean(search.evidence.candidate), search.evidence.trials
    searched = len(search.evidence.hyperparameters)
    if not searched or trials < 2:
        evidence = f"The default hyperparameters of {candidate} were not tuned."
        return AuditRow(pattern=pattern, verdict="look", evidence=evidence, cell=search.cell)
    evidence = f"{counted(searched, 'hyperparameter')} of {candidate} {'was' if searched == 1 else 'were'} tuned in {counted(trials, 'trial')}."
    gain = evidence_of(findings, "tune", GainEvidence)
    if gain is not None and gain.evidence.over_default.value is not None:
        value, low, high = gain.evidence.over_default.value, gain.evidence.over_default.low, gain.evidence.over_default.high
        evidence += (
            f" The best trial gains {number(value)} in {metric_label(gain.evidence.metric)} over the default{between(low, high)}."
        )
    return AuditRow(pattern=pattern, verdict="avoided", evidence=evidence, cell=search.cell)


CHECKS: tuple[Callable[[Findings, Request], AuditRow], ...] = (
    trained_on_all_data,
    imbalance_ignored,
    missing_values_ignored,
    leakage,
    overfitting,
    unversioned,
    unmonitored,
    hard_coded,
)


def _unknown(pattern: str, evidence: str) -> AuditRow:
    return AuditRow(pattern=pattern, verdict="look", evidence=evidence)


def _names(names: list[str]) -> str:
    return join_names([clean(name) for name in names])


def _metrics(names: list[str]) -> str:
    return join_names([metric_label(name) for name in names])

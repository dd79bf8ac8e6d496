"""Eight ways to fool oneself with a model, each checked against what the stages found, with its evidence and its cell.

A pattern is *avoided* when a finding shows that it was, *found* when a finding shows that it was not, and asks for a
*look* when the findings leave it open: a check that was not made proves nothing.
"""

import re
from collections.abc import Callable

from glassbox.findings.model import Audit, AuditRow, Cell
from glassbox.findings.wording import metric_label, number
from glassbox.metrics import higher_is_better
from glassbox.reports.lookup import Findings, cell, counted, estimates, facts, pick, rows, said
from glassbox.request.model import Request

# Metrics that a model gains nothing on by always saying the commonest class.
FAIR = ("roc_auc", "average_precision", "balanced_accuracy", "f1", "recall", "log_loss", "brier")
FILLS = re.compile(r"imput|missing|median|gap|most frequent|indicator|native", re.IGNORECASE)
_HASHED = re.compile(r"hash|sha|model|data", re.IGNORECASE)
_HASH = re.compile(r"\b[0-9a-f]{12,64}\b")
ALIKE = 0.01  # of the holdout: more rows than these that look like one of train flatter the metrics
RARE = 0.2  # a class below this share can be missed altogether without hurting accuracy much


def audit(findings: Findings, request: Request) -> Audit:
    """Check the eight anti-patterns.

    Parameters
    ----------
    findings
        What the stages of the run showed: stage -> name -> Shown. Stages that were not run are missing.
    request
        The request as resolved.

    Returns
    -------
    Audit
        Eight rows, in the order of the design.
    """
    checked = [check(findings, request) for check in CHECKS]
    open_, bad = (sum(row.verdict == verdict for row in checked) for verdict in ("look", "found"))
    say = f"{len(checked) - open_ - bad} of {len(checked)} are avoided"
    say += f", {open_} {'asks' if open_ == 1 else 'ask'} for a look" if open_ else ""
    say += f", {bad} {'was' if bad == 1 else 'were'} found" if bad else ""
    return Audit(title="Eight ways to fool oneself, checked", say=f"{say}.", rows=checked)


def trained_on_all_data(findings: Findings, request: Request) -> AuditRow:
    """Whether rows were set apart before anything was learned, and the model judged on those alone."""
    pattern = "Trained on all data"
    split = facts(findings, "ingest", "split")
    held = counted(pick(split, "holdout", "rows", without=("share", "%")) or pick(split, "holdout", without=("share", "%")))
    learned = counted(pick(split, "train", "rows", without=("share", "%")) or pick(split, "train", without=("share", "%")))
    where = cell(findings, "ingest", "split")
    if held is None:
        return _unknown(pattern, "No split of the data was shown.")
    if held == 0:
        return AuditRow(pattern=pattern, verdict="found", evidence="No row was held back: nothing judges the model.", cell=where)
    total = f" of {number(held + learned)}" if learned is not None else ""
    evidence = f"{number(held)}{total} rows were sealed at ingest; the graph lets evaluate alone open them."
    judged = {e.n for e in estimates(findings, "evaluate", "metrics").values() if e.n is not None}
    if judged and max(judged) > held:
        evidence = f"{number(held)} rows were sealed, but the metrics stand on {number(max(judged))}."
        return AuditRow(pattern=pattern, verdict="found", evidence=evidence, cell=cell(findings, "evaluate", "metrics"))
    return AuditRow(pattern=pattern, verdict="avoided", evidence=evidence, cell=where)


def imbalance_ignored(findings: Findings, request: Request) -> AuditRow:
    """Whether the share of the classes was looked at, and the model judged by something that it cannot win by guessing."""
    pattern = "Imbalance ignored"
    if "accuracy" not in request.task_spec.metrics:
        return AuditRow(pattern=pattern, verdict="avoided", evidence="The task has no classes to be out of balance.")
    where = cell(findings, "features", "imbalance") or cell(findings, "explore", "target")
    if not where:
        return _unknown(pattern, "No finding shows how often each class comes.")
    words = said(findings, "features", "imbalance") or said(findings, "explore", "target")
    share = _rarest(facts(findings, "ingest", "split"))
    asked = [name for name in request.requirements if name in request.task_spec.metrics]
    fair = [name for name in estimates(findings, "evaluate", "metrics") if name in FAIR]
    if share is not None and share < RARE and asked and not any(name in FAIR for name in asked):
        evidence = f"{words} Only {_listed(asked)} was asked for, which always saying the commoner class can satisfy."
        return AuditRow(pattern=pattern, verdict="look", evidence=evidence.strip(), cell=where)
    if not findings.get("evaluate"):
        return _unknown(pattern, f"{words} No model was evaluated in this run.".strip())
    if not fair:
        evidence = f"{words} No metric was reported that tells the classes apart."
        return AuditRow(pattern=pattern, verdict="look", evidence=evidence.strip(), cell=where)
    return AuditRow(
        pattern=pattern, verdict="avoided", evidence=f"{words} Judged by {_listed(fair[:3])} too.".strip(), cell=where
    )


def _rarest(split: dict[str, Cell]) -> float | None:
    """The share of the rarest class in train, as the split tells it: `"26.5%"` or a number."""
    shares = []
    for name, value in split.items():
        if "share of train" in name:
            number_ = counted(value)
            text = re.fullmatch(r"([\d.]+)\s*%", value) if isinstance(value, str) else None
            shares.append(number_ if number_ is not None else float(text[1]) / 100 if text else 1.0)
    return min(shares, default=None)


def missing_values_ignored(findings: Findings, request: Request) -> AuditRow:
    """Whether missing values were counted, and the recipe does something about them inside the folds."""
    pattern = "Missing values ignored"
    counted_at = cell(findings, "ingest", "missing") or cell(findings, "explore", "missingness")
    if not counted_at:
        return _unknown(pattern, "Missing values were not counted.")
    words = said(findings, *counted_at.split("#"))
    recipe = rows(findings, "features", "recipe")
    if not recipe:
        return AuditRow(
            pattern=pattern, verdict="look", evidence=f"{words} No recipe says what becomes of them.".strip(), cell=counted_at
        )
    treated = sum(any(isinstance(value, str) and FILLS.search(value) for value in row.values()) for row in recipe)
    if not treated:
        evidence = f"{words} No step of the recipe deals with them.".strip()
        return AuditRow(pattern=pattern, verdict="found", evidence=evidence, cell=cell(findings, "features", "recipe"))
    evidence = f"{words} The recipe treats them, fitted inside the folds only.".strip()
    return AuditRow(pattern=pattern, verdict="avoided", evidence=evidence, cell=cell(findings, "features", "recipe"))


def leakage(findings: Findings, request: Request) -> AuditRow:
    """Whether something is seen in training that will not be known when it matters, or rows stand on both sides."""
    pattern = "Leakage"
    where = cell(findings, "features", "leaks")
    if not where:
        return _unknown(pattern, "No search for leaks was shown.")
    suspects = rows(findings, "features", "leaks")
    names = [str(row.get("column", "")) for row in suspects]
    kept = [name for name in names if name in request.data.allow]
    kept += [
        str(row.get("column", "")) for row in suspects if _kept(str(row.get("verdict", ""))) and row.get("column") not in kept
    ]
    crossing = facts(findings, "features", "duplicates_across")
    words = said(findings, "features", "leaks")
    repeats = said(findings, "features", "duplicates_across")
    evidence = " ".join(text for text in (words, repeats) if text) or f"{number(len(suspects))} columns are suspected."
    if counted(pick(crossing, "both sides") or 0.0):
        return AuditRow(pattern=pattern, verdict="found", evidence=evidence, cell=cell(findings, "features", "duplicates_across"))
    held = counted(pick(facts(findings, "ingest", "split"), "holdout", "rows")) or 1.0
    if kept or (counted(pick(crossing, "alike")) or 0.0) > ALIKE * held:
        return AuditRow(pattern=pattern, verdict="look", evidence=evidence, cell=where)
    return AuditRow(pattern=pattern, verdict="avoided", evidence=evidence, cell=where)


def _kept(verdict: str) -> bool:
    return bool(re.search(r"\b(kept|allowed|vouched|look)\b", verdict, re.IGNORECASE))


def overfitting(findings: Findings, request: Request) -> AuditRow:
    """Whether the model does on the holdout what it did out of fold: the drop against the holdout's own interval."""
    pattern = "Overfitting"
    gap, where = facts(findings, "evaluate", "gap"), cell(findings, "evaluate", "gap")
    out_of_fold = counted(pick(gap, "fold", without=("over",)))
    holdout = counted(pick(gap, "holdout", without=("fold",)))
    train = counted(pick(gap, "train", without=("fold", "rows")))
    if out_of_fold is None or holdout is None:
        return _unknown(pattern, "No comparison of train, folds and holdout was shown.")
    metric = _gap_metric(findings, gap, holdout)
    upward = higher_is_better(metric)
    drop = out_of_fold - holdout if upward else holdout - out_of_fold
    found = estimates(findings, "evaluate", "metrics").get(metric)
    width = (found.high - found.low) / 2 if found and found.low is not None and found.high is not None else 0.02
    seen = f"{number(train)} on the rows it was fitted on, " if train is not None else ""
    words = f"{metric_label(metric)} is " if metric else "The score is "
    evidence = f"{words}{seen}{number(out_of_fold)} out of fold, {number(holdout)} on the holdout"
    if drop <= width:
        return AuditRow(pattern=pattern, verdict="avoided", evidence=f"{evidence}: no drop beyond its interval.", cell=where)
    verdict = "look" if drop <= 3 * width else "found"
    return AuditRow(pattern=pattern, verdict=verdict, evidence=f"{evidence}: a drop wider than its interval.", cell=where)


def _gap_metric(findings: Findings, gap: dict[str, Cell], holdout: float) -> str:
    named = pick(gap, "metric")
    metrics = estimates(findings, "evaluate", "metrics")
    if isinstance(named, str):
        return next((name for name in metrics if named.lower() in (name, metric_label(name).lower())), named)
    return next((name for name, e in metrics.items() if e.value is not None and abs(e.value - holdout) < 1e-9), "")


def unversioned(findings: Findings, request: Request) -> AuditRow:
    """Whether data and model are known by the hash of their content."""
    pattern = "Unversioned data or model"
    data, model = (_hash_at(findings, *stages) for stages in (("ingest",), ("deploy", "evaluate")))
    if not any(findings.get(stage) for stage in ("ingest", "evaluate", "deploy")):
        return _unknown(pattern, "Neither data nor a model was shown.")
    there = [f"{what} {found[0][:12]}" for what, found in (("data", data), ("model", model)) if found]
    where = (model or data or ("", cell(findings, "ingest", "arrived")))[1]
    if data and model:
        evidence = f"Known by the hash of their content: {_listed(there)}."
        return AuditRow(pattern=pattern, verdict="avoided", evidence=evidence, cell=where)
    if data and not findings.get("evaluate"):
        return _unknown(pattern, f"{_listed(there).capitalize()} is known by its hash; no model was fitted in this run.")
    missing = "data" if not data else "model"
    seen = f"{_listed(there)[0].upper()}{_listed(there)[1:]} is known by its hash; " if there else ""
    return AuditRow(pattern=pattern, verdict="look", evidence=f"{seen}no hash of the {missing} was shown.", cell=where)


def _hash_at(findings: Findings, *stages: str) -> tuple[str, str] | None:
    """The first hash among the facts of these stages, and the cell that shows it."""
    for stage in stages:
        for name in findings.get(stage, {}):
            for fact, value in facts(findings, stage, name).items():
                found = _HASH.search(value) if isinstance(value, str) and _HASHED.search(fact) else None
                if found:
                    return found[0], f"{stage}#{name}"
    return None


def unmonitored(findings: Findings, request: Request) -> AuditRow:
    """Whether what is deployed is watched: thresholds, and a trigger that says when to train again."""
    pattern = "Deployed without monitoring"
    thresholds, trigger = cell(findings, "monitor", "thresholds"), cell(findings, "monitor", "trigger")
    if thresholds and trigger:
        watched = len(rows(findings, "monitor", "thresholds"))
        evidence = said(findings, "monitor", "trigger") or f"{number(watched)} thresholds are set, and a trigger to train again."
        return AuditRow(pattern=pattern, verdict="avoided", evidence=evidence, cell=trigger)
    if findings.get("deploy"):
        evidence = "A package was built, and nothing says how its drift would be noticed."
        return AuditRow(pattern=pattern, verdict="found", evidence=evidence, cell=cell(findings, "deploy", "package"))
    return _unknown(pattern, "Nothing was deployed in this run, and nothing is watched.")


def hard_coded(findings: Findings, request: Request) -> AuditRow:
    """Whether hyperparameters were searched, and what the search was worth."""
    pattern = "Hard-coded hyperparameters"
    where = cell(findings, "tune", "history", "best", "gain")
    if not where:
        return _unknown(pattern, "Nothing was tuned in this run.")
    words = [said(findings, "tune", "history"), said(findings, "tune", "gain")]
    searched = len(rows(findings, "tune", "best"))
    evidence = " ".join(text for text in words if text) or f"{number(searched)} settings were searched."
    return AuditRow(pattern=pattern, verdict="avoided", evidence=evidence, cell=where)


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


def _listed(names: list[str]) -> str:
    words = [metric_label(name) for name in names]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)

"""Leakage check: columns that predict the target almost perfectly, identify the row, or duplicate another column.

Each verdict comes with its evidence. A suspected leak is left out unless the request allows the column by name.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.families.classification.dataset import LabelledRows
from glassbox.families.classification.metrics import Sample, score
from glassbox.families.tabular.recipe import UNUSABLE
from glassbox.findings.evidence import LeakAction, LeakageEvidence, LeakSuspect
from glassbox.findings.model import Note, Table
from glassbox.findings.wording import counted, number

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Row = dict[str, Any]

# Legitimate columns come close: the best single column of the iris data has 0.986, of the Wisconsin breast cancer data 0.976.
LEAK_AUC = 0.99
LOOK_AUC = 0.95
NEAR_COPY = 0.97  # reduction of the errors of the majority class by this column alone
ALMOST_CONSTANT = 0.9995
SURE, SURE_SHARE = 0.999, 0.02  # a value that determines the target, and the minimum share of rows with it
NEAR_DUPLICATE = 0.9995  # rank correlation of two numbers
BINS = 32
PRIOR_ROWS = 5.0


def audit(
    labelled: LabelledRows, schema: Schema, *, allow: Sequence[str] = (), time: str | None = None, cutoff: str | None = None
) -> list[Row]:
    """Check every feature for leakage.

    Parameters
    ----------
    labelled
        The training data with folds; scores of single columns are out-of-fold.
    allow
        Columns that the request allows.
    time, cutoff
        The column and the cutoff of a split by time: no other date may lie after the cutoff or, without one, after the last time of
        train.

    Returns
    -------
    list of dict
        ``column``, ``evidence``, ``verdict``, ``auc`` (of that column alone; with several classes, the mean), ``left_out``. Columns
        that are left out come first, then those to review, then the rest by decreasing ``auc``.
    """
    coded = {
        column.name: column_codes(labelled.frame[column.name], column)
        for column in schema.features
        if column.name in labelled.frame
    }
    cutoff = cutoff or _end_of_train(labelled.frame, schema, time)
    originals = _duplicates(labelled.frame[list(coded)])
    rows = []
    for column in schema.features:
        if column.name not in coded:
            continue
        auc, saved, sure = single_column_scores(coded[column.name], labelled)
        verdict, evidence = _verdict(
            column, labelled.frame[column.name], auc, saved, sure, originals.get(column.name), time, cutoff
        )
        left_out = verdict not in ("clear", "look")
        if left_out and column.name in allow:
            verdict, left_out = "allowed", False
        rows.append({"column": column.name, "evidence": evidence, "verdict": verdict, "auc": auc, "left_out": left_out})
    rows = _with_near_duplicates(rows, labelled.frame, schema)
    return sorted(rows, key=lambda row: (not row["left_out"], row["verdict"] == "clear", -row["auc"], row["column"]))


def _verdict(
    column: ColumnSchema,
    values: pd.Series,
    auc: float,
    saved: float,
    sure: str,
    original: str | None,
    time: str | None,
    cutoff: str | None,
) -> tuple[str, str]:
    score_alone = f"alone it predicts the target with ROC-AUC {number(auc)}"
    if column.kind in UNUSABLE:
        return column.kind, UNUSABLE[column.kind].partition(": ")[2]
    if saved >= NEAR_COPY:
        return (
            "leak",
            f"a near-copy of the target: {score_alone} and leaves {100 * (1 - saved):.1f} % of the errors of the majority class",
        )
    if auc >= LEAK_AUC:
        return "leak", score_alone
    if (late := _late_dates(column, values, time, cutoff)) is not None:
        return "leak", late
    if (share := _largest_share(values)) >= ALMOST_CONSTANT:
        return "almost constant", f"one value in {100 * share:.3f} % of the rows"
    if original is not None:
        return "copy", f"it duplicates {original}, value for value"
    if auc >= LOOK_AUC:
        return "look", f"{score_alone}; check that it is known at prediction time"
    if sure:
        return "look", f"{sure}; check that it is known at prediction time"
    return "clear", score_alone


def column_codes(values: pd.Series, column: ColumnSchema) -> Codes:
    """Encode a column as codes: quantile bins of numbers, dates and text lengths, or categories; missing is 0."""
    if column.kind in ("number", "date", "text"):
        if column.kind == "text":
            values = values.str.len()
        elif column.kind == "date":
            values = (values - pd.Timestamp("2000-01-01")) / pd.Timedelta(days=1)
        numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
        known = np.isfinite(numbers)
        edges = (
            np.unique(np.quantile(numbers[known], np.linspace(0, 1, BINS + 1)[:-1], method="lower"))
            if known.any()
            else np.zeros(0)
        )
        return np.where(known, 1 + np.searchsorted(edges, np.where(known, numbers, 0.0), side="left"), 0).astype(np.int64)
    codes, _ = pd.factorize(values, sort=False)
    return (codes + 1).astype(np.int64)


def single_column_scores(codes: Codes, labelled: LabelledRows) -> tuple[float, float, str]:
    """Score the out-of-fold predictions of the target from one coded column alone.

    Returns
    -------
    auc
        The ROC-AUC of the class shares of the row's value in the other folds.
    saved
        The reduction of the errors of always predicting the majority class.
    sure
        A description of a value that determines the target; empty when there is none.
    """
    k, bins = len(labelled.classes), int(codes.max()) + 1
    proba = np.empty((len(codes), k))
    for fold in labelled.folds:
        out = labelled.fold == fold
        counts = np.bincount(codes[~out] * k + labelled.y[~out], minlength=bins * k).reshape(bins, k)
        prior = np.bincount(labelled.y[~out], minlength=k) / max(1, int((~out).sum()))
        shares = (counts + PRIOR_ROWS * prior) / (counts.sum(axis=1, keepdims=True) + PRIOR_ROWS)
        proba[out] = shares[codes[out]]
    folds = [
        Sample.of(labelled.y[out], proba[out], positive=labelled.positive)
        for f in labelled.folds
        if (out := labelled.fold == f).any()
    ]
    auc = float(np.mean([score(fold, ["roc_auc"])["roc_auc"] for fold in folds]))
    majority_error = 1 - float(np.bincount(labelled.y).max()) / len(labelled.y)
    error = float((proba.argmax(axis=1) != labelled.y).mean())
    return max(auc, 0.5), 1 - error / majority_error, _determining_value(codes, labelled)


def _determining_value(codes: Codes, labelled: LabelledRows) -> str:
    k = len(labelled.classes)
    counts = np.bincount(codes * k + labelled.y, minlength=(int(codes.max()) + 1) * k).reshape(-1, k)
    rows, base = counts.sum(axis=1), np.bincount(labelled.y, minlength=k) / len(labelled.y)
    share = counts.max(axis=1) / np.maximum(rows, 1)
    # A majority class above 90 % is nearly certain for any value, which is no evidence of leakage.
    determines = (share >= SURE) & (rows >= max(50, SURE_SHARE * len(codes))) & (base[counts.argmax(axis=1)] < 0.9)
    if not determines.any():
        return ""
    at = int(np.argmax(np.where(determines, rows, 0)))
    which = "where it is missing" if at == 0 else "in one range of its values"
    return f"{which} ({100 * rows[at] / len(codes):.0f} % of the rows), the target is nearly certain"


def _late_dates(column: ColumnSchema, values: pd.Series, time: str | None, cutoff: str | None) -> str | None:
    if column.kind != "date" or time is None or cutoff is None or column.name == time:
        return None
    late = values.to_numpy() > np.datetime64(pd.Timestamp(cutoff))
    return f"{int(late.sum()):,d} of its dates lie after {cutoff}, where train ends" if late.any() else None


def _end_of_train(frame: pd.DataFrame, schema: Schema, time: str | None) -> str | None:
    if time is None or time not in frame or schema.column(time).kind != "date" or frame[time].isna().all():
        return None
    return str(frame[time].max().isoformat())


def _largest_share(values: pd.Series) -> float:
    counts = values.value_counts(dropna=False)
    return float(counts.iloc[0] / len(values)) if len(counts) else 1.0


def _duplicates(frame: pd.DataFrame) -> dict[str, str]:
    """Map each duplicate column to the earlier column with the same order of numbers or dates, or the same categories recoded."""
    first_with: dict[str, str] = {}
    duplicates: dict[str, str] = {}
    for name in frame.columns:
        values = frame[name]
        if values.dtype == object:  # codes by first appearance are equal for recodings
            codes = pd.factorize(values, sort=False)[0].astype(np.int64)
            if codes.max() < 1 or codes.max() + 1 > len(frame) / 2:  # columns with unique values have equal codes
                continue
        else:
            codes = values.rank(method="dense").fillna(0).to_numpy().astype(np.int64)
            if codes.max() < 2:
                continue
        digest = hashlib.sha256(str(values.dtype).encode() + codes.astype(np.int64).tobytes()).hexdigest()
        if digest in first_with:
            duplicates[str(name)] = first_with[digest]
        first_with.setdefault(digest, str(name))
    return duplicates


def _with_near_duplicates(rows: list[Row], frame: pd.DataFrame, schema: Schema) -> list[Row]:
    usable = {row["column"] for row in rows if not row["left_out"]}
    names = [column.name for column in schema.features if column.kind == "number" and column.name in usable]
    if len(names) < 2:
        return rows
    correlation = frame[names].rank().corr(min_periods=30).abs().to_numpy()
    near_duplicates: dict[str, str] = {}
    for i, name in enumerate(names):
        originals = [names[j] for j in range(i) if correlation[i, j] >= NEAR_DUPLICATE]
        if originals:
            near_duplicates[name] = originals[0]
    return [
        {**row, "verdict": "look", "evidence": f"its rank correlation with {near_duplicates[row['column']]} is nearly perfect"}
        if row["column"] in near_duplicates and row["verdict"] == "clear"
        else row
        for row in rows
    ]


def leaks_table(rows: Sequence[Mapping[str, Any]], most: int = 12) -> Table:
    """Return the check as a table: all suspects, and the strongest predictors of the rest."""
    suspects = [row for row in rows if row["verdict"] != "clear"]
    shown = [*suspects, *[row for row in rows if row["verdict"] == "clear"][: max(0, most - len(suspects))]]
    frame = pd.DataFrame(
        [{key: row[key] for key in ("column", "evidence", "verdict")} for row in shown], columns=["column", "evidence", "verdict"]
    )
    leaks = [str(row["column"]) for row in rows if row["verdict"] == "leak"]
    allowed = [str(row["column"]) for row in rows if row["verdict"] == "allowed"]
    review = [str(row["column"]) for row in rows if row["verdict"] == "look"]
    say = (
        f"Left out as suspected leaks of the target: {', '.join(leaks)}."
        if leaks
        else "No column is suspected of leaking the target."
    )
    if allowed:
        say += f" Used because the request allows them: {', '.join(allowed)}."
    if review:
        say += f" Used, but to be reviewed: {', '.join(review)}."
    rest = len(rows) - len(shown)
    note = f"{rest} more columns have no evidence of leakage." if rest > 0 else ""
    actions: dict[str, LeakAction] = {"leak": "excluded", "allowed": "allowed", "look": "review"}
    leak_suspects = [LeakSuspect(name=row["column"], action=actions[row["verdict"]]) for row in rows if row["verdict"] in actions]
    return Table.of(frame, "Leakage check", say=say, note=note, evidence=LeakageEvidence(suspects=leak_suspects))


def identifiers(rows: Sequence[Mapping[str, Any]], row_name: str | None) -> Note:
    """List the columns that identify rows and are excluded from the model."""
    names = [str(row["column"]) for row in rows if row["verdict"] == "identifier"]
    lines = [f"{name}: left out because it identifies the row" for name in names]
    if row_name:
        lines.insert(0, f"{row_name}: the row id of the request, which is never a feature")
    say = "No column is an identifier." if not lines else f"{counted(len(lines), 'column')} excluded from the model."
    return Note(title="Identifiers", say=say, lines=lines, tone="good")

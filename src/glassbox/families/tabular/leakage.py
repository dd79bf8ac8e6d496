"""The leakage audit: columns that know the target, name the row, or say what another column says.

What is looked for is named with its evidence. A suspected leak is left out unless the request allows it by name.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.families.classification.dataset import Problem
from glassbox.families.classification.metrics import Sample, score
from glassbox.families.tabular.recipe import UNUSABLE
from glassbox.findings.evidence import LeakAction, LeakageEvidence, LeakSuspect
from glassbox.findings.model import Note, Table
from glassbox.findings.wording import number

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Row = dict[str, Any]

# Honest columns come near: the best single one of Fisher's iris has 0.986, of the Wisconsin breast cancers 0.976.
LEAK_AUC = 0.99
LOOK_AUC = 0.95
NEAR_COPY = 0.97  # of the mistakes that guessing makes are gone when this column is known
ALMOST_CONSTANT = 0.9995
SURE, SURE_SHARE = 0.999, 0.02  # a value that decides the target, held by this share of the rows or more
NEAR_DUPLICATE = 0.9995  # rank correlation of two numbers
BINS = 32
PRIOR_ROWS = 5.0


def audit(
    problem: Problem, schema: Schema, *, allow: Sequence[str] = (), time: str | None = None, cutoff: str | None = None
) -> list[Row]:
    """Every column a model might see: what speaks against it, and the verdict.

    Parameters
    ----------
    problem
        Train with its folds; scores of single columns are out-of-fold.
    allow
        Columns that the user vouches for.
    time, cutoff
        The column that the split is by, and its cutoff, when it is by time: no other date may lie behind the cutoff, or,
        where none was named, behind the last moment of train.

    Returns
    -------
    list of dict
        ``column``, ``evidence``, ``verdict``, ``auc`` (of that column alone; of several classes the mean), ``left_out``. The
        most telling column first.
    """
    coded = {
        column.name: column_codes(problem.frame[column.name], column)
        for column in schema.features
        if column.name in problem.frame
    }
    cutoff = cutoff or _last(problem.frame, schema, time)
    twins = _copies(problem.frame[list(coded)])
    rows = []
    for column in schema.features:
        if column.name not in coded:
            continue
        auc, saved, sure = alone(coded[column.name], problem)
        verdict, evidence = _judged(column, problem.frame[column.name], auc, saved, sure, twins.get(column.name), time, cutoff)
        left_out = verdict not in ("clear", "look")
        if left_out and column.name in allow:
            verdict, left_out = "allowed", False
        rows.append({"column": column.name, "evidence": evidence, "verdict": verdict, "auc": auc, "left_out": left_out})
    rows = _with_near_duplicates(rows, problem.frame, schema)
    return sorted(rows, key=lambda row: (not row["left_out"], row["verdict"] == "clear", -row["auc"], row["column"]))


def _judged(
    column: ColumnSchema,
    values: pd.Series,
    auc: float,
    saved: float,
    sure: str,
    twin: str | None,
    time: str | None,
    cutoff: str | None,
) -> tuple[str, str]:
    alone_says = f"alone it predicts the target with ROC-AUC {number(auc)}"
    if column.kind in UNUSABLE:
        return column.kind, UNUSABLE[column.kind].partition(": ")[2]
    if saved >= NEAR_COPY:
        return "leak", f"a near-copy of the target: {alone_says} and leaves {100 * (1 - saved):.1f} % of the mistakes of guessing"
    if auc >= LEAK_AUC:
        return "leak", alone_says
    if (late := _after(column, values, time, cutoff)) is not None:
        return "leak", late
    if (share := _commonest(values)) >= ALMOST_CONSTANT:
        return "almost constant", f"one value in {100 * share:.3f} % of the rows"
    if twin is not None:
        return "copy", f"it says the same as {twin}, value for value"
    if auc >= LOOK_AUC:
        return "look", f"{alone_says}: was it known at the time?"
    if sure:
        return "look", f"{sure}: was it known at the time?"
    return "clear", alone_says


def column_codes(values: pd.Series, column: ColumnSchema) -> Codes:
    """A column as a few numbered values: quantiles of numbers, dates and lengths of text; missing is 0."""
    if column.kind in ("number", "date", "text"):
        if column.kind == "text":
            values = values.str.len()
        elif column.kind == "date":
            values = (values - pd.Timestamp("2000-01-01")) / pd.Timedelta(days=1)
        found = values.to_numpy(dtype=np.float64, na_value=np.nan)
        known = np.isfinite(found)
        edges = (
            np.unique(np.quantile(found[known], np.linspace(0, 1, BINS + 1)[:-1], method="lower")) if known.any() else np.zeros(0)
        )
        return np.where(known, 1 + np.searchsorted(edges, np.where(known, found, 0.0), side="left"), 0).astype(np.int64)
    codes, _ = pd.factorize(values, sort=False)
    return (codes + 1).astype(np.int64)


def alone(codes: Codes, problem: Problem) -> tuple[float, float, str]:
    """What one coded column knows of the target, out of fold.

    Returns
    -------
    auc
        ROC-AUC of the class shares that other folds have for the row's value.
    saved
        The share of the mistakes of always guessing the commonest class that are not made when this column is known.
    sure
        In words, a value that decides the target by itself; empty when there is none.
    """
    k, bins = len(problem.classes), int(codes.max()) + 1
    proba = np.empty((len(codes), k))
    for fold in problem.folds:
        out = problem.fold == fold
        counts = np.bincount(codes[~out] * k + problem.y[~out], minlength=bins * k).reshape(bins, k)
        prior = np.bincount(problem.y[~out], minlength=k) / max(1, int((~out).sum()))
        shares = (counts + PRIOR_ROWS * prior) / (counts.sum(axis=1, keepdims=True) + PRIOR_ROWS)
        proba[out] = shares[codes[out]]
    folds = [
        Sample.of(problem.y[out], proba[out], positive=problem.positive)
        for f in problem.folds
        if (out := problem.fold == f).any()
    ]
    auc = float(np.mean([score(fold, ["roc_auc"])["roc_auc"] for fold in folds]))
    guessing = 1 - float(np.bincount(problem.y).max()) / len(problem.y)
    wrong = float((proba.argmax(axis=1) != problem.y).mean())
    return max(auc, 0.5), 1 - wrong / guessing, _sure(codes, problem)


def _sure(codes: Codes, problem: Problem) -> str:
    k = len(problem.classes)
    counts = np.bincount(codes * k + problem.y, minlength=(int(codes.max()) + 1) * k).reshape(-1, k)
    rows, base = counts.sum(axis=1), np.bincount(problem.y, minlength=k) / len(problem.y)
    share = counts.max(axis=1) / np.maximum(rows, 1)
    # Where a class is nearly everywhere, being sure of it is no news.
    told = (share >= SURE) & (rows >= max(50, SURE_SHARE * len(codes))) & (base[counts.argmax(axis=1)] < 0.9)
    if not told.any():
        return ""
    at = int(np.argmax(np.where(told, rows, 0)))
    which = "where it is missing" if at == 0 else "one range of its values"
    return f"{which}, {100 * rows[at] / len(codes):.0f} % of the rows, all but decides the target"


def _after(column: ColumnSchema, values: pd.Series, time: str | None, cutoff: str | None) -> str | None:
    if column.kind != "date" or time is None or cutoff is None or column.name == time:
        return None
    late = values.to_numpy() > np.datetime64(pd.Timestamp(cutoff))
    return f"{int(late.sum()):,d} of its dates lie after {cutoff}, where train ends" if late.any() else None


def _last(frame: pd.DataFrame, schema: Schema, time: str | None) -> str | None:
    if time is None or time not in frame or schema.column(time).kind != "date" or frame[time].isna().all():
        return None
    return str(frame[time].max().isoformat())


def _commonest(values: pd.Series) -> float:
    counts = values.value_counts(dropna=False)
    return float(counts.iloc[0] / len(values)) if len(counts) else 1.0


def _copies(frame: pd.DataFrame) -> dict[str, str]:
    """Column to the earlier column that says the same: the same order of numbers or dates, or a recoding of categories."""
    seen: dict[str, str] = {}
    twins: dict[str, str] = {}
    for name in frame.columns:
        values = frame[name]
        if values.dtype == object:  # numbered as they appear: recodings get the same numbers
            codes = pd.factorize(values, sort=False)[0].astype(np.int64)
            if codes.max() < 1 or codes.max() + 1 > len(frame) / 2:  # columns without repeats are all numbered alike
                continue
        else:
            codes = values.rank(method="dense").fillna(0).to_numpy().astype(np.int64)
            if codes.max() < 2:
                continue
        digest = hashlib.sha256(str(values.dtype).encode() + codes.astype(np.int64).tobytes()).hexdigest()
        if digest in seen:
            twins[str(name)] = seen[digest]
        seen.setdefault(digest, str(name))
    return twins


def _with_near_duplicates(rows: list[Row], frame: pd.DataFrame, schema: Schema) -> list[Row]:
    usable = {row["column"] for row in rows if not row["left_out"]}
    names = [column.name for column in schema.features if column.kind == "number" and column.name in usable]
    if len(names) < 2:
        return rows
    related = frame[names].rank().corr(min_periods=30).abs().to_numpy()
    found: dict[str, str] = {}
    for i, name in enumerate(names):
        near = [names[j] for j in range(i) if related[i, j] >= NEAR_DUPLICATE]
        if near:
            found[name] = near[0]
    return [
        {**row, "verdict": "look", "evidence": f"it runs along with {found[row['column']]}: both say nearly the same"}
        if row["column"] in found and row["verdict"] == "clear"
        else row
        for row in rows
    ]


def leaks_table(rows: Sequence[Mapping[str, Any]], most: int = 12) -> Table:
    """The audit as a table: all that is suspected, and the most telling of the rest."""
    spoken = [row for row in rows if row["verdict"] != "clear"]
    shown = [*spoken, *[row for row in rows if row["verdict"] == "clear"][: max(0, most - len(spoken))]]
    frame = pd.DataFrame(
        [{key: row[key] for key in ("column", "evidence", "verdict")} for row in shown], columns=["column", "evidence", "verdict"]
    )
    leaks = [str(row["column"]) for row in rows if row["verdict"] == "leak"]
    allowed = [str(row["column"]) for row in rows if row["verdict"] == "allowed"]
    looks = [str(row["column"]) for row in rows if row["verdict"] == "look"]
    say = f"Suspected of leaking and left out: {', '.join(leaks)}." if leaks else "No column is suspected of leaking the target."
    if allowed:
        say += f" Kept because the request vouches for them: {', '.join(allowed)}."
    if looks:
        say += f" Worth a look, and kept: {', '.join(looks)}."
    rest = len(rows) - len(shown)
    note = f"{rest} more columns are clear." if rest > 0 else ""
    actions: dict[str, LeakAction] = {"leak": "excluded", "allowed": "allowed", "look": "review"}
    suspects = [LeakSuspect(name=row["column"], action=actions[row["verdict"]]) for row in rows if row["verdict"] in actions]
    return Table.of(frame, "Leakage audit", say=say, note=note, evidence=LeakageEvidence(suspects=suspects))


def identifiers(rows: Sequence[Mapping[str, Any]], row_name: str | None) -> Note:
    """What names rows rather than describing them, and stays out of the model."""
    names = [str(row["column"]) for row in rows if row["verdict"] == "identifier"]
    lines = [f"{name}: left out, it names the row" for name in names]
    if row_name:
        lines.insert(0, f"{row_name}: the name of the row, as the request says; never an input")
    say = "No column looks like an identifier." if not lines else f"{len(lines)} kept out of the model."
    return Note(title="Identifiers", say=say, lines=lines, tone="good")

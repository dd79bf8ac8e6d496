"""Holdout evaluation of classifiers: metrics, generalisation gap, weak slices, and the summary for stakeholders."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.errors import DataError
from glassbox.families.classification.calibration.apply import label
from glassbox.families.classification.dataset import LabelledRows, codes_of
from glassbox.families.classification.folds import groups_of
from glassbox.families.classification.metrics import NAMES, Floats, Sample, estimates, more_is_better, score
from glassbox.families.predictor_protocol import Predictor
from glassbox.findings.evidence import GeneralizationEvidence, SliceEvidence
from glassbox.findings.model import Estimates, Facts, Note, Table
from glassbox.findings.wording import metric_label, number, percent, reach_sentence


class ClassPredictor(Predictor, Protocol):
    """A predictor of class probabilities."""

    @property
    def classes(self) -> list[str]: ...
    @property
    def positive(self) -> str: ...
    @property
    def threshold(self) -> float | None: ...
    def proba(self, frame: pd.DataFrame) -> Floats:
        """Return calibrated probabilities of shape (rows, classes)."""
        ...


MIN_ROWS, MIN_ROWS_OF_CLASS = 50, 10  # smaller slices are not evaluated
SLICE_RESAMPLES = 500
MAX_TRAIN_ROWS = 10_000  # approximate number of train rows for the train score


def oof_proba(oof: pd.DataFrame, labelled: LabelledRows) -> Floats:
    """Return out-of-fold probabilities in the problem's row order, of shape (rows, classes).

    Raises
    ------
    DataError
        When a row of train has no out-of-fold prediction.
    """
    proba = (
        oof.set_index("row_id")
        .reindex(labelled.row_ids)[[f"proba_{name}" for name in labelled.classes]]
        .to_numpy(dtype=np.float64)
    )
    if np.isnan(proba).any():
        raise DataError(
            "tuned_oof: rows of train have no out-of-fold prediction; tune and ingest are from different runs. Run tune again."
        )
    return proba


def predictions(predictor: ClassPredictor, holdout: pd.DataFrame) -> pd.DataFrame:
    """Predict the holdout: ``row_id``, ``y_true``, ``y_pred`` and one ``proba_<class>`` per class, sorted by ``row_id``."""
    rows = holdout.sort_values("row_id", kind="stable").reset_index(drop=True)
    predicted = predictor.predict(rows)[["y_pred", *(f"proba_{name}" for name in predictor.classes)]]
    predicted.insert(0, "y_true", rows[predictor.schema.target].to_numpy())
    predicted.insert(0, "row_id", rows["row_id"].to_numpy())
    return predicted


def sample_of(predicted: pd.DataFrame, classes: Sequence[str], positive: str, clusters: Sequence[str] | None = None) -> Sample:
    """Convert a table of predictions to a `Sample`."""
    return Sample.of(
        codes_of(predicted["y_true"], classes),
        predicted[[f"proba_{name}" for name in classes]].to_numpy(dtype=np.float64),
        predicted=codes_of(predicted["y_pred"], classes),
        positive=list(classes).index(positive),
        clusters=clusters,
    )


def holdout_metrics(
    predicted: pd.DataFrame,
    classes: Sequence[str],
    positive: str,
    *,
    leading: str = "roc_auc",
    resamples: int = 1000,
    seed: int = 0,
    clusters: Sequence[str] | None = None,
) -> Estimates:
    """Estimate all metrics on the holdout with 95 % bootstrap intervals, `leading` first.

    `clusters` holds the group of each row when the split is by group: whole groups are resampled.
    """
    names = [leading, *[name for name in NAMES if name != leading]]
    values = estimates(sample_of(predicted, classes, positive, clusters), names, resamples=resamples, seed=seed)
    lead = values[leading]
    scope = f"the positive class is {positive}" if len(classes) == 2 else "per-class metrics are averaged over the classes"
    say = f"{metric_label(leading)} {number(lead.value)} ({number(lead.low)} to {number(lead.high)}) on {lead.n:,d} unseen rows; {scope}."
    return Estimates(title="Holdout metrics", say=say, values=values)


def generalization_gap(
    predictor: ClassPredictor, labelled: LabelledRows, oof: Floats, predicted: pd.DataFrame, metric: str, threshold: float | None
) -> Facts:
    """Compare the leading metric on train, out of fold and on the holdout.

    A much better score on train than out of fold indicates overfitting of the model. A better score out of fold than on the
    holdout indicates overfitting of the search, or a holdout that differs from train.
    """
    positive = labelled.positive
    every_nth = slice(None, None, max(1, len(labelled.y) // MAX_TRAIN_ROWS))
    y, train_proba = labelled.y[every_nth], predictor.proba(labelled.frame.iloc[every_nth])
    parts = {
        "train": Sample.of(y, train_proba, predicted=label(train_proba, positive, predictor.threshold), positive=positive),
        "out of fold": Sample.of(labelled.y, oof, predicted=label(oof, positive, threshold), positive=positive),
        "holdout": sample_of(predicted, predictor.classes, predictor.positive),
    }
    scores = {name: score(sample, [metric])[metric] for name, sample in parts.items()}
    sign = 1.0 if more_is_better(metric) else -1.0
    train_gap, oof_gap = sign * (scores["train"] - scores["out of fold"]), sign * (scores["out of fold"] - scores["holdout"])
    say = (
        f"{metric_label(metric)} is {number(scores['train'])} on the training rows, {number(scores['out of fold'])} out of fold "
        f"and {number(scores['holdout'])} on the holdout."
    )
    facts: dict[str, str | float | int | bool | None] = {"metric": metric_label(metric), **scores}
    evidence = GeneralizationEvidence(
        metric=metric,
        higher_is_better=more_is_better(metric),
        train=scores["train"],
        out_of_fold=scores["out of fold"],
        holdout=scores["holdout"],
    )
    facts |= {"train over out of fold": train_gap, "out of fold over holdout": oof_gap}
    return Facts(title="Generalisation gap", say=say, facts=facts, evidence=evidence)


def truth_and_scores(predicted: pd.DataFrame, classes: Sequence[str], positive: str) -> tuple[Any, Any]:
    """Return truth and scores for figures: 0/1 and one probability in binary problems, else class names and one column per class."""
    if len(classes) == 2:
        hit = (predicted["y_true"] == positive).to_numpy().astype(int)
        return hit, predicted[f"proba_{positive}"].to_numpy(dtype=np.float64)
    return predicted["y_true"].to_numpy(), predicted[[f"proba_{name}" for name in classes]]


def holdout_clusters(holdout: pd.DataFrame, group: str | None, split: pd.DataFrame | None = None) -> list[str] | None:
    """Return the bootstrap cluster of each holdout row, in the order of `predictions`.

    The cluster is the group when the split is by group, else the set of near-duplicates when `split` is passed. None means
    that every row is its own cluster.
    """
    rows = holdout.sort_values("row_id", kind="stable")
    if group is not None:
        return groups_of(rows, group=group)
    return None if split is None else split.set_index("row_id")["content"].reindex(rows["row_id"]).tolist()


# ------------------------------------------------------------------------------------------------------------- slices


def slices(
    holdout: pd.DataFrame,
    predicted: pd.DataFrame,
    schema: Schema,
    positive: str,
    *,
    metric: str = "roc_auc",
    columns: Sequence[str] | None = None,
    seed: int = 0,
    most_levels: int = 12,
) -> pd.DataFrame:
    """Compute the metric on slices of the holdout: each category and each quartile of a number, weakest first.

    Returns
    -------
    DataFrame
        ``slice``, ``value``, ``low``, ``high``, ``n`` and ``weak``: True if the slice is significantly worse than all rows
        (normal approximation to the bootstrap, Bonferroni-corrected for the number of slices).
    """
    rows = holdout.sort_values("row_id", kind="stable").reset_index(drop=True)
    classes = list(schema.classes or [])
    overall = score(sample_of(predicted, classes, positive), [metric])[metric]
    sliced_columns = [c for c in schema.features if c.name in rows and (columns is None or c.name in columns)]
    records: list[dict[str, Any]] = []
    for column in sliced_columns:
        for name, in_slice in _levels(rows[column.name], column.kind, most_levels):
            part = predicted[in_slice]
            if not _large_enough(part["y_true"], classes):
                continue
            estimate = estimates(sample_of(part, classes, positive), [metric], resamples=SLICE_RESAMPLES, seed=seed)[metric]
            if estimate.value is not None:
                records.append(
                    {
                        "slice": f"{column.name}: {name}",
                        "value": estimate.value,
                        "low": estimate.low,
                        "high": estimate.high,
                        "n": estimate.n,
                    }
                )
    table = pd.DataFrame(records, columns=["slice", "value", "low", "high", "n"])
    sign = 1.0 if more_is_better(metric) else -1.0
    table["weak"] = _clearly_worse(table, overall, sign)
    order = (sign * table["value"].astype(float)).argsort(kind="stable")
    return table.iloc[order].reset_index(drop=True)


def _levels(values: pd.Series, kind: str, max_levels: int) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    missing = values.isna().to_numpy()
    levels = [("missing", missing)] if missing.any() else []
    if kind in ("number", "date"):
        return levels + _quartiles(values, missing, kind)
    if kind in ("boolean", "category"):
        counts = values.value_counts()
        names = sorted(counts.index.tolist(), key=lambda name: (-int(counts[name]), name))[:max_levels]
        return levels + [(str(name), (values == name).to_numpy()) for name in names]
    return levels


def _quartiles(values: pd.Series, missing: npt.NDArray[np.bool_], kind: str) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    if missing.all():
        return []
    numbers = values.to_numpy().astype("datetime64[us]").astype("int64") if kind == "date" else values.to_numpy(dtype=np.float64)
    floats = numbers.astype(np.float64)
    edges = np.unique(np.quantile(floats[~missing], [0, 0.25, 0.5, 0.75, 1], method="lower"))
    parts = []
    for i, (low, high) in enumerate(pairwise(edges.tolist())):
        in_quarter = ~missing & (floats <= high) & ((floats >= low) if i == 0 else (floats > low))
        if kind == "date":
            name = " to ".join(str(np.datetime64(int(edge), "us").astype("datetime64[D]")) for edge in (low, high))
        else:
            name = f"{number(low)} to {number(high)}"
        parts.append((name if i == 0 else f"above {name}", in_quarter))
    return parts


def _large_enough(labels: pd.Series, classes: Sequence[str]) -> bool:
    counts = labels.value_counts().reindex(list(classes), fill_value=0)
    return len(labels) >= MIN_ROWS and int(counts.min()) >= MIN_ROWS_OF_CLASS


def _clearly_worse(table: pd.DataFrame, overall: float, sign: float) -> npt.NDArray[np.bool_]:
    from scipy.stats import norm

    if not len(table):
        return np.zeros(0, dtype=bool)
    error = (table["high"].astype(float) - table["low"].astype(float)).to_numpy() / (2 * 1.959964)
    shortfall = sign * (overall - table["value"].astype(float).to_numpy())
    return np.asarray(shortfall > norm.ppf(1 - 0.05 / len(table)) * error, dtype=bool)


def slices_table(table: pd.DataFrame, metric: str, overall: float, most: int = 12) -> Table:
    """Tabulate the weakest slices, with the number of slices tested."""
    weak = [str(name) for name in table.loc[table["weak"], "slice"]]
    say = (
        f"Significantly worse than the overall score: {', '.join(weak[:5])}{' and others' if len(weak) > 5 else ''}."
        if weak
        else "No slice is significantly worse than the overall score."
    )
    if not len(table):
        say = f"No part of the holdout has at least {MIN_ROWS} rows and {MIN_ROWS_OF_CLASS} rows of each class, so none is evaluated."
        nothing = pd.DataFrame(columns=["slice", metric, "low", "high", "n"])
        return Table.of(nothing, "Performance by slice", say=say, evidence=SliceEvidence(weak=[]))
    shown = table.head(most).assign(weak=lambda t: np.where(t["weak"], "weaker", ""))
    note = (
        f"{len(table)} slices with at least {MIN_ROWS} rows and {MIN_ROWS_OF_CLASS} of each class were tested; the score on all rows is {number(overall)}. "
        "Within a slice, the column that defines it no longer helps to rank rows. "
        f"About {number(round(0.025 * len(table), 1))} of them would seem worse by chance; the last column corrects for this (Bonferroni)."
    )
    return Table.of(
        shown.rename(columns={"value": metric, "weak": "beyond chance"}), "Performance by slice", say=say, note=note,
        formats={metric: ".3f", "low": ".3f", "high": ".3f", "n": ",d"}, evidence=SliceEvidence(weak=weak),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------- for the stakeholder


def share_to_reach(hit: npt.NDArray[np.bool_], p: Floats, reach: float = 0.7) -> float:
    """Return the share of rows, most probable first, that contains `reach` of the positives; ties count as in random order.

    >>> share_to_reach(np.array([True, False, True, False]), np.array([0.9, 0.1, 0.8, 0.2]), 0.5)
    0.25
    """
    order = np.argsort(-p, kind="stable")
    ranked, cumulative_hits = p[order], np.cumsum(np.asarray(hit, dtype=np.float64)[order])
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    selected = np.append(0.0, (last + 1) / len(p))
    recall, first = np.unique(np.append(0.0, cumulative_hits[last] / cumulative_hits[-1]), return_index=True)
    return float(np.interp(reach, recall, selected[first]))


def headline(
    predicted: pd.DataFrame, target: str, positive: str, classes: Sequence[str], reach: float = 0.7, *, rows: str = "rows"
) -> Note:
    """Summarise the usefulness of the ranking or the accuracy for stakeholders; `rows` is the plural noun for rows."""
    if len(classes) != 2:
        right = float((predicted["y_true"] == predicted["y_pred"]).mean())
        return Note(
            title="Summary",
            say=f"The model predicts the correct one of {len(classes)} classes for {100 * right:.0f} of 100 unseen {rows}.",
        )
    hit = (predicted["y_true"] == positive).to_numpy()
    share = share_to_reach(hit, predicted[f"proba_{positive}"].to_numpy(dtype=np.float64), reach)
    top = predicted.sort_values([f"proba_{positive}", "row_id"], ascending=[False, True]).head(
        max(1, round(0.1 * len(predicted)))
    )
    among = float((top["y_true"] == positive).mean())
    say = reach_sentence(share, reach, rows, f"those with {target} = {positive}")
    lines = [
        f"Of the 10 % of {rows} with the highest scores, {percent(among)} have {target} = {positive}; of all {rows}, {percent(float(hit.mean()))}."
    ]
    return Note(title="Summary", say=say, lines=lines, tone="good" if share < 0.8 * reach else "look")

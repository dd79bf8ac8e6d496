"""Why the model says what it says: permutation importance, and Shapley values by column of the data, for all rows and for single ones."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Canvas

from glassbox.families.tabular.fit import codes_of
from glassbox.families.tabular.metrics import Sample, more_is_better, score, spoken
from glassbox.families.tabular.models import Floats
from glassbox.families.tabular.plots.marks import clean, label, listed, name_rows, quiet, rows_canvas
from glassbox.families.tabular.predictor import TabularPredictor
from glassbox.findings import Figure
from glassbox.markup import number
from glassbox.theme import ACCENT, INK, SOFT, WIDTH, drawing, style

MOST_COLUMNS = 15
MOST_ROWS = 1000  # explained; more do not change a mean that is read off a drawing
BACKGROUND = 100
AGAINST = "#c2571a"


def _rows(holdout: pd.DataFrame, most: int) -> pd.DataFrame:
    """At most `most` rows, chosen by the hash of their names: the same ones whatever else is there."""
    if len(holdout) <= most:
        return holdout.reset_index(drop=True)
    ranks = [hashlib.sha256(f"explain:{name}".encode("utf-8", "surrogatepass")).hexdigest() for name in holdout["row_id"]]
    chosen = np.sort(np.argsort(np.array(ranks), kind="stable")[:most])
    return holdout.iloc[chosen].reset_index(drop=True)


# ---------------------------------------------------------------------------------------------- permutation importance


def permutation_importances(
    predictor: TabularPredictor, holdout: pd.DataFrame, *, metric: str = "roc_auc", seed: int = 0, repeats: int = 10
) -> pd.DataFrame:
    """How much worse the score gets when one column of the data is shuffled (Breiman 2001, section 10; Fisher et al. 2019).

    Parameters
    ----------
    predictor
        The fitted model.
    holdout
        Conformed rows with ``row_id`` and the target.
    metric
        A metric of the task; a loss is turned so that a larger importance always means that the column matters more.
    repeats
        How often each column is shuffled.

    Returns
    -------
    pandas.DataFrame
        ``column``, ``value`` (mean over repeats), ``low``, ``high`` (95 % of that mean by Student's t), the largest first.
    """
    from scipy.stats import t

    rows = holdout.reset_index(drop=True)
    codes = codes_of(rows[predictor.schema.target], predictor.classes)
    sign = 1.0 if more_is_better(metric) else -1.0

    def scored(frame: pd.DataFrame) -> float:
        found = predictor.predict(frame)
        labels = codes_of(found["y_pred"], predictor.classes)
        proba = found[[f"proba_{name}" for name in predictor.classes]].to_numpy(dtype=np.float64)
        return sign * score(Sample.of(codes, proba, predicted=labels, positive=predictor.positive_at), [metric])[metric]

    whole = scored(rows)
    found = []
    for column in predictor.fields:
        own = int(hashlib.sha256(f"{seed}:{column}".encode("utf-8", "surrogatepass")).hexdigest()[:8], 16)
        rng = np.random.default_rng(own)
        drops = np.array(
            [whole - scored(rows.assign(**{column: rows[column].to_numpy()[rng.permutation(len(rows))]})) for _ in range(repeats)]
        )
        half = float(t.ppf(0.975, repeats - 1) * drops.std(ddof=1) / np.sqrt(repeats))
        found.append(
            {
                "column": column,
                "value": float(drops.mean()),
                "low": float(drops.mean()) - half,
                "high": float(drops.mean()) + half,
            }
        )
    return pd.DataFrame(found).sort_values(["value", "column"], ascending=[False, True], kind="stable", ignore_index=True)


def permutation_importance(
    predictor: TabularPredictor, holdout: pd.DataFrame, *, metric: str = "roc_auc", seed: int = 0, repeats: int = 10
) -> Figure:
    """`permutation_importances` as a figure, the columns that matter most on top."""
    table = permutation_importances(predictor, holdout, metric=metric, seed=seed, repeats=repeats).head(MOST_COLUMNS)
    names = [str(name) for name in table["column"]]
    value, low, high = (table[name].to_numpy(dtype=float) for name in ("value", "low", "high"))
    with style():
        canvas, axes = rows_canvas(len(table))
        at = np.arange(len(table))
        axes.hlines(at, low, high, color=SOFT, linewidth=1.2)
        axes.plot(value, at, "o", color=ACCENT, markersize=5)
        axes.axvline(0, color=SOFT, linewidth=0.8)
        axes.set_xlabel(f"{spoken(metric)} lost when the column is shuffled")
        name_rows(axes, names)
        clear = [clean(name) for name, edge in zip(names, low, strict=True) if edge > 0]
        say = f"The model relies most on {listed(clear)}." if clear else "No single column is missed by the model."
        told = "; ".join(f"{clean(n)} {number(v)}" for n, v in list(zip(names, value.tolist(), strict=True))[:5])
        return drawing(
            canvas,
            "What the model would miss",
            say=say,
            alt=f"{spoken(metric)} lost by shuffling each column, largest first: {told}.",
            caption=f"Means of {repeats} shuffles with 95 % intervals, on {len(holdout):,d} rows that the model never saw.",
        )


# ------------------------------------------------------------------------------------------------------ Shapley values


@dataclass(frozen=True)
class Shapley:
    """Shapley values of rows, by column of the data.

    Attributes
    ----------
    values
        (rows, columns): how far each column moves the model's own output, before calibration, from `base`.
    base
        The output when nothing is known of a row.
    unit
        What the output is: log-odds, or probability.
    """

    columns: list[str]
    values: Floats
    base: float
    unit: str


def _raw(predictor: TabularPredictor, matrix: Floats) -> tuple[Floats, float, str]:
    """(rows, features) Shapley values of the matrix for the positive class, their base, and the output's unit."""
    import shap

    at, native = predictor.positive_at, predictor.model.native
    binary = len(predictor.classes) == 2
    if predictor.kind in ("xgboost", "lightgbm", "random_forest"):
        explainer = shap.TreeExplainer(native)
        unit = "probability" if predictor.kind == "random_forest" else "log-odds"
        values, base = np.asarray(explainer.shap_values(matrix)), np.atleast_1d(np.asarray(explainer.expected_value, dtype=float))
    elif predictor.kind == "logistic_regression":
        explainer = shap.LinearExplainer(native, shap.maskers.Independent(matrix, max_samples=len(matrix)))
        unit, values = "log-odds", np.asarray(explainer.shap_values(matrix))
        base = np.atleast_1d(np.asarray(explainer.expected_value, dtype=float))
    else:
        constant = float(predictor.model.proba(matrix[:1])[0, at])
        return np.zeros(matrix.shape), constant, "probability"
    if values.ndim == 3:
        return values[:, :, at], float(base[at]), unit
    turn = -1.0 if binary and at == 0 else 1.0  # libraries explain the second of two classes
    return turn * values, turn * float(base[-1]), unit


def shapley(predictor: TabularPredictor, frame: pd.DataFrame) -> Shapley:
    """Shapley values of a conformed frame's rows for the positive class (Lundberg and Lee 2017; for trees Lundberg et al. 2020).

    Values of a column that enters the matrix as several features are added up, which Shapley values allow.
    """
    values, base, unit = _raw(predictor, predictor.matrix(frame))
    columns = predictor.fields
    place = {name: i for i, name in enumerate(columns)}
    summed = np.zeros((len(frame), len(columns)))
    for j, feature in enumerate(predictor.features):
        summed[:, place[feature.column]] += values[:, j]
    return Shapley(columns, summed, base, unit)


def _share(column: pd.Series) -> Floats:
    """A column's values as ranks from 0 to 1, for colour; NaN where there is no order."""
    if column.dtype == object:
        return np.full(len(column), np.nan)
    return np.asarray(column.rank(pct=True), dtype=np.float64)


def shap_global(predictor: TabularPredictor, holdout: pd.DataFrame, *, seed: int = 0) -> Figure:
    """Each column's Shapley values over many rows, the strongest on top; one dot a row, darker for a higher value of the column."""
    rows = _rows(holdout, 400)
    found = shapley(predictor, rows)
    strength = np.abs(found.values).mean(axis=0)
    order = sorted(range(len(found.columns)), key=lambda j: (-strength[j], found.columns[j]))[:MOST_COLUMNS]
    names = [found.columns[j] for j in order]
    with style():
        canvas, axes = rows_canvas(len(order), step=0.33)
        for i, j in enumerate(order):
            rng = np.random.default_rng(seed + i)
            ranks = _share(rows[found.columns[j]])
            colour = np.where(np.isnan(ranks), 0.5, ranks)
            jitter = rng.uniform(-0.28, 0.28, len(rows))
            dots_ = axes.scatter(found.values[:, j], i + jitter, c=colour, cmap="viridis_r", s=5, linewidths=0, alpha=0.8)
            dots_.set_rasterized(True)
        axes.axvline(0, color=SOFT, linewidth=0.8)
        axes.set_xlabel(f"pushes {label(predictor.positive)} up by, {found.unit}")
        name_rows(axes, names)
        say = f"Over all rows, {listed([clean(name) for name in names[:3]])} move predictions most."
        told = "; ".join(f"{clean(found.columns[j])} {number(float(strength[j]))}" for j in order[:5])
        return drawing(
            canvas,
            "Which way each column pushes",
            say=say,
            alt=f"Mean size of Shapley values, largest first: {told}, in {found.unit}.",
            caption=f"{len(rows):,d} rows of the holdout, one dot each. Darker: a higher value of the column.",
        )


def _chosen(predictor: TabularPredictor, rows: pd.DataFrame) -> list[tuple[str, int]]:
    """Rows worth a look: the surest that is right, the surest that is wrong, and the most undecided."""
    p = predictor.proba(rows)[:, predictor.positive_at]
    truth = (rows[predictor.schema.target] == predictor.positive).to_numpy()
    middle = 0.5 if predictor.threshold is None else predictor.threshold
    undecided = int(np.argmin(np.abs(p - middle)))
    cases: list[tuple[str, int]] = []
    if truth.any():
        cases.append(("the surest that was right", int(np.argmax(np.where(truth, p, -1.0)))))
    if (~truth).any():
        cases.append(("the surest that was wrong", int(np.argmax(np.where(truth, -1.0, p)))))
    return [*cases, ("the most undecided", undecided)]


def shap_local(predictor: TabularPredictor, holdout: pd.DataFrame, *, seed: int = 0, most: int = 7) -> Figure:
    """What spoke for and against the positive class in a few rows that are worth a look."""
    rows = _rows(holdout, MOST_ROWS)
    cases = _chosen(predictor, rows)
    found = shapley(predictor, rows.iloc[[at for _, at in cases]].reset_index(drop=True))
    p = predictor.proba(rows)[:, predictor.positive_at]
    told: list[str] = []
    with style():
        canvas = Canvas(figsize=(WIDTH, 0.45 + len(cases) * (0.55 + 0.27 * most)))
        for i, (case, at) in enumerate(cases):
            axes = canvas.add_subplot(len(cases), 1, i + 1)
            quiet(axes, grid="x")
            values = found.values[i]
            order = sorted(range(len(values)), key=lambda j: (-abs(values[j]), found.columns[j]))[:most]
            axes.barh(range(len(order)), values[order], color=[ACCENT if values[j] > 0 else AGAINST for j in order], height=0.6)
            axes.invert_yaxis()
            axes.axvline(0, color=SOFT, linewidth=0.8)
            shown = [f"{label(found.columns[j], 18)} = {label(_value(rows[found.columns[j]].iloc[at]), 14)}" for j in order]
            axes.set_yticks(range(len(order)), shown)
            who, true = clean(rows["row_id"].iloc[at]), clean(rows[predictor.schema.target].iloc[at])
            axes.set_title(
                f"{case}: {label(who, 18)}, {100 * p[at]:.0f} % {label(predictor.positive)}, was {label(true)}", color=INK
            )
            strongest = found.columns[order[0]] if order else ""
            told.append(f"{case}, {100 * p[at]:.0f} percent, mostly by {clean(strongest)}")
            if i == len(cases) - 1:
                axes.set_xlabel(f"pushes {label(predictor.positive)} up (right) or down (left) by, {found.unit}")
        return drawing(
            canvas,
            "Three rows, explained",
            say="What spoke for and against in single rows.",
            alt=f"The strongest columns of {len(cases)} rows: {'; '.join(told)}.",
            caption="Shapley values of the model's own output, before its probabilities are calibrated.",
        )


def _value(value: Any) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "missing"
    return number(float(value)) if isinstance(value, (int, float, np.floating)) else str(value)


__all__: Sequence[str] = ("Shapley", "permutation_importance", "permutation_importances", "shap_global", "shap_local", "shapley")

"""Explanations of tabular models: permutation importance, and SHAP values over many rows and of single rows."""

import hashlib

import numpy as np
import pandas as pd
from scipy.stats import t as student

from glassbox.families.classification.calibration.apply import label as labelled
from glassbox.families.classification.dataset import codes_of
from glassbox.families.classification.example_selection import select_examples
from glassbox.families.classification.metrics import Sample, more_is_better, score
from glassbox.families.tabular.models import Floats
from glassbox.families.tabular.plots import explanations
from glassbox.families.tabular.predictor import TabularPredictor
from glassbox.families.tabular.sampling import by_hash, canonical
from glassbox.families.tabular.shapley import Attribution, affordable_rows, attribute
from glassbox.findings.model import Figure

MOST_SHUFFLED = 3_000  # rows for permutation importance
BACKGROUND = 200  # rows of the background sample
MOST_COLUMNS = 12  # shown in a figure


# ------------------------------------------------------------------------------------------- permutation importance


def permutation_importances(
    predictor: TabularPredictor, holdout: pd.DataFrame, *, metric: str = "roc_auc", seed: int = 0, repeats: int = 10
) -> pd.DataFrame:
    """Return the drop in the score when a column of the data is permuted (Breiman 2001, sec. 10; Fisher et al. 2019).

    All features that the recipe derives from a column are permuted together. At most 3,000 rows are used, sampled by a hash of their
    ids.

    Parameters
    ----------
    predictor
        The fitted model.
    holdout
        Conformed rows with ``row_id`` and the target, in any order.
    metric
        A metric of the task; the sign of losses is flipped, so that a larger drop always means a more important column.
    seed, repeats
        The seed of the permutations, and the number of permutations of each column.

    Returns
    -------
    DataFrame
        ``column``, ``value`` (mean over repeats), ``low``, ``high`` (95 % interval of that mean, by Student's t), the largest first.
    """
    rows = by_hash(canonical(holdout), MOST_SHUFFLED, "shuffle")
    y = codes_of(rows[predictor.schema.target], predictor.classes)
    matrix = predictor.matrix(rows)
    sign = 1.0 if more_is_better(metric) else -1.0

    def scored(features: Floats) -> float:
        proba = predictor.calibration.apply(predictor.model.proba(features))
        labels = labelled(proba, predictor.positive_at, predictor.threshold)
        return sign * score(Sample.of(y, proba, predicted=labels, positive=predictor.positive_at), [metric])[metric]

    baseline = scored(matrix)
    quantile = float(student.ppf(0.975, repeats - 1)) / np.sqrt(repeats)
    records = []
    for column in predictor.fields:
        derived = [j for j, feature in enumerate(predictor.features) if feature.column == column]
        rng = np.random.default_rng(_seed_of(seed, column))
        drops = np.zeros(repeats)
        for i in range(repeats):
            shuffled = matrix.copy()
            shuffled[:, derived] = matrix[rng.permutation(len(matrix))][:, derived]
            drops[i] = baseline - scored(shuffled)
        mean, half = float(drops.mean()), float(quantile * drops.std(ddof=1))
        records.append((column, mean, mean - half, mean + half))
    table = pd.DataFrame(records, columns=["column", "value", "low", "high"])
    return table.sort_values(["value", "column"], ascending=[False, True], kind="stable", ignore_index=True)


def _seed_of(seed: int, column: str) -> int:
    """Derive a seed for each column, so that adding a column does not change the results of the others."""
    return int(hashlib.sha256(f"{seed}:{column}".encode("utf-8", "surrogatepass")).hexdigest()[:16], 16)


def permutation_importance(
    predictor: TabularPredictor, holdout: pd.DataFrame, *, metric: str = "roc_auc", seed: int = 0, repeats: int = 10
) -> Figure:
    """Draw `permutation_importances` as a figure, the most important columns on top."""
    table = permutation_importances(predictor, holdout, metric=metric, seed=seed, repeats=repeats)
    return explanations.importances(table, metric, rows=min(len(holdout), MOST_SHUFFLED), repeats=repeats, most=MOST_COLUMNS)


# --------------------------------------------------------------------------------------------------- Shapley values


def shapley_values(predictor: TabularPredictor, rows: pd.DataFrame, holdout: pd.DataFrame, *, seed: int = 0) -> Attribution:
    """Return Shapley values of some rows, with 200 rows of the holdout as the background."""
    return attribute(predictor, rows, by_hash(canonical(holdout), BACKGROUND, "background"), seed=seed)


def shap_global(predictor: TabularPredictor, holdout: pd.DataFrame, *, seed: int = 0) -> Figure:
    """Draw the SHAP values of a few hundred rows by column, the columns with the largest mean absolute value on top.

    With two classes, the values are those of the positive one; with more, the figure shows the mean absolute value over all classes.
    """
    rows = by_hash(canonical(holdout), affordable_rows(predictor.kind), "explain")
    explained = shapley_values(predictor, rows, holdout, seed=seed)
    if len(predictor.classes) > 2:
        return explanations.mean_absolute(
            explained.columns, explained.strength(), explained.unit, rows=len(rows), most=MOST_COLUMNS
        )
    values = explained.values[:, :, predictor.positive_at]
    return explanations.beeswarm(explained.columns, values, rows, explained.unit, predictor.positive, most=MOST_COLUMNS)


def shap_local(predictor: TabularPredictor, holdout: pd.DataFrame, *, seed: int = 0, most: int = 6) -> Figure:
    """Draw the SHAP values of three rows: the most confident correct prediction, the most confident error and the most uncertain row.

    With two classes, the values are those of the positive one; with more, those of the predicted class.
    """
    rows = canonical(holdout)
    proba = predictor.proba(rows)
    target = rows[predictor.schema.target]
    truth = codes_of(target, predictor.classes)
    examples = select_examples(proba, truth, predictor.positive_at, predictor.threshold)
    at = [example.at for example in examples]
    explained = shapley_values(predictor, rows.iloc[at].reset_index(drop=True), rows, seed=seed)
    rows_explained = []
    for i, example in enumerate(examples):
        k = predictor.positive_at if len(predictor.classes) == 2 else example.label
        row = rows.iloc[example.at]
        rows_explained.append(
            explanations.Waterfall(
                why=example.why,
                row_id=str(row["row_id"]),
                towards=predictor.classes[k],
                truth=str(target.iloc[example.at]),
                probability=float(proba[example.at, k]),
                base=float(explained.base[k]),
                steps=[(name, row[name], float(explained.values[i, j, k])) for j, name in enumerate(explained.columns)],
            )
        )
    return explanations.waterfalls(rows_explained, explained.unit, most=most)

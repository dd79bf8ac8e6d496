"""Why the model says what it says: what it would miss, which way each column pushes, and what decided single rows."""

import hashlib

import numpy as np
import pandas as pd
from scipy.stats import t as student

from glassbox.families.classification.calibration.apply import label as labelled
from glassbox.families.classification.dataset import codes_of
from glassbox.families.classification.example_selection import worth_a_look
from glassbox.families.classification.metrics import Sample, more_is_better, score
from glassbox.families.tabular.models import Floats
from glassbox.families.tabular.plots import explanations
from glassbox.families.tabular.predictor import TabularPredictor
from glassbox.families.tabular.sampling import by_hash, canonical
from glassbox.families.tabular.shapley import Attribution, affordable_rows, attribute
from glassbox.findings.model import Figure

MOST_SHUFFLED = 3_000  # rows in which columns are shuffled
BACKGROUND = 200  # rows that stand for the average
MOST_COLUMNS = 12  # drawn


# ------------------------------------------------------------------------------------------- permutation importance


def permutation_importances(
    predictor: TabularPredictor, holdout: pd.DataFrame, *, metric: str = "roc_auc", seed: int = 0, repeats: int = 10
) -> pd.DataFrame:
    """How much worse the score gets when one column of the data is shuffled (Breiman 2001, sec. 10; Fisher et al. 2019).

    A column is shuffled as a whole, with all features that the recipe makes of it. At most 3,000 rows are used, chosen by the
    hash of their names.

    Parameters
    ----------
    predictor
        The fitted model.
    holdout
        Conformed rows with ``row_id`` and the target, in any order.
    metric
        A metric of the task; losses are turned, so that more is always worse to miss.
    seed, repeats
        How often each column is shuffled, and the seed that it is shuffled by.

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

    whole = scored(matrix)
    quantile = float(student.ppf(0.975, repeats - 1)) / np.sqrt(repeats)
    found = []
    for column in predictor.fields:
        own = [j for j, feature in enumerate(predictor.features) if feature.column == column]
        rng = np.random.default_rng(_seed_of(seed, column))
        drops = np.zeros(repeats)
        for i in range(repeats):
            shuffled = matrix.copy()
            shuffled[:, own] = matrix[rng.permutation(len(matrix))][:, own]
            drops[i] = whole - scored(shuffled)
        mean, half = float(drops.mean()), float(quantile * drops.std(ddof=1))
        found.append((column, mean, mean - half, mean + half))
    table = pd.DataFrame(found, columns=["column", "value", "low", "high"])
    return table.sort_values(["value", "column"], ascending=[False, True], kind="stable", ignore_index=True)


def _seed_of(seed: int, column: str) -> int:
    """A seed of the column's own, so that a further column changes none of the others' figures."""
    return int(hashlib.sha256(f"{seed}:{column}".encode("utf-8", "surrogatepass")).hexdigest()[:16], 16)


def permutation_importance(
    predictor: TabularPredictor, holdout: pd.DataFrame, *, metric: str = "roc_auc", seed: int = 0, repeats: int = 10
) -> Figure:
    """`permutation_importances` as a figure, the columns that matter most on top."""
    table = permutation_importances(predictor, holdout, metric=metric, seed=seed, repeats=repeats)
    return explanations.importances(table, metric, rows=min(len(holdout), MOST_SHUFFLED), repeats=repeats, most=MOST_COLUMNS)


# --------------------------------------------------------------------------------------------------- Shapley values


def shapley(predictor: TabularPredictor, rows: pd.DataFrame, holdout: pd.DataFrame, *, seed: int = 0) -> Attribution:
    """Shapley values of some rows; the average is that of 200 rows of the holdout."""
    return attribute(predictor, rows, by_hash(canonical(holdout), BACKGROUND, "background"), seed=seed)


def shap_global(predictor: TabularPredictor, holdout: pd.DataFrame, *, seed: int = 0) -> Figure:
    """How far and which way each column pushes predictions, over some hundred rows, the strongest on top.

    Of two classes, pushes are towards the positive one; of more, only their size is shown, over all classes.
    """
    rows = by_hash(canonical(holdout), affordable_rows(predictor.kind), "explain")
    found = shapley(predictor, rows, holdout, seed=seed)
    if len(predictor.classes) > 2:
        return explanations.strengths(found.columns, found.strength(), found.unit, rows=len(rows), most=MOST_COLUMNS)
    pushes = found.values[:, :, predictor.positive_at]
    return explanations.pushes(found.columns, pushes, rows, found.unit, predictor.positive, most=MOST_COLUMNS)


def shap_local(predictor: TabularPredictor, holdout: pd.DataFrame, *, seed: int = 0, most: int = 6) -> Figure:
    """What spoke for and against in three rows that are worth a look; of two classes, for the positive one, of more, for the one named."""
    rows = canonical(holdout)
    proba = predictor.proba(rows)
    target = rows[predictor.schema.target]
    truth = codes_of(target, predictor.classes)
    cases = worth_a_look(proba, truth, predictor.positive_at, predictor.threshold)
    at = [case.at for case in cases]
    found = shapley(predictor, rows.iloc[at].reset_index(drop=True), rows, seed=seed)
    told = []
    for i, case in enumerate(cases):
        k = predictor.positive_at if len(predictor.classes) == 2 else case.label
        row = rows.iloc[case.at]
        told.append(
            explanations.Walk(
                why=case.why,
                row_id=str(row["row_id"]),
                towards=predictor.classes[k],
                truth=str(target.iloc[case.at]),
                probability=float(proba[case.at, k]),
                base=float(found.base[k]),
                steps=[(name, row[name], float(found.values[i, j, k])) for j, name in enumerate(found.columns)],
            )
        )
    return explanations.walks(told, found.unit, most=most)

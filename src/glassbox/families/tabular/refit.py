"""What tuning kept, fitted once more on all rows of train."""

from collections.abc import Mapping
from typing import Any

from glassbox.data.schema import Schema
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.classification.dataset import Problem
from glassbox.families.shared.cross_fit import limited
from glassbox.families.tabular.fit import fit
from glassbox.families.tabular.predictor import TabularPredictor, describe
from glassbox.families.tabular.recipe import Recipe


def refit(
    best: Mapping[str, Any],
    problem: Problem,
    schema: Schema,
    calibration: Calibration,
    threshold: float | None,
    *,
    seed: int,
    threads: int = 1,
) -> TabularPredictor:
    """Fit what tuning kept on all rows of train, and put it together with calibration and threshold.

    Parameters
    ----------
    best
        As tuning saved it: ``kind``, ``params``, ``recipe``.
    problem, schema
        Train, and what its rows look like.
    calibration, threshold
        From out-of-fold predictions; with more than two classes no threshold is used.
    """
    recipe = Recipe.model_validate(best["recipe"])
    columns = list(recipe.columns)
    with limited(threads):
        fitted = fit(
            best["kind"],
            best["params"],
            recipe,
            problem.frame[columns],
            problem.y,
            len(problem.classes),
            seed=seed,
            threads=threads,
        )
    return TabularPredictor(
        schema=schema,
        recipe=recipe,
        transformer=fitted.transformer,
        kind=best["kind"],
        params=dict(best["params"]),
        model=fitted.model,
        calibration=calibration,
        threshold=threshold if problem.binary else None,
        positive=problem.classes[problem.positive],
        features=describe(schema, fitted.transformer),
    )

"""Refit of the selected model on all rows of train."""

from collections.abc import Mapping
from typing import Any

from glassbox.data.schema import Schema
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.classification.dataset import LabelledRows
from glassbox.families.shared.cross_fit import limit_threads
from glassbox.families.tabular.fit import fit
from glassbox.families.tabular.predictor import TabularPredictor, describe
from glassbox.families.tabular.recipe import Recipe
from glassbox.runtime.resources import Resources


def refit(
    best: Mapping[str, Any],
    labelled: LabelledRows,
    schema: Schema,
    calibration: Calibration,
    threshold: float | None,
    resources: Resources,
) -> TabularPredictor:
    """Fit the selected model on all rows of train, and combine it with calibration and threshold.

    Parameters
    ----------
    best
        The result of tuning: ``kind``, ``params``, ``recipe``.
    labelled, schema
        The training data and its schema.
    calibration, threshold
        Fitted on out-of-fold predictions; the threshold is ignored with more than two classes.
    """
    recipe = Recipe.model_validate(best["recipe"])
    columns = list(recipe.columns)
    with limit_threads(resources.threads):
        fitted = fit(
            best["kind"],
            best["params"],
            recipe,
            labelled.frame[columns],
            labelled.y,
            len(labelled.classes),
            seed=resources.seed,
            threads=resources.threads,
        )
    return TabularPredictor(
        schema=schema,
        recipe=recipe,
        transformer=fitted.transformer,
        kind=best["kind"],
        params=dict(best["params"]),
        model=fitted.model,
        calibration=calibration,
        threshold=threshold if labelled.binary else None,
        positive=labelled.classes[labelled.positive],
        features=describe(schema, fitted.transformer),
    )

"""Refit of the selected model on train, for evaluation, and on train and holdout, for serving."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from glassbox.data.schema import Schema
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.classification.dataset import LabelledRows
from glassbox.families.shared.cross_fit import limit_threads
from glassbox.families.shared.serving_refit import describe_refit
from glassbox.families.tabular.fit import Fitted, fit
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
    fitted = _fit(best["kind"], best["params"], recipe, labelled, resources)
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


def refit_on_all(predictor: TabularPredictor, labelled: LabelledRows, resources: Resources) -> TabularPredictor:
    """Return the evaluated predictor with recipe and model fitted again on the rows of train and holdout."""
    fitted = _fit(predictor.kind, predictor.params, predictor.recipe, labelled, resources)
    return replace(
        predictor,
        transformer=fitted.transformer,
        model=fitted.model,
        features=describe(predictor.schema, fitted.transformer),
        refit_note=describe_refit(len(labelled.y), "recipe, hyperparameters, calibration and decision threshold"),
    )


def _fit(kind: str, params: Mapping[str, Any], recipe: Recipe, labelled: LabelledRows, resources: Resources) -> Fitted:
    frame, classes = labelled.frame[list(recipe.columns)], len(labelled.classes)
    with limit_threads(resources.threads):
        return fit(kind, params, recipe, frame, labelled.y, classes, seed=resources.seed, threads=resources.threads)

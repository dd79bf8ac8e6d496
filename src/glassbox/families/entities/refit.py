"""Refit of the selected recogniser on train, for evaluation, and on train and holdout, for serving."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.entities.dataset import EntityDataset, spans_in
from glassbox.families.entities.fit import fit
from glassbox.families.entities.models import KINDS, Model
from glassbox.families.entities.predictor import SpanPredictor
from glassbox.families.entities.recipe import Recipe
from glassbox.families.shared.cross_fit import limit_threads
from glassbox.families.shared.serving_refit import describe_refit
from glassbox.families.text.corpus import Corpus
from glassbox.families.text.reference_features import ReferenceFeatures
from glassbox.runtime.resources import Resources


def refit(best: Mapping[str, Any], sentences: EntityDataset, schema: Schema, resources: Resources) -> SpanPredictor:
    """Fit the selected model on all training texts."""
    return SpanPredictor(
        schema=schema,
        recipe=Recipe.model_validate(best["recipe"]),
        types=sentences.types,
        kind=best["kind"],
        params=dict(best["params"]),
        model=_fit(best["kind"], best["params"], sentences, resources),
        reference=ReferenceFeatures.of(Corpus(sentences.texts)),
    )


def refit_on_all(predictor: SpanPredictor, sentences: EntityDataset, resources: Resources) -> SpanPredictor:
    """Return the evaluated predictor with its model fitted again on the texts of train and holdout.

    The reference features of drift detection remain those of train. A pretrained model is returned as it is.
    """
    if KINDS[predictor.kind].pretrained:
        return predictor
    note = describe_refit(len(sentences.texts), "recipe and hyperparameters")
    return replace(predictor, model=_fit(predictor.kind, predictor.params, sentences, resources), refit_note=note)


def has_known_types(rows: pd.DataFrame, predictor: SpanPredictor) -> pd.Series:
    """Return True for each row whose entities all have types of the predictor."""
    spans = spans_in(rows, str(predictor.schema.target), predictor.recipe.column)
    return pd.Series([all(span.type in predictor.types for span in row) for row in spans], index=rows.index, dtype=bool)


def _fit(kind: str, params: Mapping[str, Any], sentences: EntityDataset, resources: Resources) -> Model:
    with limit_threads(resources.threads):
        return fit(sentences, kind, params, np.arange(len(sentences.texts)), resources)

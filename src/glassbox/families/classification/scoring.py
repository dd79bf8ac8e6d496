"""How well a batch was predicted, once its labels have arrived: the metric that the model was chosen by."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError
from glassbox.families.classification import metrics
from glassbox.families.classification.dataset import codes_of, positive_class
from glassbox.families.protocol import Predictor, Reference, Scorer


def watched(predictor: Predictor, train: pd.DataFrame, oof: pd.DataFrame, kept: Path | None = None) -> Reference:
    """Each row of train is compared with later rows, and its calibrated out-of-fold prediction with theirs."""
    return Reference(train, predictor.served, predictor.postprocess(out_of_fold(train, oof)), train[str(predictor.schema.target)])


def out_of_fold(train: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Predictions in the order of the rows of `train`, known by ``row_id``.

    Raises
    ------
    GlassboxError
        When a row has none.
    """
    found = predictions.set_index("row_id").reindex(train["row_id"])
    missing = int(found.isna().all(axis="columns").sum())
    if missing:
        raise GlassboxError(f"{missing} rows of train have no out-of-fold prediction; tune and ingest are of different runs.")
    return found.reset_index(drop=True)


def scorer(schema: Schema, truth: pd.Series, requirements: Mapping[str, Any], positive: str | None) -> Scorer:
    """The metric of a batch of classified rows.

    Parameters
    ----------
    schema : Schema
        Its classes are those of the predictions, ``proba_<class>`` each.
    truth : Series
        The target of the training data: which of two classes is the rarer.
    requirements : mapping
        Of the request: the metric is the one that models were chosen by.
    positive : str, optional
        The class that is looked for, as the request names it.

    Raises
    ------
    GlassboxError
        When the target has no classes.
    """
    if schema.classes is None:
        raise GlassboxError(f"The target {schema.target!r} has no classes; its predictions cannot be scored here.")
    classes = schema.classes
    metric = metrics.leading_metric(requirements)
    looked_for = classes.index(positive_class(classes, truth, positive))

    def of(truth: pd.Series, predictions: pd.DataFrame) -> float:
        proba = predictions[[f"proba_{name}" for name in classes]].to_numpy(dtype="float64")
        sample = metrics.Sample.of(codes_of(truth, classes), proba, positive=looked_for)
        return metrics.score(sample, [metric])[metric]

    return Scorer(metric, metrics.more_is_better(metric), of)

"""Monitoring of classifiers: the reference data, and the metric of a labelled batch."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError
from glassbox.families.classification import metrics
from glassbox.families.classification.dataset import codes_of, positive_class
from glassbox.families.predictor_protocol import Predictor
from glassbox.families.protocol import BatchMetric, Reference

MAX_SAMPLE = 5_000  # texts or images in a reference profile; more would only take longer


def reference(predictor: Predictor, train: pd.DataFrame, oof: pd.DataFrame) -> Reference:
    """Return train with its calibrated out-of-fold predictions as the reference."""
    predictions = predictor.postprocess(out_of_fold(train, oof))
    return Reference(train, predictor.input_schema, predictions, train[str(predictor.schema.target)])


def described_reference(
    predictor: Any, train: pd.DataFrame, oof: pd.DataFrame, *, unit: str, batch: int = 500, sample: bool = True
) -> Reference:
    """Return descriptive features of texts or images (length, brightness, embedding, ...) of train as the reference.

    Parameters
    ----------
    predictor
        A predictor with ``described(frame)``, which computes the features, and ``reference.schema(features)``.
    unit
        The plural noun for rows.
    sample
        Use every k-th row where train has more than `MAX_SAMPLE`.
    """
    step = max(1, len(train) // MAX_SAMPLE) if sample else 1
    rows = train.sort_values("row_id", kind="stable").iloc[::step].reset_index(drop=True) if sample else train
    features = predictor.described(rows)
    predictions = predictor.postprocess(out_of_fold(rows, oof))
    truth = rows[str(predictor.schema.target)]
    return Reference(features, predictor.reference.schema(features), predictions, truth, batch=batch, unit=unit)


def out_of_fold(train: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Return predictions in the order of the rows of `train`, matched by ``row_id``.

    Raises
    ------
    GlassboxError
        When a row has no out-of-fold prediction.
    """
    ordered = predictions.set_index("row_id").reindex(train["row_id"])
    missing = int(ordered.isna().all(axis="columns").sum())
    if missing:
        raise GlassboxError(
            f"{missing} rows of train have no out-of-fold prediction; tune and ingest are from different runs. Run tune again."
        )
    return ordered.reset_index(drop=True)


def batch_metric(schema: Schema, truth: pd.Series, requirements: Mapping[str, Any], positive: str | None) -> BatchMetric:
    """Return the metric of model selection for batches of labelled rows.

    Parameters
    ----------
    schema
        Its classes name the prediction columns ``proba_<class>``.
    truth
        The target of train, which decides which of two classes is the rarer.
    requirements
        The requirements of the request.
    positive
        The positive class, where the request names one.

    Raises
    ------
    GlassboxError
        When the target has no classes.
    """
    if schema.classes is None:
        raise GlassboxError(f"The target {schema.target!r} has no classes; its predictions cannot be scored here.")
    classes = schema.classes
    metric = metrics.leading_metric(requirements)
    positive_code = classes.index(positive_class(classes, truth, positive))

    def score(truth: pd.Series, predictions: pd.DataFrame) -> float:
        proba = predictions[[f"proba_{name}" for name in classes]].to_numpy(dtype="float64")
        sample = metrics.Sample.of(codes_of(truth, classes), proba, positive=positive_code)
        return metrics.score(sample, [metric])[metric]

    return BatchMetric(metric, metrics.more_is_better(metric), score)

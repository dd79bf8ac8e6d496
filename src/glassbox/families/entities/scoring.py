"""How well the entities of a batch of texts were found, and what later texts are compared with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.classification.scoring import out_of_fold
from glassbox.families.entities.metrics import leading_metric, scores
from glassbox.families.entities.predictor import SpanPredictor
from glassbox.families.entities.spans import read_spans
from glassbox.families.protocol import Reference, Scorer


def watched(predictor: SpanPredictor, train: pd.DataFrame, oof: pd.DataFrame, kept: Path | None = None) -> Reference:
    """Each text of train by its length, unknown words and language, and how many spans of each type were found in it out of fold."""
    rows = predictor.described(train)
    truth = train[str(predictor.schema.target)]
    return Reference(rows, predictor.watch.schema(rows), predictor.postprocess(out_of_fold(train, oof)), truth, unit="texts")


def scorer(schema: Schema, truth: pd.Series, requirements: Mapping[str, Any], positive: str | None) -> Scorer:
    """The metric of a batch: by exact match of spans, over all types."""
    metric = leading_metric(requirements)

    def of(truth: pd.Series, predictions: pd.DataFrame) -> float:
        right = found = true = 0
        for own, other in zip(truth.tolist(), predictions["y_pred"].tolist(), strict=True):
            wanted, said = (_spans(cell) for cell in (own, other))
            right, found, true = right + len(wanted & said), found + len(said), true + len(wanted)
        return float(scores(np.array([right, found, true], dtype=np.float64))[metric])

    return Scorer(metric, True, of)


def _spans(cell: str) -> set[Any]:
    found = read_spans(cell)
    return set() if isinstance(found, str) else set(found)

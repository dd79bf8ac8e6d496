"""How well a batch of pictures was searched, and what later pictures are compared with."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.classification.scoring import out_of_fold
from glassbox.families.detection.boxes import read_boxes
from glassbox.families.detection.dataset import labels_of
from glassbox.families.detection.metrics import Matches, joined, leading_metric, score
from glassbox.families.detection.predictor import BoxPredictor
from glassbox.families.protocol import Reference, Scorer

MOST = 5_000  # pictures are enough for a profile; more would only take longer
BATCH = 200


def watched(predictor: BoxPredictor, train: pd.DataFrame, oof: pd.DataFrame, kept: Path | None = None) -> Reference:
    """Pictures of train (of many, some thousands) by size, brightness, colour and sharpness, and how many boxes of which label were found
    on them out of fold, and how surely."""
    sample = train.sort_values("row_id", kind="stable").iloc[:: max(1, len(train) // MOST)].reset_index(drop=True)
    rows = predictor.described(sample)
    truth = sample[str(predictor.schema.target)]
    finished = predictor.postprocess(out_of_fold(sample, oof))
    return Reference(rows, predictor.reference.schema(rows), finished, truth, batch=BATCH, unit="pictures")


def scorer(schema: Schema, truth: pd.Series, requirements: Mapping[str, Any], positive: str | None) -> Scorer:
    """The metric of a batch, over the labels that train has. Each picture is matched once, however often it is drawn."""
    metric = leading_metric(requirements)
    labels = labels_of(read_boxes(cell) for cell in truth)
    known: dict[tuple[str, str], Matches] = {}

    def one(own: str, other: str) -> Matches:
        if (own, other) not in known:
            true, said = ([box for box in read_boxes(cell) if box.label in labels] for cell in (own, other))
            known[own, other] = Matches.of([true], [said], labels)
        return known[own, other]

    def of(truth: pd.Series, predictions: pd.DataFrame) -> float:
        pairs = zip(truth.tolist(), predictions["y_pred"].tolist(), strict=True)
        return score(joined([one(own, other) for own, other in pairs]), 0.0)[metric]

    return Scorer(metric, True, of)
